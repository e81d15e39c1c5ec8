/* SPDX-License-Identifier: Apache-2.0 */
/* Knows who joined by which token and who asked for how many certificates, without counting. */
#include "controllers/joins.h"

#include "base/map.h"
#include "base/text.h"
#include "controllers/parse.h"
#include "meta/meta.h"

#include <string.h>

/* What is kept of a ManagedCluster or of a CertificateSigningRequest; all owned. */
struct join_row {
    char *name;
    char *by; /* the token; the user who asks */
    char *of; /* the cluster's uid; the cluster that the request is labelled with */
};

struct joins {
    struct map *clusters; /* name → row, of those that name a token */
    struct map *tokens;   /* id → map of uid → row */
    struct map *requests; /* name → row */
    struct map *counts;   /* "USER" and "USER CLUSTER" → number of requests */
};

/* ---- Rows ------------------------------------------------------------------------- */

static struct join_row *make_join_row(const char *name, const char *by, const char *of)
{
    struct join_row *row = mem_alloc(sizeof *row);

    *row = (struct join_row){mem_copy_string(name), mem_copy_string(by), mem_copy_string(of)};
    return row;
}

static void free_join_row(struct join_row **ret)
{
    struct join_row *row = *ret;

    if (!row)
        return;
    mem_free(&row->name);
    mem_free(&row->by);
    mem_free(&row->of);
    mem_free(ret);
}

/* NULL: it joined by no token. */
static struct join_row *row_of_cluster(const struct node *cluster)
{
    const char *token = meta_annotation(cluster, META_ANNOTATION_JOIN_TOKEN);

    return *token ? make_join_row(meta_name(cluster), token, meta_uid(cluster)) : NULL;
}

static struct join_row *row_of_request(const struct node *request)
{
    return make_join_row(meta_name(request), node_get_text(node_get(request, "spec"), "username"),
                         meta_label(request, META_LABEL_CLUSTER_NAME));
}

static bool join_rows_are_same(const struct join_row *a, const struct join_row *b)
{
    return !strcmp(a->by, b->by) && !strcmp(a->of, b->of);
}

/* ---- Clusters by their token ---------------------------------------------------------- */

static void put_join_user(struct joins *joins, struct join_row *row)
{
    struct map *users = map_get(joins->tokens, row->by);

    if (!users) {
        users = map_new();
        map_put(joins->tokens, row->by, users);
    }
    map_put(users, row->of, row);
    map_put(joins->clusters, row->name, row);
}

static void remove_join_user(struct joins *joins, const char *name)
{
    struct join_row *row = map_remove(joins->clusters, name);
    struct map *users = row ? map_get(joins->tokens, row->by) : NULL;

    if (users && map_get(users, row->of) == row)
        map_remove(users, row->of);
    if (users && !map_count(users)) {
        map_remove(joins->tokens, row->by);
        map_free(&users);
    }
    free_join_row(&row);
}

static void note_join_user(struct controllers *all, const char *name, const struct object *after)
{
    struct join_row *row = after ? row_of_cluster(controllers_read(all, after)) : NULL;
    const struct join_row *old = map_get(all->joins->clusters, name);

    if (old && row && join_rows_are_same(old, row)) {
        free_join_row(&row);
        return;
    }
    remove_join_user(all->joins, name);
    if (row)
        put_join_user(all->joins, row);
}

/* ---- Requests by who asks ------------------------------------------------------------- */

static void count_request(struct map *counts, const char *key, int change)
{
    size_t count = (size_t)(uintptr_t)map_get(counts, key);

    count = change > 0 ? count + 1 : count - 1;
    if (count)
        map_put(counts, key, (void *)(uintptr_t)count);
    else
        map_remove(counts, key);
}

static char *request_count_key(const char *user, const char *cluster)
{
    return mem_printf("%s %s", user, cluster);
}

static void count_join_row(struct joins *joins, const struct join_row *row, int change)
{
    scoped_mem char *key = request_count_key(row->by, row->of);

    count_request(joins->counts, row->by, change);
    count_request(joins->counts, key, change);
}

static void note_request(struct controllers *all, const char *name, const struct object *after)
{
    struct joins *joins = all->joins;
    struct join_row *row = after ? row_of_request(controllers_read(all, after)) : NULL;
    struct join_row *old = map_remove(joins->requests, name);

    if (old)
        count_join_row(joins, old, -1);
    free_join_row(&old);
    if (!row)
        return;
    map_put(joins->requests, name, row);
    count_join_row(joins, row, 1);
}

void joins_note(struct controllers *all, const struct object *before, const struct object *after)
{
    const struct object *any = after ? after : before;

    if (any->kind == all->kinds[KIND_ID_CLUSTER])
        note_join_user(all, any->name, after);
    else if (any->kind == all->kinds[KIND_ID_CSR])
        note_request(all, any->name, after);
}

/* ---- Life -------------------------------------------------------------------------- */

void joins_open(struct controllers *all)
{
    joins_free(all);
    all->joins = mem_alloc(sizeof *all->joins);
    *all->joins = (struct joins){map_new(), map_new(), map_new(), map_new()};
}

static void free_join_rows(struct map **rows)
{
    struct join_row *row;

    for (size_t at = 0; (row = map_next(*rows, &at, NULL));)
        free_join_row(&row);
    map_free(rows);
}

void joins_free(struct controllers *all)
{
    struct joins *joins = all->joins;
    struct map *users;

    if (!joins)
        return;
    for (size_t at = 0; (users = map_next(joins->tokens, &at, NULL));)
        map_free(&users);
    map_free(&joins->tokens);
    map_free(&joins->counts);
    free_join_rows(&joins->clusters);
    free_join_rows(&joins->requests);
    mem_free(&all->joins);
}

/* ---- Reading ----------------------------------------------------------------------- */

size_t joins_uses(const struct controllers *all, const char *token, const struct node *left)
{
    const struct map *users = map_get(all->joins->tokens, token);
    size_t count = users ? map_count(users) : 0;

    for (size_t i = 0; i < node_count(left); i++)
        count += !users || !map_get(users, node_text(node_item(left, i)));
    return count;
}

void joins_each_cluster(struct controllers *all, const char *token,
                        void (*each)(void *arg, const char *name), void *arg)
{
    const struct map *users = map_get(all->joins->tokens, token);
    const struct join_row *row;

    for (size_t at = 0; users && (row = map_next(users, &at, NULL));)
        each(arg, row->name);
}

size_t joins_requests(const struct controllers *all, const char *user, const char *cluster)
{
    scoped_mem char *key = cluster ? request_count_key(user, cluster) : mem_copy_string(user);

    return (size_t)(uintptr_t)map_get(all->joins->counts, key);
}

/* ---- The full recount ----------------------------------------------------------------- */

struct joins_recount {
    struct controllers *all;
    struct joins now;
};

static void recount_join(void *arg, const struct object *object)
{
    struct joins_recount *recount = arg;
    scoped_arena struct arena *arena = arena_new();
    const struct node *node = object_read(arena, object);
    struct join_row *row;

    if (object->kind == recount->all->kinds[KIND_ID_CLUSTER]) {
        row = row_of_cluster(node);
        if (row)
            put_join_user(&recount->now, row);
        return;
    }
    row = row_of_request(node);
    map_put(recount->now.requests, row->name, row);
    count_join_row(&recount->now, row, 1);
}

/* Whether both tell the same of the same names. */
static bool join_maps_are_same(const struct map *kept, const struct map *now, const char *what,
                               struct text *why)
{
    const struct join_row *row;

    for (size_t at = 0; (row = map_next(now, &at, NULL));) {
        const struct join_row *old = map_get(kept, row->name);

        if (old && join_rows_are_same(old, row))
            continue;
        text_addf(why, "what is kept of the %s %s is not true", what, row->name);
        return false;
    }
    if (map_count(kept) == map_count(now))
        return true;
    text_addf(why, "%zu rows of %ss for %zu", map_count(kept), what, map_count(now));
    return false;
}

static bool join_counts_are_same(const struct joins *kept, const struct joins *now,
                                 struct text *why)
{
    const char *key;
    const void *count;
    const struct map *users;

    for (size_t at = 0; (count = map_next(now->counts, &at, &key));)
        if (map_get(kept->counts, key) != count)
            text_addf(why, "the number of requests of %s is not true. ", key);
    for (size_t at = 0; (users = map_next(now->tokens, &at, &key));) {
        const struct map *old = map_get(kept->tokens, key);

        if (!old || map_count(old) != map_count(users))
            text_addf(why, "the uses of the token %s are not true. ", key);
    }
    if (map_count(kept->counts) != map_count(now->counts) ||
        map_count(kept->tokens) != map_count(now->tokens))
        text_add(why, "there are counts of what is gone");
    return !why->len;
}

bool joins_are_true(struct controllers *all, struct text *why)
{
    struct joins_recount recount = {all, {map_new(), map_new(), map_new(), map_new()}};
    struct joins *now = &recount.now;
    struct map *users;
    bool same;

    objects_each(all->objects, OBJECTS_STAGED, all->kinds[KIND_ID_CLUSTER], "", recount_join,
                 &recount);
    objects_each(all->objects, OBJECTS_STAGED, all->kinds[KIND_ID_CSR], "", recount_join, &recount);
    same =
        join_maps_are_same(all->joins->clusters, now->clusters, "ManagedCluster", why) &&
        join_maps_are_same(all->joins->requests, now->requests, "CertificateSigningRequest", why) &&
        join_counts_are_same(all->joins, now, why);
    for (size_t at = 0; (users = map_next(now->tokens, &at, NULL));)
        map_free(&users);
    map_free(&now->tokens);
    map_free(&now->counts);
    free_join_rows(&now->clusters);
    free_join_rows(&now->requests);
    return same;
}
