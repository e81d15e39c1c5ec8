/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NUMBER_H
#define NUMBER_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct node;

/*
 * Numbers of documents, within the range of what they will be used as.
 *
 * A document holds 64 bits; a user id, a port or a file mode has fewer. A plain
 * cast would turn 4294967296 into uid 0. Therefore a number is read here and
 * nowhere else: number_check() reports by name a number that is out of range, and
 * the readers return `none` for it, so that an unchecked value cannot become
 * another one. tests/numbers.sh fails the build where a document's number is
 * cast.
 *
 * Pure; no state, no thread.
 */
enum number {
    NUMBER_COUNT,       /* of replicas, tries, processes: 0 to 2147483647; the default */
    NUMBER_USER,        /* a user id: 0 to 4294967294; (uid_t)-1 means "none" to the kernel */
    NUMBER_GROUP,       /* a group id: the same */
    NUMBER_PORT,        /* a TCP or UDP port: 1 to 65535 */
    NUMBER_PORT_OR_ANY, /* or 0, which asks for any */
    NUMBER_MODE,        /* permission bits of a file: 0 to 0777 */
    NUMBER_SECONDS,     /* 0 to 100 years, so that nanoseconds fit in 64 bits */
    NUMBER_MILLIS,      /* milliseconds or thousandths of a core, as seconds */
    NUMBER_BYTES,       /* 0 to 8 PiB, so that a thousandfold fits in 64 bits */
    NUMBER_MICROS,      /* a time in microseconds, as state files keep it */
    NUMBER_SMALL,       /* of either sign, 32 bits: an index, a phase, an exit code */
    NUMBER_KINDS
};

/* "a user id is a number from 0 to 4294967294" */
const char *number_words(enum number kind);
bool number_fits(enum number kind, int64_t value);
/*
 * ERR_INVALID, "KEY is 4294967296, but a user id is ...", if the member is
 * there and is no such number. Absent and null are fine.
 */
int number_check(const struct node *map, const char *key, enum number kind,
                 struct err *err) MUST_CHECK;

/* The member, or `none` if it is absent, null, no integer or out of range. */
int64_t number_get(const struct node *map, const char *key, enum number kind, int64_t none);
/* The same for what fits an int; asserts that the kind does. */
int number_as_int(const struct node *map, const char *key, enum number kind, int none);
/* A user or group id; NUMBER_NO_ID if there is none. */
#define NUMBER_NO_ID UINT32_MAX
uint32_t number_id(const struct node *map, const char *key);
/* The same for a node itself, such as an item of a list. */
int64_t number_value(const struct node *node, enum number kind, int64_t none);
/* The number as it was written, for messages; 0 if it is not an integer. */
int64_t number_raw(const struct node *node);

#endif
