/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORAGE_INTERNAL_H
#define STORAGE_INTERNAL_H

#include "pki/pki.h"
#include "storage/storage.h"

#include <stdint.h>

#define STORAGE_TAG 0x73746f72u
struct storage {
    uint32_t tag;
    struct storage_settings settings; /* its texts are owned */
    struct store *store;              /* owned */
    char *damage;                     /* owned */
    struct pressure *pressure;        /* owned; NULL: the disk can be written */
    bool copied;                      /* the store is a copy in memory, and keeps nothing */
    int lock;                         /* of the folder; -1: none */
    unsigned char key[PKI_SEAL_KEY];
};

/* recovery.c: the store, which may be lost or damaged. `ret_unwritable`: it is open, as a
   copy in memory, because the disk cannot be written for this reason. */
int recovery_open(struct storage *storage, struct err *ret_unwritable, struct err *err) MUST_CHECK;
/* The same again with a disk that can be written now; the copy stays if that fails. */
int recovery_reopen(struct storage *storage, struct err *err) MUST_CHECK;
/* Notes how new the store is. */
void recovery_note(const struct storage *storage);

/* rows.c: whether this row is one that storage_put() has written. */
bool rows_is_encrypted(const struct store_row *row);

/* pressure.c: a disk that is full, read-only or failing. */
/* Notices from now on when the store cannot write. */
void pressure_follow(struct storage *storage);
/* A write failed with this; what does not speak of the disk is passed over. */
void pressure_begin(struct storage *storage, const struct err *why);
void pressure_close(struct storage *storage);

#endif
