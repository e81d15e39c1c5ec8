/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the command line by two tables, and prints help from them. */
#include "cli/inside.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "config/config.h"

enum option_type { OPTION_TEXT, OPTION_LIST, OPTION_YES };

#define AT(field) offsetof(struct cli_flags, field)

/* What only verbs know; settings of the roles are in config/settings.def. */
static const struct option {
    const char *name;
    char letter; /* 0: none */
    enum option_type type;
    size_t at;
    const char *value, *environment, *what;
} options[] = {
    {"kubeconfig", 0, OPTION_TEXT, AT(kubeconfig), "FILE", "KUBECONFIG",
     "whom verbs ask (DIR/hub/admin.kubeconfig)"},
    {"output", 'o', OPTION_TEXT, AT(output), "FORM", NULL,
     "token create: command (default), token or cloud-init"},
    {"pool", 0, OPTION_TEXT, AT(pool), "NAMESPACE/POOL", NULL,
     "token create: the pool that the spoke becomes part of"},
    {"ttl", 0, OPTION_TEXT, AT(ttl), "DURATION", NULL,
     "token create: how long it works (15m; with --admin 12h)"},
    {"uses", 0, OPTION_TEXT, AT(uses), "N", NULL,
     "token create: how many spokes may use it (1); --name binds it to one"},
    {"admin", 0, OPTION_YES, AT(admin), NULL, NULL,
     "token create: a token that makes its bearer an administrator, whom --name names"},
    {"lost", 0, OPTION_YES, AT(lost), NULL, NULL,
     "remove spoke: its machine is gone, and is not waited for"},
    {"timeout", 0, OPTION_TEXT, AT(timeout), "DURATION", NULL,
     "leave: how long to wait for it (150s)"},
    {"yes", 0, OPTION_YES, AT(yes), NULL, NULL, "reset: do it"},
    {"delete-claims", 0, OPTION_YES, AT(delete_claims), NULL, NULL,
     "reset: delete the data of claims as well"},
    {"values", 0, OPTION_LIST, AT(values), "FILE", NULL,
     "render: values for the templates; repeatable"},
    {"help", 'h', OPTION_YES, AT(help), NULL, NULL, "print this"},
    {"version", 'V', OPTION_YES, AT(version), NULL, NULL, "print the version"},
};

/* ---- Help ------------------------------------------------------------------ */

/* Wrapped to 80 columns, words kept whole. */
static void print_wrapped(const char *text, size_t column, size_t at)
{
    while (*text) {
        size_t word = strcspn(text, " ");

        if (at > column && at + 1 + word > 80) {
            printf("\n%*s", (int)column, "");
            at = column;
        } else if (at > column) {
            putchar(' ');
            at++;
        }
        printf("%.*s", (int)word, text);
        at += word;
        text += word + (text[word] == ' ');
    }
    putchar('\n');
}

static void print_option(char letter, const char *name, const char *value,
                         const char *what)
{
    scoped_text struct text left = {0};

    text_addf(&left, letter ? "  -%c, " : "      ", letter);
    text_addf(&left, "--%s%s%s", name, value && *value ? "=" : "", value ? value : "");
    if (left.len > 30)
        printf("%s\n%*s", text_string(&left), 32, "");
    else
        printf("%-32s", text_string(&left));
    print_wrapped(what, 32, 32);
}

static void print_settings(enum config_section section)
{
    const struct config_setting *setting;

    for (size_t i = 0; (setting = config_setting(i)); i++) {
        scoped_text struct text what = {0};

        if (setting->section != section)
            continue;
        text_add(&what, setting->what);
        if (*setting->initial && setting->type != CONFIG_YES)
            text_addf(&what, " (%s)", setting->initial);
        if (setting->type == CONFIG_CHOICE)
            text_addf(&what, ": %s", setting->value);
        print_option(0, setting->key,
                     setting->type == CONFIG_CHOICE ? "WORD" : setting->value,
                     text_string(&what));
    }
}

void options_help(void)
{
    printf("Usage: axle --mode=ROLE [OPTION…]\n"
           "       axle VERB [ARGUMENT…] [OPTION…]\n\n"
           "A control plane for AI/ML applications on many machines.\n\n"
           "Verbs:\n"
           "  token create|list|revoke   tokens for new spokes and administrators\n"
           "  status [hub|spoke]         spokes and workloads at a glance; spoke: what\n"
           "                             this machine runs, without the hub (-o json)\n"
           "  remove spoke NAME          has the hub let a spoke go; --lost: it is gone\n"
           "  leave                      has this machine's spoke leave its hub\n"
           "  reset                      makes this machine forget that it was a spoke\n"
           "  kubeconfig                 print the administrator's kubeconfig\n"
           "  render FILE…               fill in templates; values are .Values and .var\n"
           "  config print|show          an example file of settings; what holds\n"
           "  version                    what this program is made of\n\n"
           "Options of every role:\n");
    print_settings(CONFIG_COMMON);
    printf("\nThe hub:\n");
    print_settings(CONFIG_HUB);
    printf("\nThe spoke:\n");
    print_settings(CONFIG_SPOKE);
    printf("\nVerbs:\n");
    for (size_t i = 0; i < count_of(options); i++)
        print_option(options[i].letter, options[i].name, options[i].value,
                     options[i].what);
    printf("\nEach setting of a role is a key in the file of --config and, in capitals, a\n"
           "variable: $AXLE_LOG_LEVEL. Flags win over variables, these over the file.\n"
           "`axle config print --mode=hub` shows all, limits too.\n");
}

/* ---- The command line -------------------------------------------------------- */

static int set_value(struct cli_flags *flags, const struct option *option,
                     const char *value)
{
    char *base = (char *)flags + option->at;

    if (option->type == OPTION_YES) {
        *(bool *)base = true;
        return 0;
    }
    if (option->type == OPTION_TEXT) {
        *(const char **)base = value;
        return 0;
    }
    for (size_t i = 0; i < CLI_MOST; i++) {
        if (!((const char **)base)[i]) {
            ((const char **)base)[i] = value;
            return 0;
        }
    }
    fprintf(stderr, "axle: --%s: at most %d of them\n", option->name, CLI_MOST);
    return -1;
}

static const struct option *find_option(const char *word, size_t len)
{
    for (size_t i = 0; i < count_of(options); i++) {
        if (strlen(options[i].name) == len &&
            strncmp(options[i].name, word, len) == 0)
            return &options[i];
    }
    return NULL;
}

static const struct option *find_letter(const char *word)
{
    for (size_t i = 0; word[1] && !word[2] && i < count_of(options); i++) {
        if (options[i].letter && options[i].letter == word[1])
            return &options[i];
    }
    return NULL;
}

/* One flag in its two ways of being written. */
struct word {
    const char *whole, *value; /* value NULL: none after "=" */
    const struct config_setting *setting;
    const struct option *option;
};

static struct word look_at(const char *text)
{
    const char *equals = strchr(text, '=');
    bool is_long = text_starts(text, "--");
    size_t len = equals ? (size_t)(equals - text) : strlen(text);
    struct word word = {.whole = text};

    if (!is_long) {
        word.option = find_letter(text);
        return word;
    }
    word.value = equals ? equals + 1 : NULL;
    word.setting = config_find(text + 2, len - 2);
    word.option = find_option(text + 2, len - 2);
    return word;
}

static int say_unknown(const char *text)
{
    scoped_mem char *key = mem_copy_string(text + strspn(text, "-"));
    const char *near;

    key[strcspn(key, "=")] = '\0';
    near = config_nearest(key);
    if (near && text_starts(text, "--"))
        fprintf(stderr, "axle: unknown option \"%s\"; did you mean --%s?\n", text, near);
    else
        fprintf(stderr, "axle: unknown option \"%s\"; see axle --help\n", text);
    return -1;
}

/* Moves *at over a value that stands by itself. */
static int read_flag(struct cli_flags *flags, int argc, char **argv, int *at)
{
    struct word word = look_at(argv[*at]);
    bool is_yes = word.setting ? word.setting->type == CONFIG_YES
                               : word.option && word.option->type == OPTION_YES;
    struct err err = {0};

    if (!word.setting && !word.option)
        return say_unknown(word.whole);
    if (!is_yes && !word.value) {
        if (*at + 1 >= argc) {
            fprintf(stderr, "axle: %s needs a value: %s\n", word.whole,
                    word.setting ? word.setting->what : word.option->what);
            return -1;
        }
        word.value = argv[++*at];
    }
    if (!word.setting && is_yes && word.value) {
        fprintf(stderr, "axle: --%s takes no value\n", word.option->name);
        return -1;
    }
    if (!word.setting)
        return set_value(flags, word.option, word.value);
    if (config_set_flag(flags->config, word.setting, word.value, &err) < 0) {
        fprintf(stderr, "axle: %s\n", err.text);
        return -1;
    }
    return 0;
}

static int read_words(struct cli_flags *flags, int argc, char **argv)
{
    bool only_words = false;

    for (int at = 1; at < argc; at++) {
        if (!only_words && strcmp(argv[at], "--") == 0) {
            only_words = true;
        } else if (!only_words && argv[at][0] == '-' && argv[at][1]) {
            if (read_flag(flags, argc, argv, &at) < 0)
                return -1;
        } else if (flags->word_count == CLI_MOST) {
            fprintf(stderr, "axle: too many words\n");
            return -1;
        } else {
            flags->words[flags->word_count++] = argv[at];
        }
    }
    return 0;
}

static void read_environment(struct cli_flags *flags)
{
    for (size_t i = 0; i < count_of(options); i++) {
        const char *value =
            options[i].environment ? getenv(options[i].environment) : NULL;

        if (value && *value)
            set_value(flags, &options[i], value);
    }
}

int options_read(int argc, char **argv, struct cli_flags *ret)
{
    struct err err = {0};
    const char *file;

    *ret = (struct cli_flags){.config = config_new()};
    read_environment(ret);
    if (read_words(ret, argc, argv) < 0)
        return CLI_USAGE;
    /* Asking for help must work with settings that do not. */
    if (ret->help || ret->version)
        return CLI_OK;
    if (config_read_environment(ret->config, &err) < 0)
        return cli_fail(&err);
    file = config_text(ret->config, CONFIG_ID_CONFIG);
    if (file && config_read_file(ret->config, file, &err) < 0) {
        cli_fail(&err);
        return CLI_SETTINGS;
    }
    return CLI_OK;
}
