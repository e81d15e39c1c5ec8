/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORAGE_H
#define STORAGE_H

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct store;
struct store_key;
struct store_row;

/*
 * What a spoke has on its disk: a store whose rows are encrypted, and small files that
 * are kept twice.
 *
 * Nothing in the store is only there: works come from the hub, and what runs is known by
 * the pods' folders. So a store that is damaged, or older than it was, is put aside and a
 * new one begins. While the disk cannot be written (full, read-only, failing) the storage
 * is under pressure: nothing new can be kept, and a timer looks for the end of that.
 *
 * It does not know what the rows say. One thread; commits touch the disk.
 */
struct storage;

/* The kinds of rows that may hold secrets, and are encrypted. */
#define STORAGE_WORK "work"
#define STORAGE_CLUSTER "cluster"

struct storage_settings {
    struct loop *loop;
    const char *directory; /* DATA/spoke */
    const char *vfs;       /* SQLite's; NULL: the real disk */
    /* The disk can be written again: stages all that is known once more, since some of it
       could not be kept meanwhile. The storage commits. */
    void (*keep_again)(void *arg);
    /* The pressure has begun or ended; storage_pressure() says which. It may come from
       within storage_open(), before that has given the storage. */
    void (*pressure_changed)(void *arg);
    void *arg;
};

/* ERR_CONFLICT if another agent has the folder. */
int storage_open(const struct storage_settings *settings, struct storage **ret,
                 struct err *err) MUST_CHECK;
void storage_close(struct storage **storage);

/* The store itself, for rows that hold no secrets. Another one after the end of pressure, so
   the pointer is not kept. */
struct store *storage_store(const struct storage *storage);

/* Stages an encrypted row, and reads one. */
void storage_put(struct storage *storage, const struct store_key *key, const void *bytes,
                 size_t len);
int storage_read(const struct storage *storage, const struct store_row *row, struct text *ret,
                 struct err *err) MUST_CHECK;
/* Commits, and notes beside the store how new it is. */
void storage_commit(struct storage *storage, void (*done)(void *arg, const struct err *err),
                    void *arg);

/* What was wrong with the store at this start; NULL: nothing. */
const char *storage_damage(const struct storage *storage);
/* Why the disk cannot be written, in a sentence for a condition; NULL: it can. */
const char *storage_pressure(const struct storage *storage);
/* Asks the file system whether there is room, which costs one call. */
void storage_check_disk(struct storage *storage);

/* ---- Small files in the directory, each kept twice ------------------------------- */

/* Whether FILE or its copy is there. */
bool storage_file_exists(const char *directory, const char *file);
/* The caller frees. A damaged one is mended from its copy; where both are damaged the
   error says the way out. */
char *storage_file_read(const char *directory, const char *file, size_t *ret_len,
                        struct err *err) MUST_CHECK;
int storage_file_write(const char *directory, const char *file, const void *bytes, size_t len,
                       struct err *err) MUST_CHECK;
/* Renames FILE, and what lies beside it, to FILE.damaged-DATE; `ret` (may be NULL) is that
   name, the caller's to free. */
int storage_file_put_aside(const char *directory, const char *file, char **ret,
                           struct err *err) MUST_CHECK;
/* "20261129T120618Z", for the names of files that are put aside; room for CLOCK_TEXT. */
void storage_file_date(char ret[]);

#endif
