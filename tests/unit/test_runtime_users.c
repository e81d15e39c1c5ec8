/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of namespaces: one each, never another's, kept over restarts and losses. */

#include "check.h"

#include "base/text.h"
#include "base/beneath.h"
#include "runtime/users.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/axle-test-users-XXXXXX";
static const struct runtime_range few = {700000, 700007};

static uint32_t give_user(struct users *users, const char *owner)
{
    uint32_t id = 0;
    struct err err = {0};

    return users_take(users, owner, &id, &err) < 0 ? 0 : id;
}

/* Eight namespaces and eight ids: whatever their hashes are, nobody shares one. */
static void test_no_two_share(void)
{
    struct err err = {0};
    struct users *users = users_open(folder, few);
    uint32_t first[8], seen = 0;

    for (int i = 0; i < 8; i++) {
        scoped_mem char *owner = mem_printf("space-%d", i);

        first[i] = give_user(users, owner);
        seen |= 1u << (first[i] - few.first);
    }
    CHECK_INT(seen, 0xff, "each namespace has a user of its own");
    CHECK_INT(give_user(users, "one-more"), 0, "and when there are no more, none is shared");
    users_close(&users);
    users = users_open(folder, few);
    CHECK_INT(give_user(users, "space-3"), first[3], "after a restart it is the same");
    CHECK(users_claim(users, "space-3", first[4], &err) < 0 &&
              strstr(err.text, "another namespace"),
          "nobody takes another's by its number: %s", err.text);
    CHECK_INT(users_claim(users, "space-3", first[3], &err), 0, "one's own one may");
    CHECK_INT(users_claim(users, "space-3", 5, &err), 0,
              "what is not of the range is not its matter");
    users_close(&users);
}

static void test_claims(void)
{
    static const struct runtime_range wide = {800000, 809999};
    struct err err = {0};
    struct users *users = users_open(folder, wide);
    int got = 0;

    while (got < 1000 && users_claim(users, "greedy", 800000 + (uint32_t)got, &err) == 0)
        got++;
    CHECK_INT(got, USERS_MOST_IDS, "a namespace gets so many ids and no more: %s", err.text);
    CHECK(give_user(users, "modest") >= 800000, "others get theirs all the same");
    users_close(&users);
}

/* What pods and claims say where the file is lost. */
static void test_lost(void)
{
    scoped_mem char *file = mem_printf("%s/users.json", folder);
    scoped_mem char *claims = mem_printf("%s/claims", folder);
    scoped_mem char *claim = mem_printf("%s/lab.data", claims);
    struct err err = {0};
    struct users *users;

    if (geteuid() != 0) {
        CHECK_SKIP("not root");
        return;
    }
    CHECK(mkdir(claims, 0711) == 0 && mkdir(claim, 0770) == 0 && chown(claim, 700005, 700005) == 0,
          "a claim of a namespace");
    CHECK(truncate(file, 3) == 0, "whose users are damaged");
    users = users_open(folder, few);
    CHECK_INT(give_user(users, "lab"), 700005, "keeps its user");
    CHECK(users_claim(users, "thief", 700005, &err) < 0, "which no other gets");
    users_close(&users);
    CHECK(chown(claim, 5010, 700006) == 0 && chmod(claim, 02770) == 0 && truncate(file, 3) == 0,
          "a claim of a pod with a user of its own, in the namespace's group");
    users = users_open(folder, few);
    CHECK_INT(give_user(users, "lab"), 700006, "says whose it is by its group");
    users_close(&users);
}

/* ---- Below folders that pods write to ----------------------------------------------- */

static void test_beneath(void)
{
    scoped_mem char *path = mem_printf("%s/tree", folder);
    int tree = -1, fd;
    const char *name = NULL;

    CHECK(mkdir(path, 0755) == 0 && (tree = open(path, O_PATH | O_DIRECTORY)) >= 0, "a folder");
    CHECK(symlinkat("/etc", tree, "out") == 0 && mkdirat(tree, "in", 0755) == 0 &&
              symlinkat("in", tree, "near") == 0,
          "with links");
    CHECK((fd = beneath_open(tree, "in")) >= 0, "what is there is opened");
    close(fd);
    CHECK(beneath_open(tree, "out") < 0, "a link is not followed");
    CHECK(beneath_open(tree, "out/passwd") < 0, "nor anything through it");
    CHECK(beneath_open(tree, "near") < 0, "not even one that stays inside");
    CHECK(beneath_open(tree, "../tree") < 0 && beneath_open(tree, "in/../../x") < 0,
          "nor a step back");
    CHECK(beneath_open(tree, "/etc") < 0, "nor the machine's root");
    CHECK(beneath_make(tree, "near/made", false, 0755, (uid_t)-1) < 0,
          "nothing is made behind a link");
    CHECK((fd = beneath_make(tree, "in/a/b", false, 0755, (uid_t)-1)) >= 0,
          "what is missing is made");
    close(fd);
    CHECK(beneath_parent(tree, "out/file", &name) < 0, "no file gets into a linked folder");
    CHECK(beneath_is_steady(tree, "in/a") == 0, "root's own folders are steady");
    CHECK(fchmodat(tree, "in", 0777, 0) == 0 && beneath_is_steady(tree, "in/a") < 0,
          "one that others may write to is not");
    close(tree);
}

/* Deeper than descriptors and stack would last. */
static void test_deep(void)
{
    scoped_mem char *path = mem_printf("%s/tree", folder);
    int at = open(path, O_RDONLY | O_DIRECTORY), next, depth = 0;

    for (; depth < 3000 && mkdirat(at, "deep", 0755) == 0; depth++, at = next) {
        next = openat(at, "deep", O_RDONLY | O_DIRECTORY);
        close(at);
    }
    close(at);
    CHECK(depth == 3000, "a tree of three thousand folders in each other");
    CHECK(!beneath_delete_some(AT_FDCWD, path, 100), "is not deleted in a hundred steps");
    beneath_delete(AT_FDCWD, path);
    CHECK(access(path, F_OK) != 0, "and is deleted");
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    test_no_two_share();
    test_claims();
    test_lost();
    test_beneath();
    test_deep();
    beneath_delete(AT_FDCWD, folder);
    CHECK(access(folder, F_OK) != 0, "nothing is left behind");
    return check_done();
}
