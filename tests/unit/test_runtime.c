/* SPDX-License-Identifier: Apache-2.0 */
/* Real processes under real shims: what starts, ends, outlives and comes back. */

#include "check.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "loop/loop.h"
#include "runtime/runtime.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DRIVER (&runtime_process)

struct seen {
    int started, exited, failed, removed, drift, lost;
    int64_t pid, run;
    int code, signal;
    bool oom;
    char reason[64], message[400];
};

static struct seen seen;
static struct loop *loop;
static struct runtime *runtime;
static char folder[] = "/tmp/axle-test-runtime-XXXXXX";

static void on_event(void *arg, const struct runtime_event *event)
{
    int *counts[] = {
        [RUNTIME_STARTED] = &seen.started, [RUNTIME_FAILED] = &seen.failed,
        [RUNTIME_EXITED] = &seen.exited,   [RUNTIME_LOST] = &seen.lost,
        [RUNTIME_REMOVED] = &seen.removed, [RUNTIME_DRIFT] = &seen.drift,
    };

    (*counts[event->kind])++;
    seen.pid = event->pid;
    seen.run = event->run;
    seen.code = event->code;
    seen.signal = event->signal;
    seen.oom = event->oom;
    snprintf(seen.reason, sizeof seen.reason, "%s", event->reason ? event->reason : "");
    snprintf(seen.message, sizeof seen.message, "%s", event->message ? event->message : "");
}

static bool wait_until(const int *count, int wanted)
{
    int64_t end = clock_steady() + 40 * CLOCK_SECOND;

    while (*count < wanted && clock_steady() < end)
        loop_turn(loop, 50 * CLOCK_MS);
    return *count >= wanted;
}

static struct runtime_bounds bounds;

static void open_runtime(void)
{
    struct runtime_options options = {.loop = loop,
                                      .directory = folder,
                                      .on_event = on_event,
                                      .log_bytes = 20000,
                                      .log_files = 2,
                                      .bounds = bounds};
    struct err err = {0};

    if (DRIVER->open(&options, &runtime, &err) < 0) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    seen = (struct seen){0};
}

static struct node *pod_of(struct arena *arena, const char *id, const char *script,
                           const char *more)
{
    struct err err = {0};
    char *text = arena_printf(arena,
                              "{\"id\": \"%s\", \"owner\": \"lab\", \"record\": {\"hash\": \"h1\"},"
                              " \"containers\": [{\"name\": \"main\", \"start\": true,"
                              " \"command\": [\"sh\", \"-c\", \"%s\"]%s",
                              id, script, more);
    struct node *pod = document_read_json(arena, text, strlen(text), &document_limits_own, &err);

    if (!pod)
        printf("Bail out! %s\n", err.text);
    return pod;
}

static bool create(const struct node *pod)
{
    struct err err = {0};
    bool good = DRIVER->create(runtime, pod, &err) == 0;

    if (!good)
        printf("# %s\n", err.text);
    return good;
}

static void remove_pod(const char *id)
{
    int before = seen.removed;

    DRIVER->remove(runtime, id);
    CHECK(wait_until(&seen.removed, before + 1), "%s is removed", id);
}

/* Root, and the machine lets it make namespaces: not so in many containers. */
static bool can_mount(void)
{
    scoped_arena struct arena *arena = arena_new();

    return geteuid() == 0 && node_count(node_get(DRIVER->facts(runtime, arena), "namespaces")) > 0;
}

static void test_runs_and_ends(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *pod = pod_of(arena, "ends", "echo hello; exit 3", "}]}");

    open_runtime();
    CHECK(create(pod), "a pod is made");
    CHECK(wait_until(&seen.exited, 1), "its end is told");
    CHECK_INT(seen.code, 3, "with the exit code");
    CHECK_INT(seen.started, 1, "after its start");
    CHECK(strstr(DRIVER->log_tail(runtime, arena, "ends", "main", 10), "stdout F hello"),
          "what it said is in its log");
    CHECK(DRIVER->start(runtime, "ends", "main", NULL) == 0 && wait_until(&seen.exited, 2),
          "it can be started again");
    CHECK_INT(seen.run, 2, "as its second run");
    remove_pod("ends");
    CHECK(access(arena_printf(arena, "%s/pods/ends", folder), F_OK) != 0, "nothing of it is left");
    DRIVER->close(&runtime);
}

static void test_command_missing(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *pod = pod_of(arena, "missing", "x", "}]}");
    struct node *container = node_item(node_get(pod, "containers"), 0);
    struct node *command = node_list(arena);

    node_add(arena, command, node_string(arena, "no-such-program"));
    node_set(arena, container, "command", command);
    open_runtime();
    CHECK(create(pod) && wait_until(&seen.failed, 1), "a command that is not there fails");
    CHECK_TEXT(seen.reason, "CommandNotFound", "with a reason");
    CHECK_TEXT(seen.message, "command \"no-such-program\" was not found on this machine",
               "and words for a person");
    remove_pod("missing");
    command = node_list(arena);
    node_add(arena, command, node_string(arena, "/usr"));
    node_set(arena, container, "command", command);
    CHECK(create(pod) && wait_until(&seen.failed, 2), "a folder cannot be run");
    CHECK_TEXT(seen.message, "command \"/usr\" is a directory", "and it says so");
    remove_pod("missing");
    DRIVER->close(&runtime);
}

static void test_whole_tree_ends(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *pod = pod_of(
        arena, "tree",
        "trap '' TERM; (trap '' TERM; sleep 1000) & setsid sh -c 'sleep 1000' & echo deaf; wait",
        "}]}");
    int64_t began;

    open_runtime();
    CHECK(create(pod) && wait_until(&seen.started, 1), "a tree of processes is started");
    for (int i = 0; i < 500 && !strstr(DRIVER->log_tail(runtime, arena, "tree", "main", 1), "deaf");
         i++)
        loop_turn(loop, 10 * CLOCK_MS);
    began = clock_steady();
    DRIVER->stop(runtime, "tree", NULL, 100 * CLOCK_MS);
    CHECK(wait_until(&seen.exited, 1), "it is ended as a whole");
    CHECK_INT(seen.signal, SIGKILL, "by force, because it did not listen");
    CHECK(clock_steady() - began >= 100 * CLOCK_MS, "not before its grace was over");
    remove_pod("tree");
    DRIVER->close(&runtime);
}

static struct node *state_of(struct arena *arena, const char *id)
{
    struct node *found = DRIVER->observe(runtime, arena);

    for (size_t i = 0; i < node_count(found); i++)
        if (!strcmp(node_get_text(node_item(found, i), "id"), id))
            return node_item(node_get(node_item(found, i), "containers"), 0);
    return NULL;
}

static bool same_place(int64_t one, int64_t other)
{
    scoped_mem char *first = mem_printf("/proc/%lld/ns/mnt", (long long)one);
    scoped_mem char *second = mem_printf("/proc/%lld/ns/mnt", (long long)other);
    struct stat a = {0}, b = {0};

    return stat(first, &a) == 0 && stat(second, &b) == 0 && a.st_ino == b.st_ino;
}

static void on_response(void *arg, bool ok, const char *message)
{
    snprintf(seen.message, sizeof seen.message, "%s", message);
    *(int *)arg = ok ? 1 : 2;
}

/* Whatever was said to the pod's shim before has been heard when this returns. */
static void be_heard(struct arena *arena, const char *id)
{
    const char *text = "{\"exec\": {\"command\": [\"true\"]}}";
    int response = 0;

    DRIVER->probe(runtime, id, "main",
                  document_read_json(arena, text, strlen(text), &document_limits_own, NULL),
                  30 * CLOCK_SECOND, on_response, &response);
    wait_until(&response, 1);
}

/* Once by itself, then only when told; what asked it to end has its way. */
static void test_starts_again(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *again = pod_of(arena, "again", "echo run; exec sleep 1000",
                                ", \"again\": {\"on\": \"any\", \"after\": 600}}]}");
    int64_t shim_place, pid;

    open_runtime();
    CHECK(create(again) && wait_until(&seen.started, 1), "one that may start again");
    shim_place = getpid();
    kill((pid_t)seen.pid, SIGKILL);
    CHECK(wait_until(&seen.exited, 1), "it is killed");
    CHECK(wait_until(&seen.started, 2) && seen.run == 2, "and runs again, unasked");
    pid = seen.pid;
    CHECK(!same_place(shim_place, pid) || !can_mount(), "in a place of its own");
    CHECK(DRIVER->start(runtime, "again", "main", NULL) == 0, "an order that comes too late");
    be_heard(arena, "again");
    CHECK_INT((int)node_get_int(state_of(arena, "again"), "crashes", 0), 1, "its end is counted");
    CHECK_INT((int)node_get_int(node_get(state_of(arena, "again"), "last"), "signal", 0), SIGKILL,
              "and how it ended is known");
    kill((pid_t)pid, SIGKILL);
    CHECK(wait_until(&seen.exited, 2), "it is killed once more");
    for (int i = 0; i < 10; i++)
        loop_turn(loop, 10 * CLOCK_MS);
    CHECK_INT(seen.started, 2, "and waits for a word this time");
    CHECK(DRIVER->start(runtime, "again", "main", NULL) == 0 && wait_until(&seen.started, 3),
          "which it gets");
    CHECK_INT((int)node_get_int(state_of(arena, "again"), "crashes", 0), 2, "two ends are counted");
    remove_pod("again");
    CHECK(create(again) && wait_until(&seen.started, 4), "another one");
    DRIVER->stop(runtime, "again", "main", 20 * CLOCK_SECOND);
    CHECK(wait_until(&seen.exited, 4) && seen.signal == SIGTERM, "that is told to end");
    for (int i = 0; i < 10; i++)
        loop_turn(loop, 10 * CLOCK_MS);
    CHECK_INT(seen.started, 4, "stays so");
    remove_pod("again");
    DRIVER->close(&runtime);
}

/* The place is used again, unless what is mounted in it is another thing now. */
static void test_place_is_used_again(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *files = document_read_json(arena, "{\"a\": {\"text\": \"new\\n\"}}", 24,
                                            &document_limits_own, NULL);
    const char *log;

    open_runtime();
    if (!can_mount()) {
        CHECK_SKIP("no namespaces may be made here, or not root");
        DRIVER->close(&runtime);
        return;
    }
    CHECK(create(pod_of(
              arena, "place", "cat /data/a; readlink /proc/self/ns/mnt; exit 1",
              ", \"mounts\": [{\"volume\": \"f\", \"path\": \"/data/a\", \"subPath\": \"a\"}]}],"
              " \"volumes\": [{\"name\": \"f\", \"type\": \"files\","
              " \"files\": {\"a\": {\"text\": \"old\\n\"}}}]}")) &&
              wait_until(&seen.exited, 1),
          "a pod that shows its mounts");
    CHECK(DRIVER->start(runtime, "place", "main", NULL) == 0 && wait_until(&seen.exited, 2),
          "is started again");
    log = DRIVER->log_tail(runtime, arena, "place", "main", 4);
    CHECK(strstr(log, "F old"), "it sees what was delivered");
    CHECK(DRIVER->set_files(runtime, "place", "f", files, NULL) == 0 &&
              DRIVER->start(runtime, "place", "main", NULL) == 0 && wait_until(&seen.exited, 3),
          "other contents come");
    log = DRIVER->log_tail(runtime, arena, "place", "main", 2);
    CHECK(strstr(log, "F new"), "and the next run sees those: %s", log);
    remove_pod("place");
    DRIVER->close(&runtime);
}

/* The agent goes without a word; what it started runs on. */
static void test_outlives_the_agent(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *found, *states;
    int64_t pid;

    open_runtime();
    CHECK(create(pod_of(arena, "stays", "sleep 1000", "}]}")), "one that stays");
    CHECK(create(pod_of(arena, "goes", "while [ ! -e go ]; do sleep 0.02; done; exit 7", "}]}")),
          "one that will end meanwhile");
    CHECK(wait_until(&seen.started, 2), "both run");
    DRIVER->note_ready(runtime, "stays", INT64_C(1700000000123456789));
    DRIVER->note_ready(runtime, "goes", INT64_C(1700000000123456789));
    DRIVER->note_ready(runtime, "goes", 0);
    DRIVER->note_ready(runtime, "nobody", 0);
    DRIVER->close(&runtime);

    scoped_mem char *go = mem_printf("%s/pods/goes/work/go", folder);
    scoped_mem char *ended = mem_printf("%s/pods/goes/exit-main.json", folder);
    int fd = open(go, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

    close(fd);
    for (int i = 0; i < 500 && access(ended, F_OK) != 0; i++)
        usleep(10000);
    open_runtime();
    found = DRIVER->observe(runtime, arena);
    CHECK_INT((int)node_count(found), 2, "a new agent finds both");
    for (size_t i = 0; i < node_count(found); i++) {
        states = node_item(node_get(node_item(found, i), "containers"), 0);
        CHECK_TEXT(node_get_text(node_get(node_item(found, i), "record"), "hash"), "h1",
                   "with what was recorded");
        CHECK(
            node_get_int(node_item(found, i), "ready", -1) ==
                (!strcmp(node_get_text(node_item(found, i), "id"), "goes") ? 0 : 1700000000123456),
            "and since when it is ready");
        if (!strcmp(node_get_text(node_item(found, i), "id"), "goes")) {
            CHECK_INT((int)node_get_int(states, "code", -1), 7, "the exit code is not lost");
        } else {
            pid = node_get_int(states, "pid", 0);
            CHECK(pid > 0 && kill((pid_t)pid, 0) == 0, "the other one never stopped");
            CHECK_INT((int)node_get_int(states, "run", 0), 1, "nor was it started again");
        }
    }
    CHECK(!create(pod_of(arena, "stays", "sleep 1", "}]}")), "nothing is doubled");
    remove_pod("stays");
    remove_pod("goes");
    DRIVER->close(&runtime);
}

static pid_t parent_of(pid_t pid)
{
    scoped_mem char *path = mem_printf("/proc/%d/stat", (int)pid);
    char text[512] = "";
    FILE *file = fopen(path, "re");
    const char *after;
    int parent = 0;

    if (!file)
        return 0;
    if (fgets(text, sizeof text, file) && (after = strrchr(text, ')')))
        sscanf(after + 1, " %*c %d", &parent);
    fclose(file);
    return parent;
}

/* The shim is this process's child; what the pod runs is further down. */
static pid_t shim_above(pid_t pid)
{
    while (pid > 1 && parent_of(pid) != getpid())
        pid = parent_of(pid);
    return pid;
}

/* r0001: a pod without a shim is on its way out when the agent gives up. */
static void test_closes_while_a_pod_leaves(void)
{
    scoped_arena struct arena *arena = arena_new();
    pid_t shim;

    open_runtime();
    CHECK(create(pod_of(arena, "leaves", "sleep 1000", "}]}")) && wait_until(&seen.started, 1),
          "a pod runs");
    shim = shim_above((pid_t)seen.pid);
    CHECK(shim > 1 && kill(shim, SIGKILL) == 0 && wait_until(&seen.lost, 1), "its shim is killed");
    DRIVER->remove(runtime, "leaves");
    DRIVER->close(&runtime);
    loop_turn(loop, 0);
    CHECK_INT(seen.removed, 0, "nothing is told of a runtime that was closed");
    open_runtime();
    DRIVER->observe(runtime, arena);
    DRIVER->remove(runtime, "leaves");
    CHECK(wait_until(&seen.removed, 1), "the next one clears it away");
    DRIVER->close(&runtime);
}

static void test_files(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *pod =
        pod_of(arena, "files", "cat conf/a.txt b.txt; while [ ! -e stop ]; do sleep 0.02; done",
               ", \"mounts\": [{\"volume\": \"f\", \"path\": \"conf/a.txt\", \"subPath\": \"a\"},"
               " {\"volume\": \"f\", \"path\": \"b.txt\", \"subPath\": \"b\"}]}],"
               " \"volumes\": [{\"name\": \"f\", \"type\": \"files\","
               " \"files\": {\"a\": {\"text\": \"one\\n\"}, \"b\": {\"base64\": \"dHdvCg==\"}}}]}");
    scoped_mem char *path = mem_printf("%s/pods/files/volumes/f/a", folder);
    char bytes[16] = "";
    int fd;

    open_runtime();
    CHECK(create(pod) && wait_until(&seen.started, 1), "a pod with files");
    for (int i = 0; i < 100 && !strstr(DRIVER->log_tail(runtime, arena, "files", "main", 5), "two");
         i++)
        loop_turn(loop, 10 * CLOCK_MS);
    CHECK(strstr(DRIVER->log_tail(runtime, arena, "files", "main", 5), "stdout F one") &&
              strstr(DRIVER->log_tail(runtime, arena, "files", "main", 5), "stdout F two"),
          "it reads them where they were asked for");
    while (seen.drift)
        seen.drift = 0;
    unlink(path);
    CHECK(wait_until(&seen.drift, 1), "a removed file is noticed");
    fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && read(fd, bytes, sizeof bytes) == 4 && !memcmp(bytes, "one\n", 4),
          "and is back");
    close(fd);
    chmod(path, 0644);
    fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    CHECK(write(fd, "x", 1) == 1, "an edit");
    close(fd);
    CHECK(wait_until(&seen.drift, 2), "is noticed too");
    remove_pod("files");
    DRIVER->close(&runtime);
}

static bool wait_log(const char *pod, const char *wanted)
{
    int64_t end = clock_steady() + 30 * CLOCK_SECOND;

    while (clock_steady() < end) {
        scoped_arena struct arena *arena = arena_new();

        if (strstr(DRIVER->log_tail(runtime, arena, pod, "main", 20), wanted))
            return true;
        loop_turn(loop, 10 * CLOCK_MS);
    }
    return false;
}

static void test_hosts(void)
{
    static const char lines[] = "[\"127.64.0.9 twin.lab\"]";
    scoped_arena struct arena *arena = arena_new();
    struct node *other =
        document_read_json(arena, lines, strlen(lines), &document_limits_own, NULL);
    struct err err = {0};

    open_runtime();
    CHECK(create(pod_of(arena, "named", "while :; do tail -n 1 $AXLE_HOSTS; sleep 0.05; done",
                        "}], \"hosts\": [\"127.64.0.8 a-longer-name.lab\"]}")) &&
              wait_log("named", "F 127.64.0.8 a-longer-name.lab\n"),
          "a pod reads its own hosts file");
    CHECK(DRIVER->set_hosts(runtime, "named", other, &err) == 0 &&
              wait_log("named", "F 127.64.0.9 twin.lab\n"),
          "and what was written there since");
    CHECK(DRIVER->set_hosts(runtime, "nobody", other, &err) < 0 && err.code == ERR_NOT_FOUND,
          "a pod that is not there has none");
    remove_pod("named");
    DRIVER->close(&runtime);
}

static void test_exec_probe(void)
{
    static const struct {
        const char *probe, *says;
        int response;
    } cases[] = {
        {"{\"exec\": {\"command\": [\"test\", \"-d\", \".\"]}}", "exit code 0", 1},
        {"{\"exec\": {\"command\": [\"sh\", \"-c\", \"echo no; exit 4\"]}}", "exit code 4: no", 2},
        {"{\"exec\": {\"command\": [\"sh\", \"-c\", \"echo a; echo b; echo; exit 4\"]}}",
         "exit code 4: a\nb", 2},
        {"{\"exec\": {\"command\": [\"sleep\", \"100\"]}}", "command timed out", 2},
        {"{\"exec\": {\"command\": [\"sh\", \"-c\", \"printf 'a\\\\0b\\\\377\\\\033[2Jc'\"]}}",
         "exit code 0: a\xef\xbf\xbd"
         "b\xef\xbf\xbd\xef\xbf\xbd[2Jc",
         1},
        {"{\"exec\": {\"command\": [\"sh\", \"-c\", \"printf '\\\\0'; exit 3\"]}}",
         "exit code 3: \xef\xbf\xbd", 2},
        {"{\"exec\": {\"command\": [\"sh\", \"-c\", \"kill -9 $$\"]}}", "exit code 137", 2},
    };
    scoped_arena struct arena *arena = arena_new();

    open_runtime();
    CHECK(create(pod_of(arena, "probed", "sleep 1000", "}]}")) && wait_until(&seen.started, 1),
          "a pod to be asked");
    for (size_t i = 0; i < count_of(cases); i++) {
        int response = 0;
        struct node *probe = document_read_json(arena, cases[i].probe, strlen(cases[i].probe),
                                                &document_limits_own, NULL);

        DRIVER->probe(runtime, "probed", "main", probe, 300 * CLOCK_MS, on_response, &response);
        wait_until(&response, 1);
        CHECK_INT(response, cases[i].response, "%s", cases[i].probe);
        CHECK_TEXT(seen.message, cases[i].says, "%s answers", cases[i].probe);
    }
    remove_pod("probed");
    DRIVER->close(&runtime);
}

/* How many processes of this machine are `sleep WORD`. */
static int sleepers(const char *word)
{
    scoped_mem char *wanted = mem_printf("sleep%c%s", 1, word);
    DIR *all = opendir("/proc");
    struct dirent *entry;
    int count = 0;

    while (all && (entry = readdir(all))) {
        scoped_mem char *path = mem_printf("/proc/%s/cmdline", entry->d_name);
        char line[64] = "";
        FILE *in = fopen(path, "re");
        size_t len = in ? fread(line, 1, sizeof line - 1, in) : 0;

        if (in)
            fclose(in);
        for (size_t i = 0; i + 1 < len; i++)
            line[i] = line[i] ? line[i] : 1;
        count += !strcmp(line, wanted);
    }
    if (all)
        closedir(all);
    return count;
}

/* A late probe takes along what it started, new sessions too. */
static void test_late_exec(void)
{
    static const char *const scripts[] = {
        "sleep 8642[1]; true",
        "setsid sleep 8642[1] & wait",
        "(setsid sh -c 'sleep 8642[1] & sleep 8642[1]' &) ; sleep 8642[1]",
        "trap '' TERM HUP INT; sleep 8642[1] & while :; do sleep 8642[1]; done",
    };
    scoped_arena struct arena *arena = arena_new();

    open_runtime();
    CHECK(create(pod_of(arena, "late", "sleep 1000", "}]}")) && wait_until(&seen.started, 1),
          "a pod to be asked");
    for (size_t i = 0; i < count_of(scripts); i++) {
        struct node *command = node_list(arena), *probe = node_map(arena);
        char *script = arena_string(arena, scripts[i]);
        int response = 0, left;

        for (char *at; (at = strstr(script, "[1]"));)
            memmove(at, at + 3, strlen(at + 3) + 1);
        node_add(arena, command, node_string(arena, "sh"));
        node_add(arena, command, node_string(arena, "-c"));
        node_add(arena, command, node_string(arena, script));
        node_set(arena, node_make(arena, probe, "exec"), "command", command);
        DRIVER->probe(runtime, "late", "main", probe, 400 * CLOCK_MS, on_response, &response);
        wait_until(&response, 1);
        CHECK_TEXT(seen.message, "command timed out", "late: %s", script);
        left = sleepers("8642");
        CHECK_INT(left, 0, "and nothing of it is left");
    }
    remove_pod("late");
    DRIVER->close(&runtime);
}

/* A command may be longer than what one packet carries. */
static void test_long_exec(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *command = node_list(arena), *probe = node_map(arena);
    char *word = arena_alloc(arena, 60001);
    int response = 0;

    memset(word, 'x', 60000);
    word[60000] = '\0';
    open_runtime();
    CHECK(create(pod_of(arena, "long", "sleep 1000", "}]}")) && wait_until(&seen.started, 1),
          "a pod to be asked");
    node_add(arena, command, node_string(arena, "sh"));
    node_add(arena, command, node_string(arena, "-c"));
    node_add(arena, command, node_string(arena, "echo ${#1} $#"));
    for (int i = 0; i < 11; i++)
        node_add(arena, command, node_string(arena, word));
    node_set(arena, node_make(arena, probe, "exec"), "command", command);
    DRIVER->probe(runtime, "long", "main", probe, 5 * CLOCK_SECOND, on_response, &response);
    wait_until(&response, 1);
    CHECK_TEXT(seen.message, "exit code 0: 60000 10", "660,000 bytes of command are run");
    remove_pod("long");
    DRIVER->close(&runtime);
}

static void test_memory_limit(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *facts;

    open_runtime();
    facts = DRIVER->facts(runtime, arena);
    printf("# cgroup %s\n", node_get_text(facts, "cgroup"));
    if (!strcmp(node_get_text(facts, "cgroup"), "none")) {
        CHECK_SKIP("no cgroup may be made here");
        DRIVER->close(&runtime);
        return;
    }
    CHECK(create(pod_of(arena, "hungry", "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done",
                        ", \"memory\": 16777216}]}")),
          "a pod that wants too much");
    CHECK(wait_until(&seen.exited, 1) && seen.oom, "is ended for want of memory, and told so");
    remove_pod("hungry");
    DRIVER->close(&runtime);
}

static void test_confined(void)
{
    scoped_arena struct arena *arena = arena_new();
    const char *log;

    open_runtime();
    if (!can_mount()) {
        CHECK_SKIP("no namespaces may be made here, or not root");
        DRIVER->close(&runtime);
        return;
    }
    CHECK(create(pod_of(
              arena, "confined",
              "id -u; grep NoNewPrivs /proc/self/status; unshare -U true || echo no-unshare;"
              " ls /data/in && cat /data/in/a; echo pid $$; touch /usr/x 2>/dev/null || echo "
              "read-only",
              ", \"mounts\": [{\"volume\": \"f\", \"path\": \"/data/in\"}]}],"
              " \"volumes\": [{\"name\": \"f\", \"type\": \"files\", \"secret\": true,"
              " \"files\": {\"a\": {\"text\": \"inside\\n\"}}}]}")) &&
              wait_until(&seen.exited, 1),
          "a pod looks around");
    log = DRIVER->log_tail(runtime, arena, "confined", "main", 50);
    printf("# %s\n", seen.message);
    CHECK(!strstr(log, "F 0\n"), "it is not root");
    CHECK(strstr(log, "NoNewPrivs:\t1"), "and cannot become it");
    CHECK(strstr(log, "no-unshare"), "nor make namespaces");
    CHECK(strstr(log, "F inside"), "it sees what was mounted at an absolute path");
    CHECK(strstr(log, "read-only"), "and cannot write to the machine");
    remove_pod("confined");
    DRIVER->close(&runtime);
}

/* What it has follows from what was allowed and asked for, not from its uid. */
static void test_capabilities(void)
{
    static const struct {
        bool allow_root, allow_privileged;
        const char *more, *effective, *bounding, *name;
    } cases[] = {
        {true, true, ", \"capabilities\": [\"10\"]}]}", "CapEff:\t0000000000000400",
         "CapBnd:\t0000000000000400", "a user who was given one"},
        {true, false, ", \"user\": 0, \"capabilities\": [\"0\", \"5\"]}]}",
         "CapEff:\t0000000000000021", "CapBnd:\t0000000000000021",
         "uid 0 with two of the usual ones"},
        {true, false, ", \"user\": 0}]}", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000",
         "uid 0 that dropped all"},
        {true, false, ", \"user\": 0, \"capabilities\": [\"21\"]}]}", NULL, "requests privileges",
         "uid 0 that wants more"},
        {false, true, ", \"user\": 0}]}", NULL, "runs nothing as uid 0",
         "uid 0 where there is none"},
        {false, true, ", \"group\": 0}]}", NULL, "runs nothing as gid 0",
         "gid 0 where there is none"},
        {false, false, ", \"user\": 4294967296}]}", NULL, "runAsUser is not a user id",
         "a uid beyond"},
        {false, false, ", \"privileged\": true}]}", NULL, "requests privileges",
         "one that is privileged"},
        {false, false, "}], \"volumes\": [{\"name\": \"../x\", \"type\": \"empty\"}]}", NULL,
         "is no name", "a volume that climbs"},
        {false, false,
         "}], \"volumes\": [{\"name\": \"v\", \"type\": \"claim\", \"claim\": \"a/../../x\"}]}",
         NULL, "is no name", "a claim that climbs"},
        {false, false,
         "}], \"volumes\": [{\"name\": \"v\", \"type\": \"host\", \"path\": \"/etc\"}]}", NULL,
         "outside the folders", "a folder that nobody listed"},
    };

    if (geteuid() != 0) {
        CHECK_SKIP("not root");
        return;
    }
    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct node *pod = pod_of(arena, "rights", "grep Cap /proc/self/status", cases[i].more);
        struct err err = {0};
        const char *log;

        bounds = (struct runtime_bounds){.allow_root = cases[i].allow_root,
                                         .allow_privileged = cases[i].allow_privileged};
        open_runtime();
        if (!cases[i].effective) {
            CHECK(DRIVER->create(runtime, pod, &err) < 0 && strstr(err.text, cases[i].bounding),
                  "%s is refused by the runtime as well: %s", cases[i].name, err.text);
        } else {
            CHECK(create(pod) && wait_until(&seen.exited, 1), "%s runs", cases[i].name);
            log = DRIVER->log_tail(runtime, arena, "rights", "main", 20);
            CHECK(strstr(log, cases[i].effective) && strstr(log, cases[i].bounding),
                  "and has %s: %s", cases[i].effective, log);
            remove_pod("rights");
        }
        DRIVER->close(&runtime);
    }
    bounds = (struct runtime_bounds){0};
}

/* 400 MB in no time: its writer is not held up, and we hardly notice. */
static void test_log_flood(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct rusage before, after;
    struct stat st = {0}, old = {0};
    int64_t spent;

    open_runtime();
    getrusage(RUSAGE_SELF, &before);
    CHECK(create(pod_of(arena, "flood",
                        "dd if=/dev/zero bs=1M count=400 2>/dev/null | tr '\\\\0' x;"
                        " echo; echo last words",
                        "}]}")) &&
              wait_until(&seen.exited, 1),
          "a pod that writes 400 MB to its log");
    getrusage(RUSAGE_SELF, &after);
    spent = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 + after.ru_utime.tv_usec -
            before.ru_utime.tv_usec + (after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000000 +
            after.ru_stime.tv_usec - before.ru_stime.tv_usec;
    CHECK_INT(seen.code, 0, "comes to its end");
    CHECK(spent < 200000, "it cost the agent %lld us", (long long)spent);
    stat(arena_printf(arena, "%s/pods/flood/logs/main.log", folder), &st);
    stat(arena_printf(arena, "%s/pods/flood/logs/main.log.1", folder), &old);
    CHECK(st.st_size + old.st_size <= 2 * 20000, "its log stays small");
    remove_pod("flood");
    DRIVER->close(&runtime);
}

/* However much a container wrote before: the lines that say why it ended are kept. */
static void test_last_words(void)
{
    static const struct {
        const char *id, *script, *log, *message;
    } cases[] = {
        {"words",
         "dd if=/dev/zero bs=1M count=40 2>/dev/null | tr '\\\\0' '\\\\n';"
         " echo; echo first >&2; echo 'cannot open database' >&2; exit 3",
         " stderr F cannot open database\n", "cannot open database"},
        {"stdout", "yes 'a line of a flood' | head -c 40000000; echo 'the last of stdout'; exit 3",
         "the last of stdout\n", ""},
        {"both",
         "(yes 'a warning' | head -c 40000000; printf 'out of \\\\033[31mluck\\\\n\\\\n  \\\\n') "
         ">&2; exit 4",
         "luck", "out of ?[31mluck"},
        {"unended", "yes 'a line' | head -c 40000000; printf 'no line end' >&2; kill -9 $$",
         " stderr F no line end\n", "no line end"},
    };
    scoped_arena struct arena *arena = arena_new();

    open_runtime();
    for (size_t i = 0; i < count_of(cases); i++) {
        int ended = seen.exited;

        CHECK(create(pod_of(arena, cases[i].id, cases[i].script, "}]}")) &&
                  wait_until(&seen.exited, ended + 1),
              "a pod that writes 40 MB and ends");
        CHECK(wait_log(cases[i].id, cases[i].log), "its log ends with: %s", cases[i].log);
        CHECK_TEXT(seen.message, cases[i].message, "its end is told with its last line on stderr");
        remove_pod(cases[i].id);
    }
    CHECK(create(pod_of(arena, "well", "echo a warning >&2", "}]}")) &&
              wait_until(&seen.exited, (int)count_of(cases) + 1),
          "a pod that ends well");
    CHECK_TEXT(seen.message, "", "has nothing to explain");
    remove_pod("well");
    DRIVER->close(&runtime);
}

static void test_eats_disk(void)
{
    scoped_arena struct arena *arena = arena_new();

    open_runtime();
    CHECK(create(pod_of(arena, "eater",
                        "dd if=/dev/zero of=scratch/x bs=1M count=8 2>/dev/null;"
                        " echo fed; exec sleep 1000",
                        ", \"mounts\": [{\"volume\": \"s\", \"path\": \"scratch\"}]}],"
                        " \"volumes\": [{\"name\": \"s\", \"type\": \"empty\","
                        " \"size\": 4194304}]}")) &&
              wait_until(&seen.lost, 1),
          "a pod that fills its volume is ended as a whole");
    CHECK_TEXT(seen.reason, "Evicted", "with a reason");
    CHECK(strstr(seen.message, "volume s holds") && strstr(seen.message, "sizeLimit of 4194304"),
          "and words: %s", seen.message);
    remove_pod("eater");
    DRIVER->close(&runtime);
}

/* How many processes of this machine have `text` in their command line. */
static int processes_with(const char *text)
{
    DIR *all = opendir("/proc");
    struct dirent *entry;
    int count = 0;

    while (all && (entry = readdir(all))) {
        scoped_mem char *path = mem_printf("/proc/%s/cmdline", entry->d_name);
        char line[4096] = "";
        FILE *file = strtol(entry->d_name, NULL, 10) > 0 ? fopen(path, "re") : NULL;
        size_t len = file ? fread(line, 1, sizeof line, file) : 0;

        count += memmem(line, len, text, strlen(text)) != NULL;
        if (file)
            fclose(file);
    }
    if (all)
        closedir(all);
    return count;
}

/* Children without end, and children that nobody buries: it hurts itself only. */
static void test_bombs(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct rusage before, after;
    const char *bomb =
        arena_printf(arena, "b() { : bomb-%d; b | b & }; b 2>/dev/null; exec sleep 1000", getpid());
    int64_t spent;

    open_runtime();
    if (!can_mount()) {
        CHECK_SKIP("no namespaces can be made here, so a pod's dead are everybody's");
        DRIVER->close(&runtime);
        return;
    }
    getrusage(RUSAGE_SELF, &before);
    CHECK(create(pod_of(arena, "bomb", bomb, ", \"pids\": 40}]}")), "a fork bomb");
    CHECK(
        create(pod_of(
            arena, "zombies",
            "i=0; while [ $i -lt 300 ]; do (true & ) ; i=$((i+1)); done;"
            " while [ $(id -u) -ge 700000 ] && grep -q '^State:.Z' /proc/[0-9]*/status 2>/dev/null;"
            " do sleep 0.1; done; echo buried",
            "}]}")),
        "a flood of orphans");
    CHECK(wait_until(&seen.exited, 1), "who lets them alone comes to an end");
    getrusage(RUSAGE_SELF, &after);
    spent = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000 +
            (after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000 +
            (after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1000 +
            (after.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1000;
    CHECK(spent < 500, "it cost the agent %lld ms", (long long)spent);
    CHECK(strstr(DRIVER->log_tail(runtime, arena, "zombies", "main", 1), "buried"),
          "and the dead are buried");
    remove_pod("zombies");
    remove_pod("bomb");
    CHECK_INT(processes_with(arena_printf(arena, "bomb-%d;", getpid())), 0, "and the bomb is gone");
    DRIVER->close(&runtime);
}

/* What somebody would try who got into a workload. */
static void test_tries_to_escape(void)
{
    static const struct {
        const char *tries, *says, *name;
    } cases[] = {
        {"grep CapEff /proc/self/status", "CapEff:\t0000000000000000", "has no capability"},
        {"grep CapBnd /proc/self/status", "CapBnd:\t0000000000000000", "and can get none"},
        {"grep Seccomp: /proc/self/status", "Seccomp:\t2", "a filter looks at its system calls"},
        {"su -c id 2>&1 || echo refused", "refused", "setuid programs give it nothing"},
        {"mount -t tmpfs none /mnt 2>&1 || echo refused", "refused", "it cannot mount"},
        {"unshare -m true 2>&1 || echo refused", "refused", "nor unshare"},
        /* How many of its own are there at that moment depends on which starts first. */
        {"test $(ls /proc | grep -c '^[0-9]') -lt 8 && echo few", "F few\n",
         "it sees the processes of its container only"},
        {"kill -9 1 2>&1; kill -9 HOST 2>&1 || echo refused", "refused", "and cannot end others"},
        {"cat FOLDER/pods/escape/pod.json 2>&1 || echo refused", "refused",
         "nor read others' files"},
        {"echo x >/pod/pod.json 2>/dev/null || echo refused", "refused",
         "nor what is kept about it"},
        {"ipcs -m 2>/dev/null | grep -c 0x; echo done", "F 0\n",
         "it has an ipc namespace of its own"},
        {"echo core >/proc/sys/kernel/core_pattern 2>/dev/null || echo refused", "refused",
         "it cannot change the kernel's settings"},
        {"ulimit -c", "F 0\n", "it leaves no core files"},
        {"test -c /dev/null && test -c /dev/urandom && ! test -e /dev/kmsg && ! test -e "
         "/dev/loop-control && ! test -e /dev/console && echo few",
         "F few\n", "it has the devices that every program needs, and no others"},
        {"test -L /dev/fd && test -L /dev/stdout && test -d /dev/pts && test -k /dev/shm && "
         "echo usual",
         "F usual\n", "and what belongs beside them"},
        {"cat /proc/keys /proc/kallsyms /proc/timer_list 2>/dev/null | wc -c", "F 0\n",
         "it reads nothing of the kernel's own"},
        {"ls /sys/firmware 2>/dev/null | wc -l", "F 0\n", "nor of the machine's firmware"},
        {"echo x 2>/dev/null >/proc/sysrq-trigger || echo refused", "refused",
         "it cannot ask the kernel to reboot"},
        {"grep -c axle /proc/mounts; ls FOLDER 2>/dev/null | wc -l", "F 0\n",
         "the agent's folder is hidden"},
    };
    scoped_arena struct arena *arena = arena_new();

    if (geteuid() != 0) {
        CHECK_SKIP("not root");
        return;
    }
    open_runtime();
    if (!can_mount()) {
        CHECK_SKIP("no namespaces can be made here, so a pod sees the whole machine");
        DRIVER->close(&runtime);
        return;
    }
    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_text struct text script = {0};
        const char *log;

        for (const char *at = cases[i].tries; *at; at++)
            if (text_starts(at, "HOST"))
                text_addf(&script, "%d", getpid()), at += 3;
            else if (text_starts(at, "FOLDER"))
                text_add(&script, folder), at += 5;
            else
                text_add_char(&script, *at);
        CHECK(create(pod_of(arena, "escape", text_string(&script), "}]}")) &&
                  wait_until(&seen.exited, (int)i + 1),
              "%s", cases[i].tries);
        log = DRIVER->log_tail(runtime, arena, "escape", "main", 10);
        CHECK(strstr(log, cases[i].says), "%s: %s", cases[i].name, log);
        remove_pod("escape");
    }
    DRIVER->close(&runtime);
}

/* A tenth of a core, and as many processes as it may have. */
static void test_other_limits(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *limits;
    bool cpu = false, pids = false;
    const char *log;

    open_runtime();
    limits = node_get(DRIVER->facts(runtime, arena), "limits");
    for (size_t i = 0; i < node_count(limits); i++) {
        cpu |= text_same(node_text(node_item(limits, i)), "cpu");
        pids |= text_same(node_text(node_item(limits, i)), "pids");
    }
    if (!cpu || !pids) {
        CHECK_SKIP("cpu and pids cannot be limited here");
        DRIVER->close(&runtime);
        return;
    }
    /* It counts its own ticks: as many as it got in a second of the clock. */
    CHECK(
        create(pod_of(arena, "slow",
                      "end=$(($(date +%s) + 2)); while [ $(date +%s) -lt $end ]; do :; done;"
                      " set -- $(cat /proc/$$/stat); echo ticks $((${14} + ${15} + ${16} + ${17}))",
                      ", \"cpu\": 100}]}")) &&
            wait_until(&seen.exited, 1),
        "one that may use a tenth of a core");
    log = DRIVER->log_tail(runtime, arena, "slow", "main", 1);
    CHECK(strstr(log, "ticks ") && strtol(strstr(log, "ticks ") + 6, NULL, 10) <= 80,
          "does not use more: %s", log);
    remove_pod("slow");
    CHECK(create(pod_of(
              arena, "few",
              "i=0; while [ $i -lt 30 ]; do sleep 100 & i=$((i+1)); done 2>/dev/null; echo all",
              ", \"pids\": 10}]}")) &&
              wait_until(&seen.exited, 2),
          "one that may have ten processes");
    CHECK(seen.code != 0 || !strstr(DRIVER->log_tail(runtime, arena, "few", "main", 1), "all"),
          "does not get thirty");
    remove_pod("few");
    DRIVER->close(&runtime);
}

static void test_log_rotates(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct stat st = {0};

    open_runtime();
    CHECK(create(pod_of(arena, "loud",
                        "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done", "}]}")) &&
              wait_until(&seen.exited, 1),
          "a loud pod");
    CHECK(stat(arena_printf(arena, "%s/pods/loud/logs/main.log", folder), &st) == 0 &&
              st.st_size <= 20000,
          "its log is kept small");
    CHECK(access(arena_printf(arena, "%s/pods/loud/logs/main.log.1", folder), F_OK) == 0,
          "an older part is kept");
    CHECK(access(arena_printf(arena, "%s/pods/loud/logs/main.log.2", folder), F_OK) != 0,
          "and the oldest has gone");
    CHECK(strstr(DRIVER->log_tail(runtime, arena, "loud", "main", 1), "line 1999"),
          "the last line is there");
    remove_pod("loud");
    DRIVER->close(&runtime);
}

static void test_ports(void)
{
    struct err err = {0};
    struct loop_listener *listener;
    int port = 0;

    open_runtime();
    CHECK(DRIVER->port(runtime, 0, &port, &err) == 0 && port > 0, "a free port is found");
    listener = loop_listen(loop, "127.0.0.1:0", NULL, NULL, &err);
    CHECK(DRIVER->port(runtime, loop_listener_port(listener), &port, &err) < 0,
          "a taken one is refused");
    CHECK(strstr(err.text, "pid"), "with who holds it: %s", err.text);
    loop_listener_close(&listener);
    DRIVER->close(&runtime);
}

/* The same for somebody who is not root; status says what that costs. */
static void test_plain_user(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *facts, *notes;
    bool said = false;

    open_runtime();
    facts = DRIVER->facts(runtime, arena);
    CHECK_TEXT(node_get_text(facts, "user"), "the agent's own",
               "workloads run as the agent's user");
    notes = node_get(facts, "notes");
    for (size_t i = 0; i < node_count(notes); i++)
        said |= text_starts(node_text(node_item(notes, i)), "not root: ");
    CHECK(said, "and the facts say what that means");
    CHECK(create(pod_of(arena, "plain", "id -u; grep NoNewPrivs /proc/self/status", "}]}")) &&
              wait_until(&seen.exited, 1),
          "a pod runs");
    CHECK(strstr(DRIVER->log_tail(runtime, arena, "plain", "main", 3), "NoNewPrivs:\t1"),
          "and can get no privileges");
    remove_pod("plain");
    DRIVER->close(&runtime);
}

/* Runs this program once more, as nobody. */
static void test_as_nobody(void)
{
    int status = 0;
    pid_t pid;

    if (geteuid() != 0) {
        CHECK_SKIP("not root, so everything ran as a plain user already");
        return;
    }
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        if (setgroups(0, NULL) < 0 || setresgid(65534, 65534, 65534) < 0 ||
            setresuid(65534, 65534, 65534) < 0)
            _exit(125);
        execl("/proc/self/exe", "test_runtime", "plain", NULL);
        _exit(126);
    }
    waitpid(pid, &status, 0);
    if (WEXITSTATUS(status) == 126)
        CHECK_SKIP("this program may not be run by nobody");
    else
        CHECK_INT(status, 0, "a plain user can run pods as well");
}

static int run_plain(void)
{
    /* Not TAP: the caller reports for all of it. */
    if (!freopen("/dev/null", "w", stdout))
        return 1;
    test_plain_user();
    test_runs_and_ends();
    test_starts_again();
    test_outlives_the_agent();
    test_closes_while_a_pod_leaves();
    test_files();
    scoped_mem char *command = mem_printf("rm -rf %s", folder);

    return system(command) || check_failed;
}

int main(int argc, char **argv)
{
    struct err err = {0};

    if (argc > 1 && !strcmp(argv[1], "shim"))
        return runtime_shim_main(argc - 1, argv + 1);
    loop = loop_new(&err);
    /* Where no namespace can be made, pods come to their files through here. */
    if (!loop || !mkdtemp(folder) || chmod(folder, 0711) < 0) {
        printf("Bail out! %s\n", err.text);
        return 1;
    }
    if (argc > 1 && !strcmp(argv[1], "plain"))
        return run_plain();
    test_runs_and_ends();
    test_command_missing();
    test_whole_tree_ends();
    test_starts_again();
    test_place_is_used_again();
    test_outlives_the_agent();
    test_closes_while_a_pod_leaves();
    test_files();
    test_hosts();
    test_exec_probe();
    test_late_exec();
    test_long_exec();
    test_memory_limit();
    test_confined();
    test_tries_to_escape();
    test_capabilities();
    test_other_limits();
    test_log_rotates();
    test_log_flood();
    test_last_words();
    test_eats_disk();
    test_bombs();
    test_ports();
    test_as_nobody();
    loop_free(&loop);
    scoped_mem char *pods = mem_printf("%s/pods", folder);
    scoped_mem char *claims = mem_printf("%s/claims", folder);
    scoped_mem char *users = mem_printf("%s/users.json", folder);

    unlink(users);
    rmdir(claims);
    rmdir(pods);
    CHECK(rmdir(folder) == 0, "nothing is left behind");
    return check_done();
}
