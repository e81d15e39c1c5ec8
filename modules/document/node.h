/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCUMENT_NODE_H
#define DOCUMENT_NODE_H

#include "document/document.h"

/* Gives a map whose members were put in place by hand its index, if it is large. */
void node_make_index(struct arena *arena, struct node *map);

#endif
