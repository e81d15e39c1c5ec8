/* SPDX-License-Identifier: Apache-2.0 */
/* Says what a pod template means on this machine, as a pod of the runtime. */

#include "pods/compile.h"
#include "base/clock.h"
#include "number/number.h"
#include "query/query.h"

#include <stdio.h>
#include <string.h>

/* ---- Volumes ----------------------------------------------------------------------- */

static bool has_secret(const struct node *volume)
{
    const struct node *sources = node_at(volume, "projected", "sources", NULL);
    bool found = node_get(volume, "secret") != NULL;

    for (size_t i = 0; i < node_count(sources); i++)
        found |= node_get(node_item(sources, i), "secret") != NULL;
    return found;
}

/* One volume of the template becomes one of the runtime: host, empty, claim or files. */
static int compile_volume(struct pod *pod, struct arena *arena, const struct node *volume,
                          struct node *ret, struct manifest_why *why)
{
    const struct node *host = node_get(volume, "hostPath"), *empty = node_get(volume, "emptyDir");
    const char *kind = node_get_text(host, "type");
    bool file = text_starts(kind, "File");

    node_set_text(arena, ret, "name", node_get_text(volume, "name"));
    if (host) {
        node_set_text(arena, ret, "type", "host");
        node_set_text(arena, ret, "path", node_get_text(host, "path"));
        node_set_bool(arena, ret, "create", text_ends(kind, "OrCreate"));
        node_set_bool(arena, ret, "file", file);
        if (*kind)
            node_set_text(arena, ret, "must",
                          file                          ? "File"
                          : text_ends(kind, "OrCreate") ? "Directory"
                                                        : kind);
    } else if (empty) {
        struct quantity size;

        node_set_text(arena, ret, "type", "empty");
        node_set_bool(arena, ret, "memory", !strcmp(node_get_text(empty, "medium"), "Memory"));
        if (node_get(empty, "sizeLimit") &&
            quantity_from_node(arena, node_get(empty, "sizeLimit"), &size, NULL) == 0)
            node_set_int(arena, ret, "size", quantity_value(&size));
        else if (!strcmp(node_get_text(empty, "medium"),
                         "Memory")) /* else it could fill the memory */
            node_set_int(arena, ret, "size", pod->pods->options.bounds.disk);
    } else if (node_get(volume, "persistentVolumeClaim")) {
        if (shared_claim_check(pod, volume, why) < 0)
            return -1;
        node_set_text(arena, ret, "type", "claim");
        node_set_text(arena, ret, "claim", shared_claim_folder(pod, arena, volume));
    } else {
        struct node *files = compile_files(pod, volume, arena, why);

        if (!files)
            return -1;
        node_set_text(arena, ret, "type", "files");
        node_set_bool(arena, ret, "secret", has_secret(volume));
        node_set(arena, ret, "files", files);
    }
    return 0;
}

/* ---- Containers of the runtime ----------------------------------------------------- */

/* A volume of a claim can be read-only whatever its mounts say. */
static bool is_claim_read_only(const struct pod *pod, const char *name)
{
    const struct node *volumes = node_at(pod->template, "spec", "volumes", NULL);

    for (size_t i = 0; i < node_count(volumes); i++)
        if (!strcmp(node_get_text(node_item(volumes, i), "name"), name) &&
            node_get_bool(node_get(node_item(volumes, i), "persistentVolumeClaim"), "readOnly",
                          false))
            return true;
    return false;
}

/* A subPathExpr is known only now, so where it leads is checked here once more. */
static int compile_mounts(struct env *env, struct node *ret, struct manifest_why *why)
{
    const struct node *mounts = node_get(env->container, "volumeMounts");
    struct arena *arena = env->arena;

    for (size_t i = 0; i < node_count(mounts); i++) {
        const struct node *from = node_item(mounts, i);
        const char *name = node_get_text(from, "name"), *sub = node_get_text(from, "subPath");
        struct node *mount = node_map(arena);

        if (*node_get_text(from, "subPathExpr"))
            sub = env_expand(env, node_get_text(from, "subPathExpr"));
        if (manifest_check_sub_path(name, sub, why) < 0)
            return -1;
        node_set_text(arena, mount, "volume", name);
        node_set_text(arena, mount, "path", node_get_text(from, "mountPath"));
        if (*sub)
            node_set_text(arena, mount, "subPath", sub);
        node_set_bool(arena, mount, "readOnly",
                      node_get_bool(from, "readOnly", false) || is_claim_read_only(env->pod, name));
        node_add(arena, ret, mount);
    }
    return 0;
}

/* A process has one list of words, command and args in a row. An image has two, and uses its
   own entry point or arguments where a list is empty. */
static void compile_command(struct env *env, struct node *ret, bool image)
{
    static const char *const lists[] = {"command", "args"};
    struct node *words = node_make_list(env->arena, ret, "command");

    for (size_t i = 0; i < count_of(lists); i++) {
        const struct node *list = node_get(env->container, lists[i]);

        if (image && i)
            words = node_make_list(env->arena, ret, "args");
        for (size_t j = 0; j < node_count(list); j++)
            node_add(env->arena, words,
                     node_string(env->arena, env_expand(env, node_text(node_item(list, j)))));
    }
}

/* False: the container runs as a process, without an image. */
static bool compile_image(const struct pod *pod, struct arena *arena, const struct node *container,
                          struct node *ret)
{
    const char *image = node_get_text(container, "image");

    if (!*image || !manifest_has_engine(&pod->pods->allowed, node_get(pod->template, "spec")))
        return false;
    node_set_text(arena, ret, "image", image);
    node_set_text(arena, ret, "pull", node_get_text(container, "imagePullPolicy"));
    return true;
}

static void compile_limits(struct arena *arena, const struct node *container, struct node *ret)
{
    const struct node *limits = node_at(container, "resources", "limits", NULL);
    struct manifest_why ignored;
    int64_t memory = 0, cpu = 0;

    if (manifest_quantity(limits, "memory", "", &memory, false, &ignored) == 0 && memory)
        node_set_int(arena, ret, "memory", memory);
    if (manifest_quantity(limits, "cpu", "", &cpu, true, &ignored) == 0 && cpu)
        node_set_int(arena, ret, "cpu", cpu);
    node_set_int(arena, ret, "pids", 4096); /* a fork bomb stays inside its pod */
}

static void compile_user(struct arena *arena, const struct node *context, struct node *ret)
{
    static const struct {
        const char *from, *to;
    } ids[] = {{"runAsUser", "user"}, {"runAsGroup", "group"}, {"fsGroup", "fsGroup"}};
    const struct node *groups = node_get(context, "supplementalGroups");

    for (size_t i = 0; i < count_of(ids); i++) {
        uint32_t id = number_id(context, ids[i].from);

        if (id != NUMBER_NO_ID)
            node_set_int(arena, ret, ids[i].to, id);
    }
    if (node_count(groups))
        node_set(arena, ret, "groups", node_copy(arena, groups));
    if (node_get(context, "fsGroupChangePolicy"))
        node_set_text(arena, ret, "fsGroupPolicy", node_get_text(context, "fsGroupChangePolicy"));
}

static bool names_capability(const struct node *list, int capability)
{
    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_text(node_item(list, i)), "ALL") ||
            runtime_capability(node_text(node_item(list, i))) == capability)
            return true;
    return false;
}

/* A process of uid 0 has the usual capabilities without those that are dropped. What is added
   is had even where ALL is dropped. */
static void compile_rights(struct arena *arena, const struct node *pod, const struct node *own,
                           struct node *ret)
{
    const struct node *add = node_at(own, "capabilities", "add", NULL);
    const struct node *drop = node_at(own, "capabilities", "drop", NULL);
    bool zero = number_value(manifest_context(pod, own, "runAsUser"), NUMBER_USER, 1) == 0;
    struct node *list = node_list(arena);

    if (node_get_bool(own, "readOnlyRootFilesystem", false))
        node_set_bool(arena, ret, "readOnlyRoot", true);
    if (node_get_bool(own, "privileged", false))
        node_set_bool(arena, ret, "privileged", true);
    for (int i = 0; i < 64; i++)
        if (names_capability(add, i) ||
            (zero && runtime_capability_is_usual(i) && !names_capability(drop, i)))
            node_add(arena, list, node_format(arena, "%d", i));
    if (node_count(list))
        node_set(arena, ret, "capabilities", list);
}

/* The first restart has no pause (plan_backoff()), so the shim itself does it, without the
   agent. Not in a Job, whose failures are counted before anything is started again. */
static void compile_again(const struct pod *pod, struct arena *arena, struct node *ret)
{
    const char *policy = node_get_text(node_get(pod->template, "spec"), "restartPolicy");
    struct node *again;

    if (!strcmp(policy, "Never") || pod_workload(pod).job)
        return;
    again = node_make(arena, ret, "again");
    node_set_text(arena, again, "on", strcmp(policy, "OnFailure") != 0 ? "any" : "failure");
    node_set_int(arena, again, "after", PLAN_BACKOFF_RESET / CLOCK_SECOND);
}

/* The preStop hook in a form that the shim can run by itself when the machine shuts down. */
static void compile_hook(const struct pod_container *from, struct arena *arena, struct node *ret)
{
    const struct node *hook = node_at(from->spec, "lifecycle", "preStop", NULL), *command;
    struct node *to;

    command = node_at(hook, "exec", "command", NULL);
    if (!node_is(hook, NODE_MAP))
        return;
    to = node_make(arena, ret, "preStop");
    if (command)
        node_set(arena, to, "command", node_copy(arena, command));
    else if (!node_get(hook, "sleep"))
        node_set(arena, to, "probe", node_copy(arena, ports_resolve_probe(from, hook, arena)));
    else
        node_set_int(arena, to, "sleep",
                     number_get(node_get(hook, "sleep"), "seconds", NUMBER_SECONDS, 0));
}

/* The order matters: commands and mounts may use $(NAME) of the environment. */
static int compile_container(struct pod *pod, struct arena *arena, const struct pod_container *from,
                             struct node *ret, struct manifest_why *why)
{
    struct env env = {arena, pod, from->spec, node_map(arena)};
    struct node *list;

    if (env_resolve(&env, why) < 0)
        return -1;
    node_set_text(arena, ret, "name", from->name);
    compile_command(&env, ret, compile_image(pod, arena, from->spec, ret));
    list = node_make_list(arena, ret, "env");
    node_each(value, env.values)
        node_add(arena, list, node_format(arena, "%s=%s", value->key, node_text(value->value)));
    if (*node_get_text(from->spec, "workingDir"))
        node_set_text(arena, ret, "directory", node_get_text(from->spec, "workingDir"));
    if (compile_mounts(&env, node_make_list(arena, ret, "mounts"), why) < 0)
        return -1;
    compile_limits(arena, from->spec, ret);
    compile_hook(from, arena, ret);
    if (!from->init)
        compile_again(pod, arena, ret);
    compile_user(arena, node_get(from->spec, "securityContext"), ret);
    compile_rights(arena, node_at(pod->template, "spec", "securityContext", NULL),
                   node_get(from->spec, "securityContext"), ret);
    return 0;
}

uint64_t pods_hash_hosts(const struct node *names)
{
    scoped_text struct text out = {0};

    document_write_json(&out, names);
    return pods_hash(0, out.bytes, out.len);
}

struct node *compile_hosts(const struct pod *pod, struct arena *arena, const struct node *names)
{
    const struct node *aliases = node_at(pod->template, "spec", "hostAliases", NULL);
    struct node *ret = node_list(arena);

    /* Its own name first: a program that looks itself up must find its podIP. */
    node_add(arena, ret, node_format(arena, "127.0.0.1 %s", pod_own_host(pod, arena)));
    for (size_t i = 0; i < node_count(aliases); i++) {
        const struct node *alias = node_item(aliases, i), *hosts = node_get(alias, "hostnames");

        for (size_t j = 0; j < node_count(hosts); j++)
            node_add(arena, ret,
                     node_format(arena, "%s %s", node_get_text(alias, "ip"),
                                 node_text(node_item(hosts, j))));
    }
    for (size_t i = 0; i < node_count(names); i++)
        node_add(arena, ret, node_item(names, i));
    return ret;
}

/* The bytes that the pod's own folders may hold: the sum of its containers' limits where each
   has one, and at most what the spoke allows to a pod. */
static int64_t sum_disk(const struct pod *pod)
{
    int64_t most = pod->pods->options.bounds.disk, sum = 0, one;
    struct manifest_why ignored;

    for (size_t i = 0; i < pod->count; i++) {
        const struct node *limits = node_at(pod->containers[i].spec, "resources", "limits", NULL);

        if (manifest_quantity(limits, "ephemeral-storage", "", &one, false, &ignored) < 0 || !one)
            return most;
        sum += one < most ? one : most;
    }
    return sum && sum < most ? sum : most;
}

struct node *compile_pod(struct pod *pod, struct arena *arena, struct manifest_why *why)
{
    const struct node *spec = node_get(pod->template, "spec");
    const struct node *volumes = node_get(spec, "volumes");
    bool has_init = pod->count && pod->containers[0].init;
    struct node *ret = node_map(arena), *list = node_make_list(arena, ret, "volumes"), *names;
    const char *place = places_name(pod->pods->places, pod->project, pod->namespace);
    const struct pods_callbacks *callbacks = &pod->pods->options.callbacks;

    node_set_text(arena, ret, "id", pod->id);
    node_set_text(arena, ret, "owner", place);
    node_set_int(arena, ret, "ownerNumber", places_number(pod->pods->places, place));
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
    node_set_int(arena, ret, "disk", sum_disk(pod));
    node_set_text(arena, ret, "hostname", pod_own_host(pod, arena));
    node_set_int(arena, ret, "grace", pod_grace(pod) / CLOCK_MS);
    names = callbacks->hosts(callbacks->arg, pod, arena);
    pod->hosts = pods_hash_hosts(names);
    node_set(arena, ret, "hosts", compile_hosts(pod, arena, names));
    return ret;
}
