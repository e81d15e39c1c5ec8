/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the rows of assets/kinds/ and finds kinds in them. */
#include "kinds/kinds.h"

#include "base/asset.h"
#include "base/map.h"
#include "document/document.h"
#include "kinds/row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "kinds/"
#define DEFINITIONS FOLDER "definitions.yaml"

struct kinds {
    struct arena *arena;      /* owned: all rows live in it */
    const struct kind **rows; /* owned */
    size_t count, room;
    struct map *by_plural; /* "group/version/plural" */
    struct map *by_kind;   /* "apiVersion/Kind" */
    struct node *definitions, *metadata;
    struct err *err; /* while reading */
    unsigned holders;
};

/* The rows are part of the program and never change, so all users share one table. */
static struct kinds *shared;

/* The rows are files of this repository, so the limits for own texts apply. */
static struct node *read_asset(struct kinds *kinds, const struct asset *asset, struct err *err)
{
    struct node *node = document_read_yaml(kinds->arena, (const char *)asset->bytes, asset->size,
                                           DOCUMENT_KEYS_ONCE, &document_limits_own, err);

    if (!node)
        err_wrap(err, "%s", asset->path);
    return node;
}

static void add_kind_row(struct kinds *kinds, const struct kind *kind)
{
    scoped_mem char *plural = mem_printf("%s/%s/%s", kind->group, kind->version, kind->plural);
    scoped_mem char *name = mem_printf("%s/%s", kind->api_version, kind->kind);

    if (kinds->count == kinds->room) {
        kinds->room = kinds->room ? kinds->room * 2 : 64;
        kinds->rows = mem_resize_array(kinds->rows, kinds->room, sizeof *kinds->rows);
    }
    kinds->rows[kinds->count++] = kind;
    map_put(kinds->by_plural, plural, (void *)kind);
    map_put(kinds->by_kind, name, (void *)kind);
}

static int on_asset(const struct asset *asset, void *arg)
{
    struct kinds *kinds = arg;
    struct node *source;
    struct kind *kind;

    if (strcmp(asset->path, DEFINITIONS) == 0)
        return 0;
    source = read_asset(kinds, asset, kinds->err);
    if (!source)
        return -1;
    kind = kind_row_read(kinds->arena, source, kinds->definitions, kinds->err);
    if (!kind)
        return err_wrap(kinds->err, "%s", asset->path);
    add_kind_row(kinds, kind);
    return 0;
}

/* Kubernetes' order of versions: v2, v1, v1beta2, v1beta1, v1alpha1. */
static int by_version(const char *left, const char *right)
{
    static const char *const words[] = {"alpha", "beta"};
    long rank[2] = {0, 0};
    const char *const both[] = {left, right};

    for (int side = 0; side < 2; side++) {
        long stage = 2, minor = 0;
        char *end;
        long major = strtol(both[side] + (*both[side] == 'v'), &end, 10);

        for (int i = 0; i < 2; i++) {
            if (strncmp(end, words[i], strlen(words[i])) != 0)
                continue;
            stage = i;
            minor = strtol(end + strlen(words[i]), NULL, 10);
        }
        rank[side] = stage * 1000000 + major * 1000 + minor;
    }
    return rank[0] < rank[1] ? 1 : rank[0] > rank[1] ? -1 : strcmp(left, right);
}

/* By group, then stored versions before others, then version, then plural. */
static int by_order(const void *a, const void *b)
{
    const struct kind *const *l = a, *const *r = b;
    const struct kind *left = *l, *right = *r;
    bool left_other = strcmp(left->version, left->stored_version) != 0;
    bool right_other = strcmp(right->version, right->stored_version) != 0;
    int order = strcmp(left->group, right->group);

    if (order)
        return order;
    if (left_other != right_other)
        return left_other - right_other;
    order = by_version(left->version, right->version);
    return order ? order : strcmp(left->plural, right->plural);
}

static int read_rows(struct kinds *kinds, struct err *err)
{
    const struct asset *definitions = asset_find(DEFINITIONS);

    if (definitions)
        kinds->definitions = read_asset(kinds, definitions, err);
    if (definitions && !kinds->definitions)
        return -1;
    kinds->metadata = kind_definition(kinds->arena, kinds->definitions, "ObjectMeta", err);
    if (!kinds->metadata)
        return err_wrap(err, DEFINITIONS);
    /* asset_each() stops at an error of on_asset(), which has no parameter for it. */
    kinds->err = err;
    if (asset_each(FOLDER, on_asset, kinds) < 0)
        return -1;
    kinds->err = NULL;
    if (!kinds->count)
        return err_set(err, ERR_INTERNAL, "no kinds in the program");
    qsort(kinds->rows, kinds->count, sizeof *kinds->rows, by_order);
    return 0;
}

struct kinds *kinds_open(struct err *err)
{
    struct kinds *kinds = shared;

    if (kinds) {
        kinds->holders++;
        return kinds;
    }
    kinds = mem_alloc(sizeof *kinds);
    kinds->holders = 1;
    kinds->arena = arena_new();
    kinds->by_plural = map_new();
    kinds->by_kind = map_new();
    if (read_rows(kinds, err) < 0)
        kinds_close(&kinds);
    else
        shared = kinds;
    return kinds;
}

void kinds_close(struct kinds **at)
{
    struct kinds *kinds = take(*at);

    if (!kinds || --kinds->holders)
        return;
    if (kinds == shared)
        shared = NULL;
    map_free(&kinds->by_plural);
    map_free(&kinds->by_kind);
    free(kinds->rows);
    arena_free(&kinds->arena);
    free(kinds);
}

const struct kind *kinds_by_plural(const struct kinds *kinds, const char *group,
                                   const char *version, const char *plural)
{
    scoped_mem char *key = mem_printf("%s/%s/%s", group, version, plural);

    return map_get(kinds->by_plural, key);
}

const struct kind *kinds_by_kind(const struct kinds *kinds, const char *api_version,
                                 const char *kind)
{
    scoped_mem char *key = mem_printf("%s/%s", api_version, kind);

    return map_get(kinds->by_kind, key);
}

const struct node *kinds_metadata(const struct kinds *kinds)
{
    return kinds->metadata;
}

/* Discovery of a group and version answers 404 unless a kind is served there. */
bool kinds_have_version(const struct kinds *kinds, const char *group, const char *version)
{
    for (size_t i = 0; i < kinds->count; i++) {
        const struct kind *kind = kinds_at(kinds, i);

        if (!strcmp(kind->group, group) && !strcmp(kind->version, version))
            return true;
    }
    return false;
}

size_t kinds_count(const struct kinds *kinds)
{
    return kinds->count;
}

const struct kind *kinds_at(const struct kinds *kinds, size_t index)
{
    return index < kinds->count ? kinds->rows[index] : NULL;
}

/* by_order() puts the preferred version first, so the first row that fits is it. */
const struct kind *kinds_find(const struct kinds *kinds, const char *group, const char *plural)
{
    for (size_t i = 0; i < kinds->count; i++) {
        const struct kind *kind = kinds->rows[i];

        if (strcmp(kind->group, group) == 0 && strcmp(kind->plural, plural) == 0)
            return kind;
    }
    return NULL;
}

const struct kind_subresource *kind_subresource(const struct kind *kind, const char *name)
{
    for (size_t i = 0; i < kind->subresource_count; i++) {
        if (strcmp(kind->subresources[i].name, name) == 0)
            return &kind->subresources[i];
    }
    return NULL;
}

bool kind_has_status(const struct kind *kind)
{
    return kind_subresource(kind, "status") != NULL;
}
