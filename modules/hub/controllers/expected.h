/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_EXPECTED_H
#define CONTROLLERS_EXPECTED_H

#include "controllers/controller.h"

/*
 * Private to controllers: which ComputePools expect a spoke of a name, and which select
 * theirs by labels, so that a spoke that joins does not have all pools looked through.
 * Everything follows from the objects and is read again with them.
 */
void expected_open(struct controllers *all);
void expected_free(struct controllers *all);
void expected_note(struct controllers *all, const struct object *before,
                   const struct object *after);

typedef void expected_pool_fn(void *arg, const char *namespace, const char *name);
/* The pools that list the spoke. Nothing may be written meanwhile. */
void expected_each_pool(struct controllers *all, const char *spoke, expected_pool_fn *each,
                        void *arg);
/* The pools that have a clusterSelector. */
void expected_each_selecting(struct controllers *all, expected_pool_fn *each, void *arg);

#endif
