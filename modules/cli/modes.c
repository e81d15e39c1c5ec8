/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a hub, a spoke, or a hub that starts a spoke beside itself. */
#include "cli/inside.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "hub/hub.h"
#include "loop/loop.h"
#include "query/query.h"
#include "runtime/runtime.h"
#include "spoke/spoke.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE (10 * CLOCK_SECOND)
#define LOCAL_CLUSTER "local-cluster"

/* ---- Where things are -------------------------------------------------------- */

static char *data_folder(const struct cli_flags *flags)
{
    const char *state = getenv("STATE_DIRECTORY");
    const char *xdg = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");

    if (flags->data_dir)
        return mem_copy_string(flags->data_dir);
    if (state && *state)
        return mem_copy_string(state);
    if (geteuid() == 0 || (!xdg && !home))
        return mem_copy_string("/var/lib/axle");
    return xdg && *xdg ? mem_printf("%s/axle", xdg)
                       : mem_printf("%s/.local/state/axle", home);
}

char *mode_folder(const struct cli_flags *flags, const char *role)
{
    scoped_mem char *data = data_folder(flags);

    return mem_printf("%s/%s", data, role);
}

static char *host_name(void)
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
    struct spoke *spoke;
    /* all-in-one */
    struct loop_child *child;
    struct loop_timer *again;
    struct loop_backoff backoff;
    bool stopping;
};

static void on_drained(void *arg)
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
        hub_drain(running->hub, PATIENCE, on_drained, running);
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
        running->signals[i] =
            loop_signal_new(running->loop, numbers[i], on_signal, running, err);
        if (!running->signals[i])
            return -1;
    }
    return 0;
}

static void close_loop(struct running *running)
{
    loop_timer_free(&running->again);
    loop_child_free(&running->child);
    spoke_close(&running->spoke);
    hub_close(&running->hub);
    for (int i = 0; i < 2; i++)
        loop_signal_free(&running->signals[i]);
    loop_free(&running->loop);
}

/* ---- Hub ---------------------------------------------------------------------- */

static int open_hub(struct running *running, struct err *err)
{
    static const char *const everywhere[] = {"0.0.0.0:6443", NULL};
    scoped_mem char *folder = mode_folder(running->flags, "hub");
    struct hub_settings settings = {
        .directory = folder,
        .listen = running->flags->listen[0] ? running->flags->listen : everywhere,
        .names = running->flags->names};

    running->hub = hub_open(running->loop, &settings, err);
    if (!running->hub)
        return -1;
    fprintf(stderr,
            "The hub is ready at %s\n"
            "  kubectl   kubectl --kubeconfig %s get managedclusters\n"
            "  console   %s/console/  (token: axle token create --admin "
            "--kubeconfig %s)\n"
            "  a spoke   axle token create --kubeconfig %s  prints the command "
            "for the next machine\n",
            hub_url(running->hub), hub_kubeconfig(running->hub),
            hub_url(running->hub), hub_kubeconfig(running->hub),
            hub_kubeconfig(running->hub));
    return 0;
}

/* ---- Spoke --------------------------------------------------------------------- */

static char *read_token(const struct cli_flags *flags, struct err *err)
{
    const char *variable = getenv("AXLE_TOKEN");
    char *token;

    if (!flags->token_file)
        return variable && *variable ? mem_copy_string(variable) : NULL;
    token = file_read(flags->token_file, 4096, NULL, err);
    if (token)
        token[strcspn(token, " \r\n\t")] = '\0';
    return token;
}

static int find_runtime(const struct cli_flags *flags,
                        const struct runtime_driver **ret, struct err *err)
{
    const char *name = flags->runtime ? flags->runtime : "auto";

    *ret = &runtime_process;
    if (strcmp(name, "auto") == 0 || strcmp(name, "process") == 0)
        return 0;
    return err_set(err, ERR_INVALID,
                   "--runtime=%s: only process is built so far (auto takes it)",
                   name);
}

static int open_spoke(struct running *running, struct err *err)
{
    const struct cli_flags *flags = running->flags;
    scoped_mem char *folder = mode_folder(flags, "spoke");
    scoped_mem char *name =
        flags->name ? mem_copy_string(flags->name) : host_name();
    struct err why = {0};
    scoped_mem char *token = read_token(flags, &why);
    struct spoke_settings settings = {
        .directory = folder, .name = name, .hub = flags->join, .token = token,
        .cluster = flags->cluster, .host_paths = flags->host_paths,
        .facts = flags->facts,
        .allow_root = flags->allow_root,
        .allow_privileged = flags->allow_privileged};

    if (why.code != ERR_NONE) {
        *err = why;
        return -1;
    }
    if (find_runtime(flags, &settings.runtime, err) < 0)
        return -1;
    if (flags->eviction &&
        duration_parse(flags->eviction, &settings.eviction, err) < 0)
        return err_wrap(err, "--eviction");
    running->spoke = spoke_open(running->loop, &settings, err);
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
    log_warn("axle", "the spoke ended (status %d), starting it again", status);
    if (!running->again)
        running->again = loop_timer_new(running->loop, start_child, running);
    loop_timer_set(running->again,
                   200 * CLOCK_MS + loop_backoff_next(&running->backoff));
}

/* A single-use token goes through a pipe, so that it is seen by nobody. */
static int pipe_token(struct running *running, int *ret, struct err *err)
{
    scoped_mem char *token =
        hub_make_token(running->hub, LOCAL_CLUSTER, 900 * CLOCK_SECOND, err);
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

static void add_pairs(const char **arguments, size_t *at, const char *name,
                      const char *const *values)
{
    for (; *values; values++) {
        arguments[(*at)++] = name;
        arguments[(*at)++] = *values;
    }
}

/* What bounds a spoke bounds this one too. */
static void pass_on(const struct cli_flags *flags, const char **arguments)
{
    size_t at = 0;

    while (arguments[at])
        at++;
    add_pairs(arguments, &at, "--host-path", flags->host_paths);
    add_pairs(arguments, &at, "--fact", flags->facts);
    if (flags->eviction) {
        arguments[at++] = "--eviction";
        arguments[at++] = flags->eviction;
    }
    if (flags->allow_root)
        arguments[at++] = "--allow-root";
    if (flags->allow_privileged)
        arguments[at++] = "--allow-privileged";
}

static int spawn_spoke(struct running *running, int token_fd, struct err *err)
{
    scoped_mem char *data = data_folder(running->flags);
    scoped_mem char *folder = mem_printf("--data-dir=%s", data);
    scoped_mem char *join = mem_printf("--join=%s", hub_url(running->hub));
    scoped_mem char *level =
        mem_printf("--log-level=%s",
                   running->flags->log_level ? running->flags->log_level : "info");
    scoped_mem char *format = mem_printf(
        "--log-format=%s",
        running->flags->log_format ? running->flags->log_format : "text");
    const char *arguments[16 + 4 * CLI_MOST] = {
        "axle", "--mode=spoke", "--name=" LOCAL_CLUSTER, folder, join,
        "--token-file=/dev/fd/3", level, format};
    struct loop_spawn spawn = {.path = "/proc/self/exe",
                               .arguments = (char *const *)arguments,
                               .in = -1, .out = STDERR_FILENO,
                               .error = STDERR_FILENO, .keep = &token_fd,
                               .keeps = 1, .dies_with_parent = true};

    pass_on(running->flags, arguments);
    running->child = loop_spawn(running->loop, &spawn, on_child_end, running, err);
    return running->child ? 0 : -1;
}

static void start_child(void *arg)
{
    struct running *running = arg;
    struct err err = {0};
    int token_fd = -1;

    if (pipe_token(running, &token_fd, &err) < 0 ||
        spawn_spoke(running, token_fd, &err) < 0) {
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

static int set_up_log(const struct cli_flags *flags)
{
    enum log_level level = LOG_INFO;
    const char *format = flags->log_format ? flags->log_format : "text";

    if (flags->log_level && !log_level_parse(flags->log_level, &level)) {
        fprintf(stderr, "axle: --log-level=%s is none of debug, info, warn, error\n",
                flags->log_level);
        return -1;
    }
    if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0) {
        fprintf(stderr, "axle: --log-format=%s is neither text nor json\n", format);
        return -1;
    }
    log_setup(level, strcmp(format, "json") == 0);
    return 0;
}

int mode_run(const struct cli_flags *flags)
{
    struct running running = {.flags = flags};
    struct err err = {0};
    size_t role = 0;

    while (role < count_of(roles) && strcmp(roles[role].name, flags->mode) != 0)
        role++;
    if (role == count_of(roles)) {
        fprintf(stderr, "axle: --mode=%s is none of hub, spoke, all-in-one\n",
                flags->mode);
        return CLI_USAGE;
    }
    if (flags->word_count) {
        fprintf(stderr, "axle: \"%s\" is one word too many\n", flags->words[0]);
        return CLI_USAGE;
    }
    if (set_up_log(flags) < 0)
        return CLI_USAGE;
    if (open_loop(&running, &err) < 0 ||
        roles[role].open(&running, &err) < 0) {
        close_loop(&running);
        return cli_fail(&err);
    }
    loop_run(running.loop);
    close_loop(&running);
    return CLI_OK;
}
