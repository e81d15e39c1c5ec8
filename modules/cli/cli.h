/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_H
#define CLI_H

/*
 * The one program: `axle --mode=…` runs a role, `axle VERB …` asks a hub
 * something. Verbs are clients of the API through a kubeconfig; none opens a
 * database.
 *
 * A verb is a row of commands.def, and its file has its help: what it takes, does and
 * ends with. Options are rows of options.def. The exit statuses, which are the same for
 * all, are in docs/COMMANDS.md.
 */
int cli_main(int argc, char **argv);

#endif
