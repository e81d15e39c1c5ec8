/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_ENGINE_H
#define RUNTIME_ENGINE_H

#include "runtime/process.h"

struct http_client;

/*
 * Private to runtime: containers from images, through Podman or Docker.
 *
 * Each run of a container is a container of the engine's, named
 * axle-POD-CONTAINER and labelled with pod, container, run and crashes: so a
 * new agent finds it by label and knows its history. The engine keeps it
 * alive; we only ask. Its network is the host's, so that probes and Services
 * work as they do with processes. Files, volumes and hosts are made by the
 * same code, under directory/engine/ID, and mounted. A pod that names no
 * image is the process driver's.
 */
struct engine {
    struct http_client *client; /* owned */
    bool foreign;               /* its socket is another user's: so is its root */
    char *address, *version;    /* owned; "unix:/run/podman/podman.sock" */
    struct engine_call *calls;  /* under way */
    struct runtime *process;    /* owned; for pods without images */
    struct loop_timer *retry;   /* owned; an engine that did not answer */
};

/* ---- engine_api.c ------------------------------------------------------------- */

struct engine_response {
    int status;              /* 0: there was none */
    const struct node *json; /* NULL: it is none */
    const char *bytes;
    size_t len;
    const char *why; /* "" for a good one */
};
struct engine_call;
typedef void engine_fn(struct engine_call *call, const struct engine_response *response);
struct engine_call {
    struct runtime *runtime;
    struct engine_call *next, **from;
    char pod[128], container[128];
    int64_t run;
    engine_fn *done;
    void *arg;
};
/* `body` NULL: none. The call is gone after `done`. */
struct engine_call *engine_send(struct runtime *runtime, const char *method, const char *target,
                                const struct node *body, int64_t deadline, engine_fn *done);
#define ENGINE_SOON (60 * CLOCK_SECOND)
#define ENGINE_EVER (INT64_C(100000000) * CLOCK_SECOND)

/* Waits for the response, a few seconds at most: for opening and for logs. */
char *engine_request_now(const char *address, const char *target, struct arena *arena,
                         size_t *ret_len, struct err *err) MUST_CHECK;
/* The two streams of a container without a terminal, each line marked as in
   our own logs if `lines`, only its bytes if not. */
void engine_unmix(const char *bytes, size_t len, bool lines, struct text *ret);

/* An engine knows its containers by this name. */
char *engine_name(struct arena *arena, const char *pod, const char *container);

/* ---- engine_run.c ---------------------------------------------------------------- */

/* The engine gets paths, which it opens later: refuses a path on which a workload could
   put a link until then. */
int engine_check_mounts(const struct process_pod *pod, struct err *err);
/* Makes a fresh container and starts it, as the run after the last. */
void engine_run(struct process_pod *pod, const char *container);
/* Sends the stop of a container once more, if it was to stop and still runs. */
void engine_stop_again(struct process_pod *pod, struct process_state *state);
/* The response to a stop: one that failed is logged. */
void engine_on_stopped(struct engine_call *call, const struct engine_response *response);
/* An engine that does not say how a container is, is asked again. */
void engine_look_later(struct process_pod *pod, struct process_state *state);
/* Waits for the end of one that runs. */
void engine_follow(struct process_pod *pod, const char *container);
/* Fills a state from what the engine says of a container. */
void engine_take_state(struct process_state *state, const struct node *inspected);
/* Removes all its containers, and then the pod. */
void engine_remove(struct process_pod *pod);

/* ---- engine_exec.c -------------------------------------------------------------- */
void engine_exec(struct process_pod *pod, const char *container, const struct node *command,
                 int64_t timeout, runtime_probe_fn *done, void *arg);

#endif
