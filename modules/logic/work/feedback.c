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

/* OCM's well-known status values of common kinds; a field that is absent gives no value. */
static const struct known knowns[] = {
    {"apps/v1",
     "Deployment",
     {{"ReadyReplicas", ".status.readyReplicas"},
      {"Replicas", ".status.replicas"},
      {"AvailableReplicas", ".status.availableReplicas"}}},
    {"apps/v1",
     "DaemonSet",
     {{"NumberReady", ".status.numberReady"},
      {"DesiredNumberScheduled", ".status.desiredNumberScheduled"},
      {"NumberAvailable", ".status.numberAvailable"}}},
    {"batch/v1",
     "Job",
     {{"JobComplete", ".status.conditions[?(@.type==\"Complete\")].status"},
      {"JobSucceeded", ".status.succeeded"}}},
    {"v1",
     "Pod",
     {{"PodReady", ".status.conditions[?(@.type==\"Ready\")].status"},
      {"PodPhase", ".status.phase"}}},
};

struct reader {
    struct arena *arena;
    const struct node *object;
    bool raw;
    size_t raw_limit;
    struct node *values;
    struct err *err; /* the first thing that went wrong */
};

static void note_first_error(struct reader *reader, const char *format, ...) PRINTF(2, 3);

/* Only the first error is kept: there is one condition to say it in. */
static void note_first_error(struct reader *reader, const char *format, ...)
{
    va_list args;

    if (!reader->err || reader->err->code != ERR_NONE)
        return;
    va_start(args, format);
    err_set(reader->err, ERR_INVALID, "%s", arena_vprintf(reader->arena, format, args));
    va_end(args);
}

static void add_feedback_value(struct reader *reader, const char *name, const char *type,
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

/* The length of a line separator of Unicode, which encoding/json escapes; 0: there is none. */
static size_t measure_separator(const struct text *text, size_t at)
{
    return text->len - at >= 3 && (!memcmp(text->bytes + at, "\u2028", 3) ||
                                   !memcmp(text->bytes + at, "\u2029", 3))
               ? 3
               : 0;
}

/* As Go's encoding/json writes it: keys sorted, <, > and & spelled out. */
static char *write_raw_value(struct arena *arena, const struct node *value)
{
    scoped_text struct text plain = {0}, escaped = {0};

    document_write_canonical(&plain, value);
    for (size_t i = 0; i < plain.len; i++) {
        size_t separator = measure_separator(&plain, i);

        if (separator) {
            text_addf(&escaped, "\\u202%x", (unsigned)(plain.bytes[i + 2] & 0xf));
            i += separator - 1;
        } else if (strchr("<>&", plain.bytes[i])) {
            text_addf(&escaped, "\\u%04x", (unsigned)plain.bytes[i]);
        } else {
            text_add_char(&escaped, plain.bytes[i]);
        }
    }
    return arena_string(arena, text_string(&escaped));
}

/* Whether the value is a node of the object, and not one that the JSONPath made. */
static bool is_part_of(const struct node *tree, const struct node *value)
{
    if (tree == value)
        return true;
    for (size_t i = 0; node_is(tree, NODE_LIST) && i < tree->len; i++)
        if (is_part_of(tree->items[i], value))
            return true;
    node_each(member, tree) if (is_part_of(member->value, value)) return true;
    return false;
}

/* A list, a map or a float has no type of its own in OCM: it is a value only where raw
   JSON is allowed, up to a limit. */
static void add_raw_value(struct reader *reader, const char *name, const struct node *value)
{
    char *text;

    if (!reader->raw) {
        note_first_error(reader, "the type %s of the value for %s is not found",
                         node_type_name(value->type), name);
        return;
    }
    text = write_raw_value(reader->arena, value);
    if (strlen(text) > reader->raw_limit)
        note_first_error(reader,
                         "the length of the raw value for %s is %zu and exceeds the "
                         "limit of %zu",
                         name, strlen(text), reader->raw_limit);
    else
        add_feedback_value(reader, name, "JsonRaw", "jsonRaw", node_string(reader->arena, text));
}

/* `results` has a list of values for each part of the path: only the first
   counts, but is a list as soon as there is anything else. */
static void add_found_value(struct reader *reader, const char *name, const struct node *results)
{
    struct node *found = node_item(results, 0);
    struct node *value = node_item(found, 0);

    if (!value)
        return;
    if (reader->raw && (node_count(found) > 1 || node_count(results) > 1)) {
        add_raw_value(reader, name, found);
        return;
    }
    switch (value->type) {
    case NODE_NULL:
        break;
    case NODE_INT:
        /* In OCM only an int64 of the object is an Integer; a number that the path counts is an
         * int. */
        if (!is_part_of(reader->object, value))
            add_raw_value(reader, name, value);
        else
            add_feedback_value(reader, name, "Integer", "integer", value);
        break;
    case NODE_STRING:
        add_feedback_value(reader, name, "String", "string", value);
        break;
    case NODE_BOOL:
        add_feedback_value(reader, name, "Boolean", "boolean", value);
        break;
    case NODE_FLOAT:
    case NODE_LIST:
    case NODE_MAP:
        add_raw_value(reader, name, value);
        break;
    }
}

/* A path that cannot be read leaves its value out; the other values are read. */
static void read_feedback_path(struct reader *reader, const char *name, const char *text)
{
    struct arena *arena = reader->arena;
    struct err err = {0};
    struct jsonpath *path = jsonpath_parse(arena, arena_printf(arena, "{%s}", text), &err);
    struct node *found = path ? jsonpath_find(path, arena, reader->object, true, &err) : NULL;

    if (!found) {
        note_first_error(reader, "failed to find value for %s with error: %s", name, err.text);
        return;
    }
    add_found_value(reader, name, found);
}

/* Reads OCM's well-known values of the object's kind. */
static void read_known_values(struct reader *reader)
{
    const char *version = node_get_text(reader->object, "apiVersion");
    const char *kind = node_get_text(reader->object, "kind");

    for (size_t i = 0; i < count_of(knowns); i++) {
        if (!text_same(knowns[i].api_version, version) || !text_same(knowns[i].kind, kind))
            continue;
        for (size_t k = 0; k < 3 && knowns[i].values[k].name; k++)
            read_feedback_path(reader, knowns[i].values[k].name, knowns[i].values[k].path);
        return;
    }
    note_first_error(reader,
                     "cannot find the wellknown statuses for resource with gvk %s%s, "
                     "Kind=%s",
                     strchr(version, '/') ? "" : "/", version, kind);
}

/* A path may be for one apiVersion of the kind only. */
static bool check_path_version(struct reader *reader, const struct node *path)
{
    const char *wanted = node_get_text(path, "version");
    const char *have = node_get_text(reader->object, "apiVersion");
    const char *slash = strchr(have, '/');

    if (!*wanted || text_same(wanted, slash ? slash + 1 : have))
        return true;
    note_first_error(reader,
                     "version set in the path %s is not matched: the object is %s, the "
                     "path is for %s",
                     node_get_text(path, "name"), have, wanted);
    return false;
}

struct node *work_feedback(struct arena *arena, const struct node *object, const struct node *rule,
                           bool raw, size_t raw_limit, struct err *err)
{
    struct reader reader = {arena, object, raw, raw_limit, node_list(arena), err};
    const char *type = node_get_text(rule, "type");
    const struct node *paths = node_get(rule, "jsonPaths");

    if (text_same(type, "WellKnownStatus")) {
        read_known_values(&reader);
    } else if (text_same(type, "JSONPaths")) {
        for (size_t i = 0; i < node_count(paths); i++) {
            const struct node *path = node_item(paths, i);

            if (check_path_version(&reader, path))
                read_feedback_path(&reader, node_get_text(path, "name"),
                                   node_get_text(path, "path"));
        }
    } else {
        note_first_error(&reader,
                         "a feedback rule is of type WellKnownStatus or JSONPaths, not "
                         "\"%s\"",
                         type);
    }
    return reader.values;
}
