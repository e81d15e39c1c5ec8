/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypts the bodies of Secrets on their way to the store, and decrypts them. */

#include "objects/keeper.h"

#include "store/store.h"

#include <string.h>

/* No JSON begins with this byte. The ciphertext is bound to the object's name and
   to the key only, not to a revision: the log may hold several of one object. */
#define SEALED '\x01'

const char *encrypt_body(const struct keeper *keeper, const struct object *object,
                         struct text *sealed, size_t *ret_len)
{
    scoped_mem char *about = NULL;

    *ret_len = object->len;
    if (!object->kind->sealed || !keeper->has_key)
        return object->body;
    about = mem_printf("%s %s/%s", object->kind->store_kind, object->namespace, object->name);
    text_add_char(sealed, SEALED);
    pki_seal(keeper->key, about, object->body, object->len, sealed);
    *ret_len = sealed->len;
    return sealed->bytes;
}

const char *decrypt_row(const struct keeper *keeper, const struct store_row *row, struct text *open,
                        size_t *ret_len, struct err *err)
{
    const char *bytes = row->body;
    scoped_mem char *about = NULL;

    *ret_len = row->len;
    if (!row->len || *bytes != SEALED)
        return bytes;
    about = mem_printf("%s %s/%s", row->key.kind, row->key.namespace, row->key.name);
    if (!keeper->has_key) {
        err_set(err, ERR_FORBIDDEN,
                "%s is sealed, and the sealing key is missing: bring it back "
                "from where the data directory was kept",
                about);
        return NULL;
    }
    if (pki_unseal(keeper->key, about, bytes + 1, row->len - 1, open, err) < 0) {
        err_wrap(err, "%s cannot be unsealed with this key", about);
        return NULL;
    }
    *ret_len = open->len;
    return text_string(open);
}
