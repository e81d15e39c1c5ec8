/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLEET_H
#define FLEET_H

#include "agent/session.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agent;
struct config;
struct loop;
struct store_memory;

/*
 * Many spokes in one process: each is the agent of the product, with real TLS to a real
 * hub. Only their processes (sim/runtime.h) and disks (store/memory.h) are pretended.
 *
 * What happens is told on standard output, a line of JSON each, with the time of the
 * steady clock, which is the same for all processes of a machine.
 */
struct fleet_settings {
    const char *hub, *prefix, *address;
    char **tokens; /* owned; used in turn */
    size_t token_count;
    const char *directory; /* keys and certificates of all spokes, a folder for each */
    int64_t first, count;  /* names are PREFIX and a number of five digits */
    int64_t at_once;       /* so many join at a time */
    int64_t join_rate; /* so many begin to join in a second, however many still do; 0: at_once */
};

enum fleet_request {
    FLEET_LIST,   /* GET of its ManifestWorks */
    FLEET_LEASE,  /* PATCH of its lease */
    FLEET_STATUS, /* PATCH of the status of a ManifestWork or Workload */
    FLEET_OTHER,  /* all else but watches */
    FLEET_REQUESTS,
};

struct fleet_spoke {
    char *name;          /* owned */
    char *directory;     /* owned */
    struct agent *agent; /* owned; NULL: not opened yet */
    enum session_state state;
    bool joined;
    int64_t since; /* steady time: opened, or not watching any more; 0: it watches */
};

struct fleet {
    struct fleet_settings settings;
    struct loop *loop;           /* borrowed */
    struct config *config;       /* owned; shared by the agents */
    struct fleet_spoke *spokes;  /* owned */
    struct store_memory **disks; /* owned; NULL at the end */
    int64_t opened, failed, joining, joined, watching;
    uint64_t requests[FLEET_REQUESTS];
    uint64_t refused; /* responses of the hub other than 2xx and 404 */
    int64_t next_join;
    bool is_joining; /* it has begun to open spokes */
};

/* Makes the folders and keys of all spokes. */
int fleet_prepare(struct fleet *fleet, struct err *err) MUST_CHECK;
/* Opens spokes as the settings have it, tells which have changed their state, and says
   how long nothing has to be looked at unless something happens. */
int64_t fleet_step(struct fleet *fleet);
/* Cuts each connection, as a network would; returns how many there were. */
size_t fleet_drop(struct fleet *fleet);
void fleet_tell_status(struct fleet *fleet);
void fleet_close(struct fleet *fleet);

/* ---- tell.c: lines of JSON on standard output */

/* A line begins with these; the caller adds members and ends it. */
void fleet_tell(struct text *line, const char *event);
void fleet_tell_word(struct text *line, const char *name, const char *word);
void fleet_tell_number(struct text *line, const char *name, int64_t number);
void fleet_tell_end(struct text *line);

/* ---- requests.c: what the agents ask of the hub */

/* The requests of all agents of this process are counted here from now on. */
void fleet_count_requests(struct fleet *fleet);

#endif
