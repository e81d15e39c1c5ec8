/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_WORLD_H
#define CONTROLLERS_WORLD_H

struct controllers;
struct object;

/* Private to controllers: tells placement's picture of the clusters of a change. */
void world_note(struct controllers *all, const struct object *before, const struct object *after);

#endif
