/* SPDX-License-Identifier: Apache-2.0 */
/* Refuses by name what a pod template asks for and this machine cannot give. */

#include "cluster/compile.h"
#include "cluster/fields.h"
#include "cluster/service.h"
#include "number/number.h"
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
    text_make_printable(why->reason); /* some of it is what a program said */
    text_make_printable(why->message);
    return -1;
}

/* ---- Volumes ------------------------------------------------------------------------- */

static bool is_inside(const char *path, const char *root)
{
    size_t len = strlen(root);

    while (len > 1 && root[len - 1] == '/')
        len--;
    if (*path != '/' || refuse_climbs(path))
        return false;
    return !strncmp(path, root, len) && (!path[len] || path[len] == '/' || len == 1);
}

static int check_host_path(const struct cluster *cluster, const struct node *host,
                           const char *where, struct local_why *why)
{
    static const char *const types[] = { "", "Directory", "DirectoryOrCreate", "File",
                                         "FileOrCreate", "Socket", "CharDevice", "BlockDevice" };
    const char *const *roots = cluster->options.bounds.host_paths;
    const char *path = node_get_text(host, "path"), *type = node_get_text(host, "type");
    bool known = false;

    for (size_t i = 0; i < count_of(types); i++)
        known |= !strcmp(types[i], type);
    if (!known)
        return why_set(why, "Invalid", "%s.hostPath.type \"%.40s\" is none of Kubernetes'", where,
                       type);
    for (size_t i = 0; roots && roots[i]; i++)
        if (is_inside(path, roots[i]))
            return 0;
    return why_set(why, "NotPermitted", "%s.hostPath %.200s is outside the folders that this "
                   "spoke allows (--host-path)", where, path);
}

static int check_empty(const struct node *empty, const char *where, struct local_why *why)
{
    const char *medium = node_get_text(empty, "medium");
    int64_t size;

    if (*medium && strcmp(medium, "Memory") != 0)
        return why_set(why, "UnsupportedField", "%s.emptyDir.medium %.40s is not supported on this "
                       "spoke: Memory or none", where, medium);
    return refuse_quantity(empty, "sizeLimit", where, &size, false, why);
}

static int check_projected(const struct node *projected, const char *where, struct local_why *why)
{
    const struct node *sources = node_get(projected, "sources");
    char path[160];

    snprintf(path, sizeof path, "%.120s.projected.sources", where);
    for (size_t i = 0; i < node_count(sources); i++)
        if (fields_check(node_item(sources, i), FIELDS_PROJECTED, path, why) < 0)
            return -1;
    return 0;
}

static bool is_label(const char *name)
{
    size_t len = strlen(name);

    return len && len <= 63 && *name != '-' && name[len - 1] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool is_subdomain(const char *name)
{
    size_t len = strlen(name);

    return len && len <= 253 && *name != '-' && *name != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len;
}

/* Its name becomes that of a folder, too. */
static int check_claim(const struct node *volume, const char *where, struct local_why *why)
{
    const struct node *claim = node_get(volume, "persistentVolumeClaim");
    const char *name = node_get_text(claim, "claimName");

    if (fields_check(claim, FIELDS_CLAIM_REF, where, why) < 0)
        return -1;
    if (!is_subdomain(name))
        return why_set(why, "Invalid", "%s.persistentVolumeClaim.claimName \"%.100s\" is no name of "
                       "a claim", where, name);
    return 0;
}

static int check_volume(const struct cluster *cluster, const struct node *volume,
                        struct local_why *why)
{
    static const struct {
        const char *kind;
        enum fields fields;
    } kinds[] = {
        { "emptyDir", FIELDS_EMPTY }, { "hostPath", FIELDS_HOST }, { "configMap", FIELDS_FILES },
        { "secret", FIELDS_FILES },
    };
    char where[120];
    size_t count = 0;

    snprintf(where, sizeof where, "spec.volumes[%.80s]", node_get_text(volume, "name"));
    if (fields_check(volume, FIELDS_VOLUME, where, why) < 0)
        return -1;
    /* Its name becomes that of a folder. */
    if (!is_label(node_get_text(volume, "name")))
        return why_set(why, "Invalid", "%s.name is not a name of up to 63 letters, digits and '-'",
                       where);
    if (node_get(volume, "persistentVolumeClaim") && check_claim(volume, where, why) < 0)
        return -1;
    node_each(kind, volume)
        count += strcmp(kind->key, "name") != 0 && !node_is(kind->value, NODE_NULL);
    if (count > 1)
        return why_set(why, "Invalid", "%s is of %zu kinds, but a volume is of one", where, count);
    if (node_count(volume) < 2)
        return why_set(why, "Invalid", "%s says not what it is: emptyDir is missing, or another "
                       "kind of volume", where);
    for (size_t i = 0; i < count_of(kinds); i++)
        if (fields_check(node_get(volume, kinds[i].kind), kinds[i].fields, where, why) < 0)
            return -1;
    if (node_get(volume, "emptyDir") && check_empty(node_get(volume, "emptyDir"), where, why) < 0)
        return -1;
    if (check_projected(node_get(volume, "projected"), where, why) < 0)
        return -1;
    return node_get(volume, "hostPath")
               ? check_host_path(cluster, node_get(volume, "hostPath"), where, why) : 0;
}

#define MOST_BYTES 9007199254740992.0 /* 8 PiB; see NUMBER_BYTES */

/* ---- Containers --------------------------------------------------------------------- */

int refuse_quantity(const struct node *limits, const char *name, const char *path, int64_t *ret,
                    bool milli, struct local_why *why)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *value = node_get(limits, name);
    struct quantity quantity;
    struct err err = { 0 };

    *ret = 0;
    if (!value || node_is(value, NODE_NULL))
        return 0;
    if (quantity_from_node(arena, value, &quantity, &err) < 0)
        return why_set(why, "Invalid", "%s.%s: %.250s", path, name, err.text);
    if (quantity_float(&quantity) <= 0)
        return why_set(why, "Invalid", "%s.%s must be greater than zero", path, name);
    if (quantity_float(&quantity) > (milli ? (double)INT32_MAX / 1000 : MOST_BYTES))
        return why_set(why, "Invalid", "%s.%s is more than any machine has", path, name);
    *ret = milli ? quantity_milli_value(&quantity) : quantity_value(&quantity);
    return 0;
}

static int check_probe(const struct node *container, const char *name, const char *path,
                       struct local_why *why)
{
    const struct node *probe = node_get(container, name);

    if (!probe || node_is(probe, NODE_NULL))
        return 0;
    if (!node_get(probe, "httpGet") && !node_get(probe, "tcpSocket") &&
        !node_get(probe, "exec") && !node_get(probe, "grpc"))
        return why_set(why, "Invalid", "%s.%s asks nothing: httpGet, tcpSocket, exec or grpc is "
                       "needed", path, name);
    return 0;
}

/* A pod shares the machine's ports, so a port that it wants is one of the machine's. */
static int check_ports(const struct cluster *cluster, const struct node *container,
                       const char *path, struct local_why *why)
{
    const struct runtime_range range = cluster->options.bounds.host_ports;
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
            return why_set(why, "NotPermitted", "%s.containerPort is %lld, and a pod shares the "
                           "machine's ports: this spoke gives %u-%u (--host-ports), or any for 0",
                           where, (long long)number, range.first, range.last);
        if (host && host != number)
            return why_set(why, "UnsupportedField", "%s.hostPort is %lld and containerPort %lld: a pod "
                           "shares the machine's ports, so they are the same", where,
                           (long long)host, (long long)number);
        if (*node_get_text(port, "hostIP"))
            return why_set(why, "UnsupportedField", "%s.hostIP is not supported on this spoke: the "
                           "program itself chooses where it listens", where);
    }
    return 0;
}

/* What of the machine's a pod would share or be freed from. */
static int check_machine(const struct node *spec, struct local_why *why)
{
    const struct node *users = node_get(spec, "hostUsers");

    if (node_is(users, NODE_BOOL) && !users->boolean)
        return why_set(why, "UnsupportedField", "spec.hostUsers false is not supported on this spoke: "
                       "an unprivileged user of its own stands in for a user namespace");
    return 0;
}

static int check_disk(const struct cluster *cluster, const struct node *limits, const char *where,
                      struct local_why *why)
{
    int64_t most = cluster->options.bounds.disk, value;

    if (refuse_quantity(limits, "ephemeral-storage", where, &value, false, why) < 0)
        return -1;
    if (value > most)
        return why_set(why, "NotPermitted", "%s.ephemeral-storage is %lld bytes, but this spoke gives "
                       "a pod at most %lld (--pod-disk)", where, (long long)value, (long long)most);
    return 0;
}

/* A limit that is not enforced would be a false promise: each name must be known here. */
static int check_resources(const struct node *amounts, const char *where, struct local_why *why)
{
    static const char *const known[] = { "cpu", "memory", "ephemeral-storage" };

    node_each (amount, amounts) {
        size_t i = 0;

        if (strchr(amount->key, '/'))
            return why_set(why, "UnsupportedField", "%s[%.80s]: devices are not handed out on this "
                           "spoke", where, amount->key);
        while (i < count_of(known) && strcmp(known[i], amount->key))
            i++;
        if (i == count_of(known))
            return why_set(why, "UnsupportedField", "%s.%.80s is not supported on this spoke; these "
                           "are: cpu, memory, ephemeral-storage", where, amount->key);
    }
    return 0;
}

static int check_limits(const struct cluster *cluster, const struct node *container,
                        const char *path, struct local_why *why)
{
    const struct node *limits = node_at(container, "resources", "limits", NULL);
    const struct node *requests = node_at(container, "resources", "requests", NULL);
    char where[240];
    int64_t value;

    snprintf(where, sizeof where, "%s.resources.requests", path);
    if (check_resources(requests, where, why) < 0)
        return -1;
    snprintf(where, sizeof where, "%s.resources.limits", path);
    if (check_resources(limits, where, why) < 0 ||
        refuse_quantity(limits, "memory", where, &value, false, why) < 0 ||
        check_disk(cluster, limits, where, why) < 0)
        return -1;
    return refuse_quantity(limits, "cpu", where, &value, true, why);
}

static int check_hooks(const struct node *container, const char *path, struct local_why *why)
{
    static const char *const hooks[] = { "postStart", "preStop" };
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

static int check_probes(const struct node *container, const char *path, struct local_why *why)
{
    static const char *const probes[] = { "startupProbe", "readinessProbe", "livenessProbe" };
    char where[240];

    for (size_t i = 0; i < count_of(probes); i++) {
        snprintf(where, sizeof where, "%s.%s", path, probes[i]);
        if (fields_check(node_get(container, probes[i]), FIELDS_PROBE, where, why) < 0 ||
            check_probe(container, probes[i], path, why) < 0)
            return -1;
    }
    return 0;
}

/* What runs it: its image is an engine's, and a process needs a command. */
static int check_program(const struct cluster *cluster, const struct node *spec,
                         const struct node *container, const char *path, struct local_why *why)
{
    const char *image = node_get_text(container, "image");

    if (*image && compile_has_engine(cluster, spec))
        return 0;
    if (*image && strcmp(node_get_text(spec, "runtimeClassName"), "process") != 0)
        return why_set(why, "NeedsEngine", "%s.image %.150s: this spoke runs processes only; start it "
                       "with --runtime=engine, or leave image out or set runtimeClassName: process",
                       path, image);
    if (!node_count(node_get(container, "command")) && !node_count(node_get(container, "args")))
        return why_set(why, "Invalid", "%s.command is missing: a process needs one", path);
    return 0;
}

static int check_container(const struct cluster *cluster, const struct node *spec,
                           const struct node *container, const char *list, struct local_why *why)
{
    const struct node *context = node_get(container, "securityContext");
    const char *policy = node_get_text(container, "restartPolicy");
    bool init = !strcmp(list, "initContainers");
    char path[200], security[240];

    snprintf(path, sizeof path, "spec.%s[%.100s]", list, node_get_text(container, "name"));
    snprintf(security, sizeof security, "%s.securityContext", path);
    if (!node_is(container, NODE_MAP) || !*node_get_text(container, "name"))
        return why_set(why, "Invalid", "spec.%s: a container has no name", list);
    if (fields_check(container, FIELDS_CONTAINER, path, why) < 0 ||
        fields_check(context, FIELDS_SECURITY, security, why) < 0)
        return -1;
    if (*policy && (!init || strcmp(policy, "Always") != 0))
        return why_set(why, "Invalid", "%s.restartPolicy \"%.40s\": only an init container has one, "
                       "and it is Always", path, policy);
    if (check_program(cluster, spec, container, path, why) < 0 || check_hooks(container, path, why) < 0 ||
        check_probes(container, path, why) < 0 || rights_check(cluster, context, path, why) < 0 ||
        rights_check_both(node_get(spec, "securityContext"), context, path, why) < 0 ||
        check_ports(cluster, container, path, why) < 0)
        return -1;
    return check_limits(cluster, container, path, why);
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

bool refuse_climbs(const char *path)
{
    for (const char *at = path; *at; at += strcspn(at, "/"), at += *at == '/')
        if (at[0] == '.' && at[1] == '.' && (!at[2] || at[2] == '/'))
            return true;
    return false;
}

int refuse_sub_path(const char *volume, const char *sub, struct local_why *why)
{
    if (*sub == '/' || strlen(sub) > 1000 || refuse_climbs(sub))
        return why_set(why, "Invalid", "volumeMounts[%.80s].subPath %.100s leaves the volume",
                       volume, sub);
    return 0;
}

/* What the pod's own root consists of stays: nothing is mounted over it, nor inside
   what the kernel shows there. */
static int check_place(const char *path, const char *name, struct local_why *why)
{
    static const struct {
        const char *folder;
        bool inside;
    } kept[] = { { "", false }, { "/pod", false }, { "/proc", true }, { "/sys", true } };
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
            return why_set(why, "Invalid", "volumeMounts[%.80s].mountPath is %s, which is the pod's "
                           "own: nothing is mounted over it%s", name, *clean ? clean : "/",
                           kept[i].inside ? " or in it" : "");
    }
    return 0;
}

/* A mount point is a path without steps back; it is made by root inside the pod. */
static int check_mount(const struct node *mount, struct local_why *why)
{
    const char *path = node_get_text(mount, "mountPath");
    const char *spread = node_get_text(mount, "mountPropagation");
    const char *name = node_get_text(mount, "name");

    if (!*path || strlen(path) > 1000 || refuse_climbs(path) || strchr(path, ':'))
        return why_set(why, "Invalid", "volumeMounts[%.80s].mountPath \"%.200s\" is empty, too long, or "
                       "contains '..' or ':'", name, path);
    if (*spread && strcmp(spread, "None") != 0)
        return why_set(why, "UnsupportedField", "volumeMounts[%.80s].mountPropagation %.40s is not "
                       "supported on this spoke: nothing mounted in a pod is seen outside, or the "
                       "other way round", name, spread);
    return *path == '/' ? check_place(path, name, why) : 0;
}

/* By its name each is found again: its log, its ends, its folder. */
static int check_unique(const struct node *list, const struct node *others, const char *where,
                        const char *key, struct local_why *why)
{
    for (size_t i = 0; i < node_count(list) + node_count(others); i++) {
        bool own = i < node_count(list);
        const struct node *from = own ? node_item(list, i) : node_item(others, i - node_count(list));
        const char *name = node_get_text(from, key);

        for (size_t j = i + 1; *name && j < node_count(list) + node_count(others); j++) {
            const struct node *other = j < node_count(list) ? node_item(list, j)
                                                            : node_item(others, j - node_count(list));

            if (!strcmp(name, node_get_text(other, key)))
                return why_set(why, "Invalid", "%s: two have the %s \"%.100s\"", where, key, name);
        }
    }
    return 0;
}

static int check_mounts(const struct node *spec, const struct node *claims,
                        const struct node *container, struct local_why *why)
{
    const struct node *mounts = node_get(container, "volumeMounts");

    if (check_unique(mounts, NULL, "volumeMounts", "mountPath", why) < 0)
        return -1;
    for (size_t i = 0; i < node_count(mounts); i++) {
        const char *name = node_get_text(node_item(mounts, i), "name");
        const char *sub = node_get_text(node_item(mounts, i), "subPath");

        if (fields_check(node_item(mounts, i), FIELDS_MOUNT, "volumeMounts", why) < 0)
            return -1;
        if (!has_volume(spec, claims, name))
            return why_set(why, "Invalid", "containers[%.80s].volumeMounts: there is no volume "
                           "\"%.80s\"", node_get_text(container, "name"), name);
        if (refuse_sub_path(name, sub, why) < 0 || check_mount(node_item(mounts, i), why) < 0)
            return -1;
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

/* It becomes the name of a machine, and a word of the hosts file. */
static int check_hostname(const struct node *spec, struct local_why *why)
{
    const char *name = node_get_text(spec, "hostname");
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

    if (!name[len] && len <= NAMES_HOST && *name != '-' && (!len || name[len - 1] != '-'))
        return 0;
    return why_set(why, "Invalid", "spec.hostname \"%.100s\" is no DNS label: up to %zu lower-case "
                   "letters, digits and '-', with no '-' at either end", name, NAMES_HOST);
}

int refuse_pod(const struct cluster *cluster, const struct node *spec,
               const struct node *claims, struct local_why *why)
{
    const struct node *volumes = node_get(spec, "volumes");

    if (!node_is(spec, NODE_MAP) || !node_count(node_get(spec, "containers")))
        return why_set(why, "Invalid", "spec.containers is missing or empty");
    if (fields_check(spec, FIELDS_POD, "spec", why) < 0 ||
        fields_check(node_get(spec, "securityContext"), FIELDS_POD_SECURITY,
                     "spec.securityContext", why) < 0 ||
        rights_check(cluster, node_get(spec, "securityContext"), "spec", why) < 0 ||
        check_machine(spec, why) < 0)
        return -1;
    if (check_hostname(spec, why) < 0)
        return -1;
    if (check_unique(volumes, NULL, "spec.volumes", "name", why) < 0 ||
        check_unique(node_get(spec, "initContainers"), node_get(spec, "containers"),
                     "spec.containers and initContainers", "name", why) < 0)
        return -1;
    for (size_t i = 0; i < node_count(volumes); i++)
        if (check_volume(cluster, node_item(volumes, i), why) < 0)
            return -1;
    if (check_list(cluster, spec, claims, "initContainers", why) < 0)
        return -1;
    return check_list(cluster, spec, claims, "containers", why);
}
