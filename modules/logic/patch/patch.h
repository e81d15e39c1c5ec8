/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PATCH_H
#define PATCH_H

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>

struct node;
struct schema;

/*
 * The four ways to change an object, and who owns which of its fields.
 *
 * All functions make a new tree in the arena and leave their arguments alone;
 * the result may share parts with them. List types and merge keys come from the
 * schema. The rules are RFC 7386, RFC 6902, kubectl's strategic merge, and
 * structured-merge-diff for server-side apply, checked against kube-apiserver
 * 1.32's own answers. What a kind means is not known here: names, versions,
 * generations and validation are the caller's.
 *
 * Time and memory are bounded: a patch that copies itself bigger and bigger is
 * refused when the result would exceed 16 MiB.
 */

/* RFC 7386, but what is new has no null in a map inside of a list either: so the
   library of kube-apiserver does it. */
struct node *patch_merge(struct arena *arena, const struct node *live, const struct node *patch);
/*
 * RFC 6902, with the leniencies of the library that kube-apiserver uses.
 * ERR_BAD_REQUEST when it is no JSON patch, ERR_INVALID when it cannot be
 * applied: the text is then PATCH_REJECTED, which is all that kube-apiserver
 * says, and `ret_why` (unless NULL) gets which operation failed and why, for
 * the log. ERR_TOO_LARGE beyond 10,000 operations or 16 MiB.
 */
#define PATCH_REJECTED "the server rejected our request due to an error in our request"
struct node *patch_json(struct arena *arena, const struct node *live, const struct node *patch,
                        struct err *ret_why, struct err *err) MUST_CHECK;
/* Strategic merge: $patch, $retainKeys, $setElementOrder,
   $deleteFromPrimitiveList. ERR_BAD_REQUEST or ERR_INVALID. */
struct node *patch_strategic(struct arena *arena, const struct schema *schema,
                             const struct node *live, const struct node *patch,
                             struct err *err) MUST_CHECK;

/* ---- Field management -------------------------------------------------- */

/* Who writes. */
struct patch_writer {
    const struct schema *schema;
    const char *manager;     /* field manager */
    const char *api_version; /* of the request: "apps/v1" */
    const char *subresource; /* "" or NULL, "status", "scale" */
    const char *time;        /* RFC 3339, for new entries; NULL: leave out */
    bool force;              /* apply: take fields from others */
    /* Fields that this endpoint never lets anybody own, as paths without
       indexes ("status"; "spec" for the status subresource); NULL: none. */
    const char *const *reset;
};

/*
 * Server-side apply of `config` onto `live` (NULL: there is none). The result
 * carries metadata.managedFields. On conflict NULL, ERR_CONFLICT, the whole
 * sentence, and the causes {reason, message, field} in the list `causes`.
 *
 * Other errors: ERR_BAD_REQUEST (managedFields in `config`, another version),
 * ERR_INTERNAL for a field or type that the schema does not know, as
 * kube-apiserver's "failed to create typed patch object (…)".
 */
struct node *patch_apply(struct arena *arena, const struct patch_writer *writer,
                         const struct node *live, const struct node *config, struct node *causes,
                         struct err *err) MUST_CHECK;
/*
 * After a create (live NULL), update or any other patch: `next` with its
 * managedFields brought up to date for what `writer` changed since `live`.
 * Fields that `next` says about managedFields itself are taken over, as there:
 * an empty list keeps the live ones, a list with one empty entry drops them.
 */
struct node *patch_track(struct arena *arena, const struct patch_writer *writer,
                         const struct node *live, const struct node *next);
/*
 * What `manager` owns in `object` by Apply (operation "Apply") or otherwise
 * ("Update"): the object cut down to it; NULL if nothing.
 */
struct node *patch_extract(struct arena *arena, const struct schema *schema,
                           const struct node *object, const char *manager, const char *operation,
                           const char *subresource);

#endif
