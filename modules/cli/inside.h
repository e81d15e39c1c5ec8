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

/* As many words, and values of one option, as a command line may have. */
#define CLI_MOST 256

/*
 * What the command line said: settings of the roles in `config`, with file and
 * environment below them; and what only verbs take, strings of argv.
 */
struct cli_flags {
    struct config *config; /* owned */
#define FIELD_TEXT(field) const char *field;
#define FIELD_LIST(field) const char *field[CLI_MOST + 1];
#define FIELD_YES(field) bool field;
#define OPTION(name, letter, type, field, value, environment) FIELD_##type(field)
#include "cli/options.def"
#undef OPTION
    const char *words[CLI_MOST + 1]; /* what is no option, the verb's own words first */
    size_t word_count;
    size_t verb_words;    /* how many of them are the verb */
    size_t literal_words; /* how many stand before "--" */
};

/* One option or setting that a verb takes. */
struct cli_takes {
    const char *name;
    const char *what;  /* what it is for here; NULL: as the table of settings says */
    const char *words; /* "json|yaml": nothing else; NULL: whatever the verb makes of it */
};

/* Why a verb ends with a status that is neither 0 nor CLI_USAGE. */
struct cli_ends {
    enum cli_exit status;
    const char *why;
};

/* Everything about a verb that a person is told, and by which its command line is judged. */
struct cli_help {
    const char *words;  /* what follows the verb, as "NAME…"; NULL: nothing */
    size_t least, most; /* and how many of them */
    const char *brief;  /* one line of `axle --help` */
    const char *what;
    struct cli_takes takes[20]; /* ends with NULL */
    bool every_setting;         /* of the roles */
    const char *example;
    bool missing_yes;         /* ends with CLI_USAGE where it is only said what would be done */
    const char *done;         /* when it ends with 0; NULL: when it is done */
    struct cli_ends ends[7]; /* ends with 0 */
};

struct cli_command {
    const char *name; /* one or two words */
    int (*run)(const struct cli_flags *flags);
    const struct cli_help *help;
};
#define COMMAND(words, name)                                                                       \
    int name##_verb(const struct cli_flags *flags);                                                \
    extern const struct cli_help name##_help;
#include "cli/commands.def"
#undef COMMAND

/* What verbs that ask a hub take, and how they end. */
#define TAKES_HUB                                                                                  \
    {"kubeconfig", "whom it asks ($KUBECONFIG, else DIR/hub/admin.kubeconfig)", NULL},             \
    {"data-dir", "where that DIR is", NULL},                                                       \
    {"config", "a file of settings that may say it", NULL}
#define TAKES_FORM {"output", "for programs, instead of text for people", "json|yaml"}
#define ENDS_OF_HUB                                                                                \
    {CLI_FAILED, "the hub refused it, or the answer could not be written"},                        \
    {CLI_SETTINGS, "the hub or the kubeconfig says that it cannot be"},                            \
    {CLI_NO_CONNECTION, "the hub does not answer"}

/* options.c: CLI_OK, or how to end after saying on stderr what is wrong. */
int options_read(int argc, char **argv, struct cli_flags *ret,
                 const struct cli_command **ret_command);

/* commands.c: the table, and what a command line gets wrong about it. */
const struct cli_command *command_at(size_t at); /* NULL after the last */
const struct cli_command *command_find(const char *name);
/* The verb that these words begin with; NULL: there is none. */
const struct cli_command *command_of(const char *const *words, size_t count, size_t *ret_used);
const struct cli_takes *command_takes(const struct cli_command *command, const char *option);
/* Says what is wrong with words that are no verb. Always CLI_USAGE. */
int command_unknown(const char *const *words, size_t count);

/* help.c */
int help_print(const char *const *words, size_t count);
/* "axle: …" on stderr, cut and printable. Always CLI_USAGE. */
int cli_usage(const char *format, ...) PRINTF(1, 2);

/* output.c: prints a tree as JSON or, where --output says so, YAML. */
void cli_print_tree(const struct cli_flags *flags, const struct node *tree);
bool cli_wants_tree(const struct cli_flags *flags);
/* Before anything is opened. */
void output_open(void);
/* The exit status after everything is printed: CLI_FAILED where it could not be. */
int output_finish(int status);
/* Whether what was printed so far did not get there. */
bool output_failed(void);

/* modes.c */
int mode_run(const struct cli_flags *flags);
/* Ends everything that the spoke's folder runs, without any hub. */
int mode_end_spoke(const struct cli_flags *flags, struct err *err) MUST_CHECK;
/* Where everything is: the caller frees. */
char *mode_data_folder(const struct cli_flags *flags);
/* The folder of a role: DATA/hub or DATA/spoke. The caller frees. */
char *mode_folder(const struct cli_flags *flags, const char *role);


/* erase.c: of `name` in `folder` nothing stays; no link is followed, nothing that is
   mounted there is entered. What is not there is no error. */
int erase_tree(const char *folder, const char *name, struct err *err) MUST_CHECK;
struct erase_size {
    uint64_t bytes, files;
};
struct erase_size erase_measure(const char *path);
void erase_write_size(struct erase_size size, char ret[48]);

/* holders.c: the processes that hold a lock of a file or folder. */
struct holders {
    struct holder {
        int pid, fd;          /* a descriptor of the process, -1: it is gone */
        char *command, *groups; /* its arguments; its control groups */
    } *list;
    size_t count;
};
void holders_find(struct holders *holders, const char *path); /* adds to the list */
void holders_free(struct holders *holders);
#define scoped_holders SCOPED(holders_free)
/* The text of /proc/PID/cgroup; and removes what an agent in these groups made there. */
char *holders_groups(int pid);
void holders_delete_groups(const char *groups);
/* This process goes back from the group that a spoke's runtime moved it to. */
void holders_leave_group(void);
/* SIGTERM and patience, in the end SIGKILL. */
int holders_end(const struct holders *holders, struct err *err) MUST_CHECK;

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
/* leave.c: moves the data of claims out of a spoke's folder, to DATA/claims-DATE. */
int claims_keep(const char *folder, struct err *err) MUST_CHECK;

/* Prints `axle: …` and turns a code into an exit status. */
int cli_fail(const struct err *err);
char *cli_kubeconfig_path(const struct cli_flags *flags);
/* The caller frees; the error says where kubeconfigs come from. */
char *cli_kubeconfig_read(const char *path, size_t *ret_len, struct err *err) MUST_CHECK;

#endif
