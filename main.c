/* SPDX-License-Identifier: Apache-2.0 */
/* Axle: a control plane for AI/ML applications on many machines. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
