/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_INSIDE_H
#define API_INSIDE_H

#include "api/api.h"
#include "http/http.h"
#include "objects/objects.h"

#include <stdbool.h>

struct map;
struct node;
struct text;

struct api_request;

/* A request that is held open, for as long as its user may make it. */
typedef void open_request_end_fn(void *arg);
struct open_request {
    struct api_request *ask;
    open_request_end_fn *end; /* ends the request, and removes it from here */
    void *arg;
    uint64_t judged; /* the value of api->rights that it was judged at */
    struct open_request *next, *prev;
};

struct api {
    struct loop *loop;
    struct objects *objects;
    const struct kinds *kinds;
    struct auth *auth;
    char *git_version;  /* owned */
    struct map *hashes; /* owned: of OpenAPI documents, by group's path */
    size_t most_body;
    struct open_request open; /* the ring's head */
    struct loop_timer *judge; /* owned: judges what is held again */
    uint64_t rights;          /* counts changes of rights */
    int64_t started;          /* wall time: no spoke counts as late before the hub listens */
};

/* One request about objects, taken apart. */
enum api_form { API_OBJECT, API_TABLE, API_PARTIAL };

struct api_request {
    struct api *api;
    struct http_request *http;
    struct arena *arena;
    const struct auth_user *user;
    const struct kind *kind;
    /* What is judged, and so what is served: nothing beside it is read again. */
    struct auth_request what;
    enum api_form form;
    enum api_form include; /* of a table's rows: OBJECT, PARTIAL, or TABLE: none */
};

/* Where its objects lie: "" for kinds without a namespace, and for all. */
const char *request_namespace(const struct api_request *ask);

/* The shape of the answer that the Accept header asks for. */
void form_choose(struct api_request *ask);
/* Writes `object` (whole, in the asked version) in the asked form. */
void form_write(const struct api_request *ask, const struct node *object,
                struct text *out);
/* last_seen.c: a ManagedCluster with `lastSeen`, from its lease, for the table's cells. */
const struct node *last_seen_add(const struct api_request *ask, struct arena *arena,
                                 const struct node *object);
/* Writes the text around the items of a list; the caller writes commas between items. */
void form_list_begin(const struct api_request *ask, const struct objects_page *page,
                     struct text *out);
void form_list_item(const struct api_request *ask, const struct object *object,
                    struct arena *arena, struct text *out);
void form_list_end(const struct api_request *ask, struct text *out);
/* A watch event's object: a table's columns come with the first row only. */
void form_event(const struct api_request *ask, const struct object *object,
                bool first, struct arena *arena, struct text *out);

/* reply.c */
void reply_node(struct http_request *request, int status,
                const struct node *node);
void reply_err(const struct api_request *ask, const struct err *err,
               struct node *causes);
/* "404 page not found": there is no such group, or nothing at that path. */
void reply_nothing_there(struct http_request *request);
/* Details of "Too large resource version": a client lists anew when it sees them. */
struct node *reply_too_new(struct arena *arena);
/* With details that a write of `objects` gave; NULL: none. */
void reply_failure(const struct api_request *ask, const struct err *err,
                   struct node *details);
struct node *reply_status(struct arena *arena, const struct err *err,
                          const struct kind *kind, const char *name,
                          struct node *causes);

/* Sends the tag of what is asked for. True if the client has it already, and is
   answered 304. */
bool reply_known(struct http_request *request, const char *hash);

/* What discovery.c and openapi.c share: the hash of an answer, whether row `i`
   begins a group version, a group, version and kind as a map. */
const char *discovery_hash(struct arena *arena, const void *bytes, size_t len);
bool discovery_is_new_version(const struct kinds *kinds, size_t i);
struct node *discovery_response_kind(struct arena *arena, const char *group,
                                     const char *version, const char *kind);

/* Each answers the request, now or later. */
void discovery_handle(struct api *api, struct http_request *request);
void openapi_handle(struct api *api, struct http_request *request);
void read_get(struct api_request *ask);
void read_list(struct api_request *ask);
void watch_start(struct api_request *ask);
void write_handle(struct api_request *ask);
void review_handle(struct api_request *ask, struct node *body);

/* What is asked for in the query: ERR_INVALID, or ERR_BAD_REQUEST without
   details, if it makes no sense. */
int options_check_list(const struct api_request *ask, struct node **ret_details,
                       struct err *err) MUST_CHECK;
int options_check_write(const struct api_request *ask, bool apply,
                        struct node **ret_details, struct err *err) MUST_CHECK;
/* `body` is the DeleteOptions in the body, or NULL. */
int options_check_delete(const struct api_request *ask, const struct node *body,
                         struct node **ret_details, struct err *err);

/* open_requests.c */
void open_requests_start(struct api *api);
void open_requests_stop(struct api *api);
/* `held` is the caller's. `end` is called (from the loop) when the user may no
   longer make the request. */
void open_request_add(struct open_request *open, struct api_request *ask, open_request_end_fn *end, void *arg);
void open_request_remove(struct open_request *open);
/* Nanoseconds until the credential ends; INT64_MAX: it does not. */
int64_t open_request_time_left(const struct api_request *ask);

/* The query of a list or watch: selectors, limit, continue, revision. */
int query_read(const struct api_request *ask, struct objects_query *ret,
               struct err *err);
bool query_flag(const struct http_request *request, const char *name);

/* A body in Kubernetes' protobuf envelope, as a tree. ERR_MEDIA_TYPE names
   the way out for messages that are not in the table. */
struct node *protobuf_read(struct arena *arena, const void *bytes, size_t len,
                           struct err *err) MUST_CHECK;

#endif
