/* SPDX-License-Identifier: Apache-2.0 */
/* Giving claims to an fsGroup: what is changed, what is left, and what a walk cut short leaves. */

#include "base/mem.h"
#include "document/document.h"
#include "shim/shim.h"
#include "unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[] = "/tmp/axle-test-fs-group-XXXXXX";
static long stop_after;
static struct arena *arena; /* of all specs; what was given points into them */

static const char *path_of(const char *name)
{
    static char path[4096];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void make_file(const char *name, mode_t mode)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    CHECK(fd >= 0 && fchmod(fd, mode) == 0, "%s is made", name);
    close(fd);
}

static gid_t group_of(const char *name)
{
    struct stat st = {0};

    return lstat(path_of(name), &st) == 0 ? st.st_gid : (gid_t)-1;
}

static unsigned mode_of(const char *name)
{
    struct stat st = {0};

    return lstat(path_of(name), &st) == 0 ? st.st_mode & 07777 : 0;
}

static bool go_on(struct shim_gift *gift)
{
    return gift->seen <= stop_after;
}

static int give(const char *policy, unsigned group, long most, struct shim_gift *ret)
{
    char *text = arena_printf(
        arena,
        "{\"fsGroup\": %u, \"fsGroupPolicy\": \"%s\", \"containers\": [{\"mounts\": [{\"volume\": "
        "\"d\"}]}], "
        "\"volumes\": [{\"name\": \"d\", \"type\": \"claim\", \"source\": \"%s\"}]}",
        group, policy, folder);
    struct node *spec = document_read_json(arena, text, strlen(text), &document_limits_own, NULL);

    *ret = (struct shim_gift){.most = most, .go_on = stop_after ? go_on : NULL};
    return shim_give_claims(spec, node_get(spec, "volumes"), ret);
}

static void make_tree(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char name[2 * 256] = "";

    chmod(folder, 0755);
    mkdir(path_of("a"), 0700);
    mkdir(path_of("a/b"), 0700);
    make_file("a/b/file", 0600);
    make_file("run", 06755);
    CHECK(mkfifo(path_of("fifo"), 0600) == 0 &&
              mknod(path_of("device"), S_IFCHR | 0600, 0x103) == 0 &&
              symlink("/etc/shadow", path_of("link")) == 0,
          "special files");
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path_of("socket"));
    CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
              chmod(address.sun_path, 0600) == 0,
          "a socket");
    close(fd);
    memset(name, 'n', 255);
    make_file(name, 0600);
}

static void test_what_is_changed(void)
{
    struct shim_gift gift;
    char name[2 * 256] = "";
    struct stat st;

    memset(name, 'n', 255);
    CHECK(give("Always", 4242, 0, &gift) == 0 && !gift.failed, "all can be given");
    CHECK(group_of("a/b/file") == 4242 && mode_of("a/b/file") == 0660, "a file: %o",
          mode_of("a/b/file"));
    CHECK(group_of("a/b") == 4242 && mode_of("a/b") == 02770, "a folder: %o", mode_of("a/b"));
    CHECK(mode_of("run") == 0775, "a program runs as nobody else any more: %o", mode_of("run"));
    CHECK(group_of("fifo") == 4242 && mode_of("fifo") == 0660,
          "a FIFO, without waiting for its other end");
    CHECK(group_of("socket") == 4242 && mode_of("socket") == 0660, "a socket");
    CHECK(group_of("link") == 4242 && stat("/etc/shadow", &st) == 0 && st.st_gid != 4242,
          "a link, and not its target");
    CHECK(group_of("device") == 0 && mode_of("device") == 0600, "a device is left alone");
    CHECK(group_of(name) == 4242, "a name of 255 bytes");
}

/* As in Kubernetes: the top folder says "all is right" only when all is. */
static void test_cut_short(void)
{
    struct shim_gift gift;

    stop_after = 2;
    CHECK(give("OnRootMismatch", 4243, 0, &gift) < 0 && errno == ECANCELED, "a walk is cut short");
    CHECK(group_of("") != 4243, "the top folder does not say that it is over");
    stop_after = 0;
    CHECK(give("OnRootMismatch", 4243, 0, &gift) == 0, "the next one");
    CHECK(group_of("") == 4243 && group_of("a/b/file") == 4243 && group_of("run") == 4243,
          "gives the rest");
    CHECK(chown(path_of("run"), 0, 0) == 0, "as if somebody changed it");
    CHECK(give("OnRootMismatch", 4243, 0, &gift) == 0 && group_of("run") == 0,
          "then nothing is looked at");
    CHECK(give("Always", 4243, 0, &gift) == 0 && group_of("run") == 4243, "but for Always");
    CHECK(give("Always", 4243, 3, &gift) < 0 && errno == E2BIG, "more than may be given at once");
}

/* One entry that refuses keeps no pod from its start. */
static void test_what_is_left(void)
{
    struct shim_gift gift;
    char words[400];
    scoped_text struct text deep = {0};

    text_add(&deep, "deep");
    for (int i = 0; i < 260; i++) {
        mkdir(path_of(text_string(&deep)), 0700);
        text_add(&deep, "/d");
    }
    CHECK(give("Always", 4244, 0, &gift) == 0, "a tree that is too deep");
    CHECK_INT((int)gift.failed, 1, "is left from there on");
    shim_explain_gift(&gift, words, sizeof words);
    CHECK(strstr(words, "more than 200 folders deep") && strstr(words, "fsGroup 4244"),
          "in words: %s", words);
    CHECK(group_of("deep/d/d/d") == 4244 && group_of("a/b/file") == 4244, "the rest is given");
    mkdir(path_of("mounted"), 0700);
    make_file("elsewhere", 0600);
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
        mount("/etc", path_of("mounted"), NULL, MS_BIND, NULL) < 0) {
        CHECK_SKIP("nothing may be mounted here");
        return;
    }
    CHECK(give("Always", 4245, 0, &gift) == 0 && gift.failed == 2, "what is mounted in a claim");
    CHECK(group_of("mounted/passwd") != 4245 && group_of("mounted") != 4245, "is left alone");
    umount2(path_of("mounted"), MNT_DETACH);
}

int main(void)
{
    scoped_mem char *command = NULL;

    if (geteuid() != 0) {
        CHECK_SKIP("needs root");
        return check_done();
    }
    if (!mkdtemp(folder))
        return 1;
    arena = arena_new();
    make_tree();
    test_what_is_changed();
    test_cut_short();
    test_what_is_left();
    arena_free(&arena);
    command = mem_printf("rm -rf %s", folder);
    return system(command) ? 1 : check_done();
}
