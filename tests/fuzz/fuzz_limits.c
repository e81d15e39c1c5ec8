/* SPDX-License-Identifier: Apache-2.0 */
/* What a spoke writes: whatever texts and endpoints are let through are printable,
   bounded, and lead to a host without a user. */
#include "document/document.h"
#include "limits/limits.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

static void check_text(const char *text)
{
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at < 0x20 && *at != '\n' && *at != '\t')
            abort();
}

/* Nothing that a browser would run when somebody follows it. */
static bool leads_to_a_page(const char *url)
{
    return !*url || !strncasecmp(url, "http://", 7) || !strncasecmp(url, "https://", 8);
}

static void check_tree(const struct node *tree, unsigned depth)
{
    if (node_is(tree, NODE_STRING))
        check_text(node_text(tree));
    node_each(member, tree)
    {
        check_text(member->key);
        check_tree(member->value, depth + 1);
    }
    for (size_t i = 0; node_is(tree, NODE_LIST) && i < node_count(tree); i++)
        check_tree(node_item(tree, i), depth + 1);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *tree =
        document_read_json(arena, (const char *)bytes, size, &document_limits_api, NULL);
    struct err err = {0};
    const char *host = "";

    if (!tree)
        return 0;
    if (limits_check_endpoint(arena, tree, "status.endpoints[0]", &host, &err) == 0 &&
        (strpbrk(host, "@/?#\\ ") || !leads_to_a_page(node_get_text(tree, "url"))))
        abort();
    if (limits_check_texts(arena, tree, NULL, &err) == 0)
        check_tree(tree, 0);
    return 0;
}
