/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the causes of an Invalid response in kube-apiserver's words. */
#include "schema/internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 2000 /* bytes of a value that are shown */

/* Go's %v of a float: the shortest text that reads back as the same number, with
   an exponent from 1e+06 on. The precision is raised until that is so. */
void schema_add_float(struct text *out, double value)
{
    char digits[40];
    int exponent;

    for (int precision = 0; precision < 18; precision++) {
        snprintf(digits, sizeof digits, "%.*e", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    exponent = isfinite(value) ? (int)strtol(strchr(digits, 'e') + 1, NULL, 10) : 0;
    if (exponent >= -4 && exponent < 6) {
        for (int precision = 0; precision < 25; precision++) {
            snprintf(digits, sizeof digits, "%.*f", precision, value);
            if (strtod(digits, NULL) == value)
                break;
        }
    }
    text_add(out, digits);
}

/* A string in the form of Go's %q. */
static void add_go_quoted(struct text *out, const char *string, size_t len)
{
    text_add_char(out, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)string[i];

        if (c == '"' || c == '\\')
            text_addf(out, "\\%c", c);
        else if (c == '\n')
            text_add(out, "\\n");
        else if (c == '\t')
            text_add(out, "\\t");
        else if (c == '\r')
            text_add(out, "\\r");
        else if (c < 32 || c == 127)
            text_addf(out, "\\x%02x", c);
        else
            text_add_char(out, (char)c);
    }
    text_add_char(out, '"');
}

/* Go prints the members of a map in the order of their keys. */
static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct node_member *)a)->key, ((const struct node_member *)b)->key);
}

static void add_go(struct text *out, const struct node *value);

static void add_go_map(struct text *out, const struct node *map)
{
    size_t bytes = (map->len + 1) * sizeof *map->members;
    struct node_member *sorted = mem_alloc(bytes);

    if (map->len)
        memcpy(sorted, map->members, map->len * sizeof *sorted);
    qsort(sorted, map->len, sizeof *sorted, compare_keys);
    text_add(out, "map[string]interface {}{");
    for (size_t i = 0; i < map->len && out->len < VALUE_MAX; i++) {
        text_add(out, i ? ", " : "");
        add_go_quoted(out, sorted[i].key, strlen(sorted[i].key));
        text_add_char(out, ':');
        add_go(out, sorted[i].value);
    }
    text_add_char(out, '}');
    mem_free(&sorted);
}

/* A value in the form of Go's %#v, cut off after about VALUE_MAX bytes. */
static void add_go(struct text *out, const struct node *value)
{
    switch (value->type) {
    case NODE_NULL:
        text_add(out, "interface {}(nil)");
        break;
    case NODE_BOOL:
        text_add(out, value->boolean ? "true" : "false");
        break;
    case NODE_INT:
        text_addf(out, "%lld", (long long)value->integer);
        break;
    case NODE_FLOAT:
        schema_add_float(out, value->number);
        break;
    case NODE_STRING:
        add_go_quoted(out, value->string, value->len > VALUE_MAX ? VALUE_MAX : value->len);
        break;
    case NODE_LIST:
        text_add(out, "[]interface {}{");
        for (size_t i = 0; i < value->len && out->len < VALUE_MAX; i++) {
            text_add(out, i ? ", " : "");
            add_go(out, value->items[i]);
        }
        text_add_char(out, '}');
        break;
    case NODE_MAP:
        add_go_map(out, value);
        break;
    }
}

/* field.ErrorType of apimachinery: the reason of a cause, and how its message begins. */
static const struct {
    const char *reason, *word;
    bool value; /* is the value shown? */
} reasons[] = {
    {"FieldValueInvalid", "Invalid value", true},
    {"FieldValueTypeInvalid", "Invalid value", true},
    {"FieldValueNotSupported", "Unsupported value", true},
    {"FieldValueDuplicate", "Duplicate value", true},
    {"FieldValueNotFound", "Not found", true},
    {"FieldValueTooMany", "Too many", true},
    {"FieldValueRequired", "Required value", false},
    {"FieldValueForbidden", "Forbidden", false},
    {"FieldValueTooLong", "Too long", false},
    {"InternalError", "Internal error", false},
};

/* The start of a message: the words for the reason, and the value where that
   reason shows it. */
static void add_cause_head(struct text *out, const char *reason, const struct node *value)
{
    for (size_t i = 0; i < count_of(reasons); i++) {
        if (strcmp(reasons[i].reason, reason))
            continue;
        text_add(out, reasons[i].word);
        if (reasons[i].value && value) {
            text_add(out, ": ");
            if (value->type == NODE_NULL)
                text_add(out, "\"null\"");
            else
                add_go(out, value);
        }
        return;
    }
    text_add(out, reason);
}

void schema_add_cause(struct arena *arena, struct node *causes, const char *reason,
                      const char *field, const struct node *value, const char *format, ...)
{
    scoped_text struct text message = {0};
    struct node *cause = node_map(arena);
    size_t len;
    va_list args;

    add_cause_head(&message, reason, value);
    len = message.len;
    text_add(&message, ": ");
    va_start(args, format);
    text_addv(&message, format, args);
    va_end(args);
    /* Without a sentence no colon remains: "Required value". */
    if (message.len == len + 2)
        text_cut(&message, len);
    node_set_text(arena, cause, "reason", reason);
    node_set_text(arena, cause, "message", text_string(&message));
    node_set_text(arena, cause, "field", field);
    node_add(arena, causes, cause);
}

/* kube-apiserver prints equal causes once. */
static bool is_repeated_cause(const struct node *causes, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (node_same(causes->items[i], causes->items[at]))
            return true;
    return false;
}

/* Brackets stand around several causes only, as in apimachinery's aggregate errors. */
char *schema_sentence(struct arena *arena, const char *kind, const char *group, const char *name,
                      const struct node *causes)
{
    scoped_text struct text all = {0};
    size_t said = 0;

    for (size_t i = 0; i < node_count(causes) && i < 100; i++) {
        const struct node *cause = causes->items[i];

        if (is_repeated_cause(causes, i))
            continue;
        text_addf(&all, "%s%s: %s", said++ ? ", " : "", node_get_text(cause, "field"),
                  node_get_text(cause, "message"));
    }
    return arena_printf(arena, "%s%s%s \"%s\" is invalid: %s%s%s", kind, *group ? "." : "", group,
                        name, said > 1 ? "[" : "", text_string(&all), said > 1 ? "]" : "");
}
