/* SPDX-License-Identifier: Apache-2.0 */
/* Holds the version of the program, its commit and its libraries. */
#include "base/version.h"

#include <version.h> /* generated */

const char *version_number(void)
{
    return AXLE_VERSION;
}

const char *version_commit(void)
{
    return AXLE_COMMIT;
}

const char *version_libraries(void)
{
    return AXLE_LIBRARIES;
}
