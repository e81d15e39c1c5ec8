/* SPDX-License-Identifier: Apache-2.0 */
/* axle token create, list and revoke: manages join tokens on the hub. */
#include "cli/internal.h"
#include "cli/cloudinit.h"

#include "auth/auth.h"
#include "base/clock.h"
#include "base/text.h"
#include "config/config.h"
#include "controllers/controllers.h"
#include "document/document.h"
#include "meta/meta.h"
#include "pki/pki.h"
#include "query/query.h"

#include <stdio.h>
#include <string.h>

#define CLUSTERS "/apis/" META_API_CLUSTER "/managedclusters"
#define TOKENS "/apis/" META_API_AXLE "/jointokens"
#define DEFAULT_TTL (15 * 60 * CLOCK_SECOND)
#define ADMIN_TTL (12 * 3600 * CLOCK_SECOND)

static void random_hex(struct text *text, size_t bytes)
{
    unsigned char random[32];

    random_bytes(random, bytes);
    text_add_hex(text, random, bytes);
}

/* The field of a JoinToken is an int32. */
#define MOST_USES INT32_MAX

static int read_uses(const struct cli_flags *flags, int64_t *ret, struct err *err)
{
    long long uses = 1;

    if (flags->uses && (!text_to_int(flags->uses, &uses) || uses < 1 || uses > MOST_USES))
        return err_set(err, ERR_INVALID, "--uses=%.100s is not a whole number from 1 to %d",
                       flags->uses, MOST_USES);
    *ret = uses;
    return 0;
}

struct fresh {
    struct text id, salt, secret;
    struct node *object;
};

static void fresh_free(struct fresh *fresh)
{
    text_free(&fresh->id);
    text_free(&fresh->salt);
    text_free(&fresh->secret);
}

#define JOIN_MOST (10 * AUTH_TOKEN_MOST)

static int read_lifetime(const struct cli_flags *flags, int64_t *ret, struct err *err)
{
    int64_t lifetime = flags->admin ? ADMIN_TTL : DEFAULT_TTL;

    if (flags->ttl && duration_parse(flags->ttl, &lifetime, err) < 0)
        return err_set(err, ERR_INVALID,
                       "--ttl=%.100s is not a duration; write it like 90s, 15m or 720h",
                       flags->ttl);
    if (lifetime < CLOCK_SECOND)
        return err_set(err, ERR_INVALID,
                       "--ttl=%.100s: the token would have expired before it is "
                       "used; 1s is the least, 15m the default",
                       flags->ttl);
    if (flags->admin && lifetime > AUTH_TOKEN_MOST)
        return err_set(
            err, ERR_INVALID,
            "--ttl=%.100s: an administrator's token is valid for at most one year (8760h)",
            flags->ttl);
    if (lifetime > JOIN_MOST)
        return err_set(err, ERR_INVALID,
                       "--ttl=%.100s: a join token is valid for at most ten years (87600h)",
                       flags->ttl);
    *ret = lifetime;
    return 0;
}

/*
 * Only the option counts: a variable or file that sets `name` is about this machine's own
 * spoke.
 */
static const char *requested_name(const struct cli_flags *flags)
{
    return config_source(flags->config, CONFIG_ID_NAME) == CONFIG_FLAG
               ? config_text(flags->config, CONFIG_ID_NAME)
               : NULL;
}

static int check_spoke_name(const char *name, struct err *err)
{
    char why[NAME_WHY];

    if (!name || name_is_dns_label(name, why))
        return 0;
    return err_set(err, ERR_INVALID, "--name \"%.100s\": %s", name, why);
}

/* Administrators are distinguished by the name of their token. */
static int fill_admin(const struct cli_flags *flags, struct arena *arena, struct node *spec,
                      struct err *err)
{
    if (flags->pool || flags->uses)
        return err_set(err, ERR_INVALID,
                       "--admin makes an administrator's token: --%s is only for join tokens",
                       flags->pool ? "pool" : "uses");
    if (flags->output && strcmp(flags->output, "token") != 0 && !cli_wants_tree(flags))
        return err_set(
            err, ERR_INVALID,
            "--output=%s is only for join tokens; an administrator's token is printed as token, "
            "json or yaml",
            flags->output);
    node_set_text(arena, spec, "purpose", AUTH_TOKEN_ADMINISTRATOR);
    return 0;
}

static int fill_join(const struct cli_flags *flags, struct arena *arena, struct node *spec,
                     struct err *err)
{
    const char *name = requested_name(flags);
    int64_t uses;

    if (read_uses(flags, &uses, err) < 0)
        return -1;
    if (flags->pool)
        node_set_text(arena, spec, "pool", flags->pool);
    if (name)
        node_add(arena, node_make_list(arena, spec, "names"), node_string(arena, name));
    node_set_int(arena, spec, "uses", uses);
    return 0;
}

static int make_object(const struct cli_flags *flags, struct arena *arena, struct fresh *fresh,
                       struct err *err)
{
    struct node *object = node_map(arena);
    struct node *spec = node_make(arena, object, "spec");
    const char *name = requested_name(flags);
    char expires[CLOCK_TEXT];
    int64_t lifetime;

    if (check_spoke_name(name, err) < 0 || read_lifetime(flags, &lifetime, err) < 0 ||
        (flags->admin ? fill_admin : fill_join)(flags, arena, spec, err) < 0)
        return -1;
    if (flags->admin && name)
        text_add(&fresh->id, name);
    else
        random_hex(&fresh->id, 5);
    random_hex(&fresh->salt, 16);
    random_hex(&fresh->secret, 16);
    clock_format(clock_wall() + lifetime, false, expires);
    node_set_text(arena, object, "apiVersion", META_API_AXLE);
    node_set_text(arena, object, "kind", "JoinToken");
    node_set_text(arena, node_make(arena, object, "metadata"), "name", text_string(&fresh->id));
    node_set_text(arena, spec, "expiresAt", expires);
    node_set_text(arena, spec, "salt", text_string(&fresh->salt));
    node_set_text(
        arena, spec, "hash",
        pki_join_token_hash(arena, text_string(&fresh->salt), text_string(&fresh->secret)));
    fresh->object = object;
    return 0;
}

static const char *expiry_of(const struct fresh *fresh)
{
    return node_get_text(node_get(fresh->object, "spec"), "expiresAt");
}

static void print_tree(const struct cli_flags *flags, const struct fresh *fresh,
                       const struct joining_words *words)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *tree = node_map(arena);

    node_set_text(arena, tree, "name", text_string(&fresh->id));
    node_set_text(arena, tree, "token", words->token);
    node_set_text(arena, tree, "purpose", flags->admin ? AUTH_TOKEN_ADMINISTRATOR : "Join");
    node_set_text(arena, tree, "expiresAt", words->expires);
    node_set_text(arena, tree, "server", words->server);
    if (words->name && !flags->admin)
        node_set_text(arena, tree, "spoke", words->name);
    if (flags->pool)
        node_set_text(arena, tree, "pool", flags->pool);
    cli_print_tree(flags, tree);
}

/* Only the token goes to standard output, so that scripts can read it. */
static void print_admin(const struct fresh *fresh, const char *token)
{
    const char *name = text_string(&fresh->id);

    printf("%s\n", token);
    fprintf(stderr,
            "axle: this token gives the rights of system:admin:%s until %s; revoke it with: axle "
            "token revoke %s\n",
            name, expiry_of(fresh), name);
}

/*
 * The warning goes to standard error, because standard output is pasted on the other
 * machine.
 */
static void warn_of_loopback(const struct joining_words *words)
{
    static const char *const own[] = {"https://127.", "https://localhost:", "https://[::1]"};

    for (size_t i = 0; i < count_of(own); i++)
        if (!strncmp(words->server, own[i], strlen(own[i])))
            fprintf(
                stderr,
                "axle: %s can be reached from this machine only; for other machines start the hub "
                "with --listen=0.0.0.0:PORT, and use an address of it with --join\n",
                words->server);
}

static int print_token(const struct cli_flags *flags, const struct joining_words *words,
                       struct err *err)
{
    const char *form = flags->output ? flags->output : "command";
    scoped_text struct text text = {0};

    if (strcmp(form, "token") == 0)
        text_addf(&text, "%s\n", words->token);
    else if (strcmp(form, "command") == 0)
        joining_write_command(&text, words);
    else if (joining_write_cloud_init(&text, words, err) < 0)
        return -1;
    fputs(text_string(&text), stdout);
    if (strcmp(form, "token") != 0)
        warn_of_loopback(words);
    return 0;
}

/* ---- What the hub says of it beforehand ------------------------------------------ */

#define POOLS "/apis/" META_API_AXLE "/namespaces/%s/computepools"

/* Without its pool the spoke would belong to no project. */
static int check_pool_exists(const struct cli_flags *flags, struct cli_client *client,
                             struct arena *arena, struct err *err)
{
    const char *slash = flags->pool ? strchr(flags->pool, '/') : NULL;
    char why[NAME_WHY], *namespace;
    struct err said = {0};

    if (!flags->pool)
        return 0;
    namespace = slash ? arena_printf(arena, "%.*s", (int)(slash - flags->pool), flags->pool) : NULL;
    if (!slash || !*namespace || !slash[1])
        return err_set(err, ERR_INVALID, "--pool=%.200s: write it as NAMESPACE/POOL", flags->pool);
    if (!name_is_dns_label(namespace, why) || !name_is_dns_subdomain(slash + 1, why))
        return err_set(err, ERR_INVALID, "--pool=%.200s: write it as NAMESPACE/POOL; %s",
                       flags->pool, why);
    if (client_request(client, arena, "GET", arena_printf(arena, POOLS "/%s", namespace, slash + 1),
                       NULL, &said))
        return 0;
    if (said.code != ERR_NOT_FOUND)
        return err_set(err, said.code, "--pool=%.200s: %.600s", flags->pool, said.text);
    if (!client_request(client, arena, "GET",
                        arena_printf(arena, "/api/v1/namespaces/%s", namespace), NULL, &said))
        return err_set(err, said.code,
                       "--pool=%.200s: there is no namespace \"%s\"; kubectl get "
                       "projects shows those of projects; make the ComputePool first",
                       flags->pool, namespace);
    return err_set(err, ERR_NOT_FOUND,
                   "--pool=%.200s: the namespace \"%s\" has no such pool "
                   "(kubectl get computepools -n %s); make the ComputePool first",
                   flags->pool, namespace, namespace);
}

/* Checked here because the hub would refuse the machine only when it joins. */
static int check_spoke_may_join(const struct cli_flags *flags, struct cli_client *client,
                                struct arena *arena, struct err *err)
{
    const char *name = requested_name(flags), *owner;
    const struct node *namespace;
    struct err said = {0};

    if (!name || flags->admin)
        return 0;
    if (namespace_is_reserved(name))
        return err_set(err, ERR_INVALID,
                       "--name=%s: the name is reserved for the hub itself; "
                       "choose another one",
                       name);
    namespace = client_request(client, arena, "GET",
                               arena_printf(arena, "/api/v1/namespaces/%s", name), NULL, &said);
    if (!namespace && said.code != ERR_NOT_FOUND) {
        *err = said;
        return -1;
    }
    owner = meta_label(namespace, META_LABEL_OWNER_KIND);
    if (namespace && strcmp(owner, "ManagedCluster") != 0)
        return err_set(err, ERR_INVALID,
                       "--name=%s: a spoke has a namespace of its name, and that "
                       "one belongs to %s; choose another name",
                       name, *owner ? owner : "another owner");
    if (client_request(client, arena, "GET", arena_printf(arena, CLUSTERS "/%s", name), NULL,
                       &said))
        fprintf(stderr,
                "axle: the hub has a spoke \"%s\" already: this token is for the same "
                "machine to join anew; for another machine choose another name, or first "
                "axle remove spoke %s\n",
                name, name);
    return 0;
}

static int make_at_hub(const struct cli_flags *flags, struct cli_client *client,
                       struct arena *arena, const struct fresh *fresh, struct err *err)
{
    struct err said = {0};

    if (check_pool_exists(flags, client, arena, err) < 0 ||
        check_spoke_may_join(flags, client, arena, err) < 0)
        return -1;
    if (client_request(client, arena, "POST", TOKENS, fresh->object, &said))
        return 0;
    if (requested_name(flags) && strstr(said.text, "already exists"))
        return err_set(err, said.code,
                       "--name=%s: there is a token of this name; choose another "
                       "one, or first axle token revoke %s",
                       requested_name(flags), requested_name(flags));
    *err = said;
    return -1;
}

/* The token could not be printed, so nobody has it: delete it again. */
static int revoke_unprinted_token(struct cli_client *client, struct arena *arena,
                                  const struct fresh *fresh)
{
    struct err err = {0};
    bool gone =
        client_request(client, arena, "DELETE",
                       arena_printf(arena, TOKENS "/%s", text_string(&fresh->id)), NULL, &err);

    fprintf(stderr, "axle: the token %s could not be printed and is %s\n", text_string(&fresh->id),
            gone ? "revoked again" : "still valid: revoke it with axle token revoke");
    return CLI_FAILED;
}

const struct cli_help token_create_help = {
    .brief = "a token for a new spoke or an administrator",
    .what =
        "Makes a token and prints the command with which a machine joins; with --admin, a token "
        "that makes its bearer an administrator, for the console's login and as a bearer token of "
        "the API. It is printed only once: the hub stores a hash.",
    .takes = {{"name", "the one spoke that may join with it; with --admin, the administrator",
               NULL},
              {"pool", "the pool that the spoke becomes part of", NULL},
              {"ttl", "how long it is valid (15m; with --admin 12h)", NULL},
              {"uses", "how many spokes may use it (1)", NULL},
              {"admin", "make an administrator's token", NULL},
              {"output",
               "the join command (default), the token alone, user data for a machine's "
               "first boot, or all of it for programs",
               "command|token|cloud-init|json|yaml"},
              TAKES_HUB},
    .example = "axle token create --name=edge-1 --ttl=1h",
    .ends = {ENDS_OF_HUB, {CLI_NOT_FOUND, "there is no such pool, or no kubeconfig"}},
};

int token_create_verb(const struct cli_flags *flags)
{
    SCOPED(fresh_free) struct fresh fresh = {0};
    scoped_arena struct arena *arena = arena_new();
    scoped_client struct cli_client *client = NULL;
    scoped_text struct text token = {0};
    struct joining_words words;
    unsigned char pin[32];
    struct err err = {0};

    if (make_object(flags, arena, &fresh, &err) < 0) {
        cli_fail(&err);
        return CLI_USAGE;
    }
    client = client_open(flags, &err);
    if (!client || client_pin(client, pin, &err) < 0 ||
        make_at_hub(flags, client, arena, &fresh, &err) < 0)
        return cli_fail(&err);
    pki_join_token_add(&token, pin, text_string(&fresh.id), text_string(&fresh.secret));
    words = (struct joining_words){text_string(&token), client_server(client), expiry_of(&fresh),
                                   requested_name(flags)};
    if (cli_wants_tree(flags))
        print_tree(flags, &fresh, &words);
    else if (flags->admin)
        print_admin(&fresh, text_string(&token));
    else if (print_token(flags, &words, &err) < 0)
        cli_fail(&err);
    return err.code || output_failed() ? revoke_unprinted_token(client, arena, &fresh) : CLI_OK;
}

/* Leaves out the hash of the token: only the hub needs it. */
static void print_list_tree(const struct cli_flags *flags, struct arena *arena,
                            const struct node *response)
{
    struct node *tree = node_copy(arena, response), *items = node_get(tree, "items");

    for (size_t i = 0; i < node_count(items); i++) {
        struct node *one = node_item(items, i);

        node_remove(node_get(one, "metadata"), "managedFields");
        node_remove(node_get(one, "spec"), "salt");
        node_remove(node_get(one, "spec"), "hash");
    }
    cli_print_tree(flags, tree);
}

static void print_row(const struct node *token)
{
    const struct node *spec = node_get(token, "spec");
    const char *purpose = node_get_text(spec, "purpose");
    const char *maker = meta_annotation(token, META_ANNOTATION_MADE_BY);
    char used[48] = "-";

    if (strcmp(purpose, AUTH_TOKEN_ADMINISTRATOR) != 0)
        snprintf(used, sizeof used, "%lld/%lld",
                 (long long)node_get_int(node_get(token, "status"), "used", 0),
                 (long long)node_get_int(spec, "uses", 1));
    printf("%-14s %-14s %-22s %-8s %-20s %s\n", meta_name(token), *purpose ? purpose : "Join",
           node_get_text(spec, "expiresAt"), used, node_get_text(spec, "pool"),
           *maker ? maker : "the hub");
}

const struct cli_help token_list_help = {
    .brief = "the tokens that the hub knows",
    .what = "Lists join tokens and administrators' tokens: for whom, until when, how often used.",
    .takes = {TAKES_FORM, TAKES_HUB},
    .example = "axle token list -o json",
    .ends = {ENDS_OF_HUB, {CLI_NOT_FOUND, "there is no kubeconfig"}},
};

int token_list_verb(const struct cli_flags *flags)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    scoped_client struct cli_client *client = client_open(flags, &err);
    const struct node *items;

    items = client ? client_request(client, arena, "GET", TOKENS, NULL, &err) : NULL;
    if (!items)
        return cli_fail(&err);
    if (cli_wants_tree(flags)) {
        print_list_tree(flags, arena, items);
        return CLI_OK;
    }
    items = cli_printable(arena, node_get(items, "items"));
    printf("%-14s %-14s %-22s %-8s %-20s %s\n", "NAME", "PURPOSE", "EXPIRES", "USED", "POOL",
           "MADE BY");
    for (size_t i = 0; i < node_count(items); i++)
        print_row(node_item(items, i));
    return CLI_OK;
}

const struct cli_help token_revoke_help = {
    .words = "NAME…",
    .least = 1,
    .most = CLI_MOST,
    .brief = "revokes tokens",
    .what =
        "Deletes tokens by the names that axle token list shows. An administrator's token stops "
        "working at once; spokes that have joined stay.",
    .takes = {TAKES_HUB},
    .example = "axle token revoke 0123456789",
    .ends = {ENDS_OF_HUB, {CLI_NOT_FOUND, "there is no such token; those before it are revoked"}},
};

int token_revoke_verb(const struct cli_flags *flags)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    scoped_client struct cli_client *client = NULL;

    for (size_t i = flags->verb_words; i < flags->word_count; i++) {
        char why[NAME_WHY];

        if (!name_is_dns_label(flags->words[i], why))
            return cli_usage("axle token revoke \"%.100s\": %s; axle token list shows the names",
                             flags->words[i], why);
    }
    client = client_open(flags, &err);
    if (!client)
        return cli_fail(&err);
    for (size_t i = flags->verb_words; i < flags->word_count; i++) {
        char *target = arena_printf(arena, "%s/%s", TOKENS, flags->words[i]);

        if (!client_request(client, arena, "DELETE", target, NULL, &err))
            return cli_fail(&err);
    }
    return CLI_OK;
}
