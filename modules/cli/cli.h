/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_H
#define CLI_H

/*
 * The one program: `axle --mode=…` runs a role, `axle VERB …` asks a hub
 * something. Verbs are clients of the API through a kubeconfig; none opens a
 * database.
 *
 * Exit status: 0 done, 1 failed, 2 wrong usage, 3 settings that cannot be, 4 not
 * found, 5 no connection, 6 a spoke that has left its hub.
 */
int cli_main(int argc, char **argv);

#endif
