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
/* One piece: of this many bytes, and with its last item perhaps more. */
#define PIECE ((size_t)60000)
/* What is written at once: most lists end within it, and longer ones wait for turns. */
#define AT_ONCE ((size_t)256 * 1024)
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
    struct list_turn turn;
};

static void listing_free(struct listing *listing)
{
    listing->tag = 0;
    list_turn_leave(listing->request->api->list_turns, &listing->turn);
    objects_page_free(&listing->page);
    free(listing);
}

static void on_list_gone(struct http_request *request, void *arg)
{
    listing_free(object_from(listing, LISTING_TAG, arg));
}

static void end_list_response(struct listing *listing)
{
    struct http_request *http = listing->request->http;
    scoped_text struct text out = {0};

    form_list_end(listing->request, &out);
    http_response_write(http, out.bytes, out.len);
    listing_free(listing);
    http_response_end(http);
}

static size_t write_list_piece(struct listing *listing)
{
    struct http_request *http = listing->request->http;
    scoped_text struct text out = {0};
    scoped_arena struct arena *arena = arena_new();

    text_reserve(&out, PIECE + PIECE / 16);
    while (listing->next < listing->page.count && out.len < PIECE) {
        if (listing->next)
            text_add_char(&out, ',');
        form_list_item(listing->request, listing->page.items[listing->next], arena, &out);
        object_drop(&listing->page.items[listing->next++]);
    }
    http_response_write(http, out.bytes, out.len);
    return out.len;
}

/* One piece, and its turn again; with none left, the end. A client that reads slowly has
   its turn again when `drained` says so. */
static size_t write_in_turn(void *arg)
{
    struct listing *listing = object_from(listing, LISTING_TAG, arg);
    size_t len = 0;

    if (listing->next < listing->page.count) {
        if (http_response_pending(listing->request->http) > ENOUGH)
            return 0;
        len = write_list_piece(listing);
    }
    if (listing->next < listing->page.count)
        list_turn_wait(listing->request->api->list_turns, &listing->turn);
    else
        end_list_response(listing);
    return len;
}

static void on_list_drained(struct http_request *http, void *arg)
{
    struct listing *listing = object_from(listing, LISTING_TAG, arg);

    list_turn_wait(listing->request->api->list_turns, &listing->turn);
}

static void begin_list_response(struct listing *listing)
{
    struct http_request *http = listing->request->http;
    scoped_text struct text out = {0};
    size_t written = 0;

    http_response_begin(http, 200, "application/json", -1);
    form_list_begin(listing->request, &listing->page, &out);
    http_response_write(http, out.bytes, out.len);
    http_request_gone(http, on_list_gone, listing);
    http_response_drained(http, on_list_drained, listing);
    /* Rows of tables are computed: these wait for their turns at once. */
    while (listing->request->form == API_OBJECT && listing->next < listing->page.count &&
           written < AT_ONCE)
        written += write_list_piece(listing);
    write_in_turn(listing);
}

void read_list(struct api_request *request)
{
    struct listing *listing = mem_alloc(sizeof *listing);
    struct objects_query query;
    struct node *details = NULL;
    struct err err = {0};

    listing->tag = LISTING_TAG;
    listing->request = request;
    listing->turn =
        (struct list_turn){.flow = request->http->account, .write = write_in_turn, .arg = listing};
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
        listing_free(listing); /* the reply frees the request, which it refers to */
        reply_node(request->http, err_http(err.code), status);
        return;
    }
    begin_list_response(listing);
}
