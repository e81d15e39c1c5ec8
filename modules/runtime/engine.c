/* SPDX-License-Identifier: Apache-2.0 */
/* Says that containers from images, through Podman or Docker, are not built. */

#include "runtime/runtime.h"

static int engine_open(const struct runtime_options *options, struct runtime **ret,
                       struct err *err)
{
    return err_set(err, ERR_UNSUPPORTED,
                   "EngineNotBuilt: --runtime=engine (Podman or Docker) is not built yet; "
                   "use --runtime=process");
}

/* Nothing can be opened, so nothing else is ever called. */
const struct runtime_driver runtime_engine = {
    .name = "engine",
    .open = engine_open,
};
