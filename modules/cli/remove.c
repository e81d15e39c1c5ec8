/* SPDX-License-Identifier: Apache-2.0 */
/* axle remove spoke NAME [--lost]: deletes a spoke on the hub, and waits until it has gone. */
#include "cli/internal.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "loop/loop.h"
#include "meta/meta.h"
#include "query/query.h"

#include <stdio.h>
#include <string.h>

#define CLUSTERS "/apis/" META_API_CLUSTER "/managedclusters/"
/* The hub waits one minute for the spoke before it deletes what is left by itself. */
#define WAIT (150 * CLOCK_SECOND)
#define LOOK_EVERY (200 * CLOCK_MS)

const struct cli_help remove_help = {
    .words = "NAME",
    .least = 1,
    .most = 1,
    .brief = "removes a spoke from its hub",
    .what =
        "Removes a spoke from its hub. The spoke ends its works and reports that; after a minute "
        "the hub continues without it. Then its certificate is refused. A spoke that was offline "
        "learns of its removal when it returns, and ends what it runs; the data of its claims is "
        "kept on its disk.\nTo let it join again: axle token create --name=NAME, and --token-file "
        "on the machine.",
    .takes =
        {{"lost",
          "the machine is lost: the hub does not wait for it, and refuses its certificate at "
          "once. Do not use this for a machine that may still write to data that others will use: "
          "it keeps running until it reaches the hub again",
          NULL},
         TAKES_HUB},
    .example = "axle remove spoke edge-1",
    .done = "it was removed",
    .ends =
        {{CLI_FAILED, "the hub refused it"},
         {CLI_SETTINGS, "the request or the kubeconfig is not valid"},
         {CLI_NOT_FOUND, "there is no such spoke"},
         {CLI_NO_CONNECTION,
          "the hub does not respond, or the spoke is not removed after two and a half minutes"}},
};

static int declare_lost(struct cli_client *client, struct arena *arena, const char *target,
                        struct err *err)
{
    struct node *patch = node_map(arena);
    struct node *metadata = node_make(arena, patch, "metadata");

    node_set_text(arena, node_make(arena, metadata, "annotations"), META_ANNOTATION_LOST, "true");
    return client_request(client, arena, "PATCH", target, patch, err) ? 0 : -1;
}

/* If the UID has changed, a new cluster with this name exists, and the old one has gone. */
static int wait_until_gone(struct cli_client *client, const char *target, const char *uid,
                           struct err *err)
{
    int64_t end = clock_steady() + WAIT;
    scoped_text struct text said = {0};
    const char *message;

    while (clock_steady() < end) {
        scoped_arena struct arena *arena = arena_new();
        struct err why = {0};
        const struct node *now = client_request(client, arena, "GET", target, NULL, &why);

        if (!now && why.code == ERR_NOT_FOUND)
            return 0;
        if (!now) {
            *err = why;
            return -1;
        }
        if (strcmp(meta_uid(now), uid) != 0)
            return 0;
        now = cli_printable(arena, now);
        message = node_get_text(meta_condition(now, "Deleting"), "message");
        if (*message && strcmp(message, text_string(&said)) != 0) {
            fprintf(stderr, "axle: %s\n", message);
            text_cut(&said, 0);
            text_add(&said, message);
        }
        client_sleep(client, LOOK_EVERY);
    }
    return err_set(err, ERR_TIMEOUT,
                   "the spoke is not removed yet: its removal continues at the hub; kubectl get "
                   "managedcluster shows what it waits for (finalizers of others)");
}

static int remove_spoke(const struct cli_flags *flags, const char *name, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_client struct cli_client *client = client_open(flags, err);
    char *target = arena_printf(arena, CLUSTERS "%s", name);
    const struct node *there;

    if (!client)
        return -1;
    there = client_request(client, arena, "GET", target, NULL, err);
    if (!there || (flags->lost && declare_lost(client, arena, target, err) < 0))
        return -1;
    if (!client_request(client, arena, "DELETE", target, NULL, err) && err->code != ERR_NOT_FOUND)
        return -1;
    return wait_until_gone(client, target, meta_uid(there), err);
}

int remove_verb(const struct cli_flags *flags)
{
    const char *name = flags->words[flags->verb_words];
    char why[NAME_WHY];
    struct err err = {0};

    if (!name_is_dns_label(name, why))
        return cli_usage("remove spoke \"%.100s\": %s", name, why);
    if (remove_spoke(flags, name, &err) < 0)
        return cli_fail(&err);
    printf("spoke %s %s\n", name, flags->lost ? "is declared lost and removed" : "is removed");
    return CLI_OK;
}
