/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_REQUESTS_H
#define AGENT_REQUESTS_H

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "http/http.h"

struct agent;
struct tls_client_settings;

/*
 * requests.c: single requests to the hub over one connection.
 *
 * `done` is called once for each request, in a later turn of the loop or from within
 * requests_give_up(). `status`: of HTTP; 0, and no `answer`, without a response. `why`:
 * what that means in words, never NULL.
 */
typedef void request_fn(void *arg, int status, const struct http_response *response,
                        const struct err *why);

/* `on_answer` sees each response before `done` does. */
void requests_open(struct agent *agent,
                   void (*on_response)(struct agent *agent, const struct http_response *response));
void requests_close(struct agent *agent);
int requests_connect(struct agent *agent, const struct tls_client_settings *tls,
                     struct err *err) MUST_CHECK;
/* The last session with the hub is kept, and resumed by the next connection that has the
   same settings. What runs on the connection is dropped; requests_give_up() then tells those who
   wait. */
void requests_disconnect(struct agent *agent);
void requests_give_up(struct agent *agent, const struct err *err);
/* For watches; NULL: there is no connection. */
struct http_client *requests_client(const struct agent *agent);
/* `ask->done` and `ask->arg` are not used. `done` may be NULL. */
void requests_send(struct agent *agent, const struct http_client_request *request, request_fn *done,
                   void *arg);
/* The message of a Status object, or the HTTP status, or `err` without a response. */
void requests_explain(const struct http_response *response, const struct err *err, struct err *ret);

/* writes.c: requests that may wait, sent no faster than the hub takes them. */

void writes_open(struct agent *agent);
void writes_close(struct agent *agent);
/* `body` NULL: none. Without `done` it may be dropped when too many wait. */
void writes_send(struct agent *agent, const char *method, const char *target, const char *type,
                 const struct text *body, request_fn *done, void *arg);
/* The link is closed: those who wait are told `err`. */
void writes_give_up(struct agent *agent, const struct err *err);

#endif
