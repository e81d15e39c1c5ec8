/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_USERS_H
#define RUNTIME_USERS_H

#include "base/err.h"
#include "base/mem.h"
#include "runtime/runtime.h"

#include <stdint.h>

/*
 * Private to runtime: to which namespace each id of the spoke's own range belongs.
 *
 * Each namespace has a user of its own, and an id that a pod names belongs to
 * the namespace that named it first: a pod with an id of another
 * namespace could read its files. It is kept in directory/users.json, and
 * found out from pods and claims where that file is lost. An id is never given
 * to another namespace again, for files of it may lie anywhere.
 */
struct users;

/* `directory`: of pods and claims. */
struct users *users_open(const char *directory, struct runtime_range range);
void users_close(struct users **users);

/* The user of a namespace; made the first time. */
int users_take(struct users *users, const char *owner, uint32_t *ret, struct err *err) MUST_CHECK;
/* An id of the range that a pod asks for. ERR_FORBIDDEN if it is another's. */
int users_claim(struct users *users, const char *owner, uint32_t id, struct err *err) MUST_CHECK;
#define USERS_MOST_IDS 64 /* of one namespace */

#endif
