/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and closes the parts of an agent, and says what it does in each state. */
#include "agent/departure.h"
#include "agent/identity.h"
#include "agent/internal.h"
#include "agent/link.h"
#include "agent/session.h"
#include "agent/status.h"
#include "agent/sync.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/object.h"
#include "cluster/cluster.h"
#include "config/config.h"
#include "runtime/runtime.h"
#include "storage/storage.h"
#include "tls/tls.h"
#include "works/works.h"

#include <string.h>
#include <unistd.h>

/* How long a work stays that vanished from the hub without being deleted, as in OCM. */
#define EVICTION (3600 * CLOCK_SECOND)

/* ---- The states ------------------------------------------------------------------ */

static void enter_listing(struct agent *agent)
{
    struct err err = {0};

    /* Watches end before their connection does. */
    sync_stop(agent);
    facts_stop(agent);
    if (link_open(agent, &err) < 0) {
        session_lost(agent, "reading the certificate", &err);
        return;
    }
    sync_start(agent);
}

/* The watch has begun, so the hub accepts this spoke. */
static void enter_watching(struct agent *agent)
{
    session_watch_begun(agent);
    departure_accepted(agent);
    identity_remember(agent);
    status_send(agent);
    lease_start(agent);
    disk_status_send(agent);
    renew_start(agent);
    facts_follow(agent);
}

static void on_next_attempt(void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    if (!duplicate_is_parked(agent))
        session_move(agent, token_join_is_done(agent) ? SESSION_LISTING : SESSION_JOINING);
}

/* A parked agent tries no more: another one with its identity goes on. */
static void enter_waiting(struct agent *agent)
{
    join_stop(agent);
    sync_stop(agent);
    facts_stop(agent);
    loop_timer_free(&agent->again);
    if (duplicate_is_parked(agent))
        return;
    agent->again = loop_timer_new(agent->loop, on_next_attempt, agent);
    loop_timer_set(agent->again, session_next_delay(agent));
}

static const struct session_hooks hooks = {
    .enter = {[SESSION_JOINING] = join_start,
              [SESSION_LISTING] = enter_listing,
              [SESSION_WATCHING] = enter_watching,
              [SESSION_WAITING] = enter_waiting},
    .status_changed = status_send,
};

/* ---- The storage ----------------------------------------------------------------- */

/* In the order in which they are loaded: the commit of all of them follows. */
static void keep_all_again(void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    epoch_keep_again(agent);
    facts_keep_again(agent);
    works_keep_again(agent->works);
}

static void on_pressure(void *arg)
{
    disk_status_changed(object_from(agent, AGENT_TAG, arg));
}

static int open_storage(struct agent *agent, const char *vfs, struct err *err)
{
    struct storage_settings settings = {.loop = agent->loop,
                                        .directory = agent->directory,
                                        .vfs = vfs,
                                        .keep_again = keep_all_again,
                                        .pressure_changed = on_pressure,
                                        .arg = agent};

    return storage_open(&settings, &agent->storage, err);
}

/* ---- The works ------------------------------------------------------------------- */

/* The bounds that are numbers and ranges in the configuration; the others are in `settings`. */
static int read_bounds(const struct config *config, struct runtime_bounds *bounds, struct err *err)
{
    int64_t base = config_number(config, CONFIG_ID_USER_BASE);
    int64_t last = base + config_number(config, CONFIG_ID_USER_COUNT) - 1;

    if (last >= UINT32_MAX)
        return err_set(err, ERR_INVALID,
                       "user-base and user-count: the last id would be %lld, and "
                       "4294967294 is the last there is",
                       (long long)last);
    bounds->ids = (struct runtime_range){(uint32_t)base, (uint32_t)last};
    bounds->disk = config_number(config, CONFIG_ID_POD_DISK);
    if (runtime_range_read(config_text(config, CONFIG_ID_NODE_PORTS), 1024, 65535,
                           &bounds->node_ports, err) < 0)
        return err_wrap(err, "node-ports");
    if (runtime_range_read(config_text(config, CONFIG_ID_HOST_PORTS), 1, 65535, &bounds->host_ports,
                           err) < 0)
        return err_wrap(err, "host-ports");
    return 0;
}

/* It must be a path as in /proc/PID/cgroup. */
static int check_group(const char *path, struct err *err)
{
    if (!path || !*path ||
        (*path == '/' && strlen(path) <= 200 && !strstr(path, "..") && !strchr(path, ':')))
        return 0;
    return err_set(err, ERR_INVALID,
                   "cgroup-parent \"%.200s\" is not a path of a control group such as "
                   "/system.slice/axle-pods.service",
                   path);
}

static int open_works(struct agent *agent, const struct agent_settings *settings, struct err *err)
{
    scoped_mem char *workloads = agent_path(agent, "workloads");
    const struct config *config = agent->config;
    struct cluster_options options = {
        .loop = agent->loop,
        .runtime = settings->runtime ? settings->runtime : &runtime_process,
        .runtime_options = {.loop = agent->loop,
                            .directory = workloads,
                            .engine_socket = config_text(config, CONFIG_ID_ENGINE_SOCKET),
                            .cgroup_parent = config_text(config, CONFIG_ID_CGROUP_PARENT),
                            .log_bytes = config_number(config, CONFIG_ID_LOG_SIZE),
                            .log_files = (int)config_number(config, CONFIG_ID_LOG_FILES),
                            .private_folder = agent->directory},
        .bounds = settings->bounds,
        .address = agent->address};
    struct works_settings works = {.loop = agent->loop,
                                   .storage = agent->storage,
                                   .name = agent->name,
                                   .hub_address = agent->hub,
                                   .eviction = agent->eviction,
                                   .hub = works_hub_of(agent),
                                   .cluster = settings->cluster ? settings->cluster : "local",
                                   .cluster_options = &options};

    if (read_bounds(config, &options.bounds, err) < 0 ||
        check_group(options.runtime_options.cgroup_parent, err) < 0)
        return -1;
    return works_open(&works, &agent->works, err);
}

/* The kernel tells of most drift at once; this finds the rest. */
static void on_sweep(void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    storage_check_disk(agent->storage);
    cluster_sweep(works_cluster(agent->works));
    loop_timer_set(agent->sweep, config_number(agent->config, CONFIG_ID_SWEEP_TIME));
}

/* ---- Life ------------------------------------------------------------------------ */

static char *own_address(const struct agent_settings *settings)
{
    char found[1][64];
    struct err err = {0};

    if (settings->address)
        return mem_copy_string(settings->address);
    if (settings->hub && (strstr(settings->hub, "//127.0.0.1") ||
                          strstr(settings->hub, "//[::1]") || strstr(settings->hub, "//localhost")))
        return mem_copy_string("127.0.0.1");
    if (loop_own_addresses(found, 1, &err))
        return mem_copy_string(found[0]);
    log_error(
        "spoke",
        "%s: endpoints have the address 127.0.0.1, which no other machine can reach: set address",
        *err.text ? err.text : "this machine has no address but loopback");
    return mem_copy_string("127.0.0.1");
}

/* Comma-separated; the one by which this machine is reached comes first. */
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
    const char *url =
        http_proxy_choose(settings->proxy, settings->no_proxy, strstr(agent->hub, "://") + 3);
    struct tls_proxy proxy;

    if (!url)
        return 0;
    if (tls_proxy_read(url, &proxy, err) < 0)
        return err_wrap(err, "--proxy or $HTTPS_PROXY");
    log_info("spoke", "the hub %s is reached through the proxy %s", agent->hub, proxy.address);
    agent->proxy = mem_copy_string(url);
    return 0;
}

static int check_settings(struct agent *agent, const struct agent_settings *settings,
                          struct err *err)
{
    if (departure_open(agent, settings, err) < 0)
        return -1;
    if (settings->offline) {
        identity_open_offline(agent);
        return 0;
    }
    if (identity_open(agent, settings, err) < 0 || find_proxy(agent, settings, err) < 0)
        return -1;
    if (!settings->token && !token_join_is_done(agent))
        return identity_needs_token(agent, err);
    if (settings->token)
        agent->token = mem_copy_string(settings->token);
    if (!token_join_is_done(agent) && token_check(agent, err) < 0)
        return -1;
    return 0;
}

/*
 * An agent that is root runs workloads as users of their own, who must reach their files
 * below this folder. Everything else in it is closed to them by its own mode.
 */
static void open_path_for_pods(struct agent *agent)
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
        log_warn(
            "spoke",
            "workloads run as users of their own, which cannot enter %s: allow it (chmod o+x) or "
            "choose another --data-dir",
            barrier);
}

/* The storage before all that is loaded from it, and the facts before the works that use
   them. */
static int open_agent_parts(struct agent *agent, const struct agent_settings *settings,
                            struct err *err)
{
    scoped_mem char *pki = agent_path(agent, "pki");

    if (file_make_folder(pki, err) < 0)
        return -1;
    open_path_for_pods(agent);
    if (check_settings(agent, settings, err) < 0 ||
        open_storage(agent, settings->store_vfs, err) < 0)
        return -1;
    epoch_load(agent);
    if (facts_load(agent, settings->facts, err) < 0 || open_works(agent, settings, err) < 0)
        return -1;
    if (settings->offline)
        return 0;
    works_facts_changed(agent->works);
    departure_resume(agent);
    storage_check_disk(agent->storage);
    return 0;
}

/* The parts that cannot fail. */
static struct agent *make_agent(struct loop *loop, const struct agent_settings *settings)
{
    struct agent *agent = mem_alloc(sizeof *agent);

    agent->tag = AGENT_TAG;
    agent->loop = loop;
    if (!settings->config)
        agent->own_config = config_new();
    agent->config = settings->config ? settings->config : agent->own_config;
    agent->directory = mem_copy_string(settings->directory);
    agent->address = own_address(settings);
    agent->addresses = all_addresses(agent->address);
    agent->eviction = settings->eviction ? settings->eviction : EVICTION;
    session_open(agent, &hooks);
    requests_open(agent, epoch_take_answer);
    writes_open(agent);
    epoch_open(agent);
    disk_status_open(agent);
    facts_open(agent);
    status_open(agent);
    lease_open(agent);
    join_open(agent);
    renew_open(agent);
    sync_open(agent);
    return agent;
}

struct agent *agent_open(struct loop *loop, const struct agent_settings *settings, struct err *err)
{
    struct agent *agent = make_agent(loop, settings);

    if (open_agent_parts(agent, settings, err) < 0) {
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
    session_move(agent, token_join_is_done(agent) ? SESSION_LISTING : SESSION_JOINING);
    return agent;
}

/* Each request that is under way ends here, and its sender is told; so the parts that send
   are still there. */
static void stop_session(struct agent *agent)
{
    session_stop(agent);
    renew_stop(agent);
    join_stop(agent);
    sync_stop(agent);
    facts_stop(agent);
    loop_timer_free(&agent->again);
    link_close(agent);
}

void agent_close(struct agent **at)
{
    struct agent *agent = take(*at);

    if (!agent)
        return;
    status_socket_close(agent);
    control_close(agent);
    loop_timer_free(&agent->ending);
    loop_timer_free(&agent->sweep);
    stop_session(agent);
    works_close(&agent->works);
    sync_close(agent);
    renew_close(agent);
    join_close(agent);
    lease_close(agent);
    status_close(agent);
    facts_close(agent);
    disk_status_close(agent);
    duplicate_close(agent);
    departure_close(agent);
    epoch_close(agent);
    writes_close(agent);
    requests_close(agent);
    session_close(agent);
    storage_close(&agent->storage);
    identity_close(agent);
    config_free(&agent->own_config);
    agent->tag = 0;
    mem_free(&agent);
}

/* ---- Reset ----------------------------------------------------------------------- */

#define LOOK_EVERY (50 * CLOCK_MS)

/* `ended` may close the agent, so nothing follows it. */
static void on_ending(void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    if (!works_are_gone(agent->works))
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
    agent->ending = loop_timer_new(agent->loop, on_ending, agent);
    loop_timer_set(agent->ending, 0);
    return 0;
}
