/* SPDX-License-Identifier: Apache-2.0 */
/* A pod's folders, volumes, links and delivered files, as they lie on the disk. */
#include "runtime/process.h"
#include "runtime/users.h"

#include "base/beneath.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "check.h"
#include "document/document.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define USER 700001u

static char folder[] = "/tmp/axle-test-files-XXXXXX";
static struct loop *loop;
static struct runtime *runtime;
static int drifts;
static char drifted[256];
static const char *host_paths[3];

static void on_event(void *arg, const struct runtime_event *event)
{
    drifts += event->kind == RUNTIME_DRIFT;
    snprintf(drifted, sizeof drifted, "%s", event->message);
}

static struct node *read_text(struct arena *arena, const char *text)
{
    struct err err = {0};
    struct node *read =
        document_read_yaml(arena, text, strlen(text), true, &document_limits_own, &err);

    if (!read)
        printf("Bail out! %s: %s\n", text, err.text);
    return read;
}

/* ---- What lies there */

static void add_entry(struct text *out, int at, const char *path, const char *name);

static void add_entries(struct text *out, int at, const char *path)
{
    struct dirent **list = NULL;
    int dup_at = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int count = scandirat(at, ".", &list, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        if (strcmp(list[i]->d_name, ".") != 0 && strcmp(list[i]->d_name, "..") != 0)
            add_entry(out, dup_at, path, list[i]->d_name);
        free(list[i]);
    }
    free(list);
    close(dup_at);
}

/* "a/ 750" is a folder, "a/b 444 text" a file, "c>target" a link. */
static void add_entry(struct text *out, int at, const char *path, const char *name)
{
    scoped_mem char *own = mem_printf("%s%s", path, name), *below = mem_printf("%s/", own);
    char bytes[200] = "";
    struct stat st;

    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    if (S_ISLNK(st.st_mode)) {
        if (readlinkat(at, name, bytes, sizeof bytes - 1) < 0)
            return;
        text_addf(out, "%s>%s;", own, bytes);
    } else if (S_ISDIR(st.st_mode)) {
        int inner = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        text_addf(out, "%s %o;", below, (unsigned)st.st_mode & 07777);
        add_entries(out, inner, below);
        close(inner);
    } else {
        int fd = openat(at, name, O_RDONLY | O_CLOEXEC);

        if (fd < 0 || read(fd, bytes, sizeof bytes - 1) < 0)
            return;
        close(fd);
        text_addf(out, "%s %o %s;", own, (unsigned)st.st_mode & 07777, bytes);
    }
}

static char *list_folder(struct arena *arena, const char *path)
{
    scoped_text struct text out = {0};
    int at = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (at >= 0) {
        add_entries(&out, at, "");
        close(at);
    }
    return arena_string(arena, text_string(&out));
}

static char *path_in(struct arena *arena, const char *pod, const char *what)
{
    return arena_printf(arena, "%s/pods/%s/%s", folder, pod, what);
}

/* ---- A pod without a shim */

struct made {
    struct process_pod *pod;
    struct node *volumes;
    struct err err;
    int done;
};

static struct made make_pod(struct arena *arena, const char *id, const char *spec)
{
    struct made made = {.pod = process_pod_new(runtime, id), .volumes = node_list(arena)};

    mkdir(made.pod->directory, 0711);
    made.done =
        process_files_make(made.pod, read_text(arena, spec), made.volumes, arena, USER, &made.err);
    return made;
}

static void delete_pod(struct made *made)
{
    process_pod_delete(made->pod);
    process_pod_free(&made->pod);
}

#define FILES(files) "{owner: lab, volumes: [{name: v, type: files, files: {" files "}}]"
#define MOUNT(mount) ", containers: [{name: c, mounts: [" mount "]}]}"
#define ONE "a: {text: one}"

/* What is delivered, and where a relative mount shows it. */
static void test_layouts(void)
{
    static const struct {
        const char *name, *spec, *says, *volumes, *work;
    } cases[] = {
        {"nothing", "{}", "", "", ""},
        {"a file", FILES(ONE) "}", "", "v/ 755;v/a 444 one;", ""},
        {"a file of a mode", FILES("a: {text: one, mode: 256}") "}", "", "v/ 755;v/a 400 one;", ""},
        {"a file of bytes", FILES("a: {base64: dHdv}") "}", "", "v/ 755;v/a 444 two;", ""},
        {"an empty file", FILES("a: {}") "}", "", "v/ 755;v/a 444 ;", ""},
        {"files in folders", FILES("b/c: {text: x}, b/d/e: {text: w}, bc: {text: z}") "}", "",
         "v/ 755;v/b/ 755;v/b/c 444 x;v/b/d/ 755;v/b/d/e 444 w;v/bc 444 z;", ""},
        {"bytes that are none", FILES("a: {base64: '*'}") "}", "volume v: file \"a\" is not base64",
         "v/ 755;", ""},
        {"a name that climbs", FILES("../a: {text: x}") "}",
         "volume v: file name \"../a\" leaves its volume", "v/ 755;", ""},
        {"one that climbs later", FILES("a/../../b: {text: x}") "}",
         "volume v: file name \"a/../../b\" leaves its volume", "v/ 755;", ""},
        {"one that ends so", FILES("a/..: {text: x}") "}",
         "volume v: file name \"a/..\" leaves its volume", "v/ 755;", ""},
        {"an absolute one", FILES("/a: {text: x}") "}",
         "volume v: file name \"/a\" leaves its volume", "v/ 755;", ""},
        {"an empty part", FILES("a//b: {text: x}") "}",
         "volume v: file name \"a//b\" leaves its volume", "v/ 755;", ""},
        {"no name at all", FILES("'': {text: x}") "}", "volume v: file name \"\" leaves its volume",
         "v/ 755;", ""},
        {"dots in names", FILES("..a: {text: x}, a..: {text: w}") "}", "",
         "v/ 755;v/..a 444 x;v/a.. 444 w;", ""},
        {"an empty folder", "{owner: lab, volumes: [{name: v, type: empty}]}", "", "v/ 770;", ""},
        {"a relative mount", FILES(ONE) MOUNT("{volume: v, path: conf}"), "", "v/ 755;v/a 444 one;",
         "conf>../volumes/v;"},
        {"a part of it", FILES(ONE) MOUNT("{volume: v, path: conf/x.txt, subPath: a}"), "",
         "v/ 755;v/a 444 one;", "conf/ 755;conf/x.txt>../../volumes/v/a;"},
        {"a path with dots and slashes", FILES(ONE) MOUNT("{volume: v, path: ././conf//}"), "",
         "v/ 755;v/a 444 one;", "conf>../volumes/v;"},
        {"the working folder itself",
         FILES("a: {text: one}, b/c: {text: x}") MOUNT("{volume: v, path: .}"), "",
         "v/ 755;v/a 444 one;v/b/ 755;v/b/c 444 x;",
         "a>../volumes/v/a;b/ 755;b/c>../../volumes/v/b/c;"},
        {"the same with a slash", FILES(ONE) MOUNT("{volume: v, path: ./}"), "",
         "v/ 755;v/a 444 one;", "a>../volumes/v/a;"},
        {"an absolute mount", FILES(ONE) MOUNT("{volume: v, path: /conf}"), "",
         "v/ 755;v/a 444 one;", ""},
        {"two mounts", FILES(ONE) MOUNT("{volume: v, path: /conf}, {volume: v, path: here}"), "",
         "v/ 755;v/a 444 one;", "here>../volumes/v;"},
        {"a mount that climbs", FILES(ONE) MOUNT("{volume: v, path: ../x}"),
         "mountPath \"../x\" leaves the pod's folder", "v/ 755;v/a 444 one;", ""},
    };

    runtime->namespaces = true;
    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct made made = make_pod(arena, "lay", cases[i].spec);

        CHECK_INT(made.done, *cases[i].says ? -1 : 0, "%s", cases[i].name);
        CHECK_TEXT(made.err.text, cases[i].says, "%s: what is told", cases[i].name);
        CHECK_TEXT(list_folder(arena, path_in(arena, "lay", "volumes")), cases[i].volumes,
                   "%s: its volumes", cases[i].name);
        CHECK_TEXT(list_folder(arena, path_in(arena, "lay", "work")), cases[i].work,
                   "%s: its working folder", cases[i].name);
        delete_pod(&made);
        CHECK_TEXT(list_folder(arena, path_in(arena, "lay", "")), "", "%s: nothing stays",
                   cases[i].name);
    }
}

static void test_long_name(void)
{
    scoped_arena struct arena *arena = arena_new();

    for (size_t len = 1000; len <= 1001; len++) {
        scoped_text struct text name = {0};
        struct made made;

        while (name.len < len)
            text_add(&name, name.len % 100 == 50 ? "/" : "x");
        made = make_pod(arena, "long",
                        arena_printf(arena, FILES("%s: {text: x}") "}", text_string(&name)));
        CHECK_INT(made.done, len > 1000 ? -1 : 0, "a name of %zu bytes: %.40s", len, made.err.text);
        delete_pod(&made);
    }
}

/* ---- Whose it is */

static const char *owner_of(const char *path)
{
    static char text[64];
    struct stat st = {0};

    if (stat(path, &st) < 0)
        return "none";
    snprintf(text, sizeof text, "%d:%d %o", st.st_uid ? (int)(st.st_uid - USER) : -9,
             st.st_gid ? (int)(st.st_gid - USER) : -9, (unsigned)st.st_mode & 07777);
    return text;
}

#define SECRET(more)                                                                               \
    "{owner: lab, volumes: [{name: v, type: files, secret: true, files: {a: {text: one}}}]" more
#define RELATIVE "mounts: [{volume: v, path: conf}]"

/* Numbers are those above the pod's own user; -9 is root. */
static void test_owners(void)
{
    static const struct {
        const char *name, *spec, *path, *owner;
    } cases[] = {
        {"the working folder", "{}", "work", "0:0 755"},
        {"the temporary one", "{}", "tmp", "0:0 1777"},
        {"the logs", "{}", "logs", "-9:-9 755"},
        {"the volumes", "{}", "volumes", "-9:-9 755"},
        {"the root", "{}", "root", "-9:-9 755"},
        {"the hosts file", "{}", "hosts", "-9:-9 644"},
        {"a delivered file", FILES(ONE) "}", "volumes/v/a", "-9:0 444"},
        {"its volume", FILES(ONE) "}", "volumes/v", "-9:-9 755"},
        {"an empty folder", "{volumes: [{name: v, type: empty}]}", "volumes/v", "0:0 770"},
        {"a secret", SECRET(", containers: [{name: c, " RELATIVE "}]}"), "volumes/v", "-9:0 750"},
        {"a secret of another group",
         SECRET(", group: 700005, containers: [{name: c, " RELATIVE "}]}"), "volumes/v",
         "-9:4 750"},
        {"a secret of containers with users",
         SECRET(", containers: [{name: b}, {name: c, user: "
                "700003, " RELATIVE "}]}"),
         "volumes/v", "-9:-9 755"},
        {"or with groups", SECRET(", containers: [{name: c, group: 700003, " RELATIVE "}]}"),
         "volumes/v", "-9:-9 755"},
    };

    if (geteuid() != 0) {
        CHECK_SKIP("not root, which owns everything itself");
        return;
    }
    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct made made = make_pod(arena, "own", cases[i].spec);

        CHECK_INT(made.done, 0, "%s: %s", cases[i].name, made.err.text);
        CHECK_TEXT(owner_of(path_in(arena, "own", cases[i].path)), cases[i].owner,
                   "%s: whose it is", cases[i].name);
        delete_pod(&made);
    }
}

/* A volume in memory lies outside the pod's folder, and goes with the pod. */
static void test_memory(void)
{
    static const struct {
        const char *name, *spec;
        bool namespaces, memory;
    } cases[] = {
        {"a secret", SECRET(", containers: [{name: c, mounts: [{volume: v, path: /s}]}]}"), true,
         true},
        {"a folder in memory", "{volumes: [{name: v, type: empty, memory: true}]}", true, true},
        {"a folder that is not", "{volumes: [{name: v, type: empty}]}", true, false},
        {"one mounted by a link", SECRET(", containers: [{name: c, " RELATIVE "}]}"), true, false},
        {"where nothing can be mounted", SECRET("}"), false, false},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct made made;
        const char *source;

        runtime->namespaces = cases[i].namespaces;
        made = make_pod(arena, "mem", cases[i].spec);
        source = arena_string(arena, node_get_text(node_item(made.volumes, 0), "source"));
        CHECK_INT(made.done, 0, "%s: %s", cases[i].name, made.err.text);
        CHECK(text_starts(source, "/dev/shm/axle-") == cases[i].memory, "%s lies in %s",
              cases[i].name, source);
        CHECK(access(source, F_OK) == 0, "%s is there", cases[i].name);
        delete_pod(&made);
        CHECK(access(source, F_OK) != 0, "%s goes with its pod", cases[i].name);
    }
    runtime->namespaces = true;
}

/* ---- Folders of the machine */

/* The text with that folder where it says ROOT. */
static char *with_root(const char *text, const char *root)
{
    scoped_text struct text out = {0};

    for (const char *at = text; *at;)
        if (text_starts(at, "ROOT")) {
            text_add(&out, root);
            at += strlen("ROOT");
        } else {
            text_add_char(&out, *at++);
        }
    return mem_copy_string(text_string(&out));
}

static void test_host_paths(void)
{
    static const struct {
        const char *name, *path, *more, *says, *below;
    } cases[] = {
        {"the folder itself", "ROOT", "", "", ""},
        {"with slashes", "ROOT//dir//", "", "", "dir"},
        {"a folder in it", "ROOT/dir/deep", "", "", "dir/deep"},
        {"a file in it", "ROOT/dir/file", ", must: File", "", "dir/file"},
        {"one that is no folder", "ROOT/dir/file", ", must: Directory",
         "MountUnavailable: hostPath \"ROOT/dir/file\" exists, but is not a Directory", NULL},
        {"what is not there", "ROOT/none", "",
         "MountUnavailable: hostPath \"ROOT/none\": No such file or directory", NULL},
        {"what is made", "ROOT/made/two", ", create: true, must: Directory", "", "made/two"},
        {"a file that is made", "ROOT/dir/new", ", create: true, file: true, must: File", "",
         "dir/new"},
        {"one at the top", "ROOT/new", ", create: true, file: true, must: File", "", "new"},
        {"one without its folder", "ROOT/gone/new", ", create: true, file: true",
         "MountUnavailable: hostPath \"ROOT/gone/new\": No such file or directory", NULL},
        {"a link", "ROOT/link", "",
         "MountUnavailable: hostPath \"ROOT/link\": it is, or leads through, a symbolic link, and "
         "links are not followed",
         NULL},
        {"a folder beside it", "ROOTx", "",
         "NotPermitted: hostPath \"ROOTx\" is outside the folders that this spoke allows", NULL},
        {"a step back", "ROOT/../x", "",
         "NotPermitted: hostPath \"ROOT/../x\" is outside the folders that this spoke allows",
         NULL},
        {"names with two dots", "ROOT/..a", ", create: true", "", "..a"},
        {"another folder", "/etc", "",
         "NotPermitted: hostPath \"/etc\" is outside the folders that this spoke allows", NULL},
        {"the second that is allowed", "/usr/bin", "", "", "bin"},
    };
    scoped_arena struct arena *arena = arena_new();
    char *root = arena_printf(arena, "%s/host", folder);

    CHECK(mkdir(root, 0755) == 0 && mkdir(arena_printf(arena, "%s/dir", root), 0755) == 0 &&
              mkdir(arena_printf(arena, "%s/dir/deep", root), 0755) == 0 &&
              close(creat(arena_printf(arena, "%s/dir/file", root), 0644)) == 0 &&
              symlink("dir", arena_printf(arena, "%s/link", root)) == 0,
          "a folder of the machine");
    host_paths[0] = arena_printf(arena, "%s/", root);
    host_paths[1] = "/usr";
    runtime->options.bounds.host_paths = host_paths;
    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_mem char *spec = mem_printf("{volumes: [{name: v, type: host, path: '%s'%s}]}",
                                           cases[i].path, cases[i].more);
        scoped_mem char *own = with_root(spec, root), *says = with_root(cases[i].says, root);
        struct made made;

        made = make_pod(arena, "host", own);
        CHECK_INT(made.done, cases[i].below ? 0 : -1, "%s", cases[i].name);
        CHECK(*says ? text_ends(made.err.text, says) : !*made.err.text, "%s: what is told: %s",
              cases[i].name, made.err.text);
        CHECK_TEXT(cases[i].below ? node_get_text(node_item(made.volumes, 0), "below") : NULL,
                   cases[i].below, "%s: where below", cases[i].name);
        delete_pod(&made);
    }
    CHECK_TEXT(list_folder(arena, root),
               "..a/ 755;dir/ 755;dir/deep/ 755;dir/file 644 ;dir/new 644 ;link>dir;made/ 755;"
               "made/two/ 755;new 644 ;",
               "what was made");
    runtime->options.bounds.host_paths = NULL;
}

/* ---- Changes */

static void test_other_files(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct made made = make_pod(arena, "set",
                                FILES("a: {text: one}, b/c: {text: x}, b/d: {text: w}")
                                    MOUNT("{volume: v, path: .}"));
    struct err err = {0};

    CHECK_INT(process_files_set(
                  made.pod, "v",
                  read_text(arena, "{a: {text: other}, b/d: {text: w}, e: {text: z}}"), &err),
              0, "other contents come");
    CHECK_TEXT(list_folder(arena, path_in(arena, "set", "volumes")),
               "v/ 755;v/a 444 other;v/b/ 755;v/b/d 444 w;v/e 444 z;",
               "and what is no longer among them goes");
    CHECK_INT(process_files_set(made.pod, "v", read_text(arena, "{b: {text: file}}"), &err), 0,
              "a file in the place of a folder");
    CHECK_TEXT(list_folder(arena, path_in(arena, "set", "volumes")), "v/ 755;v/b 444 file;",
               "takes it");
    CHECK_INT(process_files_set(made.pod, "none", node_map(arena), &err), -1, "another volume");
    CHECK_TEXT(err.text, "pod set has no volume none", "is not there");
    delete_pod(&made);
}

/* Turns the loop until a drift more was told. */
static bool wait_for_drift(int wanted)
{
    int64_t end = clock_steady() + 20 * CLOCK_SECOND;

    while (drifts < wanted && clock_steady() < end)
        loop_turn(loop, 20 * CLOCK_MS);
    return drifts == wanted;
}

static void test_restored(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct made made = make_pod(
        arena, "drift", FILES("a: {text: one}, b/c: {text: x}") MOUNT("{volume: v, path: conf}"));
    char *a = path_in(arena, "drift", "volumes/v/a"), *conf = path_in(arena, "drift", "work/conf");
    char *c = path_in(arena, "drift", "volumes/v/b/c");
    char *stray = path_in(arena, "drift", "volumes/v/b/stray");
    static const char whole[] = "v/ 755;v/a 444 one;v/b/ 755;v/b/c 444 x;";

    process_files_watch(made.pod);
    drifts = 0;
    CHECK(unlink(a) == 0 && wait_for_drift(1), "a file that is deleted is noticed");
    CHECK_TEXT(drifted, "a", "by its name");
    CHECK(unlink(c) == 0 && wait_for_drift(2), "one in a folder too");
    CHECK_TEXT(drifted, "b/c", "by its whole name");
    CHECK(chmod(a, 0600) == 0 && wait_for_drift(3), "another mode is noticed");
    CHECK(unlink(conf) == 0 && wait_for_drift(4), "a link that is deleted is noticed");
    CHECK_TEXT(drifted, "conf", "by its name");
    CHECK(close(creat(stray, 0644)) == 0 && wait_for_drift(5), "a file that is added is noticed");
    CHECK_TEXT(list_folder(arena, path_in(arena, "drift", "volumes")), whole,
               "and all is as it was delivered");
    CHECK_TEXT(list_folder(arena, path_in(arena, "drift", "work")), "conf>../volumes/v;",
               "links as well");
    CHECK(unlink(conf) == 0 && symlink("/etc", conf) == 0 && wait_for_drift(6),
          "a link to elsewhere is noticed");
    CHECK_TEXT(list_folder(arena, path_in(arena, "drift", "work")), "conf>../volumes/v;",
               "and set right");
    CHECK(unlink(a) == 0 && symlink("/etc/passwd", a) == 0 && wait_for_drift(7),
          "a link in the place of a file is noticed");
    CHECK_TEXT(list_folder(arena, path_in(arena, "drift", "volumes")), whole, "and set right too");
    for (int i = 0; i < 10; i++)
        loop_turn(loop, 20 * CLOCK_MS);
    CHECK_INT(drifts, 7, "what was put back by the agent is no change");
    made.pod->removing = true;
    unlink(a);
    for (int i = 0; i < 10; i++)
        loop_turn(loop, 20 * CLOCK_MS);
    CHECK_INT(drifts, 7, "a pod that is being removed is left alone");
    delete_pod(&made);
}

/* ---- Hosts */

static char *read_hosts(struct arena *arena)
{
    char *bytes = arena_alloc(arena, 65536);
    int fd = open(path_in(arena, "hosts", "hosts"), O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, bytes, 65535) : 0;

    bytes[got > 0 ? got : 0] = '\0';
    if (fd >= 0)
        close(fd);
    return bytes;
}

static void test_hosts(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct made made = make_pod(arena, "hosts", "{hosts: ['127.0.0.2 a.lab', '127.0.0.3 b.lab']}");
    char *first = read_hosts(arena), *second;
    struct err err = {0};

    CHECK(text_ends(first, "\n\n127.0.0.2 a.lab\n127.0.0.3 b.lab\n"),
          "a pod's hosts come after the machine's: %s", first);
    CHECK(strlen(first) > strlen("\n\n127.0.0.2 a.lab\n127.0.0.3 b.lab\n"), "which has some");
    CHECK_INT(process_files_hosts(made.pod, read_text(arena, "['127.0.0.4 c']"), &err), 0,
              "shorter ones");
    second = read_hosts(arena);
    CHECK(text_ends(second, "\n\n127.0.0.4 c\n"), "take their place, and nothing else stays");
    process_pod_delete(made.pod);
    CHECK(process_files_hosts(made.pod, NULL, &err) < 0 &&
              strstr(err.text, "hosts file of pod hosts: "),
          "a pod without a folder has none: %s", err.text);
    process_pod_free(&made.pod);
}

/* ---- Claims */

static void test_claims(void)
{
    static const char *const writes =
        "{owner: lab, volumes: [{name: v, type: claim, claim: lab.data}], containers: [{name: c, "
        "mounts: [{volume: v, path: /data}]}]}";
    scoped_arena struct arena *arena = arena_new();
    char *path = arena_printf(arena, "%s/claims/lab.data", folder);
    struct made made;
    struct stat st = {0};

    if (geteuid() != 0) {
        CHECK_SKIP("not root, which owns everything itself");
        return;
    }
    made = make_pod(arena, "claim", writes);
    CHECK_INT(made.done, 0, "a claim is made: %s", made.err.text);
    CHECK(stat(path, &st) == 0 && st.st_uid == USER && st.st_gid != USER && st.st_gid >= 700000 &&
              (st.st_mode & 07777) == 02770,
          "for the pod's user and the namespace's group, %u:%u %o", st.st_uid, st.st_gid,
          (unsigned)st.st_mode & 07777);
    delete_pod(&made);
    CHECK_INT(stat(path, &st), 0, "it outlives the pod");
    CHECK(chown(path, 5, 6) == 0 && chmod(path, 0700) == 0, "one of an earlier version");
    made = make_pod(arena, "claim",
                    "{owner: lab, volumes: [{name: v, type: claim, claim: lab.data}], containers: "
                    "[{name: c, mounts: [{volume: v, path: /data, readOnly: true}]}]}");
    CHECK(made.done == 0 && stat(path, &st) == 0 && st.st_gid == 6, "is left by who only reads it");
    delete_pod(&made);
    made = make_pod(arena, "claim", writes);
    CHECK(made.done == 0 && stat(path, &st) == 0 && st.st_uid == 5 && st.st_gid >= 700000 &&
              (st.st_mode & 07777) == 02770,
          "and given to the namespace's group by who writes to it");
    delete_pod(&made);
    CHECK(chown(path, 5, 6) == 0 && chmod(path, 02700) == 0, "one that somebody has changed");
    made = make_pod(arena, "claim", writes);
    CHECK(made.done == 0 && stat(path, &st) == 0 && st.st_gid == 6, "stays so");
    delete_pod(&made);
}

int main(void)
{
    scoped_mem char *pods = NULL, *claims = NULL;
    struct err err = {0};

    loop = loop_new(&err);
    if (!loop || !mkdtemp(folder))
        return 1;
    pods = mem_printf("%s/pods", folder);
    claims = mem_printf("%s/claims", folder);
    if (mkdir(pods, 0711) < 0 || mkdir(claims, 0711) < 0)
        return 1;
    runtime = mem_alloc(sizeof *runtime);
    *runtime = (struct runtime){.options = {.loop = loop, .on_event = on_event},
                                .loop = loop,
                                .folder = "pods",
                                .directory = folder,
                                .pods = map_new(),
                                .root = geteuid() == 0};
    if (process_files_open(runtime, &err) < 0 ||
        runtime_bounds_settle(&runtime->options.bounds, &err) < 0)
        return 1;
    runtime->users = users_open(folder, runtime->options.bounds.ids);
    test_layouts();
    test_long_name();
    test_owners();
    test_memory();
    test_host_paths();
    test_other_files();
    test_restored();
    test_hosts();
    test_claims();
    process_files_close(runtime);
    users_close(&runtime->users);
    map_free(&runtime->pods);
    mem_free(&runtime);
    loop_free(&loop);
    beneath_delete(AT_FDCWD, folder);
    return check_done();
}
