/* SPDX-License-Identifier: Apache-2.0 */
/* Answers with objects and with Status. */
#include "api/inside.h"

#include "base/text.h"
#include "document/document.h"

#include <string.h>

void reply_node(struct http_request *request, int status,
                const struct node *node)
{
    scoped_text struct text out = {0};

    document_write_json(&out, node);
    text_add_char(&out, '\n');
    http_answer(request, status, "application/json", out.bytes, out.len);
}

struct node *reply_status(struct arena *arena, const struct err *err,
                          const struct kind *kind, const char *name,
                          struct node *causes)
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
        /* Validation names the kind, everything else the resource. */
        if (kind)
            node_set_text(arena, details, "kind",
                          err->code == ERR_INVALID ? kind->kind : kind->plural);
        if (node_count(causes))
            node_set(arena, details, "causes", causes);
    }
    node_set_int(arena, status, "code", err_http(err->code));
    return status;
}

void api_answer_err(struct http_request *request, const struct err *err)
{
    reply_node(request, err_http(err->code),
               reply_status(request->arena, err, NULL, NULL, NULL));
}

void reply_failure(const struct api_ask *ask, const struct err *err,
                   struct node *details)
{
    struct node *status = reply_status(ask->arena, err, NULL, NULL, NULL);

    if (details)
        node_set(ask->arena, status, "details", details);
    if (err->code == ERR_FULL || err->code == ERR_TOO_MANY)
        http_answer_header(ask->request, "Retry-After", "5");
    reply_node(ask->request, err_http(err->code), status);
}

void reply_err(const struct api_ask *ask, const struct err *err,
               struct node *causes)
{
    bool about_object = err->code != ERR_BAD_REQUEST && err->code != ERR_INTERNAL &&
                        err->code != ERR_OTHER &&
                        err->code != ERR_FULL && err->code != ERR_UNREACHABLE &&
                        err->code != ERR_TOO_LARGE;

    if (err->code == ERR_FULL || err->code == ERR_TOO_MANY)
        http_answer_header(ask->request, "Retry-After", "5");
    reply_node(ask->request, err_http(err->code),
               reply_status(ask->arena, err, about_object ? ask->kind : NULL,
                            ask->name, causes));
}
