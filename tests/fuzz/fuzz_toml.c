/* SPDX-License-Identifier: Apache-2.0 */
/* Noise as TOML; what is read is written. */
#include "fuzz/ask.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    return fuzz_ask("{{ $t := fromToml .a }}{{ toToml $t }}{{ toJson $t }}{{ fromToml .b }}", bytes,
                    size);
}
