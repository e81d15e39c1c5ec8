/* SPDX-License-Identifier: Apache-2.0 */
/* Refuses by name what a pod template asks for and this machine cannot give. */

#include "cluster/compile.h"
#include "query/query.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int why_set(struct local_why *why, const char *reason, const char *format, ...)
{
    va_list args;

    snprintf(why->reason, sizeof why->reason, "%s", reason);
    va_start(args, format);
    vsnprintf(why->message, sizeof why->message, format, args);
    va_end(args);
    return -1;
}

/* ---- What is understood --------------------------------------------------------- */

enum fate { USED, HARMLESS, REFUSED };
struct field {
    const char *name;
    enum fate fate;
};

static const struct field pod_fields[] = {
    { "containers", USED },
    { "initContainers", USED },
    { "volumes", USED },
    { "restartPolicy", USED },
    { "terminationGracePeriodSeconds", USED },
    { "securityContext", USED },
    { "runtimeClassName", USED },
    { "hostname", USED },
    { "subdomain", USED },
    { "hostAliases", USED },
    { "activeDeadlineSeconds", REFUSED },
    { "ephemeralContainers", REFUSED },
    { "hostPID", REFUSED },
    { "hostIPC", REFUSED },
    { "shareProcessNamespace", REFUSED },
    { "resourceClaims", REFUSED },
    /* One machine, the host's network, no image registry, no API server. */
    { "hostNetwork", HARMLESS },
    { "dnsPolicy", HARMLESS },
    { "dnsConfig", HARMLESS },
    { "enableServiceLinks", HARMLESS },
    { "nodeSelector", HARMLESS },
    { "nodeName", HARMLESS },
    { "affinity", HARMLESS },
    { "tolerations", HARMLESS },
    { "topologySpreadConstraints", HARMLESS },
    { "schedulerName", HARMLESS },
    { "priorityClassName", HARMLESS },
    { "priority", HARMLESS },
    { "preemptionPolicy", HARMLESS },
    { "serviceAccountName", HARMLESS },
    { "serviceAccount", HARMLESS },
    { "automountServiceAccountToken", HARMLESS },
    { "imagePullSecrets", HARMLESS },
    { "os", HARMLESS },
    { "overhead", HARMLESS },
    { "readinessGates", REFUSED },
    { "schedulingGates", REFUSED },
    { "setHostnameAsFQDN", HARMLESS },
};

static const struct field container_fields[] = {
    { "name", USED },
    { "image", USED },
    { "command", USED },
    { "args", USED },
    { "env", USED },
    { "envFrom", USED },
    { "ports", USED },
    { "workingDir", USED },
    { "resources", USED },
    { "volumeMounts", USED },
    { "startupProbe", USED },
    { "readinessProbe", USED },
    { "livenessProbe", USED },
    { "lifecycle", USED },
    { "securityContext", USED },
    { "imagePullPolicy", HARMLESS },
    { "terminationMessagePath", HARMLESS },
    { "terminationMessagePolicy", HARMLESS },
    { "stdin", HARMLESS },
    { "stdinOnce", HARMLESS },
    { "tty", HARMLESS },
    { "volumeDevices", REFUSED },
    { "resizePolicy", HARMLESS },
    { "restartPolicy", REFUSED },
};

static int check_fields(const struct node *map, const struct field *fields, size_t count,
                        const char *path, struct local_why *why)
{
    node_each(member, map) {
        const struct field *found = NULL;

        for (size_t i = 0; i < count && !found; i++)
            if (!strcmp(fields[i].name, member->key))
                found = &fields[i];
        if (!found || (found->fate == REFUSED && member->value->type != NODE_NULL &&
                       !(member->value->type == NODE_BOOL && !member->value->boolean)))
            return why_set(why, "UnsupportedField", "%s.%.80s is not supported on this spoke",
                           path, member->key);
    }
    return 0;
}

/* ---- Users and rights -------------------------------------------------------------- */

static int check_rights(const struct cluster *cluster, const struct node *context,
                        const char *path, struct local_why *why)
{
    const struct cluster_bounds *bounds = &cluster->options.bounds;
    const struct node *add = node_at(context, "capabilities", "add", NULL);

    if (node_get_int(context, "runAsUser", 1) == 0 && !bounds->allow_root)
        return why_set(why, "NotPermitted", "%s.securityContext.runAsUser: this spoke runs "
                       "nothing as uid 0", path);
    if (node_get_int(context, "runAsUser", 1) < 0)
        return why_set(why, "Invalid", "%s.securityContext.runAsUser is negative", path);
    if (node_get_bool(context, "privileged", false) && !bounds->allow_privileged)
        return why_set(why, "NotPermitted", "%s.securityContext.privileged: this spoke gives "
                       "no privileges", path);
    if (node_count(add) && !bounds->allow_privileged)
        return why_set(why, "NotPermitted", "%s.securityContext.capabilities.add: this spoke "
                       "gives no capabilities", path);
    return 0;
}

static bool is_inside(const char *path, const char *root)
{
    size_t len = strlen(root);

    while (len > 1 && root[len - 1] == '/')
        len--;
    if (strstr(path, "/../") || text_ends(path, "/.."))
        return false;
    return !strncmp(path, root, len) && (!path[len] || path[len] == '/' || len == 1);
}

static int check_volume(const struct cluster *cluster, const struct node *volume,
                        struct local_why *why)
{
    static const char *const known[] = { "emptyDir", "configMap", "secret",
                                         "persistentVolumeClaim", "hostPath", "downwardAPI" };
    const char *const *roots = cluster->options.bounds.host_paths;
    const char *name = node_get_text(volume, "name");
    const char *path = node_get_text(node_get(volume, "hostPath"), "path");
    bool found = false;

    for (size_t i = 0; i < count_of(known); i++)
        found |= node_get(volume, known[i]) != NULL;
    if (!found)
        return why_set(why, "UnsupportedField", "spec.volumes[%.80s]: this kind of volume is "
                       "not supported on this spoke", name);
    if (!node_get(volume, "hostPath"))
        return 0;
    for (size_t i = 0; roots && roots[i]; i++)
        if (is_inside(path, roots[i]))
            return 0;
    return why_set(why, "NotPermitted", "spec.volumes[%.80s].hostPath %.200s is outside the "
                   "folders that this spoke allows", name, path);
}

/* ---- Containers --------------------------------------------------------------------- */

int refuse_quantity(const struct node *limits, const char *name, const char *path,
                          int64_t *ret, bool milli, struct local_why *why)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *value = node_get(limits, name);
    struct quantity quantity;
    struct err err = { 0 };

    *ret = 0;
    if (!value)
        return 0;
    if (quantity_from_node(arena, value, &quantity, &err) < 0)
        return why_set(why, "Invalid", "%s.resources.limits.%s: %.250s", path, name, err.text);
    *ret = milli ? quantity_milli_value(&quantity) : quantity_value(&quantity);
    if (*ret <= 0)
        return why_set(why, "Invalid", "%s.resources.limits.%s must be greater than zero", path,
                       name);
    return 0;
}

static int check_probe(const struct node *container, const char *name, const char *path,
                       struct local_why *why)
{
    const struct node *probe = node_get(container, name);

    if (!probe)
        return 0;
    if (node_get(probe, "grpc"))
        return why_set(why, "UnsupportedField", "%s.%s.grpc is not supported on this spoke yet",
                       path, name);
    if (!strcmp(node_get_text(node_get(probe, "httpGet"), "scheme"), "HTTPS"))
        return why_set(why, "UnsupportedField", "%s.%s.httpGet.scheme HTTPS is not supported on "
                       "this spoke yet", path, name);
    if (!node_get(probe, "httpGet") && !node_get(probe, "tcpSocket") && !node_get(probe, "exec"))
        return why_set(why, "Invalid", "%s.%s asks nothing: httpGet, tcpSocket or exec is needed",
                       path, name);
    return 0;
}

static int check_limits(const struct node *container, const char *path, struct local_why *why)
{
    const struct node *limits = node_at(container, "resources", "limits", NULL);
    int64_t value;

    node_each(limit, limits)
        if (strchr(limit->key, '/'))
            return why_set(why, "UnsupportedField", "%s.resources.limits[%.80s]: devices are not "
                           "handed out on this spoke", path, limit->key);
    if (refuse_quantity(limits, "memory", path, &value, false, why) < 0)
        return -1;
    return refuse_quantity(limits, "cpu", path, &value, true, why);
}

static int check_container(const struct cluster *cluster, const struct node *spec,
                           const struct node *container, const char *list, struct local_why *why)
{
    static const char *const probes[] = { "startupProbe", "readinessProbe", "livenessProbe" };
    const char *image = node_get_text(container, "image");
    char path[200];

    snprintf(path, sizeof path, "spec.%s[%.100s]", list, node_get_text(container, "name"));
    if (!node_is(container, NODE_MAP) || !*node_get_text(container, "name"))
        return why_set(why, "Invalid", "spec.%s: a container has no name", list);
    if (check_fields(container, container_fields, count_of(container_fields), path, why) < 0)
        return -1;
    if (*image && strcmp(node_get_text(spec, "runtimeClassName"), "process") != 0)
        return why_set(why, "EngineNotBuilt", "%s.image %.150s: this spoke runs processes only; "
                       "leave image out or set runtimeClassName: process", path, image);
    if (!node_count(node_get(container, "command")) && !node_count(node_get(container, "args")))
        return why_set(why, "Invalid", "%s.command is missing: a process needs one", path);
    if (node_at(container, "lifecycle", "postStart", NULL))
        return why_set(why, "UnsupportedField", "%s.lifecycle.postStart is not supported on this "
                       "spoke yet", path);
    for (size_t i = 0; i < count_of(probes); i++)
        if (check_probe(container, probes[i], path, why) < 0)
            return -1;
    if (check_rights(cluster, node_get(container, "securityContext"), path, why) < 0)
        return -1;
    return check_limits(container, path, why);
}

static bool has_volume(const struct node *spec, const struct node *claims, const char *name)
{
    const struct node *volumes = node_get(spec, "volumes");

    for (size_t i = 0; i < node_count(volumes); i++)
        if (!strcmp(node_get_text(node_item(volumes, i), "name"), name))
            return true;
    for (size_t i = 0; i < node_count(claims); i++)
        if (!strcmp(node_get_text(node_get(node_item(claims, i), "metadata"), "name"), name))
            return true;
    return false;
}

static int check_mounts(const struct node *spec, const struct node *claims,
                        const struct node *container, struct local_why *why)
{
    const struct node *mounts = node_get(container, "volumeMounts");

    for (size_t i = 0; i < node_count(mounts); i++) {
        const char *name = node_get_text(node_item(mounts, i), "name");
        const char *sub = node_get_text(node_item(mounts, i), "subPath");

        if (!has_volume(spec, claims, name))
            return why_set(why, "Invalid", "containers[%.80s].volumeMounts: there is no volume "
                           "\"%.80s\"", node_get_text(container, "name"), name);
        if (*sub == '/' || !strcmp(sub, "..") || text_starts(sub, "../") || strstr(sub, "/../") ||
            text_ends(sub, "/.."))
            return why_set(why, "Invalid", "volumeMounts[%.80s].subPath %.100s leaves the volume",
                           name, sub);
    }
    return 0;
}

static int check_list(const struct cluster *cluster, const struct node *spec,
                      const struct node *claims, const char *list, struct local_why *why)
{
    const struct node *containers = node_get(spec, list);

    for (size_t i = 0; i < node_count(containers); i++)
        if (check_container(cluster, spec, node_item(containers, i), list, why) < 0 ||
            check_mounts(spec, claims, node_item(containers, i), why) < 0)
            return -1;
    return 0;
}

int refuse_pod(const struct cluster *cluster, const struct node *spec,
                  const struct node *claims, struct local_why *why)
{
    const struct node *volumes = node_get(spec, "volumes");

    if (!node_is(spec, NODE_MAP) || !node_count(node_get(spec, "containers")))
        return why_set(why, "Invalid", "spec.template.spec.containers is missing or empty");
    if (check_fields(spec, pod_fields, count_of(pod_fields), "spec", why) < 0 ||
        check_rights(cluster, node_get(spec, "securityContext"), "spec", why) < 0)
        return -1;
    for (size_t i = 0; i < node_count(volumes); i++)
        if (check_volume(cluster, node_item(volumes, i), why) < 0)
            return -1;
    if (check_list(cluster, spec, claims, "initContainers", why) < 0)
        return -1;
    return check_list(cluster, spec, claims, "containers", why);
}
