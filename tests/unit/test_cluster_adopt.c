/* SPDX-License-Identifier: Apache-2.0 */
/* The store of the spoke is lost or damaged: what runs says what it is. */

#include "cluster_fixture.h"

#include "base/file.h"
#include "base/log.h"

#include <dirent.h>

/* Each opens a cluster; base/kept.c is tried at every place by test_kept. */
static int places = 12;

static const char web[] =
    "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: lab}\nstringData: {key: kept}\n"
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: lab}\n"
    "spec: {selector: {app: web}, ports: [{port: 18096}]}\n"
    "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: lab}\n"
    "spec:\n  replicas: 2\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n"
    "      terminationGracePeriodSeconds: 0\n"
    "      volumes: [{name: v, secret: {secretName: s, optional: true}}]\n"
    "      containers:\n      - name: c\n        command: [sleep, '1000']\n"
    "        env: [{name: S, valueFrom: {secretKeyRef: {name: s, key: key}}}]\n"
    "        volumeMounts: [{name: v, mountPath: v}]\n";

static const char job[] =
    "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, namespace: lab}\n"
    "spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, command: [sh, -c, "
    "'echo ran; exit 0']}]}}}\n";

static void forget_all(void)
{
    const char *name;
    size_t at = 0;
    char *bytes;

    while ((bytes = map_next(kept, &at, &name)))
        mem_free(&bytes);
    map_free(&kept);
    kept = map_new();
}

/* "ID:PID ID:PID" in the order of names, so that one look tells whether anything
   was replaced. */
static char *pods_now(struct arena *arena, const char *owner)
{
    struct node *pods = node_get(cluster_report(cluster, arena, owner), "pods");
    struct node *sorted = node_map(arena);
    scoped_text struct text out = {0};
    const char *last = "";

    for (size_t i = 0; i < node_count(pods); i++)
        node_set_int(
            arena, sorted, node_get_text(node_item(pods, i), "name"),
            node_get_int(node_item(node_get(node_item(pods, i), "containers"), 0), "pid", 0));
    for (size_t i = 0; i < node_count(sorted); i++) {
        const char *next = NULL;

        node_each(pod, sorted) if (strcmp(pod->key, last) > 0 &&
                                   (!next || strcmp(pod->key, next) < 0)) next = pod->key;
        text_addf(&out, "%s:%lld ", next, (long long)node_get_int(sorted, next, 0));
        last = next;
    }
    return arena_string(arena, text_string(&out));
}

static void turn_for(int64_t time)
{
    int64_t end = clock_steady() + time;

    while (clock_steady() < end)
        loop_turn(loop, 5 * CLOCK_MS);
}

static bool wait_ready_pods(const char *owner, int wanted)
{
    int64_t end = clock_steady() + 30 * CLOCK_SECOND;

    while (clock_steady() < end) {
        scoped_arena struct arena *arena = arena_new();

        if (node_get_int(cluster_report(cluster, arena, owner), "ready", 0) == wanted)
            return true;
        loop_turn(loop, 10 * CLOCK_MS);
    }
    return false;
}

static void test_lost(void)
{
    scoped_arena struct arena *arena = arena_new();
    const char *before, *path;
    int64_t pid;

    open_cluster();
    apply("web", web);
    CHECK(wait_phase("web", "Running") && wait_ready_pods("web", 2), "a Deployment of two runs");
    before = pods_now(arena, "web");
    cluster_close(&cluster);
    forget_all();
    open_cluster();
    turn_for(300 * CLOCK_MS);
    CHECK(!strcmp(pods_now(arena, "web"), before), "with an empty store nothing is restarted");
    CHECK(node_count(cluster_owners(cluster, arena)) == 1, "and its owner is known");
    path = arena_printf(arena, "%s/pods/lab.%.*s/volumes/v/key", folder, (int)strcspn(before, ":"),
                        before);
    cluster_sweep(cluster);
    turn_for(100 * CLOCK_MS);
    CHECK(!strcmp(pods_now(arena, "web"), before), "nor does a sweep");
    (void)path;
    pid = pid_of("web");
    CHECK(end_process(pid) && wait_new_pid("web", pid) && wait_ready_pods("web", 2),
          "a container that crashes is restarted");
    before = pods_now(arena, "web");
    apply("web", web);
    turn_for(300 * CLOCK_MS);
    CHECK(!strcmp(pods_now(arena, "web"), before), "told of the work again, nothing is restarted");
    CHECK(cluster_read(cluster, arena, "web", "v1", "Secret", "lab", "s") != NULL,
          "and the rest of it is there");
    cluster_close(&cluster);
    open_cluster();
    turn_for(100 * CLOCK_MS);
    CHECK(!strcmp(pods_now(arena, "web"), before), "the store is whole again");
    cluster_close(&cluster);
}

static void test_gone(void)
{
    scoped_arena struct arena *arena = arena_new();

    forget_all();
    open_cluster();
    CHECK(wait_ready_pods("web", 2), "taken up once more");
    remove_owner("web");
    CHECK(!node_count(cluster_owners(cluster, arena)),
          "what the hub has no more is ended as a whole");
    cluster_close(&cluster);
}

/* Its shim dies too: the pod's own template says how to make another. */
static void test_healed(void)
{
    static const char plain[] =
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: lab}\n"
        "spec:\n  replicas: 1\n  template:\n    metadata: {labels: {app: d}}\n    spec:\n"
        "      terminationGracePeriodSeconds: 0\n"
        "      containers: [{name: c, command: [sleep, '1000']}]\n";
    scoped_mem char *path = NULL, *bytes = NULL;
    int64_t pid, parent;

    open_cluster();
    apply("d", plain);
    CHECK(wait_phase("d", "Running") && wait_ready_pods("d", 1), "a Deployment of one runs");
    cluster_close(&cluster);
    forget_all();
    open_cluster();
    CHECK(wait_ready_pods("d", 1), "is taken up");
    pid = pid_of("d");
    path = mem_printf("/proc/%lld/stat", (long long)pid);
    bytes = file_read(path, 4096, NULL, NULL);
    parent = bytes ? strtoll(strrchr(bytes, ')') + 4, NULL, 10) : 0;
    CHECK(parent > 1 && kill((pid_t)parent, SIGKILL) == 0, "its shim is killed");
    kill((pid_t)pid, SIGKILL);
    CHECK(wait_new_pid("d", pid) && wait_ready_pods("d", 1), "and it is made anew");
    remove_owner("d");
    cluster_close(&cluster);
}

/* ---- Damage ---------------------------------------------------------------------------- */

/* The first file of that name in a pod's folder, or in the folder of all. */
static char *find_file(struct arena *arena, const char *pod, const char *name)
{
    char *pods = arena_printf(arena, "%s/pods", folder), *found = NULL;
    DIR *list = opendir(pods);

    for (struct dirent *e; list && (e = readdir(list));)
        if (text_starts(e->d_name, pod))
            found = arena_printf(arena, "%s/%s/%s", pods, e->d_name, name);
    if (list)
        closedir(list);
    return found;
}

static void write_bytes(const char *path, const char *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
        printf("Bail out! %s cannot be written\n", path);
    if (fd >= 0)
        close(fd);
}

struct damage {
    const char *owner, *before;
    char *path;
    bool lost_store;
};

static bool survives(const struct damage *damage)
{
    scoped_arena struct arena *arena = arena_new();
    const char *now;
    bool good;

    if (damage->lost_store)
        forget_all();
    open_cluster();
    for (int i = 0; i < 3; i++)
        loop_turn(loop, 0);
    now = pods_now(arena, damage->owner);
    good = !strcmp(now, damage->before);
    if (!good)
        printf("# before: %s\n# now: %s\n", damage->before, now);
    cluster_close(&cluster);
    return good;
}

/* One bit, or everything from there on, at so many places of the file. */
static void damage_file(const struct damage *damage, const char *what)
{
    size_t len = 0;
    scoped_mem char *bytes = file_read(damage->path, 1 << 20, &len, NULL);
    int flips = 0, cuts = 0;

    if (!bytes || !len) {
        CHECK(false, "%s: %s is there", what, damage->path);
        return;
    }
    for (int i = 0; i < places; i++) {
        size_t at = (size_t)i * len / places;
        scoped_mem char *wrong = mem_alloc(len);

        memcpy(wrong, bytes, len);
        wrong[at] = (char)(wrong[at] ^ 1 << i % 8);
        write_bytes(damage->path, wrong, len);
        flips += survives(damage);
        write_bytes(damage->path, bytes, at);
        cuts += survives(damage);
    }
    write_bytes(damage->path, bytes, len);
    CHECK(flips == places, "%s: a flipped bit replaces nothing, at %d of %d places", what, flips,
          places);
    CHECK(cuts == places, "%s: cut short it replaces nothing, at %d of %d places", what, cuts,
          places);
}

static void test_damage(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct damage damage = {.owner = "web"};
    static const char *const files[] = {"pod.json", "pod.json.copy"};

    open_cluster();
    apply("web", web);
    apply("j", job);
    CHECK(wait_phase("web", "Running") && wait_ready_pods("web", 2) && wait_phase("j", "Completed"),
          "a Deployment runs and a Job has ended");
    damage.before = pods_now(arena, "web");
    cluster_close(&cluster);
    for (size_t i = 0; i < count_of(files); i++) {
        damage.path = find_file(arena, "lab.web", files[i]);
        damage_file(&damage, files[i]);
    }
    damage.path = arena_printf(arena, "%s/places.json", folder);
    damage_file(&damage, "places.json");
    open_cluster();
    damage.owner = "j";
    damage.before = pods_now(arena, "j");
    cluster_close(&cluster);
    damage.path = find_file(arena, "lab.j", "exit-c.json");
    damage_file(&damage, "exit-c.json");
    damage.owner = "web";
    damage.lost_store = true;
    open_cluster();
    damage.before = pods_now(arena, "web");
    cluster_close(&cluster);
    damage.path = find_file(arena, "lab.web", "pod.json");
    damage_file(&damage, "pod.json with the store lost");
    open_cluster();
    remove_owner("web");
    remove_owner("j");
    cluster_close(&cluster);
}

/* Both copies: nobody can say what it was, so it makes room for one that can. */
static void test_beyond_mending(void)
{
    scoped_arena struct arena *arena = arena_new();
    static const char *const files[] = {"pod.json", "pod.json.copy"};

    open_cluster();
    apply("web", web);
    CHECK(wait_phase("web", "Running") && wait_ready_pods("web", 2), "a Deployment of two runs");
    cluster_close(&cluster);
    for (size_t i = 0; i < count_of(files); i++)
        write_bytes(find_file(arena, "lab.web", files[i]), "{", i + 1);
    open_cluster();
    CHECK(wait_ready_pods("web", 2), "a pod of which nothing is known is replaced");
    remove_owner("web");
    cluster_close(&cluster);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "shim"))
        return runtime_shim_main(argc - 1, argv + 1);
    log_setup(LOG_ERROR, false);
    if (getenv("DEEP"))
        places = 200;
    if (fixture_start() < 0)
        return 1;
    test_lost();
    test_gone();
    test_healed();
    test_beyond_mending();
    test_damage();
    return fixture_end();
}
