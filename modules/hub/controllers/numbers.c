/* SPDX-License-Identifier: Apache-2.0 */
/* Remembers which revision numbers have been given away, so that none comes again. */
#include "controllers/numbers.h"

#include "base/text.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

/* "revision NAMESPACE/KIND/NAME" is "NUMBER HASH"; "revision-floor NAMESPACE" is the
   largest number of names of that namespace that stand here no more, or with an
   empty namespace that of all such namespaces. */
#define NOTE "revision "
#define FLOOR "revision-floor "

/* Names without an object that a namespace may have, and namespaces that are gone. */
#define MOST_GONE 1000
#define MOST_GONE_ELSEWHERE 10000
#define NEW_BEFORE_FOLDING 500

static char *note_name(struct arena *arena, enum kind_id kind, const char *namespace,
                       const char *name)
{
    return arena_printf(arena, NOTE "%s/%s/%s", namespace, kind_id_rows[kind].kind, name);
}

static int64_t read_floor(struct reconcile_run *run, const char *namespace)
{
    char *name = arena_printf(run->arena, FLOOR "%s", namespace);
    scoped_mem char *text = store_value_get(objects_store(run->objects), name, NULL);

    return text ? strtoll(text, NULL, 10) : 0;
}

static void raise_floor(struct reconcile_run *run, const char *namespace, int64_t number)
{
    char *name = arena_printf(run->arena, FLOOR "%s", namespace);
    char *text = arena_printf(run->arena, "%lld", (long long)number);

    if (number > read_floor(run, namespace))
        store_value_put(objects_store(run->objects), name, text, strlen(text));
}

struct number numbers_read(struct reconcile_run *run, enum kind_id kind, const char *name)
{
    scoped_mem char *text = store_value_get(
        objects_store(run->objects), note_name(run->arena, kind, run->namespace, name), NULL);
    int64_t floor = read_floor(run, run->namespace), all = read_floor(run, "");
    char *hash;

    if (text)
        return (struct number){.last = strtoll(text, &hash, 10),
                               .hash = arena_string(run->arena, *hash == ' ' ? hash + 1 : "")};
    return (struct number){.last = floor > all ? floor : all, .hash = ""};
}

bool numbers_write(struct reconcile_run *run, enum kind_id kind, const char *name, int64_t last,
                   const char *hash)
{
    char *text = arena_printf(run->arena, "%lld %s", (long long)last, hash);

    store_value_put(objects_store(run->objects), note_name(run->arena, kind, run->namespace, name),
                    text, strlen(text));
    return ++run->all->numbered % NEW_BEFORE_FOLDING == 0;
}

/* ---- Folding ------------------------------------------------------------------------ */

struct note {
    const char *whole, *namespace;
    int64_t number;
    bool kept; /* its object is there */
    struct note *next;
};

struct notes {
    struct reconcile_run *run;
    struct note *first, **last;
};

static bool has_numbered_object(struct reconcile_run *run, const char *namespace, const char *kind,
                                const char *name)
{
    static const enum kind_id kinds[] = {KIND_ID_PROFILE, KIND_ID_BUNDLE, KIND_ID_COMPONENT,
                                         KIND_ID_TRAIT};

    for (size_t i = 0; i < count_of(kinds); i++) {
        scoped_object struct object *found = NULL;

        if (strcmp(kind_id_rows[kinds[i]].kind, kind))
            continue;
        found = objects_get(run->objects, OBJECTS_STAGED, run->all->kinds[kinds[i]], namespace,
                            name, NULL);
        return found != NULL;
    }
    return false;
}

static void add_note(void *arg, const char *whole, const void *bytes, size_t len)
{
    struct notes *notes = arg;
    struct arena *arena = notes->run->arena;
    struct note *note = arena_alloc(arena, sizeof *note);
    char *namespace = arena_string(arena, whole + strlen(NOTE)), *kind = strchr(namespace, '/');
    char *name = kind ? strchr(kind + 1, '/') : NULL;

    if (!name)
        return;
    *kind++ = *name++ = '\0';
    *note = (struct note){.whole = arena_string(arena, whole),
                          .namespace = namespace,
                          .number = strtoll(arena_bytes(arena, bytes, len), NULL, 10),
                          .kept = has_numbered_object(notes->run, namespace, kind, name)};
    *notes->last = note;
    notes->last = &note->next;
}

static void add_floor(void *arg, const char *whole, const void *bytes, size_t len)
{
    struct notes *notes = arg;
    struct arena *arena = notes->run->arena;
    struct note *note = arena_alloc(arena, sizeof *note);

    *note = (struct note){.whole = arena_string(arena, whole),
                          .namespace = arena_string(arena, whole + strlen(FLOOR)),
                          .number = strtoll(arena_bytes(arena, bytes, len), NULL, 10)};
    if (!*note->namespace)
        return;
    *notes->last = note;
    notes->last = &note->next;
}

/* Those from `note` up to `end` that have no object any more. */
static void fold_into(struct reconcile_run *run, const struct note *note, const struct note *end,
                      const char *namespace)
{
    for (; note != end; note = note->next) {
        if (note->kept)
            continue;
        raise_floor(run, namespace, note->number);
        store_value_delete(objects_store(run->objects), note->whole);
    }
}

static bool has_namespace(struct reconcile_run *run, const char *namespace)
{
    scoped_object struct object *found = objects_get(
        run->objects, OBJECTS_STAGED, run->all->kinds[KIND_ID_NAMESPACE], "", namespace, NULL);

    return found != NULL;
}

/* Names come in order, so a namespace's stand together. */
static void fold_names(struct reconcile_run *run, struct note *first)
{
    for (struct note *note = first, *end; note; note = end) {
        size_t gone = 0;

        for (end = note; end && !strcmp(end->namespace, note->namespace); end = end->next)
            gone += !end->kept;
        if (gone > MOST_GONE)
            fold_into(run, note, end, note->namespace);
    }
}

void numbers_fold(struct reconcile_run *run)
{
    struct notes names = {.run = run, .last = &names.first};
    struct notes all = {.run = run, .last = &all.first};
    size_t gone = 0;

    store_value_each(objects_store(run->objects), NOTE, add_note, &names);
    fold_names(run, names.first);
    store_value_each(objects_store(run->objects), NOTE, add_note, &all);
    store_value_each(objects_store(run->objects), FLOOR, add_floor, &all);
    for (struct note *note = all.first; note; note = note->next) {
        note->kept = note->kept || has_namespace(run, note->namespace);
        gone += !note->kept;
    }
    if (gone > MOST_GONE_ELSEWHERE)
        fold_into(run, all.first, NULL, "");
}
