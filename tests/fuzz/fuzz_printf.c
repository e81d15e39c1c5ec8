/* SPDX-License-Identifier: Apache-2.0 */
/* Noise as printf's format, with values of every kind. */
#include "fuzz/ask.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    return fuzz_ask(
        "{{ printf .a 1 -2.5 .b true nil (list 1 .c nil) (dict \"k\" .d) }}"
        "{{ printf .b (semver \"1.2.3\") (toDate \"2006\" \"2024\") 9223372036854775807 }}"
        "{{ printf .c }}{{ printf .d .a .b .c }}",
        bytes, size);
}
