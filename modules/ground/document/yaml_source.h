/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCUMENT_YAML_SOURCE_H
#define DOCUMENT_YAML_SOURCE_H

#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * A YAML text prepared for libyaml: byte order marks and some escapes, which
 * libyaml reads differently from go-yaml, are replaced by characters of private
 * use. yaml_source_restore() puts them back in each scalar.
 */
struct yaml_source {
    const char *text;
    size_t len;
    bool marks, slashes, quotes; /* what was written otherwise */
};

void yaml_source_prepare(struct yaml_source *source, struct arena *arena, const char *text,
                         size_t len);
/* A scalar as it stood in the text, in place. Returns its length. */
size_t yaml_source_restore(const struct yaml_source *source, char *value, size_t len);

#endif
