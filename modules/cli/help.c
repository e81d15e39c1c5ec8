/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints the help of the program, of a role or of a verb from the same tables that parse
 * the command line.
 */
#include "cli/internal.h"

#include "base/nearest.h"
#include "base/text.h"
#include "config/config.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    char letter;
    const char *value;
} options[] = {
#define OPTION(name, letter, type, field, value, environment) {name, letter, value},
#include "cli/options.def"
#undef OPTION
};

/* Exit statuses have one meaning for all verbs; docs/COMMANDS.md has the same table. */
static const char *const statuses[] = {
    [CLI_OK] = "done",
    [CLI_FAILED] = "it failed, or the output could not be written",
    [CLI_USAGE] = "wrong usage, or --yes is missing: nothing was done",
    [CLI_SETTINGS] = "a setting, a file or the request is not valid",
    [CLI_NOT_FOUND] = "the named object or file does not exist",
    [CLI_NO_CONNECTION] = "no connection, or a timeout",
    [CLI_LEFT] = "this spoke has left its hub",
};

#define WIDTH 80
#define COLUMN 32

static void add_wrapped_text(struct text *out, const char *text, size_t column, size_t at)
{
    while (*text) {
        size_t word = strcspn(text, " \n");
        bool ends = text[word] == '\n';

        if (at > column && at + 1 + word > WIDTH) {
            text_addf(out, "\n%*s", (int)column, "");
            at = column;
        } else if (at > column) {
            text_add_char(out, ' ');
            at++;
        }
        text_add_bytes(out, text, word);
        at += word;
        text += word + (text[word] != '\0');
        if (ends) {
            text_addf(out, "\n%*s", *text == '\n' ? 0 : (int)column, "");
            at = column;
        }
    }
    text_add_char(out, '\n');
}

/* The number of columns on a terminal: continuation bytes of UTF-8 take none. */
static size_t terminal_width(const char *text)
{
    size_t width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void add_entry(struct text *out, const char *left, const char *what)
{
    size_t len = terminal_width(left);

    text_add(out, left);
    /* At least two spaces stand between an entry and its text. */
    if (len > COLUMN - 2)
        text_addf(out, "\n%*s", COLUMN, "");
    else
        text_addf(out, "%*s", (int)(COLUMN - len), "");
    add_wrapped_text(out, what, COLUMN, COLUMN);
}

static void add_option(struct text *out, char letter, const char *name, const char *value,
                       const char *what)
{
    scoped_text struct text left = {0};

    text_addf(&left, letter ? "  -%c, " : "      ", letter);
    text_addf(&left, "--%s%s%s", name, value && *value ? "=" : "", value ? value : "");
    add_entry(out, text_string(&left), what);
}

static void add_setting(struct text *out, const struct config_setting *setting, const char *what)
{
    scoped_text struct text all = {0};
    bool choice = setting->type == CONFIG_CHOICE;

    text_add(&all, what ? what : setting->what);
    if (*setting->initial && setting->type != CONFIG_BOOL && !what)
        text_addf(&all, " (%s)", setting->initial);
    if (choice)
        text_addf(&all, ": %s", setting->value);
    add_option(out, 0, setting->key, choice ? "WORD" : setting->value, text_string(&all));
}

/* ---- A verb --------------------------------------------------------------------------- */

static void add_takes(struct text *out, const struct cli_takes *takes)
{
    const struct config_setting *setting = config_find(takes->name, strlen(takes->name));

    if (setting)
        add_setting(out, setting, takes->what);
    for (size_t i = 0; !setting && i < count_of(options); i++)
        if (!strcmp(options[i].name, takes->name))
            add_option(out, options[i].letter, takes->name,
                       takes->words ? takes->words : options[i].value, takes->what);
}

static void add_ends(struct text *out, const struct cli_help *help)
{
    text_add(out, "\nExit status:\n");
    for (int status = CLI_OK; status < (int)count_of(statuses); status++) {
        const char *why = status != CLI_USAGE ? NULL
                          : help->missing_yes ? "--yes is missing, or wrong usage: nothing was done"
                                              : "wrong usage: nothing was done";

        if (status == CLI_OK)
            why = help->done ? help->done : statuses[CLI_OK];
        for (size_t i = 0; i < count_of(help->ends) && help->ends[i].status; i++)
            if ((int)help->ends[i].status == status)
                why = help->ends[i].why;
        if (!why && status == CLI_FAILED)
            why = statuses[CLI_FAILED];
        if (!why)
            continue;
        text_addf(out, "  %d   ", status);
        add_wrapped_text(out, why, 6, 6);
    }
}

static void add_command(struct text *out, const struct cli_command *command)
{
    const struct cli_help *help = command->help;

    text_addf(out, "Usage: axle %s%s%s%s\n\n", command->name, help->words ? " " : "",
              help->words ? help->words : "",
              help->takes[0].name || help->every_setting ? " [OPTION…]" : "");
    add_wrapped_text(out, help->what, 0, 0);
    if (help->takes[0].name || help->every_setting)
        text_add(out, "\nOptions:\n");
    for (size_t i = 0; i < count_of(help->takes) && help->takes[i].name; i++)
        add_takes(out, &help->takes[i]);
    if (help->every_setting)
        text_add(out, "      and every option of the role: axle help hub, axle help spoke\n");
    text_addf(out, "\nExample:\n  %s\n", help->example);
    add_ends(out, help);
}

/* ---- The roles ------------------------------------------------------------------------- */

static const struct {
    const char *name, *brief, *what, *example;
    enum config_section sections[2];
} roles[] = {
    {"hub",
     "the control plane: API, console and registry on one port",
     "Runs a hub in the foreground. It stores everything in DIR/hub, writes an administrator's "
     "kubeconfig there, and prints the next steps to standard error. SIGTERM stops it in order.",
     "axle --mode=hub --listen=0.0.0.0:6443 --data-dir=/var/lib/axle",
     {CONFIG_HUB, CONFIG_HUB_LIMIT}},
    {"spoke",
     "the agent of a machine that runs applications",
     "Runs an agent in the foreground. The first time it joins a hub, with the token that axle "
     "token create made there ($AXLE_TOKEN or --token-file). SIGTERM stops the agent; what it "
     "runs keeps running and is found again.",
     "AXLE_TOKEN=axle1.… axle --mode=spoke --join=https://hub:6443",
     {CONFIG_SPOKE, CONFIG_SPOKE_LIMIT}},
    {"all-in-one",
     "both, from one command",
     "Runs a hub, and an agent beside it that joins by itself as local-cluster. It takes the "
     "options of both, but for --name, --join and --token-file, which it sets itself.",
     "axle --mode=all-in-one --data-dir=$HOME/axle",
     {CONFIG_COMMON, CONFIG_COMMON}},
};

static void add_section(struct text *out, enum config_section section)
{
    const struct config_setting *setting;

    for (size_t i = 0; (setting = config_setting(i)); i++)
        if (setting->section == section)
            add_setting(out, setting, NULL);
}

static void add_role(struct text *out, size_t role)
{
    static const char *const titles[] = {"Options", "Limits"};

    text_addf(out, "Usage: axle --mode=%s [OPTION…]\n\n", roles[role].name);
    add_wrapped_text(out, roles[role].what, 0, 0);
    text_add(out, "\nOptions of every role:\n");
    add_section(out, CONFIG_COMMON);
    for (size_t i = 0; i < 2 && roles[role].sections[i] != CONFIG_COMMON; i++) {
        text_addf(out, "\n%s of the %s:\n", titles[i], roles[role].name);
        add_section(out, roles[role].sections[i]);
    }
    text_addf(out, "\nExample:\n  %s\n\n", roles[role].example);
    add_wrapped_text(
        out,
        "Each option is also a key in the file of --config and, in capitals, a variable: "
        "$AXLE_LOG_LEVEL. Options win over variables, these over the file. axle config show "
        "prints the values in effect.",
        0, 0);
    text_add(out, "\nExit status:\n");
    for (int status = CLI_OK; status < (int)count_of(statuses); status++)
        if (status != CLI_NOT_FOUND && (status != CLI_LEFT || strcmp(roles[role].name, "hub") != 0))
            text_addf(out, "  %d   %s\n", status,
                      status == CLI_OK      ? "it was stopped by a signal"
                      : status == CLI_USAGE ? "wrong usage"
                                            : statuses[status]);
}

/* ---- The program ------------------------------------------------------------------------ */

static void add_program(struct text *out)
{
    const struct cli_command *command;

    text_add(out, "Usage: axle --mode=ROLE [OPTION…]\n"
                  "       axle VERB [ARGUMENT…] [OPTION…]\n\n"
                  "A control plane for AI/ML applications on many machines.\n\n"
                  "Roles:\n");
    for (size_t i = 0; i < count_of(roles); i++) {
        scoped_text struct text left = {0};

        text_addf(&left, "  --mode=%s", roles[i].name);
        add_entry(out, text_string(&left), roles[i].brief);
    }
    text_add(out, "\nVerbs:\n");
    for (size_t i = 0; (command = command_at(i)); i++) {
        scoped_text struct text left = {0};

        text_addf(&left, "  %s%s%s", command->name, command->help->words ? " " : "",
                  command->help->words ? command->help->words : "");
        add_entry(out, text_string(&left), command->help->brief);
    }
    text_add(out, "\nMore:\n");
    add_entry(out, "  axle VERB --help", "the options of a verb, an example, its exit statuses");
    add_entry(out, "  axle help ROLE", "a role's options; axle config print makes a file of them");
    add_entry(out, "  -V, --version", "which program this is");
}

static int add_two_word_verbs(struct text *out, const char *word)
{
    const struct cli_command *command;
    size_t len = strlen(word);
    int found = 0;

    for (size_t i = 0; (command = command_at(i)); i++) {
        scoped_text struct text left = {0};

        if (strncmp(command->name, word, len) != 0 || command->name[len] != ' ')
            continue;
        if (!found++)
            text_addf(out, "Usage: axle %s VERB [ARGUMENT…] [OPTION…]\n\nVerbs:\n", word);
        text_addf(&left, "  %s%s%s", command->name, command->help->words ? " " : "",
                  command->help->words ? command->help->words : "");
        add_entry(out, text_string(&left), command->help->brief);
    }
    if (found)
        text_addf(out, "\naxle %s VERB --help prints more.\n", word);
    return found;
}

int help_print(const char *const *words, size_t count)
{
    scoped_text struct text out = {0};
    size_t used;
    const struct cli_command *command = command_of(words, count, &used);

    if (!count)
        add_program(&out);
    for (size_t i = 0; count == 1 && !out.len && i < count_of(roles); i++)
        if (!strcmp(roles[i].name, words[0]))
            add_role(&out, i);
    if (command && (used == count || command->help->words))
        add_command(&out, command);
    if (!out.len && (count != 1 || !add_two_word_verbs(&out, words[0])))
        return command ? cli_usage("axle %s has no argument \"%.100s\"; see axle %s --help",
                                   command->name, words[used], command->name)
                       : command_unknown(words, count);
    fputs(text_string(&out), stdout);
    return CLI_OK;
}

const struct cli_help help_help = {
    .words = "[VERB|ROLE]",
    .most = 2,
    .brief = "the same as VERB --help",
    .what = "Prints the help of a verb, of a role (hub, spoke, all-in-one), or of the program.",
    .example = "axle help token create",
};

int help_verb(const struct cli_flags *flags)
{
    return help_print(flags->words, flags->word_count);
}
