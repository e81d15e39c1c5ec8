/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the responses of the registry: errors, JSON, and those that wait for the disk. */
#include "registry/serve.h"

#include "base/mem.h"
#include "document/document.h"
#include "http/http.h"

#include <stdarg.h>
#include <string.h>

void registry_reply_headers(struct http_request *request)
{
    http_response_header(request, "Docker-Distribution-Api-Version", "registry/2.0");
    /* Blobs come from clients: a browser must not run them as content of the hub. */
    http_response_header(request, "Content-Security-Policy", "default-src 'none'; sandbox");
}

void registry_reply_error(struct http_request *request, int status, const char *code,
                          const char *format, ...)
{
    struct arena *arena = request->arena;
    struct node *body = node_map(arena), *one = node_map(arena);
    va_list args;
    char *json;

    va_start(args, format);
    node_set_text(arena, one, "code", code);
    node_set_text(arena, one, "message", arena_vprintf(arena, format, args));
    va_end(args);
    node_add(arena, node_make_list(arena, body, "errors"), one);
    json = document_json(arena, body);
    registry_reply_headers(request);
    if (status == 401)
        http_response_header(request, "WWW-Authenticate", "Basic realm=\"axle\"");
    http_respond(request, status, "application/json", json, strlen(json));
}

void registry_reply_refused(struct http_request *request, const struct err *err)
{
    bool slow = err->code == ERR_TOO_MANY, hangs = err->code == ERR_UNREACHABLE;

    if (slow || hangs)
        http_response_header(request, "Retry-After", "5");
    registry_reply_error(request, err_http(err->code),
                         slow    ? "TOOMANYREQUESTS"
                         : hangs ? "UNAVAILABLE"
                                 : "DENIED",
                         "%s", err->text);
}

void registry_reply_json(struct http_request *request, const char *type, const struct node *body)
{
    char *json = document_json(request->arena, body);

    registry_reply_headers(request);
    http_respond(request, 200, type, json, strlen(json));
}

void registry_reply_not_a_digest(struct registry_request *request)
{
    registry_reply_error(
        request->http, 400, "DIGEST_INVALID",
        "\"%.150s\" is not a digest: write sha256: and 64, or sha512: and 128 lower-case hex digits",
        request->reference);
}

/*
 * A response that is sent once the staged writes are on disk. `gone` is set when
 * the connection ends before that; the callback of the commit frees the struct in
 * both cases.
 */
struct waiting {
    struct http_request *http;
    struct registry *registry;
    bool gone;
    int status;
    char *location, *digest; /* owned */
};

static void on_waiting_gone(struct http_request *request, void *arg)
{
    struct waiting *waiting = arg;

    waiting->gone = true;
}

static void on_waiting_durable(void *arg, const struct err *err)
{
    struct waiting *waiting = arg;

    if (!waiting->gone && err) {
        registry_reply_error(waiting->http, err_http(err->code), "UNSUPPORTED", "%s", err->text);
    } else if (!waiting->gone) {
        registry_reply_headers(waiting->http);
        if (waiting->location)
            http_response_header(waiting->http, "Location", waiting->location);
        if (waiting->digest)
            http_response_header(waiting->http, "Docker-Content-Digest", waiting->digest);
        http_respond(waiting->http, waiting->status, NULL, NULL, 0);
    }
    mem_free(&waiting->location);
    mem_free(&waiting->digest);
    mem_free(&waiting);
}

void registry_reply_when_durable(struct registry *registry, struct http_request *request,
                                 int status, const char *location, const char *digest)
{
    struct waiting *waiting = mem_alloc(sizeof *waiting);

    waiting->http = request;
    waiting->registry = registry;
    waiting->status = status;
    waiting->location = location ? mem_copy_string(location) : NULL;
    waiting->digest = digest ? mem_copy_string(digest) : NULL;
    http_request_gone(request, on_waiting_gone, waiting);
    registry->settings.commit(registry->settings.arg, on_waiting_durable, waiting);
}

void registry_reply_created(struct registry *registry, struct http_request *request,
                            const char *location, const char *digest)
{
    registry_reply_when_durable(registry, request, 201, location, digest);
}
