/* SPDX-License-Identifier: Apache-2.0 */
#ifndef QUERY_INTERNAL_H
#define QUERY_INTERNAL_H

#include "document/document.h"
#include "query/query.h"

enum requirement_kind {
    REQUIRE_IN,     /* and =, == */
    REQUIRE_NOT_IN, /* and != */
    REQUIRE_EXISTS,
    REQUIRE_MISSING,
    REQUIRE_GREATER,
    REQUIRE_LESS,
};

struct requirement {
    const char *key;
    enum requirement_kind kind;
    const char **values; /* sorted, unique */
    size_t count;
    long long bound; /* of greater and less */
};

struct selector {
    bool fields; /* keys are paths in the object */
    bool nothing;
    struct requirement *requirements;
    size_t count, room;
};

#define SELECTOR_MAX 65536

struct requirement *selector_add(struct arena *arena, struct selector *selector);
/* Sorts the values and removes duplicates. */
void requirement_settle(struct requirement *requirement);
/* Validates key and values; the error has kube-apiserver's words. */
int requirement_check(struct requirement *requirement, bool empty_is_fine, struct err *err);

#endif
