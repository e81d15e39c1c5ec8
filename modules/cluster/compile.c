/* SPDX-License-Identifier: Apache-2.0 */
/* Says what a pod template means on this machine, and refuses what it cannot. */

#include "cluster/local.h"
#include "cluster/service.h"

#include "base/clock.h"
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

static int check_quantity(const struct node *limits, const char *name, const char *path,
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
    if (check_quantity(limits, "memory", path, &value, false, why) < 0)
        return -1;
    return check_quantity(limits, "cpu", path, &value, true, why);
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

int compile_check(const struct cluster *cluster, const struct node *spec,
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

/* ---- ConfigMaps and Secrets ------------------------------------------------------------ */

struct source {
    const char *kind, *name, *key;
    bool optional;
    const struct node *object;
};

static bool find_source(const struct cluster *cluster, const char *space, const char *kind,
                        const struct node *ref, struct source *ret)
{
    struct local_object *object;

    *ret = (struct source){ .kind = kind, .name = node_get_text(ref, "name"),
                            .key = node_get_text(ref, "key"),
                            .optional = node_get_bool(ref, "optional", false) };
    object = local_find(cluster, "", kind, space, ret->name);
    ret->object = object && !object->removing ? object->object : NULL;
    return ret->object != NULL;
}

static int missing(const struct source *source, const char *space, struct local_why *why)
{
    char reason[48];

    snprintf(reason, sizeof reason, "Missing%s", source->kind);
    if (source->object)
        return why_set(why, reason, "waits for key \"%.100s\" in %s %.100s/%.100s", source->key,
                       source->kind, space, source->name);
    return why_set(why, reason, "waits for %s %.100s/%.100s", source->kind, space, source->name);
}

/* The value of a key as bytes; false: it has none. */
static bool value_of(const struct source *source, const char *key, struct text *ret)
{
    bool secret = !strcmp(source->kind, "Secret");
    const struct node *plain = node_get(node_get(source->object, secret ? "stringData" : "data"), key);
    const struct node *coded = node_get(node_get(source->object, secret ? "data" : "binaryData"), key);

    if (node_is(plain, NODE_STRING)) {
        text_add_bytes(ret, plain->string, plain->len);
        return true;
    }
    return node_is(coded, NODE_STRING) &&
           text_add_unbase64(ret, coded->string, coded->len, false);
}

/* ---- Environment -------------------------------------------------------------------------- */

struct env {
    struct arena *arena;
    struct local_pod *pod;
    const struct node *container;
    struct node *values; /* map: the last of equal names wins */
};

/* $(NAME) of what was set before; $$(NAME) is $(NAME); unknown ones stay. */
static char *expand(struct env *env, const char *text)
{
    scoped_text struct text out = { 0 };

    for (const char *at = text; *at; at++) {
        const char *end = at[0] == '$' && at[1] == '(' ? strchr(at, ')') : NULL;
        const struct node *value = NULL;

        if (at[0] == '$' && at[1] == '$') {
            text_add_char(&out, *at++);
            continue;
        }
        if (end)
            value = node_get(env->values, arena_bytes(env->arena, at + 2, (size_t)(end - at) - 2));
        if (value) {
            text_add(&out, node_text(value));
            at = end;
        } else {
            text_add_char(&out, *at);
        }
    }
    return arena_string(env->arena, text_string(&out));
}

static const char *bracketed(struct arena *arena, const char *path, const char *prefix)
{
    size_t len = strlen(prefix);
    const char *end = strrchr(path, ']');

    if (strncmp(path, prefix, len) != 0 || path[len] != '[' || path[len + 1] != '\'' || !end)
        return NULL;
    return arena_bytes(arena, path + len + 2, (size_t)(end - path) - len - 3);
}

static const char *field_value(const struct local_pod *pod, struct arena *arena, const char *path)
{
    const char *address = pod->cluster->options.address ? pod->cluster->options.address : "127.0.0.1";
    const struct node *meta = node_get(pod->template, "metadata");
    const char *label = bracketed(arena, path, "metadata.labels");
    const char *note = bracketed(arena, path, "metadata.annotations");
    const struct {
        const char *path, *value;
    } fields[] = {
        { "metadata.name", pod->name },          { "metadata.namespace", pod->space },
        { "metadata.uid", pod->uid },            { "spec.nodeName", address },
        { "spec.serviceAccountName", "default" }, { "status.podIP", "127.0.0.1" },
        { "status.podIPs", "127.0.0.1" },        { "status.hostIP", address },
        { "status.hostIPs", address },
    };

    if (label)
        return node_get_text(node_get(meta, "labels"), label);
    if (note)
        return node_get_text(node_get(meta, "annotations"), note);
    for (size_t i = 0; i < count_of(fields); i++)
        if (!strcmp(fields[i].path, path))
            return fields[i].value;
    return NULL;
}

static const char *resource_value(struct env *env, const struct node *ref)
{
    const char *resource = node_get_text(ref, "resource");
    const char *dot = strchr(resource, '.');
    struct quantity quantity;
    const struct node *value;

    if (!dot)
        return NULL;
    value = node_get(node_get(node_get(env->container, "resources"),
                              arena_bytes(env->arena, resource, (size_t)(dot - resource))), dot + 1);
    if (!value || quantity_from_node(env->arena, value, &quantity, NULL) < 0)
        return "0";
    return arena_printf(env->arena, "%lld", (long long)quantity_value(&quantity));
}

static int set_from(struct env *env, const char *name, const struct node *from,
                    struct local_why *why)
{
    const char *space = env->pod->space, *value = NULL;
    const struct node *config = node_get(from, "configMapKeyRef");
    const struct node *secret = node_get(from, "secretKeyRef");
    const struct node *field = node_get(from, "fieldRef");
    const struct node *resource = node_get(from, "resourceFieldRef");
    scoped_text struct text bytes = { 0 };
    struct source source;

    if (config || secret) {
        find_source(env->pod->cluster, space, config ? "ConfigMap" : "Secret",
                    config ? config : secret, &source);
        if (value_of(&source, source.key, &bytes))
            node_set_text(env->arena, env->values, name, text_string(&bytes));
        else if (!source.optional)
            return missing(&source, space, why);
        return 0;
    }
    if (field)
        value = field_value(env->pod, env->arena, node_get_text(field, "fieldPath"));
    if (resource)
        value = resource_value(env, resource);
    if (!value)
        return why_set(why, "UnsupportedField", "env[%.80s].valueFrom is not supported on this "
                       "spoke", name);
    node_set_text(env->arena, env->values, name, value);
    return 0;
}

static int add_all(struct env *env, const struct node *from, struct local_why *why)
{
    static const char *const maps[] = { "data", "stringData" };
    const struct node *config = node_get(from, "configMapRef");
    const struct node *ref = config ? config : node_get(from, "secretRef");
    struct source source;

    if (!find_source(env->pod->cluster, env->pod->space, config ? "ConfigMap" : "Secret", ref,
                     &source))
        return source.optional ? 0 : missing(&source, env->pod->space, why);
    for (size_t i = 0; i < count_of(maps); i++)
        node_each(member, node_get(source.object, maps[i])) {
            scoped_text struct text bytes = { 0 };

            if (value_of(&source, member->key, &bytes))
                node_set_text(env->arena, env->values,
                              arena_printf(env->arena, "%s%s", node_get_text(from, "prefix"),
                                           member->key), text_string(&bytes));
        }
    return 0;
}

/* $PORT is the first port, $PORT_NAME each one by its name. */
static void set_ports(struct env *env)
{
    const struct node *ports = node_get(env->container, "ports");

    for (size_t i = 0; i < node_count(ports); i++) {
        const struct node *port = node_item(ports, i);
        const char *name = node_get_text(port, "name");
        int64_t number = node_get_int(port, "containerPort", 0);
        char key[100] = "PORT_";

        if (!number)
            number = node_get_int(env->pod->ports, *name ? name : "port", 0);
        if (i == 0)
            node_set(env->arena, env->values, "PORT",
                     node_format(env->arena, "%lld", (long long)number));
        for (size_t j = 0; *name && name[j] && j < 80; j++) {
            key[5 + j] = (char)(name[j] == '-' ? '_' : name[j] >= 'a' && name[j] <= 'z'
                                                           ? name[j] - 32 : name[j]);
            key[6 + j] = '\0';
        }
        if (*name)
            node_set(env->arena, env->values, key,
                     node_format(env->arena, "%lld", (long long)number));
    }
}

static int resolve_env(struct env *env, struct local_why *why)
{
    const struct node *from = node_get(env->container, "envFrom");
    const struct node *list = node_get(env->container, "env");

    const char *host = names_host(env->pod, env->arena);

    if (node_get_bool(node_get(env->pod->template, "spec"), "enableServiceLinks", true))
        names_env(env->pod->cluster, env->arena, env->pod->space, env->values);
    node_set_text(env->arena, env->values, "HOSTNAME", host ? host : env->pod->name);
    set_ports(env);
    if (env->pod->index >= 0 && text_starts(env->pod->workload, "batch/"))
        node_set(env->arena, env->values, "JOB_COMPLETION_INDEX",
                 node_format(env->arena, "%d", env->pod->index));
    for (size_t i = 0; i < node_count(from); i++)
        if (add_all(env, node_item(from, i), why) < 0)
            return -1;
    for (size_t i = 0; i < node_count(list); i++) {
        const struct node *item = node_item(list, i);
        const char *name = node_get_text(item, "name");

        if (!*name || strchr(name, '='))
            return why_set(why, "Invalid", "env[%zu].name \"%.80s\" is not possible", i, name);
        if (node_get(item, "valueFrom")) {
            if (set_from(env, name, node_get(item, "valueFrom"), why) < 0)
                return -1;
        } else {
            node_set_text(env->arena, env->values, name, expand(env, node_get_text(item, "value")));
        }
    }
    return 0;
}

/* ---- The hash ------------------------------------------------------------------------------ */

uint64_t local_hash(uint64_t hash, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;

    if (!hash)
        hash = 14695981039346656037ull;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * 1099511628211ull;
    return hash;
}

static uint64_t hash_node(uint64_t hash, const struct node *node)
{
    scoped_text struct text out = { 0 };

    if (node)
        document_write_canonical(&out, node);
    return local_hash(hash, text_string(&out), out.len + 1);
}

static uint64_t hash_source(const struct cluster *cluster, uint64_t hash, const char *space,
                            const char *kind, const struct node *ref)
{
    struct source source;

    if (!ref || !find_source(cluster, space, kind, ref, &source))
        return hash;
    if (!*source.key) {
        hash = hash_node(hash, node_get(source.object, "data"));
        return hash_node(hash, node_get(source.object, "stringData"));
    }
    scoped_text struct text bytes = { 0 };

    value_of(&source, source.key, &bytes);
    return local_hash(hash, text_string(&bytes), bytes.len + 1);
}

static uint64_t hash_container(const struct cluster *cluster, uint64_t hash, const char *space,
                               const struct node *container)
{
    const struct node *from = node_get(container, "envFrom"), *env = node_get(container, "env");

    for (size_t i = 0; i < node_count(from); i++) {
        hash = hash_source(cluster, hash, space, "ConfigMap", node_get(node_item(from, i), "configMapRef"));
        hash = hash_source(cluster, hash, space, "Secret", node_get(node_item(from, i), "secretRef"));
    }
    for (size_t i = 0; i < node_count(env); i++) {
        const struct node *value = node_get(node_item(env, i), "valueFrom");

        hash = hash_source(cluster, hash, space, "ConfigMap", node_get(value, "configMapKeyRef"));
        hash = hash_source(cluster, hash, space, "Secret", node_get(value, "secretKeyRef"));
    }
    return hash;
}

uint64_t compile_hash(const struct cluster *cluster, const char *space,
                      const struct node *template)
{
    static const char *const lists[] = { "initContainers", "containers" };
    uint64_t hash = hash_node(0, template);

    for (size_t i = 0; i < count_of(lists); i++) {
        const struct node *list = node_get(node_get(template, "spec"), lists[i]);

        for (size_t j = 0; j < node_count(list); j++)
            hash = hash_container(cluster, hash, space, node_item(list, j));
    }
    return hash;
}

/* ---- Volumes --------------------------------------------------------------------------------- */

static struct node *file_of(struct arena *arena, const struct text *bytes, int64_t mode)
{
    struct node *file = node_map(arena);

    if (text_is_utf8(text_string(bytes), bytes->len)) {
        node_set(arena, file, "text", node_bytes(arena, text_string(bytes), bytes->len));
    } else {
        scoped_text struct text coded = { 0 };

        text_add_base64(&coded, bytes->bytes, bytes->len, false);
        node_set_text(arena, file, "base64", text_string(&coded));
    }
    /* The owner is the agent; who runs the pod reads by its group. */
    node_set_int(arena, file, "mode", (mode & 0755) | 0440);
    return file;
}

static int add_items(struct arena *arena, struct node *files, const struct source *source,
                     const struct node *items, int64_t mode, const char *space,
                     struct local_why *why)
{
    for (size_t i = 0; i < node_count(items); i++) {
        const struct node *item = node_item(items, i);
        struct source one = *source;
        scoped_text struct text bytes = { 0 };

        one.key = node_get_text(item, "key");
        if (value_of(source, one.key, &bytes))
            node_set(arena, files, node_get_text(item, "path"),
                     file_of(arena, &bytes, node_get_int(item, "mode", mode)));
        else if (!source->optional)
            return missing(&one, space, why);
    }
    return 0;
}

static void add_keys(struct arena *arena, struct node *files, const struct source *source,
                     int64_t mode)
{
    static const char *const maps[] = { "data", "binaryData", "stringData" };

    for (size_t i = 0; i < count_of(maps); i++)
        node_each(member, node_get(source->object, maps[i])) {
            scoped_text struct text bytes = { 0 };

            if (value_of(source, member->key, &bytes))
                node_set(arena, files, member->key, file_of(arena, &bytes, mode));
        }
}

static int add_downward(const struct local_pod *pod, struct arena *arena, struct node *files,
                        const struct node *items, struct local_why *why)
{
    for (size_t i = 0; i < node_count(items); i++) {
        const char *field = node_get_text(node_get(node_item(items, i), "fieldRef"), "fieldPath");
        const char *value = field_value(pod, arena, field);
        scoped_text struct text bytes = { 0 };

        if (!value)
            return why_set(why, "UnsupportedField", "downwardAPI field \"%.80s\" is not supported "
                           "on this spoke", field);
        text_add(&bytes, value);
        node_set(arena, files, node_get_text(node_item(items, i), "path"),
                 file_of(arena, &bytes, 0644));
    }
    return 0;
}

struct node *compile_files(const struct local_pod *pod, const struct node *volume,
                           struct arena *arena, struct local_why *why)
{
    const struct node *config = node_get(volume, "configMap"), *secret = node_get(volume, "secret");
    const struct node *from = config ? config : secret, *down = node_get(volume, "downwardAPI");
    struct node *files = node_map(arena), *ref = node_map(arena);
    struct source source;

    if (down)
        return add_downward(pod, arena, files, node_get(down, "items"), why) < 0 ? NULL : files;
    if (!from)
        return NULL;
    node_set_text(arena, ref, "name", node_get_text(from, config ? "name" : "secretName"));
    node_set_bool(arena, ref, "optional", node_get_bool(from, "optional", false));
    if (!find_source(pod->cluster, pod->space, config ? "ConfigMap" : "Secret", ref, &source)) {
        if (source.optional)
            return files;
        missing(&source, pod->space, why);
        return NULL;
    }
    int64_t mode = node_get_int(from, "defaultMode", 0644);

    if (!node_get(from, "items"))
        add_keys(arena, files, &source, mode);
    else if (add_items(arena, files, &source, node_get(from, "items"), mode, pod->space, why) < 0)
        return NULL;
    return files;
}

/* A StatefulSet's own claims are named for the pod. */
static char *claim_name(const struct local_pod *pod, struct arena *arena, const struct node *volume)
{
    return arena_printf(arena, "%s.%s", pod->space,
                        node_get_text(node_get(volume, "persistentVolumeClaim"), "claimName"));
}

static int check_claim(struct local_pod *pod, const struct node *volume, struct local_why *why)
{
    const char *name = node_get_text(node_get(volume, "persistentVolumeClaim"), "claimName");

    if (local_find(pod->cluster, "", "PersistentVolumeClaim", pod->space, name) ||
        node_get_bool(volume, "axleTemplate", false))
        return 0;
    return why_set(why, "MissingPersistentVolumeClaim",
                   "waits for PersistentVolumeClaim %.100s/%.100s", pod->space, name);
}

static int compile_volume(struct local_pod *pod, struct arena *arena, const struct node *volume,
                          struct node *ret, struct local_why *why)
{
    const struct node *host = node_get(volume, "hostPath"), *empty = node_get(volume, "emptyDir");
    const char *kind = node_get_text(host, "type");

    node_set_text(arena, ret, "name", node_get_text(volume, "name"));
    if (host) {
        node_set_text(arena, ret, "type", "host");
        node_set_text(arena, ret, "path", node_get_text(host, "path"));
        node_set_bool(arena, ret, "create", !strcmp(kind, "DirectoryOrCreate"));
    } else if (empty) {
        struct quantity size;

        node_set_text(arena, ret, "type", "empty");
        node_set_bool(arena, ret, "memory", !strcmp(node_get_text(empty, "medium"), "Memory"));
        if (node_get(empty, "sizeLimit") &&
            quantity_from_node(arena, node_get(empty, "sizeLimit"), &size, NULL) == 0)
            node_set_int(arena, ret, "size", quantity_value(&size));
    } else if (node_get(volume, "persistentVolumeClaim")) {
        if (check_claim(pod, volume, why) < 0)
            return -1;
        node_set_text(arena, ret, "type", "claim");
        node_set_text(arena, ret, "claim", claim_name(pod, arena, volume));
    } else {
        struct node *files = compile_files(pod, volume, arena, why);

        if (!files)
            return -1;
        node_set_text(arena, ret, "type", "files");
        node_set_bool(arena, ret, "secret", node_get(volume, "secret") != NULL);
        node_set(arena, ret, "files", files);
    }
    return 0;
}

/* ---- Containers of the runtime ----------------------------------------------------------------- */

static struct node *compile_mounts(struct arena *arena, const struct node *container)
{
    const struct node *mounts = node_get(container, "volumeMounts");
    struct node *list = node_list(arena);

    for (size_t i = 0; i < node_count(mounts); i++) {
        const struct node *from = node_item(mounts, i);
        struct node *mount = node_map(arena);

        node_set_text(arena, mount, "volume", node_get_text(from, "name"));
        node_set_text(arena, mount, "path", node_get_text(from, "mountPath"));
        if (*node_get_text(from, "subPath"))
            node_set_text(arena, mount, "subPath", node_get_text(from, "subPath"));
        node_set_bool(arena, mount, "readOnly", node_get_bool(from, "readOnly", false));
        node_add(arena, list, mount);
    }
    return list;
}

static void compile_command(struct env *env, struct node *ret)
{
    static const char *const lists[] = { "command", "args" };
    struct node *command = node_make_list(env->arena, ret, "command");

    for (size_t i = 0; i < count_of(lists); i++) {
        const struct node *list = node_get(env->container, lists[i]);

        for (size_t j = 0; j < node_count(list); j++)
            node_add(env->arena, command,
                     node_string(env->arena, expand(env, node_text(node_item(list, j)))));
    }
}

static void compile_limits(struct arena *arena, const struct node *container, struct node *ret)
{
    const struct node *limits = node_at(container, "resources", "limits", NULL);
    struct local_why ignored;
    int64_t memory = 0, cpu = 0;

    if (check_quantity(limits, "memory", "", &memory, false, &ignored) == 0 && memory)
        node_set_int(arena, ret, "memory", memory);
    if (check_quantity(limits, "cpu", "", &cpu, true, &ignored) == 0 && cpu)
        node_set_int(arena, ret, "cpu", cpu);
    node_set_int(arena, ret, "pids", 4096); /* a fork bomb hurts itself only */
}

static void compile_user(struct arena *arena, const struct node *context, struct node *ret)
{
    if (node_get(context, "runAsUser"))
        node_set_int(arena, ret, "user", node_get_int(context, "runAsUser", 0));
    if (node_get(context, "runAsGroup"))
        node_set_int(arena, ret, "group", node_get_int(context, "runAsGroup", 0));
    if (node_get_bool(context, "privileged", false))
        node_set_bool(arena, ret, "privileged", true);
}

/* What plan_backoff() says of a first crash, done where it happens. */
static void compile_again(const struct local_pod *pod, struct arena *arena, struct node *ret)
{
    const char *policy = node_get_text(node_get(pod->template, "spec"), "restartPolicy");
    struct node *again;

    if (!strcmp(policy, "Never"))
        return;
    again = node_make(arena, ret, "again");
    node_set_text(arena, again, "on", strcmp(policy, "OnFailure") != 0 ? "any" : "failure");
    node_set_int(arena, again, "after", PLAN_BACKOFF_RESET / CLOCK_SECOND);
}

static int compile_container(struct local_pod *pod, struct arena *arena,
                             const struct local_container *from, struct node *ret,
                             struct local_why *why)
{
    struct env env = { arena, pod, from->spec, node_map(arena) };
    struct node *list;

    if (resolve_env(&env, why) < 0)
        return -1;
    node_set_text(arena, ret, "name", from->name);
    compile_command(&env, ret);
    list = node_make_list(arena, ret, "env");
    node_each(value, env.values)
        node_add(arena, list, node_format(arena, "%s=%s", value->key, node_text(value->value)));
    if (*node_get_text(from->spec, "workingDir"))
        node_set_text(arena, ret, "directory", node_get_text(from->spec, "workingDir"));
    node_set(arena, ret, "mounts", compile_mounts(arena, from->spec));
    compile_limits(arena, from->spec, ret);
    if (!from->init)
        compile_again(pod, arena, ret);
    compile_user(arena, node_get(from->spec, "securityContext"), ret);
    return 0;
}

int compile_port(const struct local_pod *pod, const struct local_container *container,
                 const struct node *port)
{
    const struct node *ports = node_get(container->spec, "ports");
    const char *name = node_text(port);

    if (node_is(port, NODE_INT) && port->integer)
        return (int)port->integer;
    for (size_t i = 0; i < node_count(ports); i++) {
        const struct node *each = node_item(ports, i);
        const char *each_name = node_get_text(each, "name");
        int number = (int)node_get_int(each, "containerPort", 0);

        if (*name && strcmp(name, each_name) != 0)
            continue;
        return number ? number
                      : (int)node_get_int(pod->ports, *each_name ? each_name : "port", 0);
    }
    return 0;
}

struct node *compile_hosts(const struct local_pod *pod, struct arena *arena,
                           const struct node *names)
{
    const struct node *aliases = node_at(pod->template, "spec", "hostAliases", NULL);
    struct node *ret = node_list(arena);

    for (size_t i = 0; i < node_count(aliases); i++) {
        const struct node *alias = node_item(aliases, i), *hosts = node_get(alias, "hostnames");

        for (size_t j = 0; j < node_count(hosts); j++)
            node_add(arena, ret, node_format(arena, "%s %s", node_get_text(alias, "ip"),
                                             node_text(node_item(hosts, j))));
    }
    for (size_t i = 0; i < node_count(names); i++)
        node_add(arena, ret, node_item(names, i));
    return ret;
}

struct node *compile_pod(struct local_pod *pod, struct arena *arena, struct local_why *why)
{
    const struct node *spec = node_get(pod->template, "spec");
    const struct node *volumes = node_get(spec, "volumes");
    bool has_init = pod->count && pod->containers[0].init;
    struct node *ret = node_map(arena), *list = node_make_list(arena, ret, "volumes"), *names;

    node_set_text(arena, ret, "id", pod->id);
    node_set_text(arena, ret, "owner", pod->space);
    compile_user(arena, node_get(spec, "securityContext"), ret);
    for (size_t i = 0; i < node_count(volumes); i++) {
        struct node *volume = node_map(arena);

        if (compile_volume(pod, arena, node_item(volumes, i), volume, why) < 0)
            return NULL;
        node_add(arena, list, volume);
    }
    list = node_make_list(arena, ret, "containers");
    for (size_t i = 0; i < pod->count; i++) {
        struct node *container = node_map(arena);

        if (compile_container(pod, arena, &pod->containers[i], container, why) < 0)
            return NULL;
        if (has_init ? i == 0 : true)
            node_set_bool(arena, container, "start", true);
        node_add(arena, list, container);
    }
    names = names_hosts(pod->cluster, arena, pod->space);
    pod->hosts = names_hash(names);
    node_set(arena, ret, "hosts", compile_hosts(pod, arena, names));
    return ret;
}
