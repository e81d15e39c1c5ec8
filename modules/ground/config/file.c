/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a file of settings; an error names the line of the wrong setting. */
#include "config/internal.h"

#include "base/file.h"
#include "base/text.h"
#include "document/document.h"

#include <string.h>

#define FILE_LIMIT ((size_t)1024 * 1024)

/* The line of a key, 0 if it is not found. YAML nodes have no positions, but the
   file is flat, so a key stands at the beginning of its line. */
static int line_of_member(const char *text, const char *key)
{
    size_t len = strlen(key);
    int line = 1;

    for (const char *at = text; at; at = strchr(at, '\n'), line++) {
        if (*at == '\n')
            at++;
        if (*at == '"' || *at == '\'')
            at++;
        if (strncmp(at, key, len) == 0 && strchr("\"' \t:", at[len]) && at[len])
            return line;
    }
    return 0;
}

static char *place_in_file(struct arena *arena, const char *path, const char *text, const char *key)
{
    int line = line_of_member(text, key);

    return line ? arena_printf(arena, "%s:%d: %s", path, line, key)
                : arena_printf(arena, "%s: %s", path, key);
}

/* A scalar in the form that it has on a command line; NULL for lists, maps and null. */
static const char *text_of(struct arena *arena, const struct node *node)
{
    switch (node->type) {
    case NODE_STRING:
        return node->string;
    case NODE_BOOL:
        return node->boolean ? "true" : "false";
    case NODE_INT:
        return arena_printf(arena, "%lld", (long long)node->integer);
    default:
        return NULL;
    }
}

static int read_setting_list(struct config *config, struct arena *arena,
                             const struct config_setting *setting, const struct node *list,
                             const char *from, struct err *err)
{
    for (size_t i = 0; i < node_count(list); i++) {
        const char *text = text_of(arena, node_item(list, i));

        if (!text)
            return err_set(err, ERR_INVALID, "%s: item %zu is no text", from, i + 1);
        if (config_keep(config, setting, text, CONFIG_FILE, from, err) < 0)
            return -1;
    }
    return 0;
}

static int read_setting(struct config *config, struct arena *arena,
                        const struct node_member *member, const char *from, struct err *err)
{
    const struct config_setting *setting = config_find(member->key, strlen(member->key));
    const char *near, *text;

    if (!setting) {
        near = config_nearest(member->key);
        return err_set(err, ERR_INVALID, "%s: there is no such setting%s%s%s", from,
                       near ? "; did you mean " : "; axle config print shows all", near ? near : "",
                       near ? "?" : "");
    }
    if (setting->id == CONFIG_ID_CONFIG)
        return err_set(err, ERR_INVALID, "%s: a file cannot name another one", from);
    if (setting->type == CONFIG_LIST && member->value->type == NODE_LIST)
        return read_setting_list(config, arena, setting, member->value, from, err);
    text = text_of(arena, member->value);
    if (!text)
        return err_set(err, ERR_INVALID,
                       "%s: needs one value%s; the built-in one holds if the line is left out",
                       from, setting->type == CONFIG_LIST ? " or a list" : "");
    return config_keep(config, setting, text, CONFIG_FILE, from, err);
}

int config_read_file(struct config *config, const char *path, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    size_t len;
    scoped_mem char *text = file_read(path, FILE_LIMIT, &len, err);
    const struct node *root;

    if (!text)
        return err_wrap(err, "--config");
    root = document_read_yaml(arena, text, len, DOCUMENT_KEYS_ONCE, &document_limits_own, err);
    if (!root)
        return err_wrap(err, "%s", path);
    /* A file without content, or with comments only. */
    if (root->type == NODE_NULL)
        return 0;
    if (root->type != NODE_MAP)
        return err_set(err, ERR_INVALID, "%s: is no map; write lines like \"log-level: info\"",
                       path);
    node_each(member, root)
    {
        if (read_setting(config, arena, member, place_in_file(arena, path, text, member->key),
                         err) < 0)
            return -1;
    }
    return 0;
}
