/* SPDX-License-Identifier: Apache-2.0 */
/* Holds the table of verbs, and suggests the right verb for a mistyped one. */
#include "cli/internal.h"

#include "base/nearest.h"
#include "base/text.h"

#include <string.h>

static const struct cli_command commands[] = {
#define COMMAND(words, name) {words, name##_verb, &name##_help},
#include "cli/commands.def"
#undef COMMAND
};

const struct cli_command *command_at(size_t at)
{
    return at < count_of(commands) ? &commands[at] : NULL;
}

const struct cli_command *command_find(const char *name)
{
    for (size_t i = 0; i < count_of(commands); i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    return NULL;
}

/* If `words` begins with all words of `name`: their number; else 0. */
static size_t begins_with(const char *const *words, size_t count, const char *name)
{
    const char *blank = strchr(name, ' ');
    size_t len = blank ? (size_t)(blank - name) : strlen(name);

    if (!count || strlen(words[0]) != len || memcmp(words[0], name, len) != 0)
        return 0;
    if (!blank)
        return 1;
    return count > 1 && !strcmp(words[1], blank + 1) ? 2 : 0;
}

const struct cli_command *command_of(const char *const *words, size_t count, size_t *ret_used)
{
    const struct cli_command *best = NULL;

    *ret_used = 0;
    for (size_t i = 0; i < count_of(commands); i++) {
        size_t used = begins_with(words, count, commands[i].name);

        if (used > *ret_used) {
            *ret_used = used;
            best = &commands[i];
        }
    }
    return best;
}

const struct cli_takes *command_takes(const struct cli_command *command, const char *option)
{
    const struct cli_takes *takes = command->help->takes;

    for (size_t i = 0; i < count_of(command->help->takes) && takes[i].name; i++)
        if (!strcmp(takes[i].name, option))
            return &takes[i];
    return NULL;
}

/* ---- Words that are no verb -------------------------------------------------------- */

/* Verbs of other programs, and what does the same in this one. */
static const struct {
    const char *word, *here;
} elsewhere[] = {
    {"hub", "axle --mode=hub starts a hub; axle status hub shows one"},
    {"spoke", "axle --mode=spoke starts an agent; axle status spoke shows it"},
    {"all-in-one", "axle --mode=all-in-one starts a hub and a spoke"},
    {"server", "axle --mode=hub starts a hub"},
    {"agent", "axle --mode=spoke starts an agent"},
    {"join",
     "axle --mode=spoke --join=URL; on the hub, axle token create prints the whole command"},
    {"start", "axle --mode=hub, --mode=spoke or --mode=all-in-one"},
    {"run", "axle --mode=hub, --mode=spoke or --mode=all-in-one"},
    {"stop", "end the process with SIGTERM, or systemctl stop axle-hub axle-spoke"},
    {"get", "use kubectl for this: axle kubeconfig prints its kubeconfig"},
    {"apply", "use kubectl for this: axle kubeconfig prints its kubeconfig"},
    {"create", "use kubectl for this: axle kubeconfig prints its kubeconfig"},
    {"delete", "use kubectl for this: axle kubeconfig prints its kubeconfig"},
    {"describe", "use kubectl for this: axle kubeconfig prints its kubeconfig"},
    {"logs", "on the spoke, DIR/spoke/workloads/pods/POD/logs"},
};

/* The second word of the two-word verb `name` if its first word is `first`; else NULL. */
static const char *second_word_of(const char *name, const char *first)
{
    size_t len = strlen(first);

    return !strncmp(name, first, len) && name[len] == ' ' ? name + len + 1 : NULL;
}

static int report_missing_second_word(const char *const *words, size_t count)
{
    struct nearest near = nearest_to(count > 1 ? words[1] : "");
    scoped_text struct text all = {0};

    for (size_t i = 0; i < count_of(commands); i++) {
        const char *second = second_word_of(commands[i].name, words[0]);

        if (!second)
            continue;
        text_addf(&all, "%s%s", all.len ? ", " : "", second);
        nearest_try(&near, second);
    }
    if (count < 2)
        return cli_usage("%s: the second word is missing; it is one of: %s (axle %s --help)",
                         words[0], text_string(&all), words[0]);
    return cli_usage("%s \"%.100s\" is none of: %s%s%s%s%s%s", words[0], words[1],
                     text_string(&all), near.best ? "; did you mean axle " : "",
                     near.best ? words[0] : "", near.best ? " " : "", near.best ? near.best : "",
                     near.best ? "?" : "");
}

int command_unknown(const char *const *words, size_t count)
{
    struct nearest near = nearest_to(words[0]);

    for (size_t i = 0; i < count_of(elsewhere); i++)
        if (!strcmp(elsewhere[i].word, words[0]))
            return cli_usage("unknown verb \"%s\": %s", words[0], elsewhere[i].here);
    for (size_t i = 0; i < count_of(commands); i++) {
        const char *name = commands[i].name;

        if (second_word_of(name, words[0]))
            return report_missing_second_word(words, count);
        nearest_try_bytes(&near, name, strcspn(name, " "));
    }
    /* The user may have forgotten the first word: "axle list" instead of "axle token list". */
    for (size_t i = 0; !near.best && i < count_of(commands); i++) {
        const char *blank = strchr(commands[i].name, ' ');

        if (blank && !strcmp(blank + 1, words[0]))
            return cli_usage("unknown verb \"%s\"; did you mean axle %s?", words[0],
                             commands[i].name);
    }
    if (!near.best)
        return cli_usage("unknown verb \"%.100s\"; axle --help lists them all", words[0]);
    return cli_usage("unknown verb \"%.100s\"; did you mean axle %.*s?", words[0],
                     (int)strcspn(near.best, " "), near.best);
}
