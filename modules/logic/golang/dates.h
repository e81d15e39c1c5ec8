/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GOLANG_DATES_H
#define GOLANG_DATES_H

#include "golang/value.h"

/* A moment, and the offset from UTC in which it is shown. */
struct instant {
    int64_t second; /* since 1970 */
    int32_t nanosecond;
    int32_t offset; /* seconds east of UTC */
    char zone[16];  /* "UTC", "EST"; "" shows the offset instead */
};

/* The same moment on a calendar and a clock. */
struct calendar {
    int64_t year;
    int month, day; /* from 1 */
    int hour, minute, second;
    int weekday, day_of_year; /* from Sunday 0; from 1 */
};

void calendar_of(const struct instant *instant, struct calendar *ret);
/* Seconds since 1970 of a date in UTC; months and days may overflow. */
int64_t calendar_seconds(int64_t year, int64_t month, int64_t day);

/* A value that holds a copy of the moment in the arena. */
struct value value_time(struct arena *arena, struct instant instant);

/* As time.Time prints itself, and as JSON shows it. */
void print_time(struct text *out, const struct instant *time);
void print_time_rfc3339(struct text *out, const struct instant *time);
void print_duration(struct text *out, int64_t nanoseconds);
extern const char *const calendar_months[];   /* from January */
extern const char *const calendar_weekdays[]; /* from Sunday */
const char *calendar_month_name(int64_t month);
const char *calendar_weekday_name(int64_t weekday);

/* Go's layouts ("2006-01-02"). */
void date_format(struct text *out, const struct instant *instant, struct str layout);
bool date_parse(struct str layout, struct str text, struct instant *ret);
/* "1h30m", "-1.5h", "2h45m30.5s". */
bool date_read_duration(struct str s, int64_t *ret);
/* Puts the moment into a zone of the IANA list that we know. */
bool zone_apply(struct instant *instant, struct str name);

#endif
