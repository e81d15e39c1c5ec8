/* SPDX-License-Identifier: Apache-2.0 */
/* What a shim loses of its heap is reported at its end, although it ends by _exit(). */
#include "check.h"

#include "base/clock.h"
#include "base/mem.h"
#include "document/document.h"
#include "loop/loop.h"
#include "runtime/runtime.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64] = "/tmp/axle-test-leaks-XXXXXX";
static int removed;

static void on_event(void *arg, const struct runtime_event *event)
{
    removed += event->kind == RUNTIME_REMOVED;
}

/* A shim loses a block of 1,234 bytes before it begins, if its pod is called so. */
static __attribute__((noinline)) void lose_block(const char *directory)
{
    char *volatile block;

    if (!strstr(directory, "/pods/loses"))
        return;
    block = mem_alloc(1234);
    block[0] = 'x';
    block = NULL;
}

static int run_shim(int argc, char **argv)
{
    lose_block(argv[argc - 1]);
    return runtime_shim_main(argc, argv);
}

/* Runs a pod to its end, in a process that names where reports go. */
static int run_pod(const char *id)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_loop struct loop *loop = loop_new(NULL);
    struct runtime_options options = {.loop = loop, .directory = folder, .on_event = on_event};
    char *text = arena_printf(arena,
                              "{\"id\": \"%s\", \"owner\": \"lab\", \"containers\": [{\"name\": "
                              "\"main\", \"start\": true, \"command\": [\"true\"]}]}",
                              id);
    const struct node *pod =
        document_read_json(arena, text, strlen(text), &document_limits_own, NULL);
    int64_t end = clock_steady() + 60 * CLOCK_SECOND;
    struct runtime *runtime = NULL;
    struct err err = {0};

    if (runtime_process.open(&options, &runtime, &err) < 0 ||
        runtime_process.create(runtime, pod, &err) < 0) {
        printf("# %s\n", err.text);
        return 1;
    }
    runtime_process.remove(runtime, id);
    while (!removed && clock_steady() < end)
        loop_turn(loop, 20 * CLOCK_MS);
    runtime_process.close(&runtime);
    return removed ? 0 : 1;
}

/* The text of all reports of a folder. */
static char *read_reports(struct arena *arena, const char *place)
{
    DIR *open = opendir(place);
    char *all = arena_string(arena, "");
    struct dirent *entry;

    while (open && (entry = readdir(open))) {
        FILE *in = fopen(arena_printf(arena, "%s/%s", place, entry->d_name), "re");
        char bytes[8192];
        size_t len = in ? fread(bytes, 1, sizeof bytes - 1, in) : 0;

        bytes[len] = '\0';
        all = arena_printf(arena, "%s%s", all, bytes);
        if (in)
            fclose(in);
    }
    if (open)
        closedir(open);
    return all;
}

/* An agent of its own, because a shim reads where reports go from what its parent had when it
   was started. */
static char *reports_of(struct arena *arena, const char *id)
{
    char *place = arena_printf(arena, "%s/reports-%s", folder, id);
    int status = -1;
    pid_t pid;

    mkdir(place, 0777);
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        setenv("ASAN_OPTIONS", arena_printf(arena, "log_path=%s/report", place), 1);
        execl("/proc/self/exe", "test_shim_leaks", "run", folder, id, NULL);
        _exit(126);
    }
    waitpid(pid, &status, 0);
    CHECK_INT(status, 0, "pod %s comes to its end", id);
    return read_reports(arena, place);
}

int main(int argc, char **argv)
{
    scoped_arena struct arena *arena = arena_new();
    const char *report;

    if (argc > 1 && !strcmp(argv[1], "shim"))
        return run_shim(argc - 1, argv + 1);
    if (argc > 3 && !strcmp(argv[1], "run")) {
        snprintf(folder, sizeof folder, "%s", argv[2]);
        return run_pod(argv[3]);
    }
    if (!mkdtemp(folder) || chmod(folder, 0711) < 0)
        return 1;
    report = reports_of(arena, "loses");
    CHECK(strstr(report, "LeakSanitizer: detected memory leaks"),
          "what a shim has lost is reported: %s", report);
    CHECK(strstr(report, "leak of 1234 byte(s) in 1 object(s)"), "with its size");
    CHECK_TEXT(reports_of(arena, "keeps"), "", "a shim that loses nothing is not mentioned");
    CHECK(system(arena_printf(arena, "rm -rf %s", folder)) == 0, "cleaned up");
    return check_done();
}
