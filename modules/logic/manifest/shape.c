/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that the fields which are read have the types and ranges that Kubernetes gives them. */

#include "manifest/manifest.h"

#include "document/document.h"
#include "number/number.h"

#include <stdio.h>
#include <string.h>

/* Bits, since some fields take several types. */
enum type { INT = 1, TEXT = 2, BOOL = 4, LIST = 8, MAP = 16, NUMBER = 32 };
#define INT_OR_TEXT (INT | TEXT)
#define QUANTITY (INT | TEXT | NUMBER)

/* One field. `inside`: of a map, its members; of a list, the members of each item. A member with an
   empty name stands for every item or member. `range`: of an integer; NUMBER_COUNT where it is left
   out. */
struct shape {
    const char *name;
    int type;
    const struct shape *inside;
    enum number range;
};

static const struct shape texts[] = {{"", TEXT, NULL}, {0}};
static const struct shape quantities[] = {{"", QUANTITY, NULL}, {0}};

static const struct shape key_ref[] = {
    {"name", TEXT, NULL}, {"key", TEXT, NULL}, {"optional", BOOL, NULL}, {0}};
static const struct shape field_ref[] = {{"fieldPath", TEXT, NULL}, {0}};
static const struct shape value_from[] = {{"configMapKeyRef", MAP, key_ref},
                                          {"secretKeyRef", MAP, key_ref},
                                          {"fieldRef", MAP, field_ref},
                                          {"resourceFieldRef", MAP, NULL},
                                          {0}};
static const struct shape env[] = {
    {"name", TEXT, NULL}, {"value", TEXT, NULL}, {"valueFrom", MAP, value_from}, {0}};
static const struct shape env_from[] = {
    {"prefix", TEXT, NULL}, {"configMapRef", MAP, key_ref}, {"secretRef", MAP, key_ref}, {0}};
static const struct shape port[] = {{"name", TEXT, NULL},
                                    {"containerPort", INT, NULL, NUMBER_PORT_OR_ANY},
                                    {"hostPort", INT, NULL, NUMBER_PORT_OR_ANY},
                                    {"hostIP", TEXT, NULL},
                                    {"protocol", TEXT, NULL},
                                    {0}};
static const struct shape resources[] = {
    {"limits", MAP, quantities}, {"requests", MAP, quantities}, {0}};
static const struct shape mount[] = {{"name", TEXT, NULL},
                                     {"mountPath", TEXT, NULL},
                                     {"subPath", TEXT, NULL},
                                     {"subPathExpr", TEXT, NULL},
                                     {"readOnly", BOOL, NULL},
                                     {"recursiveReadOnly", TEXT, NULL},
                                     {"mountPropagation", TEXT, NULL},
                                     {0}};
static const struct shape exec[] = {{"command", LIST, texts}, {0}};
static const struct shape header[] = {{"name", TEXT, NULL}, {"value", TEXT, NULL}, {0}};
static const struct shape http_get[] = {
    {"path", TEXT, NULL},          {"port", INT_OR_TEXT, NULL, NUMBER_PORT_OR_ANY},
    {"host", TEXT, NULL},          {"scheme", TEXT, NULL},
    {"httpHeaders", LIST, header}, {0}};
static const struct shape tcp[] = {
    {"host", TEXT, NULL}, {"port", INT_OR_TEXT, NULL, NUMBER_PORT_OR_ANY}, {0}};
static const struct shape grpc[] = {{"port", INT, NULL, NUMBER_PORT}, {"service", TEXT, NULL}, {0}};
static const struct shape probe[] = {{"exec", MAP, exec},
                                     {"httpGet", MAP, http_get},
                                     {"tcpSocket", MAP, tcp},
                                     {"grpc", MAP, grpc},
                                     {"initialDelaySeconds", INT, NULL, NUMBER_SECONDS},
                                     {"periodSeconds", INT, NULL, NUMBER_SECONDS},
                                     {"timeoutSeconds", INT, NULL, NUMBER_SECONDS},
                                     {"successThreshold", INT, NULL},
                                     {"failureThreshold", INT, NULL},
                                     {"terminationGracePeriodSeconds", INT, NULL, NUMBER_SECONDS},
                                     {0}};
static const struct shape capabilities[] = {{"add", LIST, texts}, {"drop", LIST, texts}, {0}};
static const struct shape groups[] = {{"", INT, NULL, NUMBER_GROUP}, {0}};
static const struct shape profile[] = {{"type", TEXT, NULL}, {"localhostProfile", TEXT, NULL}, {0}};
static const struct shape rights[] = {{"runAsUser", INT, NULL, NUMBER_USER},
                                      {"runAsGroup", INT, NULL, NUMBER_GROUP},
                                      {"fsGroup", INT, NULL, NUMBER_GROUP},
                                      {"supplementalGroups", LIST, groups},
                                      {"supplementalGroupsPolicy", TEXT, NULL},
                                      {"fsGroupChangePolicy", TEXT, NULL},
                                      {"runAsNonRoot", BOOL, NULL},
                                      {"privileged", BOOL, NULL},
                                      {"allowPrivilegeEscalation", BOOL, NULL},
                                      {"readOnlyRootFilesystem", BOOL, NULL},
                                      {"procMount", TEXT, NULL},
                                      {"seccompProfile", MAP, profile},
                                      {"appArmorProfile", MAP, profile},
                                      {"seLinuxOptions", MAP, texts},
                                      {"capabilities", MAP, capabilities},
                                      {0}};
static const struct shape sleep_[] = {{"seconds", INT, NULL, NUMBER_SECONDS}, {0}};
static const struct shape hook[] = {{"exec", MAP, exec},
                                    {"httpGet", MAP, http_get},
                                    {"tcpSocket", MAP, tcp},
                                    {"sleep", MAP, sleep_},
                                    {0}};
static const struct shape lifecycle[] = {{"preStop", MAP, hook}, {"postStart", MAP, hook}, {0}};
static const struct shape container[] = {{"name", TEXT, NULL},
                                         {"image", TEXT, NULL},
                                         {"command", LIST, texts},
                                         {"args", LIST, texts},
                                         {"env", LIST, env},
                                         {"envFrom", LIST, env_from},
                                         {"ports", LIST, port},
                                         {"workingDir", TEXT, NULL},
                                         {"resources", MAP, resources},
                                         {"volumeMounts", LIST, mount},
                                         {"startupProbe", MAP, probe},
                                         {"readinessProbe", MAP, probe},
                                         {"livenessProbe", MAP, probe},
                                         {"lifecycle", MAP, lifecycle},
                                         {"securityContext", MAP, rights},
                                         {"restartPolicy", TEXT, NULL},
                                         {"imagePullPolicy", TEXT, NULL},
                                         {0}};

static const struct shape resource_ref[] = {
    {"containerName", TEXT, NULL}, {"resource", TEXT, NULL}, {"divisor", QUANTITY, NULL}, {0}};
static const struct shape item[] = {{"key", TEXT, NULL},
                                    {"path", TEXT, NULL},
                                    {"mode", INT, NULL, NUMBER_MODE},
                                    {"fieldRef", MAP, field_ref},
                                    {"resourceFieldRef", MAP, resource_ref},
                                    {0}};
static const struct shape from_config[] = {{"name", TEXT, NULL},
                                           {"items", LIST, item},
                                           {"defaultMode", INT, NULL, NUMBER_MODE},
                                           {"optional", BOOL, NULL},
                                           {0}};
static const struct shape from_secret[] = {{"secretName", TEXT, NULL},
                                           {"items", LIST, item},
                                           {"defaultMode", INT, NULL, NUMBER_MODE},
                                           {"optional", BOOL, NULL},
                                           {0}};
static const struct shape empty[] = {{"medium", TEXT, NULL}, {"sizeLimit", QUANTITY, NULL}, {0}};
static const struct shape claim[] = {{"claimName", TEXT, NULL}, {"readOnly", BOOL, NULL}, {0}};
static const struct shape host[] = {{"path", TEXT, NULL}, {"type", TEXT, NULL}, {0}};
static const struct shape downward[] = {
    {"items", LIST, item}, {"defaultMode", INT, NULL, NUMBER_MODE}, {0}};
static const struct shape one_source[] = {{"configMap", MAP, from_config},
                                          {"secret", MAP, from_config},
                                          {"downwardAPI", MAP, downward},
                                          {0}};
static const struct shape projected[] = {
    {"sources", LIST, one_source}, {"defaultMode", INT, NULL, NUMBER_MODE}, {0}};
static const struct shape volume[] = {{"name", TEXT, NULL},
                                      {"configMap", MAP, from_config},
                                      {"secret", MAP, from_secret},
                                      {"emptyDir", MAP, empty},
                                      {"persistentVolumeClaim", MAP, claim},
                                      {"hostPath", MAP, host},
                                      {"downwardAPI", MAP, downward},
                                      {"projected", MAP, projected},
                                      {0}};
static const struct shape alias[] = {{"ip", TEXT, NULL}, {"hostnames", LIST, texts}, {0}};
static const struct shape pod[] = {{"containers", LIST, container},
                                   {"initContainers", LIST, container},
                                   {"volumes", LIST, volume},
                                   {"restartPolicy", TEXT, NULL},
                                   {"terminationGracePeriodSeconds", INT, NULL, NUMBER_SECONDS},
                                   {"activeDeadlineSeconds", INT, NULL, NUMBER_SECONDS},
                                   {"securityContext", MAP, rights},
                                   {"runtimeClassName", TEXT, NULL},
                                   {"hostname", TEXT, NULL},
                                   {"subdomain", TEXT, NULL},
                                   {"hostAliases", LIST, alias},
                                   {"enableServiceLinks", BOOL, NULL},
                                   {"hostNetwork", BOOL, NULL},
                                   {0}};

static const struct shape template_meta[] = {
    {"labels", MAP, texts}, {"annotations", MAP, texts}, {0}};
static const struct shape template[] = {{"metadata", MAP, template_meta}, {"spec", MAP, pod}, {0}};
static const struct shape rolling[] = {{"maxSurge", INT_OR_TEXT, NULL},
                                       {"maxUnavailable", INT_OR_TEXT, NULL},
                                       {"partition", INT, NULL},
                                       {0}};
static const struct shape strategy[] = {{"type", TEXT, NULL}, {"rollingUpdate", MAP, rolling}, {0}};
static const struct shape claim_meta[] = {
    {"name", TEXT, NULL}, {"labels", MAP, texts}, {"annotations", MAP, texts}, {0}};
static const struct shape claim_template[] = {
    {"metadata", MAP, claim_meta}, {"spec", MAP, NULL}, {0}};
static const struct shape codes[] = {{"", INT, NULL}, {0}};
static const struct shape on_codes[] = {
    {"containerName", TEXT, NULL}, {"operator", TEXT, NULL}, {"values", LIST, codes}, {0}};
static const struct shape on_condition[] = {{"type", TEXT, NULL}, {"status", TEXT, NULL}, {0}};
static const struct shape failure_rule[] = {{"action", TEXT, NULL},
                                            {"onExitCodes", MAP, on_codes},
                                            {"onPodConditions", LIST, on_condition},
                                            {0}};
static const struct shape success_rule[] = {
    {"succeededIndexes", TEXT, NULL}, {"succeededCount", INT, NULL}, {0}};
static const struct shape failure_policy[] = {{"rules", LIST, failure_rule}, {0}};
static const struct shape success_policy[] = {{"rules", LIST, success_rule}, {0}};
/* The fields of Deployment, StatefulSet, DaemonSet and Job in one table, since no name has two
 * types. */
static const struct shape workload[] = {{"replicas", INT, NULL},
                                        {"selector", MAP, NULL},
                                        {"template", MAP, template},
                                        {"strategy", MAP, strategy},
                                        {"updateStrategy", MAP, strategy},
                                        {"minReadySeconds", INT, NULL, NUMBER_SECONDS},
                                        {"progressDeadlineSeconds", INT, NULL, NUMBER_SECONDS},
                                        {"revisionHistoryLimit", INT, NULL},
                                        {"paused", BOOL, NULL},
                                        {"serviceName", TEXT, NULL},
                                        {"podManagementPolicy", TEXT, NULL},
                                        {"volumeClaimTemplates", LIST, claim_template},
                                        {"parallelism", INT, NULL},
                                        {"completions", INT, NULL},
                                        {"completionMode", TEXT, NULL},
                                        {"backoffLimit", INT, NULL},
                                        {"activeDeadlineSeconds", INT, NULL, NUMBER_SECONDS},
                                        {"ttlSecondsAfterFinished", INT, NULL, NUMBER_SECONDS},
                                        {"suspend", BOOL, NULL},
                                        {"backoffLimitPerIndex", INT, NULL},
                                        {"maxFailedIndexes", INT, NULL},
                                        {"podReplacementPolicy", TEXT, NULL},
                                        {"podFailurePolicy", MAP, failure_policy},
                                        {"successPolicy", MAP, success_policy},
                                        {0}};
static const struct shape metadata[] = {{"name", TEXT, NULL},
                                        {"namespace", TEXT, NULL},
                                        {"labels", MAP, texts},
                                        {"annotations", MAP, texts},
                                        {0}};
static const struct shape workload_object[] = {
    {"metadata", MAP, metadata}, {"spec", MAP, workload}, {0}};
static const struct shape pod_object[] = {{"metadata", MAP, metadata}, {"spec", MAP, pod}, {0}};
static const struct shape data_object[] = {{"metadata", MAP, metadata},
                                           {"data", MAP, texts},
                                           {"stringData", MAP, texts},
                                           {"binaryData", MAP, texts},
                                           {0}};
static const struct shape service_port[] = {{"name", TEXT, NULL},
                                            {"protocol", TEXT, NULL},
                                            {"port", INT, NULL, NUMBER_PORT},
                                            {"targetPort", INT_OR_TEXT, NULL, NUMBER_PORT_OR_ANY},
                                            {"nodePort", INT, NULL, NUMBER_PORT_OR_ANY},
                                            {0}};
static const struct shape service[] = {{"selector", MAP, texts},
                                       {"ports", LIST, service_port},
                                       {"type", TEXT, NULL},
                                       {"clusterIP", TEXT, NULL},
                                       {"publishNotReadyAddresses", BOOL, NULL},
                                       {"sessionAffinity", TEXT, NULL},
                                       {0}};
static const struct shape service_object[] = {
    {"metadata", MAP, metadata}, {"spec", MAP, service}, {0}};
static const struct shape plain_object[] = {{"metadata", MAP, metadata}, {0}};

/* ---- Walking ------------------------------------------------------------------- */

static int shape_type_of(const struct node *node)
{
    static const int types[] = {[NODE_BOOL] = BOOL,   [NODE_INT] = INT,   [NODE_FLOAT] = NUMBER,
                                [NODE_STRING] = TEXT, [NODE_LIST] = LIST, [NODE_MAP] = MAP};

    return types[node->type];
}

static const char *name_shape_type(int type)
{
    switch (type) {
    case INT:
        return "an integer";
    case TEXT:
        return "a string";
    case BOOL:
        return "true or false";
    case LIST:
        return "a list";
    case MAP:
        return "an object";
    case INT_OR_TEXT:
        return "an integer or a string";
    case QUANTITY:
        return "a quantity";
    default:
        return "a number";
    }
}

static int check_shape(const struct node *node, const struct shape *shape, const char *path,
                       struct manifest_why *why);

/* The path of an item has its name where it has one: "spec.containers[web]". */
static int check_shape_list(const struct node *list, const struct shape *inside, const char *path,
                            struct manifest_why *why)
{
    const struct shape item_shape = *inside->name ? (struct shape){"", MAP, inside} : *inside;

    for (size_t i = 0; i < node_count(list); i++) {
        const char *name = node_get_text(node_item(list, i), "name");
        char below[300];

        if (*name)
            snprintf(below, sizeof below, "%s[%.80s]", path, name);
        else
            snprintf(below, sizeof below, "%s[%zu]", path, i);
        if (check_shape(node_item(list, i), &item_shape, below, why) < 0)
            return -1;
    }
    return 0;
}

/* A field that is in no table has no shape; known_fields.c decides about it. */
static int check_shape_map(const struct node *map, const struct shape *inside, const char *path,
                           struct manifest_why *why)
{
    node_each(member, map)
    {
        char below[300];

        for (const struct shape *s = inside; s->name; s++) {
            if (*s->name && strcmp(s->name, member->key) != 0)
                continue;
            snprintf(below, sizeof below, "%s%s%.100s", path, *path ? "." : "", member->key);
            if (check_shape(member->value, s, below, why) < 0)
                return -1;
        }
    }
    return 0;
}

static int check_shape(const struct node *node, const struct shape *shape, const char *path,
                       struct manifest_why *why)
{
    /* Null counts as absent. */
    if (node->type == NODE_NULL)
        return 0;
    if (!(shape_type_of(node) & shape->type))
        return manifest_why_set(why, "Invalid", "%s must be %s, not %s", path,
                                name_shape_type(shape->type), name_shape_type(shape_type_of(node)));
    /* The range of a quantity depends on what it is of: 4294967296 is 4Gi of memory. */
    if (node->type == NODE_INT && shape->type != QUANTITY &&
        !number_fits(shape->range, number_raw(node)))
        return manifest_why_set(why, "Invalid", "%s is %lld, but must be %s", path,
                                (long long)number_raw(node), number_words(shape->range));
    if (!shape->inside)
        return 0;
    return node->type == NODE_LIST ? check_shape_list(node, shape->inside, path, why)
                                   : check_shape_map(node, shape->inside, path, why);
}

int manifest_check_shape(const struct manifest_kind *kind, const struct node *object,
                         struct manifest_why *why)
{
    const struct shape *shape = plain_object;

    if (kind->role == MANIFEST_CONFIG)
        shape = data_object;
    else if (kind->role == MANIFEST_POD)
        shape = pod_object;
    else if (kind->role == MANIFEST_SERVICE)
        shape = service_object;
    else if (kind->role == MANIFEST_DEPLOYMENT || kind->role == MANIFEST_STATEFUL ||
             kind->role == MANIFEST_JOB)
        shape = workload_object;
    return check_shape_map(object, shape, "", why);
}
