/* SPDX-License-Identifier: Apache-2.0 */
/* Compares rules: do a user's rules cover the rules to be granted? */
#include "auth/internal.h"

#include "base/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* One combination of the words of a wanted rule. NULL: the rule has no such field. */
struct piece {
    const char *verb, *group, *resource, *name, *url;
};

struct pieces {
    struct piece *list;
    size_t count, room;
};

static void add_rule_piece(struct pieces *pieces, struct piece piece)
{
    if (pieces->count == pieces->room) {
        pieces->room = pieces->room ? pieces->room * 2 : 64;
        pieces->list = mem_resize_array(pieces->list, pieces->room, sizeof *pieces->list);
    }
    pieces->list[pieces->count++] = piece;
}

static bool covers_word(const struct words *have, const char *word)
{
    return words_have(have, "*") || words_have(have, word);
}

static bool covers_resource(const struct words *have, const char *resource)
{
    const char *slash;

    assert(resource); /* a rule without URLs has resources */
    slash = strchr(resource, '/');
    if (covers_word(have, resource))
        return true;
    for (size_t i = 0; slash && i < have->count; i++)
        if (text_starts(have->list[i], "*/") && strcmp(have->list[i] + 1, slash) == 0)
            return true;
    return false;
}

static bool covers_url(const struct words *have, const char *url)
{
    for (size_t i = 0; i < have->count; i++) {
        size_t len = strlen(have->list[i]);

        if (strcmp(have->list[i], url) == 0 ||
            (len && have->list[i][len - 1] == '*' && strncmp(have->list[i], url, len - 1) == 0))
            return true;
    }
    return false;
}

static bool rule_covers(const struct rule *have, const struct piece *piece)
{
    if (!covers_word(&have->verbs, piece->verb))
        return false;
    if (piece->url)
        return covers_url(&have->urls, piece->url);
    return piece->resource && covers_word(&have->groups, piece->group) &&
           covers_resource(&have->resources, piece->resource) &&
           (!have->names.count || (piece->name && words_have(&have->names, piece->name)));
}

static void check_piece(const struct rules *owner, struct pieces *missing, struct piece piece)
{
    for (size_t i = 0; i < owner->count; i++)
        if (rule_covers(&owner->list[i], &piece))
            return;
    add_rule_piece(missing, piece);
}

static void check_resource_rule(const struct rules *owner, const struct rule *rule,
                                const char *verb, struct pieces *missing)
{
    for (size_t g = 0; g < rule->groups.count; g++)
        for (size_t r = 0; r < rule->resources.count; r++) {
            struct piece piece = {
                .verb = verb, .group = rule->groups.list[g], .resource = rule->resources.list[r]};

            if (!rule->names.count)
                check_piece(owner, missing, piece);
            for (size_t n = 0; n < rule->names.count; n++) {
                piece.name = rule->names.list[n];
                check_piece(owner, missing, piece);
            }
        }
}

/* ---- What is missing, in kube-apiserver's form ------------------------------ */

static bool same_thing(const struct piece *a, const struct piece *b)
{
    return !a->url && !b->url && text_same(a->group, b->group) &&
           text_same(a->resource, b->resource) && text_same(a->name, b->name);
}

static char *describe_pieces(struct arena *arena, const struct pieces *missing, size_t first,
                             bool *done)
{
    const struct piece *piece = &missing->list[first];
    scoped_text struct text out = {0};

    text_add_char(&out, '{');
    if (piece->url)
        text_addf(&out, "NonResourceURLs:[\"%s\"]", piece->url);
    else
        text_addf(&out, "APIGroups:[\"%s\"], Resources:[\"%s\"]", piece->group, piece->resource);
    if (piece->name)
        text_addf(&out, ", ResourceNames:[\"%s\"]", piece->name);
    text_addf(&out, ", Verbs:[\"%s\"", piece->verb);
    for (size_t i = first + 1; i < missing->count; i++)
        if (!done[i] && same_thing(piece, &missing->list[i])) {
            done[i] = true;
            text_addf(&out, " \"%s\"", missing->list[i].verb);
        }
    text_add(&out, "]}");
    return arena_string(arena, text_string(&out));
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void describe_all(struct arena *arena, const struct pieces *missing, struct text *out)
{
    bool *done = arena_alloc(arena, missing->count * sizeof *done);
    char **lines = arena_alloc(arena, missing->count * sizeof *lines);
    size_t count = 0;

    for (size_t i = 0; i < missing->count; i++)
        if (!done[i])
            lines[count++] = describe_pieces(arena, missing, i, done);
    qsort(lines, count, sizeof *lines, compare_texts);
    for (size_t i = 0; i < count; i++)
        if (!i || strcmp(lines[i], lines[i - 1]) != 0)
            text_addf(out, "%s%s", i ? "\n" : "", lines[i]);
}

bool rules_cover(struct arena *arena, const struct rules *owner, const struct rules *wanted,
                 struct text *missing)
{
    struct pieces lacking = {0};
    bool all;

    for (size_t i = 0; i < wanted->count; i++) {
        const struct rule *rule = &wanted->list[i];

        for (size_t v = 0; v < rule->verbs.count; v++) {
            check_resource_rule(owner, rule, rule->verbs.list[v], &lacking);
            for (size_t u = 0; u < rule->urls.count; u++)
                check_piece(owner, &lacking,
                            (struct piece){.verb = rule->verbs.list[v], .url = rule->urls.list[u]});
        }
    }
    all = !lacking.count;
    if (!all)
        describe_all(arena, &lacking, missing);
    free(lacking.list);
    return all;
}
