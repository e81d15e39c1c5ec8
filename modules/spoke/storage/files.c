/* SPDX-License-Identifier: Apache-2.0 */
/* Reads, writes and puts aside the small files of the directory, each kept twice. */
#include "storage/storage.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/kept.h"
#include "base/log.h"

#define FILE_MOST ((size_t)64 * 1024)

/* What may lie beside a file and goes where it goes: SQLite's, and kept.h's copy. */
static const char *const endings[] = {"", "-wal", "-shm", "-journal", "-note", ".copy"};

char *storage_file_read(const char *directory, const char *file, size_t *ret_len, struct err *err)
{
    scoped_mem char *path = mem_printf("%s/%s", directory, file);
    bool damaged = false;
    size_t len = 0;
    struct err why = {0};
    char *bytes = kept_read(path, FILE_MOST, &len, &damaged, &why);

    if (!bytes) {
        err_set(
            err, why.code, "%s%s", why.text,
            why.code == ERR_INVALID
                ? ": restore it from a backup, or join again with a new token "
                  "(axle token create --name NAME on the hub, --token-file here); what runs stays"
                : "");
        return NULL;
    }
    if (damaged && kept_write(path, bytes, len, 0600, true, &why) == 0)
        log_warn("spoke", "%s was damaged and was restored from its copy", path);
    if (ret_len)
        *ret_len = len;
    return bytes;
}

/* A file that is gone comes back from its copy, as a damaged one does. */
bool storage_file_exists(const char *directory, const char *file)
{
    scoped_mem char *path = mem_printf("%s/%s", directory, file);
    scoped_mem char *copy = mem_printf("%s.copy", path);

    return file_exists(path) || file_exists(copy);
}

int storage_file_write(const char *directory, const char *file, const void *bytes, size_t len,
                       struct err *err)
{
    scoped_mem char *path = mem_printf("%s/%s", directory, file);

    return kept_write(path, bytes, len, 0600, true, err);
}

void storage_file_date(char ret[])
{
    char text[CLOCK_TEXT];
    size_t len = 0;

    clock_format(clock_wall(), false, text);
    for (const char *at = text; *at; at++)
        if (*at != '-' && *at != ':')
            ret[len++] = *at;
    ret[len] = '\0';
}

/* The ending of the name comes before that of the part: axle.db.damaged-DATE-wal. */
int storage_file_put_aside(const char *directory, const char *file, char **ret, struct err *err)
{
    char date[CLOCK_TEXT];
    scoped_mem char *to = NULL;

    storage_file_date(date);
    to = mem_printf("%s.damaged-%s", file, date);
    for (size_t i = 0; i < count_of(endings); i++) {
        scoped_mem char *old = mem_printf("%s/%s%s", directory, file, endings[i]);
        scoped_mem char *aside = mem_printf("%s/%s%s", directory, to, endings[i]);

        if (file_exists(old) && file_move(old, aside, err) < 0)
            return -1;
    }
    if (ret)
        *ret = take(to);
    return 0;
}
