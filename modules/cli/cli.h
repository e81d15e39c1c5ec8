/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_H
#define CLI_H

/*
 * The program's command line: `axle --mode=…` runs a role, `axle VERB …` runs a verb. Most
 * verbs send requests to a hub's API through a kubeconfig; none opens a database. A verb
 * is a row of commands.def, and its file has its help: its options, its effect and its
 * exit statuses. Options are rows of options.def. The exit statuses are the same for all
 * verbs; docs/COMMANDS.md lists them.
 */
int cli_main(int argc, char **argv);

#endif
