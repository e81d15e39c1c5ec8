/* SPDX-License-Identifier: Apache-2.0 */
/* Responds with objects and with Status. */
#include "api/internal.h"

#include "base/text.h"
#include "document/document.h"

#include <string.h>

void reply_node(struct http_request *request, int status, const struct node *node)
{
    scoped_text struct text out = {0};

    document_write_json(&out, node);
    text_add_char(&out, '\n');
    http_respond(request, status, "application/json", out.bytes, out.len);
}

bool reply_known(struct http_request *request, const char *hash)
{
    const char *tag = arena_printf(request->arena, "\"%s\"", hash);
    const char *known = http_request_header(request, "if-none-match");

    http_response_header(request, "ETag", tag);
    if (!known || (!strstr(known, tag) && strcmp(known, "*") != 0))
        return false;
    http_respond(request, 304, NULL, NULL, 0);
    return true;
}

struct node *reply_status(struct arena *arena, const struct err *err, const struct kind *kind,
                          const char *name, struct node *causes)
{
    struct node *status = node_map(arena);
    struct node *details;

    node_set_text(arena, status, "kind", "Status");
    node_set_text(arena, status, "apiVersion", "v1");
    node_set(arena, status, "metadata", node_map(arena));
    node_set_text(arena, status, "status", "Failure");
    node_set_text(arena, status, "message", err->text);
    if (*err_reason(err->code))
        node_set_text(arena, status, "reason", err_reason(err->code));
    if (kind || node_count(causes)) {
        details = node_make(arena, status, "details");
        if (name && *name)
            node_set_text(arena, details, "name", name);
        if (kind && *kind->group)
            node_set_text(arena, details, "group", kind->group);
        /* A validation error names the kind, other errors name the resource. */
        if (kind)
            node_set_text(arena, details, "kind",
                          err->code == ERR_INVALID ? kind->kind : kind->plural);
        if (node_count(causes))
            node_set(arena, details, "causes", causes);
    }
    node_set_int(arena, status, "code", err_http(err->code));
    return status;
}

void api_respond_err(struct http_request *request, const struct err *err)
{
    reply_node(request, err_http(err->code), reply_status(request->arena, err, NULL, NULL, NULL));
}

void reply_nothing_there(struct http_request *request)
{
    http_response_header(request, "X-Content-Type-Options", "nosniff");
    http_respond_text(request, 404, "404 page not found\n");
}

struct node *reply_too_new(struct arena *arena)
{
    struct node *details = node_map(arena), *cause = node_map(arena);

    node_set_text(arena, cause, "reason", "ResourceVersionTooLarge");
    node_set_text(arena, cause, "message", "Too large resource version");
    node_add(arena, node_make_list(arena, details, "causes"), cause);
    node_set_int(arena, details, "retryAfterSeconds", 1);
    return details;
}

void reply_failure(const struct api_request *request, const struct err *err, struct node *details)
{
    struct node *status = reply_status(request->arena, err, NULL, NULL, NULL);

    if (details)
        node_set(request->arena, status, "details", details);
    if (err->code == ERR_TOO_MANY)
        http_response_header(request->http, "Retry-After", "5");
    reply_node(request->http, err_http(err->code), status);
}

/* Errors that do not concern one object have no name in their details. */
static bool is_about_object(enum err_code code)
{
    static const enum err_code codes[] = {
        ERR_BAD_REQUEST, ERR_INTERNAL,  ERR_OTHER,      ERR_FULL,
        ERR_UNREACHABLE, ERR_TOO_LARGE, ERR_MEDIA_TYPE,
    };

    for (size_t i = 0; i < count_of(codes); i++)
        if (codes[i] == code)
            return false;
    return true;
}

void reply_err(const struct api_request *request, const struct err *err, struct node *causes)
{
    if (err->code == ERR_METHOD) {
        reply_failure(request, err, node_map(request->arena));
        return;
    }
    if (err->code == ERR_TOO_MANY)
        http_response_header(request->http, "Retry-After", "5");
    reply_node(request->http, err_http(err->code),
               reply_status(request->arena, err, is_about_object(err->code) ? request->kind : NULL,
                            request->what.name, causes));
}
