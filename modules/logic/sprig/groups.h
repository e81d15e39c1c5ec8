/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPRIG_GROUPS_H
#define SPRIG_GROUPS_H

#include "gotemplate/gotemplate.h"

/* The groups of functions, each ended by a row without a name. */
extern const struct function functions_dates[];
extern const struct function functions_dicts[];
extern const struct function functions_encodings[];
extern const struct function functions_helm[];
extern const struct function functions_json[];
extern const struct function functions_lists[];
extern const struct function functions_math[];
extern const struct function functions_paths[];
extern const struct function functions_patterns[];
extern const struct function functions_refused[];
extern const struct function functions_semver[];
extern const struct function functions_strings[];
extern const struct function functions_toml[];
extern const struct function functions_types[];
extern const struct function functions_urls[];
extern const struct function functions_words[];
extern const struct function functions_yaml[];
extern const struct function functions_clock[]; /* only with a `now` */
extern const struct function methods_semver[];

#endif
