/* SPDX-License-Identifier: Apache-2.0 */
/* Kills the agent again and again; what it started never notices. limit: 1200 */

#include "base/clock.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "loop/loop.h"
#include "unit/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The test makes files named for workloads; an agent makes it so, and is
 * killed at any moment. Some workloads stay for ever, some end with a code of
 * their own when they are told to, most of them while no agent is there. Each
 * writes a line when it begins. It all happens in a pid namespace of few
 * numbers, full of bystanders that take each number that becomes free.
 */
#define KILLS 20
#define KILLS_DEEP 1000 /* with $DEEP, as ./build.sh deep sets it */
#define STAYS 7
#define ENDS 3
#define BYSTANDERS 40
#define PIDS "1000"

static char folder[] = "/tmp/axle-test-outlive-XXXXXX";

static char *path_of(struct arena *arena, const char *what, const char *name)
{
    return arena_printf(arena, "%s/%s/%s", folder, what, name);
}

static void put(const char *path, const char *bytes, size_t len)
{
    scoped_mem char *fresh = mem_printf("%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, bytes, len) != (ssize_t)len || rename(fresh, path) < 0)
        printf("Bail out! %s\n", path);
    close(fd);
}

static char *get(struct arena *arena, const char *path, size_t *ret_len)
{
    char *bytes = arena_alloc(arena, 1 << 20);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, bytes, (1 << 20) - 1);

    if (fd >= 0)
        close(fd);
    bytes[got > 0 ? got : 0] = '\0';
    if (ret_len)
        *ret_len = got > 0 ? (size_t)got : 0;
    return got < 0 ? NULL : bytes;
}

static void each_file(const char *what, void (*each)(void *arg, const char *name), void *arg)
{
    scoped_mem char *path = mem_printf("%s/%s", folder, what);
    DIR *list = opendir(path);

    for (struct dirent *e; list && (e = readdir(list));)
        if (e->d_name[0] != '.' && !text_ends(e->d_name, ".new"))
            each(arg, e->d_name);
    if (list)
        closedir(list);
}

/* ---- The agent ------------------------------------------------------------------------ */

static struct cluster *cluster;

static char *kept_path(const char *name)
{
    char *path = mem_printf("%s/kept/%s", folder, name);

    for (char *at = path + strlen(folder) + 6; *at; at++)
        if (*at == '/')
            *at = '~';
    return path;
}

static void keep_put(void *arg, const char *name, const void *bytes, size_t len)
{
    scoped_mem char *path = kept_path(name);

    put(path, bytes, len);
}

static void keep_remove(void *arg, const char *name)
{
    scoped_mem char *path = kept_path(name);

    unlink(path);
}

static void keep_commit(void *arg, cluster_kept_fn *done, void *done_arg)
{
    done(done_arg, NULL);
}

struct each {
    void (*fn)(void *arg, const char *name, const void *bytes, size_t len);
    void *arg;
};

static void keep_one(void *arg, const char *file)
{
    scoped_arena struct arena *arena = arena_new();
    char *name = arena_string(arena, file);
    struct each *each = arg;
    size_t len = 0;
    char *bytes = get(arena, path_of(arena, "kept", file), &len);

    for (char *at = name; *at; at++)
        if (*at == '~')
            *at = '/';
    each->fn(each->arg, name, bytes, len);
}

static void keep_each(void *arg, void (*fn)(void *, const char *, const void *, size_t),
                      void *fn_arg)
{
    struct each each = {fn, fn_arg};

    each_file("kept", keep_one, &each);
}

/* How a workload ended, for the test to read. */
static void on_change(void *arg, const char *owner)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *pods = node_get(cluster_report(cluster, arena, owner), "pods");
    const struct node *state = node_item(node_get(node_item(pods, 0), "containers"), 0);
    char *code;

    if (!node_get(state, "exitCode") || !text_starts(owner, "end-"))
        return;
    code = arena_printf(arena, "%lld", (long long)node_get_int(state, "exitCode", -1));
    put(path_of(arena, "told", owner), code, strlen(code));
}

static void make_so(void *arg, const char *name)
{
    scoped_arena struct arena *arena = arena_new();
    size_t len = 0;
    char *yaml = get(arena, path_of(arena, "wanted", name), &len);
    struct cluster_manifest item = {.object = NULL};
    struct cluster_set set = {.owner = name, .items = &item, .count = 1};
    struct err err = {0};

    if (!yaml)
        return;
    item.object = document_read_yaml(arena, yaml, len, true, &document_limits_own, &err);
    if (item.object)
        cluster_apply(cluster, &set);
}

static void look(void *arg)
{
    struct loop_timer **timer = arg;
    scoped_arena struct arena *arena = arena_new();
    struct node *owners = cluster_owners(cluster, arena);

    each_file("wanted", make_so, NULL);
    for (size_t i = 0; i < node_count(owners); i++) {
        const char *name = node_text(node_item(owners, i));

        if (access(path_of(arena, "wanted", name), F_OK) != 0)
            cluster_remove(cluster, name);
        else
            on_change(NULL, name);
    }
    loop_timer_set(*timer, 20 * CLOCK_MS);
}

static int be_agent(void)
{
    const char *roots[] = {folder, NULL};
    struct err err = {0};
    struct loop *loop = loop_new(&err);
    scoped_mem char *directory = mem_printf("%s/workloads", folder);
    struct cluster_options options = {
        .loop = loop,
        .runtime = &runtime_process,
        .runtime_options = {.directory = directory},
        .keep = {NULL, keep_put, keep_remove, keep_commit, keep_each},
        .bounds = {.host_paths = roots},
        .on_change = on_change,
    };
    struct loop_timer *timer;

    if (!loop || cluster_open("local", &options, &cluster, &err) < 0) {
        fprintf(stderr, "agent: %s\n", err.text);
        return 1;
    }
    timer = loop_timer_new(loop, look, &timer);
    look(&timer);
    if (write(1, "u", 1) != 1)
        return 1;
    for (;;)
        loop_turn(loop, CLOCK_SECOND);
}

/* ---- The test's side --------------------------------------------------------------------- */

struct workload {
    char name[32];
    int code; /* of one that ends */
    bool ends, requested;
    int expected; /* begins */
};

static struct workload *all;
static size_t count;
static int told, lost, kills;
static int64_t *ups;
static pid_t bystanders[BYSTANDERS];
static uint64_t seed = 7;

static unsigned chance(unsigned below)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(seed >> 33) % below;
}

static void want(const char *kind, const char *name, const char *policy, const char *script)
{
    bool pod = !strcmp(kind, "Pod");
    scoped_arena struct arena *arena = arena_new();
    char *spec =
        arena_printf(arena,
                     "{restartPolicy: %s, terminationGracePeriodSeconds: 0,"
                     " volumes: [{name: l, hostPath: {path: %s/shared}}],"
                     " containers: [{name: c, volumeMounts: [{name: l, mountPath: /shared}],"
                     " command: [sh, -c, '%s']}]}",
                     policy, folder, script);
    char *yaml = pod ? arena_printf(arena,
                                    "apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\n"
                                    "spec: %s\n",
                                    name, spec)
                     : arena_printf(arena,
                                    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s}\n"
                                    "spec: {template: {spec: %s}}\n",
                                    name, spec);

    put(path_of(arena, "wanted", name), yaml, strlen(yaml));
}

static void add(bool ends)
{
    scoped_arena struct arena *arena = arena_new();
    struct workload *w;

    all = mem_resize_array(all, count + 1, sizeof *all);
    w = &all[count];
    *w = (struct workload){.ends = ends, .code = 1 + (int)chance(120), .expected = 1};
    snprintf(w->name, sizeof w->name, "%s-%zu", ends ? "end" : "stay", count);
    count++;
    if (!ends) {
        want("Deployment", w->name, "Always",
             arena_printf(arena, "echo B %s >>/shared/log; exec sleep 100000", w->name));
        return;
    }
    if (mkfifo(path_of(arena, "shared", w->name), 0666) < 0 ||
        chmod(path_of(arena, "shared", w->name), 0666) < 0)
        printf("Bail out! no fifo\n");
    want("Pod", w->name, "Never",
         arena_printf(arena, "echo B %s >>/shared/log; read x </shared/%s; exit %d", w->name,
                      w->name, w->code));
}

static void remove_wanted(const char *name)
{
    scoped_arena struct arena *arena = arena_new();

    unlink(path_of(arena, "wanted", name));
}

/* Frees pids, so that others take them. */
static void shuffle_bystanders(void)
{
    for (int i = 0; i < BYSTANDERS / 4; i++) {
        pid_t *at = &bystanders[chance(BYSTANDERS)];

        if (*at > 0) {
            kill(*at, SIGKILL);
            waitpid(*at, NULL, 0);
        }
        *at = fork();
        if (*at == 0)
            for (;;)
                pause();
    }
}

/* What was adopted by the first process of our namespace, or started by it. */
static void reap(pid_t *agent)
{
    pid_t gone;

    while ((gone = waitpid(-1, NULL, WNOHANG)) > 0) {
        if (gone == *agent)
            *agent = 0;
        for (int i = 0; i < BYSTANDERS; i++)
            if (bystanders[i] == gone)
                CHECK(false, "a bystander was killed");
    }
}

static void wait_a_little(int64_t span)
{
    int64_t end = clock_steady() + span;

    while (clock_steady() < end)
        usleep(500);
}

/* Tells one to end, if it has got so far; most often nobody looks. */
static void ask_one_to_end(void)
{
    scoped_arena struct arena *arena = arena_new();
    size_t first = chance((unsigned)count);

    for (size_t n = 0; n < count; n++) {
        struct workload *w = &all[(first + n) % count];
        int fd;

        if (!w->ends || w->requested)
            continue;
        fd = open(path_of(arena, "shared", w->name), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
            continue;
        w->requested = write(fd, "x\n", 2) == 2;
        close(fd);
        return;
    }
}

/* Those whose end was told are replaced by new ones. */
static void settle_ends(void)
{
    scoped_arena struct arena *arena = arena_new();

    for (size_t i = 0, last = count; i < last; i++) {
        struct workload *w = &all[i];
        char *code =
            w->ends && w->requested ? get(arena, path_of(arena, "told", w->name), NULL) : NULL;

        if (!code)
            continue;
        if (strtol(code, NULL, 10) == w->code)
            told++;
        else
            lost++;
        w->requested = w->ends = false;
        w->name[0] = 'd'; /* done */
        scoped_mem char *name = mem_printf("end%s", strchr(w->name, '-'));

        unlink(path_of(arena, "told", name));
        unlink(path_of(arena, "shared", name));
        remove_wanted(name);
        add(true);
    }
}

static pid_t start_agent(int *ret_up)
{
    int up[2];
    pid_t pid;

    if (pipe(up) < 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        dup2(up[1], 1);
        close(up[0]);
        execl("/proc/self/exe", "axle", "agent", folder, NULL);
        _exit(127);
    }
    close(up[1]);
    *ret_up = up[0];
    return pid;
}

static bool is_up(int up, int64_t most)
{
    struct timespec span = {most / CLOCK_SECOND, most % CLOCK_SECOND};
    fd_set set;
    char word;

    FD_ZERO(&set);
    FD_SET(up, &set);
    return pselect(up + 1, &set, NULL, NULL, &span, NULL) == 1 && read(up, &word, 1) == 1;
}

static void one_round(int number)
{
    int64_t began = clock_steady();
    int up = -1;
    pid_t agent = start_agent(&up);

    if (chance(4) == 0) {
        is_up(up, (int64_t)chance(30) * CLOCK_MS); /* it dies while it takes over */
    } else if (is_up(up, 60 * CLOCK_SECOND)) {
        ups[kills++] = clock_steady() - began;
        settle_ends();
        wait_a_little((int64_t)chance(40) * CLOCK_MS);
    }
    if (chance(3) == 0)
        ask_one_to_end();
    kill(agent, SIGKILL);
    waitpid(agent, NULL, 0);
    close(up);
    shuffle_bystanders();
    if (chance(2))
        ask_one_to_end();
    if (chance(3) == 0)
        wait_a_little((int64_t)chance(20) * CLOCK_MS);
    reap(&agent);
}

/* ---- What came of it --------------------------------------------------------------- */

static int begins(const char *log, const char *name)
{
    scoped_mem char *line = mem_printf("B %s\n", name);
    int n = 0;

    for (const char *at = log; (at = strstr(at, line)); at++)
        n += at == log || at[-1] == '\n';
    return n;
}

static int alive(const char *name)
{
    scoped_arena struct arena *arena = arena_new();
    char *pattern = arena_printf(arena, "axle-test-outlive-.*/pods/default\\.%s-", name);
    char *command = arena_printf(arena, "pgrep -c -f '%s' >%s/count", pattern, folder);
    size_t len;

    if (system(command) < 0)
        return -1;
    return (int)strtol(get(arena, arena_printf(arena, "%s/count", folder), &len), NULL, 10);
}

static bool is_settled(void)
{
    scoped_arena struct arena *arena = arena_new();
    char *log = get(arena, path_of(arena, "shared", "log"), NULL);

    settle_ends();
    for (size_t i = 0; i < count; i++)
        if ((all[i].ends && all[i].requested) ||
            (all[i].name[0] != 'd' && !begins(log, all[i].name)))
            return false;
    return true;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static void judge(int rounds)
{
    scoped_arena struct arena *arena = arena_new();
    char *log = get(arena, path_of(arena, "shared", "log"), NULL);
    int again = 0, missing = 0, stays = 0;

    for (size_t i = 0; i < count; i++) {
        const char *name = all[i].name[0] == 'd'
                               ? arena_printf(arena, "end%s", strchr(all[i].name, '-'))
                               : all[i].name;
        int n = begins(log, name);

        again += n > 1;
        missing += n < 1;
        stays += !strncmp(name, "stay", 4);
    }
    for (size_t i = 0; i < count; i++)
        if (all[i].ends && all[i].requested)
            lost++;
    CHECK_INT(again, 0, "nothing was started twice");
    CHECK_INT(missing, 0, "everything was started");
    CHECK_INT(lost, 0, "no exit code was lost");
    CHECK(told > 0, "some did end: %d", told);
    qsort(ups, (size_t)kills, sizeof *ups, by_size);
    printf("# agent killed %d times over %zu workloads (%d stayed, %d ended, %zu at a time): "
           "%d restarted or doubled, %d exit codes lost; agent in control after %.1f ms (p50), "
           "%.1f ms (p99)\n",
           rounds, count, stays, told, (size_t)(stays + ENDS), again, lost,
           kills ? (double)ups[kills / 2] / 1e6 : 0,
           kills ? (double)ups[kills * 99 / 100] / 1e6 : 0);
}

static void run(int rounds)
{
    static const char *const folders[] = {"wanted", "kept", "told", "shared"};
    int scale = getenv("DEEP") ? 5 : 1, up;
    pid_t agent;

    for (size_t i = 0; i < count_of(folders); i++) {
        scoped_mem char *path = mem_printf("%s/%s", folder, folders[i]);

        mkdir(path, 0755);
        chmod(path, 0755);
    }
    scoped_mem char *log = mem_printf("%s/shared/log", folder);

    close(open(log, O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
    chmod(log, 0666);
    chmod(folder, 0755);
    ups = mem_alloc((size_t)rounds * sizeof *ups);
    for (int i = 0; i < STAYS * scale; i++)
        add(false);
    for (int i = 0; i < ENDS * scale; i++)
        add(true);
    for (int i = 0; i < rounds; i++)
        one_round(i);
    agent = start_agent(&up);
    for (int i = 0; i < 6000 && !is_settled(); i++)
        wait_a_little(10 * CLOCK_MS);
    judge(rounds);
    for (size_t i = 0; i < count; i++)
        if (!all[i].ends && all[i].name[0] == 's' && i % 5 == 0)
            CHECK(alive(all[i].name) >= 1, "%s is alive", all[i].name);
    for (size_t i = 0; i < count; i++)
        remove_wanted(all[i].name);
    for (int i = 0; i < 6000 && alive("[a-z]*") > 0; i++)
        wait_a_little(10 * CLOCK_MS);
    if (alive("[a-z]*") > 0 &&
        system("ps -eo pid,ppid,stat,args | grep axle-test-outl | grep -v grep | sed 's/^/# /'") <
            0)
        printf("# they cannot be shown\n");
    CHECK_INT(alive("[a-z]*"), 0, "nothing is left running when nothing is wanted");
    kill(agent, SIGKILL);
    waitpid(agent, NULL, 0);
    close(up);
    reap(&agent);
    for (int i = 0; i < BYSTANDERS; i++)
        CHECK(bystanders[i] <= 0 || kill(bystanders[i], SIGKILL) == 0, "a bystander lives");
}

static bool has_own_maximum(void)
{
    struct utsname name;
    long major, minor;
    char *end;

    uname(&name);
    major = strtol(name.release, &end, 10);
    minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
    return major > 6 || (major == 6 && minor >= 14);
}

/* A plain user's pods have mounts if that user may make namespaces. */
static bool user_has_namespaces(void)
{
    int status = 1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* The first process of a small world of pids; without the right to make one,
   the same in this one. False: in a chroot, where nothing can be mounted and
   so no pod has the folder in which all of them write. */
static bool enter_small_world(void)
{
    int fd, status = 0;
    pid_t pid;

    if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
        return user_has_namespaces();
    pid = fork();
    if (pid > 0) {
        waitpid(pid, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
        return false;
    if (mount("proc", "/proc", "proc", 0, NULL) < 0)
        _exit(1);
    /* Kernels before 6.14 have one maximum for all namespaces: left alone. */
    fd = has_own_maximum() ? open("/proc/sys/kernel/pid_max", O_WRONLY | O_CLOEXEC) : -1;
    if (fd < 0 || write(fd, PIDS, strlen(PIDS)) < 0)
        printf("# pids are not few here\n");
    if (fd >= 0)
        close(fd);
    return true;
}

int main(int argc, char **argv)
{
    scoped_mem char *command = NULL;
    int failed;

    if (argc > 1 && !strcmp(argv[1], "shim"))
        return runtime_shim_main(argc - 1, argv + 1);
    if (argc > 2 && !strcmp(argv[1], "agent")) {
        memcpy(folder, argv[2], strlen(folder));
        return be_agent();
    }
    if (!mkdtemp(folder))
        return 1;
    if (enter_small_world())
        run(getenv("DEEP") ? KILLS_DEEP : KILLS);
    else
        CHECK_SKIP("nothing can be mounted here (a chroot)");
    command = mem_printf("rm -rf %s", folder);
    if (system(command))
        return 1;
    mem_free(&ups);
    mem_free(&all);
    failed = check_done();
    fflush(stdout);
    _exit(failed); /* a search for leaks is not possible as a first process */
}
