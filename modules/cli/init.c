/* SPDX-License-Identifier: Apache-2.0 */
/* axle init [DIR]: writes the YAML of a first project and application. */
#include "cli/internal.h"

#include "base/asset.h"
#include "base/file.h"
#include "base/text.h"
#include "controllers/controllers.h"
#include "document/document.h"
#include "query/query.h"
#include "sprig/sprig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A tenant's namespace is "tenant-NAME", and a namespace has at most 63 characters. */
#define TENANT_LIMIT (63 - 7)
#define LINE_LIMIT 1024

const struct cli_help init_help = {
    .words = "[DIR]",
    .most = 1,
    .brief = "writes the YAML of a first project and application",
    .what = "Writes DIR/project.yaml (Tenant, Project, and ComputePool or Environment) and "
            "DIR/app.yaml (WorkloadProfile, ProfileBundle, AIWorkload) as beginnings to change. "
            "Without --image and --command the application is a small HTTP service, which needs "
            "python3 on the spoke. On a terminal, and without options, it asks for the values. No "
            "file is overwritten, and no hub is needed.",
    .takes = {{"tenant", "the organisation (institute)", NULL},
              {"project", "the team, and the namespace of its name (research)", NULL},
              {"pool", "run on machines of the project's own: the name of their ComputePool", NULL},
              {"spoke", "a machine that is to join the pool; repeatable", NULL},
              {"environment", "run on one spoke of all: the name of the Environment (anywhere)",
               NULL},
              {"app", "the application (hello)", NULL},
              {"image", "a container image, for spokes with an engine", NULL},
              {"command", "the command to run; a shell runs it if it has more than plain words",
               NULL},
              {"port",
               "where it listens (0: the spoke picks one and sets $PORT; of an image: 8080)", NULL},
              {"output", "print everything to standard output, write no files", "yaml"},
              {"data-dir", "the data folder of the hub whose kubeconfig the printed commands use",
               NULL}},
    .example = "axle init hello --tenant=institute --project=research --app=hello",
    .ends = {{CLI_FAILED, "a file exists already, or cannot be written"}},
};

/* The values of the files. The strings are of argv or of the arena. */
struct beginning {
    const char *tenant, *project, *pool, *environment, *app, *image, *command, *port;
    const char *const *spokes;
};

/* ---- What may be said ----------------------------------------------------------- */

typedef char *check_fn(struct arena *arena, const char *value);

static char *check_name_label(struct arena *arena, const char *value)
{
    char why[NAME_WHY];

    return name_is_dns_label(value, why) ? NULL : arena_string(arena, why);
}

static char *check_tenant(struct arena *arena, const char *value)
{
    char *why = check_name_label(arena, value);

    if (!why && strlen(value) > TENANT_LIMIT)
        why = arena_printf(arena,
                           "must be no more than %d characters, for its namespace is "
                           "tenant-NAME",
                           TENANT_LIMIT);
    return why;
}

static char *check_project(struct arena *arena, const char *value)
{
    char *why = check_name_label(arena, value);

    if (!why && namespace_is_reserved(value))
        why = arena_printf(arena, "is reserved: names do not begin with kube-, axle-, tenant- or "
                                  "open-cluster-management; use another one");
    return why;
}

/* The files are UTF-8. "{{" would begin a template in the profile. */
static char *check_text(struct arena *arena, const char *value)
{
    if (!text_is_utf8(value, strlen(value)))
        return arena_string(arena, "must be UTF-8");
    if (strstr(value, "{{"))
        return arena_string(arena, "must be without \"{{\", which begins a template in a profile: "
                                   "leave it out here and write it into app.yaml");
    return NULL;
}

static char *check_image(struct arena *arena, const char *value)
{
    for (const char *c = value; *c; c++)
        if (*c <= ' ' || *c == 0x7f)
            return arena_string(arena, "must be an image's reference, such as "
                                       "docker.io/library/nginx:1.27, without spaces");
    return check_text(arena, value);
}

static char *check_command(struct arena *arena, const char *value)
{
    if (value[strspn(value, " ")] == '\0')
        return arena_string(arena, "must be what to run, such as \"python3 -m http.server\"");
    for (const char *c = value; *c; c++)
        if ((unsigned char)*c < ' ')
            return arena_string(arena, "must be one line");
    return check_text(arena, value);
}

static char *check_port_number(struct arena *arena, const char *value)
{
    long long port;

    /* YAML would not read "080" as the number 80, so leading zeros are refused. */
    if (text_to_int(value, &port) && port >= 0 && port <= 65535 && *value != '-' &&
        (*value != '0' || !value[1]))
        return NULL;
    return arena_string(arena, "must be a number of 0 to 65535, without zeros before it");
}

/* ---- What is asked ---------------------------------------------------------------- */

/* One value that the files need: its option, its default, its question. */
static const struct fact {
    const char *option;
    size_t at;
    check_fn *check;
    const char *initial;  /* "": optional */
    const char *question; /* NULL: the user is not asked for it */
} facts[] = {
#define FACT(field) #field, offsetof(struct beginning, field)
    {FACT(tenant), check_tenant, "institute", "Tenant: the organisation"},
    {FACT(project), check_project, "research", "Project: the team, and its namespace"},
    {FACT(pool), check_name_label, "", "Pool: machines of the project's own; none: any spoke"},
    {FACT(environment), check_name_label, "anywhere", NULL},
    {FACT(app), check_name_label, "hello", "Application"},
    {FACT(image), check_image, "", "Container image; none: a small service in Python"},
    {FACT(command), check_command, "", NULL},
    {FACT(port), check_port_number, "", NULL},
#undef FACT
};

static const char **fact_slot(struct beginning *beginning, const struct fact *fact)
{
    return (const char **)((char *)beginning + fact->at);
}

/* One line of standard input without the newline; NULL at the end of input. */
static char *read_input_line(struct arena *arena)
{
    char line[LINE_LIMIT];

    if (!fgets(line, sizeof line, stdin))
        return NULL;
    line[strcspn(line, "\r\n")] = '\0';
    return arena_string(arena, line);
}

static const char *read_fact(struct arena *arena, const struct fact *fact)
{
    for (;;) {
        char *line, *why;

        printf("%s [%s]: ", fact->question, *fact->initial ? fact->initial : "none");
        fflush(stdout);
        line = read_input_line(arena);
        if (!line)
            return NULL;
        if (!*line || (!*fact->initial && !strcmp(line, "none")))
            return *fact->initial ? fact->initial : "";
        why = fact->check(arena, line);
        if (!why)
            return line;
        printf("  \"%.100s\": %s\n", line, why);
    }
}

static int read_all_facts(struct arena *arena, struct beginning *ret)
{
    for (size_t i = 0; i < count_of(facts); i++) {
        const char *said;

        if (!facts[i].question)
            continue;
        said = read_fact(arena, &facts[i]);
        if (!said) {
            printf("\n");
            return cli_usage(
                "init: the input ended before all questions were answered; nothing was written");
        }
        *fact_slot(ret, &facts[i]) = *said ? said : NULL;
    }
    return CLI_OK;
}

static bool is_blank(const struct cli_flags *flags, struct beginning *beginning)
{
    for (size_t i = 0; i < count_of(facts); i++)
        if (*fact_slot(beginning, &facts[i]))
            return false;
    return !flags->spokes[0] && !flags->output;
}

static int check_facts(struct arena *arena, struct beginning *beginning)
{
    for (size_t i = 0; i < count_of(facts); i++) {
        const char *value = *fact_slot(beginning, &facts[i]);
        const char *why = value ? facts[i].check(arena, value) : NULL;

        if (why)
            return cli_usage("init: --%s: \"%.100s\": %s", facts[i].option, value, why);
    }
    for (size_t i = 0; beginning->spokes[i]; i++) {
        const char *why = check_name_label(arena, beginning->spokes[i]);

        if (why)
            return cli_usage("init: --spoke: \"%.100s\": %s", beginning->spokes[i], why);
    }
    if (beginning->pool && beginning->environment)
        return cli_usage("init: --pool and --environment: a pool makes an Environment of its own "
                         "name; leave one of them out");
    if (beginning->spokes[0] && !beginning->pool)
        return cli_usage("init: --spoke is a machine of a pool: give --pool=NAME too");
    return CLI_OK;
}

static void add_defaults(struct beginning *beginning)
{
    for (size_t i = 0; i < count_of(facts); i++)
        if (!*fact_slot(beginning, &facts[i]) && *facts[i].initial)
            *fact_slot(beginning, &facts[i]) = facts[i].initial;
    if (beginning->image && !beginning->port)
        beginning->port = "8080";
}

/* ---- What is written ---------------------------------------------------------------- */

/* The arguments of the command; one with shell syntax becomes `sh -c COMMAND`. */
static struct node *split_command(struct arena *arena, const char *command)
{
    struct node *list = node_list(arena);

    if (strpbrk(command, "'\"\\|&;<>()$`*?[]{}~#!=%")) {
        node_add(arena, list, node_string(arena, "sh"));
        node_add(arena, list, node_string(arena, "-c"));
        node_add(arena, list, node_string(arena, command));
        return list;
    }
    for (const char *at = command + strspn(command, " "); *at;) {
        size_t len = strcspn(at, " ");

        node_add(arena, list, node_bytes(arena, at, len));
        at += len + strspn(at + len, " ");
    }
    return list;
}

static struct node *template_values(struct arena *arena, struct beginning *beginning)
{
    struct node *values = node_map(arena), *spokes;

    for (size_t i = 0; i < count_of(facts); i++)
        if (*fact_slot(beginning, &facts[i]))
            node_set_text(arena, values, facts[i].option, *fact_slot(beginning, &facts[i]));
    if (beginning->command)
        node_set(arena, values, "command", split_command(arena, beginning->command));
    if (beginning->port && !strcmp(beginning->port, "0"))
        node_remove(values, "port");
    if (beginning->spokes[0]) {
        spokes = node_list(arena);
        for (size_t i = 0; beginning->spokes[i]; i++)
            node_add(arena, spokes, node_string(arena, beginning->spokes[i]));
        node_set(arena, values, "spokes", spokes);
    }
    return values;
}

static int render_asset(const char *path, const struct node *values, struct text *out,
                        struct err *err)
{
    const struct asset *asset = asset_find(path);
    scoped_template_set struct template_set *set = template_set_new(&sprig_options_helm);
    struct template_error error = {0};

    if (template_set_add(set, path, (const char *)asset->bytes, asset->size, &error) < 0 ||
        template_run(set, path, values, out, &error) < 0)
        return err_set(err, ERR_INTERNAL, "%.800s", error.text);
    return 0;
}

/* FOLDER/NAME without a needless "./". */
static char *join_path(struct arena *arena, const char *folder, const char *name)
{
    size_t len = strlen(folder);

    while (len > 1 && folder[len - 1] == '/')
        len--;
    if (!strcmp(folder, "."))
        return arena_string(arena, name);
    return arena_printf(arena, "%.*s%s%s", (int)len, folder, folder[len - 1] == '/' ? "" : "/",
                        name);
}

/* Makes parents as well, with the modes of the umask, as mkdir -p does. */
static int make_target_folder(const char *folder, struct err *err)
{
    scoped_mem char *path = mem_copy_string(folder);
    struct stat status;

    for (char *c = path + (*path == '/');; c++) {
        char was = *c;

        if (was != '/' && was != '\0')
            continue;
        *c = '\0';
        if (mkdir(path, 0777) < 0 && errno != EEXIST)
            return err_set(err, ERR_OTHER, "%s: %s", path, strerror(errno));
        if (stat(path, &status) < 0 || !S_ISDIR(status.st_mode))
            return err_set(err, ERR_OTHER, "%s is not a folder: name another one", path);
        if (!was)
            return 0;
        *c = was;
    }
}

/* lstat(), because a dangling symbolic link also blocks the new file. */
static bool is_written_already(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}

/* Writes both files or none: one file alone would block the next run. */
static int write_files(const char *folder, const char *const paths[2], const struct text texts[2],
                       struct err *err)
{
    for (size_t i = 0; i < 2; i++)
        if (is_written_already(paths[i]))
            return err_set(
                err, ERR_TAKEN,
                "%s exists already, and nothing is overwritten: name another folder, or print the "
                "YAML with -o yaml",
                paths[i]);
    if (make_target_folder(folder, err) < 0)
        return -1;
    for (size_t i = 0; i < 2; i++)
        if (file_write(paths[i], texts[i].bytes, texts[i].len, 0644, err) < 0) {
            if (i)
                file_remove(paths[0]);
            err->code = ERR_OTHER;
            return -1;
        }
    return 0;
}

/* Quotes a folder's path for the shell. Names need no quotes: they were checked. */
static char *shell_word(struct arena *arena, const char *word)
{
    scoped_text struct text out = {0};

    if (!strpbrk(word, " \t\n'\"\\|&;<>()$`*?[]{}~#!") && *word != '-')
        return arena_string(arena, word);
    text_add(&out, *word == '-' ? "./'" : "'");
    for (const char *c = word; *c; c++)
        text_addf(&out, *c == '\'' ? "'\\''" : "%c", *c);
    text_add(&out, "'");
    return arena_string(arena, text_string(&out));
}

static void print_next(struct arena *arena, const struct cli_flags *flags,
                       const struct beginning *beginning, const char *const paths[2])
{
    scoped_mem char *config = cli_kubeconfig_path(flags);

    printf("%s and %s were written. Look at them, then run:\n\n", paths[0], paths[1]);
    if (!flags->kubeconfig && file_exists(config))
        printf("  export KUBECONFIG=%s\n", shell_word(arena, config));
    printf("  kubectl apply -f %s -f %s\n", shell_word(arena, paths[0]),
           shell_word(arena, paths[1]));
    printf("  kubectl wait -n %s aiw/%s --for=jsonpath='{.status.phase}'=Running --timeout=2m\n",
           beginning->project, beginning->app);
    printf("  curl \"$(kubectl get -n %s aiw %s -o jsonpath='{.status.endpoints[0].url}')\"\n",
           beginning->project, beginning->app);
    if (beginning->pool && beginning->spokes[0])
        printf("\nThe pool waits for its machines. Each has a token in the Secret %s-SPOKE-join.\n",
               beginning->pool);
    else if (beginning->pool)
        printf("\nThe pool needs a machine. For the command that makes one part of it:\n"
               "  axle token create --pool=%s/%s\n",
               beginning->project, beginning->pool);
}

int init_verb(const struct cli_flags *flags)
{
    scoped_arena struct arena *arena = arena_new();
    const char *folder =
        flags->word_count > flags->verb_words ? flags->words[flags->verb_words] : ".";
    const char *const paths[] = {join_path(arena, folder, "project.yaml"),
                                 join_path(arena, folder, "app.yaml")};
    scoped_text struct text project = {0}, app = {0};
    struct beginning beginning = {
        flags->tenant, flags->project, flags->pool, flags->environment, flags->app,
        flags->image,  flags->command, flags->port, flags->spokes,
    };
    const struct node *values;
    struct err err = {0};
    int status = CLI_OK;

    if (is_blank(flags, &beginning) && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        status = read_all_facts(arena, &beginning);
    if (status == CLI_OK)
        status = check_facts(arena, &beginning);
    if (status != CLI_OK)
        return status;
    add_defaults(&beginning);
    values = template_values(arena, &beginning);
    if (render_asset("init/project.yaml", values, &project, &err) < 0 ||
        render_asset("init/app.yaml", values, &app, &err) < 0)
        return cli_fail(&err);
    if (flags->output) {
        printf("%s---\n%s", text_string(&project), text_string(&app));
        return CLI_OK;
    }
    if (write_files(folder, paths, (struct text[]){project, app}, &err) < 0)
        return cli_fail(&err);
    print_next(arena, flags, &beginning, paths);
    return CLI_OK;
}
