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
/*
 * Gives all that the claims of the pod hold to its fsGroup. `most`: so many
 * entries at once and no more (E2BIG); 0: all there are. -1 with errno, and
 * `ret_where` says which claim.
 */
int claims_give(const struct node *spec, const struct node *volumes, long most,
                const char **ret_where);

#endif
