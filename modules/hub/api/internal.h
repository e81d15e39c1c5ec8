/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_INTERNAL_H
#define API_INTERNAL_H

#include "api/api.h"
#include "http/http.h"
#include "objects/objects.h"

#include <stdbool.h>
#include <sys/queue.h>

struct map;
struct node;
struct list_turns;
struct shared_events;
struct text;

struct api_request;

/* A request that stays open (a watch) as long as its user has the right to it. */
typedef void open_request_end_fn(void *arg);
struct open_request {
    struct api_request *request;
    open_request_end_fn *end; /* ends the request, and calls open_request_remove() */
    void *arg;
    uint64_t judged; /* the value of api->rights when it was authorised last */
    struct open_request *next, *prev;
};

/* A watch of works whose spoke wants to know of its ManagedCluster; in a list of its cluster. */
struct own_cluster {
    struct api *api;     /* NULL: it does not */
    const char *cluster; /* borrowed from the request */
    struct objects_watch *works;
    struct own_cluster *next;
};

struct api {
    struct loop *loop;
    struct objects *objects;
    const struct kinds *kinds;
    struct auth *auth;
    char *git_version;        /* owned */
    struct map *hashes;       /* owned: hashes of OpenAPI documents, by the group's path */
    struct map *own_clusters; /* owned: lists of struct own_cluster, by the cluster's name */
    size_t most_body;
    struct open_request open;            /* head of the ring of open requests */
    struct loop_timer *judge;            /* owned: runs the next round of checks */
    uint64_t rights;                     /* counts changes of roles, bindings and credentials */
    int64_t started;                     /* wall time of the start; no spoke is late before it */
    struct shared_events *shared_events; /* owned */
    struct list_turns *list_turns;       /* owned */
};

/* One parsed request about objects. */
enum api_form { API_OBJECT, API_TABLE, API_PARTIAL };

struct api_request {
    struct api *api;
    struct http_request *http;
    struct arena *arena;
    const struct auth_user *user;
    const struct kind *kind;
    /*
     * The authorised request. Handlers read it and not `http`, so that they serve what was
     * authorised.
     */
    struct auth_request what;
    enum api_form form;
    enum api_form include; /* what a table row includes: OBJECT, PARTIAL; TABLE for nothing */
};

/* The namespace; "" for kinds without one, and for all namespaces. */
const char *request_namespace(const struct api_request *request);

/* Chooses `form` by the Accept header. */
void form_choose(struct api_request *request);
/* last_seen.c: a ManagedCluster with `lastSeen`, from its lease, for the table's cells. */
const struct node *last_seen_add(const struct api_request *request, struct arena *arena,
                                 const struct node *object);
/* Writes the text around the items of a list; the caller writes commas between items. */
void form_list_begin(const struct api_request *request, const struct objects_page *page,
                     struct text *out);
void form_list_item(const struct api_request *request, const struct object *object,
                    struct arena *arena, struct text *out);
void form_list_end(const struct api_request *request, struct text *out);
/* Writes the object of a watch event; a table has its columns in the first event only. */
void form_event(const struct api_request *request, const struct object *object, bool first,
                struct arena *arena, struct text *out);
/* Whether the request wants the object as its stored bytes are. */
bool form_is_stored(const struct api_request *request, const struct object *object);

/* shared_events.c: the line of an ADDED, MODIFIED or DELETED event. */
struct shared_events *shared_events_new(struct loop *loop);
void shared_events_free(struct shared_events **shared);
void shared_event_write(const struct api_request *request, const struct objects_event *event,
                        bool first, struct text *out);

/* list_turns.c: a list that waits for its turn to be written on. */
struct list_turn {
    const void *flow;           /* whose it is: only compared */
    size_t (*write)(void *arg); /* writes a piece and says how long it was; may wait again */
    void *arg;
    bool queued;
    TAILQ_ENTRY(list_turn) link;
};
struct list_turns *list_turns_new(struct loop *loop);
void list_turns_free(struct list_turns **turns);
void list_turn_wait(struct list_turns *turns, struct list_turn *turn);
void list_turn_leave(struct list_turns *turns, struct list_turn *turn);

/* reply.c */
void reply_node(struct http_request *request, int status, const struct node *node);
void reply_err(const struct api_request *request, const struct err *err, struct node *causes);
/* Responds "404 page not found": no such group or path. */
void reply_nothing_there(struct http_request *request);
/* Details of "Too large resource version", by which a client knows that it must list again. */
struct node *reply_too_new(struct arena *arena);
/* Responds with a Status; `details` are of a failed write, or NULL. */
void reply_failure(const struct api_request *request, const struct err *err, struct node *details);
struct node *reply_status(struct arena *arena, const struct err *err, const struct kind *kind,
                          const char *name, struct node *causes);

/* Sends `hash` as ETag. True if it is the If-None-Match of the request; then 304 was sent. */
bool reply_known(struct http_request *request, const char *hash);

/*
 * Shared by discovery.c and openapi.c: a content hash; whether row `i` begins a group
 * version; a map {group, version, kind}.
 */
const char *discovery_hash(struct arena *arena, const void *bytes, size_t len);
bool discovery_is_new_version(const struct kinds *kinds, size_t i);
struct node *discovery_response_kind(struct arena *arena, const char *group, const char *version,
                                     const char *kind);

/* Each sends the response, now or later. */
void discovery_handle(struct api *api, struct http_request *request);
void openapi_handle(struct api *api, struct http_request *request);
void read_get(struct api_request *request);
void read_list(struct api_request *request);
void watch_start(struct api_request *request);
void write_handle(struct api_request *request);
void review_handle(struct api_request *request, struct node *body);

/*
 * Check the parameters of the query. ERR_INVALID, or ERR_BAD_REQUEST without details for
 * contradictions.
 */
int options_check_list(const struct api_request *request, struct node **ret_details,
                       struct err *err) MUST_CHECK;
int options_check_write(const struct api_request *request, bool apply, struct node **ret_details,
                        struct err *err) MUST_CHECK;
/* `body` is the DeleteOptions in the body, or NULL. */
int options_check_delete(const struct api_request *request, const struct node *body,
                         struct node **ret_details, struct err *err);

/* open_requests.c */
void open_requests_start(struct api *api);
void open_requests_stop(struct api *api);
/*
 * The caller owns `open`. The loop calls `end` when the user has lost the right to the
 * request.
 */
void open_request_add(struct open_request *open, struct api_request *request,
                      open_request_end_fn *end, void *arg);
void open_request_remove(struct open_request *open);
/* Nanoseconds until the credential expires; INT64_MAX: never. */
int64_t open_request_time_left(const struct api_request *request);

/* own_cluster.c */
void own_clusters_start(struct api *api);
void own_clusters_stop(struct api *api);
/* If the client asks for it, sets the header of the response. */
void own_cluster_follow(struct own_cluster *own, const struct api_request *request,
                        struct objects_watch *works);
void own_cluster_unfollow(struct own_cluster *own);
/* Of the ManagedCluster now; 0: it is not followed, or gone. */
int64_t own_cluster_revision(const struct own_cluster *own);

/* Reads the parameters of a list or watch: selectors, limit, continue, revision. */
int query_read(const struct api_request *request, struct objects_query *ret, struct err *err);
bool query_flag(const struct http_request *request, const char *name);

/*
 * Decodes a body in Kubernetes' protobuf envelope. ERR_MEDIA_TYPE for a message that is
 * not in the table tells the user to send JSON.
 */
struct node *protobuf_read(struct arena *arena, const void *bytes, size_t len,
                           struct err *err) MUST_CHECK;

#endif
