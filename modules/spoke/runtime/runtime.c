/* SPDX-License-Identifier: Apache-2.0 */
/* Names the drivers there are. */

#include "runtime/runtime.h"

#include "base/text.h"
#include "shim/shim.h"

static const struct runtime_driver *const drivers[] = {
    &runtime_process,
    &runtime_engine,
};

const struct runtime_driver *runtime_find(const char *name)
{
    if (text_same(name, "auto"))
        return &runtime_process;
    for (size_t i = 0; i < count_of(drivers); i++)
        if (text_same(name, drivers[i]->name))
            return drivers[i];
    return NULL;
}

int runtime_shim_main(int argc, char **argv)
{
    return shim_main(argc, argv);
}
