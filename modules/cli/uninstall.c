/* SPDX-License-Identifier: Apache-2.0 */
/* axle uninstall: removes everything of Axle from this machine. */
#include "cli/internal.h"
#include "cli/uninstall.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "config/config.h"
#include "document/document.h"
#include "meta/meta.h"
#include "runtime/runtime.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PACKAGE_LIST "/var/lib/dpkg/info/axle.list"
#define PACKAGE_DATA "/var/lib/axle"
/*
 * A folder is renamed to this before it is deleted, so that no hub or agent starts on a
 * half-deleted folder.
 */
#define ASIDE ".uninstalling"

const struct cli_help uninstall_help = {
    .brief = "removes everything of Axle from this machine",
    .what =
        "Ends the hub and the agent that work in the data folder, then what the spoke runs, "
        "each pod by its grace period, and deletes both folders, what the sample left there, "
        "and control groups. The data of claims is moved to DIR/claims-DATE. Without --yes it "
        "lists what would be deleted. The program's own file stays. If Axle was installed as a "
        "package, use apt purge axle instead. No other machine is informed: run axle leave first, "
        "or on the hub "
        "axle remove spoke NAME --lost; the spokes of a hub that goes need axle uninstall too.",
    .takes = {{"yes", "do it; without, it is only listed", NULL},
              {"delete-claims",
               "delete the data of claims too, also that of earlier spokes; it cannot be restored",
               NULL},
              {"data-dir", NULL, NULL},
              {"config",
               "the agent's own file of settings; this and the following are found out while "
               "it runs",
               NULL},
              {"runtime", "as the agent was started with it", NULL},
              {"engine-socket", "as the agent was started with it", NULL},
              {"cgroup-parent", "as the agent was started with it", NULL},
              {"cluster", "as the agent was started with it", NULL}},
    .example = "axle uninstall --yes",
    .done = "nothing of Axle is here, now or before",
    .missing_yes = true,
    .ends = {{CLI_FAILED, "something still runs or could not be deleted: run it again"},
             {CLI_SETTINGS, "it is a package's or a unit's, or the folder is not Axle's"}},
};

/* ---- What there is ------------------------------------------------------------------- */

/*
 * The names of all files that a hub or a spoke keeps in its folder, by their beginning
 * (copies and renamed files have other endings). A folder that has any other file is not
 * Axle's, or has files of the user in it, for a home directory may have a folder "hub".
 */
static const struct mark {
    const char *start;
    bool tells; /* only Axle uses this name */
} marks[] = {
    {"axle.db", true},     {"pki", true},        {"admin.kubeconfig", true},
    {"workloads", true},   {"departure", true},  {"joined-with", true},
    {"left-", true},       {"agent.sock", true}, {"control.sock", true},
    {"newest", false},     {"name", false},      {"hub", false},
    {"lost+found", false}, {".deep-", false}, /* left by an interrupted deletion */
};
/* The files that install/sample.sh leaves in the data folder. */
static const char *const leftovers[] = {"axle.log", "ca.pem", "admin.pem", "admin.key", "axle.pid"};
static const char *const roles[] = {"spoke", "hub"};

struct place {
    const struct cli_flags *flags;
    char *data;
    bool there[count_of(roles)], aside[count_of(roles)];
    struct holders running; /* the running hub and agent */
    int lock;               /* lock of the data folder, against a second uninstall; -1: none */
};

static void place_free(struct place *place)
{
    if (place->lock >= 0)
        close(place->lock);
    free(place->data);
    holders_free(&place->running);
}

static bool is_folder(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static const struct mark *find_mark(const char *name)
{
    for (size_t i = 0; i < count_of(marks); i++)
        if (text_starts(name, marks[i].start))
            return &marks[i];
    return NULL;
}

/*
 * Fails if the folder has a file that is not Axle's. A half-deleted folder may lack any of
 * its files.
 */
static int check_contents(const char *folder, bool half, struct err *err)
{
    scoped_mem char *foreign = NULL;
    bool told = half, empty = true;
    DIR *list = opendir(folder);

    if (!list)
        return err_set(err, ERR_FORBIDDEN,
                       "%.300s: %s; do this as root or as the user that Axle "
                       "runs as",
                       folder, strerror(errno));
    for (struct dirent *e; (e = readdir(list));) {
        const struct mark *mark = find_mark(e->d_name);

        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        empty = false;
        told |= mark && mark->tells;
        if (!mark && !foreign)
            foreign = mem_copy_string(e->d_name);
    }
    closedir(list);
    if (foreign && told)
        return err_set(err, ERR_INVALID,
                       "%.300s/%.200s is not Axle's, so nothing is touched: move it "
                       "away first",
                       folder, foreign);
    return empty || (told && !foreign) ? 0
                                       : err_set(err, ERR_INVALID,
                                                 "%.300s has none of the files "
                                                 "of Axle",
                                                 folder);
}

/* If "hub" or "spoke" is not Axle's folder, it and everything beside it are left alone. */
static int find_role_folder(struct place *place, size_t role, struct err *err)
{
    scoped_mem char *path = mem_printf("%s/%s", place->data, roles[role]);
    scoped_mem char *aside = mem_printf("%s" ASIDE, path);
    struct stat st;

    place->aside[role] = is_folder(aside);
    if (place->aside[role] ? check_contents(aside, true, err) < 0 : lstat(aside, &st) == 0)
        return err->code
                   ? -1
                   : err_set(err, ERR_INVALID,
                             "%.300s is not a folder, so nothing is touched: move it away first",
                             aside);
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : err_set(err, ERR_FORBIDDEN, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return err_set(err, ERR_INVALID,
                       "%.300s is not a folder of an Axle %s, so nothing in %.300s is "
                       "touched; --data-dir names Axle's",
                       path, roles[role], place->data);
    if (check_contents(path, false, err) < 0)
        return err->code == ERR_FORBIDDEN ? -1
                                          : err_wrap(err,
                                                     "that is not a folder of an Axle %s, and "
                                                     "nothing is touched",
                                                     roles[role]);
    place->there[role] = true;
    return 0;
}

static void find_running_processes(struct place *place)
{
    scoped_mem char *store = mem_printf("%s/hub/axle.db", place->data);
    scoped_mem char *spoke = mem_printf("%s/spoke", place->data);
    scoped_mem char *agents = mem_printf("%s/spoke/axle.db", place->data);

    holders_free(&place->running);
    if (place->there[1])
        holders_find(&place->running, store);
    if (place->there[0]) {
        holders_find(&place->running, spoke);
        holders_find(&place->running, agents);
    }
    /* Processes that started again while the folder was renamed. */
    for (size_t i = 0; i < count_of(roles); i++) {
        scoped_mem char *aside = mem_printf("%s/%s" ASIDE, place->data, roles[i]);
        scoped_mem char *kept = mem_printf("%s/axle.db", aside);

        holders_find(&place->running, aside);
        holders_find(&place->running, kept);
    }
}

/* The data folder may be a symbolic link; links inside it are not followed. */
static int find_installation(struct place *place, struct err *err)
{
    scoped_mem char *named = mode_data_folder(place->flags);
    char *real = realpath(named, NULL);

    struct stat st;

    if (!real && errno != ENOENT)
        return err_set(err, errno == ENOTDIR ? ERR_INVALID : ERR_FORBIDDEN, "--data-dir=%.300s: %s",
                       named, strerror(errno));
    place->data = real ? real : mem_copy_string(named);
    if (!real)
        return 0;
    if (!strcmp(real, "/") || stat(real, &st) < 0 || !S_ISDIR(st.st_mode))
        return err_set(
            err, ERR_INVALID,
            "--data-dir=%.300s is not a data folder of Axle, so nothing in it is touched", named);
    for (size_t i = 0; i < count_of(roles); i++)
        if (find_role_folder(place, i, err) < 0)
            return -1;
    find_running_processes(place);
    return 0;
}

static bool is_anything(const struct place *place)
{
    return place->there[0] || place->there[1] || place->aside[0] || place->aside[1];
}

/*
 * systemd would restart its units, and a package owns its files, so the user must remove
 * those first.
 */
static int check_owner(const struct place *place, struct err *err)
{
    if (!strcmp(place->data, PACKAGE_DATA) && file_exists(PACKAGE_LIST))
        return err_set(err, ERR_CONFLICT,
                       "Axle is installed as a package here: `apt purge axle` "
                       "ends and deletes everything, and keeps the data of claims");
    for (size_t i = 0; i < place->running.count; i++) {
        const char *unit = strstr(place->running.list[i].groups, "/axle-");
        size_t len = unit ? strcspn(unit + 1, "/\n") : 0;

        if (unit && len > 8 && !strncmp(unit + 1 + len - 8, ".service", 8))
            return err_set(err, ERR_CONFLICT,
                           "process %d is kept running by systemd: first "
                           "`systemctl disable --now %.*s`",
                           place->running.list[i].pid, (int)len, unit + 1);
    }
    return 0;
}

/* ---- Saying it ------------------------------------------------------------------------ */

static void print_folder(const char *path, const char *what)
{
    char size[48];

    if (!file_exists(path))
        return;
    erase_write_size(erase_measure(path), size);
    printf("  %-10s %s (%s)\n", what, path, size);
}

/* Matches names such as "claims-2026-11-29T18:50:43Z", which claims_keep() makes. */
static bool is_claims_folder(const char *name)
{
    int64_t when;

    return text_starts(name, "claims-") && clock_parse(name + strlen("claims-"), &when);
}

static void print_claims(const struct place *place)
{
    const char *fate = place->flags->delete_claims ? "deleted" : "kept";
    scoped_mem char *claims = mem_printf("%s/spoke/workloads/claims", place->data);
    DIR *list = opendir(claims);

    for (struct dirent *e; list && (e = readdir(list));) {
        scoped_mem char *path = mem_printf("%s/%s", claims, e->d_name);

        if (e->d_name[0] != '.')
            print_folder(path, fate);
    }
    if (list)
        closedir(list);
    list = opendir(place->data);
    for (struct dirent *e; list && (e = readdir(list));) {
        scoped_mem char *path = mem_printf("%s/%s", place->data, e->d_name);

        if (is_claims_folder(e->d_name))
            print_folder(path, fate);
    }
    if (list)
        closedir(list);
}

static void print_processes(const struct holders *holders)
{
    for (size_t i = 0; i < holders->count; i++) {
        scoped_text struct text shown = {0};
        const char *command = holders->list[i].command;

        text_add_printable(&shown, command, strnlen(command, 150), false);
        printf("  ends       process %d: %s\n", holders->list[i].pid, text_string(&shown));
    }
}

static void print_pods_to_end(const struct place *place, const char *driver)
{
    scoped_mem char *folder = mem_printf("%s/spoke/workloads/%s", place->data, driver);
    DIR *list = opendir(folder);

    for (struct dirent *e; list && (e = readdir(list));)
        if (e->d_name[0] != '.')
            printf("  ends       pod %s\n", e->d_name);
    if (list)
        closedir(list);
}

/* Warns about spokes that will have no hub after this. */
static void print_orphans(const struct place *place)
{
    scoped_mem char *path = mem_printf("%s/hub/admin.kubeconfig", place->data);
    static struct cli_flags flags;
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    SCOPED(client_close) struct cli_client *client = NULL;
    const struct node *items;

    if (!place->there[1])
        return;
    flags = *place->flags;
    flags.kubeconfig = path;
    client = place->running.count ? client_open(&flags, &err) : NULL;
    items = client ? client_request(client, arena, "GET",
                                    "/apis/" META_API_CLUSTER "/"
                                    "managedclusters",
                                    NULL, &err)
                   : NULL;
    if (!items) {
        printf("  warning    the hub does not answer, so its spokes cannot be listed: on each of "
               "them run axle uninstall, or axle reset to keep the program's place\n");
        return;
    }
    items = cli_printable(arena, node_get(items, "items"));
    for (size_t i = 0; i < node_count(items); i++) {
        const char *name = meta_name(node_item(items, i));

        if (strcmp(name, "local-cluster") != 0)
            printf("  warning    spoke %s loses its hub and goes on running what it has: first "
                   "axle remove spoke %s here, or axle uninstall there\n",
                   name, name);
    }
}

static void print_hub_of_spoke(const struct place *place)
{
    scoped_mem char *path = mem_printf("%s/spoke/hub", place->data);
    scoped_mem char *hub = file_read(path, 4096, NULL, NULL);

    if (place->there[0] && !place->there[1] && hub) {
        text_make_printable(hub);
        hub[strcspn(hub, "\n")] = '\0';
        printf("  warning    the hub %s is not told: first axle leave, or there axle remove spoke "
               "NAME --lost\n",
               hub);
    }
}

static int print_everything(const struct place *place)
{
    struct err err = {0};

    printf("Axle in %s:\n", place->data);
    print_processes(&place->running);
    print_pods_to_end(place, "pods");
    print_pods_to_end(place, "engine");
    for (size_t i = 0; i < count_of(roles); i++) {
        scoped_mem char *path = mem_printf("%s/%s", place->data, roles[i]);
        scoped_mem char *aside = mem_printf("%s" ASIDE, path);

        print_folder(path, "deleted");
        print_folder(aside, "deleted");
    }
    for (size_t i = 0; i < count_of(leftovers); i++) {
        scoped_mem char *path = mem_printf("%s/%s", place->data, leftovers[i]);

        print_folder(path, "deleted");
    }
    print_claims(place);
    print_orphans(place);
    print_hub_of_spoke(place);
    if (check_owner(place, &err) < 0)
        printf("  refused    %s\n", err.text);
    fflush(stdout);
    return cli_usage(
        "nothing is done yet: add --yes to do this%s",
        place->flags->delete_claims ? "" : "; the data of claims is then moved to DIR/claims-DATE");
}

/* ---- Doing it --------------------------------------------------------------------------- */

/* Takes one setting from the agent's command line if this command line does not have it. */
static int take_setting(const struct place *place, const char *word, const char *next,
                        struct err *err)
{
    static const char *const taken[] = {"runtime", "engine-socket", "cgroup-parent", "cluster",
                                        "config"};
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    const struct config_setting *setting = len > 2 ? config_find(word + 2, len - 2) : NULL;
    const char *value = equals ? equals + 1 : next;
    bool wanted = false;

    for (size_t i = 0; setting && i < count_of(taken); i++)
        wanted |= !strcmp(setting->key, taken[i]);
    if (!wanted || !value || config_source(place->flags->config, setting->id) == CONFIG_FLAG)
        return 0;
    if (config_set_flag(place->flags->config, setting, value, err) < 0)
        return -1;
    return setting->id == CONFIG_ID_CONFIG ? config_read_file(place->flags->config, value, err) : 0;
}

/* A running agent's engine and control groups need not be given again on this command line. */
static int take_settings(const struct place *place, struct err *err)
{
    for (size_t i = 0; i < place->running.count; i++) {
        scoped_mem char *path = mem_printf("/proc/%d/cmdline", place->running.list[i].pid);
        size_t len = 0;
        scoped_mem char *text = file_read(path, 65536, &len, NULL);

        for (const char *at = text; text && at < text + len; at += strlen(at) + 1) {
            const char *next = at + strlen(at) + 1;

            if (text_starts(at, "--") &&
                take_setting(place, at, next < text + len ? next : NULL, err) < 0)
                return err_wrap(err, "the settings of process %d", place->running.list[i].pid);
        }
    }
    return 0;
}

/* An engine's pods have a folder with this name. */
static bool has_containers(const struct place *place)
{
    scoped_mem char *folder = mem_printf("%s/spoke/workloads/engine", place->data);
    DIR *list = opendir(folder);
    bool found = false;

    for (struct dirent *e; list && (e = readdir(list));)
        found |= e->d_name[0] != '.';
    if (list)
        closedir(list);
    return found;
}

/*
 * Volumes in memory (Secrets too) lie in /dev/shm; an agent that ends its pods deletes
 * them. Only a folder that the agent's own description names is deleted, because any user
 * may make folders in /dev/shm and a pod may write any text into its template.
 */
static int delete_volumes_in_memory(const char *id, const char *description, size_t len,
                                    struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    const char *parent = arena_printf(arena, "/dev/shm/axle-%u", geteuid());
    const char *start = arena_printf(arena, "%s/%s-", parent, id);
    const struct node *list = node_get(
        document_read_json(arena, description, len, &document_limits_own, NULL), "volumes");
    struct stat st;

    if (lstat(parent, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
        return 0;
    for (size_t i = 0; i < node_count(list); i++) {
        const char *source = node_get_text(node_item(list, i), "source");
        const char *name = source + strlen(parent) + 1;

        if (text_starts(source, start) && !strchr(name, '/') && erase_tree(parent, name, err) < 0)
            return -1;
    }
    return 0;
}

static int end_by_shims(const char *workloads, struct err *err)
{
    scoped_mem char *pods = mem_printf("%s/pods", workloads);
    char *shim[] = {(char *)"shim", (char *)"--end-all", (char *)workloads, NULL};
    int result = 0;
    DIR *list;

    if (runtime_shim_main(3, shim) != 0)
        return err_set(err, ERR_OTHER, "the pods in %.300s could not be ended", workloads);
    list = opendir(pods);
    for (struct dirent *e; list && (e = readdir(list));) {
        scoped_mem char *path = mem_printf("%s/%s/pod.json", pods, e->d_name);
        size_t len = 0;
        scoped_mem char *text = e->d_name[0] != '.' ? file_read(path, 4 << 20, &len, NULL) : NULL;

        if (text && delete_volumes_in_memory(e->d_name, text, len, err) < 0)
            result = -1;
    }
    if (list)
        closedir(list);
    return result;
}

/*
 * A shim ends its own pod, even if the spoke's store is damaged. Pods of an engine or a
 * Kubernetes cluster need a client of that engine or cluster.
 */
static int end_pods(const struct place *place, struct err *err)
{
    scoped_mem char *workloads = mem_printf("%s/spoke/workloads", place->data);
    const struct config_setting *setting = config_find("runtime", strlen("runtime"));
    bool engine = place->there[0] && has_containers(place);

    if (!place->there[0])
        return 0;
    if (end_by_shims(workloads, err) < 0 ||
        (engine && config_set_flag(place->flags->config, setting, "engine", err) < 0))
        return -1;
    if (!engine && strcmp(config_text(place->flags->config, CONFIG_ID_CLUSTER), "kubernetes") != 0)
        return 0;
    return mode_end_spoke(place->flags, err);
}

/* Fails if a supervisor or a user has started the hub or the agent again. */
static int check_ended(struct place *place, struct err *err)
{
    find_running_processes(place);
    return place->running.count
               ? err_set(err, ERR_OTHER,
                         "process %d (%.200s) was started again meanwhile: stop "
                         "what starts it",
                         place->running.list[0].pid, place->running.list[0].command)
               : 0;
}

static int end_processes_and_pods(struct place *place, struct err *err)
{
    if (holders_end(&place->running, err) < 0)
        return -1;
    /* The agent of all-in-one ends after its hub, and a supervisor may restart either. */
    find_running_processes(place);
    if (holders_end(&place->running, err) < 0 || end_pods(place, err) < 0)
        return -1;
    return check_ended(place, err);
}

static int delete_role(struct place *place, size_t role, struct err *err)
{
    scoped_mem char *path = mem_printf("%s/%s", place->data, roles[role]);
    scoped_mem char *name = mem_printf("%s" ASIDE, roles[role]);
    scoped_mem char *aside = mem_printf("%s/%s", place->data, name);

    /* First the remains of an earlier uninstall, then the folder itself. */
    if (is_folder(aside) && erase_tree(place->data, name, err) < 0)
        return -1;
    if (place->there[role] && rename(path, aside) < 0 && errno != ENOENT)
        return errno == EBUSY || errno == EXDEV
                   ? erase_tree(place->data, roles[role], err)
                   : err_set(err, ERR_OTHER, "%.300s: %s", path, strerror(errno));
    if (check_ended(place, err) < 0)
        return -1;
    return is_folder(aside) ? erase_tree(place->data, name, err) : 0;
}

/* Files that exist again were made by a restarted hub or agent. */
static int check_gone(const struct place *place, struct err *err)
{
    for (size_t i = 0; i < count_of(roles); i++) {
        scoped_mem char *path = mem_printf("%s/%s", place->data, roles[i]);

        if (is_folder(path))
            return err_set(err, ERR_OTHER, "%.300s is there again: stop what starts the %s", path,
                           i ? "hub" : "agent");
    }
    return 0;
}

/* A supervisor restarts a process within about a second. */
static int watch_a_while(const struct place *place, struct err *err)
{
    for (int i = 0; i < 15; i++) {
        if (check_gone(place, err) < 0)
            return -1;
        poll(NULL, 0, 100);
    }
    return check_gone(place, err);
}

/* Deletes files only: the sample makes no folder with such a name. */
static int delete_leftovers(const struct place *place, struct err *err)
{
    for (size_t i = 0; i < count_of(leftovers); i++) {
        scoped_mem char *path = mem_printf("%s/%s", place->data, leftovers[i]);
        struct stat st;

        if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) && unlink(path) < 0 && errno != ENOENT)
            return err_set(err, ERR_OTHER, "%.300s: %s", path, strerror(errno));
    }
    return 0;
}

/* Claims whose data lies outside the folder are neither moved nor deleted. */
static int keep_claims(const struct place *place, struct err *err)
{
    scoped_mem char *spoke = mem_printf("%s/spoke", place->data);
    scoped_mem char *workloads = mem_printf("%s/workloads", spoke);

    if (!place->there[0] || !file_exists(workloads))
        return 0;
    if (!is_folder(workloads)) {
        printf("%s is a symbolic link: what it leads to stays there\n", workloads);
        return 0;
    }
    return place->flags->delete_claims ? 0 : claims_keep(spoke, err);
}

static int delete_claims(const struct place *place, struct err *err)
{
    DIR *list = opendir(place->data);
    int result = 0;

    for (struct dirent *e; list && (e = readdir(list));)
        if (is_claims_folder(e->d_name) && erase_tree(place->data, e->d_name, err) < 0)
            result = -1;
    if (list)
        closedir(list);
    return result;
}

static void delete_groups(const struct place *place, const struct holders *ended)
{
    const char *parent = config_text(place->flags->config, CONFIG_ID_CGROUP_PARENT);
    scoped_mem char *own = holders_groups(getpid());
    scoped_mem char *given = parent ? mem_printf("0::%s", parent) : NULL;

    holders_leave_group();
    holders_delete_groups(own);
    for (size_t k = 0; k < ended->count; k++)
        holders_delete_groups(ended->list[k].groups);
    if (given)
        holders_delete_groups(given);
}

static void print_end(const struct place *place)
{
    scoped_mem char *memory = mem_printf("/dev/shm/axle-%u", geteuid());
    char program[4096];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);

    rmdir(memory);
    if (rmdir(place->data) < 0 && errno == ENOTEMPTY)
        printf("%s stays: what is left in it is the data of claims, or not Axle's\n", place->data);
    program[len > 0 ? len : 0] = '\0';
    printf("nothing of Axle runs here any more, and its folders are deleted; the program itself is "
           "%s\n",
           len > 0 ? program : "where you put it");
}

static int delete_everything(struct place *place, struct err *err)
{
    if (keep_claims(place, err) < 0 ||
        (place->flags->delete_claims && delete_claims(place, err) < 0) ||
        delete_leftovers(place, err) < 0)
        return -1;
    for (size_t i = 0; i < count_of(roles); i++)
        if (delete_role(place, i, err) < 0)
            return -1;
    return 0;
}

static int run_uninstall(struct place *place, struct err *err)
{
    scoped_holders struct holders ended = {0};
    int result;

    if (check_owner(place, err) < 0 || take_settings(place, err) < 0)
        return -1;
    print_orphans(place);
    print_hub_of_spoke(place);
    fflush(stdout);
    ended = place->running;
    place->running = (struct holders){0};
    result = holders_end(&ended, err);
    if (result < 0 || end_processes_and_pods(place, err) < 0 || delete_everything(place, err) < 0)
        return -1;
    if ((ended.count ? watch_a_while : check_gone)(place, err) < 0)
        return -1;
    delete_groups(place, &ended);
    print_end(place);
    return 0;
}

/* Data of claims may be left from an earlier spoke. */
static int end_with_nothing(const struct place *place)
{
    bool deletes = place->flags->yes && place->flags->delete_claims;
    struct err err = {0};
    size_t count = 0;
    DIR *list = opendir(place->data);

    for (struct dirent *e; list && (e = readdir(list));)
        count += is_claims_folder(e->d_name);
    if (list)
        closedir(list);
    if (count && deletes && delete_claims(place, &err) < 0)
        return cli_fail(&err);
    if (count && deletes)
        rmdir(place->data);
    printf("nothing of Axle is in %s%s\n", place->data,
           !count    ? ""
           : deletes ? " any more"
                     : " but the data of claims (claims-DATE), kept from before; --yes "
                       "--delete-claims deletes it");
    return CLI_OK;
}

/* Two at the same time would delete the files that the other one checks. */
static int report_other_uninstall(const struct place *place)
{
    struct err err = {0};

    err_set(&err, ERR_OTHER, "another axle uninstall is at work in %.300s: wait for it",
            place->data);
    return cli_fail(&err);
}

int uninstall_verb(const struct cli_flags *flags)
{
    SCOPED(place_free) struct place place = {.flags = flags, .lock = -1};
    struct err err = {0};

    if (find_installation(&place, &err) < 0)
        return cli_fail(&err);
    if (!is_anything(&place))
        return end_with_nothing(&place);
    if (!flags->yes)
        return print_everything(&place);
    place.lock = file_lock_folder(place.data, &err);
    if (place.lock < 0 && err.code == ERR_CONFLICT)
        return report_other_uninstall(&place);
    if (run_uninstall(&place, &err) < 0) {
        err_wrap(&err, "not everything is gone; axle uninstall --yes goes on when the reason is");
        return cli_fail(&err);
    }
    return CLI_OK;
}
