/* SPDX-License-Identifier: Apache-2.0 */
/* A shim that an agent does not reach at once is told what was ordered meanwhile. */
#include "check.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "loop/loop.h"
#include "runtime/runtime.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DRIVER (&runtime_process)

static struct loop *loop;
static struct runtime *runtime;
static char folder[] = "/tmp/axle-test-reach-XXXXXX";
static int counts[16];

static void on_event(void *arg, const struct runtime_event *event)
{
    counts[event->kind]++;
}

static bool wait_for_event(enum runtime_event_kind kind, int wanted)
{
    int64_t end = clock_steady() + 60 * CLOCK_SECOND;

    while (counts[kind] < wanted && clock_steady() < end)
        loop_turn(loop, 50 * CLOCK_MS);
    return counts[kind] >= wanted;
}

static void open_runtime(void)
{
    struct runtime_options options = {.loop = loop, .directory = folder, .on_event = on_event};
    struct err err = {0};

    if (DRIVER->open(&options, &runtime, &err) < 0) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    memset(counts, 0, sizeof counts);
}

static bool create(const char *id, const char *more)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    char *text = arena_printf(
        arena,
        "{\"id\": \"%s\", \"owner\": \"lab\", \"record\": {\"hash\": \"h1\"}, \"containers\": "
        "[{\"name\": "
        "\"main\", \"start\": true, \"command\": [\"sleep\", \"1000\"]}]%s}",
        id, more);
    const struct node *pod =
        document_read_json(arena, text, strlen(text), &document_limits_own, &err);

    if (!pod || DRIVER->create(runtime, pod, &err) < 0) {
        printf("# %s\n", err.text);
        return false;
    }
    return true;
}

/* The way to a pod's shim, which stays where it is and goes on. */
static bool move_socket(const char *id, const char *from, const char *to)
{
    scoped_mem char *old = mem_printf("%s/pods/%s/%s", folder, id, from);
    scoped_mem char *new = mem_printf("%s/pods/%s/%s", folder, id, to);

    return rename(old, new) == 0;
}

struct response {
    int count;
    bool ok;
    char words[200];
};

static void on_response(void *arg, bool ok, const char *words)
{
    struct response *response = arg;

    response->count++;
    response->ok = ok;
    snprintf(response->words, sizeof response->words, "%s", words);
}

static void check_orders(void)
{
    scoped_arena struct arena *arena = arena_new();
    static const char exec[] = "{\"exec\": {\"command\": [\"sh\", \"-c\", \"echo here; exit 4\"]}}";
    struct err err = {0};
    const struct node *probe =
        document_read_json(arena, exec, sizeof exec - 1, &document_limits_own, &err);
    struct response response = {0};

    open_runtime();
    CHECK(create("far", "") && wait_for_event(RUNTIME_STARTED, 1), "a pod runs");
    DRIVER->close(&runtime);
    CHECK(move_socket("far", "shim.sock", "away"), "the way to its shim is lost");
    open_runtime();
    CHECK_INT(node_count(DRIVER->observe(runtime, arena)), 1, "the next agent knows the pod");
    DRIVER->probe(runtime, "far", "main", probe, 60 * CLOCK_SECOND, on_response, &response);
    for (int i = 0; i < 10; i++)
        loop_turn(loop, 20 * CLOCK_MS);
    CHECK_INT(response.count, 0, "a command waits until the shim is reached");
    CHECK(counts[RUNTIME_LOST] == 0, "and the pod does not count as lost");
    CHECK(move_socket("far", "away", "shim.sock"), "the way is there again");
    for (int64_t end = clock_steady() + 30 * CLOCK_SECOND; !response.count && clock_steady() < end;)
        loop_turn(loop, 20 * CLOCK_MS);
    CHECK_INT(response.count, 1, "what was ordered meanwhile is done, once");
    CHECK(!response.ok && text_starts(response.words, "exit code 4: here"), "as it should be: %s",
          response.words);
    DRIVER->stop(runtime, "far", "main", CLOCK_SECOND);
    CHECK(wait_for_event(RUNTIME_EXITED, 1), "an order that comes later too");
    DRIVER->remove(runtime, "far");
    CHECK(wait_for_event(RUNTIME_REMOVED, 1), "it is removed");
    DRIVER->close(&runtime);
}

int main(int argc, char **argv)
{
    scoped_mem char *tidy = NULL;
    struct err err = {0};

    if (argc > 1 && !strcmp(argv[1], "shim"))
        return runtime_shim_main(argc - 1, argv + 1);
    loop = loop_new(&err);
    if (!loop || !mkdtemp(folder) || chmod(folder, 0711) < 0) {
        printf("Bail out! %s\n", err.text);
        return 1;
    }
    tidy = mem_printf("rm -rf %s", folder);
    check_orders();
    loop_free(&loop);
    CHECK(system(tidy) == 0, "cleaned up");
    return check_done();
}
