/* SPDX-License-Identifier: Apache-2.0 */
/* Containers from images: started, watched, found again and removed by a real Podman. limit: 240 */

#include "base/clock.h"
#include "document/document.h"
#include "loop/loop.h"
#include "runtime/runtime.h"
#include "unit/check.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Podman serves a store of its own in our folder, so that nothing of the
 * machine's is touched; the image is a static program. crun refuses a machine
 * with both versions of control groups, so Podman does not see the second.
 */
static char folder[] = "/tmp/axle-test-engine-XXXXXX";
static char where[200];
static pid_t service;
static struct loop *loop;
static struct runtime *runtime;

static struct {
    int started, exited, failed, removed, drift;
    int code, signal;
    int64_t run;
    char reason[64], message[400];
} seen;

static void on_event(void *arg, const struct runtime_event *event)
{
    seen.started += event->kind == RUNTIME_STARTED;
    seen.exited += event->kind == RUNTIME_EXITED;
    seen.failed += event->kind == RUNTIME_FAILED;
    seen.removed += event->kind == RUNTIME_REMOVED;
    seen.drift += event->kind == RUNTIME_DRIFT;
    seen.code = event->code;
    seen.signal = event->signal;
    seen.run = event->run;
    snprintf(seen.reason, sizeof seen.reason, "%s", event->reason ? event->reason : "");
    snprintf(seen.message, sizeof seen.message, "%s", event->message ? event->message : "");
}

static bool wait_until(const int *count, int wanted)
{
    int64_t end = clock_steady() + 60 * CLOCK_SECOND;

    int failed = seen.failed;

    while (*count < wanted && clock_steady() < end &&
           (seen.failed == failed || count == &seen.failed))
        loop_turn(loop, 50 * CLOCK_MS);
    if (*count < wanted)
        printf("# %s: %s\n", seen.reason, seen.message);
    return *count >= wanted;
}

static bool shell(char *owned)
{
    scoped_mem char *command = owned;

    return system(command) == 0;
}

/* One program that says its arguments and, told so, ends with 7 or stays. */
static bool make_image(void)
{
    static const char source[] =
        "#include <stdio.h>\n#include <string.h>\n#include <unistd.h>\n#include <signal.h>\n"
        "static void end(int n) { _exit(5); }\n"
        "int main(int c, char **v) { signal(SIGTERM, c > 1 && !strcmp(v[1], \"deaf\") ? SIG_IGN : end); setvbuf(stdout, 0, _IOLBF, 0);\n"
        "for (int i = 1; i < c; i++) printf(\"%s \", v[i]); printf(\"uid %d\\n\", (int)getuid());\n"
        "if (c > 1 && !strcmp(v[1], \"end\")) return 7;\n"
        "if (c > 1 && !strcmp(v[1], \"words\")) { fprintf(stderr, \"first\\nlast \\033[1mwords\\n\\n\"); return 3; }\n"
        "if (c > 1 && !strcmp(v[1], \"hang\")) { if (!fork()) { setsid(); if (fork()) _exit(0); }\n"
        "else if (!fork()) { setsid(); fork(); } else fork(); }\n"
        "if (c > 1 && !strcmp(v[1], \"file\")) { char b[64] = \"\"; FILE *f = fopen(v[2], \"r\");\n"
        "if (!f || !fgets(b, 64, f)) return 1; printf(\"%s\", b); return 0; }\n"
        "for (;;) pause(); }\n";
    scoped_mem char *path = mem_printf("%s/s.c", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    bool good = write(fd, source, strlen(source)) == (ssize_t)strlen(source);

    close(fd);
    return good &&
           shell(mem_printf(
               "cd %s && cc -static -o s s.c 2>/dev/null && tar cf s.tar s && "
               "podman --root %s/store --runroot %s/run --cgroup-manager cgroupfs import --change 'ENTRYPOINT [\"/s\"]' "
               "s.tar axle-test:1 >/dev/null 2>&1",
               folder, folder, folder));
}

static bool start_service(void)
{
    scoped_mem char *command = mem_printf(
        "umount /sys/fs/cgroup/unified 2>/dev/null; exec podman --root %s/store --runroot %s/run "
        "--cgroup-manager cgroupfs system service -t 0 unix://%s >%s/podman.log 2>&1",
        folder, folder, where, folder);

    service = fork();
    if (service == 0) {
        execlp("unshare", "unshare", "-m", "sh", "-c", command, NULL);
        _exit(127);
    }
    for (int i = 0; i < 3000 && access(where, F_OK) != 0; i++)
        usleep(10000);
    return access(where, F_OK) == 0;
}

static bool open_runtime(struct err *err)
{
    struct runtime_options options = {
        .loop = loop, .directory = folder, .on_event = on_event, .engine_socket = where};

    memset(&seen, 0, sizeof seen);
    return runtime_engine.open(&options, &runtime, err) == 0;
}

static struct node *pod(struct arena *arena, const char *id, const char *rest)
{
    char *text = arena_printf(
        arena,
        "{\"id\": \"%s\", \"owner\": \"lab\", \"record\": {\"hash\": \"h1\"}, \"containers\": [{"
        "\"name\": \"main\", \"start\": true, \"image\": \"axle-test:1\", \"pids\": 100, %s",
        id, rest);

    return document_read_json(arena, text, strlen(text), &document_limits_own, NULL);
}

static bool create(const struct node *wanted)
{
    struct err err = {0};
    bool good = runtime_engine.create(runtime, wanted, &err) == 0;

    if (!good)
        printf("# %s\n", err.text);
    return good;
}

static void remove_pod(const char *id)
{
    int before = seen.removed;

    runtime_engine.remove(runtime, id);
    CHECK(wait_until(&seen.removed, before + 1), "%s is removed", id);
}

static void on_response(void *arg, bool ok, const char *message)
{
    snprintf(seen.message, sizeof seen.message, "%s", message);
    *(int *)arg = ok ? 1 : 2;
}

static void test_ends(void)
{
    scoped_arena struct arena *arena = arena_new();

    CHECK(create(pod(arena, "ends", "\"args\": [\"end\", \"now\"]}]}")), "a pod with an image");
    CHECK(wait_until(&seen.exited, 1), "runs to its end: %s", seen.message);
    CHECK_INT(seen.code, 7, "with its exit code");
    CHECK(
        strstr(runtime_engine.log_tail(runtime, arena, "ends", "main", 5), " stdout F end now uid"),
        "and its words: %s", runtime_engine.log_tail(runtime, arena, "ends", "main", 5));
    CHECK(geteuid() != 0 ||
              !strstr(runtime_engine.log_tail(runtime, arena, "ends", "main", 5), "uid 0"),
          "it is not root");
    CHECK(runtime_engine.start(runtime, "ends", "main", NULL) == 0 && wait_until(&seen.exited, 2),
          "it runs again");
    CHECK_INT((int)seen.run, 2, "as its second run");
    remove_pod("ends");
}

/* The engine opens paths later than we look at them. */
static void test_exchangeable(void)
{
    scoped_arena struct arena *arena = arena_new();

    CHECK(!create(pod(arena, "sub",
                      "\"mounts\": [{\"volume\": \"v\", \"path\": \"/x\", \"subPath\": "
                      "\"a\"}]}], \"volumes\": [{\"name\": \"v\", \"type\": \"empty\"}]}")),
          "a part of a volume that workloads write to is not told to the engine");
    CHECK(!create(pod(arena, "user", "\"user\": 42}]}")), "nor a user of the machine's");
    CHECK(!create(pod(arena, "rights", "\"privileged\": true}]}")), "nor privileges");
    CHECK(!create(pod(arena, "climbs",
                      "\"args\": [\"stay\"]}], \"volumes\": [{\"name\": \"../../x\", "
                      "\"type\": \"empty\"}]}")),
          "nor a volume that climbs");
}

static void test_image_missing(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *wanted = pod(arena, "none", "\"pull\": \"Never\"}]}");

    node_set_text(arena, node_item(node_get(wanted, "containers"), 0), "image", "localhost/none:1");
    CHECK(create(wanted) && wait_until(&seen.failed, 1), "an image that is not there");
    CHECK_TEXT(seen.reason, "ErrImageNeverPull", "is named: %s", seen.message);
    remove_pod("none");
}

/* No process has this command line, its words parted by \001. */
static bool is_gone(const char *wanted)
{
    DIR *all = opendir("/proc");
    struct dirent *entry;
    bool found = false;

    while (all && (entry = readdir(all))) {
        scoped_mem char *path = mem_printf("/proc/%s/cmdline", entry->d_name);
        char line[64] = "";
        FILE *in = fopen(path, "re");
        size_t len = in ? fread(line, 1, sizeof line - 1, in) : 0;

        if (in)
            fclose(in);
        for (size_t i = 0; i + 1 < len; i++)
            line[i] = line[i] ? line[i] : 1;
        found |= !strcmp(line, wanted);
    }
    if (all)
        closedir(all);
    return !found;
}

static bool wait_gone(const char *wanted)
{
    int64_t end = clock_steady() + 20 * CLOCK_SECOND;

    while (!is_gone(wanted) && clock_steady() < end)
        loop_turn(loop, 50 * CLOCK_MS);
    return is_gone(wanted);
}

/* In a chroot the engine's own exec ends in the root outside of it: no command is found there. */
static bool engine_can_exec(void)
{
    scoped_mem char *command =
        mem_printf("podman --url unix://%s exec \"$(podman --url unix://%s ps -q)\" "
                   "/s end >/dev/null 2>&1",
                   where, where);
    int status = system(command);

    return WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

static void test_commands_answer(struct arena *arena)
{
    const char *probe = "{\"exec\": {\"command\": [\"/s\", \"end\"]}}";
    int response = 0;

    if (!engine_can_exec()) {
        CHECK_SKIP("engine: podman exec itself runs nothing here, as in a chroot");
        return;
    }
    runtime_engine.probe(
        runtime, "stays", "main",
        document_read_json(arena, probe, strlen(probe), &document_limits_own, NULL),
        30 * CLOCK_SECOND, on_response, &response);
    CHECK(wait_until(&response, 2), "can be asked by a command");
    CHECK(text_starts(seen.message, "exit code 7: end uid"), "and answers: %s", seen.message);
    probe = "{\"exec\": {\"command\": [\"/s\", \"hang\"]}}";
    response = 0;
    runtime_engine.probe(
        runtime, "stays", "main",
        document_read_json(arena, probe, strlen(probe), &document_limits_own, NULL),
        1500 * CLOCK_MS, on_response, &response);
    CHECK(wait_until(&response, 1) && !strcmp(seen.message, "command timed out"),
          "one that hangs is late");
    CHECK(wait_gone("/s\001hang"), "and is killed with what it started");
}

static void test_stops_and_answers(void)
{
    scoped_arena struct arena *arena = arena_new();
    int before = seen.exited;

    CHECK(create(pod(arena, "stays", "\"args\": [\"stay\"]}]}")) && wait_until(&seen.started, 3),
          "one that stays");
    test_commands_answer(arena);
    runtime_engine.stop(runtime, "stays", "main", 20 * CLOCK_SECOND);
    CHECK(wait_until(&seen.exited, before + 1) && seen.code == 5, "it is asked to end and does");
    remove_pod("stays");
}

static void test_last_words(void)
{
    scoped_arena struct arena *arena = arena_new();
    int before = seen.exited;

    CHECK(create(pod(arena, "words", "\"args\": [\"words\"]}]}")) &&
              wait_until(&seen.exited, before + 1) && seen.code == 3,
          "one that fails");
    CHECK_TEXT(seen.message, "last ?[1mwords", "its end is told with its last line on stderr");
    remove_pod("words");
}

static void test_files(void)
{
    scoped_arena struct arena *arena = arena_new();
    int before = seen.exited;

    CHECK(
        create(pod(arena, "files",
                   "\"args\": [\"file\", \"/data/a\"],"
                   " \"mounts\": [{\"volume\": \"f\", \"path\": \"/data\", \"readOnly\": true}]}],"
                   " \"volumes\": [{\"name\": \"f\", \"type\": \"files\","
                   " \"files\": {\"a\": {\"text\": \"inside\\n\"}}}]}")) &&
            wait_until(&seen.exited, before + 1),
        "one that reads a file");
    CHECK(strstr(runtime_engine.log_tail(runtime, arena, "files", "main", 5), "F inside"),
          "finds it where it was mounted");
    remove_pod("files");
}

static void test_outlives_the_agent(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *found;
    struct err err = {0};
    int64_t pid = 0;

    seen.started = 0;
    CHECK(create(pod(arena, "lives", "\"args\": [\"stay\"]}]}")) && wait_until(&seen.started, 1),
          "one that shall outlive us");
    runtime_engine.close(&runtime);
    CHECK(open_runtime(&err), "the next agent opens the engine");
    found = runtime_engine.observe(runtime, arena);
    for (size_t i = 0; i < node_count(found); i++) {
        const struct node *state = node_item(node_get(node_item(found, i), "containers"), 0);

        CHECK_TEXT(node_get_text(state, "state"), "running", "it finds it");
        CHECK_INT((int)node_get_int(state, "run", 0), 1, "never started again");
        CHECK_TEXT(node_get_text(node_get(node_item(found, i), "record"), "hash"), "h1",
                   "with what was recorded");
        pid = node_get_int(state, "pid", 0);
    }
    CHECK(pid > 0 && kill((pid_t)pid, SIGKILL) == 0, "it is killed");
    CHECK(wait_until(&seen.exited, 1) && seen.signal == SIGKILL, "and its end is heard");
    remove_pod("lives");
}

static const struct node *found_of(struct arena *arena, const char *id)
{
    const struct node *found = runtime_engine.observe(runtime, arena);

    for (size_t i = 0; i < node_count(found); i++)
        if (!strcmp(node_get_text(node_item(found, i), "id"), id))
            return node_item(found, i);
    return NULL;
}

/* That it was told to end outlives the agent, and is dated by a clock that nobody sets. */
static void test_is_told_to_end(void)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *path = mem_printf("%s/engine/ends-late/ending", folder);
    struct timespec hours_ago[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    const struct node *found;
    struct err err = {0};
    int64_t before = clock_steady();

    seen.started = 0;
    CHECK(create(pod(arena, "ends-late", "\"args\": [\"deaf\"]}]}")) &&
              wait_until(&seen.started, 1),
          "one that is deaf");
    CHECK(!node_get(found_of(arena, "ends-late"), "ending"), "is not told to end yet");
    runtime_engine.stop(runtime, "ends-late", NULL, 5 * CLOCK_SECOND);
    loop_turn(loop, 50 * CLOCK_MS);
    CHECK(utimensat(AT_FDCWD, path, hours_ago, 0) == 0, "the clock is set");
    runtime_engine.close(&runtime);
    CHECK(open_runtime(&err), "the next agent: %s", err.text);
    found = found_of(arena, "ends-late");
    CHECK(node_get_int(found, "ending", 0) == 1000000000ll * 1000000,
          "finds that it was told to end");
    CHECK(node_get_int(found, "endingSteady", 0) * 1000 >= before &&
              node_get_int(found, "endingSteady", 0) * 1000 <= clock_steady(),
          "and how long ago");
    runtime_engine.stop(runtime, "ends-late", NULL, CLOCK_SECOND);
    CHECK(wait_until(&seen.exited, 1) && seen.signal == SIGKILL, "it ends");
    remove_pod("ends-late");
}

/* An engine that ends in mid-stop has forgotten it when it comes back. */
static void test_engine_forgets(void)
{
    scoped_arena struct arena *arena = arena_new();
    int before = seen.exited, started = seen.started;
    int64_t end;

    CHECK(create(pod(arena, "forgot", "\"args\": [\"deaf\"]}]}")) &&
              wait_until(&seen.started, started + 1),
          "one that is deaf");
    runtime_engine.stop(runtime, "forgot", "main", 3 * CLOCK_SECOND);
    end = clock_steady() + CLOCK_SECOND / 2;
    while (clock_steady() < end)
        loop_turn(loop, 50 * CLOCK_MS);
    kill(service, SIGKILL);
    waitpid(service, NULL, 0);
    unlink(where);
    end = clock_steady() + CLOCK_SECOND; /* what is under way is tried again, in vain */
    while (clock_steady() < end)
        loop_turn(loop, 50 * CLOCK_MS);
    CHECK(start_service(), "the engine is started again");
    CHECK(wait_until(&seen.exited, before + 1) && seen.signal == SIGKILL,
          "it is told again, and killed in the end: %d %d", seen.exited - before, seen.signal);
    remove_pod("forgot");
}

/* A pod without an image is the process driver's, on the same spoke. */
static void test_process_beside(void)
{
    scoped_arena struct arena *arena = arena_new();
    static const char text[] = "{\"id\": \"plain\", \"containers\": [{\"name\": \"main\","
                               " \"start\": true, \"command\": [\"sh\", \"-c\", \"exit 3\"]}]}";
    int before = seen.exited;

    CHECK(create(document_read_json(arena, text, strlen(text), &document_limits_own, NULL)) &&
              wait_until(&seen.exited, before + 1),
          "a pod without an image runs as a process");
    CHECK_INT(seen.code, 3, "and ends as one");
    remove_pod("plain");
}

static void run(void)
{
    struct err err = {0};

    if (!open_runtime(&err)) {
        CHECK(false, "the engine is opened: %s", err.text);
        return;
    }
    test_ends();
    test_image_missing();
    test_exchangeable();
    test_stops_and_answers();
    test_last_words();
    test_files();
    test_outlives_the_agent();
    test_is_told_to_end();
    test_engine_forgets();
    test_process_beside();
    runtime_engine.close(&runtime);
}

int main(int argc, char **argv)
{
    struct err err = {0};

    if (argc > 1 && !strcmp(argv[1], "shim"))
        return runtime_shim_main(argc - 1, argv + 1);
    loop = loop_new(&err);
    if (!loop || !mkdtemp(folder))
        return 1;
    snprintf(where, sizeof where, "%s/podman.sock", folder);
    CHECK(!open_runtime(&err) && text_starts(err.text, "EngineUnavailable: "),
          "where no engine answers it is said: %s", err.text);
    if (geteuid() != 0 || system("command -v podman cc unshare >/dev/null 2>&1") != 0 ||
        !make_image())
        CHECK_SKIP("no podman that could import an image here");
    else if (!start_service())
        CHECK_SKIP("podman does not serve its API here");
    else
        run();
    if (service > 0) {
        kill(service, SIGTERM);
        waitpid(service, NULL, 0);
    }
    loop_free(&loop);
    return shell(mem_printf("umount -l %s/store/overlay 2>/dev/null; rm -rf %s", folder, folder))
               ? check_done()
               : 1;
}
