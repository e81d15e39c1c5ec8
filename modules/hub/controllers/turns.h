/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_TURNS_H
#define CONTROLLERS_TURNS_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct controllers;
struct key;

/* Private to controllers: runs keys of the queue for some milliseconds. */
void turns_run(struct controllers *all);
struct turn_result {
    int64_t wake_at; /* steady time; 0: none */
    size_t places;   /* that it went over */
};
/* Runs the key's controller as of a wall time; nothing is noted in the key. */
int turns_run_controller(struct controllers *all, const struct key *key, int64_t now,
                         struct turn_result *ret, struct err *err) MUST_CHECK;

#endif
