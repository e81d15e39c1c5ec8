/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCUMENT_YAML_SCALAR_H
#define DOCUMENT_YAML_SCALAR_H

#include "document/document.h"

/*
 * What a YAML 1.1 scalar means (null, bool, int, float, or text), as go-yaml v2
 * decides it for JSON. `tag` may be NULL; `plain` is true without quotes.
 */
struct node *yaml_scalar_resolve(struct arena *arena, const char *tag, const char *value,
                                 size_t len, bool plain, struct err *err) MUST_CHECK;
/* Whether the text, written plainly, would be read as something else. */
bool yaml_scalar_is_ambiguous(const char *value, size_t len);

#endif
