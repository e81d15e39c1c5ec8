/* SPDX-License-Identifier: Apache-2.0 */
/* Fills the cells of a table row, and prints ages as kubectl does. */
#include "kinds/row.h"

#include "base/clock.h"
#include "document/document.h"
#include "meta/meta.h"
#include "query/query.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The steps of apimachinery's duration.HumanDuration(): two units while that is
   still useful, then one. */
void kind_age(int64_t nanoseconds, char out[24])
{
    int64_t s = nanoseconds > 0 ? nanoseconds / CLOCK_SECOND : 0;
    int64_t m = s / 60, h = m / 60, d = h / 24;

    if (s < 60 * 2)
        snprintf(out, 24, "%" PRId64 "s", s);
    else if (m < 10 && s % 60)
        snprintf(out, 24, "%" PRId64 "m%" PRId64 "s", m, s % 60);
    else if (m < 60 * 3)
        snprintf(out, 24, "%" PRId64 "m", m);
    else if (h < 8 && m % 60)
        snprintf(out, 24, "%" PRId64 "h%" PRId64 "m", h, m % 60);
    else if (h < 48)
        snprintf(out, 24, "%" PRId64 "h", h);
    else if (h < 24 * 8 && h % 24)
        snprintf(out, 24, "%" PRId64 "d%" PRId64 "h", d, h % 24);
    else if (d < 365 * 2)
        snprintf(out, 24, "%" PRId64 "d", d);
    else if (d < 365 * 8 && d % 365)
        snprintf(out, 24, "%" PRId64 "y%" PRId64 "d", d / 365, d % 365);
    else
        snprintf(out, 24, "%" PRId64 "y", d / 365);
}

/* The words for a missing and a wrong time are kubectl's. */
static struct node *age_cell(struct arena *arena, const char *time, int64_t now)
{
    int64_t then;
    char age[24];

    if (!*time)
        return node_string(arena, "<unknown>");
    if (!clock_parse(time, &then))
        return node_string(arena, "<invalid>");
    kind_age(now - then, age);
    return node_string(arena, age);
}

/* The values that the path finds: an empty list if there are none. */
static const struct node *find_cell_values(struct arena *arena, const struct jsonpath *path,
                                           const struct node *object)
{
    return node_item(jsonpath_find(path, arena, object, true, NULL), 0);
}

/* The values of the first path that finds any: later paths are for older objects. */
static const struct node *find_some(struct arena *arena, const struct cell_rule *rule,
                                    const struct node *object)
{
    const struct node *values = NULL;

    for (size_t i = 0; i < rule->count; i++) {
        const struct node *first;

        values = find_cell_values(arena, rule->paths[i], object);
        first = node_item(values, 0);
        if (first && first->type != NODE_NULL)
            break;
    }
    return values;
}

/* A single number or boolean keeps its type, so that clients can sort by it.
   Several values are joined with commas. */
static struct node *value_cell(struct arena *arena, const struct kind_column *column,
                               const struct cell_rule *rule, const struct node *object, int64_t now)
{
    const struct node *values = find_some(arena, rule, object);
    struct node *value = node_item(values, 0);
    scoped_text struct text out = {0};

    if (strcmp(column->type, "date") == 0)
        return age_cell(arena, node_text(value), now);
    if (!value || value->type == NODE_NULL)
        return strcmp(column->type, "string") == 0 ? node_string(arena, "") : node_null(arena);
    if (node_count(values) == 1 && value->type != NODE_LIST && value->type != NODE_MAP &&
        strcmp(column->type, "string") != 0)
        return value;
    for (size_t i = 0; i < node_count(values); i++) {
        if (i)
            text_add_char(&out, ',');
        jsonpath_add_value(&out, node_item(values, i));
    }
    return node_bytes(arena, text_string(&out), out.len);
}

/* Members of maps count too: the sum is how many entries the paths lead to. */
static struct node *count_cell(struct arena *arena, const struct cell_rule *rule,
                               const struct node *object)
{
    size_t sum = 0;

    for (size_t i = 0; i < rule->count; i++) {
        const struct node *values = find_cell_values(arena, rule->paths[i], object);

        for (size_t j = 0; j < node_count(values); j++)
            sum += node_count(node_item(values, j));
    }
    return node_int(arena, (int64_t)sum);
}

/* Values of both paths belong together by their position. */
static struct node *pair_cell(struct arena *arena, const struct cell_rule *rule,
                              const struct node *object)
{
    const struct node *left = find_cell_values(arena, rule->paths[0], object);
    const struct node *right =
        rule->count > 1 ? find_cell_values(arena, rule->paths[1], object) : NULL;
    scoped_text struct text out = {0};

    for (size_t i = 0; i < node_count(left); i++) {
        const char *at = node_text(node_item(left, i));
        const char *other = node_text(node_item(right, i));

        if (i)
            text_add(&out, ", ");
        for (; *at; at++)
            text_add_char(&out, rule->as == CELL_LOWER_PAIR && *at >= 'A' && *at <= 'Z'
                                    ? (char)(*at + 32)
                                    : *at);
        if (*other)
            text_addf(&out, "/%s", other);
    }
    return node_bytes(arena, text_string(&out), out.len);
}

/* "<none>" is kubectl's word for an absent value. */
static struct node *seconds_cell(struct arena *arena, const struct cell_rule *rule,
                                 const struct node *object)
{
    const struct node *value = node_item(find_some(arena, rule, object), 0);
    char age[24];

    if (!node_is(value, NODE_INT))
        return node_string(arena, "<none>");
    kind_age(clock_seconds(value->integer), age);
    return node_string(arena, age);
}

/* The state of a CertificateSigningRequest, as kubectl shows it: the first path
   finds the types of its conditions, the second one its certificate. */
static struct node *request_cell(struct arena *arena, const struct cell_rule *rule,
                                 const struct node *object)
{
    const struct node *types = find_cell_values(arena, rule->paths[0], object);
    const struct node *done =
        rule->count > 1 ? find_cell_values(arena, rule->paths[1], object) : NULL;
    bool approved = false, denied = false, failed = false;

    for (size_t i = 0; i < node_count(types); i++) {
        const char *type = node_text(node_item(types, i));

        approved = approved || !strcmp(type, "Approved");
        denied = denied || !strcmp(type, "Denied");
        failed = failed || !strcmp(type, "Failed");
    }
    return node_format(arena, "%s%s%s",
                       denied     ? "Denied"
                       : approved ? "Approved"
                                  : "Pending",
                       failed ? ",Failed" : "", *node_text(node_item(done, 0)) ? ",Issued" : "");
}

/* A rule may need more than a path: a column of a row file names it as `as`. */
static struct node *cell_of(struct arena *arena, const struct kind_column *column,
                            const struct cell_rule *rule, const struct node *object, int64_t now)
{
    /* The built-in column Name has no path. */
    if (!rule->count)
        return node_string(arena, meta_name(object));
    switch (rule->as) {
    case CELL_VALUE:
        break;
    case CELL_COUNT:
        return count_cell(arena, rule, object);
    case CELL_PAIR:
    case CELL_LOWER_PAIR:
        return pair_cell(arena, rule, object);
    case CELL_SECONDS:
        return seconds_cell(arena, rule, object);
    case CELL_REQUEST:
        return request_cell(arena, rule, object);
    }
    return value_cell(arena, column, rule, object, now);
}

/* Escapes control characters. Cells are printed on terminals, which an object's
   author must not control. */
static struct node *printable_cell(struct arena *arena, struct node *cell)
{
    scoped_text struct text out = {0};

    if (!node_is(cell, NODE_STRING) || text_is_printable(node_text(cell), cell->len, true))
        return cell;
    text_add_printable(&out, node_text(cell), cell->len, true);
    return node_bytes(arena, text_string(&out), out.len);
}

/* Every struct kind is the first member of a kind_row, which has the rules of its cells. */
struct node *kind_cells(struct arena *arena, const struct kind *kind, const struct node *object,
                        int64_t now)
{
    const struct kind_row *row = (const struct kind_row *)kind;
    struct node *cells = node_list(arena);

    for (size_t i = 0; i < kind->column_count; i++)
        node_add(
            arena, cells,
            printable_cell(arena, cell_of(arena, &kind->columns[i], &row->cells[i], object, now)));
    return cells;
}
