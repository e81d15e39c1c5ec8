/* SPDX-License-Identifier: Apache-2.0 */
/* axle status and axle status hub: the hub's spokes and workloads. */
#include "cli/internal.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "document/document.h"
#include "kinds/kinds.h"
#include "meta/meta.h"

#include <stdio.h>
#include <string.h>

/* Until the agent has reported, the condition is missing, which counts as Unknown. */
static const char *status_or_unknown(const struct node *cluster, const char *type)
{
    const char *status = meta_condition_status(cluster, type);

    return *status ? status : "Unknown";
}

/* The age of the spoke's lease as text; "-": it has no lease. */
static void write_seen(const struct node *leases, const char *name, char out[24])
{
    int64_t renewed;

    snprintf(out, 24, "-");
    for (size_t i = 0; i < node_count(leases); i++) {
        const struct node *one = node_item(leases, i), *metadata = node_get(one, "metadata");

        if (!strcmp(node_get_text(metadata, "namespace"), name) &&
            !strcmp(node_get_text(metadata, "name"), META_LEASE_CLUSTER) &&
            clock_parse(node_get_text(node_get(one, "spec"), "renewTime"), &renewed))
            kind_age(clock_wall() - renewed, out);
    }
}

static void print_spokes(const struct node *items, const struct node *leases)
{
    printf("%-24s %-10s %-10s %s\n", "SPOKE", "AVAILABLE", "ACCEPTED", "LAST SEEN");
    for (size_t i = 0; i < node_count(items); i++) {
        const struct node *one = node_item(items, i);
        const char *name = meta_name(one);
        char seen[24];

        snprintf(seen, sizeof seen, "-");
        if (meta_condition_is_true(one, META_CONDITION_CLUSTER_JOINED))
            write_seen(leases, name, seen);
        printf("%-24s %-10s %-10s %s\n", name,
               status_or_unknown(one, META_CONDITION_CLUSTER_AVAILABLE),
               node_get_bool(node_get(one, "spec"), "hubAcceptsClient", false) ? "yes" : "no",
               seen);
    }
    if (!node_count(items))
        printf("(none yet; axle token create prints the command with which a machine joins)\n");
}

static void print_workloads(const struct node *items)
{
    printf("\n%-16s %-24s %-12s %-8s %-8s %s\n", "NAMESPACE", "AIWORKLOAD", "PHASE", "SPOKES",
           "COPIES", "ENDPOINT");
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

/* The renewTime of the spoke's lease; "": it has no lease. */
static const char *seen_at(const struct node *leases, const char *name)
{
    for (size_t i = 0; i < node_count(leases); i++) {
        const struct node *one = node_item(leases, i), *metadata = node_get(one, "metadata");

        if (!strcmp(node_get_text(metadata, "namespace"), name) &&
            !strcmp(node_get_text(metadata, "name"), META_LEASE_CLUSTER))
            return node_get_text(node_get(one, "spec"), "renewTime");
    }
    return "";
}

static void add_spokes(struct arena *arena, struct node *list, const struct node *items,
                       const struct node *leases)
{
    for (size_t i = 0; i < node_count(items); i++) {
        const struct node *one = node_item(items, i);
        const char *name = meta_name(one);
        struct node *row = node_map(arena);

        node_set_text(arena, row, "name", name);
        node_set_text(arena, row, "available",
                      status_or_unknown(one, META_CONDITION_CLUSTER_AVAILABLE));
        node_set_bool(arena, row, "accepted",
                      node_get_bool(node_get(one, "spec"), "hubAcceptsClient", false));
        if (*seen_at(leases, name))
            node_set_text(arena, row, "lastSeen", seen_at(leases, name));
        node_add(arena, list, row);
    }
}

static void add_workloads(struct arena *arena, struct node *list, const struct node *items)
{
    static const char *const copied[] = {"phase", "message", "ready", "copies", "endpoints"};

    for (size_t i = 0; i < node_count(items); i++) {
        const struct node *one = node_item(items, i), *metadata = node_get(one, "metadata");
        struct node *row = node_map(arena);

        node_set_text(arena, row, "namespace", node_get_text(metadata, "namespace"));
        node_set_text(arena, row, "name", node_get_text(metadata, "name"));
        for (size_t k = 0; k < count_of(copied); k++) {
            const struct node *value = node_get(node_get(one, "status"), copied[k]);

            if (value)
                node_set(arena, row, copied[k], node_copy(arena, value));
        }
        node_add(arena, list, row);
    }
}

/* If the machine has a spoke's folder and no hub's kubeconfig, the spoke's agent is asked. */
static bool is_spoke_machine(const struct cli_flags *flags)
{
    scoped_mem char *config = cli_kubeconfig_path(flags);
    scoped_mem char *folder = mode_folder(flags, "spoke");

    return !file_exists(config) && file_exists(folder);
}

const struct cli_help status_hub_help = {
    .brief = "the hub's spokes and workloads",
    .what = "Lists the hub's spokes and AIWorkloads with their states.",
    .takes = {TAKES_FORM, TAKES_HUB},
    .example = "axle status hub -o json",
    .ends = {ENDS_OF_HUB, {CLI_NOT_FOUND, "there is no kubeconfig"}},
};

int status_hub_verb(const struct cli_flags *flags)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    scoped_client struct cli_client *client = client_open(flags, &err);
    const struct node *spokes, *loads, *leases;

    if (!client)
        return cli_fail(&err);
    spokes = client_request(client, arena, "GET",
                            "/apis/" META_API_CLUSTER "/"
                            "managedclusters",
                            NULL, &err);
    loads = spokes ? client_request(client, arena, "GET", "/apis/" META_API_AXLE "/aiworkloads",
                                    NULL, &err)
                   : NULL;
    leases = loads ? client_request(client, arena, "GET", "/apis/" META_API_COORDINATION "/leases",
                                    NULL, &err)
                   : NULL;
    if (!leases)
        return cli_fail(&err);
    if (cli_wants_tree(flags)) {
        struct node *tree = node_map(arena);

        node_set_text(arena, tree, "hub", client_server(client));
        add_spokes(arena, node_make_list(arena, tree, "spokes"), node_get(spokes, "items"),
                   node_get(leases, "items"));
        add_workloads(arena, node_make_list(arena, tree, "workloads"), node_get(loads, "items"));
        cli_print_tree(flags, tree);
        return CLI_OK;
    }
    print_spokes(cli_printable(arena, node_get(spokes, "items")), node_get(leases, "items"));
    print_workloads(cli_printable(arena, node_get(loads, "items")));
    return CLI_OK;
}

const struct cli_help status_help = {
    .brief = "the state of this machine's hub or spoke",
    .what = "Shows what axle status hub shows, or axle status spoke on a machine that has a "
            "spoke's folder and no hub's.",
    .takes = {TAKES_FORM, TAKES_HUB},
    .example = "axle status",
    .ends = {ENDS_OF_HUB, {CLI_NOT_FOUND, "there is no kubeconfig"}},
};

int status_verb(const struct cli_flags *flags)
{
    return is_spoke_machine(flags) ? status_spoke_verb(flags) : status_hub_verb(flags);
}
