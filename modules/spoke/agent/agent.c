/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the parts of a spoke and moves it from state to state. */
#include "agent/inside.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "base/object.h"
#include "cluster/cluster.h"
#include "config/config.h"
#include "document/document.h"
#include "query/query.h"
#include "runtime/runtime.h"
#include "store/store.h"
#include "tls/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long what the hub has lost without a word still runs: as OCM has it. */
#define EVICTION (3600 * CLOCK_SECOND)

static void enter_joining(struct agent *agent)
{
    join_start(agent);
}

static void enter_listing(struct agent *agent)
{
    struct err err = {0};

    if (link_open(agent, &err) < 0) {
        agent_lost(agent, "reading the certificate", &err);
        return;
    }
    sync_start(agent);
}

static void enter_watching(struct agent *agent)
{
    agent->watching_since = clock_steady();
    agent->refusal = REFUSAL_NONE;
    identity_remember(agent);
    lease_start(agent);
    state_tell(agent);
    pressure_tell(agent);
    renew_start(agent);
    facts_follow(agent);
}

static void on_again(void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    if (agent->parked)
        return;
    agent_move(agent, join_is_done(agent) ? AGENT_LISTING : AGENT_JOINING);
}

bool agent_is_steady(const struct agent *agent)
{
    return agent->watching_since && clock_steady() - agent->watching_since >= WATCH_STEADY;
}

/* A hub that lets itself be watched and then fails is not well because of that: only
   what has lasted makes the pauses short again, and the same trouble news. */
static void leave_watching(struct agent *agent)
{
    if (agent_is_steady(agent)) {
        loop_backoff_reset(&agent->backoff);
        agent->said[0] = '\0';
    }
    agent->watching_since = 0;
}

static void enter_waiting(struct agent *agent)
{
    sync_stop(agent);
    facts_stop(agent);
    loop_timer_free(&agent->again);
    if (agent->parked)
        return;
    agent->again = loop_timer_new(agent->loop, on_again, agent);
    loop_timer_set(agent->again, loop_backoff_next(&agent->backoff));
}

static const struct {
    const char *name;
    unsigned may_become;
    void (*enter)(struct agent *agent);
} states[] = {
    [AGENT_JOINING] = {"joining", 1u << AGENT_LISTING | 1u << AGENT_WAITING, enter_joining},
    [AGENT_LISTING] = {"listing", 1u << AGENT_WATCHING | 1u << AGENT_WAITING, enter_listing},
    [AGENT_WATCHING] = {"watching", 1u << AGENT_LISTING | 1u << AGENT_WAITING, enter_watching},
    [AGENT_WAITING] = {"waiting", 1u << AGENT_LISTING | 1u << AGENT_JOINING, enter_waiting},
};

void agent_move(struct agent *agent, enum agent_state state)
{
    if (!(states[agent->state].may_become & 1u << state))
        return;
    log_debug("spoke", "%s: %s -> %s", agent->name, states[agent->state].name,
              states[state].name);
    if (agent->state == AGENT_WATCHING)
        leave_watching(agent);
    agent->state = state;
    states[state].enter(agent);
}

void agent_say_once(char *said, size_t room, const char *doing, const char *words)
{
    scoped_mem char *cut = mem_printf("%.*s", (int)room - 1, words);

    if (strcmp(said, cut) != 0)
        log_warn("spoke", "%s: %s", doing, words);
    snprintf(said, room, "%s", cut);
}

void agent_lost(struct agent *agent, const char *doing, const struct err *err)
{
    /* Requests of the link before, which ends where the next one is opened, say nothing
       about the next one: the list and watch that follow bring and tell all again. */
    if (agent->state == AGENT_WAITING || agent->closing)
        return;
    if (agent->state == AGENT_WATCHING)
        leave_watching(agent);
    /* The same again, every few seconds of a long silence, is no news. */
    if (strcmp(agent->said, err->text) != 0)
        log_warn("spoke", "%s: %s: %s", agent->hub, doing, err->text);
    snprintf(agent->said, sizeof agent->said, "%s", err->text);
    agent_move(agent, AGENT_WAITING);
}

bool agent_is_connected(const struct agent *agent)
{
    return agent->state == AGENT_WATCHING;
}

char *agent_path(const struct agent *agent, const char *file)
{
    return mem_printf("%s/%s", agent->directory, file);
}

/* ---- What the cluster says ------------------------------------------------ */

static void on_change(void *arg, const char *owner)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    struct work *work = map_get(agent->works, owner);

    pressure_look(agent);
    if (work)
        work_proceed(work);
}

static const char *project_of(void *arg, const char *owner)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    const struct work *work = map_get(agent->works, owner);

    return work ? work_project(work) : "";
}

static void on_event(void *arg, const struct cluster_event *event)
{
    events_send(object_from(agent, AGENT_TAG, arg), event);
}

/* The kernel tells of most drift at once; this finds the rest. */
static void on_sweep(void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    pressure_look(agent);
    cluster_sweep(agent->cluster);
    loop_timer_set(agent->sweep, config_number(agent->config, CONFIG_ID_SWEEP_TIME));
}

/* The settings that are numbers and ranges; the rest came with `settings`. */
static int read_bounds(const struct config *config, struct runtime_bounds *bounds, struct err *err)
{
    int64_t base = config_number(config, CONFIG_ID_USER_BASE);
    int64_t last = base + config_number(config, CONFIG_ID_USER_COUNT) - 1;

    if (last >= UINT32_MAX)
        return err_set(err, ERR_INVALID, "user-base and user-count: the last id would be %lld, and "
                       "4294967294 is the last there is", (long long)last);
    bounds->ids = (struct runtime_range){(uint32_t)base, (uint32_t)last};
    bounds->disk = config_number(config, CONFIG_ID_POD_DISK);
    if (runtime_range_read(config_text(config, CONFIG_ID_NODE_PORTS), 1024, 65535,
                           &bounds->node_ports, err) < 0)
        return err_wrap(err, "node-ports");
    if (runtime_range_read(config_text(config, CONFIG_ID_HOST_PORTS), 1, 65535,
                           &bounds->host_ports, err) < 0)
        return err_wrap(err, "host-ports");
    return 0;
}

/* The path of a control group, as /proc/PID/cgroup has it. */
static int check_group(const char *path, struct err *err)
{
    if (!path || !*path || (*path == '/' && strlen(path) <= 200 && !strstr(path, "..") && !strchr(path, ':')))
        return 0;
    return err_set(err, ERR_INVALID, "cgroup-parent \"%.200s\" is no path of a control group, as in "
                   "/system.slice/axle-pods.service", path);
}

static int open_cluster(struct agent *agent,
                        const struct agent_settings *settings, struct err *err)
{
    scoped_mem char *workloads = agent_path(agent, "workloads");
    struct cluster_options options = {
        .loop = agent->loop,
        .runtime = settings->runtime ? settings->runtime : &runtime_process,
        .runtime_options =
            {.loop = agent->loop, .directory = workloads,
             .engine_socket = config_text(agent->config, CONFIG_ID_ENGINE_SOCKET),
             .cgroup_parent = config_text(agent->config, CONFIG_ID_CGROUP_PARENT),
             .log_bytes = config_number(agent->config, CONFIG_ID_LOG_SIZE),
             .log_files = (int)config_number(agent->config, CONFIG_ID_LOG_FILES),
             .private_folder = agent->directory},
        .keep = persistence_for_cluster(agent),
        .bounds = settings->bounds,
        .address = agent->address,
        .on_change = on_change,
        .on_event = on_event,
        .project_of = project_of,
        .arg = agent};

    if (read_bounds(agent->config, &options.bounds, err) < 0 ||
        check_group(options.runtime_options.cgroup_parent, err) < 0)
        return -1;
    return cluster_open(settings->cluster ? settings->cluster : "local", &options,
                        &agent->cluster, err);
}

/* ---- Life ----------------------------------------------------------------- */

static char *own_address(const struct agent_settings *settings)
{
    char found[1][64];
    struct err err = {0};

    if (settings->address)
        return mem_copy_string(settings->address);
    if (settings->hub && (strstr(settings->hub, "//127.0.0.1") ||
                          strstr(settings->hub, "//[::1]") ||
                          strstr(settings->hub, "//localhost")))
        return mem_copy_string("127.0.0.1");
    if (loop_own_addresses(found, 1, &err))
        return mem_copy_string(found[0]);
    log_error("spoke", "%s: endpoints say 127.0.0.1, which no other machine reaches: set address",
              *err.text ? err.text : "this machine has no address but loopback");
    return mem_copy_string("127.0.0.1");
}

/* With commas between; the one to be reached by first. */
static char *all_addresses(const char *first)
{
    scoped_text struct text all = {0};
    char found[16][64];
    size_t count = loop_own_addresses(found, 16, NULL);

    text_add(&all, first);
    for (size_t i = 0; i < count; i++)
        if (strcmp(found[i], first) != 0)
            text_addf(&all, ",%s", found[i]);
    return mem_copy_string(text_string(&all));
}

static int find_proxy(struct agent *agent, const struct agent_settings *settings, struct err *err)
{
    const char *url = http_proxy_choose(settings->proxy, settings->no_proxy,
                                        strstr(agent->hub, "://") + 3);
    struct tls_proxy proxy;

    if (!url)
        return 0;
    if (tls_proxy_read(url, &proxy, err) < 0)
        return err_wrap(err, "--proxy or $HTTPS_PROXY");
    log_info("spoke", "the hub %s is reached through the proxy %s", agent->hub, proxy.address);
    agent->proxy = mem_copy_string(url);
    return 0;
}

static int check_settings(struct agent *agent,
                          const struct agent_settings *settings, struct err *err)
{
    if (departure_open(agent, settings, err) < 0)
        return -1;
    if (settings->offline)
        return identity_open_offline(agent);
    if (identity_open(agent, settings, err) < 0 || find_proxy(agent, settings, err) < 0)
        return -1;
    if (!settings->token && !join_is_done(agent))
        return identity_needs_token(agent, err);
    if (settings->token)
        agent->token = mem_copy_string(settings->token);
    if (!join_is_done(agent) && join_check_token(agent, err) < 0)
        return -1;
    return 0;
}

/*
 * An agent that is root runs workloads as users of their own. They must reach
 * their files below this folder; what else lies there is closed by itself.
 */
static void open_way(struct agent *agent)
{
    scoped_mem char *above = mem_printf("%s/..", agent->directory);
    scoped_mem char *barrier = NULL;

    struct err why = {0};

    if (geteuid() != 0)
        return;
    if (file_let_pass(above, &why) < 0 || file_let_pass(agent->directory, &why) < 0)
        log_warn("spoke", "%s", why.text);
    barrier = file_barrier(agent->directory);
    if (barrier)
        log_warn("spoke",
                 "workloads run as users of their own, which cannot pass %s: "
                 "let them (chmod o+x) or choose another --data-dir",
                 barrier);
}

static int open_all(struct agent *agent, const struct agent_settings *settings,
                    struct err *err)
{
    scoped_mem char *pki = agent_path(agent, "pki");

    if (file_make_folder(pki, err) < 0)
        return -1;
    open_way(agent);
    if (check_settings(agent, settings, err) < 0 || persistence_open(agent, err) < 0 ||
        state_open(agent, settings->store_vfs, err) < 0)
        return -1;
    epoch_load(agent);
    if (facts_load(agent, settings->facts, err) < 0 ||
        works_load(agent, err) < 0 || open_cluster(agent, settings, err) < 0)
        return -1;
    works_adopt(agent);
    if (settings->offline)
        return 0;
    works_facts_changed(agent);
    departure_resume(agent);
    pressure_look(agent);
    return 0;
}

struct agent *agent_open(struct loop *loop, const struct agent_settings *settings,
                         struct err *err)
{
    struct agent *agent = mem_alloc(sizeof *agent);

    agent->tag = AGENT_TAG;
    agent->loop = loop;
    agent->lock = -1;
    if (!settings->config)
        agent->own_config = config_new();
    agent->config = settings->config ? settings->config : agent->own_config;
    agent->directory = mem_copy_string(settings->directory);
    agent->address = own_address(settings);
    agent->addresses = all_addresses(agent->address);
    agent->works = map_new();
    agent->lease_seconds = 60;
    agent->eviction = settings->eviction ? settings->eviction : EVICTION;
    agent->backoff = (struct loop_backoff){200 * CLOCK_MS, 30 * CLOCK_SECOND, 0};
    agent->list_backoff = (struct loop_backoff){2 * CLOCK_SECOND, 60 * CLOCK_SECOND, 0};
    agent->strange = map_new();
    agent->state = AGENT_WAITING;
    agent->left = settings->left;
    agent->left_arg = settings->left_arg;
    if (open_all(agent, settings, err) < 0) {
        agent_close(&agent);
        return NULL;
    }
    if (settings->offline)
        return agent;
    duplicate_open(agent);
    status_socket_open(agent);
    control_open(agent);
    agent->sweep = loop_timer_new(loop, on_sweep, agent);
    loop_timer_set(agent->sweep, config_number(agent->config, CONFIG_ID_SWEEP_TIME));
    agent_move(agent, join_is_done(agent) ? AGENT_LISTING : AGENT_JOINING);
    return agent;
}

void agent_close(struct agent **at)
{
    struct agent *agent = take(*at);

    if (!agent)
        return;
    status_socket_close(agent);
    control_close(agent);
    departure_close(agent);
    loop_timer_free(&agent->ending);
    lease_stop(agent);
    epoch_close(agent);
    renew_stop(agent);
    sync_stop(agent);
    loop_timer_free(&agent->list_again);
    map_free(&agent->strange);
    loop_timer_free(&agent->again);
    loop_timer_free(&agent->sweep);
    agent->state = AGENT_WAITING;
    link_close(agent);
    bundle_close(agent);
    cluster_close(&agent->cluster);
    works_free(agent);
    facts_free(agent);
    map_free(&agent->works);
    events_free(&agent->events);
    pressure_close(agent);
    store_close(&agent->store);
    free(agent->store_vfs);
    if (agent->lock >= 0)
        close(agent->lock);
    free(agent->damage);
    free(agent->csr);
    free(agent->root);
    free(agent->token);
    if (agent->proxy)
        explicit_bzero(agent->proxy, strlen(agent->proxy));
    free(agent->proxy);
    free(agent->hub);
    free(agent->address);
    free(agent->addresses);
    free(agent->name);
    free(agent->directory);
    config_free(&agent->own_config);
    agent->tag = 0;
    free(agent);
}

/* ---- The end of everything ------------------------------------------------- */

#define LOOK_EVERY (50 * CLOCK_MS)

static void look_for_end(void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    if (map_count(agent->works) || !cluster_is_empty(agent->cluster))
        loop_timer_set(agent->ending, LOOK_EVERY);
    else
        agent->ended(agent->ended_arg);
}

int agent_end(struct agent *agent, void (*done)(void *arg), void *arg, struct err *err)
{
    agent->ended = done;
    agent->ended_arg = arg;
    if (departure_reset(agent, err) < 0)
        return -1;
    agent->ending = loop_timer_new(agent->loop, look_for_end, agent);
    loop_timer_set(agent->ending, 0);
    return 0;
}
