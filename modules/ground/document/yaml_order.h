/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCUMENT_YAML_ORDER_H
#define DOCUMENT_YAML_ORDER_H

#include "document/document.h"

/* The members in the order in which go-yaml writes them: v3's if `modern`, else
   v2's. The caller frees the array. */
const struct node_member **yaml_order(const struct node *map, bool modern);

#endif
