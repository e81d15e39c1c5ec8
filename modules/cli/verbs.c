/* SPDX-License-Identifier: Apache-2.0 */
/* axle version and axle kubeconfig. */
#include "cli/internal.h"

#include "base/text.h"
#include "base/version.h"
#include "console/console.h"
#include "document/document.h"

#include <stdio.h>
#include <string.h>

const struct cli_help version_help = {
    .brief = "the version of this program, and of its libraries",
    .what = "Prints the version, the commit it was built from and the libraries inside.",
    .takes = {TAKES_FORM},
    .example = "axle version -o json",
};

/* Adds "mbedtls 3.6.6 libevent 2.1.13" as a map of names and versions. */
static void add_libraries(struct arena *arena, struct node *to)
{
    char *words = arena_string(arena, version_libraries());

    for (char *name; (name = strsep(&words, " "));) {
        const char *number = strsep(&words, " ");

        if (*name)
            node_set_text(arena, to, name, number ? number : "");
    }
}

static void print_version_tree(const struct cli_flags *flags)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *tree = node_map(arena);

    node_set_text(arena, tree, "version", version_number());
    node_set_text(arena, tree, "commit", version_commit());
    node_set_bool(arena, tree, "console", console_is_built());
    add_libraries(arena, node_make(arena, tree, "libraries"));
    cli_print_tree(flags, tree);
}

int version_verb(const struct cli_flags *flags)
{
    if (cli_wants_tree(flags))
        print_version_tree(flags);
    else
        printf("axle %s (commit %s, %s)%s\n", version_number(), version_commit(),
               version_libraries(), console_is_built() ? "" : ", without console");
    return CLI_OK;
}

const struct cli_help kubeconfig_help = {
    .brief = "print the administrator's kubeconfig",
    .what = "Prints the kubeconfig that the hub has made for its administrator, for kubectl and "
            "other programs. It holds a private key.",
    .takes = {{"output", "the output format (yaml)", "yaml|json"}, TAKES_HUB},
    .example = "axle kubeconfig >~/.kube/config",
    .ends = {{CLI_SETTINGS, "it is no YAML"},
             {CLI_NOT_FOUND, "there is none: no hub has been started here"}},
};

int kubeconfig_verb(const struct cli_flags *flags)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    size_t len;
    scoped_mem char *path = cli_kubeconfig_path(flags);
    scoped_mem char *text = cli_kubeconfig_read(path, &len, &err);
    const struct node *tree;

    if (!text)
        return cli_fail(&err);
    tree = document_read_yaml(arena, text, len, DOCUMENT_KEYS_ONCE, &document_limits_own, &err);
    if (!tree) {
        err_wrap(&err, "%s", path);
        return cli_fail(&err);
    }
    if (flags->output && !strcmp(flags->output, "json"))
        cli_print_tree(flags, tree);
    else
        fputs(text, stdout);
    return CLI_OK;
}
