/* SPDX-License-Identifier: Apache-2.0 */
/* axle leave and axle reset: remove this machine's spoke, with or without its hub. */
#include "cli/internal.h"
#include "cli/uninstall.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "loop/loop.h"
#include "query/query.h"
#include "agent/agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT (150 * CLOCK_SECOND)

const struct cli_help leave_help = {
    .brief = "makes this machine's spoke leave its hub",
    .what =
        "Makes the spoke on this machine leave its hub in order: the agent requests to leave, "
        "ends its works (the hub continues without it after a minute), puts its key and "
        "certificate aside in spoke/left-DATE, and ends with exit status 6, which its unit "
        "does not restart. The data of its claims is kept. The departure continues after a crash "
        "or a reboot, and after this verb stops waiting for it.\nTo let it join a hub again: "
        "start it with --join and a new token. Without its "
        "hub: axle reset here, and axle remove spoke NAME --lost on the hub.",
    .takes = {{"timeout", "how long to wait for it (150s)", NULL},
              {"data-dir", NULL, NULL},
              {"config", NULL, NULL}},
    .example = "axle leave --timeout=5m",
    .done = "it left, now or earlier",
    .ends = {{CLI_SETTINGS, "it cannot leave: the message says why"},
             {CLI_NO_CONNECTION,
              "no agent runs here, or the departure takes longer than --timeout and continues"}},
};

const struct cli_help reset_help = {
    .brief = "deletes everything of the spoke on this machine",
    .what =
        "Deletes everything of the spoke on this machine, without its hub: ends everything that "
        "runs, and deletes its name, hub, key, certificate and store. Stop the agent first. The "
        "data of claims is moved to DIR/claims-DATE. The hub is not informed: run axle remove "
        "spoke NAME --lost there.",
    .takes = {{"yes", "do it; without --yes it only prints what would be done", NULL},
              {"delete-claims", "delete the data of claims too; it cannot be restored", NULL},
              {"data-dir", NULL, NULL},
              {"config", "the agent's own file of settings", NULL},
              {"runtime", "as the agent was started with it", NULL},
              {"engine-socket", "as the agent was started with it", NULL},
              {"cgroup-parent", "as the agent was started with it", NULL},
              {"cluster", "as the agent was started with it", NULL}},
    .example = "axle reset --yes",
    .done = "done, or there was no spoke",
    .missing_yes = true,
    .ends = {{CLI_FAILED, "something still runs or could not be deleted: run it again"},
             {CLI_SETTINGS, "the agent runs"}},
};

/* ---- Leave ------------------------------------------------------------------------ */

struct leaving {
    struct loop *loop;
    struct loop_stream *stream;
    struct text line;
    bool left, late;
    struct err err;
};

static void take_line(struct leaving *leaving)
{
    const char *line = text_string(&leaving->line);
    scoped_text struct text shown = {0};

    text_add_printable(&shown, line, strlen(line), true);
    if (text_starts(line, "refused: "))
        err_set(&leaving->err, ERR_CONFLICT, "%s", text_string(&shown) + strlen("refused: "));
    else if (!strcmp(line, "left"))
        leaving->left = true;
    else
        fprintf(stderr, "axle: %s\n", text_string(&shown));
    text_cut(&leaving->line, 0);
}

static void on_leave_opened(void *arg)
{
    struct leaving *leaving = arg;

    loop_stream_write(leaving->stream, "leave\n", 6);
}

static void on_leave_read(void *arg, const char *bytes, size_t len)
{
    struct leaving *leaving = arg;

    for (size_t i = 0; i < len; i++)
        if (bytes[i] == '\n')
            take_line(leaving);
        else if (leaving->line.len < 4096)
            text_add_char(&leaving->line, bytes[i]);
}

static void on_leave_closed(void *arg, const struct err *why)
{
    struct leaving *leaving = arg;

    if (why->code && !leaving->err.code)
        leaving->err = *why;
    loop_stop(leaving->loop);
}

static void on_leave_timeout(void *arg)
{
    struct leaving *leaving = arg;

    leaving->late = true;
    loop_stop(leaving->loop);
}

static int send_leave_request(struct leaving *leaving, const char *path, int64_t wait,
                              struct err *err)
{
    static const struct loop_stream_events events = {
        .opened = on_leave_opened, .read = on_leave_read, .closed = on_leave_closed};
    scoped_mem char *address = mem_printf("unix:%s", path);
    struct loop_timer *late;

    leaving->stream = loop_connect(leaving->loop, address, err);
    if (!leaving->stream)
        return -1;
    late = loop_timer_new(leaving->loop, on_leave_timeout, leaving);
    loop_timer_set(late, wait);
    loop_stream_handle(leaving->stream, &events, leaving);
    loop_run(leaving->loop);
    loop_timer_free(&late);
    loop_stream_close(&leaving->stream);
    return 0;
}

/* The agent may end before it sends its last message, so read the result from its folder. */
static bool spoke_has_left(const char *folder)
{
    scoped_mem char *path = mem_printf("%s/departure", folder);
    scoped_mem char *text = file_read(path, 65536, NULL, NULL);

    return text && strstr(text, "\"state\":\"left\"");
}

/* An agent that started on a full or read-only disk has no socket, but it holds the lock. */
static bool is_locked_folder(const char *folder)
{
    scoped_holders struct holders running = {0};

    holders_find(&running, folder);
    return running.count > 0;
}

static int request_leave(const char *folder, int64_t wait, struct err *err)
{
    struct leaving leaving = {.loop = loop_new(err)};
    scoped_mem char *path = mem_printf("%s/" AGENT_CONTROL, folder);
    int result = leaving.loop ? send_leave_request(&leaving, path, wait, err) : -1;

    text_free(&leaving.line);
    loop_free(&leaving.loop);
    if (result < 0)
        return -1;
    if (leaving.left || spoke_has_left(folder))
        return 0;
    if (leaving.err.code == ERR_CONFLICT) {
        *err = leaving.err;
        return -1;
    }
    if (leaving.late)
        return err_set(
            err, ERR_TIMEOUT,
            "the spoke has not left yet; it continues, and leaves as soon as its hub allows it. "
            "Without the hub: stop the agent, axle reset --yes here, "
            "axle remove spoke NAME --lost there");
    return err_set(err, ERR_UNREACHABLE,
                   "%s at %s%s%s: start it again, or, without it and its hub, "
                   "axle reset",
                   is_locked_folder(folder) ? "the agent runs but accepts no requests"
                                            : "no agent responds",
                   path, *leaving.err.text ? ": " : "", leaving.err.text);
}

int leave_verb(const struct cli_flags *flags)
{
    scoped_mem char *folder = mode_folder(flags, "spoke");
    int64_t wait = WAIT;
    struct err err = {0};

    if (flags->timeout && (duration_parse(flags->timeout, &wait, &err) < 0 || wait <= 0))
        return cli_usage("--timeout=%.100s is not a duration above zero; write it like 90s or 5m",
                         flags->timeout);
    if (spoke_has_left(folder)) {
        printf("the spoke has left its hub already\n");
        return CLI_OK;
    }
    if (request_leave(folder, wait, &err) < 0)
        return cli_fail(&err);
    printf("the spoke has left its hub; the data of its claims is kept in %s\n", folder);
    return CLI_OK;
}

/* ---- Reset ------------------------------------------------------------------------ */

static bool is_empty_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    size_t count = 0;

    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return count <= 2;
}

/* Otherwise a later spoke with the same project name would get the data. */
int claims_keep(const char *folder, struct err *err)
{
    scoped_mem char *claims = mem_printf("%s/workloads/claims", folder);
    scoped_mem char *to = NULL;
    const char *slash;
    char date[CLOCK_TEXT];

    if (!file_exists(claims) || is_empty_folder(claims))
        return 0;
    clock_format(clock_wall(), false, date);
    slash = strrchr(folder, '/');
    to = slash && slash[1] ? mem_printf("%.*s/claims-%s", (int)(slash - folder), folder, date)
                           : mem_printf("%s/../claims-%s", folder, date);
    if (file_move(claims, to, err) < 0)
        return -1;
    printf("the data of its claims is in %s\n", to);
    return 0;
}

/*
 * The marker of an unfinished reset is deleted last, so that an interrupted reset is
 * finished.
 */
static int delete_spoke_folder(const char *folder, struct err *err)
{
    scoped_mem char *up = mem_printf("%s/..", folder);
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    struct err why = {0};
    int failed = 0;

    while (dir && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            !text_starts(entry->d_name, "departure"))
            failed |= erase_tree(folder, entry->d_name, &why);
    }
    if (dir)
        closedir(dir);
    return !failed && erase_tree(up, "spoke", &why) == 0
               ? 0
               : err_set(
                     err, ERR_OTHER,
                     "%s: not everything could be deleted; run `axle reset --yes` again when the "
                     "cause is removed",
                     folder);
}

static int print_what_is_lost(const char *folder)
{
    fprintf(stderr,
            "axle: this ends everything that the spoke in %s runs, and deletes its name, "
            "key, certificate and store; the data of claims is kept unless "
            "--delete-claims. Add --yes to do it; use axle leave while its hub responds\n",
            folder);
    return CLI_USAGE;
}

int reset_verb(const struct cli_flags *flags)
{
    scoped_mem char *folder = mode_folder(flags, "spoke");
    struct err err = {0};

    if (!file_exists(folder)) {
        printf("there is no spoke in %.300s\n", folder);
        return CLI_OK;
    }
    if (!flags->yes)
        return print_what_is_lost(folder);
    if (mode_end_spoke(flags, &err) < 0 ||
        (!flags->delete_claims && claims_keep(folder, &err) < 0) ||
        delete_spoke_folder(folder, &err) < 0)
        return cli_fail(&err);
    printf("everything of the spoke in %s was deleted\n", folder);
    return CLI_OK;
}
