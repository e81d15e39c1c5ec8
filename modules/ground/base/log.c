/* SPDX-License-Identifier: Apache-2.0 */
/* Writes log lines, as text or JSON, to standard error. */
#include "base/log.h"

#include "base/clock.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *word;
    int priority; /* as syslog and the journal count */
} levels[] = {
    [LOG_DEBUG] = {"debug", 7},
    [LOG_INFO] = {"info", 6},
    [LOG_WARN] = {"warn", 4},
    [LOG_ERROR] = {"error", 3},
};

static enum log_level least_level = LOG_INFO;
static bool as_json, to_journal;

/* $JOURNAL_STREAM holds device:inode of the journal's socket. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    char mine[64];

    if (!stream || fstat(STDERR_FILENO, &st) < 0)
        return false;
    snprintf(mine, sizeof mine, "%lu:%lu", (unsigned long)st.st_dev, (unsigned long)st.st_ino);
    return strcmp(stream, mine) == 0;
}

void log_setup(enum log_level least, bool json)
{
    least_level = least;
    as_json = json;
    to_journal = stderr_is_journal();
}

bool log_level_parse(const char *word, enum log_level *ret)
{
    for (size_t i = 0; i < count_of(levels); i++) {
        if (strcmp(levels[i].word, word) == 0) {
            *ret = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static bool is_logged(enum log_level level)
{
    return level >= least_level;
}

/* Keeps one event on one line and JSON well formed. */
static void add_log_text(struct text *line, const char *string)
{
    for (; *string; string++) {
        unsigned char c = (unsigned char)*string;

        if (as_json && (c == '"' || c == '\\'))
            text_addf(line, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            text_addf(line, as_json ? "\\u%04x" : "\\x%02x", c);
        else
            text_add_char(line, (char)c);
    }
}

void log_write(enum log_level level, const char *who, const char *format, ...)
{
    scoped_text struct text words = {0};
    scoped_text struct text line = {0};
    char time[CLOCK_TEXT];
    va_list args;

    if (!is_logged(level))
        return;
    va_start(args, format);
    text_addv(&words, format, args);
    va_end(args);
    clock_format(clock_wall(), true, time);
    if (as_json)
        text_addf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"who\":\"%s\",\"message\":\"", time,
                  levels[level].word, who);
    else if (to_journal)
        text_addf(&line, "<%d>%s: ", levels[level].priority, who);
    else
        text_addf(&line, "%s %s %s: ", time, levels[level].word, who);
    add_log_text(&line, text_string(&words));
    text_add(&line, as_json ? "\"}\n" : "\n");
    /* One write, so that lines of several processes do not mix. */
    if (write(STDERR_FILENO, line.bytes, line.len) < 0)
        return;
}
