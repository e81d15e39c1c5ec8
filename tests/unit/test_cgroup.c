/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of version 2: limits written to a tree of files, processes held in a real one. */

#include "base/mem.h"
#include "base/text.h"
#include "cgroup/cgroup.h"
#include "unit/check.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/axle-test-cgroup-XXXXXX";

static void put(const char *name, const char *text)
{
    scoped_mem char *path = mem_printf("%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        printf("Bail out! %s\n", path);
    close(fd);
}

static const char *get(const char *name)
{
    static char bytes[256];
    scoped_mem char *path = mem_printf("%s/%s", folder, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, bytes, sizeof bytes - 1);

    bytes[got > 0 ? got : 0] = '\0';
    if (fd >= 0)
        close(fd);
    return bytes;
}

static void make(const char *name)
{
    scoped_mem char *path = mem_printf("%s/%s", folder, name);

    mkdir(path, 0755);
}

/* What the kernel makes in each group; here they are plain files. */
static void make_group(const char *name, bool limited)
{
    static const char *const files[] = {
        "cgroup.procs",    "cgroup.subtree_control", "cgroup.type", "memory.max",
        "memory.swap.max", "memory.oom.group",       "cpu.max",     "pids.max"};

    make(name);
    for (size_t i = 0; i < (limited ? count_of(files) : 3); i++) {
        scoped_mem char *path = mem_printf("%s/%s", name, files[i]);

        put(path, "");
    }
}

static void test_limits_are_written(void)
{
    struct cgroup_base base = {.kind = CGROUP_V2};
    struct cgroup_limits limits = {.memory = 64 << 20, .cpu = 250, .pids = 12};
    scoped_text struct text problems = {0};
    int procs[4];

    snprintf(base.unified, sizeof base.unified, "%s/pods", folder);
    make("pods");
    make_group("pods/chat_main", true);
    CHECK(cgroup_make(&base, "chat", "main", &limits, procs, &problems), "a group is made");
    CHECK(procs[0] >= 0 && procs[1] < 0, "with one door");
    CHECK_TEXT(text_string(&problems), "", "without problems");
    close(procs[0]);
    CHECK_TEXT(get("pods/chat_main/memory.max"), "67108864", "memory is limited");
    CHECK_TEXT(get("pods/chat_main/memory.swap.max"), "0", "and does not flee to swap");
    CHECK_TEXT(get("pods/chat_main/memory.oom.group"), "",
               "what a child ends of is not the end of all");
    CHECK_TEXT(get("pods/chat_main/cpu.max"), "25000 100000", "a quarter of a core");
    CHECK_TEXT(get("pods/chat_main/pids.max"), "12", "and twelve processes");
    put("pods/chat_main/memory.events", "low 0\nhigh 0\nmax 31\noom 2\noom_kill 2\n");
    CHECK_INT((int)cgroup_oom_kills(&base, "chat", "main"), 2, "kills for memory are counted");
}

static void test_what_is_missing_is_said(void)
{
    struct cgroup_base base = {.kind = CGROUP_V2};
    struct cgroup_limits limits = {.memory = 1 << 20};
    scoped_text struct text problems = {0};
    int procs[4];

    snprintf(base.unified, sizeof base.unified, "%s/pods", folder);
    make_group("pods/bare_main", false);
    CHECK(cgroup_make(&base, "bare", "main", &limits, procs, &problems), "it runs all the same");
    close(procs[0]);
    CHECK(text_starts(text_string(&problems), "memory.max: "), "but says what is not limited: %s",
          text_string(&problems));
}

static void test_a_place_is_found(void)
{
    struct cgroup_base base = {0};

    make_group("app.slice", false);
    make_group("app.slice/axle-agent", false);
    make_group("app.slice/axle", false);
    CHECK(cgroup_find_v2(&base, folder, "/app.slice"), "a delegated group is used");
    CHECK_TEXT(get("app.slice/axle-agent/cgroup.procs"), "0", "we move to a leaf beside the pods");
    CHECK(text_ends(base.unified, "/app.slice/axle"), "which go to %s", base.unified);
    CHECK(base.limits[CGROUP_MEMORY] && base.limits[CGROUP_PIDS], "controllers are handed down");
    CHECK(cgroup_find_v2(&base, folder, "/app.slice/axle-agent"), "an agent that comes again");
    CHECK(text_ends(base.unified, "/app.slice/axle"), "finds the same place");
    CHECK(!cgroup_find_v2(&base, folder, "/none"), "where there is none");
    CHECK(strstr(base.note, "not delegated"), "it says why: %s", base.note);
}

static pid_t born_in(int group)
{
    struct clone_args args = {
        .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)group};
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);

    if (pid == 0)
        for (;;)
            pause();
    return pid;
}

/* The kernel's own version 2, wherever it may be mounted; controllers or not. */
static void test_real_group(void)
{
    scoped_mem char *own = mem_printf("/axle-test-%d", getpid());
    scoped_mem char *root = mem_printf("%s/real", folder), *mine = mem_printf("%s%s", root, own);
    scoped_mem char *platform = mem_printf("%s/cgroup.procs", root), *list = NULL;
    struct cgroup_base base = {0};
    struct cgroup_limits limits = {0};
    scoped_text struct text problems = {0};
    int procs[4], group, fd, status = 0;
    pid_t pid;

    make("real");
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
        mount("none", root, "cgroup2", 0, NULL) < 0 || mkdir(mine, 0755) < 0) {
        CHECK_SKIP("no cgroup2 may be mounted here");
        return;
    }
    CHECK(cgroup_find_v2(&base, root, own), "a real group is used: %s", base.note);
    CHECK(cgroup_make(&base, "chat", "main", &limits, procs, &problems), "one for a container");
    group = cgroup_open(&base, "chat", "main");
    pid = born_in(group);
    CHECK(pid > 0, "a child is born in it");
    list = mem_printf("%s/chat_main/cgroup.procs", base.unified);
    fd = open(list, O_RDONLY | O_CLOEXEC);
    char bytes[32] = "";
    CHECK(read(fd, bytes, sizeof bytes - 1) > 0 && strtol(bytes, NULL, 10) == pid,
          "and is in its list");
    close(fd);
    cgroup_kill(&base, "chat", "main");
    CHECK(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGKILL, "all in it are killed");
    cgroup_remove(&base, "chat", "main");
    CHECK(access(list, F_OK) != 0, "and it can be removed");
    close(group);
    close(procs[0]);
    fd = open(platform, O_WRONLY | O_CLOEXEC);
    CHECK(write(fd, "0", 1) == 1, "we leave");
    close(fd);
    scoped_mem char *leaf = mem_printf("%s/axle-agent", mine);

    CHECK(rmdir(base.unified) == 0 && rmdir(leaf) == 0 && rmdir(mine) == 0, "nothing is left");
    umount2(root, MNT_DETACH);
}

int main(void)
{
    scoped_mem char *command = NULL;

    if (!mkdtemp(folder))
        return 1;
    test_limits_are_written();
    test_what_is_missing_is_said();
    test_a_place_is_found();
    test_real_group();
    command = mem_printf("rm -rf %s", folder);
    return system(command) ? 1 : check_done();
}
