/* SPDX-License-Identifier: Apache-2.0 */
/* Finds methods of the values that have some. */
#include "template/function.h"

const struct function *method_find(struct value receiver, struct str name)
{
    const struct function *method = receiver.kind == KIND_TIME ? methods_time
                                    : receiver.kind == KIND_SEMVER
                                        ? methods_semver
                                        : NULL;

    for (; method && method->name; method++) {
        if (str_same(name, str_of(method->name)))
            return method;
    }
    return NULL;
}
