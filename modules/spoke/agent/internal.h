/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_INTERNAL_H
#define AGENT_INTERNAL_H

#include "agent/agent.h"
#include "loop/loop.h"
#include "meta/meta.h"

/*
 * The agent and its parts. Each part is a struct that only its own file knows; the other
 * files ask by the functions of its header. The files call downwards, in this order:
 *
 *   agent                                  opens all, and enters the states
 *   control, status_socket                 for this machine's administrator
 *   sync, renew, join, lease, status       talk to the hub
 *   facts, disk_status, duplicate, departure, epoch
 *   token, certificate, link, writes, requests
 *   identity, session                      who it is, and which state it is in
 *
 * What goes up goes through function pointers: `struct session_hooks`, the `on_answer` of
 * requests.h and `struct works_hub`, all set in agent.c and works_hub.c.
 */
#define AGENT_TAG 0x53504f4bu
struct agent {
    uint32_t tag;
    struct loop *loop;
    const struct config *config;
    struct config *own_config; /* owned; NULL when one was given */
    int64_t eviction;

    /* identity.c */
    char *directory, *name, *hub, *address, *addresses; /* owned */
    char *proxy; /* owned; on the way to the hub; NULL: none */
    char *token; /* owned; NULL: none was given */
    bool rejoin; /* the hub does not take the certificate any more; there is a new token */

    struct storage *storage; /* owned, as all that follows */
    struct works *works;
    struct session *session;
    struct requests *requests;
    struct writes *writes;
    struct epoch *epoch;
    struct departure *departure;
    struct duplicate *duplicate;
    struct disk_status *disk_status;
    struct facts *facts;
    struct status *status;
    struct lease *lease;
    struct join *join;
    struct renewal *renewal;
    struct sync *sync;
    struct controls *controls;
    struct loop_listener *status_socket;

    struct loop_timer *sweep, *again, *ending; /* agent.c */
    void (*ended)(void *arg);
    void *ended_arg;
};

/* A file of the agent's directory; the caller frees. */
char *agent_path(const struct agent *agent, const char *file);

/* How long the hub may say nothing on a watch: bookmarks come every minute, and three
   missed ones mean a dead connection. */
#define AGENT_WATCH_SILENCE (200 * CLOCK_SECOND)
#define AGENT_CLUSTERS "/apis/" META_API_CLUSTER "/managedclusters"
#define AGENT_CSRS "/apis/" META_API_CERTIFICATES "/certificatesigningrequests"

#endif
