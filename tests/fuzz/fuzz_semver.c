/* SPDX-License-Identifier: Apache-2.0 */
/* Noise as versions and as what they are compared with. */
#include "fuzz/ask.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    return fuzz_ask(
        "{{ semverCompare .a .b }}{{ semverCompare .b \"1.2.3-rc.1\" }}{{ (semver .a).Major }}",
        bytes, size);
}
