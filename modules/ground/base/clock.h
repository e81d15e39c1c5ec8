/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

/*
 * Where time and chance come from. No other module asks the kernel for either, so a
 * simulation can put its own clock and dice here.
 *
 * Wall time is nanoseconds since 1970 UTC and may jump; steady time only goes
 * forward and means nothing outside this boot.
 */
struct clock_platform {
    int64_t (*wall)(void);
    int64_t (*steady)(void);
    void (*random)(void *bytes, size_t len); /* fit for keys */
};

/* NULL puts the real world back. Only a simulation calls this. */
void clock_set_platform(const struct clock_platform *platform);

int64_t clock_wall(void);
int64_t clock_steady(void);
void random_bytes(void *bytes, size_t len);
uint64_t random_number(void);
/* Evenly from 0 to below - 1. */
uint64_t random_below(uint64_t below);
/* A random UUID: RFC 9562, version 4. */
#define RANDOM_UUID 37
void random_uuid(char ret[RANDOM_UUID]);

#define CLOCK_MS ((int64_t)1000000)
#define CLOCK_SECOND ((int64_t)1000000000)

/*
 * The longest that this program calculates with: 146 years. Two times within it
 * of 1970, or a time and a duration, have a sum and a difference that fit.
 */
#define CLOCK_FAR (INT64_MAX / 2)
/* So many seconds, as a document says: at most CLOCK_FAR either way. */
int64_t clock_seconds(int64_t seconds);

/* RFC 3339 in UTC: "2026-01-02T03:04:05Z", with 6 digits of fraction if micro. */
#define CLOCK_TEXT 40
void clock_format(int64_t wall, bool micro, char out[CLOCK_TEXT]);
/*
 * False if the text is no RFC 3339 time; any offset and fraction are read. For
 * times that are calculated with: what is further than CLOCK_FAR from 1970 is
 * that far.
 */
bool clock_parse(const char *text, int64_t *ret_wall);
/* The very time, to show or to compare: from 1678 to 2261. */
bool clock_parse_exact(const char *text, int64_t *ret_wall);

#endif
