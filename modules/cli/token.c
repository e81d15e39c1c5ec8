/* SPDX-License-Identifier: Apache-2.0 */
/* axle token create|list|revoke. */
#include "cli/inside.h"

#include "auth/auth.h"
#include "base/clock.h"
#include "base/text.h"
#include "config/config.h"
#include "document/document.h"
#include "query/query.h"

#include <stdio.h>
#include <string.h>

#define TOKENS "/apis/axle.dev/v1alpha1/jointokens"
#define DEFAULT_TTL (15 * 60 * CLOCK_SECOND)
#define ADMIN_TTL (12 * 3600 * CLOCK_SECOND)
#define MADE_BY "axle.dev/made-by"

static void random_hex(struct text *text, size_t bytes)
{
    unsigned char random[32];

    random_bytes(random, bytes);
    text_add_hex(text, random, bytes);
}

static int read_uses(const struct cli_flags *flags, int64_t *ret, struct err *err)
{
    long long uses = 1;

    if (flags->uses && (!text_to_int(flags->uses, &uses) || uses < 1))
        return err_set(err, ERR_INVALID, "--uses=%s is not a number from 1",
                       flags->uses);
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

static int read_lifetime(const struct cli_flags *flags, int64_t *ret, struct err *err)
{
    int64_t lifetime = flags->admin ? ADMIN_TTL : DEFAULT_TTL;

    if (flags->ttl && duration_parse(flags->ttl, &lifetime, err) < 0)
        return err_set(err, ERR_INVALID, "--ttl=%s is no duration; write it like 90s, 15m or 720h",
                       flags->ttl);
    if (lifetime <= 0)
        return err_set(err, ERR_INVALID, "--ttl=%s is not ahead", flags->ttl);
    if (flags->admin && lifetime > AUTH_TOKEN_MOST)
        return err_set(err, ERR_INVALID, "--ttl=%s: an administrator's token lives a year "
                       "(8760h) at the most", flags->ttl);
    *ret = lifetime;
    return 0;
}

/* Whom an administrator's token lets in is told apart by its name. */
static int fill_admin(const struct cli_flags *flags, struct arena *arena, struct node *spec,
                      struct err *err)
{
    if (flags->pool || flags->uses)
        return err_set(err, ERR_INVALID, "--admin makes an administrator's token: --%s is for "
                       "those that machines join with", flags->pool ? "pool" : "uses");
    if (flags->output && strcmp(flags->output, "token") != 0)
        return err_set(err, ERR_INVALID, "--output=%s: an administrator's token is printed as it "
                       "is (token)", flags->output);
    node_set_text(arena, spec, "purpose", AUTH_TOKEN_ADMINISTRATOR);
    return 0;
}

static int fill_join(const struct cli_flags *flags, struct arena *arena, struct node *spec,
                     struct err *err)
{
    const char *name = config_text(flags->config, CONFIG_ID_NAME);
    char why[NAME_WHY];
    int64_t uses;

    if (read_uses(flags, &uses, err) < 0)
        return -1;
    if (name && !name_is_dns_label(name, why))
        return err_set(err, ERR_INVALID, "--name \"%.100s\": %s", name, why);
    if (flags->pool)
        node_set_text(arena, spec, "pool", flags->pool);
    if (name)
        node_add(arena, node_make_list(arena, spec, "names"), node_string(arena, name));
    node_set_int(arena, spec, "uses", uses);
    return 0;
}

static int make_object(const struct cli_flags *flags, struct arena *arena,
                       struct fresh *fresh, struct err *err)
{
    struct node *object = node_map(arena);
    struct node *spec = node_make(arena, object, "spec");
    const char *name = config_text(flags->config, CONFIG_ID_NAME);
    char expires[CLOCK_TEXT];
    int64_t lifetime;

    if (read_lifetime(flags, &lifetime, err) < 0 ||
        (flags->admin ? fill_admin : fill_join)(flags, arena, spec, err) < 0)
        return -1;
    if (flags->admin && name)
        text_add(&fresh->id, name);
    else
        random_hex(&fresh->id, 5);
    random_hex(&fresh->salt, 16);
    random_hex(&fresh->secret, 16);
    clock_format(clock_wall() + lifetime, false, expires);
    node_set_text(arena, object, "apiVersion", "axle.dev/v1alpha1");
    node_set_text(arena, object, "kind", "JoinToken");
    node_set_text(arena, node_make(arena, object, "metadata"), "name",
                  text_string(&fresh->id));
    node_set_text(arena, spec, "expiresAt", expires);
    node_set_text(arena, spec, "salt", text_string(&fresh->salt));
    node_set_text(arena, spec, "hash",
                  auth_token_hash(arena, text_string(&fresh->salt),
                                  text_string(&fresh->secret)));
    fresh->object = object;
    return 0;
}

/* The token alone goes to standard output, for scripts. */
static int print_admin(const struct fresh *fresh, const char *token)
{
    const char *name = text_string(&fresh->id);

    printf("%s\n", token);
    fprintf(stderr, "axle: whoever has this token is system:admin:%s until %s; take it back "
                    "with: axle token revoke %s\n",
            name, node_get_text(node_get(fresh->object, "spec"), "expiresAt"), name);
    return CLI_OK;
}

static int print_token(const struct cli_flags *flags, const struct joining_words *words)
{
    const char *form = flags->output ? flags->output : "command";
    scoped_text struct text text = {0};
    struct err err = {0};

    if (strcmp(form, "token") == 0)
        text_addf(&text, "%s\n", words->token);
    else if (strcmp(form, "command") == 0)
        joining_write_command(&text, words);
    else if (joining_write_cloud_init(&text, words, &err) < 0)
        return cli_fail(&err);
    fputs(text_string(&text), stdout);
    return CLI_OK;
}

/* A spoke of a pool that is not there would belong to nobody. */
static int check_pool(const struct cli_flags *flags, struct cli_client *client,
                      struct arena *arena, struct err *err)
{
    const char *slash = flags->pool ? strchr(flags->pool, '/') : NULL;
    struct err why = {0};

    if (!flags->pool)
        return 0;
    if (!slash || slash == flags->pool || !slash[1] || strpbrk(slash + 1, "/?#%"))
        return err_set(err, ERR_INVALID, "--pool=%s: write it as NAMESPACE/POOL", flags->pool);
    if (!client_ask(client, arena, "GET",
                    arena_printf(arena, "/apis/axle.dev/v1alpha1/namespaces/%.*s/computepools/%s",
                                 (int)(slash - flags->pool), flags->pool, slash + 1),
                    NULL, &why))
        return err_set(err, why.code, "--pool=%s: %.600s%s", flags->pool, why.text,
                       why.code == ERR_NOT_FOUND ? "; make the ComputePool first" : "");
    return 0;
}

const struct cli_help token_create_help = {
    .brief = "a token for a new spoke or an administrator",
    .what = "Makes a token and prints the command with which a machine joins by it; with --admin, "
            "a token that makes its bearer an administrator, for the console's login and as a "
            "bearer token of the API. It is printed this once: the hub keeps a hash.",
    .takes = {{"name", "the one spoke that may join with it; with --admin, the administrator", NULL},
              {"pool", "the pool that the spoke becomes part of", NULL},
              {"ttl", "how long it works (15m; with --admin 12h)", NULL},
              {"uses", "how many spokes may use it (1)", NULL},
              {"admin", "make an administrator's token", NULL},
              {"output", "command (default), token, cloud-init, json or yaml",
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
        check_pool(flags, client, arena, &err) < 0 ||
        !client_ask(client, arena, "POST", TOKENS, fresh.object, &err))
        return cli_fail(&err);
    text_add(&token, "axle1.");
    text_add_hex(&token, pin, sizeof pin);
    text_addf(&token, ".%s.%s", text_string(&fresh.id), text_string(&fresh.secret));
    words = (struct joining_words){
        text_string(&token), client_server(client),
        node_get_text(node_get(fresh.object, "spec"), "expiresAt"),
        config_text(flags->config, CONFIG_ID_NAME)};
    return flags->admin ? print_admin(&fresh, text_string(&token))
                        : print_token(flags, &words);
}

static void print_row(const struct node *token)
{
    const struct node *spec = node_get(token, "spec");
    const struct node *notes = node_at(token, "metadata", "annotations", NULL);
    const char *purpose = node_get_text(spec, "purpose");
    const char *maker = node_get_text(notes, MADE_BY);
    char used[48] = "-";

    if (strcmp(purpose, AUTH_TOKEN_ADMINISTRATOR) != 0)
        snprintf(used, sizeof used, "%lld/%lld",
                 (long long)node_get_int(node_get(token, "status"), "used", 0),
                 (long long)node_get_int(spec, "uses", 1));
    printf("%-14s %-14s %-22s %-8s %-20s %s\n",
           node_get_text(node_get(token, "metadata"), "name"), *purpose ? purpose : "Join",
           node_get_text(spec, "expiresAt"), used, node_get_text(spec, "pool"),
           *maker ? maker : "the hub");
}

const struct cli_help token_list_help = {
    .brief = "the tokens that the hub knows",
    .what = "Lists join tokens and administrators' tokens: for whom, until when, how often used.",
    .takes = {TAKES_HUB},
    .example = "axle token list",
    .ends = {ENDS_OF_HUB, {CLI_NOT_FOUND, "there is no kubeconfig"}},
};

int token_list_verb(const struct cli_flags *flags)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    scoped_client struct cli_client *client = client_open(flags, &err);
    const struct node *items;

    items = client ? client_ask(client, arena, "GET", TOKENS, NULL, &err) : NULL;
    if (!items)
        return cli_fail(&err);
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
    .brief = "takes tokens back",
    .what = "Deletes tokens by the names that axle token list shows. An administrator's token stops "
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

    client = client_open(flags, &err);
    if (!client)
        return cli_fail(&err);
    for (size_t i = flags->verb_words; i < flags->word_count; i++) {
        char *target = arena_printf(arena, "%s/%s", TOKENS, flags->words[i]);

        if (!client_ask(client, arena, "DELETE", target, NULL, &err))
            return cli_fail(&err);
    }
    return CLI_OK;
}
