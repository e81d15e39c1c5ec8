/* SPDX-License-Identifier: Apache-2.0 */
/* Takes one pod through its life: made, started, restarted, ended, removed. */

#include "cluster/local.h"

#include "base/clock.h"
#include "base/log.h"
#include "cluster/service.h"

#include <stdio.h>
#include <string.h>

static void try_make(struct local_pod *pod);
static void finish_end(struct local_pod *pod);

/* ---- In memory ----------------------------------------------------------------- */

static void on_timer(void *arg)
{
    struct local_pod *pod = object_from(local_pod, LOCAL_POD_TAG, arg);

    if (!pod->made && !pod->terminating)
        try_make(pod);
}

static void on_restart(void *arg);

static void take_containers(struct local_pod *pod)
{
    const struct node *spec = node_get(pod->template, "spec");
    const struct node *lists[] = { node_get(spec, "initContainers"), node_get(spec, "containers") };
    size_t count = node_count(lists[0]) + node_count(lists[1]);

    pod->containers = mem_alloc(count * sizeof *pod->containers + 1);
    for (size_t l = 0; l < 2; l++)
        for (size_t i = 0; i < node_count(lists[l]); i++) {
            struct local_container *c = &pod->containers[pod->count++];

            c->pod = pod;
            c->spec = node_item(lists[l], i);
            c->name = node_get_text(c->spec, "name");
            c->init = l == 0;
            c->timer = loop_timer_new(pod->cluster->options.loop, on_restart, c);
        }
}

static struct local_pod *pod_new(struct cluster *cluster, const char *id)
{
    struct local_pod *pod = mem_alloc(sizeof *pod);

    pod->tag = LOCAL_POD_TAG;
    pod->cluster = cluster;
    pod->arena = arena_new();
    pod->id = arena_string(pod->arena, id);
    pod->ports = node_map(pod->arena);
    pod->timer = loop_timer_new(cluster->options.loop, on_timer, pod);
    map_put(cluster->pods, id, pod);
    return pod;
}

void pod_free(struct local_pod **pod)
{
    struct local_pod *p = *pod;

    if (!p)
        return;
    map_remove(p->cluster->pods, p->id);
    if (!p->cluster->closing)
        services_touch(p->cluster);
    for (size_t i = 0; i < p->count; i++) {
        check_end(&p->containers[i]);
        loop_timer_free(&p->containers[i].timer);
    }
    loop_timer_free(&p->timer);
    mem_free(&p->containers);
    arena_free(&p->arena);
    p->tag = 0;
    mem_free(pod);
}

void pod_changed(struct local_pod *pod)
{
    struct local_object *object = local_workload_of(pod);
    struct local_owner *owner = map_get(pod->cluster->owners, pod->owner);

    if (object)
        local_touch(object);
    if (owner)
        owner->dirty = true;
    services_touch(pod->cluster);
}

void pod_tell_hosts(struct local_pod *pod, const struct node *names, uint64_t hash)
{
    struct cluster *cluster = pod->cluster;
    scoped_arena struct arena *arena = arena_new();
    struct node *lines;
    struct err err = { 0 };

    if (hash == pod->hosts)
        return;
    pod->hosts = hash;
    lines = compile_hosts(pod, arena, names);
    if (cluster->runtime_driver->set_hosts(cluster->runtime, pod->id, lines, &err) < 0)
        log_warn("cluster", "pod %s: %s", pod->name, err.text);
}

/* ---- What can be said of it ------------------------------------------------------------- */

static const char *policy_of(const struct local_pod *pod)
{
    const char *policy = node_get_text(node_get(pod->template, "spec"), "restartPolicy");

    return *policy ? policy : "Always";
}

static bool is_running(const struct local_container *c)
{
    return c->state == CONTAINER_RUNNING;
}

static bool has_failed(const struct local_container *c)
{
    return c->state == CONTAINER_FAILED ||
           (c->state == CONTAINER_EXITED && (c->code || c->signal || c->oom));
}

bool pod_is_ready(const struct local_pod *pod)
{
    if (pod->terminating || pod->finished || !pod->made)
        return false;
    for (size_t i = 0; i < pod->count; i++)
        if (!pod->containers[i].init && !pod->containers[i].ready)
            return false;
    return true;
}

const char *pod_phase(const struct local_pod *pod)
{
    bool any = false;

    if (!pod->made)
        return "Pending";
    if (pod->finished) {
        for (size_t i = 0; i < pod->count; i++)
            if (pod->lost || has_failed(&pod->containers[i]))
                return "Failed";
        return "Succeeded";
    }
    for (size_t i = 0; i < pod->count; i++)
        any |= !pod->containers[i].init && pod->containers[i].run > 0;
    return any ? "Running" : "Pending";
}

static bool probe_trouble(const struct local_container *c, struct local_why *ret, bool *ret_final)
{
    static const struct {
        int kind;
        const char *name;
    } probes[] = {
        { PROBE_STARTUP, "startupProbe" },
        { PROBE_READINESS, "readinessProbe" },
        { PROBE_LIVENESS, "livenessProbe" },
    };

    for (size_t i = 0; i < count_of(probes); i++) {
        const struct local_probe *probe = &c->probes[probes[i].kind];

        if (!probe->spec || !*probe->answer || (probes[i].kind == PROBE_STARTUP && c->started))
            continue;
        why_set(ret, "ProbeFailed", "container %.80s: %s: %.250s", c->name, probes[i].name,
                probe->answer);
        *ret_final = probes[i].kind == PROBE_READINESS &&
                     probe->bad >= node_get_int(probe->spec, "failureThreshold", 3);
        return true;
    }
    return false;
}

bool pod_trouble(const struct local_pod *pod, struct local_why *ret, bool *ret_final)
{
    static const char *const waits[] = { "MissingConfigMap", "MissingSecret",
                                         "MissingPersistentVolumeClaim" };

    *ret_final = true;
    if (*pod->why.reason) {
        *ret = pod->why;
        for (size_t i = 0; i < count_of(waits); i++)
            if (!strcmp(pod->why.reason, waits[i]))
                *ret_final = false;
        return true;
    }
    for (size_t i = 0; i < pod->count; i++) {
        const struct local_container *c = &pod->containers[i];

        if (*c->why.reason && (c->backing_off || has_failed(c))) {
            *ret = c->why;
            return true;
        }
    }
    for (size_t i = 0; i < pod->count; i++)
        if (is_running(&pod->containers[i]) &&
            probe_trouble(&pod->containers[i], ret, ret_final))
            return true;
    return false;
}

/* ---- Ports --------------------------------------------------------------------------------- */

static int port_of(const struct local_pod *pod, const struct node *port)
{
    const char *name = node_get_text(port, "name");
    int number = (int)node_get_int(port, "containerPort", 0);

    return number ? number : (int)node_get_int(pod->ports, *name ? name : "port", 0);
}

static const struct local_pod *holder_of(const struct local_pod *pod, int wanted)
{
    const struct local_pod *other;
    size_t at = 0;

    while ((other = map_next(pod->cluster->pods, &at, NULL)))
        for (size_t i = 0; other != pod && other->made && !other->finished && i < other->count; i++) {
            const struct node *ports = node_get(other->containers[i].spec, "ports");

            for (size_t j = 0; j < node_count(ports); j++)
                if (port_of(other, node_item(ports, j)) == wanted)
                    return other;
        }
    return NULL;
}

static int take_port(struct local_pod *pod, const struct node *port, struct local_why *why)
{
    struct cluster *cluster = pod->cluster;
    const char *name = node_get_text(port, "name");
    int wanted = port_of(pod, port), got = 0;
    const struct local_pod *holder = wanted ? holder_of(pod, wanted) : NULL;
    struct err err = { 0 };

    if (holder)
        return why_set(why, "PortConflict", "port %d is taken by pod %.100s/%.100s", wanted,
                       holder->space, holder->name);
    if (cluster->runtime_driver->port(cluster->runtime, wanted, &got, &err) < 0)
        return why_set(why, "PortConflict", "%.380s", err.text);
    if (!wanted)
        node_set_int(pod->arena, pod->ports, *name ? name : "port", got);
    return 0;
}

static int take_ports(struct local_pod *pod, struct local_why *why)
{
    for (size_t i = 0; i < pod->count; i++) {
        const struct node *ports = node_get(pod->containers[i].spec, "ports");

        for (size_t j = 0; j < node_count(ports); j++)
            if (strcmp(node_get_text(node_item(ports, j), "protocol"), "UDP") != 0 &&
                take_port(pod, node_item(ports, j), why) < 0)
                return -1;
    }
    return 0;
}

/* ---- Making ------------------------------------------------------------------------------------ */

static struct node *record_of(const struct local_pod *pod, struct arena *arena)
{
    struct node *record = node_map(arena);

    node_set_text(arena, record, "namespace", pod->space);
    node_set_text(arena, record, "name", pod->name);
    node_set_text(arena, record, "workload", pod->workload);
    node_set_text(arena, record, "owner", pod->owner);
    node_set_text(arena, record, "uid", pod->uid);
    node_set_text(arena, record, "hash", pod->hash);
    node_set_int(arena, record, "index", pod->index);
    node_set_int(arena, record, "created", pod->created / 1000);
    node_set(arena, record, "template", (struct node *)pod->template);
    node_set(arena, record, "ports", pod->ports);
    return record;
}

/* "MountUnavailable: what and why" from the runtime, in two parts. */
static void split_reason(const struct err *err, struct local_why *why)
{
    const char *colon = strstr(err->text, ": ");
    const char *at = strstr(err->text, "MountUnavailable: ");

    if (at)
        why_set(why, "MountUnavailable", "%.380s", at + strlen("MountUnavailable: "));
    else if (colon && colon - err->text < 40 && err->code == ERR_UNSUPPORTED)
        why_set(why, "Unsupported", "%.380s", err->text);
    else
        why_set(why, "CannotStart", "%.380s", err->text);
}

static int make(struct local_pod *pod, struct local_why *why)
{
    struct cluster *cluster = pod->cluster;
    scoped_arena struct arena *arena = arena_new();
    struct err err = { 0 };
    struct node *made;

    services_yield(pod);
    if (take_ports(pod, why) < 0)
        return -1;
    made = compile_pod(pod, arena, why);
    if (!made)
        return -1;
    node_set(arena, made, "record", record_of(pod, arena));
    if (cluster->runtime_driver->create(cluster->runtime, made, &err) < 0) {
        split_reason(&err, why);
        return -1;
    }
    return 0;
}

static void try_make(struct local_pod *pod)
{
    struct local_why why = { 0 };
    bool has_init = pod->count && pod->containers[0].init;

    if (make(pod, &why) < 0) {
        if (strcmp(why.message, pod->why.message) != 0)
            local_event(pod->cluster, local_workload_of(pod), "Warning", why.reason, "pod %s: %s",
                        pod->name, why.message);
        pod->why = why;
        loop_timer_set(pod->timer, CLOCK_SECOND);
    } else {
        pod->why = (struct local_why){ 0 };
        pod->made = true;
        for (size_t i = 0; i < pod->count; i++)
            if (!has_init || i == 0)
                pod->containers[i].state = CONTAINER_RUNNING;
    }
    pod_changed(pod);
}

static const char *make_name(const struct local_object *object, int index, struct arena *arena)
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    char random[6] = { 0 };

    for (int i = 0; i < 5; i++)
        random[i] = letters[random_below(sizeof letters - 1)];
    switch (object->row->role) {
    case ROLE_POD:
        return object->name;
    case ROLE_STATEFUL:
        return arena_printf(arena, "%s-%d", object->name, index);
    case ROLE_JOB:
        if (index >= 0)
            return arena_printf(arena, "%s-%d-%s", object->name, index, random);
        return arena_printf(arena, "%s-%s", object->name, random);
    default:
        return arena_printf(arena, "%s-%.8s-%s", object->name, object->hash, random);
    }
}

/* A folder's name: both parts, and a hash in place of what is too long. */
static const char *make_id(const char *space, const char *name, struct arena *arena)
{
    char *id = arena_printf(arena, "%s.%s", space, name);
    uint64_t hash = local_hash(0, id, strlen(id));

    return strlen(id) <= 110 ? id
                             : arena_printf(arena, "%.90s-%016llx", id, (unsigned long long)hash);
}

/* volumeClaimTemplates become claims of the pod's own. */
static struct node *with_claims(const struct local_object *object, const struct local_pod *pod,
                                struct arena *arena)
{
    const struct node *claims = node_at(object->object, "spec", "volumeClaimTemplates", NULL);
    struct node *template = node_copy(arena, object->template);
    struct node *volumes = NULL;

    for (size_t i = 0; i < node_count(claims); i++) {
        const char *name = node_get_text(node_get(node_item(claims, i), "metadata"), "name");
        struct node *volume = node_map(arena), *claim;

        if (!volumes)
            volumes = node_make_list(arena, node_make(arena, template, "spec"), "volumes");
        node_set_text(arena, volume, "name", name);
        node_set_bool(arena, volume, "axleTemplate", true);
        claim = node_make(arena, volume, "persistentVolumeClaim");
        node_set(arena, claim, "claimName", node_format(arena, "%s-%s", name, pod->name));
        node_add(arena, volumes, volume);
    }
    return template;
}

void pod_start(struct local_object *object, int index)
{
    scoped_arena struct arena *arena = arena_new();
    const char *name = make_name(object, index, arena);
    const char *id = make_id(object->space, name, arena);
    struct local_pod *pod;

    if (map_get(object->cluster->pods, id))
        return; /* the one before is still on its way out */
    pod = pod_new(object->cluster, id);
    pod->space = arena_string(pod->arena, object->space);
    pod->name = arena_string(pod->arena, name);
    pod->workload = arena_string(pod->arena, object->key);
    pod->owner = arena_string(pod->arena, object->owner->name);
    pod->hash = arena_string(pod->arena, object->hash);
    pod->uid = arena_printf(pod->arena, "%016llx-%llx", (unsigned long long)random_number(),
                            (unsigned long long)++object->cluster->serial);
    pod->index = index;
    pod->created = clock_wall();
    pod->template = with_claims(object, pod, pod->arena);
    take_containers(pod);
    try_make(pod);
}

/* ---- Going on -------------------------------------------------------------------------------------- */

static void start_container(struct local_container *c)
{
    struct cluster *cluster = c->pod->cluster;
    struct err err = { 0 };

    c->backing_off = false;
    c->killed_by_probe = false;
    services_yield(c->pod);
    if (cluster->runtime_driver->start(cluster->runtime, c->pod->id, c->name, &err) < 0) {
        why_set(&c->why, "CannotStart", "%.380s", err.text);
        return;
    }
    c->state = CONTAINER_RUNNING;
    c->pid = 0;
}

static void on_restart(void *arg)
{
    struct local_container *c = arg;

    if (c->pod->terminating || is_running(c))
        return;
    start_container(c);
    pod_changed(c->pod);
}

static bool will_restart(const struct local_container *c)
{
    const char *policy = policy_of(c->pod);

    if (c->init)
        return has_failed(c) && strcmp(policy, "Never") != 0;
    return !strcmp(policy, "Always") || (!strcmp(policy, "OnFailure") && has_failed(c));
}

/* Init containers one after the other, then all the rest at once. */
static void advance(struct local_pod *pod)
{
    for (size_t i = 0; i < pod->count && pod->containers[i].init; i++) {
        struct local_container *c = &pod->containers[i];

        if (c->state == CONTAINER_WAITING)
            start_container(c);
        if (c->state != CONTAINER_EXITED || has_failed(c))
            return;
    }
    for (size_t i = 0; i < pod->count; i++)
        if (!pod->containers[i].init && pod->containers[i].state == CONTAINER_WAITING)
            start_container(&pod->containers[i]);
}

static void look_for_end(struct local_pod *pod)
{
    bool init_failed = false;

    for (size_t i = 0; i < pod->count; i++) {
        struct local_container *c = &pod->containers[i];

        init_failed |= c->init && has_failed(c) && !will_restart(c);
        if (is_running(c) || c->backing_off || loop_timer_is_set(c->timer))
            return;
        if (c->state == CONTAINER_WAITING && !init_failed)
            return;
    }
    pod->finished = clock_wall();
}

static void say_why(struct local_container *c, const char *reason, const char *message)
{
    if (c->killed_by_probe)
        return; /* the probe's words say more than its SIGTERM */
    if (c->state == CONTAINER_FAILED)
        why_set(&c->why, *reason ? reason : "CannotRun", "%.390s", message);
    else if (c->oom)
        why_set(&c->why, "OOMKilled", "container %.80s used more memory than its limit", c->name);
    else if (c->signal)
        why_set(&c->why, "Error", "container %.80s was ended by signal %d", c->name, c->signal);
    else
        why_set(&c->why, c->code ? "Error" : "Completed", "container %.80s ended with exit code %d",
                c->name, c->code);
}

/* It may have ended while no agent was there to hear of it. */
static int64_t left_of(int64_t wait, int64_t ended)
{
    int64_t left = ended + wait - clock_wall();

    return left < 0 ? 0 : left > wait ? wait : left;
}

static void plan_restart(struct local_container *c)
{
    int64_t ran = c->ended - c->began, wait;
    struct local_why last = c->why;

    if (c->state == CONTAINER_EXITED && ran >= PLAN_BACKOFF_RESET)
        c->crashes = 0;
    wait = plan_backoff(++c->crashes);
    c->backing_off = wait > 0;
    if (wait > 0 && (!strcmp(last.reason, "Error") || !strcmp(last.reason, "Completed")))
        why_set(&c->why, "CrashLoopBackOff", "%.250s; next try %lld s after that", last.message,
                (long long)(wait / CLOCK_SECOND));
    local_event(c->pod->cluster, local_workload_of(c->pod), "Warning",
                wait > 0 ? "BackOff" : "Restarted", "pod %s: %s", c->pod->name, c->why.message);
    /* The first restart does not even wait for the loop's next turn. */
    if (wait == 0)
        start_container(c);
    else
        loop_timer_set(c->timer, left_of(wait, c->ended));
}

static void on_started(struct local_container *c, const struct runtime_event *event)
{
    c->state = CONTAINER_RUNNING;
    c->run = event->run;
    c->pid = event->pid;
    c->began = event->started;
    check_begin(c);
}

static void on_ended(struct local_container *c, const struct runtime_event *event)
{
    struct local_pod *pod = c->pod;

    check_end(c);
    c->state = event->kind == RUNTIME_FAILED ? CONTAINER_FAILED : CONTAINER_EXITED;
    c->run = event->run;
    c->pid = 0;
    c->code = event->code;
    c->signal = event->signal;
    c->oom = event->oom;
    c->began = event->started;
    c->ended = event->finished;
    say_why(c, event->reason ? event->reason : "", event->message ? event->message : "");
    if (pod->terminating) {
        finish_end(pod);
        return;
    }
    if (will_restart(c))
        plan_restart(c);
    else
        advance(pod);
    look_for_end(pod);
}

void pod_restart_container(struct local_container *c, const char *reason, const char *message)
{
    struct cluster *cluster = c->pod->cluster;
    int64_t grace = node_get_int(node_get(c->pod->template, "spec"),
                                 "terminationGracePeriodSeconds", 30) * CLOCK_SECOND;

    if (!is_running(c) || c->killed_by_probe)
        return;
    c->killed_by_probe = true;
    why_set(&c->why, reason, "container %.80s: %.300s", c->name, message);
    local_event(cluster, local_workload_of(c->pod), "Warning", reason, "pod %s: %s", c->pod->name,
                c->why.message);
    cluster->runtime_driver->stop(cluster->runtime, c->pod->id, c->name, grace);
}

/* ---- Ending --------------------------------------------------------------------------------------------- */

static void finish_end(struct local_pod *pod)
{
    struct cluster *cluster = pod->cluster;

    for (size_t i = 0; i < pod->count; i++)
        if (is_running(&pod->containers[i]))
            return;
    if (pod->removing)
        return;
    pod->removing = true;
    cluster->runtime_driver->remove(cluster->runtime, pod->id);
}

struct hook {
    struct cluster *cluster;
    char *pod; /* owned */
};

static int64_t grace_of(const struct local_pod *pod)
{
    int64_t grace = node_get_int(node_get(pod->template, "spec"), "terminationGracePeriodSeconds", 30);

    return (grace < 0 ? 0 : grace > 86400 ? 86400 : grace) * CLOCK_SECOND;
}

static void stop_now(struct local_pod *pod)
{
    struct cluster *cluster = pod->cluster;

    if (pod->stopping)
        return;
    pod->stopping = true;
    cluster->runtime_driver->stop(cluster->runtime, pod->id, NULL, grace_of(pod));
    finish_end(pod);
}

static void on_hook(void *arg, bool ok, const char *message)
{
    struct hook *hook = arg;
    struct local_pod *pod = hook->cluster->closing ? NULL : map_get(hook->cluster->pods, hook->pod);

    if (pod && !ok)
        log_warn("cluster", "pod %s: preStop: %s", pod->name, message);
    if (pod && pod->terminating && !pod->removing)
        stop_now(pod);
    mem_free(&hook->pod);
    mem_free(&hook);
}

/* The first preStop hook there is runs before anything is told to end. */
static bool run_hook(struct local_pod *pod)
{
    struct cluster *cluster = pod->cluster;

    for (size_t i = 0; i < pod->count; i++) {
        const struct local_container *c = &pod->containers[i];
        struct node *hook = node_at(c->spec, "lifecycle", "preStop", NULL);
        struct hook *asked;

        if (!is_running(c) || !hook)
            continue;
        asked = mem_alloc(sizeof *asked);
        *asked = (struct hook){ cluster, mem_copy_string(pod->id) };
        cluster->runtime_driver->probe(cluster->runtime, pod->id, c->name, hook, grace_of(pod),
                                       on_hook, asked);
        return true;
    }
    return false;
}

void pod_end(struct local_pod *pod)
{
    if (pod->terminating)
        return;
    pod->terminating = true;
    loop_timer_stop(pod->timer);
    for (size_t i = 0; i < pod->count; i++) {
        check_end(&pod->containers[i]);
        loop_timer_stop(pod->containers[i].timer);
    }
    if (!pod->made) {
        pod_changed(pod);
        pod_free(&pod);
        return;
    }
    if (pod->lost || !run_hook(pod))
        stop_now(pod);
    pod_changed(pod);
}

/* ---- Events --------------------------------------------------------------------------------------------------- */

/* Its shim is gone, so it cannot be started again, only replaced. */
static void on_lost(struct local_pod *pod, const char *message)
{
    pod->lost = true;
    for (size_t i = 0; i < pod->count; i++) {
        struct local_container *c = &pod->containers[i];

        check_end(c);
        loop_timer_stop(c->timer);
        c->backing_off = false;
        if (is_running(c)) {
            c->state = CONTAINER_EXITED;
            c->signal = 9;
            c->pid = 0;
            why_set(&c->why, "Lost", "%.380s", message);
        }
    }
    pod->finished = clock_wall();
    if (pod->terminating)
        finish_end(pod);
    else if (!strcmp(policy_of(pod), "Always"))
        pod_end(pod);
}

void pod_on_event(struct cluster *cluster, const struct runtime_event *event)
{
    struct local_pod *pod = map_get(cluster->pods, event->pod);
    struct local_container *c = NULL;

    if (!pod)
        return;
    for (size_t i = 0; event->container && i < pod->count && !c; i++)
        if (!strcmp(pod->containers[i].name, event->container))
            c = &pod->containers[i];
    pod_changed(pod);
    if (event->kind == RUNTIME_REMOVED)
        pod_free(&pod);
    else if (event->kind == RUNTIME_LOST)
        on_lost(pod, event->message ? event->message : "");
    else if (event->kind == RUNTIME_DRIFT)
        local_event(cluster, local_workload_of(pod), "Normal", "DriftCorrected",
                    "pod %s: %s was changed and has been put back", pod->name, event->message);
    else if (c && event->kind == RUNTIME_STARTED)
        on_started(c, event);
    else if (c)
        on_ended(c, event);
}

/* ---- Adopting -------------------------------------------------------------------------------------------------- */

static void adopt_container(struct local_pod *pod, const struct node *found)
{
    struct local_container *c = NULL;
    const char *state = node_get_text(found, "state");
    struct runtime_event event = {
        .run = node_get_int(found, "run", 0), .pid = node_get_int(found, "pid", 0),
        .code = (int)node_get_int(found, "code", 0), .signal = (int)node_get_int(found, "signal", 0),
        .oom = node_get_bool(found, "oom", false),
        .started = node_get_int(found, "started", 0) * 1000,
        .finished = node_get_int(found, "finished", 0) * 1000,
        .reason = node_get_text(found, "reason"), .message = node_get_text(found, "message"),
    };

    for (size_t i = 0; i < pod->count; i++)
        if (!strcmp(pod->containers[i].name, node_get_text(found, "name")))
            c = &pod->containers[i];
    if (!c)
        return;
    /* The end that is about to be told counts once more. */
    c->crashes = (unsigned)node_get_int(found, "crashes", 0);
    if (c->crashes && strcmp(state, "running") != 0)
        c->crashes--;
    event.kind = !strcmp(state, "failed") ? RUNTIME_FAILED : RUNTIME_EXITED;
    if (!strcmp(state, "running") && (event.pid || !pod->lost))
        on_started(c, &event);
    else if (!strcmp(state, "exited") || !strcmp(state, "failed"))
        on_ended(c, &event);
}

void pod_adopt(struct cluster *cluster, const struct node *found)
{
    const struct node *record = node_get(found, "record");
    const struct node *states = node_get(found, "containers");
    struct local_pod *pod = pod_new(cluster, node_get_text(found, "id"));
    bool alive = node_get_bool(found, "alive", false);

    record = node_copy(pod->arena, record);
    pod->space = node_get_text(record, "namespace");
    pod->name = node_get_text(record, "name");
    pod->workload = node_get_text(record, "workload");
    pod->owner = node_get_text(record, "owner");
    pod->uid = node_get_text(record, "uid");
    pod->hash = node_get_text(record, "hash");
    pod->index = (int)node_get_int(record, "index", -1);
    pod->created = node_get_int(record, "created", 0) * 1000;
    pod->template = node_get(record, "template");
    if (node_get(record, "ports"))
        pod->ports = node_get(record, "ports");
    pod->made = true;
    pod->lost = !alive;
    take_containers(pod);
    /* While this is set nothing is restarted: a dead shim starts nothing. */
    pod->terminating = !alive;
    pod->removing = !alive;
    for (size_t i = 0; i < node_count(states); i++)
        adopt_container(pod, node_item(states, i));
    pod->terminating = pod->removing = false;
    if (!alive) {
        bool ended = pod->count > 0;

        for (size_t i = 0; i < pod->count; i++)
            ended &= pod->containers[i].state == CONTAINER_EXITED;
        if (ended && strcmp(policy_of(pod), "Always") != 0) {
            pod->lost = false; /* it had ended before the machine did */
            pod->finished = pod->containers[0].ended;
        } else {
            on_lost(pod, "the machine was restarted");
        }
        return;
    }
    advance(pod);
    look_for_end(pod);
}

void pod_refresh_files(struct local_pod *pod)
{
    struct cluster *cluster = pod->cluster;
    const struct node *volumes = node_at(pod->template, "spec", "volumes", NULL);
    const struct local_object *object = local_workload_of(pod);

    /* One that is outdated before it was made is only replaced. */
    if (!pod->made && !pod->terminating && object && !strcmp(object->hash, pod->hash))
        try_make(pod);
    for (size_t i = 0; pod->made && !pod->terminating && !pod->lost && i < node_count(volumes); i++) {
        scoped_arena struct arena *arena = arena_new();
        const struct node *volume = node_item(volumes, i);
        struct local_why why = { 0 };
        struct err err = { 0 };
        struct node *files = compile_files(pod, volume, arena, &why);

        if (files && cluster->runtime_driver->set_files(cluster->runtime, pod->id,
                                                        node_get_text(volume, "name"), files,
                                                        &err) < 0)
            log_warn("cluster", "pod %s: %s", pod->name, err.text);
    }
}
