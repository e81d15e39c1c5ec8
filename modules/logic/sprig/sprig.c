/* SPDX-License-Identifier: Apache-2.0 */
/* Lists the groups of functions, and the options with which Helm runs templates. */
#include "sprig/sprig.h"
#include "sprig/groups.h"

#include <stddef.h>

static const struct function *const sprig_groups[] = {
    functions_refused, functions_words,    functions_encodings,
    functions_paths,   functions_semver,   functions_dates,
    functions_urls,    functions_patterns, functions_toml,
    functions_strings, functions_math,     functions_lists,
    functions_dicts,   functions_types,    functions_json,
    functions_yaml,    functions_helm,     NULL,
};

const struct template_library sprig_library = {
    .groups = sprig_groups,
    .clock = functions_clock,
    .semver_methods = methods_semver,
};

const struct template_options sprig_options_helm = {
    .missing = TEMPLATE_MISSING_ZERO,
    .library = &sprig_library,
    .numbers = VALUE_FLOAT64,
    .strip_no_value = true,
};
