/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_CLUSTERSET_H
#define CONTROLLERS_CLUSTERSET_H

#include <stddef.h>

struct arena;
struct node;

/* Private to controllers: the sets that are always there, one by one; NULL after the
   last. */
struct node *clusterset_first(struct arena *arena, size_t index);

#endif
