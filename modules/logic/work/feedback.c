/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the values that a feedback rule asks for out of an object. */
#include "work/work.h"

#include "query/query.h"

#include <string.h>

struct known {
    const char *api_version, *kind;
    struct {
        const char *name, *path;
    } values[3];
};

/* What OCM knows of common kinds; absent fields are left out. */
static const struct known knowns[] = {
    { "apps/v1", "Deployment",
      { { "ReadyReplicas", ".status.readyReplicas" },
        { "Replicas", ".status.replicas" },
        { "AvailableReplicas", ".status.availableReplicas" } } },
    { "apps/v1", "DaemonSet",
      { { "NumberReady", ".status.numberReady" },
        { "DesiredNumberScheduled", ".status.desiredNumberScheduled" },
        { "NumberAvailable", ".status.numberAvailable" } } },
    { "batch/v1", "Job",
      { { "JobComplete", ".status.conditions[?(@.type==\"Complete\")].status" },
        { "JobSucceeded", ".status.succeeded" } } },
    { "v1", "Pod",
      { { "PodReady", ".status.conditions[?(@.type==\"Ready\")].status" },
        { "PodPhase", ".status.phase" } } },
};

struct reader {
    struct arena *arena;
    const struct node *object;
    bool raw;
    size_t raw_limit;
    struct node *values;
    struct err *err; /* the first thing that went wrong */
};

static void complain(struct reader *reader, const char *format, ...) PRINTF(2, 3);

static void complain(struct reader *reader, const char *format, ...)
{
    va_list args;

    if (!reader->err || reader->err->code != ERR_NONE)
        return;
    va_start(args, format);
    err_set(reader->err, ERR_INVALID, "%s",
            arena_vprintf(reader->arena, format, args));
    va_end(args);
}

static void add_value(struct reader *reader, const char *name, const char *type,
                      const char *field, struct node *value)
{
    struct arena *arena = reader->arena;
    struct node *entry = node_map(arena);
    struct node *typed;

    node_set_text(arena, entry, "name", name);
    typed = node_make(arena, entry, "fieldValue");
    node_set_text(arena, typed, "type", type);
    node_set(arena, typed, field, value);
    node_add(arena, reader->values, entry);
}

/* The line separators of Unicode, which encoding/json spells out. */
static size_t separator_at(const struct text *text, size_t at)
{
    return text->len - at >= 3 && (!memcmp(text->bytes + at, "\u2028", 3) ||
                                   !memcmp(text->bytes + at, "\u2029", 3))
               ? 3
               : 0;
}

/* As Go's encoding/json writes it: keys sorted, <, > and & spelled out. */
static char *raw_text(struct arena *arena, const struct node *value)
{
    scoped_text struct text plain = { 0 }, escaped = { 0 };

    document_write_canonical(&plain, value);
    for (size_t i = 0; i < plain.len; i++) {
        size_t separator = separator_at(&plain, i);

        if (separator) {
            text_addf(&escaped, "\\u202%x",
                      (unsigned)(plain.bytes[i + 2] & 0xf));
            i += separator - 1;
        } else if (strchr("<>&", plain.bytes[i])) {
            text_addf(&escaped, "\\u%04x", (unsigned)plain.bytes[i]);
        } else {
            text_add_char(&escaped, plain.bytes[i]);
        }
    }
    return arena_string(arena, text_string(&escaped));
}

/* Whether a value stands in the tree, and was not made by the path itself. */
static bool stands_in(const struct node *tree, const struct node *value)
{
    if (tree == value)
        return true;
    for (size_t i = 0; node_is(tree, NODE_LIST) && i < tree->len; i++)
        if (stands_in(tree->items[i], value))
            return true;
    node_each (member, tree)
        if (stands_in(member->value, value))
            return true;
    return false;
}

static void add_raw(struct reader *reader, const char *name,
                    const struct node *value)
{
    char *text;

    if (!reader->raw) {
        complain(reader, "the type %s of the value for %s is not found",
                 node_type_name(value->type), name);
        return;
    }
    text = raw_text(reader->arena, value);
    if (strlen(text) > reader->raw_limit)
        complain(reader,
                 "the length of the raw value for %s is %zu and exceeds the "
                 "limit of %zu",
                 name, strlen(text), reader->raw_limit);
    else
        add_value(reader, name, "JsonRaw", "jsonRaw",
                  node_string(reader->arena, text));
}

/* `results` has a list of values for each part of the path: only the first
   counts, but is a list as soon as there is anything else. */
static void add_found(struct reader *reader, const char *name,
                      const struct node *results)
{
    struct node *found = node_item(results, 0);
    struct node *value = node_item(found, 0);

    if (!value)
        return;
    if (reader->raw && (node_count(found) > 1 || node_count(results) > 1)) {
        add_raw(reader, name, found);
        return;
    }
    switch (value->type) {
    case NODE_NULL:
        break;
    case NODE_INT:
        /* OCM knows 64 bit integers: what a path counts itself is none. */
        if (!stands_in(reader->object, value))
            add_raw(reader, name, value);
        else
            add_value(reader, name, "Integer", "integer", value);
        break;
    case NODE_STRING:
        add_value(reader, name, "String", "string", value);
        break;
    case NODE_BOOL:
        add_value(reader, name, "Boolean", "boolean", value);
        break;
    case NODE_FLOAT:
    case NODE_LIST:
    case NODE_MAP:
        add_raw(reader, name, value);
        break;
    }
}

static void read_path(struct reader *reader, const char *name, const char *text)
{
    struct arena *arena = reader->arena;
    struct err err = { 0 };
    struct jsonpath *path =
        jsonpath_parse(arena, arena_printf(arena, "{%s}", text), &err);
    struct node *found =
        path ? jsonpath_find(path, arena, reader->object, true, &err) : NULL;

    if (!found) {
        complain(reader, "failed to find value for %s with error: %s", name,
                 err.text);
        return;
    }
    add_found(reader, name, found);
}

static void read_known(struct reader *reader)
{
    const char *version = node_get_text(reader->object, "apiVersion");
    const char *kind = node_get_text(reader->object, "kind");

    for (size_t i = 0; i < count_of(knowns); i++) {
        if (!text_same(knowns[i].api_version, version) ||
            !text_same(knowns[i].kind, kind))
            continue;
        for (size_t k = 0; k < 3 && knowns[i].values[k].name; k++)
            read_path(reader, knowns[i].values[k].name, knowns[i].values[k].path);
        return;
    }
    complain(reader,
             "cannot find the wellknown statuses for resource with gvk %s%s, "
             "Kind=%s",
             strchr(version, '/') ? "" : "/", version, kind);
}

static bool version_fits(struct reader *reader, const struct node *path)
{
    const char *wanted = node_get_text(path, "version");
    const char *have = node_get_text(reader->object, "apiVersion");
    const char *slash = strchr(have, '/');

    if (!*wanted || text_same(wanted, slash ? slash + 1 : have))
        return true;
    complain(reader,
             "version set in the path %s is not matched: the object is %s, the "
             "path is for %s",
             node_get_text(path, "name"), have, wanted);
    return false;
}

struct node *work_feedback(struct arena *arena, const struct node *object,
                           const struct node *rule, bool raw, size_t raw_limit,
                           struct err *err)
{
    struct reader reader = { arena,     object,           raw,
                             raw_limit, node_list(arena), err };
    const char *type = node_get_text(rule, "type");
    const struct node *paths = node_get(rule, "jsonPaths");

    if (text_same(type, "WellKnownStatus")) {
        read_known(&reader);
    } else if (text_same(type, "JSONPaths")) {
        for (size_t i = 0; i < node_count(paths); i++) {
            const struct node *path = node_item(paths, i);

            if (version_fits(&reader, path))
                read_path(&reader, node_get_text(path, "name"),
                          node_get_text(path, "path"));
        }
    } else {
        complain(&reader,
                 "a feedback rule is of type WellKnownStatus or JSONPaths, not "
                 "\"%s\"",
                 type);
    }
    return reader.values;
}
