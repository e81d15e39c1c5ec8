/* SPDX-License-Identifier: Apache-2.0 */
/* The table of who may do what, and what is derived from it. */
#include "auth/internal.h"

#include "base/asset.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"

#include <string.h>

#define ROLES_ASSET "roles/built-in.yaml"
#define AGGREGATE "system:aggregate-to-"

#define NO                                                                                         \
    {                                                                                              \
        "", ACCESS_ANYWHERE, ACCESS_FIELDS_NONE                                                    \
    }
#define MAY(verbs, where, fields)                                                                  \
    {                                                                                              \
        verbs, ACCESS_##where, ACCESS_##fields                                                     \
    }
#define ROW(group, resource, subresource, join, spoke, view, edit, admin)                          \
    {group, resource, subresource, join, spoke, {view, edit, admin}},

/* clang-format off */
const struct access_row access_rows[] = {
#include "auth/access.def"
};
/* clang-format on */
const size_t access_row_count = count_of(access_rows);

static const struct {
    char letter;
    const char *verb;
} verbs[] = {
    {'g', "get"},         {'l', "list"},  {'w', "watch"},  {'c', "create"},
    {'u', "update"},      {'p', "patch"}, {'d', "delete"}, {'D', "deletecollection"},
    {'i', "impersonate"},
};

bool access_has_verb(const char *letters, const char *verb)
{
    for (size_t i = 0; i < count_of(verbs); i++)
        if (!strcmp(verbs[i].verb, verb))
            return strchr(letters, verbs[i].letter) != NULL;
    return false;
}

struct words access_verbs(struct arena *arena, const char *letters)
{
    const char **list = arena_alloc(arena, (count_of(verbs) + 1) * sizeof *list);
    size_t count = 0;

    for (size_t i = 0; i < count_of(verbs); i++)
        if (strchr(letters, verbs[i].letter))
            list[count++] = verbs[i].verb;
    return (struct words){list, count};
}

const struct access_cell *access_cell(const struct access_row *row, enum auth_role role)
{
    return role == AUTH_SPOKE ? &row->spoke : role == AUTH_JOIN ? &row->join : NULL;
}

const char *access_resource(struct arena *arena, const struct access_row *row)
{
    return *row->subresource ? arena_printf(arena, "%s/%s", row->resource, row->subresource)
                             : row->resource;
}

/* ---- Built-in roles ----------------------------------------------------------- */

static const char *const roles[ACCESS_ROLES] = {"view", "edit", "admin"};

/* What the role adds to the one below it, which it aggregates. */
static char *added_letters(struct arena *arena, const struct access_row *row, size_t role)
{
    const char *below = role ? row->roles[role - 1] : "";
    char *added = arena_string(arena, row->roles[role]), *to = added;

    for (const char *at = row->roles[role]; *at; at++)
        if (!strchr(below, *at))
            *to++ = *at;
    *to = '\0';
    return added;
}

static struct node *word_list(struct arena *arena, const struct words *words)
{
    struct node *list = node_list(arena);

    for (size_t i = 0; i < words->count; i++)
        node_add(arena, list, node_string(arena, words->list[i]));
    return list;
}

/* The rule of this group and these verbs, made if there is none yet. */
static struct node *rule_for(struct arena *arena, struct node *rules, const char *group,
                             const char *letters)
{
    const struct words words = access_verbs(arena, letters);
    struct node *verbs_list = word_list(arena, &words), *rule;

    for (size_t i = 0; i < node_count(rules); i++) {
        rule = node_item(rules, i);
        if (!strcmp(node_text(node_item(node_get(rule, "apiGroups"), 0)), group) &&
            node_same(node_get(rule, "verbs"), verbs_list))
            return rule;
    }
    rule = node_map(arena);
    node_add(arena, node_make_list(arena, rule, "apiGroups"), node_string(arena, group));
    node_make_list(arena, rule, "resources");
    node_set(arena, rule, "verbs", verbs_list);
    node_add(arena, rules, rule);
    return rule;
}

static struct node *role_rules(struct arena *arena, const char *role)
{
    struct node *rules = node_list(arena);
    size_t which = 0;

    while (which < ACCESS_ROLES && strcmp(roles[which], role) != 0)
        which++;
    for (size_t i = 0; which < ACCESS_ROLES && i < access_row_count; i++) {
        const struct access_row *row = &access_rows[i];
        const char *letters = added_letters(arena, row, which);

        if (*letters)
            node_add(arena, node_get(rule_for(arena, rules, row->group, letters), "resources"),
                     node_string(arena, access_resource(arena, row)));
    }
    return rules;
}

const struct node *auth_built_in_roles(struct arena *arena, struct err *err)
{
    const struct asset *asset = asset_find(ROLES_ASSET);
    struct node *all = document_read_all(arena, (const char *)asset->bytes, asset->size,
                                         &document_limits_own, err);

    for (size_t i = 0; all && i < node_count(all); i++) {
        struct node *role = node_item(all, i);
        const char *name = meta_name(role);

        if (text_starts(name, AGGREGATE))
            node_set(arena, role, "rules", role_rules(arena, name + strlen(AGGREGATE)));
    }
    if (!all)
        err_wrap(err, ROLES_ASSET);
    return all;
}
