/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_CLOUDINIT_H
#define CLI_CLOUDINIT_H

#include "base/err.h"

struct text;

/* How a new machine joins: the command to run on it, or user data for cloud-init. */
struct joining_words {
    const char *token, *server, *expires;
    const char *name; /* NULL: the machine's own host name */
};
/* One word for a shell, quoted if it has to be. */
void joining_add_shell_word(struct text *text, const char *value);
/* The command begins with argv[0] of this process, so the shell finds the same program. */
void joining_write_command(struct text *text, const struct joining_words *words);
/* ERR_INVALID for a value that the environment file of the unit cannot express. */
int joining_write_cloud_init(struct text *text, const struct joining_words *words,
                             struct err *err) MUST_CHECK;

#endif
