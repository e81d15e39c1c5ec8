/* SPDX-License-Identifier: Apache-2.0 */
/* Refuses by name what a pod template asks for and this machine cannot give. */

#include "manifest/checks.h"
#include "manifest/known_fields.h"

#include "document/document.h"
#include "meta/meta.h"
#include "number/number.h"
#include "query/query.h"

#include <stdio.h>
#include <string.h>

/* ---- Volumes ------------------------------------------------------------------------- */

/* Whether a part of the path is "..". */
static bool climbs_out(const char *path)
{
    for (const char *at = path; *at; at += strcspn(at, "/"), at += *at == '/')
        if (at[0] == '.' && at[1] == '.' && (!at[2] || at[2] == '/'))
            return true;
    return false;
}

/* Compared as text, so a path with ".." is never inside. */
static bool is_inside_root(const char *path, const char *root)
{
    size_t len = strlen(root);

    while (len > 1 && root[len - 1] == '/')
        len--;
    if (*path != '/' || climbs_out(path))
        return false;
    return !strncmp(path, root, len) && (!path[len] || path[len] == '/' || len == 1);
}

static int check_host_path(const struct manifest_bounds *bounds, const struct node *host,
                           const char *where, struct manifest_why *why)
{
    static const char *const types[] = {"",           "Directory",    "DirectoryOrCreate",
                                        "File",       "FileOrCreate", "Socket",
                                        "CharDevice", "BlockDevice"};
    const char *const *roots = bounds->host_paths;
    const char *path = node_get_text(host, "path"), *type = node_get_text(host, "type");
    bool known = false;

    for (size_t i = 0; i < count_of(types); i++)
        known |= !strcmp(types[i], type);
    if (!known)
        return manifest_why_set(why, "Invalid", "%s.hostPath.type \"%.40s\" is none of Kubernetes'",
                                where, type);
    for (size_t i = 0; roots && roots[i]; i++)
        if (is_inside_root(path, roots[i]))
            return 0;
    return manifest_why_set(why, "NotPermitted",
                            "%s.hostPath %.200s is outside the folders that this "
                            "spoke allows (--host-path)",
                            where, path);
}

static int check_empty(const struct node *empty, const char *where, struct manifest_why *why)
{
    const char *medium = node_get_text(empty, "medium");
    int64_t size;

    if (*medium && strcmp(medium, "Memory") != 0)
        return manifest_why_set(why, "UnsupportedField",
                                "%s.emptyDir.medium %.40s is not supported on this "
                                "spoke: Memory or none",
                                where, medium);
    return manifest_quantity(empty, "sizeLimit", where, &size, false, why);
}

static int check_projected(const struct node *projected, const char *where,
                           struct manifest_why *why)
{
    const struct node *sources = node_get(projected, "sources");
    char path[160];

    snprintf(path, sizeof path, "%.120s.projected.sources", where);
    for (size_t i = 0; i < node_count(sources); i++)
        if (fields_check(node_item(sources, i), FIELDS_PROJECTED, path, why) < 0)
            return -1;
    return 0;
}

static bool is_volume_name(const char *name)
{
    size_t len = strlen(name);

    return len && len <= 63 && *name != '-' && name[len - 1] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool is_claim_name(const char *name)
{
    size_t len = strlen(name);

    return len && len <= 253 && *name != '-' && *name != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len;
}

/* The name of a claim becomes the name of a folder. */
static int check_claim_name(const struct node *volume, const char *where, struct manifest_why *why)
{
    const struct node *claim = node_get(volume, "persistentVolumeClaim");
    const char *name = node_get_text(claim, "claimName");

    if (!is_claim_name(name))
        return manifest_why_set(why, "Invalid",
                                "%s.persistentVolumeClaim.claimName \"%.100s\" is no name of "
                                "a claim",
                                where, name);
    return 0;
}

/* A volume is of exactly one kind. */
static int check_volume(const struct manifest_bounds *bounds, const struct node *volume,
                        struct manifest_why *why)
{
    static const struct {
        const char *kind;
        enum fields fields;
    } kinds[] = {
        {"emptyDir", FIELDS_EMPTY},
        {"hostPath", FIELDS_HOST},
        {"configMap", FIELDS_FILES},
        {"secret", FIELDS_FILES},
        {"downwardAPI", FIELDS_DOWNWARD},
        {"projected", FIELDS_SOURCES},
        {"persistentVolumeClaim", FIELDS_CLAIM_REF},
    };
    char where[120];
    size_t count = 0;

    snprintf(where, sizeof where, "spec.volumes[%.80s]", node_get_text(volume, "name"));
    if (fields_check(volume, FIELDS_VOLUME, where, why) < 0)
        return -1;
    /* The name of a volume becomes the name of a folder. */
    if (!is_volume_name(node_get_text(volume, "name")))
        return manifest_why_set(why, "Invalid",
                                "%s.name is not a name of up to 63 letters, digits and '-'", where);
    for (size_t i = 0; i < count_of(kinds); i++)
        count += manifest_has(volume, kinds[i].kind);
    if (count > 1)
        return manifest_why_set(why, "Invalid", "%s is of %zu kinds, but a volume is of one", where,
                                count);
    if (!count)
        return manifest_why_set(why, "Invalid",
                                "%s says not what it is: emptyDir is missing, or another "
                                "kind of volume",
                                where);
    for (size_t i = 0; i < count_of(kinds); i++)
        if (fields_check(node_get(volume, kinds[i].kind), kinds[i].fields, where, why) < 0)
            return -1;
    if (manifest_has(volume, "persistentVolumeClaim") && check_claim_name(volume, where, why) < 0)
        return -1;
    if (check_empty(node_get(volume, "emptyDir"), where, why) < 0 ||
        check_projected(node_get(volume, "projected"), where, why) < 0)
        return -1;
    return manifest_has(volume, "hostPath")
               ? check_host_path(bounds, node_get(volume, "hostPath"), where, why)
               : 0;
}

#define MOST_BYTES 9007199254740992.0 /* 8 PiB; see NUMBER_BYTES */

/* ---- Containers --------------------------------------------------------------------- */

int manifest_quantity(const struct node *limits, const char *name, const char *path, int64_t *ret,
                      bool milli, struct manifest_why *why)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *value = node_get(limits, name);
    struct quantity quantity;
    struct err err = {0};

    *ret = 0;
    if (!value || node_is(value, NODE_NULL))
        return 0;
    if (quantity_from_node(arena, value, &quantity, &err) < 0)
        return manifest_why_set(why, "Invalid", "%s.%s: %.250s", path, name, err.text);
    if (quantity_float(&quantity) <= 0)
        return manifest_why_set(why, "Invalid", "%s.%s must be greater than zero", path, name);
    if (quantity_float(&quantity) > (milli ? (double)INT32_MAX / 1000 : MOST_BYTES))
        return manifest_why_set(why, "Invalid", "%s.%s is more than any machine has", path, name);
    *ret = milli ? quantity_milli_value(&quantity) : quantity_value(&quantity);
    return 0;
}

static int check_probe_asks(const struct node *container, const char *name, const char *path,
                            struct manifest_why *why)
{
    const struct node *probe = node_get(container, name);

    if (!probe || node_is(probe, NODE_NULL))
        return 0;
    if (!manifest_has(probe, "httpGet") && !manifest_has(probe, "tcpSocket") &&
        !manifest_has(probe, "exec") && !manifest_has(probe, "grpc"))
        return manifest_why_set(why, "Invalid",
                                "%s.%s asks nothing: httpGet, tcpSocket, exec or grpc is "
                                "needed",
                                path, name);
    return 0;
}

/* Pods share the machine's ports, so a containerPort must be one that the administrator gives. */
static int check_ports(const struct manifest_bounds *bounds, const struct node *container,
                       const char *path, struct manifest_why *why)
{
    const struct manifest_range range = bounds->host_ports;
    const struct node *ports = node_get(container, "ports");

    for (size_t i = 0; i < node_count(ports); i++) {
        const struct node *port = node_item(ports, i);
        int64_t number = number_get(port, "containerPort", NUMBER_PORT_OR_ANY, 0);
        int64_t host = number_get(port, "hostPort", NUMBER_PORT_OR_ANY, 0);
        char where[260];

        snprintf(where, sizeof where, "%s.ports[%zu]", path, i);
        if (fields_check(port, FIELDS_PORT, where, why) < 0)
            return -1;
        if (number && (number < range.first || number > range.last))
            return manifest_why_set(
                why, "NotPermitted",
                "%s.containerPort is %lld, and a pod shares the "
                "machine's ports: this spoke gives %u-%u (--host-ports), or any for 0",
                where, (long long)number, range.first, range.last);
        if (host && host != number)
            return manifest_why_set(why, "UnsupportedField",
                                    "%s.hostPort is %lld and containerPort %lld: a pod "
                                    "shares the machine's ports, so they are the same",
                                    where, (long long)host, (long long)number);
        if (*node_get_text(port, "hostIP"))
            return manifest_why_set(why, "UnsupportedField",
                                    "%s.hostIP is not supported on this spoke: the "
                                    "program itself chooses where it listens",
                                    where);
    }
    return 0;
}

/* A user namespace of its own cannot be had. */
static int check_host_users(const struct node *spec, struct manifest_why *why)
{
    const struct node *users = node_get(spec, "hostUsers");

    if (node_is(users, NODE_BOOL) && !users->boolean)
        return manifest_why_set(why, "UnsupportedField",
                                "spec.hostUsers false is not supported on this spoke: "
                                "an unprivileged user of its own stands in for a user namespace");
    return 0;
}

/* A limit above what the spoke gives would be a promise that is not kept. */
static int check_disk_limit(const struct manifest_bounds *bounds, const struct node *limits,
                            const char *where, struct manifest_why *why)
{
    int64_t most = bounds->disk, value;

    if (manifest_quantity(limits, "ephemeral-storage", where, &value, false, why) < 0)
        return -1;
    if (value > most)
        return manifest_why_set(why, "NotPermitted",
                                "%s.ephemeral-storage is %lld bytes, but this spoke gives "
                                "a pod at most %lld (--pod-disk)",
                                where, (long long)value, (long long)most);
    return 0;
}

/* A limit that is not enforced would be a false promise: each name must be known here. */
static int check_resource_names(const struct node *amounts, const char *where,
                                struct manifest_why *why)
{
    static const char *const known[] = {"cpu", "memory", "ephemeral-storage"};

    node_each(amount, amounts)
    {
        size_t i = 0;

        if (strchr(amount->key, '/'))
            return manifest_why_set(why, "UnsupportedField",
                                    "%s[%.80s]: devices are not handed out on this "
                                    "spoke",
                                    where, amount->key);
        while (i < count_of(known) && strcmp(known[i], amount->key))
            i++;
        if (i == count_of(known))
            return manifest_why_set(why, "UnsupportedField",
                                    "%s.%.80s is not supported on this spoke; these "
                                    "are: cpu, memory, ephemeral-storage",
                                    where, amount->key);
    }
    return 0;
}

static int check_container_limits(const struct manifest_bounds *bounds,
                                  const struct node *container, const char *path,
                                  struct manifest_why *why)
{
    const struct node *limits = node_at(container, "resources", "limits", NULL);
    const struct node *requests = node_at(container, "resources", "requests", NULL);
    char where[240];
    int64_t value;

    snprintf(where, sizeof where, "%s.resources.requests", path);
    if (check_resource_names(requests, where, why) < 0)
        return -1;
    snprintf(where, sizeof where, "%s.resources.limits", path);
    if (check_resource_names(limits, where, why) < 0 ||
        manifest_quantity(limits, "memory", where, &value, false, why) < 0 ||
        check_disk_limit(bounds, limits, where, why) < 0)
        return -1;
    return manifest_quantity(limits, "cpu", where, &value, true, why);
}

static int check_hooks(const struct node *container, const char *path, struct manifest_why *why)
{
    static const char *const hooks[] = {"postStart", "preStop"};
    const struct node *lifecycle = node_get(container, "lifecycle");
    char where[240];

    snprintf(where, sizeof where, "%s.lifecycle", path);
    if (fields_check(lifecycle, FIELDS_LIFECYCLE, where, why) < 0)
        return -1;
    for (size_t i = 0; i < count_of(hooks); i++)
        if (fields_check(node_get(lifecycle, hooks[i]), FIELDS_HOOK, where, why) < 0)
            return -1;
    return 0;
}

/* Each probe is of one of the kinds that the runtime can ask. */
static int check_probes(const struct node *container, const char *path, struct manifest_why *why)
{
    static const char *const probes[] = {"startupProbe", "readinessProbe", "livenessProbe"};
    char where[240];

    for (size_t i = 0; i < count_of(probes); i++) {
        snprintf(where, sizeof where, "%s.%s", path, probes[i]);
        if (fields_check(node_get(container, probes[i]), FIELDS_PROBE, where, why) < 0 ||
            check_probe_asks(container, probes[i], path, why) < 0)
            return -1;
    }
    return 0;
}

bool manifest_has_engine(const struct manifest_bounds *bounds, const struct node *spec)
{
    return bounds->engine && strcmp(node_get_text(spec, "runtimeClassName"), "process") != 0;
}

/* What a container runs: an image needs an engine, and a process needs a command. */
static int check_image_or_command(const struct manifest_bounds *bounds, const struct node *spec,
                                  const struct node *container, const char *path,
                                  struct manifest_why *why)
{
    const char *image = node_get_text(container, "image");

    if (*image && manifest_has_engine(bounds, spec))
        return 0;
    if (*image && strcmp(node_get_text(spec, "runtimeClassName"), "process") != 0)
        return manifest_why_set(
            why, "NeedsEngine",
            "%s.image %.150s: this spoke runs processes only; start it "
            "with --runtime=engine, or leave image out or set runtimeClassName: process",
            path, image);
    if (!node_count(node_get(container, "command")) && !node_count(node_get(container, "args")))
        return manifest_why_set(why, "Invalid", "%s.command is missing: a process needs one", path);
    return 0;
}

/* The path of a container has its name: "spec.containers[web]". */
static int check_container(const struct manifest_bounds *bounds, const struct node *spec,
                           const struct node *container, const char *list, struct manifest_why *why)
{
    const struct node *context = node_get(container, "securityContext");
    const char *policy = node_get_text(container, "restartPolicy");
    bool init = !strcmp(list, "initContainers");
    char path[200], security[240];

    snprintf(path, sizeof path, "spec.%s[%.100s]", list, node_get_text(container, "name"));
    snprintf(security, sizeof security, "%s.securityContext", path);
    if (!node_is(container, NODE_MAP) || !*node_get_text(container, "name"))
        return manifest_why_set(why, "Invalid", "spec.%s: a container has no name", list);
    if (fields_check(container, FIELDS_CONTAINER, path, why) < 0 ||
        fields_check(context, FIELDS_SECURITY, security, why) < 0)
        return -1;
    if (*policy && (!init || strcmp(policy, "Always") != 0))
        return manifest_why_set(why, "Invalid",
                                "%s.restartPolicy \"%.40s\": only an init container has one, "
                                "and it is Always",
                                path, policy);
    if (check_image_or_command(bounds, spec, container, path, why) < 0 ||
        check_hooks(container, path, why) < 0 || check_probes(container, path, why) < 0 ||
        rights_check(bounds, context, path, why) < 0 ||
        rights_check_both(node_get(spec, "securityContext"), context, path, why) < 0 ||
        check_ports(bounds, container, path, why) < 0)
        return -1;
    return check_container_limits(bounds, container, path, why);
}

/* A StatefulSet's claims are volumes of its pods, too. */
static bool has_volume(const struct node *spec, const struct node *claims, const char *name)
{
    const struct node *volumes = node_get(spec, "volumes");

    for (size_t i = 0; i < node_count(volumes); i++)
        if (!strcmp(node_get_text(node_item(volumes, i), "name"), name))
            return true;
    for (size_t i = 0; i < node_count(claims); i++)
        if (!strcmp(meta_name(node_item(claims, i)), name))
            return true;
    return false;
}

int manifest_check_sub_path(const char *volume, const char *sub, struct manifest_why *why)
{
    if (*sub == '/' || strlen(sub) > 1000 || climbs_out(sub))
        return manifest_why_set(
            why, "Invalid", "volumeMounts[%.80s].subPath %.100s leaves the volume", volume, sub);
    return 0;
}

/* Nothing is mounted over the folders that the pod's root consists of, nor inside /proc and /sys.
 */
static int check_mount_path(const char *path, const char *name, struct manifest_why *why)
{
    static const struct {
        const char *folder;
        bool inside;
    } kept[] = {{"", false}, {"/pod", false}, {"/proc", true}, {"/sys", true}};
    char clean[1001]; /* without doubled slashes and single dots */
    size_t used = 0;

    while (*path) {
        size_t part = strcspn(path, "/");

        if (part && !(part == 1 && *path == '.')) {
            clean[used++] = '/';
            memcpy(clean + used, path, part);
            used += part;
        }
        path += part + strspn(path + part, "/");
    }
    clean[used] = '\0';
    for (size_t i = 0; i < count_of(kept); i++) {
        size_t len = strlen(kept[i].folder);

        if (!strcmp(clean, kept[i].folder) ||
            (kept[i].inside && !strncmp(clean, kept[i].folder, len) && clean[len] == '/'))
            return manifest_why_set(why, "Invalid",
                                    "volumeMounts[%.80s].mountPath is %s, which is the pod's "
                                    "own: nothing is mounted over it%s",
                                    name, *clean ? clean : "/", kept[i].inside ? " or in it" : "");
    }
    return 0;
}

/* Root makes the mount point inside the pod, so its path must not lead out by "..". */
static int check_volume_mount(const struct node *mount, struct manifest_why *why)
{
    const char *path = node_get_text(mount, "mountPath");
    const char *spread = node_get_text(mount, "mountPropagation");
    const char *name = node_get_text(mount, "name");

    if (!*path || strlen(path) > 1000 || climbs_out(path) || strchr(path, ':'))
        return manifest_why_set(why, "Invalid",
                                "volumeMounts[%.80s].mountPath \"%.200s\" is empty, too long, or "
                                "contains '..' or ':'",
                                name, path);
    if (*spread && strcmp(spread, "None") != 0)
        return manifest_why_set(
            why, "UnsupportedField",
            "volumeMounts[%.80s].mountPropagation %.40s is not "
            "supported on this spoke: nothing mounted in a pod is seen outside, or the "
            "other way round",
            name, spread);
    return *path == '/' ? check_mount_path(path, name, why) : 0;
}

/* Containers and volumes are found again by name (logs, ends, folders), so no two have the same. */
static int check_unique_names(const struct node *list, const struct node *others, const char *where,
                              const char *key, struct manifest_why *why)
{
    for (size_t i = 0; i < node_count(list) + node_count(others); i++) {
        bool own = i < node_count(list);
        const struct node *from =
            own ? node_item(list, i) : node_item(others, i - node_count(list));
        const char *name = node_get_text(from, key);

        for (size_t j = i + 1; *name && j < node_count(list) + node_count(others); j++) {
            const struct node *other =
                j < node_count(list) ? node_item(list, j) : node_item(others, j - node_count(list));

            if (!strcmp(name, node_get_text(other, key)))
                return manifest_why_set(why, "Invalid", "%s: two have the %s \"%.100s\"", where,
                                        key, name);
        }
    }
    return 0;
}

static int check_volume_mounts(const struct node *spec, const struct node *claims,
                               const struct node *container, struct manifest_why *why)
{
    const struct node *mounts = node_get(container, "volumeMounts");

    if (check_unique_names(mounts, NULL, "volumeMounts", "mountPath", why) < 0)
        return -1;
    for (size_t i = 0; i < node_count(mounts); i++) {
        const char *name = node_get_text(node_item(mounts, i), "name");
        const char *sub = node_get_text(node_item(mounts, i), "subPath");

        if (fields_check(node_item(mounts, i), FIELDS_MOUNT, "volumeMounts", why) < 0)
            return -1;
        if (!has_volume(spec, claims, name))
            return manifest_why_set(why, "Invalid",
                                    "containers[%.80s].volumeMounts: there is no volume "
                                    "\"%.80s\"",
                                    node_get_text(container, "name"), name);
        if (manifest_check_sub_path(name, sub, why) < 0 ||
            check_volume_mount(node_item(mounts, i), why) < 0)
            return -1;
    }
    return 0;
}

static int check_container_list(const struct manifest_bounds *bounds, const struct node *spec,
                                const struct node *claims, const char *list,
                                struct manifest_why *why)
{
    const struct node *containers = node_get(spec, list);

    for (size_t i = 0; i < node_count(containers); i++)
        if (check_container(bounds, spec, node_item(containers, i), list, why) < 0 ||
            check_volume_mounts(spec, claims, node_item(containers, i), why) < 0)
            return -1;
    return 0;
}

/* The hostname becomes the name of a machine, and a word of the hosts file. */
static int check_hostname(const struct node *spec, struct manifest_why *why)
{
    const char *name = node_get_text(spec, "hostname");
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

    if (!name[len] && len <= MANIFEST_HOST && *name != '-' && (!len || name[len - 1] != '-'))
        return 0;
    return manifest_why_set(why, "Invalid",
                            "spec.hostname \"%.100s\" is no DNS label: up to %zu lower-case "
                            "letters, digits and '-', with no '-' at either end",
                            name, MANIFEST_HOST);
}

/* The order decides which of several mistakes is told: the pod first, then volumes, then
 * containers. */
int pod_spec_check(const struct manifest_bounds *bounds, const struct node *spec,
                   const struct node *claims, struct manifest_why *why)
{
    const struct node *volumes = node_get(spec, "volumes");

    if (!node_is(spec, NODE_MAP) || !node_count(node_get(spec, "containers")))
        return manifest_why_set(why, "Invalid", "spec.containers is missing or empty");
    if (fields_check(spec, FIELDS_POD, "spec", why) < 0 ||
        fields_check(node_get(spec, "securityContext"), FIELDS_POD_SECURITY, "spec.securityContext",
                     why) < 0 ||
        rights_check(bounds, node_get(spec, "securityContext"), "spec", why) < 0 ||
        check_host_users(spec, why) < 0)
        return -1;
    if (check_hostname(spec, why) < 0)
        return -1;
    if (check_unique_names(volumes, NULL, "spec.volumes", "name", why) < 0 ||
        check_unique_names(node_get(spec, "initContainers"), node_get(spec, "containers"),
                           "spec.containers and initContainers", "name", why) < 0)
        return -1;
    for (size_t i = 0; i < node_count(volumes); i++)
        if (check_volume(bounds, node_item(volumes, i), why) < 0)
            return -1;
    if (check_container_list(bounds, spec, claims, "initContainers", why) < 0)
        return -1;
    return check_container_list(bounds, spec, claims, "containers", why);
}
