/* SPDX-License-Identifier: Apache-2.0 */
/* axle status spoke: asks this machine's agent for its state, without any hub. */
#include "cli/internal.h"
#include "cli/uninstall.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "document/document.h"
#include "loop/loop.h"
#include "agent/agent.h"

#include <stdio.h>
#include <string.h>

#define STATUS_TIMEOUT (10 * CLOCK_SECOND)

struct status_call {
    struct loop *loop;
    struct text text; /* owned */
    struct err err;
};

static void on_status_opened(void *arg)
{
}

static void on_status_read(void *arg, const char *bytes, size_t len)
{
    struct status_call *status_call = arg;

    text_add_bytes(&status_call->text, bytes, len);
}

static void on_status_closed(void *arg, const struct err *why)
{
    struct status_call *status_call = arg;

    status_call->err = *why;
    loop_stop(status_call->loop);
}

static void on_status_timeout(void *arg)
{
    struct status_call *status_call = arg;

    err_set(&status_call->err, ERR_TIMEOUT, "no response within 10 s");
    loop_stop(status_call->loop);
}

static int read_socket(struct status_call *status_call, const char *path, struct err *err)
{
    static const struct loop_stream_events events = {
        .opened = on_status_opened, .read = on_status_read, .closed = on_status_closed};
    scoped_mem char *address = mem_printf("unix:%s", path);
    struct loop_stream *stream = loop_connect(status_call->loop, address, err);
    struct loop_timer *late;

    if (!stream)
        return -1;
    late = loop_timer_new(status_call->loop, on_status_timeout, status_call);
    loop_timer_set(late, STATUS_TIMEOUT);
    loop_stream_handle(stream, &events, status_call);
    loop_run(status_call->loop);
    loop_stream_close(&stream);
    loop_timer_free(&late);
    if (status_call->err.code == ERR_NONE)
        return 0;
    return err_set(err, ERR_UNREACHABLE, "nothing responds at %.300s (%.300s)", path,
                   status_call->err.text);
}

/*
 * An agent that started on a full or read-only disk has no socket; the lock of its folder
 * shows that it runs.
 */
static void explain_missing_socket(const char *folder, struct err *err)
{
    scoped_holders struct holders running = {0};
    struct err why = *err;

    holders_find(&running, folder);
    if (running.count)
        err_set(err, ERR_UNREACHABLE,
                "the spoke runs (process %d) but accepts no requests: %.400s. A "
                "disk that was full or read-only when it started leaves it without its socket; "
                "start it again when %.200s can be written",
                running.list[0].pid, why.text, folder);
    else if (!file_exists(folder))
        err_set(err, ERR_UNREACHABLE,
                "the spoke is not running: there is no %.300s; --data-dir "
                "names another folder, axle --mode=spoke starts one",
                folder);
    else
        err_set(err, ERR_UNREACHABLE,
                "the spoke is not running: %.400s; start it with axle "
                "--mode=spoke (with the same --data-dir) or systemctl start axle-spoke",
                why.text);
}

static struct node *fetch_spoke_status(struct arena *arena, const char *path, struct err *err)
{
    struct status_call status_call = {.loop = loop_new(err)};
    struct node *found = NULL;

    if (!status_call.loop)
        return NULL;
    if (read_socket(&status_call, path, err) == 0)
        found = document_read_json(arena, text_string(&status_call.text), status_call.text.len,
                                   &document_limits_own, err);
    text_free(&status_call.text);
    loop_free(&status_call.loop);
    return found;
}

/* ---- For a person ------------------------------------------------------------------ */

static const char *text_or(const char *text, const char *none)
{
    return *text ? text : none;
}

static void print_head(const struct node *spoke)
{
    printf("spoke     %s (axle %s)\n", node_get_text(spoke, "name"),
           node_get_text(spoke, "version"));
    printf("hub       %s\n", node_get_text(spoke, "hub"));
    printf("state     %s%s%s\n", node_get_text(spoke, "state"),
           *node_get_text(spoke, "message") ? ": " : "", node_get_text(spoke, "message"));
    if (*node_get_text(spoke, "refused"))
        printf("refused   %s\n", node_get_text(spoke, "refused"));
    if (*node_get_text(spoke, "wayOut"))
        printf("way out   %s\n", node_get_text(spoke, "wayOut"));
    if (node_get(spoke, "departure"))
        printf("departure %s since %s\n", node_get_text(node_get(spoke, "departure"), "state"),
               node_get_text(node_get(spoke, "departure"), "since"));
    printf("contact   %s\n", text_or(node_get_text(spoke, "lastContact"), "none since it started"));
}

/* One line "limits cpu memory", or "limits none". */
static void print_resource_list(const char *what, const struct node *list)
{
    printf(" %s", what);
    for (size_t i = 0; i < node_count(list); i++)
        printf("%s%s", i ? "," : " ", node_text(node_item(list, i)));
    printf("%s", node_count(list) ? ";" : " none;");
}

/* Prints once what this machine offers to workloads, and what it lacks. */
static void print_machine(const struct node *machine)
{
    const struct node *notes = node_get(machine, "notes");

    printf("machine   cgroup %s;", text_or(node_get_text(machine, "cgroup"), "none"));
    print_resource_list("limits", node_get(machine, "limits"));
    print_resource_list("namespaces", node_get(machine, "namespaces"));
    printf(" seccomp %s; landlock %s; engine %s\n",
           node_get_bool(machine, "seccomp", false) ? "filter" : "none",
           text_or(node_get_text(machine, "landlock"), "none"),
           text_or(node_get_text(machine, "engine"), "none"));
    for (size_t i = 0; i < node_count(notes); i++)
        printf("%s%s\n", i ? "          " : "cannot    ", node_text(node_item(notes, i)));
}

static void print_works(const struct node *works)
{
    printf("\n%-36s %-12s %-7s %-9s %s\n", "WORK", "PHASE", "READY", "RESTARTS", "MESSAGE");
    for (size_t i = 0; i < node_count(works); i++) {
        const struct node *one = node_item(works, i);
        char ready[48];

        snprintf(ready, sizeof ready, "%lld/%lld", (long long)node_get_int(one, "ready", 0),
                 (long long)node_get_int(one, "total", 0));
        printf("%-36s %-12s %-7s %-9lld %s\n", node_get_text(one, "name"),
               node_get_text(one, "phase"), ready, (long long)node_get_int(one, "restarts", 0),
               node_get_text(one, "message"));
    }
}

/* Adds " (next start in 8 s)", the shortest back-off of the pod's containers. */
static void add_next_start(struct text *out, const struct node *pod)
{
    const struct node *containers = node_get(pod, "containers");
    int64_t first = 0, at;

    for (size_t i = 0; i < node_count(containers); i++)
        if (clock_parse(node_get_text(node_item(containers, i), "nextStart"), &at) &&
            (!first || at < first))
            first = at;
    if (first)
        text_addf(out, " (next start in %lld s)",
                  (long long)(first > clock_wall()
                                  ? (first - clock_wall() + CLOCK_SECOND - 1) / CLOCK_SECOND
                                  : 0));
}

static void print_work_pods(const struct node *works)
{
    bool head = false;

    for (size_t i = 0; i < node_count(works); i++) {
        const struct node *pods = node_get(node_item(works, i), "pods");

        for (size_t k = 0; k < node_count(pods); k++) {
            const struct node *pod = node_item(pods, k);
            scoped_text struct text message = {0};

            if (!head)
                printf("\n%-16s %-40s %-12s %-6s %-9s %s\n", "NAMESPACE", "POD", "PHASE", "READY",
                       "RESTARTS", "MESSAGE");
            head = true;
            text_add(&message, node_get_text(pod, "message"));
            add_next_start(&message, pod);
            printf("%-16s %-40s %-12s %-6s %-9lld %s\n", node_get_text(pod, "namespace"),
                   node_get_text(pod, "name"), node_get_text(pod, "phase"),
                   node_get_bool(pod, "ready", false) ? "yes" : "no",
                   (long long)node_get_int(pod, "restarts", 0), text_string(&message));
        }
    }
}

/* The path of the socket of this machine's agent. The caller frees. */
static char *find_status_socket(const struct cli_flags *flags)
{
    scoped_mem char *folder = mode_folder(flags, "spoke");

    return mem_printf("%s/" AGENT_SOCKET, folder);
}

const struct cli_help status_spoke_help = {
    .brief = "what this machine's spoke runs; needs no hub",
    .what = "Prints the hub, the works and the pods of the agent on this machine.",
    .takes = {{"output", "everything that the agent knows, for programs", "json|yaml"},
              {"data-dir", NULL, NULL},
              {"config", "a file of settings that names it", NULL}},
    .example = "axle status spoke -o json",
    .ends = {{CLI_NO_CONNECTION, "no agent runs here"}},
};

int status_spoke_verb(const struct cli_flags *flags)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *path = find_status_socket(flags);
    struct err err = {0};
    scoped_mem char *folder = mode_folder(flags, "spoke");
    const struct node *spoke = fetch_spoke_status(arena, path, &err);

    if (!spoke &&
        (err.code == ERR_UNREACHABLE || err.code == ERR_NOT_FOUND || err.code == ERR_FORBIDDEN))
        explain_missing_socket(folder, &err);
    if (!spoke)
        return cli_fail(&err);
    if (cli_wants_tree(flags)) {
        cli_print_tree(flags, spoke);
        return CLI_OK;
    }
    spoke = cli_printable(arena, spoke);
    print_head(spoke);
    print_machine(node_get(node_get(spoke, "machine"), "runtime"));
    print_works(node_get(spoke, "works"));
    print_work_pods(node_get(spoke, "works"));
    return CLI_OK;
}
