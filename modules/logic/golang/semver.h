/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GOLANG_SEMVER_H
#define GOLANG_SEMVER_H

#include "golang/value.h"

/* A semantic version; what its strings point to is borrowed. */
struct semver {
    uint64_t parts[3];
    struct str before; /* pre-release without its dash */
    struct str meta, original;
};

/* Reads "v1.2.3-rc.1+build"; minor and patch may be missing. NULL, or why not. */
const char *semver_read(struct str s, struct semver *ret);
/* The digits at *at; false if there are none or the number is too large. */
bool semver_read_whole(struct str s, size_t *at, uint64_t *ret);
/* The pre-release and the build at *at, each of which may be missing. */
bool semver_read_tails(struct str s, size_t *at, struct semver *ret);
/* By SemVer's precedence: -1, 0 or 1. Builds do not count. */
int semver_compare(const struct semver *a, const struct semver *b);
void semver_print(struct text *out, const struct semver *version);

/* A value that holds a copy of the version in the arena. */
struct value value_semver(struct arena *arena, struct semver version);

#endif
