/* SPDX-License-Identifier: Apache-2.0 */
/* What a spoke's administrator allows, and what a pod's description may say at all. */
#include "runtime/process.h"

#include "base/mem.h"
#include "check.h"
#include "document/document.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void test_ranges(void)
{
    static const struct {
        const char *text, *says;
        uint32_t first, last;
    } cases[] = {
        {"10", "", 10, 10},
        {"10-20", "", 10, 20},
        {"15-15", "", 15, 15},
        {"9", "\"9\" is not within 10-20", 0, 0},
        {"9-12", "\"9-12\" is not within 10-20", 0, 0},
        {"12-21", "\"12-21\" is not within 10-20", 0, 0},
        {"13-12", "\"13-12\" is not within 10-20", 0, 0},
        {"x", "\"x\" is neither a number nor a range such as 10-20", 0, 0},
        {"12-", "\"12-\" is neither a number nor a range such as 10-20", 0, 0},
        {"-12", "\"-12\" is neither a number nor a range such as 10-20", 0, 0},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        struct runtime_range range = {0};
        struct err err = {0};
        int done = runtime_range_read(cases[i].text, 10, 20, &range, &err);

        CHECK_INT(done, *cases[i].says ? -1 : 0, "range %s", cases[i].text);
        CHECK_TEXT(err.text, cases[i].says, "range %s: what is told", cases[i].text);
        CHECK(range.first == cases[i].first && range.last == cases[i].last, "range %s is %u-%u",
              cases[i].text, range.first, range.last);
    }
}

static const char *const no_ids[] = {"1000", "x", NULL};
static const char *const some_ids[] = {"1000", "2000-2999", NULL};
static const char *const no_paths[] = {"/data", "data", NULL};

static void test_settings(void)
{
    static const struct {
        struct runtime_bounds bounds;
        const char *says;
    } cases[] = {
        {{.ids = {0, 0}}, ""},
        {{.ids = {1, UINT32_MAX - 1}}, ""},
        {{.ids = {7, 7}, .allow_ids = some_ids}, ""},
        {{.ids = {0, 7}}, "user-base and user-count: ids 0 to 7 are not within 1-4294967294"},
        {{.ids = {5, UINT32_MAX}},
         "user-base and user-count: ids 5 to 4294967295 are not within 1-4294967294"},
        {{.ids = {8, 7}}, "user-base and user-count: ids 8 to 7 are not within 1-4294967294"},
        {{.allow_ids = no_ids},
         "allow-ids: \"x\" is neither a number nor a range such as 1-4294967294"},
        {{.host_paths = no_paths}, "host-path: \"data\" is not an absolute path"},
    };
    struct runtime_bounds plain = {0},
                          set = {.node_ports = {1, 2}, .host_ports = {3, 4}, .disk = 5};
    struct err err = {0};

    for (size_t i = 0; i < count_of(cases); i++) {
        struct runtime_bounds bounds = cases[i].bounds;
        struct err why = {0};

        CHECK_INT(runtime_bounds_settle(&bounds, &why), *cases[i].says ? -1 : 0, "settings %zu", i);
        CHECK_TEXT(why.text, cases[i].says, "settings %zu: what is told", i);
    }
    CHECK_INT(runtime_bounds_settle(&plain, &err), 0, "defaults are filled in");
    CHECK(plain.ids.first == 700000 && plain.ids.last == 759999, "of users");
    CHECK(plain.node_ports.first == 30000 && plain.node_ports.last == 32767, "of node ports");
    CHECK(plain.host_ports.first == 1024 && plain.host_ports.last == 65535, "of host ports");
    CHECK(plain.disk == INT64_C(10) << 30, "and of the disk");
    CHECK_INT(runtime_bounds_settle(&set, &err), 0, "what is set");
    CHECK(set.node_ports.last == 2 && set.host_ports.last == 4 && set.disk == 5, "stays");
}

static void test_ids(void)
{
    static const struct {
        uint32_t id;
        bool group, allow_root;
        const char *says;
    } cases[] = {
        {700000, false, false, ""},
        {759999, true, false, ""},
        {1000, false, false, ""},
        {2000, true, false, ""},
        {2999, false, false, ""},
        {0, false, true, ""},
        {0, true, true, ""},
        {3000, false, false,
         "uid 3000 is not among this spoke's own 700000-759999; its administrator lists others "
         "with --allow-ids"},
        {760000, true, true,
         "gid 760000 is not among this spoke's own 700000-759999; its administrator lists others "
         "with --allow-ids"},
        {699999, false, false,
         "uid 699999 is not among this spoke's own 700000-759999; its administrator lists others "
         "with --allow-ids"},
        {0, false, false,
         "this spoke runs nothing as uid 0; its administrator could allow it with --allow-root"},
        {0, true, false,
         "this spoke runs nothing as gid 0; its administrator could allow it with --allow-root"},
        {UINT32_MAX, false, true, "uid 4294967295 is no id"},
    };

    if (geteuid() != 0) {
        CHECK_SKIP("not root, which runs everything as itself");
        return;
    }
    for (size_t i = 0; i < count_of(cases); i++) {
        struct runtime_bounds bounds = {.allow_root = cases[i].allow_root, .allow_ids = some_ids};
        struct err err = {0}, none = {0};

        CHECK_INT(runtime_bounds_settle(&bounds, &none), 0, "bounds");
        CHECK_INT(runtime_bounds_id(&bounds, cases[i].id, cases[i].group, &err),
                  *cases[i].says ? -1 : 0, "id %u", cases[i].id);
        CHECK_TEXT(err.text, cases[i].says, "id %u: what is told", cases[i].id);
    }
}

static void test_capabilities(void)
{
    static const struct {
        const char *name;
        int number;
        bool usual;
    } cases[] = {
        {"CHOWN", 0, true},       {"CAP_CHOWN", 0, true},
        {"KILL", 5, true},        {"NET_BIND_SERVICE", 10, true},
        {"NET_ADMIN", 12, false}, {"CAP_SYS_ADMIN", 21, false},
        {"MKNOD", 27, false},     {"CHECKPOINT_RESTORE", 40, false},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        const char *plain = text_starts(cases[i].name, "CAP_") ? cases[i].name + 4 : cases[i].name;

        CHECK_INT(runtime_capability(cases[i].name), cases[i].number, "%s", cases[i].name);
        CHECK_TEXT(runtime_capability_name(cases[i].number), plain, "the name of %s", plain);
        CHECK(runtime_capability_is_usual(cases[i].number) == cases[i].usual, "%s is usual or not",
              plain);
    }
    CHECK_INT(runtime_capability("CAP_FLY"), -1, "what is no capability has no number");
    CHECK(!runtime_capability_name(-1) && !runtime_capability_name(41), "nor has it a name");
    CHECK(!runtime_capability_is_usual(-1) && !runtime_capability_is_usual(41), "nor is it usual");
}

static void test_names(void)
{
    char name[260];

    memset(name, 'a', sizeof name);
    name[120] = '\0';
    CHECK(process_is_name(name), "a name has at most 120 bytes");
    name[120] = 'a';
    name[121] = '\0';
    CHECK(!process_is_name(name), "and no more");
    name[121] = 'a';
    name[250] = '\0';
    CHECK(process_is_claim(name), "a claim's has at most 250");
    name[250] = 'a';
    name[251] = '\0';
    CHECK(!process_is_claim(name), "and no more");
    CHECK(process_is_name("a.b-9") && process_is_claim("a.b-9"), "dots and dashes may be in it");
    CHECK(!process_is_name("") && !process_is_claim(""), "something must");
    CHECK(!process_is_name(".a") && !process_is_claim(".a"), "a dot is no beginning");
    CHECK(!process_is_name("a/b") && !process_is_claim("a/b"), "slashes may not");
    CHECK(!process_is_name("A") && !process_is_claim("A"), "nor capitals");
}

static struct node *read_spec(struct arena *arena, const char *text)
{
    struct err err = {0};
    struct node *spec =
        document_read_yaml(arena, text, strlen(text), true, &document_limits_own, &err);

    if (!spec)
        printf("Bail out! %s: %s\n", text, err.text);
    return spec;
}

#define MAIN "containers: [{name: main"
#define NEEDS_MOUNTS "MountUnavailable: mountPath "
#define NO_MOUNTS " needs a mount namespace, which this machine refuses to this user"

static void test_descriptions(void)
{
    static const struct {
        const char *name, *spec, *says;
        bool namespaces, privileged;
    } cases[] = {
        {"a pod", "{id: a, " MAIN "}]}", "", true, false},
        {"no name", "{id: A, " MAIN "}]}", "id \"A\" is no name", true, false},
        {"no container", "{id: a}", "containers: from 1 to 32 are possible, not 0", true, false},
        {"a container without a name", "{id: a, containers: [{name: b}, {}]}",
         "containers[1].name \"\" is no name", true, false},
        {"a volume without a name", "{id: a, volumes: [{name: v}, {name: ../v}], " MAIN "}]}",
         "volumes[1].name \"../v\" is no name", true, false},
        {"a claim", "{id: a, volumes: [{name: v, type: claim, claim: lab.v}], " MAIN "}]}", "",
         true, false},
        {"a claim without a name", "{id: a, volumes: [{name: v, type: claim}], " MAIN "}]}",
         "volumes[0].claim \"\" is no name", true, false},
        {"a claim that is no name's",
         "{id: a, volumes: [{name: v, type: claim, claim: /}], " MAIN "}]}",
         "volumes[0].claim \"/\" is no name", true, false},
        {"usual capabilities", "{id: a, " MAIN ", capabilities: ['0', '5']}]}", "", true, false},
        {"an unusual one", "{id: a, " MAIN ", capabilities: ['0', '21']}]}",
         "NotPermitted: container main requests privileges, which this spoke does not allow", true,
         false},
        {"one that is none", "{id: a, " MAIN ", capabilities: ['x', '0']}]}",
         "NotPermitted: container main requests privileges, which this spoke does not allow", true,
         false},
        {"a privileged one", "{id: a, " MAIN ", privileged: true}]}",
         "NotPermitted: container main requests privileges, which this spoke does not allow", true,
         false},
        {"where it is allowed", "{id: a, " MAIN ", privileged: true}]}", "", true, true},
        {"an absolute path", "{id: a, " MAIN ", mounts: [{volume: v, path: /v}]}]}",
         NEEDS_MOUNTS "/v" NO_MOUNTS, false, false},
        {"where mounts can be made", "{id: a, " MAIN ", mounts: [{volume: v, path: /v}]}]}", "",
         true, false},
        {"a relative path", "{id: a, " MAIN ", mounts: [{volume: v, path: v}]}]}", "", false,
         false},
        {"a claim that is read-only",
         "{id: a, volumes: [{name: u, type: files}, {name: v, type: claim, claim: c}], " MAIN
         ", mounts: [{volume: v, path: v, readOnly: true}]}]}",
         NEEDS_MOUNTS "v is readOnly, and that" NO_MOUNTS, false, false},
        {"delivered files that are",
         "{id: a, volumes: [{name: u, type: claim, claim: c}, {name: v, type: files}], " MAIN
         ", mounts: [{volume: v, path: v, readOnly: true}]}]}",
         "", false, false},
        {"an unknown volume that is",
         "{id: a, " MAIN ", mounts: [{volume: v, path: v, readOnly: true}]}]}",
         NEEDS_MOUNTS "v is readOnly, and that" NO_MOUNTS, false, false},
        {"the second mount",
         "{id: a, " MAIN ", mounts: [{volume: v, path: v}, {volume: v, path: /w}]}]}",
         NEEDS_MOUNTS "/w" NO_MOUNTS, false, false},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct runtime runtime = {.root = true, .namespaces = cases[i].namespaces};
        struct err err = {0};
        int done;

        runtime.options.bounds.allow_privileged = cases[i].privileged;
        done = process_check_spec(&runtime, read_spec(arena, cases[i].spec), &err);
        CHECK_INT(done, *cases[i].says ? -1 : 0, "%s", cases[i].name);
        CHECK_TEXT(err.text, cases[i].says, "%s: what is told", cases[i].name);
        runtime.root = false;
        if (cases[i].privileged)
            CHECK(process_check_spec(&runtime, read_spec(arena, cases[i].spec), &err) < 0,
                  "%s: not root", cases[i].name);
    }
}

static void test_counts(void)
{
    static const struct {
        int containers, mounts;
        const char *says;
    } cases[] = {
        {32, 0, ""},
        {33, 0, "containers: from 1 to 32 are possible, not 33"},
        {1, 64, ""},
        {1, 65, "container c0 has 65 mounts, more than 64"},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct runtime runtime = {.namespaces = true};
        struct node *spec = node_map(arena), *list = node_make_list(arena, spec, "containers");
        struct err err = {0};

        node_set_text(arena, spec, "id", "a");
        for (int c = 0; c < cases[i].containers; c++) {
            struct node *container = node_map(arena), *mounts;

            node_set(arena, container, "name", node_format(arena, "c%d", c));
            mounts = node_make_list(arena, container, "mounts");
            for (int m = 0; m < cases[i].mounts; m++)
                node_add(arena, mounts, node_map(arena));
            node_add(arena, list, container);
        }
        CHECK_INT(process_check_spec(&runtime, spec, &err), *cases[i].says ? -1 : 0,
                  "%d containers with %d mounts", cases[i].containers, cases[i].mounts);
        CHECK_TEXT(err.text, cases[i].says, "what is told of them");
    }
}

/* The ids of a pod and of its containers, each by the field that says it. */
static void test_users_of_pods(void)
{
    static const struct {
        const char *spec, *says;
    } cases[] = {
        {"{" MAIN "}]}", ""},
        {"{user: 700001, group: 700002, fsGroup: 700003, groups: [700004], " MAIN "}]}", ""},
        {"{user: 5, " MAIN "}]}", "NotPermitted: runAsUser: uid 5"},
        {"{group: 5, " MAIN "}]}", "NotPermitted: runAsGroup: gid 5"},
        {"{fsGroup: 5, " MAIN "}]}", "NotPermitted: fsGroup: gid 5"},
        {"{groups: [700001, 5], " MAIN "}]}", "NotPermitted: supplementalGroups: gid 5"},
        {"{" MAIN "}, {user: 5}]}", "NotPermitted: runAsUser: uid 5"},
        {"{" MAIN "}, {group: 5}]}", "NotPermitted: runAsGroup: gid 5"},
        {"{user: -1, " MAIN "}]}", "runAsUser is not a user id"},
        {"{user: x, " MAIN "}]}", "runAsUser is not a user id"},
        {"{groups: [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1], " MAIN
         "}]}",
         "NotPermitted: more than 32 supplementalGroups"},
    };

    if (geteuid() != 0) {
        CHECK_SKIP("not root, which runs everything as itself");
        return;
    }
    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct runtime runtime = {0};
        struct err err = {0};
        uint32_t user = 77;
        int done;

        CHECK_INT(runtime_bounds_settle(&runtime.options.bounds, &err), 0, "bounds");
        done = process_user_of(&runtime, read_spec(arena, cases[i].spec), &user, &err);
        CHECK_INT(done, *cases[i].says ? -1 : 0, "%s", cases[i].spec);
        CHECK(text_starts(err.text, cases[i].says), "%s: what is told: %s", cases[i].spec,
              err.text);
        CHECK_INT(user, done < 0 ? 77 : 0, "an agent that is not root's has its own user");
    }
}

int main(void)
{
    test_ranges();
    test_settings();
    test_ids();
    test_capabilities();
    test_names();
    test_descriptions();
    test_counts();
    test_users_of_pods();
    return check_done();
}
