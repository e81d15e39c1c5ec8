/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the role or the verb that the command line names. */
#include "cli/cli.h"
#include "cli/internal.h"

#include "config/config.h"
#include "runtime/runtime.h"

#include <string.h>

/* The command line has either a verb or --mode. */
static int run_command(const struct cli_flags *flags, const struct cli_command *command)
{
    if (command)
        return command->run(flags);
    if (config_text(flags->config, CONFIG_ID_MODE))
        return mode_run(flags);
    help_print(NULL, 0);
    return CLI_USAGE;
}

int cli_main(int argc, char **argv)
{
    static struct cli_flags flags;
    const struct cli_command *command;
    int status;

    output_open();
    /*
     * `axle shim` and `axle unpack` are started by the agent only, and have their own
     * command lines.
     */
    if (argc > 1 && strcmp(argv[1], "shim") == 0)
        return runtime_shim_main(argc - 1, argv + 1);
    if (argc == 2 && strcmp(argv[1], "unpack") == 0)
        return runtime_unpack_main();
    status = options_read(argc, argv, &flags, &command);
    if (status == CLI_OK)
        status = run_command(&flags, command);
    config_free(&flags.config);
    return output_finish(status);
}
