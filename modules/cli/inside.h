/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_INSIDE_H
#define CLI_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct config;
struct node;

enum cli_exit {
    CLI_OK,
    CLI_FAILED,
    CLI_USAGE,
    CLI_SETTINGS,
    CLI_NOT_FOUND,
    CLI_NO_CONNECTION,
    CLI_LEFT, /* a spoke that has left its hub: its unit does not start it again */
};

#define CLI_MOST 16

/*
 * What the command line said: settings of the roles in `config`, with file and
 * environment below them; and what only verbs ask for, strings of argv.
 */
struct cli_flags {
    struct config *config; /* owned */
    const char *kubeconfig, *output, *pool, *ttl, *uses, *timeout;
    const char *values[CLI_MOST + 1];
    bool admin, help, version, lost, yes, delete_claims;
    const char *words[CLI_MOST + 1]; /* what is no flag */
    size_t word_count;
};

/* options.c: CLI_OK, or how to end after saying on stderr what is wrong. */
int options_read(int argc, char **argv, struct cli_flags *ret);
void options_help(void);

/* modes.c */
int mode_run(const struct cli_flags *flags);
/* Ends everything that the spoke's folder runs, without any hub. */
int mode_end_spoke(const struct cli_flags *flags, struct err *err) MUST_CHECK;
/* The folder of a role: DATA/hub or DATA/spoke. The caller frees. */
char *mode_folder(const struct cli_flags *flags, const char *role);

/* look.c: `axle status spoke`, and where its agent listens. The caller frees. */
int look_verb(const struct cli_flags *flags);
char *look_path(const struct cli_flags *flags);

/* client.c: one request to the hub of a kubeconfig, waiting for the answer. */
struct cli_client;
struct cli_client *client_open(const struct cli_flags *flags,
                               struct err *err) MUST_CHECK;
void client_close(struct cli_client **client);
#define scoped_client SCOPED(client_close)
const char *client_server(const struct cli_client *client);
/* The hash of the hub's authority, as join tokens carry it. */
int client_pin(const struct cli_client *client, unsigned char ret[32],
               struct err *err) MUST_CHECK;
/* A copy whose texts can go to a terminal, whoever wrote them. */
struct node *cli_printable(struct arena *arena, const struct node *tree);
/* Lets time pass. */
void client_sleep(struct cli_client *client, int64_t time);
/* A PATCH is a merge patch. NULL when the hub refuses; `err` then says why, in its words. */
struct node *client_ask(struct cli_client *client, struct arena *arena,
                        const char *method, const char *target,
                        const struct node *body, struct err *err) MUST_CHECK;

/* verbs.c, token.c, render.c and config.c */
int verb_run(const struct cli_flags *flags);
int config_verb(const struct cli_flags *flags);
int token_verb(const struct cli_flags *flags);
int render_verb(const struct cli_flags *flags);
/* cloudinit.c: how a new machine is told to join. */
struct text;
struct joining_words {
    const char *token, *server, *expires;
    const char *name; /* NULL: the machine's own */
};
/* One word for a shell, quoted where it has to be. */
void joining_add_shell_word(struct text *text, const char *value);
/* It names this program as it was called, so that the shell finds it as it found this one. */
void joining_write_command(struct text *text, const struct joining_words *words);
/* ERR_INVALID for what cannot be carried. */
int joining_write_cloud_init(struct text *text, const struct joining_words *words,
                             struct err *err) MUST_CHECK;
/* remove.c and leave.c; each verb's own help. */
int remove_verb(const struct cli_flags *flags);
int leave_verb(const struct cli_flags *flags);
int reset_verb(const struct cli_flags *flags);
extern const char remove_help[], leave_help[], reset_help[];
/* Prints `axle: …` and turns a code into an exit status. */
int cli_fail(const struct err *err);
char *cli_kubeconfig_path(const struct cli_flags *flags);

#endif
