/* SPDX-License-Identifier: Apache-2.0 */
/* Runs pods that name images through Podman or Docker, and the others as processes. */

#include "runtime/engine.h"
#include "runtime/claims.h"

#include "base/clock.h"
#include "base/kept.h"
#include "base/log.h"
#include "base/map.h"
#include "document/document.h"
#include "probe/probe.h"
#include "http/http.h"
#include "meta/meta.h"
#include "number/number.h"
#include "shim/shim.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "engine"

/* ---- Opening and closing ------------------------------------------------------------ */

/* "Podman Engine 4.3.1", or NULL. */
static char *version_at(const char *address, struct arena *arena, struct err *err)
{
    size_t len = 0;
    char *bytes = engine_request_now(address, "/version", arena, &len, err);
    const struct node *version = bytes ? document_read_foreign(arena, bytes, len, err) : NULL;
    const struct node *first = node_item(node_get(version, "Components"), 0);

    return version
               ? mem_printf("%s %s",
                            *node_get_text(first, "Name") ? node_get_text(first, "Name") : "engine",
                            node_get_text(version, "Version"))
               : NULL;
}

static int find_engine(struct engine *engine, const char *requested, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    const char *own = getenv("XDG_RUNTIME_DIR");

    if (requested && !*requested)
        requested = NULL;
    const char *const places[] = {
        requested, requested ? NULL : "/run/podman/podman.sock",
        requested ? NULL : "/var/run/docker.sock",
        requested || !own ? NULL : arena_printf(arena, "%s/podman/podman.sock", own)};
    struct err last = {0};
    struct stat st;

    for (size_t i = 0; i < count_of(places) && !engine->version; i++) {
        if (!places[i] || !*places[i])
            continue;
        mem_free(&engine->address);
        engine->address =
            mem_printf("%s%s", text_starts(places[i], "unix:") ? "" : "unix:", places[i]);
        engine->version = version_at(engine->address, arena, &last);
    }
    if (engine->version) {
        engine->foreign =
            stat(engine->address + strlen("unix:"), &st) < 0 || st.st_uid != geteuid();
        return 0;
    }
    return err_set(err, ERR_UNREACHABLE,
                   "EngineUnavailable: no Podman or Docker answers%s%s (%s); "
                   "start one (podman system service) or name its socket with --engine-socket",
                   requested ? " at " : "", requested ? requested : "", last.text);
}

/* Calls under way lose their client first, so that none of them calls back. */
static void engine_close(struct runtime **runtime)
{
    struct runtime *r = *runtime;
    struct process_pod *pod;
    size_t at = 0;

    if (!r)
        return;
    while ((pod = map_next(r->pods, &at, NULL)))
        process_pod_free(&pod);
    probe_client_free(&r->probes);
    http_client_free(&r->engine->client);
    while (r->engine->calls) {
        struct engine_call *call = r->engine->calls;

        r->engine->calls = call->next;
        mem_free(&call->arg);
        mem_free(&call);
    }
    loop_timer_free(&r->engine->retry);
    runtime_process.close(&r->engine->process);
    process_files_close(r);
    map_free(&r->pods);
    mem_free(&r->engine->address);
    mem_free(&r->engine->version);
    mem_free(&r->engine);
    mem_free(&r->directory);
    mem_free(runtime);
}

/* The engine driver has a process driver inside, for pods without images. */
static int open_parts(struct runtime *runtime, struct err *err)
{
    struct engine *engine = runtime->engine;
    struct http_client_settings settings = {.host = "localhost", .most_connections = 4096};
    scoped_mem char *folder = NULL;

    if (runtime_process.open(&runtime->options, &engine->process, err) < 0 ||
        find_engine(engine, runtime->options.engine_socket, err) < 0)
        return -1;
    settings.address = engine->address;
    engine->client = http_client_new(runtime->loop, &settings, err);
    if (!engine->client || process_files_open(runtime, err) < 0)
        return -1;
    folder = mem_printf("%s/" FOLDER, runtime->directory);
    if (mkdir(folder, 0711) < 0 && errno != EEXIST)
        return err_set(err, ERR_INTERNAL, "%s: %s", folder, strerror(errno));
    return 0;
}

static int engine_open(const struct runtime_options *options, struct runtime **ret, struct err *err)
{
    struct runtime *runtime = mem_alloc(sizeof *runtime);

    runtime->driver = &runtime_engine;
    runtime->options = *options;
    runtime->loop = options->loop;
    runtime->directory = process_absolute(options->directory);
    runtime->folder = FOLDER;
    runtime->pods = map_new();
    runtime->probes = probe_client_new(options->loop);
    runtime->engine = mem_alloc(sizeof *runtime->engine);
    runtime->inotify = -1;
    runtime->root = geteuid() == 0;
    runtime->namespaces = true; /* any path can be mounted */
    if (open_parts(runtime, err) < 0) {
        engine_close(&runtime);
        return -1;
    }
    *ret = runtime;
    return 0;
}

static struct node *engine_facts(struct runtime *runtime, struct arena *arena)
{
    struct node *facts = runtime_process.facts(runtime->engine->process, arena);
    struct node *notes = node_get(facts, "notes");

    node_set_text(arena, facts, "driver", "engine");
    node_set_text(arena, facts, "engine", runtime->engine->version);
    node_add(arena, notes,
             node_format(arena,
                         "containers with images are run by %s; what is said "
                         "of isolation is said of processes",
                         runtime->engine->version));
    return facts;
}

/* ---- Which driver's a pod is ----------------------------------------------------------- */

static bool is_process(struct runtime *runtime, const char *id)
{
    return !map_get(runtime->pods, id);
}

/* A relative mountPath counts from the working directory, which an image may not have. */
static int check_images(const struct node *spec, bool *ret_any, struct err *err)
{
    const struct node *containers = node_get(spec, "containers");
    size_t with = 0;

    for (size_t i = 0; i < node_count(containers); i++) {
        const struct node *container = node_item(containers, i);
        const struct node *mounts = node_get(container, "mounts");

        if (!*node_get_text(container, "image"))
            continue;
        with++;
        for (size_t j = 0; j < node_count(mounts); j++)
            if (node_get_text(node_item(mounts, j), "path")[0] != '/' &&
                node_get_text(container, "directory")[0] != '/')
                return err_set(err, ERR_UNSUPPORTED,
                               "MountUnavailable: mountPath %.200s is relative, "
                               "so container %.100s needs a workingDir",
                               node_get_text(node_item(mounts, j), "path"),
                               node_get_text(container, "name"));
    }
    *ret_any = with > 0;
    if (with && with < node_count(containers))
        return err_set(err, ERR_UNSUPPORTED,
                       "MixedPod: either all containers of a pod name an "
                       "image or none does");
    return 0;
}

/* ---- Making ------------------------------------------------------------------------------ */

/* With the whole specification: a later agent makes further containers of it. */
static int keep_engine_pod(struct process_pod *pod, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *path = mem_printf("%s/pod.json", pod->directory);
    scoped_text struct text out = {0};
    struct node *kept = node_map(arena);

    node_set_text(arena, kept, "id", pod->id);
    node_set(arena, kept, "record", (struct node *)pod->record);
    node_set(arena, kept, "spec", pod->spec);
    document_write_json(&out, kept);
    return kept_write(path, out.bytes, out.len, 0600, false, err);
}

/* The agent itself does it here, and must not be held up. */
#define GIVE_MOST 20000

static int fail_gift(const char *claim, struct err *err)
{
    int number = errno;

    return err_set(err, ERR_FULL,
                   "MountUnavailable: volume \"%.100s\" cannot be given to the pod's "
                   "fsGroup: %s",
                   claim,
                   number != E2BIG
                       ? strerror(number)
                       : "it holds more than 20000 files; give them to the group by hand, and set "
                         "fsGroupChangePolicy: OnRootMismatch");
}

static void tell_left(struct process_pod *pod, const struct shim_gift *gift)
{
    char words[400];

    shim_explain_gift(gift, words, sizeof words);
    process_tell(pod, NULL, RUNTIME_NOTE, "FsGroupIncomplete", words);
}

/* Everything that may fail is done before the pod is known to the engine. */
static int lay_out(struct process_pod *pod, const struct node *spec, struct err *err)
{
    struct node *volumes = node_list(pod->arena);
    struct shim_gift gift = {.most = GIVE_MOST, .volume = ""};
    uint32_t user = 0;

    if (process_user_of(pod->runtime, spec, &user, err) < 0 ||
        claims_complete(pod->runtime, pod->arena, spec, &spec, err) < 0)
        return -1;
    if (mkdir(pod->directory, 0711) < 0 && errno != EEXIST)
        return err_set(err, ERR_FULL, "%s: %s", pod->directory, strerror(errno));
    if (process_files_make(pod, spec, volumes, pod->arena, user, err) < 0)
        return -1;
    if (pod->runtime->root && shim_give_claims(spec, volumes, &gift) < 0)
        return fail_gift(gift.volume, err);
    if (gift.failed)
        tell_left(pod, &gift);
    pod->spec = node_copy(pod->arena, spec);
    node_remove(pod->spec, "record");
    node_set(pod->arena, pod->spec, "volumes", volumes);
    if (engine_check_mounts(pod, err) < 0)
        return -1;
    /* A rootless engine runs as our own user, and root in its containers is that user. */
    if (pod->runtime->root || pod->runtime->engine->foreign)
        node_set_int(pod->arena, pod->spec, "user", user);
    return keep_engine_pod(pod, err);
}

/* A pod without images is the process driver's. */
static int engine_create(struct runtime *runtime, const struct node *spec, struct err *err)
{
    const char *id = node_get_text(spec, "id");
    const struct node *containers = node_get(spec, "containers");
    struct process_pod *pod;
    bool any = false;

    if (check_images(spec, &any, err) < 0)
        return -1;
    if (!any)
        return runtime_process.create(runtime->engine->process, spec, err);
    if (!process_is_name(id) || !node_count(containers))
        return err_set(err, ERR_INVALID, "id \"%.130s\" is no name", id);
    if (map_get(runtime->pods, id))
        return err_set(err, ERR_EXISTS, "pod %s is there already", id);
    if (process_check_spec(runtime, spec, err) < 0)
        return -1;
    pod = process_pod_new(runtime, id);
    process_pod_set_record(pod, node_get(spec, "record"));
    if (lay_out(pod, spec, err) < 0) {
        process_pod_delete(pod);
        process_pod_free(&pod);
        return -1;
    }
    for (size_t i = 0; i < node_count(containers); i++)
        process_state_of(pod, node_get_text(node_item(containers, i), "name"));
    for (size_t i = 0; i < node_count(containers); i++)
        if (node_get_bool(node_item(containers, i), "start", false))
            engine_run(pod, node_get_text(node_item(containers, i), "name"));
    process_files_watch(pod);
    return 0;
}

/* ---- Verbs on a pod ------------------------------------------------------------------------ */

static int engine_start(struct runtime *runtime, const char *id, const char *container,
                        struct err *err)
{
    struct process_pod *pod = map_get(runtime->pods, id);

    if (is_process(runtime, id))
        return runtime_process.start(runtime->engine->process, id, container, err);
    if (pod->removing)
        return err_set(err, ERR_NOT_FOUND, "pod %s is being removed", id);
    if (strcmp(process_state_of(pod, container)->state, "running") != 0)
        engine_run(pod, container);
    return 0;
}

/* The time is kept with the state: see engine_stop_again(). */
static void engine_stop(struct runtime *runtime, const char *id, const char *container,
                        int64_t grace)
{
    struct process_pod *pod = map_get(runtime->pods, id);
    int64_t at = clock_steady() + grace;

    if (is_process(runtime, id)) {
        runtime_process.stop(runtime->engine->process, id, container, grace);
        return;
    }
    if (!container)
        process_note_ending(pod);
    for (size_t i = 0; i < pod->count; i++) {
        struct process_state *state = &pod->states[i];

        if ((container && strcmp(state->name, container) != 0) ||
            strcmp(state->state, "running") != 0)
            continue;
        if (!state->stop_at || at < state->stop_at)
            state->stop_at = at;
        engine_stop_again(pod, state);
    }
}

static void engine_take_away(struct runtime *runtime, const char *id)
{
    struct process_pod *pod = map_get(runtime->pods, id);

    if (is_process(runtime, id)) {
        runtime_process.remove(runtime->engine->process, id);
    } else if (!pod->removing) {
        pod->removing = true;
        engine_remove(pod);
    }
}

static int engine_set_files(struct runtime *runtime, const char *id, const char *volume,
                            const struct node *files, struct err *err)
{
    if (is_process(runtime, id))
        return runtime_process.set_files(runtime->engine->process, id, volume, files, err);
    return process_files_set(map_get(runtime->pods, id), volume, files, err);
}

static int engine_set_hosts(struct runtime *runtime, const char *id, const struct node *lines,
                            struct err *err)
{
    if (is_process(runtime, id))
        return runtime_process.set_hosts(runtime->engine->process, id, lines, err);
    return process_files_hosts(map_get(runtime->pods, id), lines, err);
}

static void engine_note_ready(struct runtime *runtime, const char *id, int64_t since)
{
    const struct process_pod *pod = map_get(runtime->pods, id);

    if (is_process(runtime, id))
        runtime_process.note_ready(runtime->engine->process, id, since);
    else if (pod)
        process_note_ready(pod, since);
}

static void engine_probe(struct runtime *runtime, const char *id, const char *container,
                         const struct node *probe, int64_t timeout, runtime_probe_fn *done,
                         void *arg)
{
    const struct node *command = node_at(probe, "exec", "command", NULL);

    if (is_process(runtime, id))
        runtime_process.probe(runtime->engine->process, id, container, probe, timeout, done, arg);
    else if (command)
        engine_exec(map_get(runtime->pods, id), container, command, timeout, done, arg);
    else
        probe_network(runtime->probes, probe, timeout, done, arg);
}

static int engine_port(struct runtime *runtime, int wanted, int *ret, struct err *err)
{
    return runtime_process.port(runtime->engine->process, wanted, ret, err);
}

static char *engine_log_tail(struct runtime *runtime, struct arena *arena, const char *id,
                             const char *container, int lines)
{
    scoped_text struct text out = {0};
    struct err err = {0};
    char *bytes;
    size_t len = 0;

    if (is_process(runtime, id))
        return runtime_process.log_tail(runtime->engine->process, arena, id, container, lines);
    bytes = engine_request_now(runtime->engine->address,
                               arena_printf(arena,
                                            "/containers/%s/logs?stdout=1&stderr=1&"
                                            "timestamps=1&tail=%d",
                                            engine_name(arena, id, container), lines),
                               arena, &len, &err);
    if (bytes)
        engine_unmix(bytes, len, true, &out);
    return arena_string(arena, text_string(&out));
}

static int engine_claim_delete(struct runtime *runtime, const char *claim, struct err *err)
{
    return runtime_process.claim_delete(runtime->engine->process, claim, err);
}

/* ---- Finding what runs ------------------------------------------------------------- */

/* The engine remembers what its containers did while no agent ran. */
static void find_state(struct process_pod *pod, const char *container)
{
    scoped_arena struct arena *arena = arena_new();
    struct process_state *state = process_state_of(pod, container);
    struct err err = {0};
    size_t len = 0;
    char *bytes = engine_request_now(
        pod->runtime->engine->address,
        arena_printf(arena, "/containers/%s/json", engine_name(arena, pod->id, container)), arena,
        &len, &err);
    const struct node *found = bytes ? document_read_foreign(arena, bytes, len, NULL) : NULL;

    /* Silence is no answer: taken for "not there" it would be removed and started anew. */
    if (!found && err.code != ERR_NOT_FOUND) {
        log_warn("runtime", "pod %s: %s: its state is asked for again", pod->id, err.text);
        engine_look_later(pod, state);
        return;
    }
    /* Made, and its agent died before it was started: as if it had not been. */
    if (!found || text_same(node_get_text(node_get(found, "State"), "Status"), "created"))
        return;
    engine_take_state(state, found);
    if (!strcmp(state->state, "running"))
        engine_follow(pod, container);
}

static void adopt_engine_pod(struct runtime *runtime, const char *id)
{
    scoped_arena struct arena *arena = arena_new();
    struct process_pod *pod = process_pod_new(runtime, id);
    const struct node *kept, *containers;

    kept = process_read_kept(arena, arena_printf(arena, "%s/pod.json", pod->directory));
    if (!kept) { /* the last agent died while making it: it has no containers */
        process_pod_delete(pod);
        process_pod_free(&pod);
        return;
    }
    if (!node_get(kept, "record") || !node_get(kept, "spec")) {
        log_warn("runtime", "pod %s: its pod.json is not ours", id);
        process_pod_free(&pod);
        return;
    }
    process_pod_set_record(pod, node_get(kept, "record"));
    pod->spec = node_copy(pod->arena, node_get(kept, "spec"));
    process_files_adopt(pod, node_get(pod->spec, "volumes"),
                        number_get(pod->spec, "user", NUMBER_USER, -1));
    containers = node_get(pod->spec, "containers");
    for (size_t i = 0; i < node_count(containers); i++)
        find_state(pod, node_get_text(node_item(containers, i), "name"));
}

/* Containers whose pod is gone: the agent died between the two. */
static void sweep_containers(struct runtime *runtime)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text target = {0};
    struct err err = {0};
    size_t len = 0;
    char *bytes;
    const struct node *list;

    text_add(&target, "/containers/json?all=1&filters=");
    http_escape(&target, arena_printf(arena, "{\"label\":[\"" META_LABEL_SPOKE "=%s\"]}",
                                      runtime->directory));
    bytes = engine_request_now(runtime->engine->address, text_string(&target), arena, &len, &err);
    list = bytes ? document_read_foreign(arena, bytes, len, NULL) : NULL;
    for (size_t i = 0; i < node_count(list); i++) {
        const struct node *labels = node_get(node_item(list, i), "Labels");

        if (!map_get(runtime->pods, node_get_text(labels, META_LABEL_POD)))
            engine_send(runtime, "DELETE",
                        arena_printf(arena, "/containers/%s?force=1&v=1",
                                     node_get_text(node_item(list, i), "Id")),
                        NULL, ENGINE_SOON, engine_on_stopped);
    }
}

static struct node *engine_observe(struct runtime *runtime, struct arena *arena)
{
    struct node *list = runtime_process.observe(runtime->engine->process, arena);
    scoped_mem char *path = mem_printf("%s/" FOLDER, runtime->directory);
    DIR *folder = opendir(path);
    struct process_pod *pod;
    size_t at = 0;

    for (struct dirent *e; folder && (e = readdir(folder));)
        if (e->d_name[0] != '.' && !map_get(runtime->pods, e->d_name))
            adopt_engine_pod(runtime, e->d_name);
    if (folder)
        closedir(folder);
    sweep_containers(runtime);
    while ((pod = map_next(runtime->pods, &at, NULL))) {
        struct node *found = node_map(arena);
        struct node *states = node_make_list(arena, found, "containers");

        node_set_text(arena, found, "id", pod->id);
        node_set(arena, found, "record", node_copy(arena, pod->record));
        node_set_bool(arena, found, "alive", true);
        process_describe_notes(pod, arena, found);
        for (size_t i = 0; i < pod->count; i++)
            node_add(arena, states, process_state_describe(arena, &pod->states[i]));
        node_add(arena, list, found);
    }
    return list;
}

const struct runtime_driver runtime_engine = {
    .name = "engine",
    .open = engine_open,
    .close = engine_close,
    .facts = engine_facts,
    .observe = engine_observe,
    .create = engine_create,
    .start = engine_start,
    .stop = engine_stop,
    .remove = engine_take_away,
    .set_files = engine_set_files,
    .set_hosts = engine_set_hosts,
    .note_ready = engine_note_ready,
    .probe = engine_probe,
    .port = engine_port,
    .log_tail = engine_log_tail,
    .claim_delete = engine_claim_delete,
};
