/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCUMENT_YAML_SOURCE_H
#define DOCUMENT_YAML_SOURCE_H

#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * A YAML text made ready for libyaml where go-yaml reads it otherwise: byte
 * order marks and some escapes are written with characters of private use,
 * which no scalar is left with.
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
