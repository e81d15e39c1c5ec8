/* SPDX-License-Identifier: Apache-2.0 */
/* Removes the fields that a work leaves to others. */
#include "work/work.h"

#include "query/query.h"

#include <string.h>

/*
 * A path is cut before its last step: what comes before finds the maps, the
 * last step names the member to take out. A step in brackets that is not a
 * quoted name ends in a list item, and those stay.
 */
struct cut {
    const char *parent; /* "" is the object itself */
    const char *field;  /* NULL: ends in an item */
};

/* Where the last step of the path begins, outside of brackets and quotes. */
static size_t find_last_step(const char *path, size_t len)
{
    size_t depth = 0, last = 0;
    char quote = 0;

    for (size_t i = 0; i < len; i++) {
        char c = path[i];

        if (quote) {
            if (c == '\\' && i + 1 < len)
                i++;
            else if (c == quote)
                quote = 0;
        } else if (c == '\\' && i + 1 < len) {
            i++;
        } else if (c == '[') {
            if (depth++ == 0)
                last = i;
        } else if (c == ']' && depth) {
            depth--;
        } else if (depth && (c == '\'' || c == '"')) {
            quote = c;
        } else if (!depth && c == '.') {
            last = i;
        }
    }
    return last;
}

/* A backslash stands before a character of a field's name that would end the step. */
static char *unescape_step(struct arena *arena, const char *text, size_t len)
{
    char *out = arena_bytes(arena, text, len);
    size_t put = 0;

    for (size_t i = 0; i < len; i++) {
        if (out[i] == '\\' && i + 1 < len)
            i++;
        out[put++] = out[i];
    }
    out[put] = 0;
    return out;
}

static struct cut split_path(struct arena *arena, const char *path)
{
    size_t len = strlen(path), at = find_last_step(path, len);
    const char *step = path + at;
    size_t step_len = len - at;
    struct cut cut = {arena_bytes(arena, path, at), NULL};

    if (*step == '.')
        cut.field = unescape_step(arena, step + 1, step_len - 1);
    else if (*step != '[')
        cut.field = unescape_step(arena, step, step_len);
    else if (step_len > 4 && (step[1] == '\'' || step[1] == '"') && step[step_len - 2] == step[1] &&
             step[step_len - 1] == ']')
        cut.field = unescape_step(arena, step + 2, step_len - 4);
    return cut;
}

/* Removes the field from every map that the first part of the path finds. */
static int remove_path(struct arena *arena, struct node *object, const char *text, struct err *err)
{
    struct jsonpath *path = jsonpath_parse_relaxed(arena, text, err);
    struct cut cut = split_path(arena, text);
    struct node *found;

    if (!path)
        return err_wrap(err, "ignoreFields: jsonPath \"%s\"", text);
    if (!cut.field || !*cut.field)
        return 0;
    if (!*cut.parent) {
        node_remove(object, cut.field);
        return 0;
    }
    path = jsonpath_parse_relaxed(arena, cut.parent, err);
    if (!path)
        return err_wrap(err, "ignoreFields: jsonPath \"%s\"", text);
    found = jsonpath_find(path, arena, object, true, err);
    if (!found)
        return err_wrap(err, "ignoreFields: jsonPath \"%s\"", text);
    for (size_t i = 0; i < node_count(found); i++)
        for (size_t k = 0; k < node_count(node_item(found, i)); k++) {
            struct node *map = node_item(node_item(found, i), k);

            if (node_is(map, NODE_MAP))
                node_remove(map, cut.field);
        }
    return 0;
}

static char *trim_path(struct arena *arena, const char *text)
{
    size_t len;

    text += strspn(text, " \t\n");
    len = strlen(text);
    while (len && strchr(" \t\n", text[len - 1]))
        len--;
    return arena_bytes(arena, text, len);
}

struct node *work_ignore_fields(struct arena *arena, const struct node *object,
                                const struct node *json_paths, struct err *err)
{
    struct node *copy = node_copy(arena, object);

    for (size_t i = 0; i < node_count(json_paths); i++)
        if (remove_path(arena, copy, trim_path(arena, node_text(node_item(json_paths, i))), err) <
            0) {
            if (err)
                err->code = ERR_INVALID;
            return NULL;
        }
    return copy;
}

/* ---- What stays as it is there --------------------------------------------- */

/* Puts back what `live` has and `bare`, which is `live` without the ignored fields, has
   not. */
static void restore_ignored(struct arena *arena, struct node *into, const struct node *live,
                            const struct node *bare)
{
    if (node_is(into, NODE_MAP))
        node_each(member, live)
        {
            if (!node_get(bare, member->key))
                node_set(arena, into, member->key, member->value);
            else
                restore_ignored(arena, node_get(into, member->key), member->value,
                                node_get(bare, member->key));
        }
    if (node_is(into, NODE_LIST))
        for (size_t i = 0; i < node_count(into) && i < node_count(live); i++)
            restore_ignored(arena, node_item(into, i), node_item(live, i), node_item(bare, i));
}

struct node *work_keep_ignored(struct arena *arena, const struct node *wanted,
                               const struct node *live, const struct node *json_paths,
                               struct err *err)
{
    struct node *kept = work_ignore_fields(arena, wanted, json_paths, err);
    struct node *bare = kept ? work_ignore_fields(arena, live, json_paths, err) : NULL;

    if (!bare)
        return NULL;
    restore_ignored(arena, kept, live, bare);
    return kept;
}

/* Writes a step of a JSON pointer as a step of a JSONPath: a number may be an index. */
static void add_path_step(struct text *path, const char *step, size_t len)
{
    bool number = len > 0;

    for (size_t i = 0; i < len; i++)
        number = number && step[i] >= '0' && step[i] <= '9';
    text_add(path, number ? "[" : "['");
    for (size_t i = 0; i < len; i++) {
        bool escape = step[i] == '~' && i + 1 < len;
        char c = escape ? (step[++i] == '1' ? '/' : '~') : step[i];

        if (c == '\'' || c == '\\')
            text_add_char(path, '\\');
        text_add_char(path, c);
    }
    text_add(path, number ? "]" : "']");
}

struct node *work_ignore_paths(struct arena *arena, const struct node *ignore, struct err *err)
{
    struct node *paths = node_list(arena);
    const struct node *list = node_get(ignore, "jsonPaths");
    const struct node *pointers = node_get(ignore, "jsonPointers");

    if (node_count(node_get(ignore, "jqPathExpressions"))) {
        err_set(err, ERR_INVALID,
                "ignoreFields: jqPathExpressions are not "
                "supported on this spoke; use jsonPaths or jsonPointers");
        return NULL;
    }
    for (size_t i = 0; i < node_count(list); i++)
        node_add(arena, paths, node_item(list, i));
    for (size_t i = 0; i < node_count(pointers); i++) {
        scoped_text struct text path = {0};
        const char *at = node_text(node_item(pointers, i));

        if (*at != '/') {
            err_set(err, ERR_INVALID,
                    "ignoreFields: jsonPointer \"%s\" does not "
                    "begin with /",
                    at);
            return NULL;
        }
        while (*at == '/') {
            size_t len = strcspn(at + 1, "/");

            add_path_step(&path, at + 1, len);
            at += len + 1;
        }
        node_add(arena, paths, node_string(arena, text_string(&path)));
    }
    return paths;
}
