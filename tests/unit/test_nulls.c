/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No document ends the hub, or is refused without a word (limit: 2400).
 *
 * Every kind that the table of kinds has is sent to a hub with one thing wrong:
 * each field of its schema, and each that its sample has, missing, null and of
 * every other type and size; by create, update and the four patches, to the
 * object and its subresources, as each identity that writes. Behind the API run
 * the controllers, and a simulated spoke. After each write all comes to rest.
 *
 *     build/debug/unit/test_nulls [KIND [FIRST]]
 *
 * Each worker is a process, so that one that ends says what it was sent; the
 * next one goes on behind that. $DEEP sends every value, in several ways.
 */
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "document/document.h"
#include "kinds/kinds.h"
#include "schema/schema.h"
#include "unit/check.h"
#include "unit/mutate.h"
#include "unit/nulls_place.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 2
#define MOST_CRASHES 12 /* of one worker; what comes behind is not tried */
/* What a worker tells its parent, who may have to bury it. */
struct progress {
    size_t sample, pair; /* where it is */
    long writes, taken, refused;
    long broken, unnamed, unread, unlike; /* answers that must not be */
    char now[16384];                      /* what was sent last */
    char words[8][600];                   /* of the first answers that must not be */
    size_t word_count;
};
static struct progress *progress; /* shared memory, of this worker */

static void complain(long *count, const char *what, const char *response)
{
    ++*count;
    if (progress->word_count < count_of(progress->words))
        snprintf(progress->words[progress->word_count++], sizeof progress->words[0],
                 "%s: %.200s -> %.300s", what, progress->now, response);
}

/* ---- Objects -------------------------------------------------------------- */

static const char *collection(struct arena *arena, const struct kind *kind, const char *namespace)
{
    return arena_printf(arena, "%s/%s%s%s/%s", *kind->group ? "/apis" : "/api", kind->api_version,
                        kind->namespaced ? "/namespaces/" : "", kind->namespaced ? namespace : "",
                        kind->plural);
}

/* What stands for a kind: the sample, and where it lies. */
struct subject {
    const struct kind *kind;
    struct node *sample, *live; /* live: as the hub has it */
    const char *namespace, *name, *list, *one;
};

static void read_live(struct place *place, struct arena *arena, struct subject *s)
{
    struct err err = {0};

    if (exchange(place, &(struct sending){.method = "GET", .target = s->one}) != 200)
        return;
    s->live = document_read_json(arena, text_string(&place->body), place->body.len,
                                 &document_limits_own, &err);
    node_remove(node_get(s->live, "metadata"), "managedFields");
}

/* What only a write changes: all but the status and what the hub adds. */
static const char *essence(struct place *place, struct arena *arena, const struct kind *kind,
                           const char *namespace, const char *name)
{
    scoped_object struct object *object =
        objects_get(place->hub->objects, OBJECTS_PUBLISHED, kind, kind->namespaced ? namespace : "",
                    name, NULL);
    struct node *node = object ? object_read(arena, object) : NULL;
    struct node *labels = node_at(node, "metadata", "labels", NULL);

    node_remove(node, "status");
    node_set(arena, node, "metadata", labels ? labels : node_null(arena));
    return document_json(arena, node);
}

/* Whatever may hold it up. */
static void remove_subject(struct place *place, const struct subject *s, const char *name)
{
    scoped_arena struct arena *arena = arena_new();
    const char *one = arena_printf(arena, "%s/%s", s->list, name);

    exchange(place, &(struct sending){.method = "DELETE", .target = one});
    settle(place);
    for (int i = 0;
         i < 3 && exchange(place, &(struct sending){.method = "GET", .target = one}) == 200; i++) {
        exchange(place, &(struct sending){.method = "PATCH",
                                          .type = "application/merge-patch+json",
                                          .target = one,
                                          .body = "{\"metadata\":{\"finalizers\":null}}"});
        settle(place);
    }
}

/* The subject as its sample has it, whatever became of it. */
static bool restore(struct place *place, struct subject *s)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *body = NULL;
    const char *status = arena_printf(arena, "%s/status", s->one);

    body = mem_copy_string(document_json(arena, s->sample));
    if (exchange(place, &(struct sending){.method = "PUT",
                                          .type = "application/json",
                                          .target = s->one,
                                          .body = body}) >= 300) {
        remove_subject(place, s, s->name);
        if (exchange(place, &(struct sending){.method = "POST",
                                              .type = "application/json",
                                              .target = s->list,
                                              .body = body}) >= 300) {
            snprintf(progress->now, sizeof progress->now, "%s", body);
            complain(&progress->broken, "the sample is refused", text_string(&place->body));
            return false;
        }
    }
    settle(place);
    if (kind_has_status(s->kind) && node_get(s->sample, "status"))
        exchange(place,
                 &(struct sending){
                     .method = "PUT", .type = "application/json", .target = status, .body = body});
    settle(place);
    return true;
}

/* ---- A sample from nothing but a schema ------------------------------------ */

struct making {
    struct arena *arena;
    struct node *map;
    int depth;
};

static struct node *made_of(struct arena *arena, const struct schema *schema, int depth);

static void make_member(void *arg, const char *key, const struct schema *member, bool required)
{
    struct making *making = arg;

    if (making->depth ||
        (strcmp(key, "metadata") && strcmp(key, "apiVersion") && strcmp(key, "kind")))
        node_set(making->arena, making->map, key,
                 made_of(making->arena, member, making->depth + 1));
}

static struct node *made_of(struct arena *arena, const struct schema *schema, int depth)
{
    const struct node *words = node_get(schema_source(schema), "enum");
    struct making making = {arena, NULL, depth};
    struct node *list;

    if (node_count(words))
        return node_item(words, 0);
    switch (depth > 8 ? SCHEMA_ANY : schema_type_of(schema)) {
    case SCHEMA_ARRAY:
        list = node_list(arena);
        node_add(arena, list, made_of(arena, schema_items(schema), depth + 1));
        return list;
    case SCHEMA_STRING:
        return node_string(arena,
                           strcmp(node_get_text(schema_source(schema), "format"), "date-time")
                               ? "x"
                               : "2026-01-01T00:00:00Z");
    case SCHEMA_INTEGER:
    case SCHEMA_NUMBER:
        return node_int(arena, node_get_int(schema_source(schema), "minimum", 1));
    case SCHEMA_BOOLEAN:
        return node_bool(arena, true);
    default:
        making.map = node_map(arena);
        schema_each(schema, make_member, &making);
        return making.map;
    }
}

static struct node *sample_from_schema(struct arena *arena, const struct kind *kind)
{
    struct node *sample = made_of(arena, kind->schema, 0), *metadata = node_map(arena);

    node_set_text(arena, sample, "apiVersion", kind->api_version);
    node_set_text(arena, sample, "kind", kind->kind);
    node_set_text(arena, metadata, "name", "x");
    if (kind->namespaced)
        node_set_text(arena, metadata, "namespace", "research");
    node_set(arena, sample, "metadata", metadata);
    return sample;
}

/* ---- One write -------------------------------------------------------------- */

enum way { CREATE, UPDATE, MERGE, STRATEGIC, JSON, APPLY, WAY_COUNT };
static const char *const way_types[] = {[CREATE] = "application/json",
                                        [UPDATE] = "application/json",
                                        [MERGE] = "application/merge-patch+json",
                                        [STRATEGIC] = "application/strategic-merge-patch+json",
                                        [JSON] = "application/json-patch+json",
                                        [APPLY] = "application/apply-patch+yaml"};
static const char *const way_methods[] = {
    [CREATE] = "POST",     [UPDATE] = "PUT", [MERGE] = "PATCH",
    [STRATEGIC] = "PATCH", [JSON] = "PATCH", [APPLY] = "PATCH"};

struct trial {
    struct subject *subject;
    const char *pointer, *value;
    enum way way;
    enum who who;
    const char *subresource; /* "" for the object itself */
};

static struct node *body_of(struct arena *arena, const struct trial *t)
{
    const struct node *from = t->subject->live;
    struct node *changed = mutation_make(arena, from, t->pointer, t->value);

    if (t->way == MERGE || t->way == STRATEGIC)
        return mutation_merge_patch(arena, changed, t->pointer);
    if (t->way == JSON)
        return mutation_json_patch(arena, from, changed, t->pointer);
    if (text_starts(t->pointer, "/metadata/resourceVersion"))
        return changed;
    node_remove(node_get(changed, "metadata"), "resourceVersion");
    if (t->way == CREATE && !text_starts(t->pointer, "/metadata/name")) {
        node_set_text(arena, node_get(changed, "metadata"), "name", "new");
        node_remove(node_get(changed, "metadata"), "uid");
    }
    return changed;
}

static const char *target_of(struct arena *arena, const struct trial *t)
{
    const struct subject *s = t->subject;

    return t->way == CREATE && !*t->subresource
               ? s->list
               : arena_printf(arena, "%s%s%s%s", s->one, *t->subresource ? "/" : "", t->subresource,
                              t->way == APPLY ? "?fieldManager=nulls&force=true" : "");
}

/* A kube-apiserver's words, or OCM's, that name no field. */
static const char *const originals[] = {
    "the server rejected our request due to an error in our request",
    "Workload manifests should not be empty",
    "is invalid in client configs",
    "It is not allowed to set TimeAdded",
    "does not contain declared merge key",
    "must have the same name as the target ManagedClusterSet",
    "a valid config key must consist of",
};

static bool is_original(const char *message)
{
    for (size_t i = 0; i < count_of(originals); i++)
        if (strstr(message, originals[i]))
            return true;
    return false;
}

/* A refusal is a Status with words that name the field. */
static void judge_refusal(struct place *place, const struct trial *t)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *status = document_read_json(arena, text_string(&place->body),
                                                   place->body.len, &document_limits_own, NULL);
    const char *message = node_get_text(status, "message");
    const char *metadata[] = {"name", "namespace", "uid", "resourceVersion", "apiVersion", "kind"};
    bool named = mutation_is_named(t->pointer, text_string(&place->body));

    progress->refused++;
    for (size_t i = 0; i < count_of(metadata); i++)
        named |= strstr(t->pointer, metadata[i]) && *message;
    /* What a kube-apiserver answers 500 to as well, with the field. */
    if (place->status == 500 && strstr(message, "failed to create typed patch object"))
        place->status = 422;
    if (place->status >= 500 || place->status == 0)
        complain(&progress->broken, "no answer that may be", text_string(&place->body));
    else if (strcmp(node_get_text(status, "kind"), "Status") || !*message)
        complain(&progress->unnamed, "no Status", text_string(&place->body));
    else if (!named && !is_original(message) && (place->status == 400 || place->status == 422))
        complain(&progress->unnamed, "the field is not named", text_string(&place->body));
}

/* What was stored can be shown, as it is and as a row of a table. */
static void judge_reading(struct place *place, const char *one)
{
    static const char table[] = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    int status = exchange(place, &(struct sending){.method = "GET", .target = one});

    if (status != 200 && status != 404)
        complain(&progress->unread, "it cannot be read", text_string(&place->body));
    status = exchange(place, &(struct sending){.method = "GET", .target = one, .accept = table});
    if (status != 200 && status != 404)
        complain(&progress->unread, "it has no row", text_string(&place->body));
}

static bool try_one(struct place *place, const struct trial *t)
{
    scoped_arena struct arena *arena = arena_new();
    const char *body = document_json(arena, body_of(arena, t));
    const char *target = target_of(arena, t);
    const struct subject *s = t->subject;
    const char *before = essence(place, arena, s->kind, s->namespace, s->name);
    bool is_question = s->kind->is_question;
    int status;

    snprintf(progress->now, sizeof progress->now, "%s %s as %s, %s = %s: %s", way_methods[t->way],
             target, who_names[t->who], t->pointer, t->value ? t->value : "(missing)", body);
    progress->writes++;
    status = exchange(place, &(struct sending){.who = t->who,
                                               .method = way_methods[t->way],
                                               .type = way_types[t->way],
                                               .target = target,
                                               .body = body});
    if (status < 200 || status >= 300) {
        judge_refusal(place, t);
        if (strcmp(before, essence(place, arena, s->kind, s->namespace, s->name)))
            complain(&progress->unlike, "a refused write has changed it", before);
        return false;
    }
    progress->taken++;
    settle(place);
    if (is_question)
        return false;
    if (t->way == CREATE && !*t->subresource) {
        const struct node *made = document_read_json(arena, text_string(&place->body),
                                                     place->body.len, &document_limits_own, NULL);
        const char *name = node_get_text(node_get(made, "metadata"), "name");

        judge_reading(place, arena_printf(arena, "%s/%s", s->list, name));
        if (strcmp(name, s->name))
            remove_subject(place, s, name);
        return !strcmp(name, s->name);
    }
    judge_reading(place, s->one);
    return true;
}

/* ---- Every place and value of a kind ------------------------------------------ */

static void on_watch(struct http_call *call, const char *bytes, size_t len, void *arg)
{
}

static void on_watch_done(const struct http_response *response, const struct err *err, void *arg)
{
    struct place *place = arg;

    place->watch = NULL;
    if (!response || (response->status != 200 && response->status != 405))
        complain(&progress->unread, "the watch ended", response ? response->body : err->text);
}

static void watch(struct place *place, const struct kind *kind, bool as_table)
{
    scoped_arena struct arena *arena = arena_new();
    struct http_field accept = {"Accept", as_table ? "application/json;as=Table;v=v1;g=meta.k8s.io"
                                                   : "application/json"};

    http_call_cancel(&place->watch);
    if (!(kind->verbs & KIND_WATCH))
        return;
    place->watch = http_client_send(
        place->http,
        &(struct http_client_request){.target = arena_printf(arena, "%s/%s/%s?watch=true",
                                                             *kind->group ? "/apis" : "/api",
                                                             kind->api_version, kind->plural),
                                      .headers = &accept,
                                      .header_count = 1,
                                      .data = on_watch,
                                      .done = on_watch_done,
                                      .arg = place});
}

/* Whether such an object may be written by them at all, to spare the rest. */
static bool is_for(const struct subject *s, enum who who)
{
    switch (who) {
    case EDITOR:
        return s->kind->namespaced && !strcmp(s->namespace, "research");
    case SPOKE:
        return !strcmp(s->namespace, "edge-2") || !strcmp(s->name, "edge-2") ||
               text_starts(s->kind->plural, "certificatesigningrequests");
    case JOINER:
        return !s->kind->namespaced;
    default:
        return true;
    }
}

static enum who pick_who(const struct subject *s, size_t n)
{
    enum who who = (enum who)(n % WHO_COUNT);

    return is_for(s, who) ? who : ADMINISTRATOR;
}

static const char *pick_subresource(const struct subject *s, const char *pointer, size_t n)
{
    if (text_starts(pointer, "/status") && s->kind->subresource_count)
        return s->kind->subresources[n % s->kind->subresource_count].name;
    return n % 5 == 0 && s->kind->subresource_count
               ? s->kind->subresources[n / 5 % s->kind->subresource_count].name
               : "";
}

/* Each in one way, by one identity, as chance has it; or in three. */
static void try_value(struct place *place, struct subject *s, const char *pointer,
                      const char *value, size_t seed)
{
    bool deep = getenv("DEEP") != NULL;
    size_t rounds = deep ? 3 : 1;

    for (size_t i = 0; i < rounds; i++) {
        size_t n = seed + i * 7;
        struct trial t = {s,
                          pointer,
                          value,
                          (enum way)(n % WAY_COUNT),
                          pick_who(s, n / 3),
                          pick_subresource(s, pointer, n / 2)};

        if (s->kind->is_question || t.way == CREATE)
            t.subresource = "", t.way = CREATE;
        if (try_one(place, &t))
            restore(place, s);
    }
}

static void try_subject(struct place *place, struct subject *s, size_t from)
{
    struct mutation_places places;
    size_t pair = 0;
    bool deep = getenv("DEEP") != NULL;

    mutation_places(s->kind->schema, s->live, &places);
    for (size_t i = 0; i < places.count; i++) {
        bool common = text_starts(places.pointers[i], "/metadata") ||
                      text_starts(places.pointers[i], "/spec/workload/manifests/");

        for (size_t v = 0; v < mutation_value_count; v++, pair++) {
            size_t seed = (pair * 2654435761u) >> 7;

            /* Common to all kinds, or of less use: some here, some there. */
            if (!deep && ((common && seed % 13) || (v >= mutation_value_core && seed % 9)))
                continue;
            if (pair < from)
                continue;
            progress->pair = pair;
            if (pair % 512 == 0 || !place->watch)
                watch(place, s->kind, pair / 512 % 2);
            try_value(place, s, places.pointers[i], mutation_values[v], seed);
        }
    }
    mutation_places_free(&places);
}

/* ---- A worker ------------------------------------------------------------------ */

/* What nobody writes to: as it is now. */
static const char *bystanders(struct place *place, struct arena *arena)
{
    static const char *const those[][4] = {
        {"", "secrets", "research", "kept"},
        {"axle.dev", "tenants", "", "acme"},
        {"axle.dev", "projects", "", "research"},
        {"cluster.open-cluster-management.io", "managedclusters", "", "edge-3"}};
    const char *all = "";

    for (size_t i = 0; i < count_of(those); i++)
        all = arena_printf(arena, "%s%s", all,
                           essence(place, arena,
                                   kinds_find(place->hub->kinds, those[i][0], those[i][1]),
                                   those[i][2], those[i][3]));
    return all;
}

/* The n-th sample: those that are written down, then kinds that have none. */
static struct node *sample_at(struct place *place, struct arena *arena, const struct kinds *kinds,
                              size_t n)
{
    scoped_text struct text out = {0};
    const char *text, *hole;
    struct err err = {0};
    struct node *sample;

    if (n >= count_of(nulls_samples))
        return sample_from_schema(arena, kinds_at(kinds, n - count_of(nulls_samples)));
    text = nulls_samples[n];
    hole = strstr(text, "REQUEST");
    text_add_bytes(&out, text, hole ? (size_t)(hole - text) : strlen(text));
    if (hole)
        text_addf(&out, "%s%s", place->request, hole + 7);
    sample =
        document_read_yaml(arena, text_string(&out), out.len, true, &document_limits_own, &err);
    if (!sample)
        bail(text, err.text);
    return sample;
}

static bool has_sample(const struct kind *kind)
{
    scoped_arena struct arena *arena = arena_new();

    for (size_t i = 0; i < count_of(nulls_samples); i++)
        if (text_starts(nulls_samples[i], arena_printf(arena, "apiVersion: %s\nkind: %s\n",
                                                       kind->api_version, kind->kind)))
            return true;
    return false;
}

static void run_sample(struct place *place, size_t n, size_t from, const char *only)
{
    scoped_arena struct arena *arena = arena_new();
    const struct kinds *kinds = place->hub->kinds;
    struct subject s = {.sample = sample_at(place, arena, kinds, n)};
    const struct node *metadata = node_get(s.sample, "metadata");

    s.kind = kinds_by_kind(kinds, node_get_text(s.sample, "apiVersion"),
                           node_get_text(s.sample, "kind"));
    if (!s.kind || (only && strcmp(s.kind->kind, only)) || !(s.kind->verbs & KIND_CREATE) ||
        (n >= count_of(nulls_samples) && has_sample(s.kind)))
        return;
    s.namespace = node_get_text(metadata, "namespace");
    s.name = node_get_text(metadata, "name");
    s.list = collection(arena, s.kind, s.namespace);
    s.one = arena_printf(arena, "%s/%s", s.list, s.name);
    s.live = s.sample;
    if (!s.kind->is_question) {
        if (!restore(place, &s))
            return;
        read_live(place, arena, &s);
    }
    try_subject(place, &s, from);
    if (!s.kind->is_question)
        remove_subject(place, &s, s.name);
}

static size_t sample_total(void)
{
    scoped_kinds struct kinds *kinds = kinds_open(NULL);

    return count_of(nulls_samples) + kinds_count(kinds);
}

static long clock_cpu(void)
{
    return (long)(clock() / (CLOCKS_PER_SEC / 1000));
}

/* Every WORKERS-th sample, from where the last one of us ended. */
static void work(size_t first, const char *only)
{
    scoped_arena struct arena *arena = arena_new();
    struct place place;
    const char *others;
    scoped_mem char *name = mem_printf("%zu", first);
    size_t from = progress->pair, start = progress->sample, total = sample_total();
    long before, began;

    log_setup(LOG_ERROR, false);
    open_place(&place, name);
    others = bystanders(&place, arena);
    for (size_t n = start; n < total; n += WORKERS, from = 0) {
        progress->sample = n;
        before = progress->writes;
        began = clock_cpu();
        run_sample(&place, n, from, only);
        if (progress->writes > before)
            printf("# sample %zu: %ld writes, %ld ms\n", n, progress->writes - before,
                   clock_cpu() - began);
        fflush(stdout);
    }
    snprintf(progress->now, sizeof progress->now, "%s", others);
    if (strcmp(others, bystanders(&place, arena)))
        complain(&progress->unlike, "others have changed", bystanders(&place, arena));
    close_place(&place);
}

/* ---- The parent ------------------------------------------------------------------ */

static void report(const struct progress *p)
{
    for (size_t i = 0; i < p->word_count; i++)
        printf("# %s\n", p->words[i]);
}

static struct progress *all_progress;

static pid_t start(size_t i, const char *only)
{
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid)
        return pid;
    progress = &all_progress[i];
    work(i, only);
    fflush(stdout);
    exit(0);
}

int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : NULL;
    size_t running = WORKERS;
    int crashes[WORKERS] = {0};
    pid_t pids[WORKERS];
    struct progress all = {0};

    all_progress = mmap(NULL, sizeof *all_progress * WORKERS, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < WORKERS; i++) {
        all_progress[i].sample = i;
        all_progress[i].pair = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
        pids[i] = start(i, only);
    }
    while (running) {
        int status;
        pid_t pid = wait(&status);
        size_t i = pid == pids[0] ? 0 : 1;

        if (status == 0 || WEXITSTATUS(status) == 99 || ++crashes[i] > MOST_CRASHES) {
            CHECK_INT(status, 0, "worker %zu comes to its end", i);
            running--;
            continue;
        }
        CHECK_INT(status, 0, "sample %zu, pair %zu: %.900s", all_progress[i].sample,
                  all_progress[i].pair, all_progress[i].now);
        all_progress[i].pair++;
        pids[i] = start(i, only);
    }
    for (size_t i = 0; i < WORKERS; i++) {
        const struct progress *p = &all_progress[i];

        report(p);
        all.writes += p->writes, all.taken += p->taken, all.refused += p->refused;
        all.broken += p->broken, all.unnamed += p->unnamed, all.unread += p->unread,
            all.unlike += p->unlike;
    }
    printf("# %ld writes, %ld taken, %ld refused\n", all.writes, all.taken, all.refused);
    CHECK_INT(all.broken, 0, "every write is answered as one should be");
    CHECK_INT(all.unnamed, 0, "every refusal is a Status that names the field");
    CHECK_INT(all.unlike, 0, "what was refused has changed nothing, and others stay as they are");
    CHECK_INT(all.unread, 0, "what was stored is read, shown and watched");
    return check_done();
}
