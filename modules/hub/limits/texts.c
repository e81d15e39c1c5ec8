/* SPDX-License-Identifier: Apache-2.0 */
/* Checks texts that a machine writes and that people will see, and endpoints. */
#include "limits/limits.h"

#include "base/text.h"
#include "document/document.h"
#include "http/http.h"

#include <string.h>
#include <strings.h>

#define MOST_WORD ((size_t)2048)
#define MOST_MESSAGE ((size_t)4096)
#define MOST_URL ((size_t)1024)

/* Values under these keys may be output of programs; they are made printable
   instead of refused. */
static const char *const free_texts[] = {"message", "note", "string", "jsonRaw"};

/* A position in the tree, from the inside out. `item` is used if there is no key. */
struct step {
    const struct step *from;
    const char *key;
    size_t item;
};

static void write_step(struct text *out, const struct step *step)
{
    if (!step)
        return;
    write_step(out, step->from);
    if (!step->key) {
        text_addf(out, "[%zu]", step->item);
        return;
    }
    if (out->len)
        text_add_char(out, '.');
    text_add_printable(out, step->key, strnlen(step->key, 80), false);
}

static int refuse(const struct step *step, const char *why, struct err *err)
{
    scoped_text struct text field = {0};

    write_step(&field, step);
    return err_set(err, ERR_INVALID, "%.400s: Invalid value: %s", text_string(&field), why);
}

static bool is_free(const char *key)
{
    for (size_t i = 0; key && i < count_of(free_texts); i++)
        if (!strcmp(free_texts[i], key))
            return true;
    return false;
}

/* A message in printable form, cut at a code point. */
static struct node *shown(struct arena *arena, const struct node *message)
{
    const char *bytes = node_text(message);
    scoped_text struct text out = {0};
    size_t len = message->len;

    if (len > MOST_MESSAGE) {
        for (len = MOST_MESSAGE; len && (bytes[len] & 0xc0) == 0x80;)
            len--;
    }
    text_add_printable(&out, bytes, len, true);
    if (len < message->len)
        text_add(&out, " …");
    return node_bytes(arena, text_string(&out), out.len);
}

static int check_word(const struct node *word, const struct step *step, struct err *err)
{
    if (word->len > MOST_WORD)
        return refuse(step, "a machine may write at most 2048 bytes here", err);
    if (!text_is_printable(node_text(word), word->len, false))
        return refuse(
            step,
            "control characters and marks that change the direction of writing are not allowed here",
            err);
    return 0;
}

static int check_tree(struct arena *arena, struct node *tree, const struct step *step,
                      struct err *err)
{
    for (size_t i = 0; node_is(tree, NODE_LIST) && i < node_count(tree); i++) {
        const struct step next = {step, NULL, i};

        if (check_tree(arena, node_item(tree, i), &next, err) < 0)
            return -1;
    }
    node_each(member, tree)
    {
        const struct step next = {step, member->key, 0};
        size_t len = strlen(member->key);

        if (len > MOST_WORD || !text_is_printable(member->key, len, false))
            return refuse(&next,
                          "the key must be printable and at most 2048 bytes "
                          "long",
                          err);
        if (is_free(member->key) && node_is(member->value, NODE_STRING))
            member->value = shown(arena, member->value);
        else if (check_tree(arena, member->value, &next, err) < 0)
            return -1;
    }
    return node_is(tree, NODE_STRING) ? check_word(tree, step, err) : 0;
}

int limits_check_texts(struct arena *arena, struct node *tree, const char *field, struct err *err)
{
    const struct step first = {NULL, field, 0};

    return check_tree(arena, tree, field ? &first : NULL, err);
}

/* ---- Endpoints -------------------------------------------------------------- */

static int bad(const char *field, const char *part, const char *value, const char *why,
               struct err *err)
{
    scoped_text struct text out = {0};

    text_add_printable(&out, value, strnlen(value, 200), false);
    return err_set(err, ERR_INVALID, "%s.%s: Invalid value: \"%s\": %s", field, part,
                   text_string(&out), why);
}

static bool is_url_text(const char *url)
{
    for (; *url; url++)
        if ((unsigned char)*url <= ' ' || (unsigned char)*url >= 127 ||
            strchr("\"'<>\\^`{|}", *url))
            return false;
    return true;
}

static int check_url(struct arena *arena, const char *url, const char *field, const char **ret_host,
                     struct err *err)
{
    bool secured = !strncasecmp(url, "https://", 8);
    const char *from = url + (secured ? 8 : 7), *authority;

    if (strlen(url) > MOST_URL || !is_url_text(url))
        return bad(field, "url", url, "must be at most 1024 characters of a URL", err);
    if (!secured && strncasecmp(url, "http://", 7))
        return bad(field, "url", url, "must begin with http:// or https://", err);
    if (!http_authority_read(arena, arena_bytes(arena, from, strcspn(from, "/?#")),
                             secured ? 443 : 80, ret_host, &authority))
        return bad(field, "url", url, "must name a host, and no user", err);
    return 0;
}

static int check_address(struct arena *arena, const char *address, const char *field,
                         const char **ret_host, struct err *err)
{
    const char *authority;
    char *text = arena_printf(arena, strchr(address, ':') ? "[%s]" : "%s", address);

    if (http_authority_read(arena, text, 0, ret_host, &authority))
        return 0;
    return bad(field, "address", address, "must be an address or a host name", err);
}

static int check_port(const struct node *endpoint, const char *field, struct err *err)
{
    const struct node *port = node_get(endpoint, "port");

    if (!port || (node_is(port, NODE_INT) && port->integer >= 0 && port->integer <= 65535))
        return 0;
    return bad(field, "port", "", "must be a number from 0 to 65535", err);
}

int limits_check_endpoint(struct arena *arena, const struct node *endpoint, const char *field,
                          const char **ret_host, struct err *err)
{
    const char *url = node_get_text(endpoint, "url");
    const char *address = node_get_text(endpoint, "address");
    const char *url_host = "", *host = "";

    if (!node_is(endpoint, NODE_MAP))
        return err_set(err, ERR_INVALID, "%s: Invalid value: must be an object", field);
    if ((node_get(endpoint, "url") && !node_is(node_get(endpoint, "url"), NODE_STRING)) ||
        (node_get(endpoint, "address") && !node_is(node_get(endpoint, "address"), NODE_STRING)))
        return bad(field, "url", "", "url and address must be strings", err);
    if (*url && check_url(arena, url, field, &url_host, err) < 0)
        return -1;
    if (*address && check_address(arena, address, field, &host, err) < 0)
        return -1;
    if (*host && *url_host && strcmp(host, url_host))
        return bad(field, "url", url, "must have the endpoint's address as its host", err);
    if (check_port(endpoint, field, err) < 0)
        return -1;
    *ret_host = *host ? host : url_host;
    return 0;
}
