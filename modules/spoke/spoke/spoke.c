/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the parts of a spoke and moves it from state to state. */
#include "spoke/inside.h"

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

static void enter_joining(struct spoke *spoke)
{
    join_start(spoke);
}

static void enter_listing(struct spoke *spoke)
{
    struct err err = {0};

    if (link_open(spoke, &err) < 0) {
        spoke_lost(spoke, "reading the certificate", &err);
        return;
    }
    sync_start(spoke);
}

static void enter_watching(struct spoke *spoke)
{
    spoke->watching_since = clock_steady();
    spoke->refusal = REFUSAL_NONE;
    identity_remember(spoke);
    alive_start(spoke);
    state_tell(spoke);
    pressure_tell(spoke);
    renew_start(spoke);
    facts_follow(spoke);
}

static void on_again(void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);

    if (spoke->parked)
        return;
    spoke_move(spoke, join_is_done(spoke) ? SPOKE_LISTING : SPOKE_JOINING);
}

bool spoke_is_steady(const struct spoke *spoke)
{
    return spoke->watching_since && clock_steady() - spoke->watching_since >= WATCH_STEADY;
}

/* A hub that lets itself be watched and then fails is not well because of that: only
   what has lasted makes the pauses short again, and the same trouble news. */
static void leave_watching(struct spoke *spoke)
{
    if (spoke_is_steady(spoke)) {
        loop_backoff_reset(&spoke->backoff);
        spoke->said[0] = '\0';
    }
    spoke->watching_since = 0;
}

static void enter_waiting(struct spoke *spoke)
{
    sync_stop(spoke);
    facts_stop(spoke);
    loop_timer_free(&spoke->again);
    if (spoke->parked)
        return;
    spoke->again = loop_timer_new(spoke->loop, on_again, spoke);
    loop_timer_set(spoke->again, loop_backoff_next(&spoke->backoff));
}

static const struct {
    const char *name;
    unsigned may_become;
    void (*enter)(struct spoke *spoke);
} states[] = {
    [SPOKE_JOINING] = {"joining", 1u << SPOKE_LISTING | 1u << SPOKE_WAITING, enter_joining},
    [SPOKE_LISTING] = {"listing", 1u << SPOKE_WATCHING | 1u << SPOKE_WAITING, enter_listing},
    [SPOKE_WATCHING] = {"watching", 1u << SPOKE_LISTING | 1u << SPOKE_WAITING, enter_watching},
    [SPOKE_WAITING] = {"waiting", 1u << SPOKE_LISTING | 1u << SPOKE_JOINING, enter_waiting},
};

void spoke_move(struct spoke *spoke, enum spoke_state state)
{
    if (!(states[spoke->state].may_become & 1u << state))
        return;
    log_debug("spoke", "%s: %s -> %s", spoke->name, states[spoke->state].name,
              states[state].name);
    if (spoke->state == SPOKE_WATCHING)
        leave_watching(spoke);
    spoke->state = state;
    states[state].enter(spoke);
}

void spoke_say_once(char *said, size_t room, const char *doing, const char *words)
{
    scoped_mem char *cut = mem_printf("%.*s", (int)room - 1, words);

    if (strcmp(said, cut) != 0)
        log_warn("spoke", "%s: %s", doing, words);
    snprintf(said, room, "%s", cut);
}

void spoke_lost(struct spoke *spoke, const char *doing, const struct err *err)
{
    /* Requests of the link before, which ends where the next one is opened, say nothing
       about the next one: the list and watch that follow bring and tell all again. */
    if (spoke->state == SPOKE_WAITING || spoke->closing)
        return;
    if (spoke->state == SPOKE_WATCHING)
        leave_watching(spoke);
    /* The same again, every few seconds of a long silence, is no news. */
    if (strcmp(spoke->said, err->text) != 0)
        log_warn("spoke", "%s: %s: %s", spoke->hub, doing, err->text);
    snprintf(spoke->said, sizeof spoke->said, "%s", err->text);
    spoke_move(spoke, SPOKE_WAITING);
}

bool spoke_is_connected(const struct spoke *spoke)
{
    return spoke->state == SPOKE_WATCHING;
}

char *spoke_path(const struct spoke *spoke, const char *file)
{
    return mem_printf("%s/%s", spoke->directory, file);
}

/* ---- What the cluster says ------------------------------------------------ */

static void on_change(void *arg, const char *owner)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);
    struct work *work = map_get(spoke->works, owner);

    pressure_look(spoke);
    if (work)
        work_proceed(work);
}

static const char *project_of(void *arg, const char *owner)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);
    const struct work *work = map_get(spoke->works, owner);

    return work ? work_project(work) : "";
}

static void on_event(void *arg, const struct cluster_event *event)
{
    report_event(object_from(spoke, SPOKE_TAG, arg), event);
}

/* The kernel tells of most drift at once; this finds the rest. */
static void on_sweep(void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);

    pressure_look(spoke);
    cluster_sweep(spoke->cluster);
    loop_timer_set(spoke->sweep, config_number(spoke->config, CONFIG_ID_SWEEP_TIME));
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

static int open_cluster(struct spoke *spoke,
                        const struct spoke_settings *settings, struct err *err)
{
    scoped_mem char *workloads = spoke_path(spoke, "workloads");
    struct cluster_options options = {
        .loop = spoke->loop,
        .runtime = settings->runtime ? settings->runtime : &runtime_process,
        .runtime_options =
            {.loop = spoke->loop, .directory = workloads,
             .engine_socket = config_text(spoke->config, CONFIG_ID_ENGINE_SOCKET),
             .cgroup_parent = config_text(spoke->config, CONFIG_ID_CGROUP_PARENT),
             .log_bytes = config_number(spoke->config, CONFIG_ID_LOG_SIZE),
             .log_files = (int)config_number(spoke->config, CONFIG_ID_LOG_FILES),
             .private_folder = spoke->directory},
        .keep = keep_for_cluster(spoke),
        .bounds = settings->bounds,
        .address = spoke->address,
        .on_change = on_change,
        .on_event = on_event,
        .project_of = project_of,
        .arg = spoke};

    if (read_bounds(spoke->config, &options.bounds, err) < 0 ||
        check_group(options.runtime_options.cgroup_parent, err) < 0)
        return -1;
    return cluster_open(settings->cluster ? settings->cluster : "local", &options,
                        &spoke->cluster, err);
}

/* ---- Life ----------------------------------------------------------------- */

static char *own_address(const struct spoke_settings *settings)
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

static int find_proxy(struct spoke *spoke, const struct spoke_settings *settings, struct err *err)
{
    const char *url = http_proxy_choose(settings->proxy, settings->no_proxy,
                                        strstr(spoke->hub, "://") + 3);
    struct tls_proxy proxy;

    if (!url)
        return 0;
    if (tls_proxy_read(url, &proxy, err) < 0)
        return err_wrap(err, "--proxy or $HTTPS_PROXY");
    log_info("spoke", "the hub %s is reached through the proxy %s", spoke->hub, proxy.address);
    spoke->proxy = mem_copy_string(url);
    return 0;
}

static int check_settings(struct spoke *spoke,
                          const struct spoke_settings *settings, struct err *err)
{
    if (departure_open(spoke, settings, err) < 0)
        return -1;
    if (settings->offline)
        return identity_open_offline(spoke);
    if (identity_open(spoke, settings, err) < 0 || find_proxy(spoke, settings, err) < 0)
        return -1;
    if (!settings->token && !join_is_done(spoke))
        return identity_needs_token(spoke, err);
    if (settings->token)
        spoke->token = mem_copy_string(settings->token);
    if (!join_is_done(spoke) && join_check_token(spoke, err) < 0)
        return -1;
    return 0;
}

/*
 * An agent that is root runs workloads as users of their own. They must reach
 * their files below this folder; what else lies there is closed by itself.
 */
static void open_way(struct spoke *spoke)
{
    scoped_mem char *above = mem_printf("%s/..", spoke->directory);
    scoped_mem char *barrier = NULL;

    struct err why = {0};

    if (geteuid() != 0)
        return;
    if (file_let_pass(above, &why) < 0 || file_let_pass(spoke->directory, &why) < 0)
        log_warn("spoke", "%s", why.text);
    barrier = file_barrier(spoke->directory);
    if (barrier)
        log_warn("spoke",
                 "workloads run as users of their own, which cannot pass %s: "
                 "let them (chmod o+x) or choose another --data-dir",
                 barrier);
}

static int open_all(struct spoke *spoke, const struct spoke_settings *settings,
                    struct err *err)
{
    scoped_mem char *pki = spoke_path(spoke, "pki");

    if (file_make_folder(pki, err) < 0)
        return -1;
    open_way(spoke);
    if (check_settings(spoke, settings, err) < 0 || keep_open(spoke, err) < 0 ||
        state_open(spoke, settings->store_vfs, err) < 0)
        return -1;
    epoch_load(spoke);
    if (facts_load(spoke, settings->facts, err) < 0 ||
        works_load(spoke, err) < 0 || open_cluster(spoke, settings, err) < 0)
        return -1;
    works_adopt(spoke);
    if (settings->offline)
        return 0;
    works_facts_changed(spoke);
    departure_resume(spoke);
    pressure_look(spoke);
    return 0;
}

struct spoke *spoke_open(struct loop *loop, const struct spoke_settings *settings,
                         struct err *err)
{
    struct spoke *spoke = mem_alloc(sizeof *spoke);

    spoke->tag = SPOKE_TAG;
    spoke->loop = loop;
    spoke->lock = -1;
    if (!settings->config)
        spoke->own_config = config_new();
    spoke->config = settings->config ? settings->config : spoke->own_config;
    spoke->directory = mem_copy_string(settings->directory);
    spoke->address = own_address(settings);
    spoke->addresses = all_addresses(spoke->address);
    spoke->works = map_new();
    spoke->lease_seconds = 60;
    spoke->eviction = settings->eviction ? settings->eviction : EVICTION;
    spoke->backoff = (struct loop_backoff){200 * CLOCK_MS, 30 * CLOCK_SECOND, 0};
    spoke->list_backoff = (struct loop_backoff){2 * CLOCK_SECOND, 60 * CLOCK_SECOND, 0};
    spoke->strange = map_new();
    spoke->state = SPOKE_WAITING;
    spoke->left = settings->left;
    spoke->left_arg = settings->left_arg;
    if (open_all(spoke, settings, err) < 0) {
        spoke_close(&spoke);
        return NULL;
    }
    if (settings->offline)
        return spoke;
    twin_open(spoke);
    look_open(spoke);
    control_open(spoke);
    spoke->sweep = loop_timer_new(loop, on_sweep, spoke);
    loop_timer_set(spoke->sweep, config_number(spoke->config, CONFIG_ID_SWEEP_TIME));
    spoke_move(spoke, join_is_done(spoke) ? SPOKE_LISTING : SPOKE_JOINING);
    return spoke;
}

void spoke_close(struct spoke **at)
{
    struct spoke *spoke = take(*at);

    if (!spoke)
        return;
    look_close(spoke);
    control_close(spoke);
    departure_close(spoke);
    loop_timer_free(&spoke->ending);
    alive_stop(spoke);
    epoch_close(spoke);
    renew_stop(spoke);
    sync_stop(spoke);
    loop_timer_free(&spoke->list_again);
    map_free(&spoke->strange);
    loop_timer_free(&spoke->again);
    loop_timer_free(&spoke->sweep);
    spoke->state = SPOKE_WAITING;
    link_close(spoke);
    bundle_close(spoke);
    cluster_close(&spoke->cluster);
    works_free(spoke);
    facts_free(spoke);
    map_free(&spoke->works);
    events_free(&spoke->events);
    pressure_close(spoke);
    store_close(&spoke->store);
    free(spoke->store_vfs);
    if (spoke->lock >= 0)
        close(spoke->lock);
    free(spoke->damage);
    free(spoke->csr);
    free(spoke->root);
    free(spoke->token);
    if (spoke->proxy)
        explicit_bzero(spoke->proxy, strlen(spoke->proxy));
    free(spoke->proxy);
    free(spoke->hub);
    free(spoke->address);
    free(spoke->addresses);
    free(spoke->name);
    free(spoke->directory);
    config_free(&spoke->own_config);
    spoke->tag = 0;
    free(spoke);
}

/* ---- The end of everything ------------------------------------------------- */

#define LOOK_EVERY (50 * CLOCK_MS)

static void look_for_end(void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);

    if (map_count(spoke->works) || !cluster_is_empty(spoke->cluster))
        loop_timer_set(spoke->ending, LOOK_EVERY);
    else
        spoke->ended(spoke->ended_arg);
}

int spoke_end(struct spoke *spoke, void (*done)(void *arg), void *arg, struct err *err)
{
    spoke->ended = done;
    spoke->ended_arg = arg;
    if (departure_reset(spoke, err) < 0)
        return -1;
    spoke->ending = loop_timer_new(spoke->loop, look_for_end, spoke);
    loop_timer_set(spoke->ending, 0);
    return 0;
}
