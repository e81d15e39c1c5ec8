/* SPDX-License-Identifier: Apache-2.0 */
/* Takes a container through its runs, and keeps how each one ended. */

#include "shim/pod.h"

#include "base/clock.h"
#include "base/kept.h"
#include "document/document.h"
#include "number/number.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * An init stays a moment after its command has ended, with its namespaces,
 * mounts and control group, so that the next run costs no more than an exec.
 */
#define IDLE CLOCK_SECOND
/* A run in a used place that is over so soon may have ended because of it. */
#define SOON (10 * CLOCK_SECOND)

/* ---- Facts about one --------------------------------------------------------------- */

struct container *shim_container_find(struct shim *shim, const char *name)
{
    for (size_t i = 0; i < shim->count; i++)
        if (!strcmp(shim->containers[i].name, name))
            return &shim->containers[i];
    return NULL;
}

/* How long a run has to last to count as a success. */
static int64_t lasting_time(const struct container *c)
{
    return clock_seconds(number_get(node_get(c->spec, "again"), "after", NUMBER_SECONDS, 600));
}

/* A change shows that what is mounted is not what a new run should see. */
static uint64_t look_at_mounts(const struct shim *shim, const struct container *c)
{
    const struct node *mounts = node_get(c->spec, "mounts");
    uint64_t look = 14695981039346656037ull;
    char path[8192];
    struct stat st;

    for (size_t i = 0; i < node_count(mounts); i++) {
        confine_source(&shim->place, node_item(mounts, i), path, sizeof path);
        if (stat(path, &st) < 0)
            st = (struct stat){0};
        look = (look ^ st.st_ino) * 1099511628211ull;
        look = (look ^ st.st_dev) * 1099511628211ull;
    }
    if (stat("hosts", &st) == 0)
        look = (look ^ st.st_ino) * 1099511628211ull;
    return look;
}

/* A container that may mount could have left any mounts behind: its init is not used again. */
static bool may_spoil(const struct shim *shim, const struct container *c)
{
    int64_t pods = number_get(shim->place.spec, "user", NUMBER_USER, 0);

    return node_get_bool(c->spec, "privileged", false) || node_get(c->spec, "capabilities") ||
           number_get(c->spec, "user", NUMBER_USER, pods) == 0;
}

/* ---- How it ended, on disk ------------------------------------------------------------ */

/*
 * Written before the agent gets the event, so that an agent that dies loses no exit. Not
 * synced: power loss ends the pod as well, and a slow disk must never delay the shim.
 */
static void keep_exit(struct shim *shim, struct container *c)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text out = {0};
    scoped_mem char *path = mem_printf("%s/exit-%s.json", shim->place.directory, c->name);
    struct err ignored = {0};

    if (shim->end_at)
        return;
    document_write_json(&out, shim_describe(arena, c));
    /* While this shim lives, the socket carries it too; on a full disk the write is tried
       again, for the disk may be emptied. */
    c->keep_at = kept_write(path, out.bytes, out.len, 0600, false, &ignored) < 0
                     ? clock_steady() + CLOCK_SECOND
                     : 0;
}

/* ---- Its init ---------------------------------------------------------------------------- */

bool shim_container_group(struct shim *shim, const struct container *c, int procs[4])
{
    scoped_text struct text problems = {0};
    struct cgroup_limits limits = {
        .memory = number_get(c->spec, "memory", NUMBER_BYTES, 0),
        .cpu = number_get(c->spec, "cpu", NUMBER_COUNT, 0),
        .pids = number_get(c->spec, "pids", NUMBER_COUNT, 0),
        .freezer = !shim->place.namespaces,
    };
    bool made = cgroup_make(&shim->cgroups, shim->pod, c->name, &limits, procs, &problems);

    if (c == shim->home && procs[CGROUP_V1_PIDS] >= 0) {
        close(procs[CGROUP_V1_PIDS]); /* our children are in it already */
        procs[CGROUP_V1_PIDS] = -1;
    }
    return made;
}

static void close_streams(struct container *c)
{
    for (int i = 0; i < 2; i++)
        if (c->streams[i].fd >= 0)
            shim_log_finish(&c->log, &c->streams[i]);
}

static void forget_init(struct container *c)
{
    close_streams(c);
    if (c->control >= 0)
        close(c->control);
    c->control = -1;
    c->init = 0;
    c->idle_until = 0;
}

/* No process is below it; it is reaped as a child of no container. */
static void retire_init(struct container *c)
{
    kill(c->init, SIGKILL);
    forget_init(c);
}

static int open_pipes(int out[2], int error[2], int control[2])
{
    if (pipe2(out, O_CLOEXEC) < 0 || pipe2(error, O_CLOEXEC) < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0)
        return -1;
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(error[0], F_SETFL, O_NONBLOCK);
    return 0;
}

static int new_init(struct shim *shim, struct container *c)
{
    int out[2] = {-1, -1}, error[2] = {-1, -1}, control[2] = {-1, -1};
    struct shim_launch launch = {.place = &shim->place, .container = c->spec, .group = -1};

    if (open_pipes(out, error, control) == 0) {
        shim_container_group(shim, c, launch.cgroup_procs);
        launch.out = out[1];
        launch.error = error[1];
        launch.control = control[1];
        launch.group = cgroup_open(&shim->cgroups, shim->pod, c->name);
        c->look = look_at_mounts(shim, c);
        c->init = shim_launch(&launch);
        shim_close_all(launch.cgroup_procs, 4);
    }
    shim_close_all((int[]){out[1], error[1], control[1], launch.group}, 4);
    if (c->init <= 0) {
        shim_close_all((int[]){out[0], error[0], control[0]}, 3);
        c->init = 0;
        return -1;
    }
    c->streams[0] = (struct shim_stream){.fd = out[0], .name = "stdout"};
    c->streams[1] = (struct shim_stream){.fd = error[0], .name = "stderr"};
    c->control = control[0];
    return 0;
}

static void tell_init(const struct container *c, char word)
{
    if (send(c->control, &word, 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return; /* it has ended, and its SIGCHLD is on its way */
}

/* ---- Beginning --------------------------------------------------------------------------- */

static void begin_run(struct container *c)
{
    int64_t number = c->run.number;

    if (number)
        c->last = c->run;
    c->run = (struct shim_run){.number = number + 1, .started = clock_wall()};
    c->streams[1].last[0] = '\0';
    c->began = clock_steady();
    c->state = "running";
    c->running = true;
    c->told_start = c->permitted = c->waits = false;
    c->kill_at = c->idle_until = 0;
    c->permit_at = c->keep_at = 0;
    if (node_get(c->spec, "again"))
        c->permit_at = clock_steady() + (c->crashes ? lasting_time(c) : 0);
}

static void fail_start(struct shim *shim, struct container *c)
{
    c->state = "failed";
    c->running = false;
    c->crashes++;
    c->run.finished = clock_wall();
    snprintf(c->run.why.reason, sizeof c->run.why.reason, "CannotRun");
    snprintf(c->run.why.text, sizeof c->run.why.text, "cannot start: %s", strerror(errno));
    keep_exit(shim, c);
    shim_tell(shim, c, "failed");
}

void shim_container_start(struct shim *shim, struct container *c)
{
    if (c->running)
        return;
    if (c->init && look_at_mounts(shim, c) != c->look)
        retire_init(c);
    begin_run(c);
    c->reused = c->init > 0;
    c->oom_before = cgroup_oom_kills(&shim->cgroups, shim->pod, c->name);
    if (c->reused)
        tell_init(c, SHIM_AGAIN);
    else if (new_init(shim, c) < 0)
        fail_start(shim, c);
}

/* The command is the one child of its init that has begun. */
static pid_t child_of(pid_t init)
{
    char path[64], bytes[32] = "";
    long pid;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", init, init);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return init;
    if (read(fd, bytes, sizeof bytes - 1) <= 0)
        bytes[0] = '\0';
    close(fd);
    pid = strtol(bytes, NULL, 10);
    return pid > 0 ? (pid_t)pid : init;
}

static bool mounts_parts(const struct container *c)
{
    const struct node *mounts = node_get(c->spec, "mounts");

    for (size_t i = 0; i < node_count(mounts); i++)
        if (*node_get_text(node_item(mounts, i), "subPath"))
            return true;
    return false;
}

/* A permit to begin again without asking saves the way to us and the agent.
   A part of a volume may be another one by then, which nobody would see. */
static void permit_again(struct shim *shim, struct container *c)
{
    bool failures = !strcmp(node_get_text(node_get(c->spec, "again"), "on"), "failure");

    c->permit_at = 0;
    if (c->kill_at || may_spoil(shim, c) || mounts_parts(c) || look_at_mounts(shim, c) != c->look)
        return;
    c->permitted = true;
    tell_init(c, failures ? SHIM_PERMIT_FAILURE : SHIM_PERMIT);
}

static void hear_started(struct shim *shim, struct container *c)
{
    c->run.pid = child_of(c->init);
    if (c->waits)
        c->run.why = (struct shim_message){0};
    c->told_start = true;
    c->waits = false;
    if (c->kill_at) /* the stop came before there was a process for the signal */
        kill(c->init, SIGTERM);
    else if (c->permit_at && c->permit_at <= clock_steady())
        permit_again(shim, c);
    shim_tell(shim, c, "started");
}

/* ---- Ending ------------------------------------------------------------------------------ */

static void take_end(struct container *c, int status)
{
    c->run.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    c->run.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* A clock that was set meanwhile makes the run neither longer nor shorter. */
static void mark_end(struct container *c)
{
    int64_t ran = clock_steady() - c->began, off;

    c->run.finished = clock_wall();
    c->run.over = clock_steady();
    off = c->run.finished - c->run.started - ran;
    if (off > CLOCK_SECOND || off < -CLOCK_SECOND)
        c->run.started = c->run.finished - ran;
}

static void end_run(struct shim *shim, struct container *c)
{
    int64_t kills = cgroup_oom_kills(&shim->cgroups, shim->pod, c->name);

    c->running = false;
    mark_end(c);
    c->run.oom = kills > c->oom_before;
    c->oom_before = kills;
    if (c->run.finished - c->run.started >= lasting_time(c))
        c->crashes = 0;
    c->crashes++;
    c->kill_at = c->permit_at = 0;
    for (int i = 0; i < 2; i++)
        if (c->streams[i].fd >= 0)
            shim_log_drain(&c->log, &c->streams[i]);
    if ((c->run.code || c->run.signal) && !*c->run.why.text)
        snprintf(c->run.why.text, sizeof c->run.why.text, "%s", c->streams[1].last);
    text_make_printable(c->run.why.text);
    keep_exit(shim, c);
    shim_tell(shim, c, c->state);
}

static void go_idle(struct shim *shim, struct container *c)
{
    bool soon = c->reused && c->run.finished - c->run.started < SOON;

    if (soon || c->run.oom || may_spoil(shim, c))
        retire_init(c);
    else
        c->idle_until = clock_steady() + IDLE;
}

static void hear_exited(struct shim *shim, struct container *c, const struct shim_message *message)
{
    int64_t kill_at = c->kill_at;

    c->state = "exited";
    take_end(c, message->status);
    end_run(shim, c);
    if (message->word == SHIM_EXITED) {
        go_idle(shim, c);
        return;
    }
    /* It had our permit, and runs already; what was to end still is. */
    begin_run(c);
    c->reused = true;
    c->kill_at = kill_at;
}

/* What its start waits for is its message until it has started. */
static void hear_waits(struct shim *shim, struct container *c, const struct shim_message *message)
{
    c->run.why = *message;
    c->waits = true;
    if (c->kill_at)
        kill(c->init, SIGTERM);
    shim_tell(shim, c, "waits");
}

static void tell_note(struct shim *shim, const struct container *c, const struct shim_message *note)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *message = node_map(arena);

    node_set_text(arena, message, "event", "note");
    node_set_text(arena, message, "name", c->name);
    node_set_text(arena, message, "reason", note->reason);
    node_set_text(arena, message, "message", note->text);
    shim_send(shim, message);
}

void shim_container_hear(struct shim *shim, struct container *c)
{
    struct shim_message message;

    while (c->control >= 0 &&
           recv(c->control, &message, sizeof message, MSG_DONTWAIT) == (ssize_t)sizeof message) {
        if (message.word == SHIM_STARTED) {
            hear_started(shim, c);
        } else if (message.word == SHIM_WAITS) {
            hear_waits(shim, c, &message);
        } else if (message.word == SHIM_NOTE) {
            tell_note(shim, c, &message);
        } else if (message.word == SHIM_FAILED) {
            c->state = "failed";
            c->run.why = message;
        } else {
            hear_exited(shim, c, &message);
        }
    }
}

void shim_container_reap(struct shim *shim, struct container *c, int status)
{
    shim_container_hear(shim, c);
    forget_init(c);
    if (!c->running)
        return;
    if (!strcmp(c->state, "running")) { /* the init itself was killed */
        cgroup_kill(&shim->cgroups, shim->pod, c->name);
        c->state = "exited";
        take_end(c, status);
    }
    end_run(shim, c);
}

void shim_container_kill(struct shim *shim, struct container *c)
{
    if (!c->init)
        return;
    cgroup_kill(&shim->cgroups, shim->pod, c->name);
    kill(c->init, shim->place.namespaces || !c->running ? SIGKILL : shim_kill_all_signal());
}

/* The group kill takes the init as well, which is what tells us the end. */
void shim_container_stop(struct container *c, int64_t grace)
{
    int64_t at = clock_steady() + grace;

    if (!c->running)
        return;
    if (c->permitted)
        tell_init(c, SHIM_FORBID);
    c->permitted = false;
    c->permit_at = 0;
    if (!c->kill_at && (c->told_start || c->waits))
        kill(c->init, SIGTERM); /* to the command, or to the init that it waits for */
    if (!c->kill_at || at < c->kill_at)
        c->kill_at = at;
}

/* ---- Time --------------------------------------------------------------------------------- */

int64_t shim_container_next(const struct container *c)
{
    int64_t next = shim_sooner(shim_sooner(c->kill_at, c->idle_until), c->keep_at);

    return c->told_start && c->running ? shim_sooner(next, c->permit_at) : next;
}

void shim_container_late(struct shim *shim, struct container *c, int64_t now)
{
    if (c->idle_until && c->idle_until <= now)
        retire_init(c);
    if (c->running && c->told_start && c->permit_at && c->permit_at <= now)
        permit_again(shim, c);
    if (c->kill_at && c->kill_at <= now) {
        shim_container_kill(shim, c);
        c->kill_at = now + CLOCK_SECOND; /* again, should it not be enough */
    }
    if (c->keep_at && c->keep_at <= now)
        keep_exit(shim, c);
}
