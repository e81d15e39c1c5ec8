/* SPDX-License-Identifier: Apache-2.0 */
/* Claims shared by pods: no start changes what another pod has. */

#include "cluster_fixture.h"

#include "pods/shared_claim.h"
#include "number/number.h"
#include "runtime/runtime.h"

#include <string.h>

/* ---- Who may have it: the table ------------------------------------------------------ */

#define NONE NUMBER_NO_ID
#define RW true
#define RO false

static const struct {
    const char *name, *modes, *says; /* says NULL: allowed */
    struct claim_user me, other;
} cases[] = {
    {"one user, two pods",
     "[ReadWriteOnce]",
     NULL,
     {"b", "b", true, 5010, NONE, RW},
     {"a", "a", true, 5010, NONE, RW}},
    {"two users write to ReadWriteOnce",
     "[ReadWriteOnce]",
     "ReadWriteOnce, and pod a writes to it as user 5010, this one would as the namespace's user",
     {"b", "b", true, NONE, NONE, RW},
     {"a", "a", true, 5010, NONE, RW}},
    {"a reader of another user",
     "[ReadWriteOnce]",
     NULL,
     {"b", "b", true, NONE, NONE, RO},
     {"a", "a", true, 5010, NONE, RW}},
    {"two users of one fsGroup",
     "[ReadWriteOnce]",
     NULL,
     {"b", "b", true, 5011, 6000, RW},
     {"a", "a", true, 5010, 6000, RW}},
    {"two users write to ReadWriteMany",
     "[ReadWriteMany]",
     NULL,
     {"b", "b", true, 5011, NONE, RW},
     {"a", "a", true, 5010, NONE, RW}},
    {"both modes are the wider one",
     "[ReadWriteOnce, ReadWriteMany]",
     NULL,
     {"b", "b", true, 5011, NONE, RW},
     {"a", "a", true, 5010, NONE, RW}},
    {"ReadWriteOncePod has one pod",
     "[ReadWriteOncePod]",
     "waits for pod a to end",
     {"b", "b", true, 5010, NONE, RO},
     {"a", "a", true, 5010, NONE, RO}},
    {"of one workload too",
     "[ReadWriteOncePod]",
     "is ReadWriteOncePod",
     {"b", "w", true, 5010, NONE, RW},
     {"a", "w", true, 5010, NONE, RW}},
    {"a new template's user replaces the old one",
     "[ReadWriteOnce]",
     NULL,
     {"b", "w", true, 5011, NONE, RW},
     {"a", "w", true, 5010, NONE, RW}},
    {"an fsGroup would take it from one without",
     "[ReadWriteMany]",
     "without fsGroup 6000",
     {"b", "b", true, 5011, 6000, RW},
     {"a", "a", true, 5010, NONE, RW}},
    {"and from one of another group",
     "[ReadWriteMany]",
     "without fsGroup 6000",
     {"b", "b", true, 5011, 6000, RW},
     {"a", "a", true, 5010, 6001, RO}},
    {"a reader gives nothing away",
     "[ReadWriteMany]",
     NULL,
     {"b", "b", true, 5011, 6000, RO},
     {"a", "a", true, 5010, NONE, RW}},
    {"no modes are known",
     "[]",
     NULL,
     {"b", "b", true, 5011, NONE, RW},
     {"a", "a", true, 5010, NONE, RW}},
};

static void test_table(void)
{
    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct node *modes = document_read_yaml(arena, cases[i].modes, strlen(cases[i].modes), true,
                                                &document_limits_api, NULL);
        struct manifest_why why = {0};
        int refused =
            shared_claim_check_users("data", modes, &cases[i].me, &cases[i].other, 1, &why);

        CHECK_INT(refused, cases[i].says ? -1 : 0, "%s", cases[i].name);
        CHECK(!cases[i].says || strstr(why.message, cases[i].says), "in words: %s", why.message);
    }
}

/* ---- What happens to its files: real processes --------------------------------------- */

#define CLAIM(name, mode)                                                                          \
    "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: " name ", namespace: lab}\n"    \
    "spec: {accessModes: [" mode "], resources: {requests: {storage: 1Gi}}}\n---\n"
/* One that writes a file after the other, and one line if it may not. */
#define POD(name, security, claim, command)                                                        \
    "apiVersion: v1\nkind: Pod\nmetadata: {name: " name ", namespace: lab}\n"                      \
    "spec:\n  terminationGracePeriodSeconds: 0\n  restartPolicy: Never\n"                          \
    "  securityContext: {" security "}\n"                                                          \
    "  volumes: [{name: d, persistentVolumeClaim: {claimName: " claim "}}]\n"                      \
    "  containers:\n  - name: c\n    command: [sh, -c, '" command "']\n"

#define WRITES "while :; do echo x > d/seg || exit 7; sleep 0.02; done"

/* The owner of what a claim holds, as `stat` says it: "uid gid mode". */
static const char *owner_of(struct arena *arena, const char *path)
{
    struct stat st = {0};

    if (lstat(arena_printf(arena, "%s/claims/%s", folder, path), &st) < 0)
        return "none";
    return arena_printf(arena, "%u %u %o", st.st_uid, st.st_gid, st.st_mode & 07777);
}

static void test_readers_take_nothing(void)
{
    int64_t pid = 0;

    open_cluster();
    apply("db", CLAIM("data", "ReadWriteMany")
                    POD("db", "runAsUser: 5010", "data",
                        WRITES) "    volumeMounts: [{name: d, mountPath: d}]\n");
    CHECK(wait_phase("db", "Running") && (pid = pid_of("db")), "a pod writes to a claim");
    apply(
        "backup",
        POD("backup", "", "data, readOnly: true",
            "while ! ls d/seg; do sleep 0.02; done; cat d/seg") "    volumeMounts: [{name: d, mountPath: d, readOnly: true}]\n");
    CHECK(wait_text("backup", "\"phase\":\"Succeeded\""), "one of another user reads it");
    apply("other", POD("other", "runAsUser: 5011", "data",
                       "echo y > d/other") "    volumeMounts: [{name: d, mountPath: d}]\n");
    CHECK(wait_text("other", "\"phase\":\"Succeeded\""), "a third one writes to it");
    for (int i = 0; i < 10; i++)
        loop_turn(loop, 20 * CLOCK_MS);
    CHECK(wait_phase("db", "Running") && pid_of("db") == pid, "and the first one writes on");
    remove_owner("backup");
    remove_owner("other");
    remove_owner("db");
    cluster_close(&cluster);
}

static void test_two_users_once(void)
{
    open_cluster();
    apply("claim", CLAIM("once", "ReadWriteOnce"));
    apply("first", POD("first", "runAsUser: 5010", "once",
                       WRITES) "    volumeMounts: [{name: d, mountPath: d}]\n");
    CHECK(wait_phase("first", "Running"), "a pod writes to a claim of ReadWriteOnce");
    apply("second", POD("second", "runAsUser: 5011", "once",
                        "true") "    volumeMounts: [{name: d, mountPath: d}]\n");
    CHECK(wait_text("second", "pod first writes to it as user 5010"),
          "another user's pod is refused");
    remove_owner("first");
    CHECK(wait_text("second", "\"phase\":\"Succeeded\""), "and runs when the first one has gone");
    remove_owner("second");
    remove_owner("claim");
    cluster_close(&cluster);
}

static void test_fs_group(void)
{
    scoped_arena struct arena *arena = arena_new();
    char *outside = arena_printf(arena, "%s/outside", folder);
    char *link = arena_printf(arena, "%s/claims/lab.shared/link", folder);
    char *left = arena_printf(arena, "%s/claims/lab.shared/left", folder);
    struct stat st = {0};
    int fd;

    open_cluster();
    apply(
        "a",
        CLAIM("shared", "ReadWriteMany") POD(
            "a", "runAsUser: 5001, fsGroup: 6000", "shared",
            "umask 077; echo a > d/a; mkdir d/sub; echo b > d/sub/b") "    volumeMounts: [{name: d, mountPath: d}]\n");
    CHECK(wait_text("a", "\"phase\":\"Succeeded\""), "a pod with an fsGroup writes");
    CHECK_TEXT(owner_of(arena, "lab.shared/a"), "5001 6000 600", "what it makes has the group");
    fd = open(outside, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && symlink(outside, link) == 0, "a link leads out of the claim");
    close(fd);
    apply(
        "b",
        POD("b", "runAsUser: 5002, fsGroup: 6000", "shared",
            "echo more >> d/a && echo more >> d/sub/b && echo x > d/sub/c") "    volumeMounts: [{name: d, mountPath: d}]\n");
    CHECK(wait_text("b", "\"phase\":\"Succeeded\""),
          "another user of that group writes to its files");
    CHECK_TEXT(owner_of(arena, "lab.shared/sub"), "5001 6000 2770", "folders are the group's too");
    CHECK(lstat(outside, &st) == 0 && st.st_gid != 6000 && (st.st_mode & 0777) == 0600,
          "what a link leads to is not touched");
    fd = open(left, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    close(fd);
    apply("c", POD("c", "runAsUser: 5003, fsGroup: 6000, fsGroupChangePolicy: OnRootMismatch",
                   "shared", "! cat d/left") "    volumeMounts: [{name: d, mountPath: d}]\n");
    CHECK(wait_text("c", "\"phase\":\"Succeeded\""),
          "OnRootMismatch leaves alone what is below a right top");
    apply("r", POD("r", "runAsUser: 5004, fsGroup: 6001", "shared",
                   "true") "    volumeMounts: [{name: d, mountPath: d, readOnly: true}]\n");
    CHECK(wait_text("r", "\"phase\":\"Succeeded\""), "a reader with another group");
    CHECK_TEXT(owner_of(arena, "lab.shared"), "5001 6000 2770", "changes nothing");
    apply("always",
          POD("always", "runAsUser: 5005, fsGroup: 6001", "shared",
              "cat d/left && echo z >> d/a") "    volumeMounts: [{name: d, mountPath: d}]\n");
    CHECK(wait_text("always", "\"phase\":\"Succeeded\""),
          "a writer with another group gets all of it");
    for (size_t i = 0; i < 5; i++)
        remove_owner((const char *const[]){"b", "c", "r", "always", "a"}[i]);
    cluster_close(&cluster);
}

/* State of a pod without a user is written on by one with a user and an fsGroup. */
static void test_group_added_later(void)
{
    scoped_arena struct arena *arena = arena_new();

    open_cluster();
    apply("one", CLAIM("own", "ReadWriteOnce")
                     POD("one", "", "own",
                         "echo x >> d/state") "    volumeMounts: [{name: d, mountPath: d}]\n");
    CHECK(wait_text("one", "\"phase\":\"Succeeded\""), "a pod leaves its state");
    apply("two", POD("two", "runAsUser: 5020, fsGroup: 6002", "own",
                     "echo y >> d/state") "    volumeMounts: [{name: d, mountPath: d}]\n");
    CHECK(wait_text("two", "\"phase\":\"Succeeded\""), "another one goes on with it");
    apply(
        "sub",
        POD("sub", "runAsUser: 5021, fsGroup: 6002", "own",
            "echo z > d/part && cat d/part") "    volumeMounts: [{name: d, mountPath: d, subPath: parts}]\n");
    CHECK(wait_text("sub", "\"phase\":\"Succeeded\""), "and one with a part of it");
    CHECK(strstr(owner_of(arena, "lab.own/parts"), " 6002 2770"),
          "which is the group's as well: %s", owner_of(arena, "lab.own/parts"));
    for (size_t i = 0; i < 3; i++)
        remove_owner((const char *const[]){"two", "sub", "one"}[i]);
    cluster_close(&cluster);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "shim"))
        return runtime_shim_main(argc - 1, argv + 1);
    test_table();
    if (geteuid() != 0) {
        CHECK_SKIP("only root runs pods as users of their own");
        return check_done();
    }
    if (fixture_start() < 0)
        return 1;
    test_readers_take_nothing();
    test_two_users_once();
    test_fs_group();
    test_group_added_later();
    return fixture_end();
}
