/* SPDX-License-Identifier: Apache-2.0 */
/* Fills the cells of a table row, and tells ages as kubectl does. */
#include "kinds/row.h"

#include "base/clock.h"
#include "document/document.h"
#include "query/query.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

/* What the path finds first; numbers and booleans keep their type. */
static struct node *path_cell(struct arena *arena,
                              const struct kind_column *column,
                              const struct jsonpath *path,
                              const struct node *object, int64_t now)
{
    struct node *found = jsonpath_find(path, arena, object, true, NULL);
    struct node *values = node_item(found, 0);
    struct node *value = node_item(values, 0);
    scoped_text struct text out = {0};

    if (strcmp(column->type, "date") == 0)
        return age_cell(arena, node_text(value), now);
    if (!value || value->type == NODE_NULL)
        return strcmp(column->type, "string") == 0 ? node_string(arena, "")
                                                   : node_null(arena);
    if (node_count(values) == 1 && value->type != NODE_LIST &&
        value->type != NODE_MAP && strcmp(column->type, "string") != 0)
        return value;
    for (size_t i = 0; i < node_count(values); i++) {
        if (i)
            text_add_char(&out, ',');
        jsonpath_add_value(&out, node_item(values, i));
    }
    return node_bytes(arena, text_string(&out), out.len);
}

struct node *kind_cells(struct arena *arena, const struct kind *kind,
                        const struct node *object, int64_t now)
{
    const struct kind_row *row = (const struct kind_row *)kind;
    struct node *cells = node_list(arena);

    for (size_t i = 0; i < kind->column_count; i++) {
        if (row->paths[i])
            node_add(arena, cells, path_cell(arena, &kind->columns[i],
                                             row->paths[i], object, now));
        else
            node_add(arena, cells,
                     node_string(arena, node_get_text(node_get(object, "metadata"),
                                                      "name")));
    }
    return cells;
}
