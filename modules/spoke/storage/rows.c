/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypts the rows of the store that may hold secrets, and reads them back. */
#include "storage/internal.h"

#include "store/store.h"

#include <string.h>

bool rows_is_encrypted(const struct store_row *row)
{
    return !strcmp(row->key.kind, STORAGE_CLUSTER) || !strcmp(row->key.kind, STORAGE_WORK);
}

/* Bound into the ciphertext, so that a row cannot be read under another row's key. */
static char *row_place(const struct store_key *key)
{
    return mem_printf("%s/%s", key->kind, key->name);
}

void storage_put(struct storage *storage, const struct store_key *key, const void *bytes,
                 size_t len)
{
    scoped_text struct text sealed = {0};
    scoped_mem char *place = row_place(key);

    pki_seal(storage->key, place, bytes, len, &sealed);
    store_put(storage->store, key, sealed.bytes, sealed.len);
}

int storage_read(const struct storage *storage, const struct store_row *row, struct text *ret,
                 struct err *err)
{
    scoped_mem char *place = row_place(&row->key);

    if (pki_unseal(storage->key, place, row->body, row->len, ret, err) < 0)
        return err_wrap(err, "%s in the spoke's store", place);
    return 0;
}
