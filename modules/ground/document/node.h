/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCUMENT_NODE_H
#define DOCUMENT_NODE_H

#include "document/document.h"

/* Gives a map whose members were put in place by hand its index, if it is large. */
void node_make_index(struct arena *arena, struct node *map);

/* Maps with more members than this are found through a hash index. */
#define NODE_INDEX_FROM 24
/* The index of a large map outside of arenas; the caller frees it. */
void node_own_index(struct node *map);

#define MOST_NODES 150000
size_t document_most_nodes(const struct document_limits *limits, size_t len);
/* json_own.c: a tree from JSON, of equal keys all; NULL if it is none. */
struct node *document_read_plain(struct arena *arena, const char *text, size_t len);

#endif
