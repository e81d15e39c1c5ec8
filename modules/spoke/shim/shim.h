/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_H
#define SHIM_H

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct node;
struct text;

/*
 * The program `axle shim`: the parent of one pod's processes, which outlives the
 * agent. It starts the pod's containers, each below a small init, confines them,
 * keeps their logs, runs what is run beside them, and ends them.
 *
 * The process driver of runtime starts it with three descriptors: 3 is a
 * SOCK_SEQPACKET to the agent, 4 a file in memory with the pod's description, 5 the
 * pod's lock, which it holds until it ends. A spare one (--spare) gets the last two
 * as a message over the first. In the pod's folder it listens at shim.sock, where a
 * later agent finds it. It never decides to start a container by itself, but for
 * `again` (runtime.h).
 *
 * It is one thread that waits in poll(2), without a loop and without the agent's
 * memory: it has begun with an exec.
 */

/* `axle shim ...`: does not return before the pod is over. */
int shim_main(int argc, char **argv);

#define SHIM_MOUNTS 64 /* of a container */
#define SHIM_GROUPS 32 /* further groups of a pod */

/*
 * One message from the agent to a shim. What one packet cannot carry (a probe's
 * command may be as long as the object that says it) travels in a memory file whose
 * descriptor is sent.
 */
/* -1 with errno; never waits. */
int shim_message_send(int socket, const char *bytes, size_t len);
/* As recv(2): 0 at the end, -1 with errno; else the message is added to `ret`. */
ssize_t shim_message_receive(int socket, struct text *ret);

/* Whether a hostPath is of the type that it must be; "": any. */
bool shim_is_as_it_must(const char *must, mode_t mode);
/* Whether this kernel keeps a process from abstract sockets and signals of others. */
bool shim_has_scopes(void);

/* ---- Claims and fsGroup */

/* The mode of a claim's folder: what is made in it has its group too. */
#define SHIM_CLAIM_MODE (S_ISGID | 0770)
bool shim_is_claim(const struct node *volume);
/* Whether a container of the pod mounts the volume and may write to it. */
bool shim_writes_volume(const struct node *spec, const char *volume);

/* How giving goes; the caller fills the first part. */
#define SHIM_GIFT_WHERE 256
struct shim_gift {
    long most;                             /* entries of one claim; 0: all there are */
    bool (*go_on)(struct shim_gift *gift); /* asked at each entry; NULL: it does */

    gid_t group;
    const char *volume; /* where it is, or where the first failure was */
    long seen, failed;  /* entries of this claim; of all claims, what was left as it was */
    int error;          /* of the first that failed, which is `first` */
    char first[SHIM_GIFT_WHERE];
};
/*
 * Gives all that the claims of the pod hold to its fsGroup. An entry that refuses (it is
 * immutable, or something else is mounted there) is counted and left, as in Kubernetes. -1
 * with errno when a claim's own folder refuses, at `most` (E2BIG) and when go_on() says no
 * (ECANCELED).
 */
int shim_give_claims(const struct node *spec, const struct node *volumes, struct shim_gift *gift);
/* In words what was left, if `failed`. */
void shim_explain_gift(const struct shim_gift *gift, char *ret, size_t room);

#endif
