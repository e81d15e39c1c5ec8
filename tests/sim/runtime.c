/* SPDX-License-Identifier: Apache-2.0 */
/* Runs pods that are only said to run, so that a simulation needs no processes. */

#include "sim/runtime.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/object.h"
#include "base/text.h"
#include "document/document.h"
#include "loop/loop.h"

#include <stdio.h>
#include <string.h>

#define SIMULATED_TAG 0x73696d75u
#define EVENT_TAG 0x73696d65u

/* A container of the machine: it is there whether or not an agent looks. */
struct sim_container {
    char name[128];
    const char *state; /* none, running, exited, failed */
    int64_t run, pid, started, finished;
    int code, signal;
    bool oom;
};

struct sim_pod {
    struct arena *arena; /* owned */
    const char *id;
    struct node *spec;
    const char *text;                 /* of `spec`, to look for words in */
    struct sim_container *containers; /* owned */
    size_t count;
    bool lost; /* evicted: nothing of it can be started again */
    bool noted;
    int64_t ready;  /* what was noted of it last */
    int64_t ending; /* when all of it was told to end; 0: it was not */
};

/* One machine per directory; it outlives the driver that looks at it. */
struct machine {
    struct map *pods;        /* owned */
    struct runtime *watcher; /* the driver that has it open */
};

struct runtime {
    uint32_t tag;
    struct runtime_options options;
    char *directory; /* owned */
    struct machine *machine;
    struct sim_later *laters; /* events on their way to this driver */
};

/* An event that comes a moment later, unless the driver was closed. */
struct sim_later {
    uint32_t tag;
    struct runtime *runtime;  /* NULL: nobody listens any more */
    struct loop_timer *timer; /* owned */
    enum runtime_event_kind kind;
    char pod[128], container[128], message[128];
    const char *reason;
    bool probe;
    int64_t ends; /* the run that ends then by itself; 0: none does */
    runtime_probe_fn *done;
    void *arg;
    struct sim_later *next;
};

#define EVENT_DELAY (5 * CLOCK_MS)

static struct map *machines;
static int64_t next_pid = 1000;
static struct sim_manner manner = {.delay_most = EVENT_DELAY};

void runtime_simulated_manner(const struct sim_manner *wanted)
{
    manner = *wanted;
}

static struct machine *machine_at(const char *directory)
{
    struct machine *machine;

    if (!machines)
        machines = map_new();
    machine = map_get(machines, directory);
    if (!machine) {
        machine = mem_alloc(sizeof *machine);
        machine->pods = map_new();
        map_put(machines, directory, machine);
    }
    return machine;
}

static void free_sim_pod(struct sim_pod *pod)
{
    struct arena *arena = pod->arena;

    arena_free(&arena);
    mem_free(&pod->containers);
    mem_free(&pod);
}

void runtime_simulated_reset(void)
{
    struct machine *machine;
    struct sim_pod *pod;
    size_t at = 0, inner = 0;

    while (machines && (machine = map_next(machines, &at, NULL))) {
        inner = 0;
        while ((pod = map_next(machine->pods, &inner, NULL)))
            free_sim_pod(pod);
        map_free(&machine->pods);
        mem_free(&machine);
    }
    map_free(&machines);
    next_pid = 1000;
}

static struct sim_container *find_sim_container(struct sim_pod *pod, const char *name)
{
    for (size_t i = 0; pod && i < pod->count; i++)
        if (text_same(pod->containers[i].name, name))
            return &pod->containers[i];
    return NULL;
}

static void end_container(struct sim_container *c, int code, int signal)
{
    c->state = "exited";
    c->code = code;
    c->signal = signal;
    c->finished = clock_wall();
}

void runtime_simulated_reboot(const char *directory)
{
    struct machine *machine = machine_at(directory);
    struct sim_pod *pod;
    size_t at = 0;

    while ((pod = map_next(machine->pods, &at, NULL)))
        for (size_t i = 0; i < pod->count; i++)
            if (!strcmp(pod->containers[i].state, "running"))
                end_container(&pod->containers[i], 0, 9);
}

size_t runtime_simulated_running(const char *directory, size_t *ret_pods)
{
    struct machine *machine = machine_at(directory);
    struct sim_pod *pod;
    size_t at = 0, running = 0;

    while ((pod = map_next(machine->pods, &at, NULL)))
        for (size_t i = 0; i < pod->count; i++)
            running += !strcmp(pod->containers[i].state, "running");
    *ret_pods = map_count(machine->pods);
    return running;
}

size_t runtime_simulated_running_of(const char *directory, const char *text)
{
    struct machine *machine = machine_at(directory);
    struct sim_pod *pod;
    size_t at = 0, running = 0;

    while ((pod = map_next(machine->pods, &at, NULL)))
        for (size_t i = 0; i < pod->count && strstr(pod->text, text); i++)
            running += !strcmp(pod->containers[i].state, "running");
    return running;
}

static void (*on_start)(void *arg, const char *directory);
static void *on_start_arg;

void runtime_simulated_on_start(void (*started)(void *arg, const char *directory), void *arg)
{
    on_start = started;
    on_start_arg = arg;
}

/* ---- Events ------------------------------------------------------------------ */

static void forget_later(struct sim_later *later)
{
    struct sim_later **at = &later->runtime->laters;

    while (*at != later)
        at = &(*at)->next;
    *at = later->next;
    loop_timer_free(&later->timer);
    later->tag = 0;
}

static void on_later(void *arg)
{
    struct sim_later *later = object_from(sim_later, EVENT_TAG, arg);
    struct runtime *runtime = later->runtime;
    struct sim_pod *pod = map_get(runtime->machine->pods, later->pod);
    struct sim_container *c = find_sim_container(pod, later->container);
    struct runtime_event event = {
        .kind = later->kind, .pod = later->pod, .reason = later->reason, .message = later->message};

    forget_later(later);
    /* Events of one container come in order, and a run ends once. */
    if (c && !later->probe && strcmp(c->state, "running") != 0 &&
        (later->kind == RUNTIME_STARTED || later->ends)) {
        mem_free(&later);
        return;
    }
    if (c && later->ends && later->ends == c->run)
        end_container(c, manner.exit_code, 0);
    if (c) {
        event.container = c->name;
        event.run = c->run;
        event.pid = c->pid;
        event.code = c->code;
        event.signal = c->signal;
        event.oom = c->oom;
        event.started = c->started;
        event.finished = c->finished;
    }
    if (later->probe)
        later->done(later->arg, c && !strcmp(c->state, "running"), later->message);
    else if (runtime->options.on_event)
        runtime->options.on_event(runtime->options.arg, &event);
    mem_free(&later);
}

static struct sim_later *queue_event_at(struct runtime *runtime, const char *pod,
                                        const char *container, int64_t delay)
{
    struct sim_later *later = mem_alloc(sizeof *later);

    later->tag = EVENT_TAG;
    later->runtime = runtime;
    snprintf(later->pod, sizeof later->pod, "%s", pod);
    snprintf(later->container, sizeof later->container, "%s", container ? container : "");
    later->timer = loop_timer_new(runtime->options.loop, on_later, later);
    later->next = runtime->laters;
    runtime->laters = later;
    loop_timer_set(later->timer, delay);
    return later;
}

static struct sim_later *queue_event(struct runtime *runtime, const char *pod,
                                     const char *container, int64_t most)
{
    int64_t delay = most ? (int64_t)random_below((uint64_t)most) + 1 : 0;

    return queue_event_at(runtime, pod, container, delay);
}

static void tell_sim_event(struct runtime *runtime, const char *pod, const char *container,
                           enum runtime_event_kind kind)
{
    struct sim_later *later = queue_event(runtime, pod, container, manner.delay_most);

    later->kind = kind;
    if (manner.delay)
        loop_timer_set(later->timer, manner.delay);
}

/* A run that is to end by itself, as the manner of the machines has it. */
static void queue_own_end(struct runtime *runtime, const struct sim_pod *pod,
                          const struct sim_container *c)
{
    bool fails = manner.fail_percent && random_below(100) < manner.fail_percent;
    struct sim_later *later;

    if (!fails && !manner.run_time)
        return;
    later = queue_event_at(runtime, pod->id, c->name,
                           manner.delay + manner.delay_most + (fails ? CLOCK_MS : manner.run_time));
    later->kind = RUNTIME_EXITED;
    later->ends = c->run;
}

void runtime_simulated_end(const char *directory, const char *id, const char *container, int code,
                           int signal, bool oom)
{
    struct machine *machine = machine_at(directory);
    struct sim_pod *pod = map_get(machine->pods, id);
    struct sim_container *c = find_sim_container(pod, container);

    if (!c || strcmp(c->state, "running") != 0)
        return;
    end_container(c, code, signal);
    c->oom = oom;
    if (machine->watcher)
        tell_sim_event(machine->watcher, id, container, RUNTIME_EXITED);
}

void runtime_simulated_evict(const char *directory, const char *id)
{
    struct machine *machine = machine_at(directory);
    struct sim_pod *pod = map_get(machine->pods, id);
    struct sim_later *later;

    for (size_t i = 0; pod && i < pod->count; i++)
        if (!strcmp(pod->containers[i].state, "running"))
            end_container(&pod->containers[i], 0, 9);
    if (!pod || pod->lost)
        return;
    pod->lost = true;
    if (!machine->watcher)
        return;
    later = queue_event(machine->watcher, id, NULL, CLOCK_MS);
    later->kind = RUNTIME_LOST;
    later->reason = "Evicted";
    snprintf(later->message, sizeof later->message, "volume v holds too much");
}

const char *runtime_simulated_pod(const char *directory, size_t nth)
{
    struct sim_pod *pod;
    size_t at = 0;

    while ((pod = map_next(machine_at(directory)->pods, &at, NULL)))
        if (nth-- == 0)
            return pod->id;
    return NULL;
}

/* ---- The driver ----------------------------------------------------------------- */

static int sim_open(const struct runtime_options *options, struct runtime **ret, struct err *err)
{
    struct runtime *runtime = mem_alloc(sizeof *runtime);

    runtime->tag = SIMULATED_TAG;
    runtime->options = *options;
    runtime->directory = mem_copy_string(options->directory);
    runtime->machine = machine_at(options->directory);
    runtime->machine->watcher = runtime;
    *ret = runtime;
    return 0;
}

static void sim_close(struct runtime **runtime)
{
    if (!*runtime)
        return;
    while ((*runtime)->laters) {
        struct sim_later *later = (*runtime)->laters;

        forget_later(later);
        if (later->probe)
            later->done(later->arg, false, "the agent ends");
        mem_free(&later);
    }
    /* A reset may have forgotten the machine before. */
    if (machines && map_get(machines, (*runtime)->directory) == (*runtime)->machine &&
        (*runtime)->machine->watcher == *runtime)
        (*runtime)->machine->watcher = NULL;
    mem_free(&(*runtime)->directory);
    (*runtime)->tag = 0;
    mem_free(runtime);
}

static struct node *sim_facts(struct runtime *runtime, struct arena *arena)
{
    struct node *facts = node_map(arena);

    node_set_text(arena, facts, "driver", "simulated");
    node_set_text(arena, facts, "cgroup", "none");
    return facts;
}

static struct node *describe_sim_container(struct arena *arena, const struct sim_pod *pod,
                                           const struct sim_container *c)
{
    struct node *node = node_map(arena);

    node_set_text(arena, node, "name", c->name);
    node_set_text(arena, node, "state", c->state);
    node_set_int(arena, node, "run", c->run);
    node_set_int(arena, node, "pid", c->pid);
    node_set_int(arena, node, "code", c->code);
    node_set_int(arena, node, "signal", c->signal);
    node_set_bool(arena, node, "oom", c->oom);
    if (pod->lost) {
        node_set_text(arena, node, "reason", "Evicted");
        node_set_text(arena, node, "message", "volume v holds too much");
    }
    node_set_int(arena, node, "started", c->started / 1000);
    node_set_int(arena, node, "finished", c->finished / 1000);
    return node;
}

static struct node *sim_observe(struct runtime *runtime, struct arena *arena)
{
    struct node *list = node_list(arena);
    struct sim_pod *pod;
    size_t at = 0;

    while ((pod = map_next(runtime->machine->pods, &at, NULL))) {
        struct node *found = node_map(arena);
        struct node *states = node_make_list(arena, found, "containers");

        node_set_text(arena, found, "id", pod->id);
        node_set(arena, found, "record", node_copy(arena, node_get(pod->spec, "record")));
        node_set_bool(arena, found, "alive", !pod->lost);
        if (pod->noted)
            node_set_int(arena, found, "ready", pod->ready / 1000);
        if (pod->ending)
            node_set_int(arena, found, "ending", pod->ending / 1000);
        for (size_t i = 0; i < pod->count; i++)
            node_add(arena, states, describe_sim_container(arena, pod, &pod->containers[i]));
        node_add(arena, list, found);
    }
    return list;
}

static void start_sim_container(struct runtime *runtime, struct sim_pod *pod,
                                struct sim_container *c)
{
    if (!strcmp(c->state, "running"))
        return;
    c->state = "running";
    c->run++;
    c->pid = next_pid++;
    c->started = clock_wall();
    c->finished = 0;
    c->code = c->signal = 0;
    c->oom = false;
    tell_sim_event(runtime, pod->id, c->name, RUNTIME_STARTED);
    queue_own_end(runtime, pod, c);
    if (on_start)
        on_start(on_start_arg, runtime->options.directory);
}

static int sim_create(struct runtime *runtime, const struct node *spec, struct err *err)
{
    const char *id = node_get_text(spec, "id");
    const struct node *containers = node_get(spec, "containers");
    struct sim_pod *pod;

    if (map_get(runtime->machine->pods, id))
        return err_set(err, ERR_EXISTS, "pod %s is there already", id);
    if (!node_count(containers) || node_count(containers) > 32)
        return err_set(err, ERR_INVALID, "containers: from 1 to 32 are possible");
    pod = mem_alloc(sizeof *pod);
    pod->arena = arena_new();
    pod->spec = node_copy(pod->arena, spec);
    pod->id = node_get_text(pod->spec, "id");
    pod->text = document_json(pod->arena, pod->spec);
    pod->containers = mem_resize_array(NULL, node_count(containers), sizeof *pod->containers);
    map_put(runtime->machine->pods, id, pod);
    for (size_t i = 0; i < node_count(containers); i++) {
        struct sim_container *c = &pod->containers[pod->count++];

        *c = (struct sim_container){.state = "none"};
        snprintf(c->name, sizeof c->name, "%s", node_get_text(node_item(containers, i), "name"));
        if (node_get_bool(node_item(containers, i), "start", false))
            start_sim_container(runtime, pod, c);
    }
    return 0;
}

static int sim_start(struct runtime *runtime, const char *id, const char *container,
                     struct err *err)
{
    struct sim_pod *pod = map_get(runtime->machine->pods, id);
    struct sim_container *c = find_sim_container(pod, container);

    if (!c)
        return err_set(err, ERR_NOT_FOUND, "there is no container %s in pod %s", container, id);
    start_sim_container(runtime, pod, c);
    return 0;
}

static void sim_stop(struct runtime *runtime, const char *id, const char *container, int64_t grace)
{
    struct sim_pod *pod = map_get(runtime->machine->pods, id);

    if (pod && !container && !pod->ending)
        pod->ending = clock_wall();
    for (size_t i = 0; pod && i < pod->count; i++)
        if ((!container || text_same(pod->containers[i].name, container)) &&
            !strcmp(pod->containers[i].state, "running")) {
            end_container(&pod->containers[i], 0, 15);
            tell_sim_event(runtime, id, pod->containers[i].name, RUNTIME_EXITED);
        }
}

static void sim_remove(struct runtime *runtime, const char *id)
{
    struct sim_pod *pod = map_remove(runtime->machine->pods, id);

    if (!pod)
        return;
    tell_sim_event(runtime, id, NULL, RUNTIME_REMOVED);
    free_sim_pod(pod);
}

static int sim_set_files(struct runtime *runtime, const char *id, const char *volume,
                         const struct node *files, struct err *err)
{
    if (!map_get(runtime->machine->pods, id))
        return err_set(err, ERR_NOT_FOUND, "there is no pod %s", id);
    return 0;
}

static int sim_set_hosts(struct runtime *runtime, const char *id, const struct node *lines,
                         struct err *err)
{
    return sim_set_files(runtime, id, "", lines, err);
}

static void sim_note_ready(struct runtime *runtime, const char *id, int64_t since)
{
    struct sim_pod *pod = map_get(runtime->machine->pods, id);

    if (!pod)
        return;
    pod->noted = true;
    pod->ready = since;
}

static void sim_probe(struct runtime *runtime, const char *id, const char *container,
                      const struct node *probe, int64_t timeout, runtime_probe_fn *done, void *arg)
{
    struct sim_later *later = queue_event(runtime, id, container, 10 * CLOCK_MS);

    later->probe = true;
    later->done = done;
    later->arg = arg;
    snprintf(later->message, sizeof later->message, "simulated");
}

static int sim_port(struct runtime *runtime, int wanted, int *ret, struct err *err)
{
    *ret = wanted ? wanted : 20000 + (int)random_below(20000);
    return 0;
}

static char *sim_log_tail(struct runtime *runtime, struct arena *arena, const char *pod,
                          const char *container, int lines)
{
    return arena_string(arena, "");
}

static int sim_claim_delete(struct runtime *runtime, const char *claim, struct err *err)
{
    return 0;
}

const struct runtime_driver runtime_simulated = {
    .name = "simulated",
    .open = sim_open,
    .close = sim_close,
    .facts = sim_facts,
    .observe = sim_observe,
    .create = sim_create,
    .start = sim_start,
    .stop = sim_stop,
    .remove = sim_remove,
    .set_files = sim_set_files,
    .set_hosts = sim_set_hosts,
    .note_ready = sim_note_ready,
    .probe = sim_probe,
    .port = sim_port,
    .log_tail = sim_log_tail,
    .claim_delete = sim_claim_delete,
};
