/* SPDX-License-Identifier: Apache-2.0 */
/* Objects follow their owners, and a namespace goes when it is empty. */

#include "check.h"
#include "objects_verbs.h"

#include "controllers/collector.h"
#include "sim/disk.h"

static struct collector *collector;

/* Commits, and lets the collector work until it wants nothing more. */
static void settle(void)
{
    do {
        objects_commit(objects);
        collector_run(collector);
    } while (store_is_staged(store));
}

static const char *uid_of(const char *name)
{
    return metadata_of("configmaps", name, "uid");
}

static void create_child(const char *name, const char *owner, bool blocks)
{
    create("configmaps", arena_printf(arena,
                                      "{'metadata':{'name':'%s','ownerReferences':"
                                      "[{'apiVersion':'v1','kind':'ConfigMap','name':'%s',"
                                      "'uid':'%s','blockOwnerDeletion':%s}]}}",
                                      name, owner, uid_of(owner), blocks ? "true" : "false"));
    settle();
}

static void create_parent(void)
{
    create("configmaps", "{'metadata':{'name':'parent'}}");
    settle();
}

static void test_collector(void)
{
    create_parent();
    create_child("child", "parent", true);
    create_child("grandchild", "child", true);
    drop("configmaps", "parent", "Background");
    settle();
    CHECK(!see("configmaps", "parent") && !see("configmaps", "child") &&
              !see("configmaps", "grandchild"),
          "background: children and their children follow");
    create_parent();
    create_child("child", "parent", true);
    merge("configmaps", "child", "{'metadata':{'finalizers':['t.example/h']}}");
    settle();
    drop("configmaps", "parent", "Foreground");
    settle();
    CHECK(see("configmaps", "parent") && *metadata_of("configmaps", "child", "deletionTimestamp"),
          "foreground: the owner waits for a child that blocks");
    merge("configmaps", "child", "{'metadata':{'finalizers':null}}");
    settle();
    CHECK(!see("configmaps", "parent") && !see("configmaps", "child"), "and goes with it");
    create_parent();
    create_child("child", "parent", true);
    drop("configmaps", "parent", "Orphan");
    settle();
    CHECK(!see("configmaps", "parent") && see("configmaps", "child"), "orphan: the child stays");
    CHECK_TEXT(metadata_of("configmaps", "child", "ownerReferences"), "", "without its owner");
    create("configmaps", "{'metadata':{'name':'lost','ownerReferences':[{'apiVersion':'v1',"
                         "'kind':'ConfigMap','name':'x','uid':'no-such'}]}}");
    create("configmaps", "{'metadata':{'name':'foreign','ownerReferences':[{'apiVersion':"
                         "'other.example/v1','kind':'X','name':'x','uid':'no-such'}]}}");
    settle();
    CHECK(!see("configmaps", "lost"), "an owner that never was");
    create_parent();
    create_child("child", "parent", true);
    merge("configmaps", "child",
          "{'metadata':{'ownerReferences':[{'apiVersion':'v1',"
          "'kind':'Secret','name':'parent','uid':'x'}]}}");
    settle();
    CHECK(!see("configmaps", "child"), "an owner of another kind");
    drop("configmaps", "parent", NULL);
    settle();
    CHECK(see("configmaps", "foreign"), "an owner of a kind not known here");
}

static void test_namespaces(void)
{
    struct objects_write write;

    CHECK(drop("namespaces", "default", NULL) < 0 && err.code == ERR_FORBIDDEN, "default stays");
    create("namespaces", "{'metadata':{'name':'going'}}");
    write = write_of("configmaps", NULL, "{'metadata':{'name':'in','finalizers':['t.example/h']}}");
    write.namespace = "going";
    CHECK(objects_create(objects, &write, &result, &err) == 0, "filled");
    CHECK(drop("namespaces", "going", NULL) == 0 && !result.gone,
          "with something staged in it, it waits");
    settle();
    CHECK_TEXT(node_text(node_at(see("namespaces", "going"), "status", "phase", NULL)),
               "Terminating", "it says so");
    write = write_of("configmaps", NULL, "{'metadata':{'name':'late'}}");
    write.namespace = "going";
    CHECK(objects_create(objects, &write, &result, &err) < 0 && err.code == ERR_FORBIDDEN,
          "nothing new gets in");
    write = write_of("configmaps", "in", "{'metadata':{'finalizers':null}}");
    write.namespace = "going";
    CHECK(objects_patch(objects, &write, &result, &err) == 0 && result.gone,
          "its content was being deleted: %s", err.text);
    settle();
    CHECK(!see("namespaces", "going"), "and then it goes");
}

/* What the collector staged is dropped when the disk takes nothing. */
static void test_full_disk(void)
{
    create_parent();
    create_child("child", "parent", true);
    drop("configmaps", "parent", "Background");
    objects_commit(objects);
    collector_run(collector);
    store_disk_fail_after(disk, 0);
    objects_commit(objects);
    CHECK(see("configmaps", "child") != NULL, "a full disk brings a deleted child back");
    store_disk_fail_after(disk, -1);
    settle();
    CHECK(see("configmaps", "child") != NULL, "of which no change tells");
    collector_wake_all(collector);
    settle();
    CHECK(!see("configmaps", "child"), "when all is queued again it goes");
}

int main(void)
{
    kinds = kinds_open(&err);
    if (!CHECK(kinds != NULL, "kinds: %s", err.text))
        return 1;
    disk = store_disk_new("test");
    arena = arena_new();
    open_all();
    if (!objects)
        return 1;
    collector = collector_new(objects, NULL);
    seed();
    test_collector();
    test_namespaces();
    test_full_disk();
    collector_free(&collector);
    close_all();
    arena_free(&arena);
    kinds_close(&kinds);
    store_disk_free(&disk);
    return check_done();
}
