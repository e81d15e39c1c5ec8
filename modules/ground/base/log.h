/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/err.h"

/*
 * One line per event on standard error: time, level, module, message. As text
 * (`2026-01-02T03:04:05.123456Z info spoke: joined hub`) or as JSON. Under
 * systemd (stderr is the journal) lines carry a priority and no time.
 *
 * Only the function that handles a failure logs it.
 */
enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_setup(enum log_level least, bool json);
/* False if the word is none of debug, info, warn, error. */
bool log_level_parse(const char *word, enum log_level *ret);

void log_write(enum log_level level, const char *who, const char *format, ...) PRINTF(3, 4);
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)

#endif
