/* SPDX-License-Identifier: Apache-2.0 */
/* Handles get and list. A list is streamed in pieces, so its size does not matter. */
#include "api/internal.h"

#include "base/object.h"
#include "base/text.h"
#include "document/document.h"
#include "query/query.h"

#include <stdlib.h>
#include <string.h>

/* Write pieces until this many bytes wait in the connection. */
#define ENOUGH ((size_t)256 * 1024)
#define LISTING_TAG 0x4c495354u

void read_get(struct api_request *request)
{
    struct err err = {0};
    scoped_text struct text out = {0};
    scoped_object struct object *object =
        objects_get(request->api->objects, OBJECTS_PUBLISHED, request->kind,
                    request_namespace(request), request->what.name, &err);

    if (!object) {
        reply_err(request, &err, NULL);
        return;
    }
    form_event(request, object, true, request->arena, &out);
    text_add_char(&out, '\n');
    http_respond(request->http, 200, "application/json", out.bytes, out.len);
}

/* State of a list response. */
struct listing {
    uint32_t tag;
    struct api_request *request;
    struct objects_page page;
    size_t next;
};

static void listing_free(struct listing *listing)
{
    listing->tag = 0;
    objects_page_free(&listing->page);
    free(listing);
}

static void on_list_gone(struct http_request *request, void *arg)
{
    listing_free(object_from(listing, LISTING_TAG, arg));
}

static void write_some(struct http_request *http, void *arg)
{
    struct listing *listing = object_from(listing, LISTING_TAG, arg);

    while (listing->next < listing->page.count) {
        scoped_text struct text out = {0};
        scoped_arena struct arena *arena = arena_new();

        if (http_response_pending(http) > ENOUGH)
            return;
        while (listing->next < listing->page.count && out.len < ENOUGH / 8) {
            if (listing->next)
                text_add_char(&out, ',');
            form_list_item(listing->request, listing->page.items[listing->next++], arena, &out);
        }
        http_response_write(http, out.bytes, out.len);
    }
    {
        scoped_text struct text out = {0};

        form_list_end(listing->request, &out);
        http_response_write(http, out.bytes, out.len);
    }
    listing_free(listing);
    http_response_end(http);
}

static void begin_list_response(struct listing *listing)
{
    struct http_request *http = listing->request->http;
    scoped_text struct text out = {0};

    http_response_begin(http, 200, "application/json", -1);
    form_list_begin(listing->request, &listing->page, &out);
    http_response_write(http, out.bytes, out.len);
    http_request_gone(http, on_list_gone, listing);
    http_response_drained(http, write_some, listing);
    write_some(http, listing);
}

void read_list(struct api_request *request)
{
    struct listing *listing = mem_alloc(sizeof *listing);
    struct objects_query query;
    struct node *details = NULL;
    struct err err = {0};

    listing->tag = LISTING_TAG;
    listing->request = request;
    if (options_check_list(request, &details, &err) < 0 || query_read(request, &query, &err) < 0 ||
        objects_list(request->api->objects, &query, &listing->page, &err) < 0) {
        struct node *status = reply_status(request->arena, &err, NULL, NULL, NULL);

        if (!details && err.code == ERR_TIMEOUT)
            details = reply_too_new(request->arena);
        if (details)
            node_set(request->arena, status, "details", details);
        if (listing->page.continue_token)
            node_set_text(request->arena, node_make(request->arena, status, "metadata"), "continue",
                          listing->page.continue_token);
        reply_node(request->http, err_http(err.code), status);
        listing_free(listing);
        return;
    }
    begin_list_response(listing);
}
