/* SPDX-License-Identifier: Apache-2.0 */
/* Noise as layouts, dates, zones and durations. */
#include "fuzz/ask.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    return fuzz_ask(
        "{{ $d := toDate .a .b }}{{ date .c $d }}{{ dateModify .d $d }}{{ dateInZone .a $d .c }}"
        "{{ htmlDateInZone $d .d }}{{ durationRound .b }}{{ duration .c }}{{ toDate .c .d }}{{ unixEpoch $d }}",
        bytes, size);
}
