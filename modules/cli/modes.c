/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the role of --mode: a hub, a spoke, or a hub with a spoke as its child process. */
#include "cli/internal.h"
#include "cli/cloudinit.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "config/config.h"
#include "http/http.h"
#include "hub/hub.h"
#include "loop/loop.h"
#include "runtime/runtime.h"
#include "agent/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOCAL_CLUSTER "local-cluster"

/* ---- Where things are -------------------------------------------------------- */

char *mode_data_folder(const struct cli_flags *flags)
{
    const char *state = getenv("STATE_DIRECTORY");
    const char *xdg = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");

    if (config_text(flags->config, CONFIG_ID_DATA_DIR))
        return mem_copy_string(config_text(flags->config, CONFIG_ID_DATA_DIR));
    if (state && *state)
        return mem_copy_string(state);
    if (geteuid() == 0 || (!xdg && !home))
        return mem_copy_string("/var/lib/axle");
    return xdg && *xdg ? mem_printf("%s/axle", xdg) : mem_printf("%s/.local/state/axle", home);
}

char *mode_folder(const struct cli_flags *flags, const char *role)
{
    scoped_mem char *data = mode_data_folder(flags);

    return mem_printf("%s/%s", data, role);
}

static char *machine_host_name(void)
{
    char name[256] = "spoke";
    char *dot;

    gethostname(name, sizeof name - 1);
    dot = strchr(name, '.');
    if (dot)
        *dot = '\0';
    for (char *at = name; *at; at++) {
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at + 32);
        else if (*at == '_')
            *at = '-';
    }
    return mem_copy_string(name);
}

/* ---- A running program -------------------------------------------------------- */

struct running {
    const struct cli_flags *flags;
    struct loop *loop;
    struct loop_signal *signals[2];
    struct hub *hub;
    struct agent *spoke;
    /* owned; the spoke of all-in-one */
    struct loop_child *child;
    struct loop_timer *again;
    struct loop_backoff backoff;
    bool stopping;
    bool left;    /* the spoke has left its hub, so exit with CLI_LEFT */
    bool offline; /* open the spoke without a hub, only to end its pods */
    bool ended;
};

static void on_hub_drained(void *arg)
{
    struct running *running = arg;

    loop_stop(running->loop);
}

static void on_signal(void *arg)
{
    struct running *running = arg;

    if (running->stopping) {
        loop_stop(running->loop);
        return;
    }
    running->stopping = true;
    log_info("axle", "ending");
    if (running->child)
        loop_child_signal(running->child, SIGTERM);
    if (running->hub)
        hub_drain(running->hub, config_number(running->flags->config, CONFIG_ID_DRAIN_TIME),
                  on_hub_drained, running);
    else
        loop_stop(running->loop);
}

static int open_loop(struct running *running, struct err *err)
{
    static const int numbers[2] = {SIGTERM, SIGINT};

    running->loop = loop_new(err);
    if (!running->loop)
        return -1;
    for (int i = 0; i < 2; i++) {
        running->signals[i] = loop_signal_new(running->loop, numbers[i], on_signal, running, err);
        if (!running->signals[i])
            return -1;
    }
    return 0;
}

static void close_loop(struct running *running)
{
    loop_timer_free(&running->again);
    loop_child_free(&running->child);
    agent_close(&running->spoke);
    hub_close(&running->hub);
    for (int i = 0; i < 2; i++)
        loop_signal_free(&running->signals[i]);
    loop_free(&running->loop);
}

/* Some programs loop over all possible descriptors, so more would make them slow. */
#define FILES_MOST ((size_t)1 << 20)

/* ---- Hub ---------------------------------------------------------------------- */

/* Commands for the user to paste. Each begins with argv[0] and quotes its words for a shell. */
static void print_ready(const char *url, const char *kubeconfig)
{
    scoped_text struct text axle = {0}, file = {0};

    joining_add_shell_word(&axle, program_invocation_name);
    joining_add_shell_word(&file, kubeconfig);
    fprintf(
        stderr,
        "The hub is ready at %s\n"
        "  kubectl   kubectl --kubeconfig %s get managedclusters\n"
        "  console   %s/console/  (token: %s token create --admin --kubeconfig %s)\n"
        "  a spoke   %s token create --kubeconfig %s  prints the command for the next machine\n",
        url, text_string(&file), url, text_string(&axle), text_string(&file), text_string(&axle),
        text_string(&file));
}

static int open_hub(struct running *running, struct err *err)
{
    const struct config *config = running->flags->config;
    scoped_mem char *folder = mode_folder(running->flags, "hub");
    struct hub_settings settings = {.directory = folder,
                                    .listen = config_list(config, CONFIG_ID_LISTEN),
                                    .names = config_list(config, CONFIG_ID_TLS_SAN),
                                    .config = config,
                                    .files = file_raise_limit(FILES_MOST)};

    running->hub = hub_open(running->loop, &settings, err);
    if (!running->hub)
        return -1;
    print_ready(hub_url(running->hub), hub_kubeconfig(running->hub));
    return 0;
}

/* ---- Spoke --------------------------------------------------------------------- */

static char *read_join_token(const struct cli_flags *flags, struct err *err)
{
    const char *file = config_text(flags->config, CONFIG_ID_TOKEN_FILE);
    const char *variable = getenv("AXLE_TOKEN");
    char *token;

    if (!file)
        return variable && *variable ? mem_copy_string(variable) : NULL;
    token = file_read(file, 4096, NULL, err);
    if (token)
        token[strcspn(token, " \r\n\t")] = '\0';
    return token;
}

static void on_left(void *arg)
{
    struct running *running = arg;

    running->left = true;
    loop_stop(running->loop);
}

/* The list joined with commas, as in NO_PROXY; NULL if the setting is empty. */
static char *no_proxy_of(const struct config *config)
{
    const char *const *list = config_list(config, CONFIG_ID_NO_PROXY);
    scoped_text struct text all = {0};

    for (size_t i = 0; list && list[i]; i++)
        text_addf(&all, "%s%s", i ? "," : "", list[i]);
    return all.len ? text_take(&all) : NULL;
}

static int open_spoke(struct running *running, struct err *err)
{
    const struct cli_flags *flags = running->flags;
    const struct config *config = flags->config;
    const char *given = config_text(config, CONFIG_ID_NAME);
    const char *runtime = config_text(config, CONFIG_ID_RUNTIME);
    scoped_mem char *folder = mode_folder(flags, "spoke");
    scoped_mem char *host = machine_host_name();
    struct err why = {0};
    scoped_mem char *token = read_join_token(flags, &why);
    scoped_mem char *no_proxy = no_proxy_of(config);
    struct agent_settings settings = {
        .directory = folder,
        .name = given,
        .host = host,
        .proxy = config_text(config, CONFIG_ID_PROXY) ?: http_proxy_of_environment(),
        .no_proxy = no_proxy ? no_proxy : http_no_proxy_of_environment(),
        .hub = config_text(config, CONFIG_ID_JOIN),
        .token = token,
        .offline = running->offline,
        .left = on_left,
        .left_arg = running,
        .cluster = config_text(config, CONFIG_ID_CLUSTER),
        .runtime = runtime_find(runtime),
        .address = config_text(config, CONFIG_ID_ADDRESS),
        .facts = config_list(config, CONFIG_ID_FACT),
        .eviction = config_number(config, CONFIG_ID_EVICTION),
        .bounds = {.host_paths = config_list(config, CONFIG_ID_HOST_PATH),
                   .allow_root = config_yes(config, CONFIG_ID_ALLOW_ROOT),
                   .allow_privileged = config_yes(config, CONFIG_ID_ALLOW_PRIVILEGED),
                   .allow_ids = config_list(config, CONFIG_ID_ALLOW_IDS),
                   .node_addresses = config_list(config, CONFIG_ID_NODE_ADDRESS)},
        .config = config};

    if (why.code != ERR_NONE) {
        *err = why;
        return -1;
    }
    /* The agent holds sockets, logs and a pidfd for each pod. */
    (void)file_raise_limit(FILES_MOST);
    if (!settings.runtime)
        return err_set(err, ERR_UNSUPPORTED, "--runtime=%s is not in this program", runtime);
    running->spoke = agent_open(running->loop, &settings, err);
    return running->spoke ? 0 : -1;
}

/* ---- All in one ------------------------------------------------------------------ */

static void start_child(void *arg);

static void on_child_end(pid_t pid, int status, void *arg)
{
    struct running *running = arg;

    loop_child_free(&running->child);
    if (running->stopping)
        return;
    log_warn("axle", "the spoke ended (%s %d), starting it again",
             WIFSIGNALED(status) ? "signal" : "exit code",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    if (!running->again)
        running->again = loop_timer_new(running->loop, start_child, running);
    loop_timer_set(running->again, 200 * CLOCK_MS + loop_backoff_next(&running->backoff));
}

/*
 * The single-use token goes through a pipe, because other users can read arguments and
 * environments.
 */
static int pipe_token(struct running *running, int *ret, struct err *err)
{
    scoped_mem char *token = hub_make_token(running->hub, LOCAL_CLUSTER, 900 * CLOCK_SECOND, err);
    int ends[2];

    if (!token)
        return -1;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_set(err, ERR_INTERNAL, "pipe: %s", strerror(errno));
    if (write(ends[1], token, strlen(token)) < 0) {
        close(ends[0]);
        close(ends[1]);
        return err_set(err, ERR_INTERNAL, "pipe: %s", strerror(errno));
    }
    close(ends[1]);
    *ret = ends[0];
    return 0;
}

/*
 * The child reads the same file and environment, so only settings of this command line are
 * passed on as flags. Those of the hub, and those that all-in-one chooses for its spoke,
 * are left out.
 */
static void add_own_flags(struct running *running, struct arena *arena, const char **ret,
                          size_t *count, size_t room)
{
    const struct config *config = running->flags->config;
    const struct config_setting *setting;

    for (size_t i = 0; (setting = config_setting(i)); i++) {
        const char *const *list = config_list(config, setting->id);

        if (setting->id == CONFIG_ID_MODE || setting->id == CONFIG_ID_DATA_DIR ||
            setting->id == CONFIG_ID_NAME || setting->id == CONFIG_ID_JOIN ||
            setting->id == CONFIG_ID_TOKEN_FILE || setting->section == CONFIG_HUB ||
            setting->section == CONFIG_HUB_LIMIT ||
            config_source(config, setting->id) != CONFIG_FLAG)
            continue;
        for (size_t j = 0; list && list[j] && *count < room; j++)
            ret[(*count)++] = arena_printf(arena, "--%s=%s", setting->key, list[j]);
        if (!list && *count < room)
            ret[(*count)++] =
                arena_printf(arena, "--%s=%s", setting->key, config_text(config, setting->id));
    }
}

static int spawn_spoke(struct running *running, int token_fd, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *data = mode_data_folder(running->flags);
    const char *arguments[64] = {"axle",
                                 "--mode=spoke",
                                 "--name=" LOCAL_CLUSTER,
                                 "--token-file=/dev/fd/3",
                                 arena_printf(arena, "--data-dir=%s", data),
                                 arena_printf(arena, "--join=%s", hub_url(running->hub))};
    size_t count = 6;
    struct loop_spawn spawn = {.path = "/proc/self/exe",
                               .arguments = (char *const *)arguments,
                               .in = -1,
                               .out = STDERR_FILENO,
                               .error = STDERR_FILENO,
                               .keep = &token_fd,
                               .keeps = 1,
                               .dies_with_parent = true};

    add_own_flags(running, arena, arguments, &count, count_of(arguments) - 1);
    running->child = loop_spawn(running->loop, &spawn, on_child_end, running, err);
    return running->child ? 0 : -1;
}

static void start_child(void *arg)
{
    struct running *running = arg;
    struct err err = {0};
    int token_fd = -1;

    if (pipe_token(running, &token_fd, &err) < 0 || spawn_spoke(running, token_fd, &err) < 0) {
        log_error("axle", "cannot start the spoke: %s", err.text);
        if (!running->again)
            running->again = loop_timer_new(running->loop, start_child, running);
        loop_timer_set(running->again, CLOCK_SECOND);
    }
    if (token_fd >= 0)
        close(token_fd);
}

/* ---- Roles ------------------------------------------------------------------------ */

static int open_all_in_one(struct running *running, struct err *err)
{
    running->backoff = (struct loop_backoff){CLOCK_SECOND, 60 * CLOCK_SECOND, 0};
    if (open_hub(running, err) < 0)
        return -1;
    start_child(running);
    return 0;
}

static const struct {
    const char *name;
    int (*open)(struct running *running, struct err *err);
} roles[] = {
    {"hub", open_hub},
    {"spoke", open_spoke},
    {"all-in-one", open_all_in_one},
};

static void set_up_log(const struct config *config)
{
    enum log_level level = LOG_INFO;

    log_level_parse(config_text(config, CONFIG_ID_LOG_LEVEL), &level);
    log_setup(level, strcmp(config_text(config, CONFIG_ID_LOG_FORMAT), "json") == 0);
}

int mode_run(const struct cli_flags *flags)
{
    const char *mode = config_text(flags->config, CONFIG_ID_MODE);
    struct running running = {.flags = flags};
    struct err err = {0};
    size_t role = 0;

    while (role < count_of(roles) - 1 && strcmp(roles[role].name, mode) != 0)
        role++;
    set_up_log(flags->config);
    if (open_loop(&running, &err) < 0 || roles[role].open(&running, &err) < 0) {
        close_loop(&running);
        return cli_fail(&err);
    }
    loop_run(running.loop);
    close_loop(&running);
    return running.left ? CLI_LEFT : CLI_OK;
}

/* ---- The end of a spoke ----------------------------------------------------------- */

#define END_TIME (150 * CLOCK_SECOND)

static void on_spoke_ended(void *arg)
{
    struct running *running = arg;

    running->ended = true;
    loop_stop(running->loop);
}

static void on_end_timeout(void *arg)
{
    struct running *running = arg;

    loop_stop(running->loop);
}

static int end_spoke(struct running *running, struct err *err)
{
    struct loop_timer *late;

    if (open_loop(running, err) < 0 || open_spoke(running, err) < 0 ||
        agent_end(running->spoke, on_spoke_ended, running, err) < 0)
        return -1;
    late = loop_timer_new(running->loop, on_end_timeout, running);
    loop_timer_set(late, END_TIME);
    loop_run(running->loop);
    loop_timer_free(&late);
    return running->ended
               ? 0
               : err_set(err, ERR_OTHER,
                         "something of the spoke still runs: nothing was deleted; run the same "
                         "command again to continue");
}

int mode_end_spoke(const struct cli_flags *flags, struct err *err)
{
    struct running running = {.flags = flags, .offline = true};
    int result;

    set_up_log(flags->config);
    result = end_spoke(&running, err);
    close_loop(&running);
    return result;
}
