/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_INTERNAL_H
#define CLI_INTERNAL_H

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
    CLI_LEFT, /* the spoke has left its hub; axle-spoke.service is not restarted after this status
               */
};

/* The most arguments of a command line, and the most values of one option. */
#define CLI_MOST 256

/*
 * The parsed command line: the settings of the roles in `config`, which also reads the
 * file and the environment; and the options that only verbs take, as strings of argv.
 */
struct cli_flags {
    struct config *config; /* owned */
#define FIELD_TEXT(field) const char *field;
#define FIELD_LIST(field) const char *field[CLI_MOST + 1];
#define FIELD_BOOL(field) bool field;
#define OPTION(name, letter, type, field, value, environment) FIELD_##type(field)
#include "cli/options.def"
#undef OPTION
    const char *words[CLI_MOST + 1]; /* arguments, beginning with the words of the verb */
    size_t word_count;
    size_t verb_words;    /* how many of `words` name the verb */
    size_t literal_words; /* how many of `words` stand before "--" */
};

/* One option or setting that a verb takes. */
struct cli_takes {
    const char *name;
    const char *what;  /* help text; NULL: the one of the table of settings */
    const char *words; /* allowed values, "json|yaml"; NULL: the verb checks the value */
};

/* Why a verb ends with a status that is neither 0 nor CLI_USAGE. */
struct cli_ends {
    enum cli_exit status;
    const char *why;
};

/* The help of a verb. Its command line is checked against the same table. */
struct cli_help {
    const char *words;  /* arguments after the verb, as "NAME…"; NULL: none */
    size_t least, most; /* the allowed number of arguments */
    const char *brief;  /* one line of `axle --help` */
    const char *what;
    struct cli_takes takes[20]; /* the last row has name NULL */
    bool every_setting;         /* takes every setting of the roles */
    const char *example;
    bool missing_yes; /* without --yes it only prints what it would do, and ends with CLI_USAGE */
    const char *done; /* the condition for status 0; NULL: the verb has done its work */
    struct cli_ends ends[7]; /* the last row has status 0 */
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

/* The options and exit statuses of every verb that sends requests to a hub. */
#define TAKES_HUB                                                                                  \
    {"kubeconfig", "the hub to use ($KUBECONFIG, else DIR/hub/admin.kubeconfig)", NULL},           \
        {"data-dir", "the data folder DIR", NULL},                                                 \
    {                                                                                              \
        "config", "a file of settings that names it", NULL                                         \
    }
#define TAKES_FORM                                                                                 \
    {                                                                                              \
        "output", "output for programs, instead of text", "json|yaml"                              \
    }
#define ENDS_OF_HUB                                                                                \
    {CLI_FAILED, "the hub refused it, or the output could not be written"},                        \
        {CLI_SETTINGS, "the request or the kubeconfig is not valid"},                              \
    {                                                                                              \
        CLI_NO_CONNECTION, "the hub does not respond"                                              \
    }

/* options.c: returns CLI_OK, or the exit status after printing the mistake on standard error. */
int options_read(int argc, char **argv, struct cli_flags *ret,
                 const struct cli_command **ret_command);

/* commands.c: the table of verbs, and the messages about a mistyped verb. */
const struct cli_command *command_at(size_t at); /* NULL after the last */
const struct cli_command *command_find(const char *name);
/* The verb that these words begin with; NULL: there is none. */
const struct cli_command *command_of(const char *const *words, size_t count, size_t *ret_used);
const struct cli_takes *command_takes(const struct cli_command *command, const char *option);
/* Prints why `words` name no verb, with the most similar verb. Always CLI_USAGE. */
int command_unknown(const char *const *words, size_t count);

/* help.c */
int help_print(const char *const *words, size_t count);

/* output.c: prints a tree as JSON or, where --output says so, YAML. */
void cli_print_tree(const struct cli_flags *flags, const struct node *tree);
bool cli_wants_tree(const struct cli_flags *flags);
/* Must be called before anything opens a descriptor. */
void output_open(void);
/* Flushes standard output. Returns `status`, or CLI_FAILED if a write failed. */
int output_finish(int status);
/* Whether a write to standard output has failed. */
bool output_failed(void);

/* modes.c */
int mode_run(const struct cli_flags *flags);
/* Ends every pod of the spoke's folder; needs no hub. */
int mode_end_spoke(const struct cli_flags *flags, struct err *err) MUST_CHECK;
/* The data folder, DIR of --data-dir. The caller frees. */
char *mode_data_folder(const struct cli_flags *flags);
/* The folder of a role: DATA/hub or DATA/spoke. The caller frees. */
char *mode_folder(const struct cli_flags *flags, const char *role);

/* client.c: sends one request at a time to the hub of a kubeconfig, and waits for the response. */
struct cli_client;
struct cli_client *client_open(const struct cli_flags *flags, struct err *err) MUST_CHECK;
void client_close(struct cli_client **client);
#define scoped_client SCOPED(client_close)
const char *client_server(const struct cli_client *client);
/* The SHA-256 of the hub's CA certificate, as join tokens carry it. */
int client_pin(const struct cli_client *client, unsigned char ret[32], struct err *err) MUST_CHECK;
/* A copy without control characters, so that no object can send commands to the terminal. */
struct node *cli_printable(struct arena *arena, const struct node *tree);
/* Runs the client's loop for this time. */
void client_sleep(struct cli_client *client, int64_t time);
/* A PATCH is a merge patch. NULL if the hub refuses; `err` then has the hub's message. */
struct node *client_request(struct cli_client *client, struct arena *arena, const char *method,
                            const char *target, const struct node *body,
                            struct err *err) MUST_CHECK;

/* fail.c: prints `axle: …` on standard error. Both return the exit status to end with. */
int cli_fail(const struct err *err);
int cli_usage(const char *format, ...) PRINTF(1, 2); /* always CLI_USAGE */
char *cli_kubeconfig_path(const struct cli_flags *flags);
/* The caller frees; the error says where kubeconfigs come from. */
char *cli_kubeconfig_read(const char *path, size_t *ret_len, struct err *err) MUST_CHECK;

#endif
