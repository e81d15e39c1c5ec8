/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GOLANG_JSON_H
#define GOLANG_JSON_H

#include "golang/value.h"

enum json_style { JSON_COMPACT, JSON_PRETTY, JSON_RAW };

/* As Go's encoding/json: sorted keys, <>& escaped unless raw. False with the
   reason when something has no JSON. */
bool json_write(struct text *out, struct value v, enum json_style style, const char **ret_why);

/*
 * As json.Unmarshal into an interface{}: numbers are float64, the last of
 * equal keys wins. False with Go's sentence in `why`; when the text was JSON
 * but a number no double holds, `ret` is what the rest gave.
 */
bool json_read(struct heap *heap, struct str text, struct value *ret, struct text *why);

#endif
