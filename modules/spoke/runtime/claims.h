/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_CLAIMS_H
#define RUNTIME_CLAIMS_H

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct node;
struct runtime;

/*
 * Private to runtime: whose the folders of claims are, as root.
 *
 * A claim's folder is made for the first pod that mounts it: its user owns it,
 * its group is the namespace's own, which every pod of that namespace with a
 * claim has (mode 2770, so that what is made in it has that group too). No
 * later start changes that. An fsGroup is Kubernetes': group, setgid and rw for
 * the group on everything, before the pod's first container begins; see
 * fsGroupChangePolicy. A pod that only reads changes nothing.
 */

/* The spec, with the namespace's group among its `groups` if it mounts a claim. */
int claims_complete(struct runtime *runtime, struct arena *arena, const struct node *spec,
                    const struct node **ret, struct err *err) MUST_CHECK;
/* Makes the folder of a claim, or takes one of an earlier version along. */
int claims_make(struct runtime *runtime, const struct node *spec, const struct node *volume,
                const char *path, uint32_t user, struct err *err) MUST_CHECK;
/* How giving goes; the caller fills the first part. */
#define CLAIMS_WHERE 256
struct claims_gift {
    long most; /* entries of one claim; 0: all there are */
    bool (*go_on)(struct claims_gift *gift); /* asked at each entry; NULL: it does */

    gid_t group;
    const char *volume; /* where it is, or where the first failure was */
    long seen, failed;  /* entries of this claim; of all claims, what was left as it was */
    int error;          /* of the first that failed, which is `first` */
    char first[CLAIMS_WHERE];
};
/*
 * Gives all that the claims of the pod hold to its fsGroup. An entry that refuses (it is
 * immutable, or something else is mounted there) is counted and left, as in Kubernetes. -1
 * with errno when a claim's own folder refuses, at `most` (E2BIG) and when go_on() says no
 * (ECANCELED).
 */
int claims_give(const struct node *spec, const struct node *volumes, struct claims_gift *gift);
/* In words what was left, if `failed`. */
void claims_explain(const struct claims_gift *gift, char *ret, size_t room);

#endif
