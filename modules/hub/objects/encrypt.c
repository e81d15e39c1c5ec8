/* SPDX-License-Identifier: Apache-2.0 */
/* Seals the bodies of Secrets on their way to the store, and opens them. */

#include "objects/inside.h"

#include "store/store.h"

#include <string.h>

/* No JSON begins so. What is sealed is bound to its place and its key only, not
   to a revision: a log may hold several. */
#define SEALED '\x01'

const char *seal_body(const struct objects *objects, const struct object *object,
                      struct text *sealed, size_t *ret_len)
{
    scoped_mem char *about = NULL;

    *ret_len = object->len;
    if (!object->kind->sealed || !objects->has_key)
        return object->body;
    about = mem_printf("%s %s/%s", object->kind->store_kind, object->space,
                       object->name);
    text_add_char(sealed, SEALED);
    pki_seal(objects->key, about, object->body, object->len, sealed);
    *ret_len = sealed->len;
    return sealed->bytes;
}

const char *unseal_row(const struct objects *objects,
                       const struct store_row *row, struct text *open,
                       size_t *ret_len, struct err *err)
{
    const char *bytes = row->body;
    scoped_mem char *about = NULL;

    *ret_len = row->len;
    if (!row->len || *bytes != SEALED)
        return bytes;
    about = mem_printf("%s %s/%s", row->key.kind, row->key.space,
                       row->key.name);
    if (!objects->has_key) {
        err_set(err, ERR_FORBIDDEN,
                "%s is sealed, and the sealing key is missing: bring it back "
                "from where the data directory was kept",
                about);
        return NULL;
    }
    if (pki_unseal(objects->key, about, bytes + 1, row->len - 1, open, err) <
        0) {
        err_wrap(err, "%s cannot be unsealed with this key", about);
        return NULL;
    }
    *ret_len = open->len;
    return text_string(open);
}
