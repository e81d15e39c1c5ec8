/* SPDX-License-Identifier: Apache-2.0 */
/* Gets objects and lists them, page by page from a snapshot that is kept for a minute. */

#include "objects/keeper.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "query/query.h"

#include <assert.h>
#include <string.h>

#define SNAPSHOT_LIFE (60 * CLOCK_SECOND)
#define SNAPSHOTS_AT_MOST 256

struct object *objects_get(struct objects *objects, enum objects_view view, const struct kind *kind,
                           const char *namespace, const char *name, struct err *err)
{
    struct table *table = table_of(&objects->keeper, kind);
    struct object *object =
        table ? table_find(table, view, namespace ? namespace : "", name) : NULL;

    if (!object) {
        table_not_found(kind, name, err);
        return NULL;
    }
    return object_hold(object);
}

/* The name is compared first: parsing the body is what costs. Callers have compared the
   namespace, by which they find what to look at. */
bool read_matches(struct arena *arena, const struct objects_query *query,
                  const struct object *object)
{
    const struct node *tree;

    if (query->name && *query->name && strcmp(query->name, object->name))
        return false;
    if (query->fields && !selector_matches_key(query->fields, object->namespace, object->name))
        return false;
    if (!query->labels && (!query->fields || selector_is_of_key(query->fields)))
        return true;
    tree = object_read(arena, object);
    if (query->kind && query->kind != object->kind)
        tree = kind_convert(arena, query->kind, tree);
    return (!query->labels || selector_matches(query->labels, tree)) &&
           (!query->fields || selector_matches(query->fields, tree));
}

/* ---- Views -------------------------------------------------------------- */

/* The objects that a list walks over, in order of namespace and name. */
struct view {
    struct object **items;
    size_t count;
    struct object **owned; /* owned: the array, not the references in it */
};

static void view_free(struct view *view)
{
    mem_free(&view->owned);
}
#define scoped_view SCOPED(view_free)

static int by_object_key(const void *a, const void *b)
{
    const struct object *x = *(struct object *const *)a;
    const struct object *y = *(struct object *const *)b;
    int order = strcmp(x->namespace, y->namespace);

    return order ? order : strcmp(x->name, y->name);
}

static const struct object *named_by(const struct pending *pending)
{
    return pending->after ? pending->after : pending->before ? pending->before : pending->last;
}

static int by_pending(const void *a, const void *b)
{
    const struct object *x = named_by(*(struct pending *const *)a);
    const struct object *y = named_by(*(struct pending *const *)b);

    return by_object_key(&x, &y);
}

/* The staged writes of a namespace (NULL: of all), in order; the caller frees the array. */
static struct pending **staged_in(const struct table *table, const char *namespace,
                                  size_t *ret_count)
{
    struct pending **list = mem_alloc((map_count(table->staged) + 1) * sizeof(struct pending *));
    struct pending *pending;
    size_t at = 0, count = 0;

    while ((pending = map_next(table->staged, &at, NULL)))
        if (!namespace || !strcmp(named_by(pending)->namespace, namespace))
            list[count++] = pending;
    qsort(list, count, sizeof(struct pending *), by_pending);
    *ret_count = count;
    return list;
}

/* Merges staged writes into the published objects: both are in order. */
static struct view merge_views(struct object **items, size_t items_count, struct pending **staged,
                               size_t staged_count)
{
    struct view view = {0};
    size_t i = 0, next = 0;

    view.owned = mem_alloc((items_count + staged_count + 1) * sizeof(*view.owned));
    while (i < items_count || next < staged_count) {
        int order = next == staged_count ? -1 : 1;

        if (i < items_count && next < staged_count) {
            const struct object *other = named_by(staged[next]);

            order = by_object_key(&items[i], &other);
        }
        if (order < 0) {
            view.owned[view.count++] = items[i++];
            continue;
        }
        i += order == 0;
        if (staged[next]->after)
            view.owned[view.count++] = staged[next]->after;
        next++;
    }
    view.items = view.owned;
    return view;
}

/* The view of a namespace, or of all (NULL). Its cost grows with that namespace only. */
static struct view view_of(const struct table *table, enum objects_view which,
                           const char *namespace)
{
    size_t from = namespace ? table_seek(table, namespace, "") : 0, end = from;
    scoped_mem struct pending **staged = NULL;
    struct object **items;
    size_t count;

    if (!namespace)
        end = table->count;
    while (namespace && end < table->count && !strcmp(table->items[end]->namespace, namespace))
        end++;
    items = from ? table->items + from : table->items;
    if (which != OBJECTS_STAGED || !map_count(table->staged))
        return (struct view){.items = items, .count = end - from};
    staged = staged_in(table, namespace, &count);
    return merge_views(items, end - from, staged, count);
}

void objects_each(struct objects *objects, enum objects_view view, const struct kind *kind,
                  const char *namespace, objects_each_fn *each, void *arg)
{
    struct table *table = table_of(&objects->keeper, kind);
    scoped_view struct view seen = {0};

    if (!table)
        return;
    seen = view_of(table, view, namespace && *namespace ? namespace : NULL);
    for (size_t at = 0; at < seen.count; at++)
        each(arg, seen.items[at]);
}

/* ---- Snapshots ---------------------------------------------------------- */

static void snapshot_free(struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->count; i++)
        object_drop(&snapshot->items[i]);
    mem_free(&snapshot->items);
    mem_free(&snapshot);
}

void snapshots_free(struct keeper *keeper, int64_t now)
{
    struct snapshot **at = &keeper->snapshots, *snapshot;
    size_t kept = 0;

    while ((snapshot = *at)) {
        if (snapshot->expires > now && kept < SNAPSHOTS_AT_MOST) {
            kept++;
            at = &snapshot->next;
            continue;
        }
        *at = snapshot->next;
        snapshot_free(snapshot);
    }
}

static struct snapshot *snapshot_find(struct keeper *keeper, const struct table *table,
                                      int64_t revision)
{
    struct snapshot *snapshot;

    snapshots_free(keeper, clock_steady());
    for (snapshot = keeper->snapshots; snapshot; snapshot = snapshot->next)
        if (snapshot->table == table && snapshot->revision == revision)
            break;
    return snapshot;
}

static void snapshot_keep(struct keeper *keeper, struct table *table, int64_t revision,
                          const struct view *view)
{
    struct snapshot *snapshot = snapshot_find(keeper, table, revision);

    if (!snapshot) {
        snapshot = mem_alloc(sizeof(*snapshot));
        snapshot->table = table;
        snapshot->revision = revision;
        snapshot->count = view->count;
        snapshot->items = mem_alloc((view->count + 1) * sizeof(*snapshot->items));
        for (size_t i = 0; i < view->count; i++)
            snapshot->items[i] = object_hold(view->items[i]);
        snapshot->next = keeper->snapshots;
        keeper->snapshots = snapshot;
    }
    snapshot->expires = clock_steady() + SNAPSHOT_LIFE;
}

/* ---- Tokens ------------------------------------------------------------- */

/* A continue token in a kube-apiserver's form, {"v","rv","start"}; rv -1 means the
   newest revision. */
static char *write_continue_token(int64_t revision, const struct object *next)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text json = {0}, out = {0};
    struct node *token = node_map(arena);

    node_set_text(arena, token, "v", META_API_META);
    node_set_int(arena, token, "rv", revision);
    node_set(arena, token, "start", node_format(arena, "%s/%s", next->namespace, next->name));
    document_write_json(&json, token);
    text_add_base64(&out, json.bytes, json.len, true);
    return text_take(&out);
}

struct token {
    int64_t revision;
    const char *namespace, *name; /* in the arena */
};

static int read_continue_token(struct arena *arena, const char *text, struct token *ret,
                               struct err *err)
{
    scoped_text struct text json = {0};
    struct err why = {0};
    struct node *token = NULL;
    const char *bad = NULL;
    char *start, *slash;

    if (!text_add_unbase64(&json, text, strlen(text), true))
        bad = "illegal base64 data";
    else if ((bad = document_complaint(arena, text_string(&json), json.len)))
        ; /* bad is set: no JSON */
    else if (!(token = document_read_json(arena, text_string(&json), json.len, &document_limits_api,
                                          &why)))
        bad = why.text;
    else if (strcmp(node_get_text(token, "v"), META_API_META))
        bad = "not one of this server's";
    if (bad)
        return err_set(err, ERR_BAD_REQUEST,
                       "invalid continue token: continue key is not valid: %s", bad);
    start = arena_string(arena, node_get_text(token, "start"));
    slash = strchr(start, '/');
    if (!slash)
        return err_set(err, ERR_BAD_REQUEST,
                       "invalid continue token: continue key is not valid: "
                       "the start is missing");
    *slash = '\0';
    *ret = (struct token){node_get_int(token, "rv", 0), start, slash + 1};
    return 0;
}

/* ---- Lists -------------------------------------------------------------- */

void objects_page_free(struct objects_page *page)
{
    for (size_t i = 0; i < page->count; i++)
        object_drop(&page->items[i]);
    mem_free(&page->items);
    mem_free(&page->continue_token);
    page->count = 0;
}

static int check_revision(struct keeper *keeper, const struct objects_query *query, struct err *err)
{
    const char *match = query->revision_match ? query->revision_match : "";
    const char *text = query->revision ? query->revision : "";
    long long revision = 0;

    if (!*text)
        return 0;
    if (!text_to_int(text, &revision) || revision < 0)
        return err_set(err, ERR_OTHER,
                       "resourceVersion: Invalid value: \"%s\": "
                       "strconv.ParseUint: parsing \"%s\": invalid syntax",
                       text, text);
    if (revision > keeper->revision && revisions_saw_ahead(keeper, revision))
        return !strcmp(match, "Exact")
                   ? err_set(err, ERR_OTHER,
                             "etcdserver: mvcc: required revision is a future "
                             "revision")
                   : err_set(err, ERR_TIMEOUT, "Too large resource version: %lld, current: %lld",
                             revision, (long long)keeper->revision);
    return 0;
}

/* The state at an exact older revision: the published one, with what was there before
   the first later change of each object. */
static int exact_view(struct keeper *keeper, struct table *table, int64_t revision,
                      struct view *ret, struct err *err)
{
    scoped_map struct map *then = map_new();
    size_t at = 0;
    const struct change *change;
    static const char gone;

    if (revision < keeper->forgotten)
        return err_set(err, ERR_GONE,
                       "The resourceVersion for the provided "
                       "list is too old.");
    for (change = table->first; change; change = change->next_here) {
        const struct object *object = change->after ? change->after : change->last;
        scoped_mem char *key = NULL;

        if (change->revision <= revision)
            continue;
        if (change->unknown)
            return err_set(err, ERR_GONE,
                           "The resourceVersion for the "
                           "provided list is too old.");
        key = mem_printf("%s/%s", object->namespace, object->name);
        if (!map_get(then, key))
            map_put(then, key, change->before ? (void *)change->before : (void *)(uintptr_t)&gone);
    }
    ret->owned = mem_alloc((table->count + map_count(then) + 1) * sizeof(*ret->owned));
    for (size_t i = 0; i < table->count; i++) {
        scoped_mem char *key =
            mem_printf("%s/%s", table->items[i]->namespace, table->items[i]->name);
        if (!map_get(then, key))
            ret->owned[ret->count++] = table->items[i];
    }
    for (void *object; (object = map_next(then, &at, NULL));)
        if (object != &gone)
            ret->owned[ret->count++] = object;
    qsort(ret->owned, ret->count, sizeof(*ret->owned), by_object_key);
    ret->items = ret->owned;
    return 0;
}

/* Exact if resourceVersionMatch says so, or if it is missing and pages of a revision
   are asked for: that was the meaning before the parameter existed. */
static bool wants_exact(const struct objects_query *query)
{
    const char *match = query->revision_match ? query->revision_match : "";

    return query->revision && *query->revision &&
           (!strcmp(match, "Exact") || (!*match && query->limit > 0));
}

static size_t seek_view(const struct view *view, const char *namespace, const char *name)
{
    struct table like = {.items = view->items, .count = view->count};

    return table_seek(&like, namespace, name);
}

/* Fills a page from `at` on; true if the page ended before the view. */
static bool fill_page(const struct objects_query *query, const struct view *view, size_t *at,
                      struct objects_page *page)
{
    const char *namespace = query->namespace ? query->namespace : "";
    struct arena *arena = arena_new();
    size_t room = 0;
    bool more = false;

    for (; *at < view->count; ++*at) {
        struct object *object = view->items[*at];

        if (*namespace && strcmp(object->namespace, namespace))
            break;
        if (arena_used(arena) > (size_t)1 << 20) {
            arena_free(&arena);
            arena = arena_new();
        }
        if (!read_matches(arena, query, object))
            continue;
        more = query->limit > 0 && (int64_t)page->count >= query->limit;
        if (more)
            break;
        if (page->count == room) {
            room = room ? room * 2 : 64;
            page->items = mem_resize_array(page->items, room, sizeof(*page->items));
        }
        page->items[page->count++] = object_hold(object);
    }
    arena_free(&arena);
    return more;
}

static int64_t count_rest(const struct objects_query *query, const struct view *view, size_t at)
{
    const char *namespace = query->namespace ? query->namespace : "";
    size_t end = at;

    if (query->labels || query->fields || (query->name && *query->name))
        return -1;
    if (!*namespace)
        return (int64_t)(view->count - at);
    while (end < view->count && !strcmp(view->items[end]->namespace, namespace))
        end++;
    return (int64_t)(end - at);
}

/* Sets the view that a continue token refers to: its snapshot, or the newest state. */
static int continue_view(struct keeper *keeper, struct table *table, const struct token *token,
                         struct view *view, struct objects_page *page, struct err *err)
{
    struct snapshot *snapshot;
    const struct object next = {.namespace = token->namespace, .name = token->name};

    if (token->revision < 0 || token->revision == keeper->revision) {
        page->revision = keeper->revision;
        return 0;
    }
    snapshot = snapshot_find(keeper, table, token->revision);
    if (!snapshot) {
        page->continue_token = write_continue_token(-1, &next);
        return err_set(err, ERR_GONE,
                       "The provided continue parameter is too old to display a "
                       "consistent list result. You can start a new list without the "
                       "continue parameter, or use the continue token in this response "
                       "to retrieve the remainder of the results. Continuing with the "
                       "provided token results in an inconsistent list - objects that "
                       "were created, modified, or deleted between the time the first "
                       "chunk was returned and now may show up in the list.");
    }
    snapshot->expires = clock_steady() + SNAPSHOT_LIFE;
    *view = (struct view){.items = snapshot->items, .count = snapshot->count};
    page->revision = snapshot->revision;
    return 0;
}

/* Refuses a revision from before the namespace was deleted and made anew: its objects
   of then belong to its former owner. */
static int check_namespace(const struct keeper *keeper, const struct objects_query *query,
                           int64_t revision, struct err *err)
{
    if (!revisions_space_went(keeper, query->namespace ? query->namespace : "", revision))
        return 0;
    return err_set(err, ERR_GONE, "The resourceVersion for the provided list is too old.");
}

int objects_list(struct objects *objects, const struct objects_query *query,
                 struct objects_page *ret, struct err *err)
{
    struct keeper *keeper = &objects->keeper;
    struct table *table = table_of(keeper, query->kind);
    scoped_arena struct arena *arena = arena_new();
    scoped_view struct view view = {0};
    struct token token = {0, query->namespace ? query->namespace : "", ""};
    long long exact = 0;
    size_t at;

    *ret = (struct objects_page){.revision = keeper->revision};
    if (!table)
        return 0;
    view = view_of(table, query->view, NULL);
    if (query->continue_token && *query->continue_token) {
        if (read_continue_token(arena, query->continue_token, &token, err) < 0 ||
            continue_view(keeper, table, &token, &view, ret, err) < 0 ||
            check_namespace(keeper, query, ret->revision, err) < 0)
            return -1;
    } else if (check_revision(keeper, query, err) < 0) {
        return -1;
    } else if (wants_exact(query) && text_to_int(query->revision, &exact) && exact &&
               exact != keeper->revision) {
        view_free(&view);
        view = (struct view){0};
        if (check_namespace(keeper, query, exact, err) < 0 ||
            exact_view(keeper, table, exact, &view, err) < 0)
            return -1;
        ret->revision = exact;
    }
    at = seek_view(&view, token.namespace, token.name);
    if (!fill_page(query, &view, &at, ret))
        return 0;
    ret->remaining = count_rest(query, &view, at);
    if (query->view == OBJECTS_PUBLISHED)
        snapshot_keep(keeper, table, ret->revision, &view);
    assert(view.items); /* fill_page() said that there is a next item */
    ret->continue_token = write_continue_token(ret->revision, view.items[at]);
    return 0;
}
