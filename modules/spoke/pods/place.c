/* SPDX-License-Identifier: Apache-2.0 */
/* Gives each namespace of each project a name and a number on this machine. */

#include "pods/compile.h"

#include "base/file.h"
#include "base/kept.h"
#include "base/log.h"
#include "number/number.h"
#include "pki/pki.h"

#include <stdio.h>
#include <string.h>

/*
 * Folders of pods and claims are named for their namespace, and processes of a
 * namespace share a user. Two projects may use a namespace of the same name: the
 * first to come has the plain name, the others "NAMESPACE..PROJECT", which no
 * Kubernetes name can be. Who has which never changes, since claims outlive works,
 * so it is on disk before it is used: workloads/places.json.
 */

#define PLACES_LIMIT ((size_t)4 * 1024 * 1024)
#define PLACE_NAME_MOST 110

struct places {
    char *path;          /* owned; NULL: kept in memory only */
    struct arena *arena; /* owned */
    struct node *list;   /* {PLACE: {project, number}} */
    struct map *known;   /* owned; "PROJECT|NAMESPACE" -> place, in the arena */
    bool unkept;         /* the disk does not have all of it */
};

/* ---- On disk ------------------------------------------------------------------- */

static void keep_places(struct places *places)
{
    scoped_text struct text out = {0};
    struct err err = {0};

    if (!places->path)
        return;
    document_write_json(&out, places->list);
    places->unkept = kept_write(places->path, out.bytes, out.len, 0600, true, &err) < 0;
    if (places->unkept)
        log_error("cluster", "the owners of this spoke's namespaces cannot be stored: %s",
                  err.text);
}

void places_keep_again(struct places *places)
{
    if (places->unkept)
        keep_places(places);
}

/* "lab..acme" -> "acme|lab" */
static void remember_place(struct places *places, const char *place)
{
    const char *dots = strstr(place, ".."), *project;
    size_t len = dots ? (size_t)(dots - place) : strlen(place);

    project = node_get_text(node_get(places->list, place), "project");
    map_put(places->known, arena_printf(places->arena, "%s|%.*s", project, (int)len, place),
            arena_string(places->arena, place));
}

static void load_places(struct places *places)
{
    size_t len = 0;
    bool damaged = false;
    struct err err = {0};
    scoped_mem char *bytes = kept_read(places->path, PLACES_LIMIT, &len, &damaged, &err);
    struct node *read =
        bytes ? document_read_json(places->arena, bytes, len, &document_limits_own, &err) : NULL;

    if (damaged || (err.code && err.code != ERR_NOT_FOUND))
        log_warn(
            "cluster", "%s was damaged%s", places->path,
            read ? " and was restored from its copy"
                 : "; the projects' namespaces get new names, and claims of a namespace that two "
                   "projects use must be moved by hand");
    if (read && node_is(read, NODE_MAP))
        places->list = read;
    node_each(place, places->list) remember_place(places, place->key);
    if (damaged && read)
        keep_places(places);
}

struct places *places_open(const char *folder)
{
    struct places *places = mem_alloc(sizeof *places);

    places->arena = arena_new();
    places->list = node_map(places->arena);
    places->known = map_new();
    if (folder && file_exists(folder)) {
        places->path = mem_printf("%s/places.json", folder);
        load_places(places);
    }
    return places;
}

void places_free(struct places **places)
{
    struct places *p = *places;

    if (!p)
        return;
    map_free(&p->known);
    arena_free(&p->arena);
    mem_free(&p->path);
    mem_free(places);
}

/* ---- Names ----------------------------------------------------------------------- */

static bool is_number_taken(const struct places *places, int number)
{
    node_each(place, places->list) if (number_get(place->value, "number", NUMBER_COUNT, -1) ==
                                       number) return true;
    return false;
}

/* Older programs had no list and used this hash, so a namespace keeps its number if that is free.
 */
static int pick_number(const struct places *places, const char *place)
{
    uint32_t hash = 2166136261u;
    int number;

    for (const char *at = place; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    number = (int)(hash % PLACES_MOST);
    for (int tries = 0; tries < PLACES_MOST && is_number_taken(places, number); tries++)
        number = (number + 1) % PLACES_MOST;
    return number;
}

const char *places_name(struct places *places, const char *project, const char *namespace)
{
    scoped_mem char *key = mem_printf("%s|%s", project, namespace);
    const char *place = map_get(places->known, key);
    struct node *row;

    if (place)
        return place;
    place = arena_string(places->arena, namespace);
    if (node_get(places->list, place))
        place = arena_printf(places->arena, "%s..%s", namespace, project);
    row = node_map(places->arena);
    node_set_text(places->arena, row, "project", project);
    node_set_int(places->arena, row, "number", pick_number(places, place));
    node_set(places->arena, places->list, place, row);
    remember_place(places, place);
    keep_places(places);
    return map_get(places->known, key);
}

int places_number(struct places *places, const char *place)
{
    return number_as_int(node_get(places->list, place), "number", NUMBER_COUNT, 0);
}

/* The hash is cryptographic: a tenant must not be able to make up a name that meets another's. */
char *places_file(struct places *places, struct arena *arena, const char *project,
                  const char *namespace, const char *name)
{
    char *whole = arena_printf(arena, "%s.%s", places_name(places, project, namespace), name);
    unsigned char hash[PKI_SHA256];
    scoped_text struct text hex = {0};

    if (strlen(whole) <= PLACE_NAME_MOST)
        return whole;
    pki_sha256(whole, strlen(whole), hash);
    text_add_hex(&hex, hash, 12);
    return arena_printf(arena, "%.80s..%s", whole, text_string(&hex));
}
