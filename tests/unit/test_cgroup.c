/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of version 2: limits written to a tree of files, processes held in a real one. */

#include "base/mem.h"
#include "base/text.h"
#include "cgroup/cgroup.h"
#include "unit/check.h"
#include "unit/descriptors.h"

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

/* ---- Version 1, made of plain files ----------------------------------------------------- */

static struct cgroup_base base_v1(void)
{
    struct cgroup_base base = {.kind = CGROUP_V1};

    snprintf(base.memory, sizeof base.memory, "%s/v1/memory", folder);
    snprintf(base.cpu, sizeof base.cpu, "%s/v1/cpu", folder);
    snprintf(base.pids, sizeof base.pids, "%s/v1/pids", folder);
    snprintf(base.freezer, sizeof base.freezer, "%s/v1/freezer", folder);
    return base;
}

static void make_v1_group(const char *group)
{
    static const struct {
        const char *controller, *file;
    } files[] = {
        {"memory", "memory.limit_in_bytes"},
        {"memory", "memory.memsw.limit_in_bytes"},
        {"memory", "cgroup.procs"},
        {"cpu", "cpu.cfs_quota_us"},
        {"cpu", "cgroup.procs"},
        {"pids", "pids.max"},
        {"pids", "cgroup.procs"},
        {"freezer", "cgroup.procs"},
        {"freezer", "freezer.state"},
    };

    make("v1");
    for (size_t i = 0; i < count_of(files); i++) {
        scoped_mem char *top = mem_printf("v1/%s", files[i].controller);
        scoped_mem char *own = mem_printf("%s/%s", top, group);
        scoped_mem char *path = mem_printf("%s/%s", own, files[i].file);

        make(top);
        make(own);
        put(path, "");
    }
}

/* Which of the four doors are open, as letters; closes them. */
static const char *doors_of(int procs[4])
{
    static char found[5];
    size_t count = 0;

    for (int i = 0; i < 4; i++)
        if (procs[i] >= 0) {
            found[count++] = "mcpf"[i];
            close(procs[i]);
        }
    found[count] = '\0';
    return found;
}

static void test_limits_of_version_1(void)
{
    struct cgroup_base base = base_v1();
    struct cgroup_limits limits = {.memory = 64 << 20, .cpu = 250, .pids = 12, .freezer = true};
    scoped_text struct text problems = {0};
    int procs[4] = {0};

    make_v1_group("chat_main");
    CHECK(cgroup_make(&base, "chat", "main", &limits, procs, &problems), "groups are made");
    CHECK_TEXT(doors_of(procs), "mcpf", "with a door each");
    CHECK_TEXT(text_string(&problems), "", "without problems");
    CHECK_TEXT(get("v1/memory/chat_main/memory.limit_in_bytes"), "67108864", "memory is limited");
    CHECK_TEXT(get("v1/memory/chat_main/memory.memsw.limit_in_bytes"), "67108864",
               "swap is counted as memory");
    CHECK_TEXT(get("v1/cpu/chat_main/cpu.cfs_quota_us"), "25000", "a quarter of a core");
    CHECK_TEXT(get("v1/pids/chat_main/pids.max"), "12", "twelve processes");
    CHECK_INT(cgroup_open(&base, "chat", "main"), -1, "nothing can be born in one");
}

/* Joining costs on every start, so only what limits something is joined. */
static void test_version_1_joins_what_it_needs(void)
{
    static const struct {
        struct cgroup_limits limits;
        const char *doors, *name;
        bool made;
    } cases[] = {
        {{.memory = 1 << 20}, "m", "memory alone", true},
        {{.cpu = 100}, "c", "processor alone, which holds nobody", false},
        {{.pids = 5}, "p", "processes alone", true},
        {{.freezer = true}, "f", "freezer alone, which holds nobody", false},
        {{0}, "", "nothing", false},
    };
    struct cgroup_base base = base_v1();
    int procs[4];

    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_text struct text problems = {0};

        make_v1_group("needs_main");
        CHECK(cgroup_make(&base, "needs", "main", &cases[i].limits, procs, &problems) ==
                  cases[i].made,
              "%s", cases[i].name);
        CHECK_TEXT(doors_of(procs), cases[i].doors, "%s: what is joined", cases[i].name);
        CHECK_TEXT(text_string(&problems), "", "%s: no problem", cases[i].name);
    }
}

static void test_what_version_1_lacks(void)
{
    struct cgroup_limits limits = {.memory = 1 << 20, .cpu = 100, .pids = 5, .freezer = true};
    struct cgroup_base base = base_v1(), none = base_v1();
    scoped_text struct text problems = {0};
    int procs[4];

    none.kind = CGROUP_NONE;
    make("v1/memory/lacks_main");
    put("v1/memory/lacks_main/cgroup.procs", "");
    base.cpu[0] = '\0';
    snprintf(base.pids, sizeof base.pids, "%s/no-such-folder", folder);
    CHECK(cgroup_make(&base, "lacks", "main", &limits, procs, &problems), "what is there is used");
    CHECK_TEXT(doors_of(procs), "m", "and nothing else");
    CHECK_TEXT(text_string(&problems), "memory.limit_in_bytes: No such file or directory; ",
               "a limit that cannot be set is said");
    CHECK(!cgroup_make(&none, "lacks", "main", &limits, procs, &problems), "without groups");
    CHECK_TEXT(doors_of(procs), "", "there is no door");
}

static void test_version_2_lacks(void)
{
    struct cgroup_base base = {.kind = CGROUP_V2}, elsewhere = {.kind = CGROUP_V2};
    struct cgroup_limits limits = {.cpu = 100, .pids = 5}, none = {0};
    scoped_mem char *full = mem_printf("%s/pods/full_main/pids.max", folder);
    scoped_text struct text problems = {0};
    int procs[4], group;

    snprintf(base.unified, sizeof base.unified, "%s/pods", folder);
    make_group("pods/few_main", false);
    CHECK(cgroup_make(&base, "few", "main", &limits, procs, &problems), "it runs all the same");
    CHECK_TEXT(doors_of(procs), "m", "in its group");
    CHECK_TEXT(text_string(&problems),
               "cpu.max: No such file or directory; pids.max: No such file or directory; ",
               "each missing limit is said");
    make_group("pods/free_main", true);
    CHECK(cgroup_make(&base, "free", "main", &none, procs, &problems), "one without limits");
    doors_of(procs);
    CHECK_TEXT(get("pods/free_main/memory.max"), "", "has none of memory");
    CHECK_TEXT(get("pods/free_main/memory.swap.max"), "", "none of swap");
    CHECK_TEXT(get("pods/free_main/cpu.max"), "", "none of the processor");
    CHECK_TEXT(get("pods/free_main/pids.max"), "", "none of processes");
    make("pods/full_main");
    put("pods/full_main/cgroup.procs", "");
    CHECK_INT(symlink("/dev/full", full), 0, "a file that takes nothing");
    text_cut(&problems, 0);
    CHECK(cgroup_make(&base, "full", "main", &limits, procs, &problems), "runs as well");
    doors_of(procs);
    CHECK(strstr(text_string(&problems), "pids.max: No space left on device; "),
          "a limit that the kernel does not take is said: %s", text_string(&problems));
    make("pods/shut_main");
    CHECK(!cgroup_make(&base, "shut", "main", &none, procs, &problems), "without a door");
    snprintf(elsewhere.unified, sizeof elsewhere.unified, "%s/no-such-folder", folder);
    CHECK(!cgroup_make(&elsewhere, "few", "main", &none, procs, &problems), "without a folder");
    group = cgroup_open(&base, "free", "main");
    CHECK(group >= 0, "a group can be opened");
    close(group);
    CHECK_INT(cgroup_open(&base, "none", "main"), -1, "one that is not there cannot");
}

static void test_kills_are_counted(void)
{
    struct cgroup_base one = base_v1(), two = {.kind = CGROUP_V2}, none = base_v1();

    make_v1_group("oom_main");
    put("v1/memory/oom_main/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
    CHECK_INT((int)cgroup_oom_kills(&one, "oom", "main"), 3, "version 1 counts kills for memory");
    CHECK_INT((int)cgroup_oom_kills(&one, "other", "main"), 0, "of each group");
    none.kind = CGROUP_NONE;
    CHECK_INT((int)cgroup_oom_kills(&none, "oom", "main"), 0, "without groups there are none");
    one.memory[0] = '\0';
    CHECK_INT((int)cgroup_oom_kills(&one, "oom", "main"), 0, "nor without that controller");
    snprintf(two.unified, sizeof two.unified, "%s/pods", folder);
    make_group("pods/calm_main", true);
    put("pods/calm_main/memory.events", "low 0\nhigh 0\nmax 0\noom 0\n");
    CHECK_INT((int)cgroup_oom_kills(&two, "calm", "main"), 0, "nor where the kernel counts none");
}

static pid_t start_sleeper(void)
{
    pid_t pid = fork();

    if (pid == 0)
        for (;;)
            pause();
    return pid;
}

/* Whether it was killed; ends it otherwise. */
static bool was_killed(pid_t pid)
{
    int status = 0;

    for (int i = 0; i < 100 && waitpid(pid, &status, WNOHANG) == 0; i++)
        usleep(1000);
    if (kill(pid, 0) < 0)
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    kill(pid, SIGTERM);
    waitpid(pid, &status, 0);
    return false;
}

static void list_process(const char *file, pid_t pid)
{
    scoped_mem char *list = mem_printf("%d\n%d\n", getpid(), pid);

    put(file, list);
}

static void test_all_are_killed(void)
{
    struct cgroup_base base = base_v1(), two = {.kind = CGROUP_V2};
    scoped_mem char *state = mem_printf("%s/v1/freezer/kill_main/freezer.state", folder);
    pid_t pid = start_sleeper();
    char bytes[32] = "";
    int fifo;

    make_v1_group("kill_main");
    unlink(state);
    mkfifo(state, 0600);
    fifo = open(state, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    list_process("v1/freezer/kill_main/cgroup.procs", pid);
    cgroup_kill(&base, "kill", "main");
    CHECK(was_killed(pid), "what the freezer holds is killed, and not this process");
    CHECK(read(fifo, bytes, sizeof bytes - 1) == 12, "it was told twice");
    CHECK_TEXT(bytes, "FROZENTHAWED", "to stop, and to go on afterwards");
    pid = start_sleeper();
    base.freezer[0] = '\0';
    list_process("v1/pids/kill_main/cgroup.procs", pid);
    cgroup_kill(&base, "kill", "main");
    CHECK(was_killed(pid), "without a freezer, what the group of processes holds");
    CHECK(read(fifo, bytes, sizeof bytes - 1) < 0, "and no freezer is told");
    close(fifo);
    pid = start_sleeper();
    base.pids[0] = '\0';
    list_process("v1/memory/kill_main/cgroup.procs", pid);
    cgroup_kill(&base, "kill", "main");
    CHECK(was_killed(pid), "without that, what the group of memory holds");
    pid = start_sleeper();
    list_process("v1/memory/kill_main/cgroup.procs", pid);
    base.kind = CGROUP_NONE;
    cgroup_kill(&base, "kill", "main");
    CHECK(!was_killed(pid), "without groups nothing");
    snprintf(two.unified, sizeof two.unified, "%s/pods", folder);
    make_group("pods/kill_main", false);
    pid = start_sleeper();
    list_process("pods/kill_main/cgroup.procs", pid);
    cgroup_kill(&two, "kill", "main");
    CHECK(was_killed(pid), "a kernel of version 2 that cannot kill a group: each of it");
    pid = start_sleeper();
    list_process("pods/kill_main/cgroup.procs", pid);
    put("pods/kill_main/cgroup.kill", "");
    cgroup_kill(&two, "kill", "main");
    CHECK(!was_killed(pid), "one that can does it itself");
    CHECK_TEXT(get("pods/kill_main/cgroup.kill"), "1", "when it is told");
}

static void test_lists_are_read(void)
{
    pid_t pids[3] = {start_sleeper(), start_sleeper(), start_sleeper()};
    scoped_mem char *list =
        mem_printf(" x%d\n\n%d, y %d", (int)pids[0], (int)pids[1], (int)pids[2]);

    cgroup_kill_listed(list);
    CHECK(was_killed(pids[0]) && was_killed(pids[1]) && was_killed(pids[2]),
          "each number of a list is killed, whatever stands between");
    cgroup_kill_listed(NULL);
    cgroup_kill_listed("");
    CHECK(getpid() > 0, "no list is no harm");
}

static bool is_there(const char *name)
{
    scoped_mem char *path = mem_printf("%s/%s", folder, name);

    return access(path, F_OK) == 0;
}

static void test_groups_are_removed(void)
{
    static const char *const places[] = {"pods/gone_main", "v1/memory/gone_main",
                                         "v1/cpu/gone_main", "v1/pids/gone_main",
                                         "v1/freezer/gone_main"};
    struct cgroup_base base = base_v1();

    snprintf(base.unified, sizeof base.unified, "%s/pods", folder);
    for (size_t i = 0; i < count_of(places); i++)
        make(places[i]);
    make("v1/cpu/gone_other");
    cgroup_remove(&base, "gone", "main");
    for (size_t i = 0; i < count_of(places); i++)
        CHECK(!is_there(places[i]), "%s is removed", places[i]);
    CHECK(is_there("v1/cpu/gone_other"), "another container's is not");
    base.memory[0] = '\0';
    make("v1/cpu/gone_main");
    cgroup_remove(&base, "gone", "main");
    CHECK(!is_there("v1/cpu/gone_main"), "what is missing does not keep the others");
}

static void test_spares(void)
{
    struct cgroup_base base = base_v1(), two = base_v1(), none = base_v1();
    scoped_mem char *spare = mem_printf("v1/pids/spare.%d", getpid());
    scoped_mem char *door = mem_printf("%s/cgroup.procs", spare);
    scoped_mem char *door_path = mem_printf("%s/%s", folder, door);

    two.kind = CGROUP_V2;
    none.pids[0] = '\0';
    make_v1_group("first_main");
    CHECK(!cgroup_nest(&base), "a spare's group without a door is none");
    put(door, "");
    CHECK(!cgroup_nest(&two), "version 2 needs none");
    CHECK(!cgroup_nest(&none), "nor a machine that does not count processes");
    CHECK(cgroup_nest(&base), "a spare waits in a group of its own");
    CHECK_TEXT(get(door), "0", "which it joins");
    CHECK(cgroup_move_in(&base, "pod", "one"), "the group becomes a container's");
    CHECK(is_there("v1/pids/pod_one/cgroup.procs") && !is_there(spare), "with what is in it");
    CHECK(!cgroup_move_in(&base, "pod", "two"), "once");
    make(spare);
    cgroup_leave(&base);
    CHECK(is_there(spare), "a spare that cannot leave its group does not remove it");
    put("v1/pids/cgroup.procs", "");
    cgroup_leave(&base);
    CHECK_TEXT(get("v1/pids/cgroup.procs"), "0", "one that can goes up");
    CHECK(!is_there(spare), "and removes it");
    make("v1/pids/spare.1");
    make("v1/pids/spare.2");
    make("v1/pids/held.1");
    unlink(door_path);
    cgroup_sweep(&two);
    cgroup_sweep(&none);
    CHECK(is_there("v1/pids/spare.1"), "other machines have no spares' groups to sweep");
    cgroup_sweep(&base);
    CHECK(!is_there("v1/pids/spare.1") && !is_there("v1/pids/spare.2"), "those of the dead go");
    CHECK(is_there("v1/pids/held.1"), "others stay");
}

/* ---- Where this process may make groups, on machines made of files -------------------------- */

/* What /proc/self/cgroup says. */
static void be_in(const char *lines)
{
    scoped_mem char *own = mem_printf("%s/own", folder);
    static bool mounted;

    put("own", lines);
    if (!mounted && mount(own, "/proc/self/cgroup", NULL, MS_BIND, NULL) < 0)
        printf("Bail out! /proc/self/cgroup\n");
    mounted = true;
}

/* A machine without any group; false: none can be made here. */
static bool be_on_new_machine(void)
{
    static bool mounted;

    if (mounted)
        umount2("/sys/fs/cgroup", MNT_DETACH);
    mounted = mount("none", "/sys/fs/cgroup", "tmpfs", 0, NULL) == 0;
    return mounted;
}

static void put_in(const char *path, const char *text)
{
    scoped_mem char *back = mem_printf("../../sys/fs/cgroup/%s", path);

    put(back, text);
}

static const char *get_in(const char *path)
{
    scoped_mem char *back = mem_printf("../../sys/fs/cgroup/%s", path);

    return get(back);
}

static void make_in(const char *path)
{
    scoped_mem char *back = mem_printf("../../sys/fs/cgroup/%s", path);

    make(back);
}

static void make_delegated(const char *group)
{
    static const char *const parts[] = {"", "/axle", "/axle-agent"};
    static const char *const files[] = {"cgroup.procs", "cgroup.subtree_control", "cgroup.type"};

    for (size_t i = 0; i < count_of(parts); i++) {
        scoped_mem char *part = mem_printf("%s%s", group, parts[i]);

        make_in(part);
        for (size_t k = 0; k < count_of(files); k++) {
            scoped_mem char *path = mem_printf("%s/%s", part, files[k]);

            put_in(path, "");
        }
    }
}

static void check_no_groups(void)
{
    struct cgroup_base base;

    be_in("0::/\n");
    cgroup_find(&base);
    CHECK_INT(base.kind, CGROUP_NONE, "a machine without groups");
    CHECK_TEXT(base.note, "no cgroup may be made here: limits are not enforced", "says so");
    CHECK_TEXT(cgroup_kind_name(base.kind), "none", "in the facts too");
    cgroup_find_below(&base, "/axle.slice");
    CHECK_TEXT(base.note, "no cgroup may be made here: limits are not enforced",
               "and that is why there is none below another unit's");
}

static void check_version_2(void)
{
    struct cgroup_base base;

    put_in("cgroup.controllers", "");
    be_in("1:name=systemd:/other\n0::/app.slice\n");
    make_delegated("app.slice");
    cgroup_find(&base);
    CHECK_INT(base.kind, CGROUP_V2, "a machine with version 2");
    CHECK_TEXT(base.unified, "/sys/fs/cgroup/app.slice/axle", "pods go beside the agent");
    CHECK(base.limits[CGROUP_MEMORY] && base.limits[CGROUP_CPU] && base.limits[CGROUP_PIDS],
          "with all limits");
    CHECK_TEXT(base.note, "", "and nothing to say");
    CHECK_TEXT(cgroup_kind_name(base.kind), "v2", "named so");
    CHECK_TEXT(get_in("app.slice/axle/cgroup.subtree_control"), "+pidsry",
               "controllers go down to the pods");
    be_in("0::/foreign.slice\n");
    cgroup_find(&base);
    CHECK_INT(base.kind, CGROUP_NONE, "a group that is not delegated");
    CHECK_TEXT(base.note,
               "cgroup v2, but /sys/fs/cgroup/foreign.slice is not delegated to this user",
               "says which");
    be_in("0::/\n");
    cgroup_find(&base);
    CHECK_TEXT(base.unified, "/sys/fs/cgroup/axle", "the machine's root keeps its processes");
    CHECK(!base.limits[CGROUP_MEMORY] && !base.limits[CGROUP_CPU], "what is not there is no limit");
}

static void check_below_version_2(void)
{
    struct cgroup_base base;

    be_in("0::/app.slice\n");
    make_delegated("pods.slice");
    cgroup_find_below(&base, "/pods.slice");
    CHECK_TEXT(base.unified, "/sys/fs/cgroup/pods.slice/axle", "pods go below another unit's");
    CHECK_TEXT(base.shims[0], "/sys/fs/cgroup/pods.slice/axle-agent", "and shims beside them");
    CHECK(base.kind == CGROUP_V2 && base.limits[CGROUP_CPU], "with limits");
    CHECK_TEXT(get_in("pods.slice/cgroup.subtree_control"), "+pidsry",
               "controllers are handed down there");
    cgroup_find_below(&base, "/gone.slice");
    CHECK_TEXT(base.unified, "/sys/fs/cgroup/app.slice/axle", "one that is not there is not used");
    CHECK_TEXT(
        base.note,
        "cgroup-parent /gone.slice does not exist or belongs to another user: pods run in the "
        "agent's group",
        "which is said");
    CHECK_TEXT(base.shims[0], "", "shims stay where they are");
    put_in("file.slice", "");
    cgroup_find_below(&base, "/file.slice");
    CHECK_TEXT(base.unified, "/sys/fs/cgroup/app.slice/axle", "nor what is no group");
    cgroup_find_below(&base, "");
    CHECK_TEXT(base.note, "", "without a name there is nothing to say");
    cgroup_find_below(&base, NULL);
    CHECK_TEXT(base.note, "", "whichever way it has none");
}

static void check_leaving_control(void)
{
    make_delegated("control.slice");
    be_in("0::/control.slice/abcdefgh\n"); /* as long as "/.control" */
    cgroup_leave_control();
    CHECK_TEXT(get_in("control.slice/axle-agent/cgroup.procs"), "",
               "a process elsewhere stays where it is");
    be_in("0::/control.slice/.control\n");
    cgroup_leave_control();
    CHECK_TEXT(get_in("control.slice/axle-agent/cgroup.procs"), "0",
               "the holder goes to where shims are");
}

static void check_version_1(void)
{
    static const char *const folders[] = {
        "memory",    "memory/a", "memory/a/b", "cpu",     "cpu/axle",           "pids",
        "pids/axle", "freezer",  "systemd",    "unified", "systemd/pods.slice", "memory/a/c"};
    struct cgroup_base base;

    for (size_t i = 0; i < count_of(folders); i++)
        make_in(folders[i]);
    be_in("9:cpuset:/\n8:cpu,cpuacct:/\n7:pids:/\n4:memory:/a/b\nx\n3:freezer:/\n0::/z\n");
    cgroup_find(&base);
    CHECK_INT(base.kind, CGROUP_V1, "a machine with version 1");
    CHECK_TEXT(cgroup_kind_name(base.kind), "v1", "named so");
    CHECK_TEXT(base.memory, "/sys/fs/cgroup/memory/a/b/axle", "memory below the agent's group");
    CHECK_TEXT(base.cpu, "/sys/fs/cgroup/cpu/axle", "the processor by one of two names");
    CHECK_TEXT(base.pids, "/sys/fs/cgroup/pids/axle", "processes at the root");
    CHECK_TEXT(base.freezer, "/sys/fs/cgroup/freezer/axle", "and the freezer");
    CHECK(base.limits[CGROUP_MEMORY] && base.limits[CGROUP_PIDS], "limits are enforced");
    CHECK(!base.limits[CGROUP_CPU], "but for the processor, which this kernel does not ration");
    CHECK_TEXT(base.note, "", "there is nothing to say");
    put_in("cpu/axle/cpu.cfs_quota_us", "");
    be_in("8:cpu,cpuacct:/\n7:pids:/\n");
    cgroup_find(&base);
    CHECK(base.kind == CGROUP_V1 && base.limits[CGROUP_CPU] && !base.limits[CGROUP_MEMORY],
          "another one rations it, and has no memory controller");
    be_in("8:cpu,cpuacct:/\n4:memory:/a/c\n");
    cgroup_find(&base);
    CHECK(base.kind == CGROUP_V1 && !base.limits[CGROUP_PIDS], "memory alone will do");
    be_in("8:cpu,cpuacct:/\n4:memory:/none\n7:pids:/none\n");
    cgroup_find(&base);
    CHECK_INT(base.kind, CGROUP_NONE, "the processor alone will not");
    CHECK_TEXT(base.memory, "", "what cannot be made is left out");
}

static void check_below_version_1(void)
{
    struct cgroup_base base;

    be_in("8:cpu,cpuacct:/\n7:pids:/\n4:memory:/a/b\n");
    cgroup_find_below(&base, "/pods.slice");
    CHECK_TEXT(base.shims[0], "/sys/fs/cgroup/systemd/pods.slice",
               "shims go where the service manager tells processes apart");
    CHECK_TEXT(base.shims[1], "", "in each such hierarchy that has the group");
    CHECK_TEXT(base.memory, "/sys/fs/cgroup/memory/a/b/axle", "limits stay below the agent");
    CHECK_TEXT(base.note, "", "and there is nothing to say");
    make_in("unified/both.slice");
    cgroup_find_below(&base, "/both.slice");
    CHECK_TEXT(base.shims[0], "", "the second hierarchy");
    CHECK_TEXT(base.shims[1], "/sys/fs/cgroup/unified/both.slice", "counts as well");
    cgroup_find_below(&base, "/gone.slice");
    CHECK_TEXT(
        base.note,
        "cgroup-parent /gone.slice does not exist or belongs to another user: pods run in the "
        "agent's group",
        "none at all is said");
}

static void test_joins_what_is_listed(void)
{
    scoped_mem char *list =
        mem_printf(":%s/join-a::%s/join-b:%s/join-none:", folder, folder, folder);

    make_group("join-a", false);
    make_group("join-b", false);
    unsetenv(CGROUP_JOIN);
    cgroup_join_listed();
    CHECK_TEXT(get("join-a/cgroup.procs"), "", "without a list nothing is joined");
    setenv(CGROUP_JOIN, list, 1);
    cgroup_join_listed();
    CHECK_TEXT(get("join-a/cgroup.procs"), "0", "each group of a list is joined");
    CHECK_TEXT(get("join-b/cgroup.procs"), "0", "whatever stands between");
}

static void test_machines(void)
{
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
        !be_on_new_machine()) {
        CHECK_SKIP("no file system may be mounted here, so no other machine can be shown");
        return;
    }
    check_no_groups();
    check_version_2();
    check_below_version_2();
    check_leaving_control();
    be_on_new_machine();
    check_version_1();
    check_below_version_1();
}

int main(void)
{
    scoped_mem char *command = NULL;
    size_t before = count_descriptors();

    if (!mkdtemp(folder))
        return 1;
    test_limits_are_written();
    test_what_is_missing_is_said();
    test_a_place_is_found();
    test_limits_of_version_1();
    test_version_1_joins_what_it_needs();
    test_what_version_1_lacks();
    test_version_2_lacks();
    test_kills_are_counted();
    test_all_are_killed();
    test_lists_are_read();
    test_groups_are_removed();
    test_spares();
    test_joins_what_is_listed();
    test_real_group();
    test_machines();
    CHECK_INT((int)count_descriptors(), (int)before, "no file was left open");
    command = mem_printf("rm -rf %s", folder);
    return system(command) ? 1 : check_done();
}
