/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_PARSE_H
#define CONTROLLERS_PARSE_H

#include "controllers/controller.h"

/*
 * Private to controllers: where objects are parsed, and counted (turn_counts.parsed).
 */
struct node *controllers_parse(struct controllers *all, struct arena *arena,
                               const struct object *object);
/*
 * An object of the change that is being told, parsed once for all who are told of it. It
 * is theirs to read, until the change has been told.
 */
const struct node *controllers_read(struct controllers *all, const struct object *object);
/* The change has been told: its parsed objects are freed. */
void controllers_read_done(struct controllers *all);

#endif
