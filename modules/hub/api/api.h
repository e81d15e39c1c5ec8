/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_H
#define API_H

#include "auth/auth.h"
#include "base/err.h"

struct http_request;
struct loop;
struct objects;

/*
 * The Kubernetes-style REST API over `objects`: discovery, OpenAPI, get, list,
 * table, watch, create, update, patch, delete and the questions about rights.
 *
 * It turns requests into calls of `objects` and their results into answers. It
 * knows no kind by name: all it says of one comes from its row. Every request
 * passes auth_check() here, after a guard has put the `struct auth_user` into
 * request->user. Answers to writes are sent when they are on disk.
 *
 * The contract is kubectl's (1.29 to 1.33). One thread; nothing blocks.
 */
struct api;

/* The Kubernetes whose kube-apiserver answers as this API does: what the recorded
   answers are of, and what /version and docs/API.md say. */
#define API_KUBERNETES_MINOR "32"
#define API_KUBERNETES "1." API_KUBERNETES_MINOR

struct api_options {
    struct loop *loop;
    struct objects *objects;
    struct auth *auth;
    const char *git_version; /* "v" API_KUBERNETES ".0+axle-0.1.0" */
    size_t most_body;        /* of a write; 0: 3 MiB */
};

struct api *api_new(const struct api_options *options) __attribute__((returns_nonnull));
void api_free(struct api **api);

/* Handles /api, /apis, /openapi and /version. An http_handler_fn. */
void api_handle(struct http_request *request, void *api);

/* Answers with a Status object: for guards and other routes too. */
void api_respond_err(struct http_request *request, const struct err *err);

#endif
