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
 * later start changes that, except for a pod with an fsGroup (shim_give_claims).
 */

/* The spec, with the namespace's group among its `groups` if it mounts a claim. */
int claims_complete(struct runtime *runtime, struct arena *arena, const struct node *spec,
                    const struct node **ret, struct err *err) MUST_CHECK;
/* Makes the folder of a claim, or takes one of an earlier version along. */
int claims_make(struct runtime *runtime, const struct node *spec, const struct node *volume,
                const char *path, uint32_t user, struct err *err) MUST_CHECK;

#endif
