/* SPDX-License-Identifier: Apache-2.0 */
/* Parses the command line by the tables of options, settings and verbs. */
#include "cli/internal.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/text.h"
#include "config/config.h"

enum option_type { OPTION_TEXT, OPTION_LIST, OPTION_BOOL };

static const struct option {
    const char *name;
    char letter; /* 0: no short form */
    enum option_type type;
    size_t at;
    const char *value, *environment;
} options[] = {
#define OPTION(name, letter, type, field, value, environment)                                      \
    {name, letter, OPTION_##type, offsetof(struct cli_flags, field), value, environment},
#include "cli/options.def"
#undef OPTION
};

/* ---- One option ----------------------------------------------------------------- */

/* One parsed option of argv, in any of its forms. */
struct word {
    const char *whole;
    const char *name;  /* its name in the tables */
    const char *value; /* the value after "="; NULL: none */
    const struct config_setting *setting;
    const struct option *option;
};

/* The options of a command line. They are checked when the verb is known. */
struct reading {
    struct cli_flags *flags;
    const char **given; /* names */
    size_t count;
};

static const struct option *find_option(const char *word, size_t len)
{
    for (size_t i = 0; i < count_of(options); i++)
        if (strlen(options[i].name) == len && !memcmp(options[i].name, word, len))
            return &options[i];
    return NULL;
}

static const struct option *find_letter(char letter)
{
    for (size_t i = 0; i < count_of(options); i++)
        if (options[i].letter && options[i].letter == letter)
            return &options[i];
    return NULL;
}

/* Accepts "--name", "--name=value", "-o", "-ovalue" and "-o=value". */
static struct word parse_option_word(const char *text)
{
    const char *equals = strchr(text, '=');
    size_t len = equals ? (size_t)(equals - text) : strlen(text);
    struct word word = {.whole = text};

    if (!text_starts(text, "--")) {
        word.option = find_letter(text[1]);
        if (word.option && text[2])
            word.value = text + 2 + (text[2] == '=');
        if (word.option && word.option->type == OPTION_BOOL && text[2])
            word.option = NULL;
    } else {
        word.value = equals ? equals + 1 : NULL;
        word.setting = config_find(text + 2, len - 2);
        word.option = word.setting ? NULL : find_option(text + 2, len - 2);
    }
    word.name = word.setting ? word.setting->key : word.option ? word.option->name : NULL;
    return word;
}

static int report_unknown_option(const char *text)
{
    scoped_mem char *key = mem_copy_string(text + strspn(text, "-"));
    const struct config_setting *setting;
    struct nearest near;

    key[strcspn(key, "=")] = '\0';
    near = nearest_to(key);
    for (size_t i = 0; (setting = config_setting(i)); i++)
        nearest_try(&near, setting->key);
    for (size_t i = 0; i < count_of(options); i++)
        nearest_try(&near, options[i].name);
    if (near.best)
        return cli_usage("unknown option \"%.100s\"; did you mean --%s?", text, near.best);
    return cli_usage("unknown option \"%.100s\"; see axle --help, or axle VERB --help", text);
}

static int set_option_value(struct cli_flags *flags, const struct option *option, const char *value)
{
    char *base = (char *)flags + option->at;
    const char **list = (const char **)base;

    if (option->type == OPTION_BOOL) {
        *(bool *)base = true;
        return CLI_OK;
    }
    if (!value || !*value)
        return cli_usage("--%s: is empty; leave it out or write %s", option->name, option->value);
    for (size_t i = 0; i < (option->type == OPTION_LIST ? CLI_MOST : 1); i++) {
        if (!list[i]) {
            list[i] = value;
            return CLI_OK;
        }
    }
    if (option->type == OPTION_TEXT && !strcmp(list[0], value))
        return CLI_OK;
    if (option->type == OPTION_TEXT)
        return cli_usage("--%s is given twice: \"%.100s\" and \"%.100s\"", option->name, list[0],
                         value);
    return cli_usage("--%s can be given at most %d times", option->name, CLI_MOST);
}

static bool is_yes(const struct word *word)
{
    return word->setting ? word->setting->type == CONFIG_BOOL : word->option->type == OPTION_BOOL;
}

/* Takes the next argument as the value. If it is another option, the value was forgotten. */
static int take_value(struct word *word, int argc, char **argv, int *at)
{
    const char *next = *at + 1 < argc ? argv[*at + 1] : NULL;
    struct word other =
        next && next[0] == '-' && next[1] ? parse_option_word(next) : (struct word){0};

    if (!next || other.name || !strcmp(next, "--"))
        return cli_usage("%.100s needs a value: %s%s%.100s%s", word->whole,
                         word->setting ? word->setting->value : word->option->value,
                         next ? ", not \"" : "", next ? next : "", next ? "\"" : "");
    word->value = next;
    (*at)++;
    return CLI_OK;
}

/*
 * No valid path, name or number is longer, and an error message with more would be
 * unreadable.
 */
#define LONGEST 4096

static int check_value_length(const char *what, const char *value)
{
    return value && strnlen(value, LONGEST + 1) > LONGEST
               ? cli_usage("%s \"%.60s…\" is longer than %d bytes", what, value, LONGEST)
               : CLI_OK;
}

/* Advances *at if the value is an argument of its own. */
static int read_option(struct reading *reading, int argc, char **argv, int *at)
{
    struct word word = parse_option_word(argv[*at]);
    struct err err = {0};

    if (check_value_length("the option", argv[*at]) != CLI_OK)
        return CLI_USAGE;
    if (!word.name)
        return report_unknown_option(word.whole);
    if (!is_yes(&word) && !word.value && take_value(&word, argc, argv, at) != CLI_OK)
        return CLI_USAGE;
    if (check_value_length(word.whole, word.value) != CLI_OK)
        return CLI_USAGE;
    reading->given[reading->count++] = word.name;
    if (!word.setting && is_yes(&word) && word.value)
        return cli_usage("--%s has no value", word.name);
    if (!word.setting)
        return set_option_value(reading->flags, word.option, word.value);
    if (config_set_flag(reading->flags->config, word.setting, word.value, &err) < 0)
        return cli_usage("%s", err.text);
    return CLI_OK;
}

static int read_all_words(struct reading *reading, int argc, char **argv)
{
    struct cli_flags *flags = reading->flags;
    bool literal = false;

    for (int at = 1; at < argc; at++) {
        if (!literal && strcmp(argv[at], "--") == 0) {
            literal = true;
        } else if (!literal && argv[at][0] == '-' && argv[at][1]) {
            if (read_option(reading, argc, argv, &at) != CLI_OK)
                return CLI_USAGE;
        } else if (check_value_length("the word", argv[at]) != CLI_OK) {
            return CLI_USAGE;
        } else if (flags->word_count == CLI_MOST) {
            return cli_usage("more than %d arguments: run the command several times with fewer",
                             CLI_MOST);
        } else {
            flags->words[flags->word_count++] = argv[at];
            flags->literal_words += !literal;
        }
    }
    return CLI_OK;
}

/* ---- What a verb or role takes -------------------------------------------------- */

/*
 * Adds the verbs and roles with this option: "axle leave", "axle --mode=spoke and every
 * role".
 */
static void add_owners(struct text *out, const char *option)
{
    const struct config_setting *setting = config_find(option, strlen(option));
    const struct cli_command *command;
    const char *role = NULL;
    size_t found = 0;

    if (setting && setting->section == CONFIG_COMMON)
        role = "every role";
    else if (setting)
        role = config_is_for(setting, "hub") ? "axle --mode=hub" : "axle --mode=spoke";
    for (size_t i = 0; (command = command_at(i)); i++)
        if (command_takes(command, option))
            text_addf(out, "%saxle %s", found++ ? ", " : "", command->name);
    if (role)
        text_addf(out, "%s%s", found++ ? ", " : "", role);
    text_add(out, found > 1 ? " have" : " has");
}

static int report_option_not_taken(const char *name, const char *option)
{
    scoped_text struct text owner = {0};

    add_owners(&owner, option);
    return cli_usage("axle %s has no option --%s; %s", name, option, text_string(&owner));
}

static bool is_taken(const struct cli_command *command, const char *option)
{
    bool is_setting = config_find(option, strlen(option)) != NULL;

    return !strcmp(option, "help") || command_takes(command, option) ||
           (is_setting && command->help->every_setting);
}

/*
 * `axle --mode=hub … --version` is the command line of a role with --version added, so
 * settings are allowed with it.
 */
static bool is_harmless(const struct reading *reading, const char *option)
{
    return reading->flags->version &&
           (!strcmp(option, "version") || config_find(option, strlen(option)));
}

static int check_choice(const struct cli_command *command, const struct cli_takes *takes,
                        const char *value)
{
    struct nearest near = nearest_to(value);
    size_t len = strlen(value);

    for (const char *at = takes->words; *at;) {
        size_t word = strcspn(at, "|");

        if (word == len && !memcmp(at, value, len))
            return CLI_OK;
        nearest_try_bytes(&near, at, word);
        at += word + (at[word] == '|');
    }
    return cli_usage("axle %s: --%s=%.100s is none of %s%s%.*s%s", command->name, takes->name,
                     value, takes->words, near.best ? "; did you mean " : "",
                     near.best ? (int)strcspn(near.best, "|") : 0, near.best ? near.best : "",
                     near.best ? "?" : "");
}

static int check_options(const struct reading *reading, const struct cli_command *command)
{
    for (size_t i = 0; i < reading->count; i++)
        if (!is_taken(command, reading->given[i]) && !is_harmless(reading, reading->given[i]))
            return report_option_not_taken(command->name, reading->given[i]);
    for (size_t i = 0; i < count_of(options); i++) {
        const struct cli_takes *takes = command_takes(command, options[i].name);
        const char *value = options[i].type == OPTION_TEXT
                                ? *(char **)((char *)reading->flags + options[i].at)
                                : NULL;

        if (takes && takes->words && value && check_choice(command, takes, value) != CLI_OK)
            return CLI_USAGE;
    }
    return CLI_OK;
}

static int check_word_count(const struct cli_flags *flags, const struct cli_command *command)
{
    const struct cli_help *help = command->help;
    size_t count = flags->word_count - flags->verb_words;

    if (count < help->least)
        return cli_usage("axle %s %s: %s is missing (axle %s --help)", command->name, help->words,
                         help->words, command->name);
    if (count > help->most && !help->words) {
        /*
         * In "status hbu" the second word is a mistyped verb "status hub", not an extra
         * argument.
         */
        for (size_t i = 0; !strchr(command->name, ' ') && command_at(i); i++)
            if (text_starts(command_at(i)->name, command->name) &&
                command_at(i)->name[strlen(command->name)] == ' ')
                return command_unknown(flags->words, flags->word_count);
        return cli_usage("axle %s has no arguments: remove \"%.100s\" (axle %s --help)",
                         command->name, flags->words[flags->verb_words], command->name);
    }
    if (count > help->most)
        return cli_usage("axle %s %s: \"%.100s\" is one argument too many (axle %s --help)",
                         command->name, help->words, flags->words[flags->verb_words + help->most],
                         command->name);
    for (size_t i = 0; i < count; i++)
        if (!*flags->words[flags->verb_words + i])
            return cli_usage("axle %s %s: an empty argument is not a %s", command->name,
                             help->words, help->words);
    return CLI_OK;
}

/* All-in-one sets these settings of its spoke itself. */
static bool is_own_of_all_in_one(enum config_id id)
{
    return id == CONFIG_ID_NAME || id == CONFIG_ID_JOIN || id == CONFIG_ID_TOKEN_FILE;
}

static int check_role_options(const struct reading *reading)
{
    const char *role = config_text(reading->flags->config, CONFIG_ID_MODE);
    scoped_mem char *mode = mem_printf("--mode=%s", role);

    for (size_t i = 0; i < reading->count; i++) {
        const char *name = reading->given[i];
        const struct config_setting *setting = config_find(name, strlen(name));
        bool all = !strcmp(role, "all-in-one");

        if (!setting || !config_is_for(setting, role))
            return report_option_not_taken(mode, name);
        if (all && is_own_of_all_in_one(setting->id))
            return cli_usage(
                "axle %s has no option --%s: its spoke joins its hub by itself, as "
                "local-cluster; to choose these yourself, run axle --mode=hub and axle "
                "--mode=spoke separately",
                mode, name);
    }
    return CLI_OK;
}

/* ---- The command line ----------------------------------------------------------- */

/*
 * If --data-dir is on the command line, KUBECONFIG of the environment may name another
 * hub, so ignore it.
 */
static int read_environment(struct cli_flags *flags)
{
    bool named = config_source(flags->config, CONFIG_ID_DATA_DIR) == CONFIG_FLAG;

    for (size_t i = 0; i < count_of(options); i++) {
        const char *value = options[i].environment ? getenv(options[i].environment) : NULL;
        const char *now =
            options[i].type == OPTION_TEXT ? *(char **)((char *)flags + options[i].at) : "";

        if (value && *value && !now && !named &&
            set_option_value(flags, &options[i], value) != CLI_OK)
            return CLI_USAGE;
    }
    return CLI_OK;
}

static int read_settings(struct cli_flags *flags)
{
    struct err err = {0};
    const char *file;

    if (config_read_environment(flags->config, &err) < 0)
        return cli_fail(&err);
    file = config_text(flags->config, CONFIG_ID_CONFIG);
    if (file && config_read_file(flags->config, file, &err) < 0) {
        cli_fail(&err);
        return CLI_SETTINGS;
    }
    return CLI_OK;
}

/*
 * True for "axle help VERB", "axle VERB help" and "axle VERB --help"; removes the word
 * "help".
 */
static bool is_help(struct cli_flags *flags)
{
    size_t first = flags->word_count && !strcmp(flags->words[0], "help");
    size_t last = flags->word_count > 1 && flags->literal_words == flags->word_count &&
                  !strcmp(flags->words[flags->word_count - 1], "help");
    size_t used;

    /* In `axle render a.yaml help` the last word is a file. */
    if (!first && last) {
        command_of(flags->words, flags->word_count, &used);
        last = used == flags->word_count - 1 || used == 0;
    }
    if (!first && !last && !flags->help)
        return false;
    flags->word_count -= first + last * !first;
    memmove(flags->words, flags->words + first, flags->word_count * sizeof flags->words[0]);
    return true;
}

static int check_command_line(struct reading *reading, const struct cli_command **ret_command)
{
    struct cli_flags *flags = reading->flags;
    const struct cli_command *command;

    if (flags->word_count && !*flags->words[0])
        return cli_usage("an empty argument is not a verb; axle --help lists all verbs");
    command = command_of(flags->words, flags->word_count, &flags->verb_words);
    if (flags->word_count && !command &&
        config_source(flags->config, CONFIG_ID_MODE) == CONFIG_FLAG)
        return cli_usage("axle --mode=%s has no arguments: remove \"%.100s\"",
                         config_text(flags->config, CONFIG_ID_MODE), flags->words[0]);
    if (flags->word_count && !command)
        return command_unknown(flags->words, flags->word_count);
    if (command &&
        (check_options(reading, command) != CLI_OK || check_word_count(flags, command) != CLI_OK ||
         read_environment(flags) != CLI_OK))
        return CLI_USAGE;
    *ret_command = command;
    if (command && command == command_find("version"))
        return CLI_OK;
    return read_settings(flags);
}

/* --help and --version read no settings and do not check the rest of the command line. */
static int find_subject(struct reading *reading, const struct cli_command **ret_command)
{
    struct cli_flags *flags = reading->flags;
    const char *mode = config_text(flags->config, CONFIG_ID_MODE);
    int status;

    if (is_help(flags)) {
        *ret_command = command_find("help");
        if (!flags->word_count && mode)
            flags->words[flags->word_count++] = mode;
        return CLI_OK;
    }
    if (flags->version) {
        *ret_command = command_find("version");
        return flags->word_count && strcmp(flags->words[0], "version") != 0
                   ? cli_usage("axle %.100s has no option --version; axle --version stands by "
                               "itself",
                               flags->words[0])
                   : check_options(reading, *ret_command);
    }
    status = check_command_line(reading, ret_command);
    if (status != CLI_OK || *ret_command)
        return status;
    if (config_text(flags->config, CONFIG_ID_MODE))
        return check_role_options(reading);
    return reading->count ? cli_usage("neither a verb nor --mode=ROLE is given; see axle --help")
                          : CLI_OK;
}

int options_read(int argc, char **argv, struct cli_flags *ret,
                 const struct cli_command **ret_command)
{
    struct reading reading = {.flags = ret};
    int status;

    *ret = (struct cli_flags){.config = config_new()};
    *ret_command = NULL;
    reading.given = mem_alloc(((size_t)argc + 1) * sizeof *reading.given);
    status = read_all_words(&reading, argc, argv);
    if (status == CLI_OK)
        status = find_subject(&reading, ret_command);
    free(reading.given);
    return status;
}
