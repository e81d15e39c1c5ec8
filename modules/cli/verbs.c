/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the mode or verb that was asked for, and the short verbs themselves. */
#include "cli/cli.h"
#include "cli/inside.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "base/version.h"
#include "config/config.h"
#include "console/console.h"
#include "document/document.h"
#include "kinds/kinds.h"
#include "runtime/runtime.h"

#include <stdio.h>
#include <string.h>

int cli_fail(const struct err *err)
{
    scoped_text struct text shown = {0};

    text_add_printable(&shown, err->text, strlen(err->text), true);
    fprintf(stderr, "axle: %s\n", text_string(&shown));
    switch (err->code) {
    case ERR_INVALID:
    case ERR_CONFLICT:
        return CLI_SETTINGS;
    case ERR_NOT_FOUND:
        return CLI_NOT_FOUND;
    case ERR_UNREACHABLE:
    case ERR_TIMEOUT:
        return CLI_NO_CONNECTION;
    case ERR_GONE:
        return CLI_LEFT;
    default:
        return CLI_FAILED;
    }
}

static int version(const struct cli_flags *flags)
{
    printf("axle %s (commit %s, %s)%s\n", version_number(), version_commit(),
           version_libraries(), console_is_built() ? "" : ", without console");
    return CLI_OK;
}

static int help(const struct cli_flags *flags)
{
    options_help();
    return CLI_OK;
}

static int kubeconfig(const struct cli_flags *flags)
{
    scoped_mem char *path = cli_kubeconfig_path(flags);
    struct err err = {0};
    scoped_mem char *text = file_read(path, 1024 * 1024, NULL, &err);

    if (!text)
        return cli_fail(&err);
    fputs(text, stdout);
    return CLI_OK;
}

static const char *condition(const struct node *object, const char *type)
{
    const struct node *list = node_at(object, "status", "conditions", NULL);

    for (size_t i = 0; i < node_count(list); i++) {
        if (strcmp(node_get_text(node_item(list, i), "type"), type) == 0)
            return node_get_text(node_item(list, i), "status");
    }
    return "Unknown";
}

/* How long ago the spoke renewed its lease; "-": it has none. */
static void write_seen(const struct node *leases, const char *name, char out[24])
{
    int64_t renewed;

    snprintf(out, 24, "-");
    for (size_t i = 0; i < node_count(leases); i++) {
        const struct node *one = node_item(leases, i), *metadata = node_get(one, "metadata");

        if (!strcmp(node_get_text(metadata, "namespace"), name) &&
            !strcmp(node_get_text(metadata, "name"), "managed-cluster-lease") &&
            clock_parse(node_get_text(node_get(one, "spec"), "renewTime"), &renewed))
            kind_age(clock_wall() - renewed, out);
    }
}

static void print_spokes(const struct node *items, const struct node *leases)
{
    printf("%-24s %-10s %-10s %s\n", "SPOKE", "AVAILABLE", "ACCEPTED", "LAST SEEN");
    for (size_t i = 0; i < node_count(items); i++) {
        const struct node *one = node_item(items, i);
        const char *name = node_get_text(node_get(one, "metadata"), "name");
        char seen[24];

        snprintf(seen, sizeof seen, "-");
        if (!strcmp(condition(one, "ManagedClusterJoined"), "True"))
            write_seen(leases, name, seen);
        printf("%-24s %-10s %-10s %s\n", name, condition(one, "ManagedClusterConditionAvailable"),
               node_get_bool(node_get(one, "spec"), "hubAcceptsClient", false) ? "yes" : "no",
               seen);
    }
}

static void print_workloads(const struct node *items)
{
    printf("\n%-16s %-24s %-12s %-8s %-8s %s\n", "NAMESPACE", "AIWORKLOAD", "PHASE",
           "SPOKES", "COPIES", "ENDPOINT");
    for (size_t i = 0; i < node_count(items); i++) {
        const struct node *one = node_item(items, i);
        const struct node *metadata = node_get(one, "metadata");
        const struct node *status = node_get(one, "status");

        printf("%-16s %-24s %-12s %-8s %-8s %s\n", node_get_text(metadata, "namespace"),
               node_get_text(metadata, "name"), node_get_text(status, "phase"),
               node_get_text(status, "ready"), node_get_text(status, "copies"),
               node_get_text(node_item(node_get(status, "endpoints"), 0), "url"));
    }
}

/* On a machine that has a spoke's folder and no hub's, its own agent is asked. */
static bool is_spoke(const struct cli_flags *flags)
{
    scoped_mem char *config = cli_kubeconfig_path(flags);
    scoped_mem char *folder = mode_folder(flags, "spoke");

    return flags->word_count > 1 ? strcmp(flags->words[1], "spoke") == 0
                                 : !file_exists(config) && file_exists(folder);
}

static int status_hub(const struct cli_flags *flags)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    scoped_client struct cli_client *client = client_open(flags, &err);
    const struct node *spokes, *loads, *leases;

    if (!client)
        return cli_fail(&err);
    spokes = client_ask(client, arena, "GET",
                        "/apis/cluster.open-cluster-management.io/v1/"
                        "managedclusters", NULL, &err);
    loads = spokes ? client_ask(client, arena, "GET",
                                "/apis/axle.dev/v1alpha1/aiworkloads", NULL, &err)
                   : NULL;
    leases = loads ? client_ask(client, arena, "GET", "/apis/coordination.k8s.io/v1/leases", NULL,
                                &err)
                   : NULL;
    if (!leases)
        return cli_fail(&err);
    print_spokes(cli_printable(arena, node_get(spokes, "items")), node_get(leases, "items"));
    print_workloads(cli_printable(arena, node_get(loads, "items")));
    return CLI_OK;
}

static int status(const struct cli_flags *flags)
{
    if (flags->word_count > 1 && strcmp(flags->words[1], "spoke") != 0 &&
        strcmp(flags->words[1], "hub") != 0) {
        fprintf(stderr, "axle: status of what? hub or spoke, not \"%s\"\n",
                flags->words[1]);
        return CLI_USAGE;
    }
    return is_spoke(flags) ? look_verb(flags) : status_hub(flags);
}

static const struct {
    const char *name;
    int (*run)(const struct cli_flags *flags);
    const char *help; /* NULL: it is in that of the program */
} verbs[] = {
    {"token", token_verb},   {"status", status}, {"kubeconfig", kubeconfig},
    {"version", version},    {"help", help},     {"render", render_verb},
    {"config", config_verb}, {"remove", remove_verb, remove_help},
    {"leave", leave_verb, leave_help}, {"reset", reset_verb, reset_help},
};

int verb_run(const struct cli_flags *flags)
{
    for (size_t i = 0; i < count_of(verbs); i++) {
        if (strcmp(verbs[i].name, flags->words[0]) != 0)
            continue;
        if (!flags->help)
            return verbs[i].run(flags);
        fputs(verbs[i].help, stdout);
        return CLI_OK;
    }
    fprintf(stderr, "axle: unknown verb \"%s\"; see axle --help\n",
            flags->words[0]);
    return CLI_USAGE;
}

static bool has_own_help(const struct cli_flags *flags)
{
    for (size_t i = 0; flags->word_count && i < count_of(verbs); i++)
        if (!strcmp(verbs[i].name, flags->words[0]))
            return verbs[i].help != NULL;
    return false;
}

/* A verb is asked for by its word; `config` takes --mode as its subject. */
static int run(const struct cli_flags *flags)
{
    if (flags->help && !has_own_help(flags))
        return help(flags);
    if (flags->version)
        return version(flags);
    if (flags->word_count)
        return verb_run(flags);
    if (config_text(flags->config, CONFIG_ID_MODE))
        return mode_run(flags);
    options_help();
    return CLI_USAGE;
}

int cli_main(int argc, char **argv)
{
    struct cli_flags flags;
    int status;

    /* A shim has a command line of its own, and nobody types these two. */
    if (argc > 1 && strcmp(argv[1], "shim") == 0)
        return runtime_shim_main(argc - 1, argv + 1);
    if (argc == 2 && strcmp(argv[1], "unpack") == 0)
        return runtime_unpack_main();
    status = options_read(argc, argv, &flags);
    if (status == CLI_OK)
        status = run(&flags);
    config_free(&flags.config);
    return status;
}
