/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a kind of one row file, and says which field of it is wrong. */
#include "kinds/row.h"

#include "base/text.h"
#include "document/document.h"
#include "number/number.h"
#include "query/query.h"
#include "schema/schema.h"

#include <string.h>

#define DEEPEST_REFERENCE 32

static const struct {
    const char *name;
    enum kind_verb verb;
} verbs[] = {
    {"create", KIND_CREATE}, {"delete", KIND_DELETE}, {"deletecollection", KIND_DELETECOLLECTION},
    {"get", KIND_GET},       {"list", KIND_LIST},     {"patch", KIND_PATCH},
    {"update", KIND_UPDATE}, {"watch", KIND_WATCH},
};
#define ALL_VERBS 0xffu

/* Everything that a row may contain; check() refuses other fields. */
static const char *const known_fields[] = {
    "group",     "version",    "kind",         "plural",   "singular",
    "listKind",  "shortNames", "categories",   "scope",    "verbs",
    "stored",    "status",     "subresources", "columns",  "selectableFields",
    "immutable", "schema",     "description",  "volatile", "question",
    "sealed",    "generation", "nameRule",     "noAge",    "noName",
    "readOnly",  "unused",
};

static bool is_known(const char *key)
{
    for (size_t i = 0; i < count_of(known_fields); i++) {
        if (strcmp(known_fields[i], key) == 0)
            return true;
    }
    return false;
}

static const char *text_or(const struct node *source, const char *key, const char *none)
{
    const char *text = node_get_text(source, key);

    return *text ? text : none;
}

static const char *const *read_words(struct arena *arena, const struct node *list)
{
    size_t count = node_count(list);
    const char **words = arena_alloc(arena, (count + 1) * sizeof *words);

    for (size_t i = 0; i < count; i++)
        words[i] = node_text(node_item(list, i));
    return words;
}

/* `none` is the value for a row without a list: all verbs. */
static int read_verbs(const struct node *list, unsigned none, unsigned *ret, struct err *err)
{
    *ret = list ? 0 : none;
    for (size_t i = 0; i < node_count(list); i++) {
        const char *word = node_text(node_item(list, i));
        size_t at = 0;

        while (at < count_of(verbs) && strcmp(verbs[at].name, word) != 0)
            at++;
        if (at == count_of(verbs))
            return err_set(err, ERR_INVALID, "verbs: \"%s\" is none", word);
        *ret |= verbs[at].verb;
    }
    return 0;
}

/* Replaces each $ref by its definition, so that one self-contained tree is served
   and compiled. A description beside a $ref replaces the definition's. */
static struct node *expand(struct arena *arena, const struct node *schema,
                           const struct node *definitions, int depth, struct err *err)
{
    const char *name = node_get_text(schema, "$ref");
    struct node *copy;

    if (depth > DEEPEST_REFERENCE) {
        err_set(err, ERR_INVALID, "schema: $ref goes round in a circle");
        return NULL;
    }
    if (*name) {
        const struct node *found = node_get(definitions, name);

        if (!found) {
            err_set(err, ERR_INVALID, "schema: $ref \"%s\" is not defined", name);
            return NULL;
        }
        copy = expand(arena, found, definitions, depth + 1, err);
        if (copy && node_get(schema, "description"))
            node_set(arena, copy, "description", node_get(schema, "description"));
        return copy;
    }
    copy = node_share(arena, schema);
    for (size_t i = 0; i < node_count(copy); i++) {
        struct node **child = copy->type == NODE_MAP ? &copy->members[i].value : &copy->items[i];

        *child = expand(arena, *child, definitions, depth, err);
        if (!*child)
            return NULL;
    }
    return copy;
}

struct node *kind_definition(struct arena *arena, const struct node *definitions, const char *name,
                             struct err *err)
{
    struct node *reference = node_map(arena);

    node_set_text(arena, reference, "$ref", name);
    return expand(arena, reference, definitions, 0, err);
}

/* The root of a schema: type, apiVersion, kind and metadata as in Kubernetes. A
   row may describe them itself. */
static struct node *frame(struct arena *arena, const struct kind *kind, const struct node *schema)
{
    static const struct {
        const char *key, *description;
    } heads[] = {
        {"apiVersion", "The group and version of this object's schema."},
        {"kind", "What this object is."},
        {"metadata", "Name, namespace, labels, annotations and what the server "
                     "keeps about the object."},
    };
    struct node *root = node_map(arena);
    struct node *properties = node_map(arena);
    struct node *gvk = node_map(arena);

    node_set_text(arena, root, "description", kind->description);
    node_set_text(arena, root, "type", "object");
    for (size_t i = 0; i < count_of(heads); i++) {
        struct node *head = node_make(arena, properties, heads[i].key);

        node_set_text(arena, head, "description", heads[i].description);
        node_set_text(arena, head, "type", i == 2 ? "object" : "string");
    }
    node_each(member, node_get(schema, "properties"))
        node_set(arena, properties, member->key, member->value);
    node_each(member, schema)
    {
        if (strcmp(member->key, "properties") != 0)
            node_set(arena, root, member->key, member->value);
    }
    node_set(arena, root, "properties", properties);
    node_set_text(arena, gvk, "group", kind->group);
    node_set_text(arena, gvk, "version", kind->version);
    node_set_text(arena, gvk, "kind", kind->kind);
    node_add(arena, node_make_list(arena, root, "x-kubernetes-group-version-kind"), gvk);
    return root;
}

/* Served and compiled from the same tree, so that both agree. */
static int read_schema(struct arena *arena, const struct node *source,
                       const struct node *definitions, struct kind *kind, struct err *err)
{
    const struct node *given = node_get(source, "schema");
    struct node *whole;

    if (!given)
        return err_set(err, ERR_INVALID, "schema: missing");
    whole = expand(arena, given, definitions, 0, err);
    if (!whole)
        return -1;
    kind->openapi = frame(arena, kind, whole);
    kind->schema = schema_compile(arena, kind->openapi, NULL, true, err);
    return kind->schema ? 0 : err_wrap(err, "schema");
}

static const char *const metadata_columns[2][3] = {
    {"Name", "name", "Name must be unique within a namespace."},
    {"Age", "", "How long ago the object was made."},
};

/* The columns Name and Age, which every kind has unless its row excludes them. */
static struct kind_column built_in(int which)
{
    return (struct kind_column){.name = metadata_columns[which][0],
                                .type = which ? "date" : "string",
                                .format = metadata_columns[which][1],
                                .description = metadata_columns[which][2],
                                .path = which ? ".metadata.creationTimestamp" : ""};
}

/* Compiles the paths of a column: `path`, then each one of `more`. */
static int read_cell(struct arena *arena, const struct node *from, const char *path,
                     struct cell_rule *ret, struct err *err)
{
    static const char *const words[] = {
        [CELL_VALUE] = "",          [CELL_COUNT] = "count",
        [CELL_PAIR] = "pair",       [CELL_LOWER_PAIR] = "lower-pair",
        [CELL_SECONDS] = "seconds", [CELL_REQUEST] = "request",
    };
    const char *as = node_get_text(from, "as");
    const struct node *more = node_get(from, "more");
    size_t which = 0;

    while (which < count_of(words) && strcmp(words[which], as) != 0)
        which++;
    if (which == count_of(words))
        return err_set(err, ERR_INVALID, "as: \"%s\" is none", as);
    *ret = (struct cell_rule){.as = (enum cell_as)which};
    ret->paths = arena_alloc(arena, (node_count(more) + 1) * sizeof *ret->paths);
    for (size_t i = 0; i < node_count(more) + 1; i++) {
        const char *one = i ? node_text(node_item(more, i - 1)) : path;

        ret->paths[i] = jsonpath_parse_relaxed(arena, one, err);
        if (!ret->paths[i])
            return -1;
        ret->count++;
    }
    return 0;
}

static struct kind_column column_of(const struct node *from)
{
    return (struct kind_column){.name = node_get_text(from, "name"),
                                .type = text_or(from, "type", "string"),
                                .format = node_get_text(from, "format"),
                                .description = node_get_text(from, "description"),
                                .path = node_get_text(from, "path"),
                                .priority = number_as_int(from, "priority", NUMBER_SMALL, 0)};
}

static void swap_columns(struct kind_column *columns, struct cell_rule *cells, size_t at)
{
    struct kind_column column = columns[at];
    struct cell_rule cell = cells[at];

    columns[at] = columns[at - 1];
    cells[at] = cells[at - 1];
    columns[at - 1] = column;
    cells[at - 1] = cell;
}

static int read_columns(struct arena *arena, const struct node *source, struct kind_row *row,
                        struct err *err)
{
    const struct node *list = node_get(source, "columns");
    bool age = !node_get_bool(source, "noAge", false);
    bool name = !node_get_bool(source, "noName", false);
    size_t count = node_count(list) + name + age, at = 0;
    struct kind_column *columns = arena_alloc(arena, count * sizeof *columns);

    row->cells = arena_alloc(arena, count * sizeof *row->cells);
    if (name) {
        row->cells[at] = (struct cell_rule){.as = CELL_VALUE};
        columns[at++] = built_in(0);
    }
    for (size_t i = 0; i < node_count(list) + age; i++) {
        const struct node *from = node_item(list, i);

        columns[at] = from ? column_of(from) : built_in(1);
        if (read_cell(arena, from, columns[at].path, &row->cells[at], err) < 0)
            return err_wrap(err, "columns: %s", columns[at].name);
        /* Age comes before the columns of -o wide, as in kubectl. */
        for (size_t j = at; !from && j && columns[j - 1].priority; j--)
            swap_columns(columns, row->cells, j);
        at++;
    }
    row->kind.columns = columns;
    row->kind.column_count = count;
    return 0;
}

/* `status: true` is short for the subresource that most kinds have. */
static int read_subresources(struct arena *arena, const struct node *source, struct kind *kind,
                             struct err *err)
{
    const struct node *list = node_get(source, "subresources");
    bool status = node_get_bool(source, "status", false);
    struct kind_subresource *made = arena_alloc(arena, (node_count(list) + 1) * sizeof *made);
    size_t count = 0;

    if (status)
        made[count++] = (struct kind_subresource){"status", kind->group, kind->version, kind->kind,
                                                  KIND_GET | KIND_PATCH | KIND_UPDATE};
    for (size_t i = 0; i < node_count(list); i++) {
        const struct node *from = node_item(list, i);
        struct kind_subresource *to = &made[count++];

        *to = (struct kind_subresource){.name = node_get_text(from, "name"),
                                        .group = text_or(from, "group", kind->group),
                                        .version = text_or(from, "version", kind->version),
                                        .kind = text_or(from, "kind", kind->kind)};
        if (read_verbs(node_get(from, "verbs"), KIND_GET | KIND_PATCH | KIND_UPDATE, &to->verbs,
                       err) < 0)
            return err_wrap(err, "subresources: %s", to->name);
    }
    kind->subresources = made;
    kind->subresource_count = count;
    return 0;
}

static char *lower(struct arena *arena, const char *word)
{
    char *copy = arena_string(arena, word);

    for (char *at = copy; *at; at++)
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at);
    return copy;
}

/* Fills names, with the conventions of Kubernetes for those that a row leaves out. */
static void read_names(struct arena *arena, const struct node *source, struct kind *kind)
{
    const struct node *stored = node_get(source, "stored");

    kind->group = node_get_text(source, "group");
    kind->version = node_get_text(source, "version");
    kind->kind = node_get_text(source, "kind");
    kind->plural = node_get_text(source, "plural");
    kind->singular = text_or(source, "singular", lower(arena, kind->kind));
    kind->list_kind = text_or(source, "listKind", arena_printf(arena, "%sList", kind->kind));
    kind->short_names = read_words(arena, node_get(source, "shortNames"));
    kind->categories = read_words(arena, node_get(source, "categories"));
    kind->selectable_fields = read_words(arena, node_get(source, "selectableFields"));
    kind->unused_fields = read_words(arena, node_get(source, "unused"));
    kind->immutable_fields = read_words(arena, node_get(source, "immutable"));
    kind->stored_group = node_get(stored, "group") ? node_get_text(stored, "group") : kind->group;
    kind->stored_version = text_or(stored, "version", kind->version);
    kind->api_version =
        *kind->group ? arena_printf(arena, "%s/%s", kind->group, kind->version) : kind->version;
    kind->store_kind = arena_printf(arena, "%s/%s", kind->stored_group, kind->plural);
    kind->resource =
        *kind->group ? arena_printf(arena, "%s.%s", kind->plural, kind->group) : kind->plural;
    kind->description = node_get_text(source, "description");
    kind->name_rule = text_or(source, "nameRule", "dns-subdomain");
}

/* A field that is not known is a typing error in a row; it would have no effect. */
static int check(const struct node *source, const struct kind *kind, struct err *err)
{
    node_each(member, source)
    {
        if (!is_known(member->key))
            return err_set(err, ERR_INVALID, "unknown field \"%s\"", member->key);
    }
    if (!*kind->version || !*kind->kind || !*kind->plural)
        return err_set(err, ERR_INVALID, "version, kind and plural are needed");
    if (!*kind->description)
        return err_set(err, ERR_INVALID, "description: every kind has one");
    return 0;
}

struct kind *kind_row_read(struct arena *arena, const struct node *source,
                           const struct node *definitions, struct err *err)
{
    struct kind_row *row = arena_alloc(arena, sizeof *row);
    struct kind *kind = &row->kind;

    read_names(arena, source, kind);
    kind->namespaced = strcmp(text_or(source, "scope", "Namespaced"), "Namespaced") == 0;
    kind->is_volatile = node_get_bool(source, "volatile", false);
    kind->is_question = node_get_bool(source, "question", false);
    kind->sealed = node_get_bool(source, "sealed", false);
    kind->read_only = node_get_text(source, "readOnly");
    kind->no_generation = !node_get_bool(source, "generation", true);
    if (check(source, kind, err) < 0 ||
        read_verbs(node_get(source, "verbs"), ALL_VERBS, &kind->verbs, err) < 0 ||
        read_subresources(arena, source, kind, err) < 0 ||
        read_columns(arena, source, row, err) < 0 ||
        read_schema(arena, source, definitions, kind, err) < 0)
        return NULL;
    return kind;
}
