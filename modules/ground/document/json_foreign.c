/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the JSON of other programs on this machine, with cJSON. */
#include "document/document.h"
#include "document/scan.h"

#include <cjson/cJSON.h>
#include <string.h>

#define SAFE_INTEGER 9007199254740992.0 /* 2^53 */

/*
 * cJSON allocates from the arena of the call, so its strings stay valid without a
 * copy and nothing has to be freed. cJSON's hooks have no argument, hence the
 * variable.
 */
static struct arena *foreign_arena;

static void *allocate_foreign(size_t size)
{
    return arena_alloc(foreign_arena, size);
}

static void keep_foreign(void *memory)
{
    (void)memory;
}

static cJSON *parse_foreign(struct arena *arena, const char *text, size_t len)
{
    static cJSON_Hooks hooks = {allocate_foreign, keep_foreign};
    cJSON *root;

    foreign_arena = arena;
    cJSON_InitHooks(&hooks);
    root = cJSON_ParseWithLength(text, len);
    foreign_arena = NULL;
    return root;
}

/* cJSON has doubles only. A whole number below 2^53 is exact in a double and
   becomes an integer. */
static struct node *foreign_number(struct arena *arena, double number)
{
    if (number > -SAFE_INTEGER && number < SAFE_INTEGER && (double)(int64_t)number == number)
        return node_int(arena, (int64_t)number);
    return node_float(arena, number);
}

static struct node *foreign_node(struct arena *arena, const cJSON *from)
{
    struct node *node;

    if (cJSON_IsObject(from)) {
        node = node_map(arena);
        for (const cJSON *item = from->child; item; item = item->next)
            node_set(arena, node, item->string, foreign_node(arena, item));
        return node;
    }
    if (cJSON_IsArray(from)) {
        node = node_list(arena);
        for (const cJSON *item = from->child; item; item = item->next)
            node_add(arena, node, foreign_node(arena, item));
        return node;
    }
    if (cJSON_IsNumber(from))
        return foreign_number(arena, from->valuedouble);
    if (cJSON_IsBool(from))
        return node_bool(arena, cJSON_IsTrue(from));
    return cJSON_IsString(from) ? node_string(arena, from->valuestring) : node_null(arena);
}

struct node *document_read_foreign(struct arena *arena, const char *text, size_t len,
                                   struct err *err)
{
    cJSON *root;

    /* cJSON accepts bytes that are not UTF-8, ends strings at \u0000 and has no
       limit on size. The scan refuses such texts first. */
    if (document_scan_json(text, len, &document_limits_own, err) < 0)
        return NULL;
    root = parse_foreign(arena, text, len);
    if (root)
        return foreign_node(arena, root);
    err_set(err, ERR_BAD_REQUEST, "not JSON");
    return NULL;
}
