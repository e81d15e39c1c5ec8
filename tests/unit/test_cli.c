/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the command line, and what each command line is judged to be. */
#include "check.h"

#include "base/file.h"
#include "base/nearest.h"
#include "base/text.h"
#include "cli/internal.h"
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- The tables say all that they have to ---------------------------------------- */

static const char *const options[] = {
#define OPTION(name, letter, type, field, value, environment) name,
#include "cli/options.def"
#undef OPTION
};

static bool is_option(const char *name)
{
    for (size_t i = 0; i < count_of(options); i++)
        if (!strcmp(options[i], name))
            return true;
    return config_find(name, strlen(name)) != NULL;
}

static bool begins_as_example(const struct cli_command *command)
{
    scoped_mem char *start = mem_printf("axle %s", command->name);

    return text_starts(command->help->example, start);
}

static void check_one(const struct cli_command *command)
{
    const struct cli_help *help = command->help;
    enum cli_exit before = CLI_OK;
    size_t count = 0;

    CHECK(help->brief && *help->brief && strlen(help->brief) <= 50, "%s: one short line",
          command->name);
    CHECK(help->what && strlen(help->what) > 40, "%s: what it does", command->name);
    CHECK(help->example && begins_as_example(command), "%s: an example of itself", command->name);
    CHECK(help->least <= help->most && !help->most == !help->words, "%s: its words are named",
          command->name);
    for (; count < count_of(help->takes) && help->takes[count].name; count++)
        CHECK(is_option(help->takes[count].name) &&
                  (help->takes[count].what ||
                   config_find(help->takes[count].name, strlen(help->takes[count].name))),
              "%s: --%s is an option and is explained", command->name, help->takes[count].name);
    CHECK(count < count_of(help->takes), "%s: its list of options ends", command->name);
    for (size_t i = 0; i < count_of(help->ends) && help->ends[i].status; i++) {
        CHECK(help->ends[i].status != CLI_USAGE && help->ends[i].status != before,
              "%s: status %d is said once", command->name, (int)help->ends[i].status);
        before = help->ends[i].status;
    }
}

static void check_tables(void)
{
    const struct cli_command *command;

    for (size_t i = 0; (command = command_at(i)); i++)
        check_one(command);
    for (size_t k = 0; k < count_of(options); k++) {
        bool taken = !strcmp(options[k], "help") || !strcmp(options[k], "version");

        for (size_t i = 0; (command = command_at(i)); i++)
            taken |= command_takes(command, options[k]) != NULL;
        CHECK(taken, "some verb takes --%s", options[k]);
    }
}

/* ---- Command lines ------------------------------------------------------------------ */

static const struct {
    const char *line; /* words, parted by single spaces */
    int status;
    const char *verb; /* NULL: a role, or none */
    const char *said; /* on standard error */
} lines[] = {
    {"status", 0, "status", ""},
    {"status hub", 0, "status hub", ""},
    {"-o json status hub", 0, "status hub", ""},
    {"status -ojson spoke", 0, "status spoke", ""},
    {"status spoke -o=yaml", 0, "status spoke", ""},
    {"status spoke --output=json --output=json", 0, "status spoke", ""},
    {"token create --admin --ttl 1h", 0, "token create", ""},
    {"token revoke a b c", 0, "token revoke", ""},
    {"render -- -a help", 0, "render", ""},
    {"render a help", 0, "render", ""},
    {"config show --mode=hub --history-age=2h", 0, "config show", ""},
    {"--mode=hub --listen=:0", 0, NULL, ""},
    {"--mode=hub --log-level=info --log-level=warn", 0, NULL, ""},
    {"--mode=all-in-one --listen=:0 --allow-root", 0, NULL, ""},
    {"--mode=hub --version", 0, "version", ""},
    {"--help --nonsense", 2, NULL, "unknown option \"--nonsense\""},
    /* help */
    {"help", 0, "help", ""},
    {"help token create", 0, "help", ""},
    {"token create help", 0, "help", ""},
    {"token create --help", 0, "help", ""},
    {"token --help", 0, "help", ""},
    {"leave --yes --help", 0, "help", ""},
    {"-h --mode=hub", 0, "help", ""},
    /* verbs */
    {"tokne list", 2, NULL, "did you mean axle token?"},
    {"token lst", 2, NULL, "did you mean axle token list?"},
    {"token", 2, NULL, "the second word is missing; it is one of: create, list, revoke"},
    {"token frobnicate", 2, NULL, "is none of: create, list, revoke"},
    {"status hbu", 2, NULL, "did you mean axle status hub?"},
    {"list", 2, NULL, "did you mean axle token list?"},
    {"hub", 2, NULL, "axle --mode=hub starts a hub"},
    {"get pods", 2, NULL, "use kubectl for this"},
    {"xyzzy", 2, NULL, "axle --help lists"},
    {"--mode=hub status", 2, NULL, "axle status has no option --mode"},
    {"--mode=hub extra", 2, NULL, "axle --mode=hub has no arguments: remove \"extra\""},
    {"--mode=hbu", 2, NULL, "did you mean hub?"},
    /* options */
    {"leave --lost", 2, NULL, "axle leave has no option --lost; axle remove spoke has"},
    {"leave --listen=:1", 2, NULL, "axle leave has no option --listen; axle --mode=hub has"},
    {"status --ttl=1h", 2, NULL, "axle status has no option --ttl; axle token create has"},
    {"kubeconfig --uses 1", 2, NULL, "axle kubeconfig has no option --uses"},
    {"--mode=spoke --listen=:1", 2, NULL,
     "axle --mode=spoke has no option --listen; axle --mode=hub has"},
    {"--mode=hub --allow-root", 2, NULL, "axle --mode=spoke has"},
    {"--mode=hub --pool=a/b", 2, NULL,
     "axle --mode=hub has no option --pool; axle token create, axle init have"},
    {"--mode=all-in-one --name=a", 2, NULL, "joins its hub by itself"},
    {"--lost", 2, NULL, "neither a verb nor --mode=ROLE"},
    {"leave -o json", 2, NULL, "axle leave has no option --output"},
    {"remove spoke a -o json", 2, NULL, "axle remove spoke has no option --output"},
    {"status -o wide", 2, NULL, "is none of json|yaml"},
    {"init --env x", 2, NULL, "did you mean --environment?"},
    {"status -o jsn", 2, NULL, "did you mean json?"},
    {"token create -o toekn", 2, NULL, "did you mean token?"},
    {"status -o", 2, NULL, "-o needs a value"},
    {"status --output", 2, NULL, "--output needs a value"},
    {"status --output=", 2, NULL, "--output: is empty"},
    {"leave --data-dir --timeout=3s", 2, NULL,
     "--data-dir needs a value: DIR, not \"--timeout=3s\""},
    {"leave --data-dir=", 2, NULL, "--data-dir: is empty"},
    {"token create --admin=yes", 2, NULL, "--admin has no value"},
    {"token create --ttl=1h --ttl=2h", 2, NULL, "--ttl is given twice: \"1h\" and \"2h\""},
    {"token create --tll=1h", 2, NULL, "did you mean --ttl?"},
    {"status -x", 2, NULL, "unknown option \"-x\""},
    {"status --", 0, "status", ""},
    {"status ---", 2, NULL, "unknown option \"---\""},
    {"status --=x", 2, NULL, "unknown option \"--=x\""},
    {"-hx", 2, NULL, "unknown option \"-hx\""},
    /* words */
    {"status hub spoke", 2, NULL, "axle status hub has no arguments: remove \"spoke\""},
    {"token list x", 2, NULL, "axle token list has no arguments"},
    {"remove spoke", 2, NULL, "axle remove spoke NAME: NAME is missing"},
    {"remove spoke a b", 2, NULL, "\"b\" is one argument too many"},
    {"render", 2, NULL, "FILE… is missing"},
    {"leave help me", 2, NULL, "axle leave has no arguments: remove \"help\""},
    {"version 1", 2, NULL, "axle version has no arguments"},
};

static char said_path[] = "/tmp/axle-test-cli-XXXXXX";

static int read_line(int argc, char **argv, const char **ret_verb, char **ret_said)
{
    static struct cli_flags flags;
    const struct cli_command *command;
    int status, kept = dup(STDERR_FILENO);

    fflush(stderr);
    if (!freopen(said_path, "we", stderr))
        return -1;
    status = options_read(argc, argv, &flags, &command);
    config_free(&flags.config);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    *ret_verb = status == 0 && command ? command->name : NULL;
    *ret_said = file_read(said_path, 65536, NULL, NULL);
    return status;
}

static void judge_line(size_t i)
{
    scoped_mem char *copy = mem_copy_string(lines[i].line), *said = NULL;
    char *argv[32] = {(char *)"axle"}, *rest = copy;
    const char *verb;
    int argc = 1, status;

    while (rest && argc < 31)
        argv[argc++] = strsep(&rest, " ");
    status = read_line(argc, argv, &verb, &said);
    CHECK(status == lines[i].status && text_same(verb, lines[i].verb) && said &&
              strstr(said, lines[i].said) && (!*lines[i].said == !*said),
          "axle %s: %d %s %s", lines[i].line, status, verb ? verb : "-", said ? said : "");
}

/* What a hostile caller gives: nothing of it is printed at length or acted on by a terminal. */
static void check_hostile(void)
{
    scoped_mem char *long_word = mem_alloc(1024 * 1024 + 1), *said = NULL, *again = NULL;
    const char *verb;
    char *argv[] = {(char *)"axle", long_word, NULL, NULL};
    char *steering[] = {(char *)"axle", (char *)"\033[31mred\r\n\x07", NULL};
    char *empty[] = {(char *)"axle", (char *)"", NULL};
    scoped_mem char *third = NULL, *fourth = NULL;

    memset(long_word, 'a', 1024 * 1024);
    CHECK_INT(read_line(2, argv, &verb, &said), 2, "a word of a megabyte is no verb");
    CHECK(strlen(said) < 500, "and is not printed whole");
    memcpy(long_word, "--", 2);
    CHECK_INT(read_line(2, argv, &verb, &again), 2, "nor an option");
    CHECK(strlen(again) < 500, "and is not printed whole");
    free(again);
    memcpy(long_word, "--data-dir=", strlen("--data-dir="));
    argv[2] = (char *)"status";
    CHECK_INT(read_line(3, argv, &verb, &again), 2, "nor a folder");
    CHECK(strlen(again) < 500, "and is not printed whole");
    CHECK_INT(read_line(2, steering, &verb, &third), 2, "control characters are no verb");
    CHECK(!strchr(third, '\033') && !strchr(third, '\r') &&
              strchr(third, '\n') == third + strlen(third) - 1,
          "and do not reach the terminal");
    CHECK_INT(read_line(2, empty, &verb, &fourth), 2, "an empty word is no verb");
    CHECK(strstr(fourth, "an empty argument is not a verb"), "and is told so");
}

static void check_nearest(void)
{
    static const struct {
        const char *word, *best;
    } cases[] = {
        {"tokne", "token"}, {"staus", "status"}, {"tokens", "token"}, {"zebra", NULL},
        {"", NULL},         {"rest", "reset"},   {"x", NULL},
    };
    static const char *const known[] = {"token", "status", "reset", "leave"};

    for (size_t i = 0; i < count_of(cases); i++) {
        struct nearest near = nearest_to(cases[i].word);

        for (size_t k = 0; k < count_of(known); k++)
            nearest_try(&near, known[k]);
        CHECK(text_same(near.best, cases[i].best), "nearest to \"%s\": %s", cases[i].word,
              near.best ? near.best : "none");
    }
}

int main(void)
{
    int fd = mkstemp(said_path);

    unsetenv("KUBECONFIG");
    CHECK(fd >= 0, "a file for what is said");
    close(fd);
    check_tables();
    for (size_t i = 0; i < count_of(lines); i++)
        judge_line(i);
    check_hostile();
    check_nearest();
    unlink(said_path);
    return check_done();
}
