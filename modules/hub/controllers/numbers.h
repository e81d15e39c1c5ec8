/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_NUMBERS_H
#define CONTROLLERS_NUMBERS_H

#include "controllers/pass.h"

/*
 * Private to controllers: which revision numbers have been given away.
 *
 * A number is given once and never again, also when what it was given to is
 * deleted and made anew under the same name, its whole project with it. So the last
 * one is kept beside the objects, in a named value of the store, in the commit that
 * makes the revision. With it is kept the hash of its content: the same content
 * made again gets the same number.
 *
 * Names that are gone cost a value each, up to a limit; then the largest of their
 * numbers stands for all of them, and new names begin above it.
 */
struct number {
    int64_t last;     /* 0: none was given */
    const char *hash; /* of its content; "" where that is not known any more */
};
struct number numbers_read(struct reconcile_run *run, enum kind_id kind, const char *name);
/* True if so many are new that they should be folded: controller_sweep does that. */
bool numbers_write(struct reconcile_run *run, enum kind_id kind, const char *name, int64_t last,
                   const char *hash);
/* Puts those together that are too many; the hub does it hourly and when many came. */
void numbers_fold(struct reconcile_run *run);

#endif
