/* SPDX-License-Identifier: Apache-2.0 */
/* Knows which fields a spoke supports, and refuses the others by name. */

#include "manifest/known_fields.h"

#include "manifest/manifest.h"

#include "document/document.h"

#include <string.h>

/* Fields in `means` are acted on. Fields in `idle` are accepted and change nothing, since one
   machine is that way anyway. */
// clang-format off
static const struct { const char *means, *idle; } tables[FIELDS_COUNT] = {
    [FIELDS_DEPLOYMENT] = {
        "replicas selector template strategy minReadySeconds progressDeadlineSeconds",
        "revisionHistoryLimit" },
    [FIELDS_STRATEGY] = { "type rollingUpdate", "" },
    [FIELDS_STATEFUL] = {
        "replicas selector template serviceName volumeClaimTemplates podManagementPolicy "
        "updateStrategy minReadySeconds",
        "revisionHistoryLimit persistentVolumeClaimRetentionPolicy" },
    [FIELDS_UPDATE] = { "type rollingUpdate", "" },
    [FIELDS_JOB] = {
        "parallelism completions completionMode backoffLimit activeDeadlineSeconds "
        "ttlSecondsAfterFinished suspend template backoffLimitPerIndex maxFailedIndexes "
        "podFailurePolicy successPolicy podReplacementPolicy",
        "selector manualSelector" },
    [FIELDS_POD] = {
        "containers initContainers volumes restartPolicy terminationGracePeriodSeconds "
        "securityContext runtimeClassName hostUsers hostname subdomain hostAliases "
        "enableServiceLinks",
        "hostNetwork dnsPolicy dnsConfig nodeSelector nodeName affinity tolerations "
        "topologySpreadConstraints schedulerName priorityClassName priority preemptionPolicy "
        "serviceAccountName serviceAccount automountServiceAccountToken imagePullSecrets os "
        "overhead setHostnameAsFQDN" },
    [FIELDS_POD_SECURITY] = {
        "runAsUser runAsGroup runAsNonRoot fsGroup supplementalGroups supplementalGroupsPolicy "
        "fsGroupChangePolicy seccompProfile seLinuxOptions appArmorProfile", "" },
    [FIELDS_CONTAINER] = {
        "name image command args env envFrom ports workingDir resources volumeMounts "
        "startupProbe readinessProbe livenessProbe lifecycle securityContext restartPolicy",
        "imagePullPolicy terminationMessagePath terminationMessagePolicy stdin stdinOnce tty "
        "resizePolicy" },
    [FIELDS_SECURITY] = {
        "runAsUser runAsGroup runAsNonRoot privileged capabilities allowPrivilegeEscalation "
        "seccompProfile seLinuxOptions appArmorProfile procMount",
        "readOnlyRootFilesystem" },
    [FIELDS_LIFECYCLE] = { "postStart preStop", "" },
    [FIELDS_HOOK] = { "exec httpGet tcpSocket sleep", "" },
    [FIELDS_PROBE] = {
        "httpGet tcpSocket exec grpc initialDelaySeconds periodSeconds timeoutSeconds "
        "successThreshold failureThreshold", "" },
    [FIELDS_MOUNT] = { "name mountPath subPath subPathExpr readOnly recursiveReadOnly "
                       "mountPropagation", "" },
    [FIELDS_VOLUME] = {
        "name emptyDir configMap secret persistentVolumeClaim hostPath downwardAPI projected", "" },
    [FIELDS_EMPTY] = { "medium sizeLimit", "" },
    [FIELDS_HOST] = { "path type", "" },
    [FIELDS_FILES] = { "name secretName items defaultMode optional", "" },
    [FIELDS_DOWNWARD] = { "items defaultMode", "" },
    [FIELDS_SOURCES] = { "sources defaultMode", "" },
    [FIELDS_PROJECTED] = { "configMap secret downwardAPI", "" },
    [FIELDS_CLAIM] = {
        "", "accessModes resources storageClassName volumeMode volumeName selector" },
    [FIELDS_CLAIM_REF] = { "claimName readOnly", "" },
    [FIELDS_PORT] = { "name containerPort hostPort hostIP protocol", "" },
    [FIELDS_SERVICE] = {
        "selector ports type clusterIP publishNotReadyAddresses",
        "clusterIPs ipFamilies ipFamilyPolicy internalTrafficPolicy externalTrafficPolicy "
        "trafficDistribution sessionAffinity sessionAffinityConfig allocateLoadBalancerNodePorts" },
};
// clang-format on

/* Tools write `hostPID: false` and empty lists into manifests; nothing is asked for by that. */
static bool asks_nothing(const struct node *value)
{
    return value->type == NODE_NULL || (value->type == NODE_BOOL && !value->boolean) ||
           (value->type == NODE_LIST && !node_count(value));
}

int fields_check(const struct node *map, enum fields fields, const char *path,
                 struct manifest_why *why)
{
    node_each(member, map) if (
        !text_has_word(tables[fields].means, member->key, ' ') &&
        !text_has_word(tables[fields].idle, member->key, ' ') &&
        !asks_nothing(
            member->value)) return manifest_why_set(why, "UnsupportedField",
                                                    "%s.%.80s is not supported on this spoke", path,
                                                    member->key);
    return 0;
}
