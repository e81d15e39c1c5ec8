/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a simulated fleet: axle-fleet --hub URL --token-file FILE --count N. */
#include "fleet/fleet.h"

#include "agent/agent.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "loop/internal.h"
#include "runtime/runtime.h"
#include "sim/runtime.h"
#include "store/memory.h"
#include "tls/internal.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "axle-fleet --hub URL --token-file FILE [OPTION…]\n"
    "  --hub URL             https://HOST:PORT of a real hub\n"
    "  --token-file FILE     a join token for all (axle token create --uses N), or several\n"
    "  --count N             how many spokes (10)\n"
    "  --first N             the number of the first one (1)\n"
    "  --prefix TEXT         what their names begin with (spoke-)\n"
    "  --dir FOLDER          keys and certificates, kept (else removed at the end)\n"
    "  --at-once N           so many join at a time (16)\n"
    "  --join-rate N         or N a second, however long each takes\n"
    "  --wait                joins only after the command `join`\n"
    "  --address IP          of each machine (127.0.0.1)\n"
    "  --runtime-delay MS    from a start to the word of it (0)\n"
    "  --fail-percent N      of the starts end at once (0)\n"
    "  --run-time MS         after which each container ends by itself (never)\n"
    "  --exit-code N         of what ends by itself (1)\n"
    "  --log-level WORD      debug, info, warn, error (error)\n"
    "Commands, on standard input: join, drop, status, stop. Its end is a stop too.\n"
    "Standard output: a line of JSON for each event, with the steady clock's nanoseconds.\n";

struct program {
    struct fleet fleet;
    struct sim_manner manner;
    struct loop_signal *signals[2]; /* owned */
    struct loop_watch *input;       /* owned; NULL: there is none */
    struct text line;               /* of the input, not ended yet */
    const char *token_file, *log_level;
    int64_t fail_percent, exit_code;
    bool wait, kept, stopped;
    char folder[512];
};

/* ---- Options --------------------------------------------------------------------- */

__attribute__((noreturn)) static void die_of(const char *what, const char *words)
{
    fprintf(stderr, "axle-fleet: %s %s\n", what, words);
    exit(2);
}

static int64_t read_number(const char *option, const char *word)
{
    char *end;
    long long number = strtoll(word, &end, 10);

    if (!*word || *end || number < 0 || number > 1000000000)
        die_of(option, "takes a number from 0 to 1000000000");
    return number;
}

/* There may be several, one a line: their uses are added up. */
static void read_tokens(struct program *program)
{
    struct fleet_settings *settings = &program->fleet.settings;
    struct err err = {0};
    scoped_mem char *text = file_read(program->token_file, 1 << 20, NULL, &err);
    size_t len;

    if (!text)
        die_of("", err.text);
    for (const char *at = text; *at; at += len) {
        at += strspn(at, " \r\n\t");
        len = strcspn(at, " \r\n\t");
        if (!len)
            break;
        settings->tokens =
            mem_resize_array(settings->tokens, settings->token_count + 1, sizeof *settings->tokens);
        settings->tokens[settings->token_count++] = mem_printf("%.*s", (int)len, at);
    }
}

static void free_tokens(struct fleet_settings *settings)
{
    while (settings->token_count)
        mem_free(&settings->tokens[--settings->token_count]);
    mem_free(&settings->tokens);
}

/* Where each option goes: a text, or a number times its unit. */
static const struct {
    const char *name;
    bool is_number;
    size_t place; /* in struct program: a const char * or an int64_t */
    int64_t unit;
} rows[] = {
    {"hub", false, offsetof(struct program, fleet.settings.hub), 0},
    {"token-file", false, offsetof(struct program, token_file), 0},
    {"count", true, offsetof(struct program, fleet.settings.count), 1},
    {"first", true, offsetof(struct program, fleet.settings.first), 1},
    {"prefix", false, offsetof(struct program, fleet.settings.prefix), 0},
    {"dir", false, offsetof(struct program, fleet.settings.directory), 0},
    {"at-once", true, offsetof(struct program, fleet.settings.at_once), 1},
    {"join-rate", true, offsetof(struct program, fleet.settings.join_rate), 1},
    {"address", false, offsetof(struct program, fleet.settings.address), 0},
    {"runtime-delay", true, offsetof(struct program, manner.delay), CLOCK_MS},
    {"fail-percent", true, offsetof(struct program, fail_percent), 1},
    {"run-time", true, offsetof(struct program, manner.run_time), CLOCK_MS},
    {"exit-code", true, offsetof(struct program, exit_code), 1},
    {"log-level", false, offsetof(struct program, log_level), 0},
};

static void take_fleet_option(struct program *program, size_t row, const char *word)
{
    char *place = (char *)program + rows[row].place;
    int64_t number;

    if (rows[row].is_number) {
        number = read_number(rows[row].name, word) * rows[row].unit;
        memcpy(place, &number, sizeof number);
    } else {
        memcpy(place, &word, sizeof word);
    }
}

/* `--wait` and `--help` have no value. */
static void take_words(struct program *program, int argc, char **argv)
{
    size_t row;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            exit(0);
        }
        if (strcmp(argv[i], "--wait") == 0) {
            program->wait = true;
            continue;
        }
        for (row = 0; row < count_of(rows); row++)
            if (text_starts(argv[i], "--") && strcmp(argv[i] + 2, rows[row].name) == 0)
                break;
        if (row == count_of(rows) || i + 1 == argc)
            die_of(argv[i], "is no option, or has no value; --help lists them");
        take_fleet_option(program, row, argv[++i]);
    }
}

static void read_fleet_options(struct program *program, int argc, char **argv)
{
    struct fleet_settings *settings = &program->fleet.settings;
    enum log_level level;

    take_words(program, argc, argv);
    if (!log_level_parse(program->log_level, &level))
        die_of(program->log_level, "is none of debug, info, warn, error");
    log_setup(level, false);
    if (program->token_file)
        read_tokens(program);
    if (!settings->hub || !settings->token_count || !settings->count || !settings->at_once)
        die_of("--hub, --token-file", "are needed, and --count and --at-once from 1 on");
    program->manner.fail_percent = (unsigned)program->fail_percent;
    program->manner.exit_code = (int)program->exit_code;
}

/* ---- The folder of all spokes ---------------------------------------------------- */

/* In memory where that is possible: it is the hub that is measured. */
static void make_fleet_folder(struct program *program)
{
    const char *above = getenv("TMPDIR");

    program->kept = program->fleet.settings.directory != NULL;
    if (program->kept)
        return;
    if (!above)
        above = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(program->folder, sizeof program->folder, "%.480s/axle-fleet-XXXXXX", above);
    if (!mkdtemp(program->folder))
        die_of(program->folder, "cannot be made");
    program->fleet.settings.directory = program->folder;
}

static int remove_fleet_entry(const char *path, const struct stat *about, int kind,
                              struct FTW *where)
{
    return remove(path);
}

static void remove_fleet_folder(struct program *program)
{
    if (!program->kept)
        nftw(program->folder, remove_fleet_entry, 64, FTW_DEPTH | FTW_PHYS);
}

/* ---- Commands -------------------------------------------------------------------- */

static void on_stop(void *arg)
{
    ((struct program *)arg)->stopped = true;
}

static void obey_join(struct program *program)
{
    program->fleet.is_joining = true;
}

static void obey_drop(struct program *program)
{
    scoped_text struct text line = {0};

    fleet_tell(&line, "dropped");
    fleet_tell_number(&line, "connections", (int64_t)fleet_drop(&program->fleet));
    fleet_tell_end(&line);
}

static void obey_status(struct program *program)
{
    fleet_tell_status(&program->fleet);
}

static void obey_stop(struct program *program)
{
    program->stopped = true;
}

static const struct {
    const char *word;
    void (*obey)(struct program *program);
} commands[] = {
    {"join", obey_join}, {"drop", obey_drop}, {"status", obey_status}, {"stop", obey_stop}};

static void obey_fleet_line(struct program *program, const char *word)
{
    scoped_text struct text line = {0};

    for (size_t i = 0; i < count_of(commands); i++) {
        if (strcmp(commands[i].word, word) == 0) {
            commands[i].obey(program);
            return;
        }
    }
    fleet_tell(&line, "unknown");
    fleet_tell_word(&line, "command", word);
    fleet_tell_end(&line);
}

static void on_input(int fd, unsigned what, void *arg)
{
    struct program *program = arg;
    char bytes[256];
    ssize_t got = read(fd, bytes, sizeof bytes);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        program->stopped = true;
        return;
    }
    for (ssize_t i = 0; i < got; i++) {
        if (bytes[i] != '\n') {
            text_add_char(&program->line, bytes[i]);
            continue;
        }
        obey_fleet_line(program, text_string(&program->line));
        program->line.len = 0;
    }
}

/* ---- The loop -------------------------------------------------------------------- */

/*
 * A real loop that says it is a simulated one. So agents unpack artifacts in this process,
 * open no sockets for `axle status`, and listen on no port of a Service; time and network
 * are the kernel's, and TLS is mbedTLS's all the same.
 */
static void pretend_simulated(struct loop *loop)
{
    static struct loop_driver pretended;

    pretended = *loop->driver;
    loop->driver = &pretended;
    tls_simulate(&tls_real);
}

/* Signals and input are of a real loop only. */
static void open_fleet_loop(struct program *program)
{
    static const int numbers[2] = {SIGTERM, SIGINT};
    struct err err = {0};

    program->fleet.loop = loop_new(&err);
    for (int i = 0; i < 2 && program->fleet.loop; i++)
        program->signals[i] =
            loop_signal_new(program->fleet.loop, numbers[i], on_stop, program, &err);
    if (!program->fleet.loop || !program->signals[1])
        die_of("", err.text);
    /* /dev/null and files cannot be waited for, and say nothing. */
    program->input =
        loop_watch_new(program->fleet.loop, STDIN_FILENO, LOOP_READ, on_input, program, &err);
    pretend_simulated(program->fleet.loop);
}

static void close_program(struct program *program)
{
    fleet_follow(NULL);
    fleet_close(&program->fleet);
    loop_watch_free(&program->input);
    for (int i = 0; i < 2; i++)
        loop_signal_free(&program->signals[i]);
    loop_free(&program->fleet.loop);
    text_free(&program->line);
    free_tokens(&program->fleet.settings);
    remove_fleet_folder(program);
}

static void run_fleet(struct program *program)
{
    scoped_text struct text line = {0};

    fleet_tell(&line, "prepared");
    fleet_tell_number(&line, "count", (int64_t)program->fleet.settings.count);
    fleet_tell_end(&line);
    program->fleet.is_joining = !program->wait;
    while (!program->stopped)
        loop_turn(program->fleet.loop, fleet_step(&program->fleet));
}

int main(int argc, char **argv)
{
    struct program program = {.fleet.settings = {.prefix = "spoke-",
                                                 .address = "127.0.0.1",
                                                 .first = 1,
                                                 .count = 10,
                                                 .at_once = 16},
                              .exit_code = 1,
                              .log_level = "error"};
    struct err err = {0};

    /* SQLite sets memory aside for each store before it is used: 120 kB a spoke. */
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
    read_fleet_options(&program, argc, argv);
    file_raise_limit((size_t)1 << 20);
    make_fleet_folder(&program);
    open_fleet_loop(&program);
    runtime_simulated_manner(&program.manner);
    fleet_follow(&program.fleet);
    if (fleet_prepare(&program.fleet, &err) == 0)
        run_fleet(&program);
    else
        fprintf(stderr, "axle-fleet: %s\n", err.text);
    close_program(&program);
    return err.code || program.fleet.failed ? 1 : 0;
}
