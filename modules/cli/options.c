/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the command line by one table, and prints help from it. */
#include "cli/inside.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum option_type { OPTION_TEXT, OPTION_LIST, OPTION_YES };

#define AT(field) offsetof(struct cli_flags, field)

static const struct option {
    const char *name;
    char letter; /* 0: none */
    enum option_type type;
    size_t at;
    const char *value, *environment, *what;
} options[] = {
    {"mode", 0, OPTION_TEXT, AT(mode), "ROLE", NULL, "hub, spoke or all-in-one"},
    {"data-dir", 0, OPTION_TEXT, AT(data_dir), "DIR", "AXLE_DATA_DIR",
     "where everything is kept (/var/lib/axle, or the user's state folder)"},
    {"listen", 0, OPTION_LIST, AT(listen), "HOST:PORT", NULL,
     "where the hub listens (0.0.0.0:6443); port 0 takes any; repeatable"},
    {"tls-san", 0, OPTION_LIST, AT(names), "NAME", NULL,
     "a further name or address of the hub; repeatable"},
    {"name", 0, OPTION_TEXT, AT(name), "NAME", "AXLE_NAME",
     "this spoke's cluster name (the host name)"},
    {"join", 0, OPTION_TEXT, AT(join), "URL", "AXLE_JOIN", "the hub to join"},
    {"token-file", 0, OPTION_TEXT, AT(token_file), "FILE", NULL,
     "the join token, if it is not in $AXLE_TOKEN"},
    {"cluster", 0, OPTION_TEXT, AT(cluster), "KIND", NULL,
     "where the spoke applies manifests: local (default) or kubernetes"},
    {"runtime", 0, OPTION_TEXT, AT(runtime), "KIND", NULL,
     "how pods run: auto (default), process or engine"},
    {"host-path", 0, OPTION_LIST, AT(host_paths), "DIR", NULL,
     "a folder that works may mount on this spoke; repeatable"},
    {"fact", 0, OPTION_LIST, AT(facts), "NAME=VALUE", NULL,
     "what ${spoke.NAME} stands for on this spoke; repeatable"},
    {"eviction", 0, OPTION_TEXT, AT(eviction), "DURATION", NULL,
     "how long what vanished from the hub without being deleted stays (60m)"},
    {"allow-root", 0, OPTION_YES, AT(allow_root), NULL, NULL,
     "let works run as uid 0 on this spoke"},
    {"allow-privileged", 0, OPTION_YES, AT(allow_privileged), NULL, NULL,
     "let works ask for privileges on this spoke"},
    {"log-level", 0, OPTION_TEXT, AT(log_level), "LEVEL", "AXLE_LOG_LEVEL",
     "debug, info (default), warn or error"},
    {"log-format", 0, OPTION_TEXT, AT(log_format), "FORMAT", "AXLE_LOG_FORMAT",
     "text (default) or json"},
    {"kubeconfig", 0, OPTION_TEXT, AT(kubeconfig), "FILE", "KUBECONFIG",
     "whom verbs ask (DIR/hub/admin.kubeconfig)"},
    {"output", 'o', OPTION_TEXT, AT(output), "FORM", NULL,
     "token create: command (default), token or cloud-init"},
    {"pool", 0, OPTION_TEXT, AT(pool), "NAMESPACE/POOL", NULL,
     "token create: the pool that the spoke becomes part of"},
    {"ttl", 0, OPTION_TEXT, AT(ttl), "DURATION", NULL,
     "token create: how long it works (15m)"},
    {"uses", 0, OPTION_TEXT, AT(uses), "N", NULL,
     "token create: how many spokes may use it (1)"},
    {"admin", 0, OPTION_YES, AT(admin), NULL, NULL,
     "token create: print the administrator's token for the console"},
    {"values", 0, OPTION_LIST, AT(values), "FILE", NULL,
     "render: values for the templates; repeatable"},
    {"help", 'h', OPTION_YES, AT(help), NULL, NULL, "print this"},
    {"version", 'V', OPTION_YES, AT(version), NULL, NULL, "print the version"},
};

void options_help(void)
{
    printf("Usage: axle --mode=ROLE [OPTION…]\n"
           "       axle VERB [ARGUMENT…] [OPTION…]\n\n"
           "A control plane for AI/ML applications on many machines.\n\n"
           "Verbs:\n"
           "  token create|list|revoke   join tokens for new spokes\n"
           "  status                     spokes and workloads at a glance\n"
           "  kubeconfig                 print the administrator's kubeconfig\n"
           "  render FILE…               fill in templates; values are .Values and .var\n"
           "  version                    what this program is made of\n\n"
           "Options:\n");
    for (size_t i = 0; i < count_of(options); i++) {
        const struct option *option = &options[i];
        scoped_text struct text left = {0};

        text_addf(&left, option->letter ? "-%c, " : "    ", option->letter);
        text_addf(&left, "--%s%s%s", option->name, option->value ? "=" : "",
                  option->value ? option->value : "");
        printf("  %-28s %s", text_string(&left), option->what);
        if (option->environment)
            printf(" [$%s]", option->environment);
        putchar('\n');
    }
}

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

/* One flag; moves *at over a value that stands by itself. */
static int read_flag(struct cli_flags *flags, int argc, char **argv, int *at)
{
    const char *word = argv[*at];
    const char *equals = strchr(word, '=');
    bool is_long = text_starts(word, "--");
    const struct option *option =
        is_long ? find_option(word + 2, equals ? (size_t)(equals - word - 2)
                                               : strlen(word + 2))
                : find_letter(word);

    if (!option) {
        fprintf(stderr, "axle: unknown option \"%s\"; see axle --help\n", word);
        return -1;
    }
    if (option->type == OPTION_YES) {
        if (is_long && equals) {
            fprintf(stderr, "axle: --%s takes no value\n", option->name);
            return -1;
        }
        return set_value(flags, option, NULL);
    }
    if (is_long && equals)
        return set_value(flags, option, equals + 1);
    if (*at + 1 >= argc) {
        fprintf(stderr, "axle: --%s needs a value: %s\n", option->name,
                option->what);
        return -1;
    }
    return set_value(flags, option, argv[++*at]);
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
    bool only_words = false;

    *ret = (struct cli_flags){0};
    read_environment(ret);
    for (int at = 1; at < argc; at++) {
        if (!only_words && strcmp(argv[at], "--") == 0) {
            only_words = true;
        } else if (!only_words && argv[at][0] == '-' && argv[at][1]) {
            if (read_flag(ret, argc, argv, &at) < 0)
                return -1;
        } else if (ret->word_count == CLI_MOST) {
            fprintf(stderr, "axle: too many words\n");
            return -1;
        } else {
            ret->words[ret->word_count++] = argv[at];
        }
    }
    return 0;
}
