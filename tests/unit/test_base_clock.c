/* SPDX-License-Identifier: Apache-2.0 */
/* Times and durations that strangers write can be added and subtracted. */
#include "base/clock.h"

#include "unit/check.h"

static const struct {
    const char *text;
    int64_t wall, exact;
} times[] = {
    {"1970-01-01T00:00:01Z", CLOCK_SECOND, CLOCK_SECOND},
    {"2026-01-02T03:04:05.5+01:00", 1767319445 * CLOCK_SECOND + CLOCK_SECOND / 2,
     1767319445 * CLOCK_SECOND + CLOCK_SECOND / 2},
    {"2261-12-31T23:59:59Z", CLOCK_FAR, 9214646399 * CLOCK_SECOND},
    {"1678-01-01T00:00:00Z", -CLOCK_FAR, -9214560000 * CLOCK_SECOND},
};
static const char *const no_times[] = {"",
                                       "x",
                                       "2026-01-02",
                                       "9999-01-01T00:00:00Z",
                                       "0001-01-01T00:00:00Z",
                                       "2026-02-30T00:00:00Z",
                                       "2026-01-02T03:04:05"};
static const struct {
    int64_t seconds, nanoseconds;
} durations[] = {
    {0, 0},
    {1, CLOCK_SECOND},
    {-60, -60 * CLOCK_SECOND},
    {INT32_MAX, INT32_MAX *CLOCK_SECOND},
    {(int64_t)5 * INT32_MAX, CLOCK_FAR},
    {9007199254740991, CLOCK_FAR},
    {-9007199254740991, -CLOCK_FAR},
    {INT64_MAX, CLOCK_FAR},
    {INT64_MIN, -CLOCK_FAR},
};

static unsigned char first_byte, step;

static void count_bytes(void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((unsigned char *)bytes)[i] = (unsigned char)(first_byte + i * step);
}

static void check_uuid(void)
{
    static const struct clock_platform counting = {.random = count_bytes};
    static const struct {
        unsigned char first, step;
        const char *uuid;
    } cases[] = {
        {0, 1, "00010203-0405-4607-8809-0a0b0c0d0e0f"},
        {0xff, 0, "ffffffff-ffff-4fff-bfff-ffffffffffff"},
        {0, 0, "00000000-0000-4000-8000-000000000000"},
    };
    char uuid[RANDOM_UUID];

    clock_set_platform(&counting);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        first_byte = cases[i].first;
        step = cases[i].step;
        random_uuid(uuid);
        CHECK_TEXT(uuid, cases[i].uuid, "a UUID of version 4 keeps all other bits as they came");
    }
    clock_set_platform(NULL);
}

int main(void)
{
    int64_t wall = 0, exact = 0, sum;

    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        CHECK(clock_parse(times[i].text, &wall) && clock_parse_exact(times[i].text, &exact),
              "%s is a time", times[i].text);
        CHECK_INT(wall, times[i].wall, "%s, to calculate with", times[i].text);
        CHECK_INT(exact, times[i].exact, "%s, exactly", times[i].text);
    }
    for (size_t i = 0; i < sizeof no_times / sizeof *no_times; i++)
        CHECK(!clock_parse(no_times[i], &wall), "\"%s\" is none", no_times[i]);
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++)
        CHECK_INT(clock_seconds(durations[i].seconds), durations[i].nanoseconds, "%lld seconds",
                  (long long)durations[i].seconds);
    CHECK(!__builtin_add_overflow(CLOCK_FAR, CLOCK_FAR, &sum) &&
              !__builtin_sub_overflow(-CLOCK_FAR, CLOCK_FAR, &sum),
          "the furthest have a sum and a difference");
    check_uuid();
    return check_done();
}
