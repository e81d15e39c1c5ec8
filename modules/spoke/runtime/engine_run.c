/* SPDX-License-Identifier: Apache-2.0 */
/* Takes an engine's container from its image to its end. */

#include "base/beneath.h"
#include "runtime/engine.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "document/document.h"
#include "http/http.h"
#include "meta/meta.h"
#include "number/number.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define PULL (900 * CLOCK_SECOND)
#define RETRY CLOCK_SECOND

/*
 * An engine that was restarted meanwhile has forgotten that the container was to stop: the
 * stop is sent again with each look at what runs, with what is left of the grace period.
 */
void engine_on_stopped(struct engine_call *call, const struct engine_response *response)
{
    if (*response->why && response->status != 404)
        log_warn("runtime", "pod %s: stop: %s", call->pod, response->why);
}

void engine_stop_again(struct process_pod *pod, struct process_state *state)
{
    scoped_arena struct arena *arena = arena_new();
    int64_t left = state->stop_at - clock_steady();
    int64_t seconds = left > 0 ? (left + CLOCK_SECOND - 1) / CLOCK_SECOND : 0;
    struct engine_call *call;

    if (!state->stop_at || strcmp(state->state, "running") != 0)
        return;
    call = engine_send(pod->runtime, "POST",
                       arena_printf(arena, "/containers/%s/stop?t=%lld",
                                    engine_name(arena, pod->id, state->name), (long long)seconds),
                       NULL, seconds * CLOCK_SECOND + ENGINE_SOON, engine_on_stopped);
    snprintf(call->pod, sizeof call->pod, "%s", pod->id);
}

static const struct node *spec_of_container(const struct process_pod *pod, const char *name)
{
    const struct node *list = node_get(pod->spec, "containers");

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_get_text(node_item(list, i), "name"), name))
            return node_item(list, i);
    return NULL;
}

static struct engine_call *ask_engine(struct process_pod *pod, const char *container,
                                      const char *method, const char *target,
                                      const struct node *body, int64_t deadline, engine_fn *done)
{
    struct engine_call *call = engine_send(pod->runtime, method, target, body, deadline, done);

    snprintf(call->pod, sizeof call->pod, "%s", pod->id);
    snprintf(call->container, sizeof call->container, "%s", container);
    call->run = process_state_of(pod, container)->run.number;
    return call;
}

/* The pod and its state, unless either is another one by now. */
static struct process_pod *pod_of_call(const struct engine_call *call,
                                       struct process_state **ret_state)
{
    struct process_pod *pod = map_get(call->runtime->pods, call->pod);

    if (!pod)
        return NULL;
    *ret_state = process_state_of(pod, call->container);
    return (*ret_state)->run.number == call->run ? pod : NULL;
}

/* ---- What is asked for ---------------------------------------------------------------- */

static const struct node *volume_of_mount(const struct process_pod *pod, const struct node *mount)
{
    const struct node *volumes = node_get(pod->spec, "volumes");

    for (size_t i = 0; i < node_count(volumes); i++)
        if (text_same(node_get_text(node_item(volumes, i), "name"), node_get_text(mount, "volume")))
            return node_item(volumes, i);
    return NULL;
}

static int check_engine_mount(const struct process_pod *pod, const struct node *mount,
                              struct err *err)
{
    const struct node *volume = volume_of_mount(pod, mount);
    const char *source = node_get_text(volume, "source"), *root = node_get_text(volume, "root");
    const char *sub = node_get_text(mount, "subPath"), *path = node_get_text(mount, "path");
    scoped_mem char *below =
        mem_printf("%s%s%s", *root ? node_get_text(volume, "below") : "", *sub ? "/" : "", sub);
    int base = open(*root ? root : source, O_PATH | O_CLOEXEC);
    int steady = base < 0 ? -1 : beneath_is_steady(base, below), number = errno;

    if (base >= 0)
        close(base);
    if (strchr(source, ':') || strchr(sub, ':') || strchr(path, ':'))
        return err_set(err, ERR_UNSUPPORTED,
                       "MountUnavailable: a path with ':' cannot be told to the "
                       "engine: %.150s at %.150s",
                       source, path);
    if (steady == 0 || !*below)
        return 0;
    return err_set(err, ERR_UNSUPPORTED, "MountUnavailable: %.200s/%.100s: %s",
                   *root ? root : source, below,
                   number == EPERM ? "a workload could lead it elsewhere before the engine mounts "
                                     "it, for a folder above it is not writable by the spoke's "
                                     "user alone; mount the volume as a whole"
                                   : strerror(number));
}

int engine_check_mounts(const struct process_pod *pod, struct err *err)
{
    const struct node *containers = node_get(pod->spec, "containers");

    for (size_t i = 0; i < node_count(containers); i++) {
        const struct node *mounts = node_get(node_item(containers, i), "mounts");

        for (size_t j = 0; j < node_count(mounts); j++)
            if (check_engine_mount(pod, node_item(mounts, j), err) < 0)
                return -1;
    }
    return 0;
}

static void add_binds(struct process_pod *pod, const struct node *container, struct arena *arena,
                      struct node *host)
{
    const struct node *mounts = node_get(container, "mounts");
    const char *directory = node_get_text(container, "directory");
    struct node *binds = node_make_list(arena, host, "Binds");

    for (size_t i = 0; i < node_count(mounts); i++) {
        const struct node *mount = node_item(mounts, i), *volume = volume_of_mount(pod, mount);
        const char *path = node_get_text(mount, "path"), *sub = node_get_text(mount, "subPath");
        bool read_only = node_get_bool(mount, "readOnly", false) ||
                         text_same(node_get_text(volume, "type"), "files");

        node_add(arena, binds,
                 node_format(arena, "%s%s%s:%s%s%s%s", node_get_text(volume, "source"),
                             *sub ? "/" : "", sub, *path == '/' ? "" : directory,
                             *path == '/' ? "" : "/", path, read_only ? ":ro" : ""));
    }
    node_add(arena, binds, node_format(arena, "%s/hosts:/etc/hosts:ro", pod->directory));
}

static void add_capabilities(const struct node *container, struct arena *arena, struct node *host)
{
    const struct node *list = node_get(container, "capabilities");

    node_add(arena, node_make_list(arena, host, "CapDrop"), node_string(arena, "ALL"));
    node_add(arena, node_make_list(arena, host, "SecurityOpt"),
             node_string(arena, "no-new-privileges"));
    for (size_t i = 0; i < node_count(list); i++) {
        long long number = -1;

        if (text_to_int(node_text(node_item(list, i)), &number) && number >= 0 && number < 64 &&
            runtime_capability_name((int)number))
            node_add(arena, node_make_list(arena, host, "CapAdd"),
                     node_string(arena, runtime_capability_name((int)number)));
    }
}

/* Delivered files belong to the pod's own group, so each process is in it, whatever its user. */
static void add_engine_groups(const struct process_pod *pod, struct arena *arena, struct node *host)
{
    const struct node *list = node_get(pod->spec, "groups");
    const uint32_t own[] = {number_id(pod->spec, "user"), number_id(pod->spec, "fsGroup")};

    for (size_t i = 0; i < count_of(own); i++)
        if (own[i] != NUMBER_NO_ID)
            node_add(arena, node_make_list(arena, host, "GroupAdd"),
                     node_format(arena, "%u", own[i]));
    for (size_t i = 0; i < node_count(list); i++)
        node_add(arena, node_make_list(arena, host, "GroupAdd"),
                 node_format(arena, "%lld",
                             (long long)number_value(node_item(list, i), NUMBER_GROUP, 65534)));
}

/* Our own: an engine of few rights fails to raise what it thinks usual. */
static void add_ulimit(struct arena *arena, struct node *list, const char *name, int resource,
                       rlim_t most)
{
    struct node *limit = node_map(arena);
    struct rlimit have;

    if (getrlimit((__rlimit_resource_t)resource, &have) < 0)
        return;
    if (have.rlim_max != RLIM_INFINITY && have.rlim_max < most)
        most = have.rlim_max;
    node_set_text(arena, limit, "Name", name);
    node_set_int(arena, limit, "Soft", (int64_t)most);
    node_set_int(arena, limit, "Hard", (int64_t)most);
    node_add(arena, list, limit);
}

static void add_limits(const struct node *container, struct arena *arena, struct node *host)
{
    int64_t memory = number_get(container, "memory", NUMBER_BYTES, 0);
    struct node *limits = node_make_list(arena, host, "Ulimits");

    if (memory > 0) {
        node_set_int(arena, host, "Memory", memory);
        node_set_int(arena, host, "MemorySwap", memory);
    }
    if (number_get(container, "cpu", NUMBER_COUNT, 0) > 0)
        node_set_int(arena, host, "NanoCpus",
                     number_get(container, "cpu", NUMBER_COUNT, 0) * 1000000);
    if (number_get(container, "pids", NUMBER_COUNT, 0) > 0)
        node_set_int(arena, host, "PidsLimit", number_get(container, "pids", NUMBER_COUNT, 0));
    add_ulimit(arena, limits, "nofile", RLIMIT_NOFILE, 1048576);
    add_ulimit(arena, limits, "nproc", RLIMIT_NPROC,
               4096); /* by user, as the group is by container */
}

static struct node *host_config_of(struct process_pod *pod, const struct node *container,
                                   struct arena *arena)
{
    struct node *host = node_map(arena);
    bool privileged = node_get_bool(container, "privileged", false);

    node_set_text(arena, host, "NetworkMode", "host");
    node_set_bool(arena, host, "Privileged", privileged);
    if (node_get_bool(container, "readOnlyRoot", false))
        node_set_bool(arena, host, "ReadonlyRootfs", true);
    if (!privileged)
        add_capabilities(container, arena, host);
    add_engine_groups(pod, arena, host);
    add_binds(pod, container, arena, host);
    add_limits(container, arena, host);
    return host;
}

static struct node *body_of(struct process_pod *pod, const struct node *container,
                            const struct process_state *state, struct arena *arena)
{
    struct node *body = node_map(arena), *labels = node_make(arena, body, "Labels");
    int64_t user =
        number_get(container, "user", NUMBER_USER, number_get(pod->spec, "user", NUMBER_USER, -1));
    int64_t group = number_get(container, "group", NUMBER_GROUP,
                               number_get(pod->spec, "group", NUMBER_GROUP, user));
    const struct node *command = node_get(container, "command"),
                      *args = node_get(container, "args");

    node_set_text(arena, body, "Image", node_get_text(container, "image"));
    if (*node_get_text(pod->spec, "hostname"))
        node_set_text(arena, body, "Hostname", node_get_text(pod->spec, "hostname"));
    if (node_count(command))
        node_set(arena, body, "Entrypoint", node_copy(arena, command));
    if (node_count(args))
        node_set(arena, body, "Cmd", node_copy(arena, args));
    if (node_get(container, "env"))
        node_set(arena, body, "Env", node_copy(arena, node_get(container, "env")));
    if (*node_get_text(container, "directory"))
        node_set_text(arena, body, "WorkingDir", node_get_text(container, "directory"));
    if (user >= 0)
        node_set(arena, body, "User",
                 node_format(arena, "%lld:%lld", (long long)user, (long long)group));
    node_set_text(arena, labels, META_LABEL_SPOKE, pod->runtime->directory);
    node_set_text(arena, labels, META_LABEL_POD, pod->id);
    node_set_text(arena, labels, META_LABEL_CONTAINER, state->name);
    node_set(arena, labels, META_LABEL_RUN,
             node_format(arena, "%lld", (long long)state->run.number));
    node_set(arena, labels, META_LABEL_CRASHES,
             node_format(arena, "%lld", (long long)state->crashes));
    node_set(arena, body, "HostConfig", host_config_of(pod, container, arena));
    return body;
}

/* ---- What is known -------------------------------------------------------------------- */

static int64_t time_of_engine(const struct node *state, const char *name)
{
    int64_t time = 0;

    return clock_parse(node_get_text(state, name), &time) && time > 0 ? time : 0;
}

/* Podman calls one that is paused, or is being stopped, not Running; its processes are there. */
static bool engine_says_running(const struct node *state)
{
    static const char *const there[] = {"running", "paused", "pausing", "stopping"};
    bool running = node_get_bool(state, "Running", false);

    for (size_t i = 0; i < count_of(there); i++)
        running |= !strcmp(node_get_text(state, "Status"), there[i]);
    return running;
}

void engine_take_state(struct process_state *state, const struct node *inspected)
{
    const struct node *from = node_get(inspected, "State");
    const struct node *labels = node_get(node_get(inspected, "Config"), "Labels");
    long long run = 0, crashes = 0;
    int64_t code = number_get(from, "ExitCode", NUMBER_SMALL, 0);
    bool running = engine_says_running(from);

    if (text_to_int(node_get_text(labels, META_LABEL_RUN), &run) && run > 0)
        state->run.number = run;
    if (text_to_int(node_get_text(labels, META_LABEL_CRASHES), &crashes))
        state->crashes = crashes;
    snprintf(state->state, sizeof state->state, "%s", running ? "running" : "exited");
    state->run.pid = number_get(from, "Pid", NUMBER_COUNT, 0);
    state->run.started = time_of_engine(from, "StartedAt");
    if (running)
        return;
    state->crashes++;
    state->run.finished = time_of_engine(from, "FinishedAt");
    state->run.oom = node_get_bool(from, "OOMKilled", false);
    state->run.signal = code > 128 && code < 160 ? (int)code - 128 : 0;
    state->run.code = state->run.signal ? 0 : (int)code;
}

static void fail_container(struct process_pod *pod, struct process_state *state, const char *reason,
                           const char *message)
{
    snprintf(state->state, sizeof state->state, "failed");
    snprintf(state->run.reason, sizeof state->run.reason, "%s", reason);
    snprintf(state->run.message, sizeof state->run.message, "%.390s", message);
    state->run.finished = clock_wall();
    state->crashes++;
    process_tell(pod, state, RUNTIME_FAILED, state->run.reason, state->run.message);
}

/* ---- The end ---------------------------------------------------------------------------- */

static void retry_engine(struct runtime *runtime);

/* The last line with words in it. */
static void take_last_line(struct process_state *state, const char *bytes, size_t len)
{
    scoped_text struct text lines = {0};
    const char *from, *end;

    engine_unmix(bytes, len, false, &lines);
    from = text_string(&lines);
    end = from + strlen(from);
    while (end > from && strchr(" \t\r\n", end[-1]))
        end--;
    for (const char *at = from; (at = memchr(at, '\n', (size_t)(end - at))); from = at)
        at++;
    from += strspn(from, " \t");
    snprintf(state->run.message, sizeof state->run.message, "%.*s",
             end > from ? (int)(end - from > 200 ? 200 : end - from) : 0, from);
    text_make_printable(state->run.message);
}

/* A failure to read the log does not keep the end from being reported. */
static void on_last_words(struct engine_call *call, const struct engine_response *response)
{
    struct process_state *state;
    struct process_pod *pod = pod_of_call(call, &state);

    if (!pod)
        return;
    if (!*response->why && response->bytes)
        take_last_line(state, response->bytes, response->len);
    process_tell(pod, state, RUNTIME_EXITED, "", state->run.message);
}

/* A container that failed has said why on stderr: RUNTIME_EXITED carries its last line. */
static void tell_end(struct process_pod *pod, struct process_state *state)
{
    scoped_arena struct arena *arena = arena_new();

    if (!state->run.code && !state->run.signal) {
        process_tell(pod, state, RUNTIME_EXITED, "", "");
        return;
    }
    ask_engine(pod, state->name, "GET",
               arena_printf(arena, "/containers/%s/logs?stderr=true&stdout=false&tail=3",
                            engine_name(arena, pod->id, state->name)),
               NULL, ENGINE_SOON, on_last_words);
}

/* Answer to an inspect. "Still running" is one of three reasons for it: an engine restart ends
   every wait, and then the wait begins anew. */
static void on_container_ended(struct engine_call *call, const struct engine_response *response)
{
    struct process_state *state;
    struct process_pod *pod = pod_of_call(call, &state);

    if (!pod || strcmp(state->state, "running") != 0)
        return;
    if (response->status == 404) { /* it was removed by hand */
        snprintf(state->state, sizeof state->state, "exited");
        state->run.signal = 9;
        state->run.finished = clock_wall();
        state->crashes++;
        process_tell(pod, state, RUNTIME_EXITED, "", "");
        return;
    } else if (!response->json) {
        state->retry = true;
        retry_engine(pod->runtime);
        return;
    } else if (engine_says_running(node_get(response->json, "State"))) {
        if (state->starting) { /* it was not known when this agent began */
            engine_take_state(state, response->json);
            state->starting = false;
            process_tell(pod, state, RUNTIME_STARTED, "", "");
        }
        engine_follow(pod, state->name);
        engine_stop_again(pod, state);
        return;
    } else {
        engine_take_state(state, response->json);
    }
    tell_end(pod, state);
}

static void inspect_container(struct process_pod *pod, const char *container, engine_fn *done)
{
    scoped_arena struct arena *arena = arena_new();

    ask_engine(pod, container, "GET",
               arena_printf(arena, "/containers/%s/json", engine_name(arena, pod->id, container)),
               NULL, ENGINE_SOON, done);
}

static void remove_next(struct process_pod *pod, size_t index);

/* An engine that is restarted answers again after a while. */
static void on_engine_retry(void *arg)
{
    struct runtime *runtime = arg;
    struct process_pod *pod;
    size_t at = 0;

    while ((pod = map_next(runtime->pods, &at, NULL))) {
        for (size_t i = 0; i < pod->count; i++)
            if (pod->states[i].retry && !pod->removing)
                inspect_container(pod, pod->states[i].name, on_container_ended);
        for (size_t i = 0; i < pod->count; i++)
            pod->states[i].retry = false;
        if (pod->removing && pod->retry)
            remove_next(pod, 0);
        pod->retry = false;
    }
}

/* One timer for all pods: an engine that is down is down for all of them. */
static void retry_engine(struct runtime *runtime)
{
    struct engine *engine = runtime->engine;

    if (!engine->retry)
        engine->retry = loop_timer_new(runtime->loop, on_engine_retry, runtime);
    if (!loop_timer_is_set(engine->retry))
        loop_timer_set(engine->retry, RETRY);
}

/* Until the engine answers, the container counts as starting: it may run, and must not be
   started a second time. */
void engine_look_later(struct process_pod *pod, struct process_state *state)
{
    snprintf(state->state, sizeof state->state, "running");
    snprintf(state->run.message, sizeof state->run.message, "the engine does not say how it is");
    state->starting = state->retry = true;
    retry_engine(pod->runtime);
}

/* The wait ended: by the container's end, or with the connection. */
static void on_waited(struct engine_call *call, const struct engine_response *response)
{
    struct process_state *state;
    struct process_pod *pod = pod_of_call(call, &state);

    if (!pod)
        return;
    if (response->status == 200 || response->status == 404) {
        inspect_container(pod, state->name, on_container_ended);
        return;
    }
    state->retry = true;
    retry_engine(pod->runtime);
}

/* A request that is answered when the container ends; the engine may close it before. */
void engine_follow(struct process_pod *pod, const char *container)
{
    scoped_arena struct arena *arena = arena_new();

    ask_engine(pod, container, "POST",
               arena_printf(arena, "/containers/%s/wait", engine_name(arena, pod->id, container)),
               NULL, ENGINE_EVER, on_waited);
}

/* ---- The beginning ------------------------------------------------------------------------ */

/* Answer to the inspect after a start, which knows the process id. */
static void on_started(struct engine_call *call, const struct engine_response *response)
{
    struct process_state *state;
    struct process_pod *pod = pod_of_call(call, &state);
    int64_t crashes;

    if (!pod)
        return;
    crashes = state->crashes;
    if (response->json)
        engine_take_state(state, response->json);
    /* A run that has ended already is reported as started first: events come in order. */
    process_tell(pod, state, RUNTIME_STARTED, "", "");
    snprintf(state->state, sizeof state->state, "running");
    state->crashes = crashes;
    engine_follow(pod, state->name);
}

static void on_start(struct engine_call *call, const struct engine_response *response)
{
    struct process_state *state;
    struct process_pod *pod = pod_of_call(call, &state);

    if (!pod)
        return;
    if (response->status == 204 || response->status == 304)
        inspect_container(pod, state->name, on_started);
    else
        fail_container(pod, state,
                       strstr(response->why, "not found") ? "CommandNotFound" : "CannotRun",
                       response->why);
}

static void create_container(struct process_pod *pod, const char *container, engine_fn *done)
{
    scoped_arena struct arena *arena = arena_new();
    struct process_state *state = process_state_of(pod, container);

    ask_engine(
        pod, container, "POST",
        arena_printf(arena, "/containers/create?name=%s", engine_name(arena, pod->id, container)),
        body_of(pod, spec_of_container(pod, container), state, arena), ENGINE_SOON, done);
}

static void post_start(struct process_pod *pod, const char *container)
{
    scoped_arena struct arena *arena = arena_new();

    ask_engine(pod, container, "POST",
               arena_printf(arena, "/containers/%s/start", engine_name(arena, pod->id, container)),
               NULL, ENGINE_SOON, on_start);
}

static void on_created_at_last(struct engine_call *call, const struct engine_response *response)
{
    struct process_state *state;
    struct process_pod *pod = pod_of_call(call, &state);

    if (!pod)
        return;
    if (response->status == 201)
        post_start(pod, state->name);
    else
        fail_container(pod, state, "ErrImagePull", response->why);
}

static void on_pulled(struct engine_call *call, const struct engine_response *response)
{
    struct process_state *state;
    struct process_pod *pod = pod_of_call(call, &state);

    if (pod && response->status == 200)
        create_container(pod, state->name, on_created_at_last);
    else if (pod)
        fail_container(pod, state, "ErrImagePull", response->why);
}

static void pull_image(struct process_pod *pod, const char *container)
{
    const char *image = node_get_text(spec_of_container(pod, container), "image");
    const char *slash = strrchr(image, '/'), *colon = strrchr(image, ':');
    scoped_text struct text target = {0};

    text_add(&target, "/images/create?fromImage=");
    http_escape(&target, image);
    if (!strchr(image, '@') && !(colon && (!slash || colon > slash)))
        text_add(&target, "&tag=latest"); /* without one Docker takes all tags */
    ask_engine(pod, container, "POST", text_string(&target), NULL, PULL, on_pulled);
}

/* 404: the image is not there. */
static void on_created(struct engine_call *call, const struct engine_response *response)
{
    struct process_state *state;
    struct process_pod *pod = pod_of_call(call, &state);

    if (!pod)
        return;
    if (response->status == 201)
        post_start(pod, state->name);
    else if (response->status == 404 &&
             !text_same(node_get_text(spec_of_container(pod, state->name), "pull"), "Never"))
        pull_image(pod, state->name);
    else
        fail_container(pod, state, response->status == 404 ? "ErrImageNeverPull" : "CannotRun",
                       response->why);
}

/* A container of an earlier run has the same name, so it goes first; that there was none is no
   failure. */
static void on_cleared(struct engine_call *call, const struct engine_response *response)
{
    struct process_state *state;
    struct process_pod *pod = pod_of_call(call, &state);

    if (!pod)
        return;
    if (!response->status)
        fail_container(pod, state, "EngineUnavailable", response->why);
    else
        create_container(pod, state->name, on_created);
}

void engine_run(struct process_pod *pod, const char *container)
{
    scoped_arena struct arena *arena = arena_new();
    struct process_state *state = process_state_of(pod, container);

    if (state->run.number && !state->last)
        state->last = mem_alloc(sizeof *state->last);
    if (state->last)
        *state->last = state->run;
    state->stop_at = 0;
    state->run = (struct process_run){.number = state->run.number + 1, .started = clock_wall()};
    snprintf(state->state, sizeof state->state, "running");
    ask_engine(
        pod, container, "DELETE",
        arena_printf(arena, "/containers/%s?force=1&v=1", engine_name(arena, pod->id, container)),
        NULL, ENGINE_SOON, on_cleared);
}

/* ---- Removing ------------------------------------------------------------------------------- */

/* `call->run` is the index of the container; the next one follows. */
static void on_removed(struct engine_call *call, const struct engine_response *response)
{
    struct process_pod *pod = map_get(call->runtime->pods, call->pod);

    if (!pod)
        return;
    if (response->status == 0 || response->status >= 500) {
        pod->retry = true; /* it is there still */
        retry_engine(pod->runtime);
    } else {
        remove_next(pod, (size_t)call->run + 1);
    }
}

static void remove_next(struct process_pod *pod, size_t index)
{
    scoped_arena struct arena *arena = arena_new();
    struct engine_call *call;

    if (index >= pod->count) {
        process_end_removed(pod);
        return;
    }
    call = ask_engine(pod, pod->states[index].name, "DELETE",
                      arena_printf(arena, "/containers/%s?force=1&v=1",
                                   engine_name(arena, pod->id, pod->states[index].name)),
                      NULL, ENGINE_SOON, on_removed);
    call->run = (int64_t)index;
}

void engine_remove(struct process_pod *pod)
{
    for (size_t i = 0; i < pod->count; i++) /* steps under way end here */
        pod->states[i].run.number++;
    remove_next(pod, 0);
}
