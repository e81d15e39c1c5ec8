/* SPDX-License-Identifier: Apache-2.0 */
/* Writes objects in the form of the Accept header: whole, as a table, or metadata only. */
#include "api/internal.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"

#include <inttypes.h>
#include <string.h>

/* Takes the first media range of Accept that the server can produce. */
void form_choose(struct api_request *request)
{
    const char *accept = http_request_header(request->http, "accept");
    const char *include = http_request_query(request->http, "includeObject");
    char *copy = arena_string(request->arena, accept ? accept : "");

    request->form = API_OBJECT;
    request->include = API_PARTIAL;
    if (include && strcmp(include, "Object") == 0)
        request->include = API_OBJECT;
    else if (include && strcmp(include, "None") == 0)
        request->include = API_TABLE;
    for (char *at = copy; at && *at;) {
        char *comma = strchr(at, ',');

        if (comma)
            *comma++ = '\0';
        if (strstr(at, "as=Table")) {
            request->form = API_TABLE;
            return;
        }
        if (strstr(at, "as=PartialObjectMetadata")) {
            request->form = API_PARTIAL;
            return;
        }
        if (strstr(at, "json") || strstr(at, "*/*"))
            return;
        at = comma;
    }
}

static struct node *make_partial_metadata(struct arena *arena, const struct node *object)
{
    struct node *made = node_map(arena);
    struct node *metadata = node_get(object, "metadata");

    node_set_text(arena, made, "kind", "PartialObjectMetadata");
    node_set_text(arena, made, "apiVersion", META_API_META);
    node_set(arena, made, "metadata", metadata ? metadata : node_map(arena));
    return made;
}

static struct node *table_column_definitions(struct arena *arena, const struct kind *kind)
{
    struct node *list = node_list(arena);

    for (size_t i = 0; i < kind->column_count; i++) {
        const struct kind_column *from = &kind->columns[i];
        struct node *column = node_map(arena);

        node_set_text(arena, column, "name", from->name);
        /* Ages are sent as text, so the column's type is string. */
        node_set_text(arena, column, "type",
                      strcmp(from->type, "date") == 0 ? "string" : from->type);
        node_set_text(arena, column, "format", from->format);
        node_set_text(arena, column, "description", from->description);
        node_set_int(arena, column, "priority", from->priority);
        node_add(arena, list, column);
    }
    return list;
}

static struct node *table_row(const struct api_request *request, struct arena *arena,
                              struct node *object)
{
    struct node *row = node_map(arena);

    node_set(arena, row, "cells",
             kind_cells(arena, request->kind, last_seen_add(request, arena, object), clock_wall()));
    if (request->include != API_TABLE)
        node_set(arena, row, "object",
                 request->include == API_OBJECT ? object : make_partial_metadata(arena, object));
    return row;
}

static struct node *make_table(const struct api_request *request, struct arena *arena,
                               struct node *object, bool with_columns)
{
    struct node *made = node_map(arena);
    struct node *metadata = node_map(arena);

    node_set_text(arena, made, "kind", "Table");
    node_set_text(arena, made, "apiVersion", META_API_META);
    node_set_text(arena, metadata, "resourceVersion",
                  node_get_text(node_get(object, "metadata"), "resourceVersion"));
    node_set(arena, made, "metadata", metadata);
    node_set(arena, made, "columnDefinitions",
             with_columns ? table_column_definitions(arena, request->kind) : node_list(arena));
    node_add(arena, node_make_list(arena, made, "rows"), table_row(request, arena, object));
    return made;
}

static struct node *in_form(const struct api_request *request, struct arena *arena,
                            struct node *object, bool first)
{
    if (request->form == API_TABLE)
        return make_table(request, arena, object, first);
    return request->form == API_PARTIAL ? make_partial_metadata(arena, object) : object;
}

bool form_is_stored(const struct api_request *request, const struct object *object)
{
    return request->form == API_OBJECT && object->kind == request->kind;
}

/* Copies the stored bytes unless the client wants another form or version. */
static void write_object(const struct api_request *request, const struct object *object, bool first,
                         bool row_only, struct arena *arena, struct text *out)
{
    struct node *node;

    if (form_is_stored(request, object)) {
        text_add_bytes(out, object->body, object->len);
        return;
    }
    node = kind_convert(arena, request->kind, object_read(arena, object));
    if (request->form == API_TABLE && row_only)
        node = table_row(request, arena, node);
    else
        node = in_form(request, arena, node, first);
    document_write_json(out, node);
}

void form_event(const struct api_request *request, const struct object *object, bool first,
                struct arena *arena, struct text *out)
{
    write_object(request, object, first, false, arena, out);
}

void form_list_item(const struct api_request *request, const struct object *object,
                    struct arena *arena, struct text *out)
{
    write_object(request, object, false, true, arena, out);
}

static const char *list_kind(const struct api_request *request)
{
    return request->form == API_TABLE     ? "Table"
           : request->form == API_PARTIAL ? "PartialObjectMetadataList"
                                          : request->kind->list_kind;
}

void form_list_begin(const struct api_request *request, const struct objects_page *page,
                     struct text *out)
{
    struct arena *arena = request->arena;
    struct node *metadata = node_map(arena);

    node_set(arena, metadata, "resourceVersion", node_format(arena, "%" PRId64, page->revision));
    if (page->continue_token)
        node_set_text(arena, metadata, "continue", page->continue_token);
    if (page->continue_token && page->remaining > 0)
        node_set_int(arena, metadata, "remainingItemCount", page->remaining);
    text_addf(out, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":", list_kind(request),
              request->form == API_OBJECT ? request->kind->api_version : META_API_META);
    document_write_json(out, metadata);
    if (request->form == API_TABLE) {
        text_add(out, ",\"columnDefinitions\":");
        document_write_json(out, table_column_definitions(arena, request->kind));
    }
    text_add(out, request->form == API_TABLE ? ",\"rows\":[" : ",\"items\":[");
}

void form_list_end(const struct api_request *request, struct text *out)
{
    text_add(out, "]}\n");
}
