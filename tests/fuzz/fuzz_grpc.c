/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds answers to a gRPC health check; less of one never says more than all. */
#include "probe/grpc_check.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *why = NULL;
    enum probe_grpc all = probe_grpc_read(bytes, size, &why);

    if (all != PROBE_GRPC_MORE && !why)
        abort();
    probe_grpc_has_settings(bytes, size);
    for (size_t i = 4; i < size && i < 200; i++) {
        enum probe_grpc part = probe_grpc_read(bytes, i, &why);

        if (part != PROBE_GRPC_MORE && part != all)
            abort();
    }
    return 0;
}
