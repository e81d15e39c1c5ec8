/* SPDX-License-Identifier: Apache-2.0 */
/* Notes the newest revision beside the database, so that a loss is noticed. */

#include "store/internal.h"

#include "base/log.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One sector, always rewritten whole and in place: it needs no room on a full
   disk, and a crash leaves the old one or the new one. */
#define NOTE_SIZE 256
#define NOTE "-note"

static int64_t note_sum(const char *text)
{
    return store_sum(NOTE_SIZE, text, strlen(text));
}

static void note_format(const struct store_mark *mark, char ret[NOTE_SIZE])
{
    char text[160];

    snprintf(text, sizeof text, "axle-note 1 %s %" PRId64 " %" PRId64 " %" PRId64, mark->id,
             mark->epoch, mark->revision, mark->serial);
    memset(ret, ' ', NOTE_SIZE);
    ret[NOTE_SIZE - 1] = '\n';
    ret[snprintf(ret, NOTE_SIZE, "%s %016" PRIx64, text, (uint64_t)note_sum(text))] = ' ';
}

static bool note_parse(const char *bytes, struct store_mark *ret)
{
    struct store_mark mark = {0};
    char again[NOTE_SIZE], text[NOTE_SIZE + 1] = {0};

    memcpy(text, bytes, NOTE_SIZE);
    if (sscanf(text, "axle-note 1 %32[0-9a-f] %" SCNd64 " %" SCNd64 " %" SCNd64, mark.id,
               &mark.epoch, &mark.revision, &mark.serial) != 4)
        return false;
    note_format(&mark, again);
    if (memcmp(again, bytes, NOTE_SIZE) != 0)
        return false;
    *ret = mark;
    return true;
}

bool store_note_read(const struct store_db *db, struct store_mark *ret)
{
    scoped_side sqlite3_file *file = NULL;
    char bytes[NOTE_SIZE] = {0};
    int64_t size = store_side_size(db, NOTE);

    if (size < 0)
        return false;
    file = store_side_open(db, NOTE, SQLITE_OPEN_READONLY);
    if (file && size == NOTE_SIZE &&
        file->pMethods->xRead(file, bytes, NOTE_SIZE, 0) == SQLITE_OK && note_parse(bytes, ret))
        return true;
    log_warn("store",
             "%s" NOTE " is damaged, so a loss of acknowledged writes before "
             "this start cannot be noticed; it is written anew",
             db->path);
    return false;
}

/* ---- Comparing ------------------------------------------------------------ */

enum store_loss store_note_compare(const struct store_mark *mark, const struct store_mark *note)
{
    if (strcmp(mark->id, note->id) != 0)
        return STORE_LOSS_OTHER;
    if (mark->epoch < note->epoch || mark->revision < note->revision || mark->serial < note->serial)
        return STORE_LOSS_OLDER;
    return STORE_LOSS_NONE;
}

#define WAYS_OUT                                                                                   \
    "put the missing files back, restore a backup, or start once with "                            \
    "--accept-loss to go on %s, in a new epoch. Nothing was changed"

int store_note_refuse(const struct store_db *db, const struct store_mark *note, struct err *err)
{
    const struct store_mark *mark = &db->mark;

    if (store_note_compare(mark, note) == STORE_LOSS_OTHER)
        return err_set(err, ERR_INTERNAL,
                       "%s is not the database that was here: it is %s at revision "
                       "%" PRId64 ", and %s" NOTE " speaks of %s at revision %" PRId64
                       ": " WAYS_OUT,
                       db->path, mark->id, mark->revision, db->path, note->id, note->revision,
                       "with this one");
    return err_set(err, ERR_INTERNAL,
                   "%s has lost acknowledged writes: it ends at revision %" PRId64
                   " (epoch %" PRId64 ", %" PRId64 " other commits), and %s" NOTE
                   " knows of revision %" PRId64 " (epoch %" PRId64 ", %" PRId64
                   "). The write-ahead log %s-wal was lost or damaged, or an older "
                   "copy was put in place: " WAYS_OUT,
                   db->path, mark->revision, mark->epoch, mark->serial, db->path, note->revision,
                   note->epoch, note->serial, db->path, "without them");
}

int store_note_refuse_empty(const struct store_db *db, const struct store_mark *note,
                            struct err *err)
{
    char known[64] = "";

    if (note)
        snprintf(known, sizeof known, ", which had revision %" PRId64, note->revision);
    return err_set(err, ERR_INTERNAL,
                   "%s is missing or empty, but this folder belongs to a hub that had "
                   "one%s: " WAYS_OUT,
                   db->path, known, "with an empty one");
}

/* ---- Writing -------------------------------------------------------------- */

void store_note_open(struct store_db *db)
{
    db->note = store_side_open(db, NOTE, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    if (!db->note)
        log_warn("store",
                 "%s" NOTE " cannot be written: a loss of acknowledged "
                 "writes would not be noticed",
                 db->path);
    store_note_write(db);
}

void store_note_write(struct store_db *db)
{
    char bytes[NOTE_SIZE];
    bool failed;

    if (!db->note)
        return;
    db->mark.revision = db->durable_revision;
    note_format(&db->mark, bytes);
    failed = db->note->pMethods->xWrite(db->note, bytes, NOTE_SIZE, 0) != SQLITE_OK;
    if (failed && !db->note_failed)
        log_warn("store", "%s" NOTE " cannot be written any more", db->path);
    db->note_failed = failed;
}
