/* SPDX-License-Identifier: Apache-2.0 */
/* A shim by itself, spoken to as an agent does: requests, events, commands, its end. */
#include "check.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "document/document.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define USER 700001

static char folder[] = "/tmp/axle-test-shim-XXXXXX";
static char pod[128];
static pid_t shim;
static int agent = -1;
static char tools[128];  /* a folder of programs */
static char last[16384]; /* the message that came last */

/* ---- A pod */

static void make_folder(const char *name, mode_t mode)
{
    scoped_mem char *path = mem_printf("%s/%s", pod, name);

    if (mkdir(path, mode) < 0 || chmod(path, mode) < 0 ||
        (geteuid() == 0 && chown(path, USER, USER) < 0))
        printf("Bail out! %s\n", path);
}

static void make_file(const char *name, const char *text, mode_t mode)
{
    scoped_mem char *path = mem_printf("%s/%s", pod, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, text, strlen(text)) < 0 || fchmod(fd, mode) < 0)
        printf("Bail out! %s\n", path);
    close(fd);
}

static bool has_file(const char *name)
{
    scoped_mem char *path = mem_printf("%s/%s", pod, name);

    return access(path, F_OK) == 0;
}

static char *read_file(struct arena *arena, const char *name)
{
    char *bytes = arena_alloc(arena, 65536);
    int fd = open(arena_printf(arena, "%s/%s", pod, name), O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, bytes, 65535) : 0;

    bytes[got > 0 ? got : 0] = '\0';
    if (fd >= 0)
        close(fd);
    return bytes;
}

static int memory_of(const char *text)
{
    int fd = memfd_create("pod", MFD_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        printf("Bail out! no memory file\n");
    return fd;
}

/* The shim's descriptors, at the numbers that it knows. */
static void become_shim(int socket, int memory, int lock)
{
    int fds[3] = {fcntl(socket, F_DUPFD, 20), fcntl(memory, F_DUPFD, 20), fcntl(lock, F_DUPFD, 20)};

    for (int i = 0; i < 3; i++)
        dup2(fds[i], 3 + i);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    execl("/proc/self/exe", "axle", "shim", pod, NULL);
    _exit(126);
}

/* A shim of a pod with these containers; `more` are the pod's other fields. */
static void start_shim(const char *containers, const char *more)
{
    static int count;
    scoped_mem char *text = mem_printf("{\"id\": \"p\", \"user\": %d, \"logBytes\": 100000, "
                                       "\"logFiles\": 2, \"containers\": [%s]%s}",
                                       USER, containers, more);
    scoped_mem char *lock = NULL;
    int pair[2], memory, held;

    snprintf(pod, sizeof pod, "%s/pods/p%d", folder, count++);
    if (mkdir(pod, 0711) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        printf("Bail out! %s\n", pod);
    make_folder("work", 0755);
    make_folder("tmp", 0777);
    make_folder("work/sub", 0755);
    make_folder("logs", 0755);
    lock = mem_printf("%s/lock", pod);
    held = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    memory = memory_of(text);
    if (held < 0 || flock(held, LOCK_EX | LOCK_NB) < 0)
        printf("Bail out! no lock\n");
    shim = fork();
    if (shim == 0)
        become_shim(pair[1], memory, held);
    close(pair[1]);
    close(memory);
    close(held);
    agent = pair[0];
}

/* ---- Messages */

/* The next message; NULL when none comes, or the shim has closed. */
static struct node *next_message(struct arena *arena)
{
    struct pollfd ready = {.fd = agent, .events = POLLIN};
    ssize_t got;

    last[0] = '\0';
    if (poll(&ready, 1, 20000) != 1)
        return NULL;
    got = recv(agent, last, sizeof last - 1, MSG_DONTWAIT);
    last[got > 0 ? got : 0] = '\0';
    return got > 0 ? document_read_json(arena, last, (size_t)got, &document_limits_own, NULL)
                   : NULL;
}

/* Passes over what else is told. */
static struct node *wait_for_event(struct arena *arena, const char *event)
{
    struct node *message;

    while ((message = next_message(arena)))
        if (!strcmp(node_get_text(message, "event"), event))
            return message;
    return NULL;
}

static struct node *wait_for_exec(struct arena *arena, int id)
{
    struct node *message;

    while ((message = next_message(arena)))
        if (node_get_int(message, "exec", 0) == id)
            return message;
    return NULL;
}

static void ask(const char *request)
{
    if (send(agent, request, strlen(request), MSG_NOSIGNAL) < 0)
        printf("# the shim does not listen\n");
}

/* How the shim ended; 1000 and more: not by itself. */
static int wait_for_end(void)
{
    int64_t end = clock_steady() + 20 * CLOCK_SECOND;
    int status = 0;

    while (waitpid(shim, &status, WNOHANG) == 0)
        if (clock_steady() > end) {
            kill(shim, SIGKILL);
            waitpid(shim, &status, 0);
            return 2000;
        } else {
            usleep(2000);
        }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void end_shim(void)
{
    ask("{\"do\": \"quit\"}");
    CHECK_INT(wait_for_end(), 0, "the shim ends when it is told to");
    close(agent);
    agent = -1;
}

#define SHELL(name, script)                                                                        \
    "{\"name\": \"" name "\", \"start\": true, \"command\": [\"sh\", \"-c\", \"" script "\"]}"
#define LATER(name, script)                                                                        \
    "{\"name\": \"" name "\", \"command\": [\"sh\", \"-c\", \"" script "\"]}"

/* ---- Runs */

static void test_first_words(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *first, *list;

    start_shim(SHELL("one", "sleep 1000") ", " LATER("two", "exit 0"), "");
    first = next_message(arena);
    list = node_get(first, "state");
    CHECK_INT((int)node_get_int(first, "pid", 0), shim, "a shim begins with its pid");
    CHECK_INT((int)node_count(list), 2, "and with all its containers");
    CHECK_TEXT(node_get_text(node_item(list, 0), "name"), "one", "by name");
    CHECK_TEXT(node_get_text(node_item(list, 0), "state"), "running", "the one that is to start");
    CHECK(node_get_bool(node_item(list, 0), "starting", false), "is about to");
    CHECK_TEXT(node_get_text(node_item(list, 1), "state"), "none", "the other waits");
    CHECK(!node_get_bool(node_item(list, 1), "starting", true), "for a word");
    CHECK(wait_for_event(arena, "started") != NULL, "then it starts");
    CHECK(strstr(last, "\"starting\":false"), "and says so");
    CHECK(has_file("shim.sock"), "later agents find it at its socket");
    end_shim();
    CHECK(!has_file("shim.sock"), "which goes with it");
}

static void test_start_and_stop(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *message;
    int64_t pid, began;

    start_shim(LATER("main", "trap '' TERM; echo up; while :; do sleep 0.05; done"), "");
    next_message(arena);
    ask("{\"do\": \"start\", \"container\": \"other\"}");
    ask("{\"do\": \"start\", \"container\": \"main\", \"after\": 1}");
    ask("{\"do\": \"exec\", \"id\": 9, \"container\": \"main\", \"command\": [\"true\"]}");
    message = wait_for_exec(arena, 9);
    CHECK_INT((int)node_get_int(message, "code", 0), 126, "a start after another run is too late");
    CHECK_TEXT(node_get_text(message, "output"), "the container is not running",
               "so nothing runs beside it");
    ask("{\"do\": \"start\", \"container\": \"main\", \"after\": 0}");
    message = wait_for_event(arena, "started");
    pid = node_get_int(message, "pid", 0);
    CHECK(pid > 1 && kill((pid_t)pid, 0) == 0, "a start after this one is done");
    CHECK_INT((int)node_get_int(message, "run", 0), 1, "as the first run");
    ask("{\"do\": \"start\", \"container\": \"main\"}");
    for (int i = 0; i < 500 && !strstr(read_file(arena, "logs/main.log"), "up"); i++)
        usleep(10000);
    began = clock_steady();
    ask("{\"do\": \"stop\", \"container\": \"other\", \"grace\": 0}");
    ask("{\"do\": \"stop\", \"container\": \"main\", \"grace\": 20000}");
    ask("{\"do\": \"stop\", \"container\": \"main\", \"grace\": 300}");
    ask("{\"do\": \"stop\", \"grace\": 20000}");
    message = wait_for_event(arena, "exited");
    CHECK_INT((int)node_get_int(message, "signal", 0), SIGKILL, "a deaf one is killed");
    CHECK(clock_steady() - began >= 300 * CLOCK_MS, "after the grace");
    CHECK(clock_steady() - began < 15 * CLOCK_SECOND, "the shortest that was named");
    CHECK_INT((int)node_get_int(message, "run", 0), 1, "there was no second start");
    CHECK_INT((int)node_get_int(message, "crashes", 0), 1, "its end is counted");
    CHECK(strstr(read_file(arena, "exit-main.json"), "\"signal\":9"), "and kept on the disk");
    end_shim();
}

static void test_all_are_stopped(void)
{
    scoped_arena struct arena *arena = arena_new();

    start_shim(SHELL("one", "sleep 1000") ", " SHELL("two", "sleep 1000"), "");
    wait_for_event(arena, "started");
    wait_for_event(arena, "started");
    ask("{\"do\": \"stop\", \"grace\": 20000}");
    CHECK(wait_for_event(arena, "exited") && strstr(last, "\"signal\":15"), "without a name");
    CHECK(wait_for_event(arena, "exited") && strstr(last, "\"signal\":15"), "each is stopped");
    end_shim();
}

/* The place is used again for a while, and how the last run ended is told with the next. */
static void test_runs_again(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *message;

    start_shim(SHELL("main", "echo oops >&2; exit 7"), "");
    message = wait_for_event(arena, "exited");
    CHECK_INT((int)node_get_int(message, "code", 0), 7, "an exit code is told");
    CHECK_TEXT(node_get_text(message, "message"), "oops", "with the last words");
    CHECK(!node_get(message, "last"), "there was no run before");
    ask("{\"do\": \"start\", \"container\": \"main\", \"after\": 1}");
    message = wait_for_event(arena, "exited");
    CHECK_INT((int)node_get_int(message, "run", 0), 2, "a second run");
    CHECK_INT((int)node_get_int(node_get(message, "last"), "run", 0), 1, "after the first");
    CHECK_INT((int)node_get_int(node_get(message, "last"), "code", 0), 7, "with its code");
    CHECK_INT((int)node_get_int(message, "crashes", 0), 2, "is the second end in a row");
    CHECK(node_get_int(message, "started", 0) > 0 &&
              node_get_int(message, "finished", 0) >= node_get_int(message, "started", 0) &&
              node_get_int(message, "over", 0) > 0,
          "times are told");
    end_shim();
}

/* ---- Connections */

static int connect_again(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%.90s/shim.sock", pod);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        printf("# %s: %s\n", address.sun_path, strerror(errno));
    return fd;
}

static void test_connections(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *message;
    int first;

    start_shim(SHELL("main", "sleep 1000"), "");
    wait_for_event(arena, "started");
    first = agent;
    agent = connect_again();
    message = next_message(arena);
    CHECK_TEXT(node_get_text(node_item(node_get(message, "state"), 0), "state"), "running",
               "a second agent is told the state");
    CHECK(!node_get_bool(node_item(node_get(message, "state"), 0), "starting", true),
          "as it is now");
    CHECK(read(first, last, sizeof last) == 0, "the first one is let go");
    close(first);
    close(agent);
    agent = connect_again();
    CHECK(next_message(arena) != NULL, "a shim without an agent waits for one");
    ask("no JSON");
    ask("{\"do\": \"nothing\"}");
    ask("{\"do\": \"stop\", \"grace\": 20000}");
    CHECK(wait_for_event(arena, "exited") != NULL, "what it does not understand it passes over");
    if (geteuid() == 0) {
        pid_t pid = fork();
        int status = -1;

        if (pid == 0) {
            if (chmod(pod, 0755) < 0 || setresuid(USER, USER, USER) < 0)
                _exit(3);
            _exit(read(connect_again(), last, sizeof last) > 0 ? 1 : 0);
        }
        waitpid(pid, &status, 0);
        CHECK_INT(WEXITSTATUS(status), 0, "another user is told nothing");
    }
    end_shim();
}

/* ---- Beside a container */

static void test_execs(void)
{
    static const struct {
        const char *name, *request, *output;
        int code;
        bool late;
    } cases[] = {
        {"a command", "\"command\": [\"sh\", \"-c\", \"pwd | grep -o work; id -u; echo $WORD\"]",
         "work\n700001\nhi\n", 0, false},
        {"one that fails", "\"command\": [\"sh\", \"-c\", \"echo no >&2; exit 4\"]", "no\n", 4,
         false},
        {"one that is killed", "\"command\": [\"sh\", \"-c\", \"kill -9 $$\"]", "", 137, false},
        {"one that is not there", "\"command\": [\"nothing-here\"]",
         "command \"nothing-here\" was not found on this machine\n", 126, false},
        {"one that takes long", "\"timeout\": 200, \"command\": [\"sleep\", \"1000\"]", "", 137,
         true},
        {"a request that nobody answers",
         "\"timeout\": 200, \"probe\": {\"tcpSocket\": {\"port\": 1}}",
         "127.0.0.1:1: Connection refused", 1, false},
    };
    scoped_arena struct arena *arena = arena_new();

    start_shim("{\"name\": \"main\", \"start\": true, \"env\": [\"WORD=hi\", "
               "\"PATH=/usr/bin:/bin\"], \"command\": [\"sleep\", \"1000\"]}",
               "");
    wait_for_event(arena, "started");
    for (size_t i = 0; i < count_of(cases); i++) {
        struct node *message;

        ask(arena_printf(arena, "{\"do\": \"exec\", \"id\": %d, \"container\": \"main\", %s}",
                         (int)i + 20, cases[i].request));
        message = wait_for_exec(arena, (int)i + 20);
        CHECK_INT((int)node_get_int(message, "code", -1), cases[i].code, "%s", cases[i].name);
        CHECK_TEXT(node_get_text(message, "output"), cases[i].output, "%s: what it said",
                   cases[i].name);
        CHECK(node_get_bool(message, "late", false) == cases[i].late, "%s: in time or not",
              cases[i].name);
    }
    ask("{\"do\": \"exec\", \"id\": 50, \"container\": \"main\", \"command\": [\"sh\", \"-c\", "
        "\"head -c 5000 /dev/zero | tr '\\\\0' x\"]}");
    CHECK_INT((int)strlen(node_get_text(wait_for_exec(arena, 50), "output")), 1024,
              "a KiB of what a command says is kept");
    ask("{\"do\": \"exec\", \"id\": 51, \"container\": \"other\", \"command\": [\"true\"]}");
    CHECK_INT((int)node_get_int(wait_for_exec(arena, 51), "code", 0), 126,
              "a container that is not there runs nothing");
    end_shim();
}

/* Sixteen at a time; one more is not answered. */
static void test_many_execs(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *message;
    int answered = 0;

    start_shim(SHELL("main", "sleep 1000"), "");
    wait_for_event(arena, "started");
    for (int i = 1; i <= 17; i++)
        ask(arena_printf(arena,
                         "{\"do\": \"exec\", \"id\": %d, \"container\": \"main\", "
                         "\"timeout\": 60000, \"command\": [\"sh\", \"-c\", \"while [ ! -e "
                         "go ]; do sleep 0.05; done\"]}",
                         i));
    make_file("work/go", "", 0644);
    while (answered < 16 && (message = next_message(arena)))
        answered += node_get_int(message, "exec", 0) > 0 && node_get_int(message, "code", 1) == 0;
    CHECK_INT(answered, 16, "sixteen commands are answered");
    ask("{\"do\": \"exec\", \"id\": 30, \"container\": \"main\", \"command\": [\"true\"]}");
    CHECK_INT((int)node_get_int(wait_for_exec(arena, 30), "code", -1), 0, "then others are run");
    end_shim();
}

/* ---- Commands */

/* WORK is a folder with the files of make_commands(). */
static char *with_work(struct arena *arena, const char *text)
{
    scoped_text struct text out = {0};

    for (const char *at = text; *at;)
        if (text_starts(at, "WORK")) {
            text_add(&out, tools);
            at += strlen("WORK");
        } else {
            text_add_char(&out, *at++);
        }
    return arena_string(arena, text_string(&out));
}

static const struct {
    const char *name, *container, *event, *reason, *says, *log;
} commands[] = {
    {"a program that only the first folder of PATH has",
     "\"env\": [\"A=b\", \"PATH=WORK:/nowhere\", \"Z=y\"], \"command\": [\"only-here\"]", "exited",
     "", "", "F only here\n"},
    {"one that only the last has",
     "\"env\": [\"PATH=/nowhere:WORK\"], \"command\": [\"only-here\"]", "exited", "", "",
     "F only here\n"},
    {"a program that no folder of PATH has", "\"env\": [\"PATH=/nowhere\"], \"command\": [\"sh\"]",
     "failed", "CommandNotFound", "command \"sh\" was not found on this machine", ""},
    {"one where there is no PATH", "\"command\": [\"sh\", \"-c\", \"echo well\"]", "exited", "", "",
     "F well\n"},
    {"a folder", "\"command\": [\"WORK\"]", "failed", "CannotRun",
     "command \"WORK\" is a directory", ""},
    {"a file that may not be run", "\"command\": [\"WORK/plain\"]", "failed", "CannotRun",
     "command \"WORK/plain\" cannot be run: Permission denied", ""},
    {"a script without its interpreter", "\"command\": [\"WORK/lost\"]", "failed",
     "CommandNotFound",
     "command \"WORK/lost\": its interpreter \"/no/such\" was not found on this machine", ""},
    {"a script whose interpreter is a folder", "\"command\": [\"WORK/folder\"]", "failed",
     "CannotRun",
     "command \"WORK/folder\": its interpreter \"/usr\" cannot be run: Permission denied", ""},
    {"a script of another system", "\"command\": [\"WORK/crlf\"]", "failed", "CommandNotFound",
     "command \"WORK/crlf\": its lines end with CR LF, so its interpreter would be "
     "\"/bin/sh\\r\"; save it with LF line ends",
     ""},
    {"one that env is to find", "\"command\": [\"WORK/env-crlf\"]", "failed", "CommandNotFound",
     "command \"WORK/env-crlf\": its lines end with CR LF, so its interpreter would be "
     "\"sh\\r\"; save it with LF line ends",
     ""},
    {"one that env finds", "\"command\": [\"WORK/env\"]", "exited", "", "", "F by env\n"},
    {"a short script", "\"command\": [\"WORK/short\"]", "exited", "", "", ""},
    {"an absolute folder", "\"directory\": \"/usr\", \"command\": [\"pwd\"]", "exited", "", "",
     "F /usr\n"},
    {"a folder below its own",
     "\"directory\": \"sub\", \"command\": [\"sh\", \"-c\", "
     "\"pwd | grep -o work/sub\"]",
     "exited", "", "", "F work/sub\n"},
    {"a folder that is not there", "\"directory\": \"none\", \"command\": [\"pwd\"]", "failed",
     "WorkingDirMissing", "workingDir \"none\": No such file or directory", ""},
    {"its arguments and variables",
     "\"env\": [\"A=b c\"], \"command\": [\"sh\", \"-c\", \"echo $0 $1 $A; umask\", \"x\", \"y\"]",
     "exited", "", "", "F x y b c\n"},
    {"nothing to read", "\"command\": [\"cat\"]", "exited", "", "", ""},
};

static void make_commands(void)
{
    make_file("tools/only-here", "#!/bin/sh\necho only here\n", 0755);
    make_file("tools/plain", "#!/bin/sh\n", 0644);
    make_file("tools/lost", "#! /no/such -x\n", 0755);
    make_file("tools/folder", "#!/usr\n", 0755);
    make_file("tools/crlf", "#!/bin/sh\r\necho no\r\n", 0755);
    make_file("tools/env-crlf", "#!/usr/bin/env sh\r\necho no\r\n", 0755);
    make_file("tools/env", "#!/usr/bin/env sh\necho by env\n", 0755);
    make_file("tools/short", ":\n", 0755);
}

static void test_commands(void)
{
    snprintf(tools, sizeof tools, "%s/tools", folder);
    snprintf(pod, sizeof pod, "%s", folder);
    make_folder("tools", 0755);
    make_commands();
    for (size_t i = 0; i < count_of(commands); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct node *message;
        const char *log;

        scoped_mem char *container = mem_printf("{\"name\": \"main\", \"start\": true, %s}",
                                                with_work(arena, commands[i].container));

        start_shim(container, "");
        message = wait_for_event(arena, commands[i].event);
        CHECK(message != NULL, "%s %s", commands[i].name, commands[i].event);
        CHECK_TEXT(node_get_text(message, "reason"), commands[i].reason, "%s: the reason",
                   commands[i].name);
        CHECK_TEXT(node_get_text(message, "message"), with_work(arena, commands[i].says),
                   "%s: what is told", commands[i].name);
        log = read_file(arena, "logs/main.log");
        CHECK(strstr(log, commands[i].log) && (*commands[i].log || !*log), "%s: what it says: %s",
              commands[i].name, log);
        end_shim();
    }
}

/* ---- Its disk */

/* Each pod is measured after a second. */
static const struct {
    const char *name, *script, *more, *says;
} disks[] = {
    {"a pod within its limit", "head -c 300000 /dev/zero >a", ", \"disk\": 2000000", NULL},
    {"one that is beyond", "head -c 3000000 /dev/zero >a", ", \"disk\": 2000000",
     "the pod's own folders (work, /tmp, logs, emptyDir) hold "},
    {"many empty files", "for i in 1 2 3 4 5 6 7 8 9; do for k in 1 2 3 4; do : >$i$k; done; done",
     ", \"disk\": 100000", "more than its ephemeral-storage limit of 100000"},
    {"a file that was deleted while it is open", "exec 5>a; head -c 3000000 /dev/zero >&5; rm a",
     ", \"disk\": 2000000", "the pod's own folders (work, /tmp, logs, emptyDir) hold "},
    {"a volume beyond its size", "head -c 300000 /dev/zero >a",
     ", \"volumes\": [{\"name\": \"u\"}, {\"name\": \"v\", \"size\": 200000, \"source\": "
     "\"work\"}]",
     "volume v holds "},
    {"a volume within its size", "head -c 300000 /dev/zero >a",
     ", \"volumes\": [{\"name\": \"v\", \"size\": 900000, \"source\": \"work\"}]", NULL},
    {"links that share a file", "mkdir x; head -c 300000 /dev/zero >x/a; ln x/a x/b; ln x/a x/c",
     ", \"volumes\": [{\"name\": \"v\", \"size\": 400000, \"source\": \"work\"}]", NULL},
    {"the sum of several", "mkdir x; head -c 300000 /dev/zero >x/a; head -c 300000 /dev/zero >b",
     ", \"volumes\": [{\"name\": \"v\", \"size\": 400000, \"source\": \"work\"}]",
     "volume v holds "},
    {"folders without end", "i=0; while [ $i -lt 300 ]; do mkdir d; cd d; i=$((i+1)); done",
     ", \"disk\": 900000000",
     "a folder of the pod lies more than 256 folders deep, where nothing can be counted"},
};

static void test_disks(void)
{
    for (size_t i = 0; i < count_of(disks); i++) {
        scoped_arena struct arena *arena = arena_new();
        bool stays = !disks[i].says;
        struct node *message;

        start_shim(arena_printf(arena,
                                "{\"name\": \"main\", \"start\": true, \"command\": [\"sh\", "
                                "\"-c\", \"%s; sleep %s\"]}",
                                disks[i].script, stays ? "1.6" : "1000"),
                   disks[i].more);
        message = wait_for_event(arena, stays ? "exited" : "evicted");
        CHECK(message != NULL, "%s", disks[i].name);
        if (stays) {
            CHECK_INT((int)node_get_int(message, "code", -1), 0, "%s: it ends by itself",
                      disks[i].name);
        } else {
            CHECK(strstr(node_get_text(message, "message"), disks[i].says), "%s: what is told: %s",
                  disks[i].name, node_get_text(message, "message"));
            message = wait_for_event(arena, "exited");
            CHECK_TEXT(node_get_text(message, "reason"), "Evicted", "%s: it ends", disks[i].name);
        }
        end_shim();
    }
}

/* What of a claim cannot be given to the fsGroup is told before the start, and once a pod. */
static void test_gift(void)
{
    scoped_arena struct arena *arena = arena_new();
    char *claim = arena_printf(arena, "%s/claim", folder),
         *inner = arena_printf(arena, "%s/m", claim);
    struct node *message;
    struct stat st = {0};

    if (mkdir(claim, 0755) < 0 || mkdir(inner, 0755) < 0 || unshare(CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
        mount("none", inner, "tmpfs", 0, NULL) < 0) {
        CHECK_SKIP("no file system may be mounted here");
        return;
    }
    start_shim("{\"name\": \"main\", \"start\": true, \"mounts\": [{\"volume\": \"v\", \"path\": "
               "\"v\"}], \"command\": [\"true\"]}",
               arena_printf(arena,
                            ", \"fsGroup\": 700009, \"volumes\": [{\"name\": \"v\", \"type\": "
                            "\"claim\", \"source\": \"%s\"}]",
                            claim));
    message = wait_for_event(arena, "note");
    CHECK_TEXT(node_get_text(message, "name"), "main", "a note names its container");
    CHECK_TEXT(node_get_text(message, "reason"), "FsGroupIncomplete", "and its reason");
    CHECK_TEXT(node_get_text(message, "message"),
               "1 entries of volume v could not be given to fsGroup 700009, and are left as they "
               "are: the first is m: something else is mounted there",
               "and says what was left");
    CHECK(wait_for_event(arena, "started") != NULL, "the container starts all the same");
    CHECK(stat(claim, &st) == 0 && st.st_gid == 700009 && (st.st_mode & 07777) == 02775,
          "the claim itself is the group's: %u %o", st.st_gid, (unsigned)st.st_mode & 07777);
    end_shim();
    umount(inner);
}

/* ---- Its end */

/* The machine shuts down: hooks, SIGTERM, and no exit that another start would take for a result.
 */
static void test_shutdown(void)
{
    static const char hooked[] =
        "{\"name\": \"main\", \"start\": true, \"preStop\": {\"command\": [\"sh\", \"-c\", "
        "\"echo hook >>said\"]}, \"command\": [\"sh\", \"-c\", \"trap 'echo term >>said; exit 0' "
        "TERM; echo up >>said; while :; do sleep 0.02; done\"]}";
    scoped_arena struct arena *arena = arena_new();

    start_shim(hooked, ", \"grace\": 20000");
    wait_for_event(arena, "started");
    for (int i = 0; i < 500 && !has_file("work/said"); i++)
        usleep(10000);
    kill(shim, SIGTERM);
    CHECK_INT(wait_for_end(), 0, "a shim that gets SIGTERM ends");
    CHECK_TEXT(read_file(arena, "work/said"), "up\nhook\nterm\n", "its hook came first");
    CHECK(!has_file("exit-main.json"), "and no exit is kept");
    CHECK(!has_file("shim.sock"), "nor its socket");
    close(agent);
}

static void test_shutdown_of_deaf_one(void)
{
    scoped_arena struct arena *arena = arena_new();
    int64_t began;

    start_shim(SHELL("main", "trap '' TERM; echo up; while :; do sleep 0.02; done") ", " LATER(
                   "idle", "exit 0"),
               ", \"grace\": 400");
    wait_for_event(arena, "started");
    for (int i = 0; i < 500 && !strstr(read_file(arena, "logs/main.log"), "up"); i++)
        usleep(10000);
    began = clock_steady();
    kill(shim, SIGTERM);
    CHECK_INT(wait_for_end(), 0, "one whose container is deaf ends as well");
    CHECK(clock_steady() - began >= 400 * CLOCK_MS, "after the grace");
    CHECK(clock_steady() - began < 15 * CLOCK_SECOND, "and not much later");
    close(agent);
}

static int run_shim(const char *one, const char *two)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

        dup2(null, 2);
        execl("/proc/self/exe", "axle", "shim", one, two, NULL);
        _exit(126);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void test_all_shims_end(void)
{
    scoped_arena struct arena *arena = arena_new();
    pid_t first;
    int first_agent;

    start_shim(SHELL("main", "sleep 1000"), "");
    wait_for_event(arena, "started");
    first = shim;
    first_agent = agent;
    start_shim(SHELL("main", "sleep 1000"), "");
    wait_for_event(arena, "started");
    CHECK_INT(run_shim("--end-all", folder), 0, "all shims of a folder are told to end");
    CHECK_INT(wait_for_end(), 0, "the second one does");
    shim = first;
    CHECK_INT(wait_for_end(), 0, "and the first");
    close(first_agent);
    close(agent);
    CHECK_INT(run_shim("--end-all", folder), 0, "when there is none left there is nothing to do");
    CHECK_INT(run_shim("--end-all", "/no/such/folder"), 0, "nor where there is no folder");
    CHECK_INT(run_shim("--end-all", "/proc/self/exe"), 1, "what is no folder is said");
}

static void test_by_hand(void)
{
    CHECK_INT(run_shim("relative", NULL), 2, "a shim is not started by hand");
    CHECK_INT(run_shim(NULL, NULL), 2, "nor without a folder");
}

int main(int argc, char **argv)
{
    scoped_mem char *pods = NULL, *tidy = NULL;

    if (argc > 1 && !strcmp(argv[1], "shim"))
        return runtime_shim_main(argc - 1, argv + 1);
    if (geteuid() != 0) {
        CHECK_SKIP("not root, so the shim cannot give its containers a user");
        return check_done();
    }
    if (!mkdtemp(folder))
        return 1;
    pods = mem_printf("%s/pods", folder);
    if (chmod(folder, 0711) < 0 || mkdir(pods, 0711) < 0 || chmod(pods, 0711) < 0)
        return 1;
    test_first_words();
    test_start_and_stop();
    test_all_are_stopped();
    test_runs_again();
    test_connections();
    test_execs();
    test_many_execs();
    test_commands();
    test_disks();
    test_gift();
    test_shutdown();
    test_shutdown_of_deaf_one();
    test_all_shims_end();
    test_by_hand();
    tidy = mem_printf("rm -rf %s", folder);
    return system(tidy) ? 1 : check_done();
}
