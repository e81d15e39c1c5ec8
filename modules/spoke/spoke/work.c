/* SPDX-License-Identifier: Apache-2.0 */
/* Brings one ManifestWork from what the hub says to what the cluster has. */
#include "spoke/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/object.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "meta/meta.h"
#include "pki/pki.h"
#include "store/store.h"
#include "work/work.h"

#include <stdlib.h>
#include <string.h>

#define KEPT "work"
/* What one spoke takes from its hub; a hub that means well stays far below. */
#define WORKS_MOST 2000
#define MANIFESTS_MOST 2000
#define SECRETS_MOST 256
#define EVICT_LEAST (60 * CLOCK_SECOND)
#define DISK_PRESSURE "DiskPressure"

static struct work *work_new(struct spoke *spoke, const char *name)
{
    struct work *work = mem_alloc(sizeof *work);

    work->tag = WORK_TAG;
    work->spoke = spoke;
    work->name = mem_copy_string(name);
    work->arena = arena_new();
    work->gathered = arena_new();
    work->backoff = (struct loop_backoff){CLOCK_SECOND, 300 * CLOCK_SECOND, 0};
    work->tell_backoff = (struct loop_backoff){CLOCK_SECOND, 60 * CLOCK_SECOND, 0};
    work->said = map_new();
    map_put(spoke->works, name, work);
    return work;
}

static void work_free(struct work *work)
{
    work->tag = 0;
    loop_timer_free(&work->retry);
    loop_timer_free(&work->patience);
    loop_timer_free(&work->evict);
    arena_free(&work->arena);
    arena_free(&work->gathered);
    free(work->trouble_reason);
    free(work->trouble);
    free(work->sent_work);
    free(work->sent_workload);
    free(work->untold);
    free(work->warned);
    free(work->values);
    map_free(&work->said);
    free(work->name);
    free(work);
}

void works_free(struct spoke *spoke)
{
    struct work *work;
    size_t at = 0;

    while (spoke->works && (work = map_next(spoke->works, &at, NULL)))
        work_free(work);
}

static struct store_key row_key(const struct work *work)
{
    return (struct store_key){KEPT, "", work->name};
}

/* ---- Facts of the object --------------------------------------------------- */

int64_t work_revision(const struct work *work)
{
    return strtoll(node_get_text(node_get(work->object, "metadata"), "resourceVersion"), NULL, 10);
}

static bool is_same_object(const struct work *work, const struct node *object)
{
    return work->object && text_same(node_get_text(node_get(work->object, "metadata"), "uid"),
                                     node_get_text(node_get(object, "metadata"), "uid"));
}

static void set_object(struct work *work, const struct node *object)
{
    struct arena *arena = arena_new();
    const struct node *metadata;
    bool same = is_same_object(work, object);

    work->object = node_copy(arena, object);
    arena_free(&work->arena);
    work->arena = arena;
    /* Made anew, or its status was emptied: it is reported again. */
    if (work_revision(work) > work->revision &&
        (!same || !node_count(node_at(work->object, "status", "conditions", NULL))))
        report_forget(work);
    metadata = node_get(work->object, "metadata");
    work->generation = node_get_int(metadata, "generation", 0);
    work->foreign = false;
    /* An event of before our own last write may come after its answer. */
    if (work_revision(work) > work->revision)
        work->revision = work_revision(work);
    work->deleting = node_get(metadata, "deletionTimestamp") != NULL;
    work->finalized |= meta_has_finalizer(work->object, META_FINALIZER_WORK);
}

static const struct node *manifests_of(const struct work *work)
{
    return node_at(work->object, "spec", "workload", "manifests", NULL);
}

/* As text, to be compared; the caller frees. */
static char *delete_option(const struct work *work)
{
    scoped_text struct text out = {0};
    const struct node *option = node_at(work->object, "spec", "deleteOption", NULL);

    if (option)
        document_write_canonical(&out, option);
    return mem_copy_string(text_string(&out));
}

static void set_trouble(struct work *work, const char *reason,
                        const char *message)
{
    mem_free(&work->trouble_reason);
    mem_free(&work->trouble);
    if (!reason)
        return;
    work->trouble_reason = mem_copy_string(reason);
    work->trouble = mem_copy_string(message);
}

/*
 * Whose it is, as the hub's controllers wrote it: the label of the work, else of
 * the Workload in it. Only they and administrators write works.
 */
const char *work_project(const struct work *work)
{
    const struct node *manifests = manifests_of(work);
    const char *project = node_text(node_at(work->object, "metadata", "labels", META_LABEL_PROJECT, NULL));

    for (size_t i = 0; !*project && i < node_count(manifests); i++)
        if (gather_is_workload(node_item(manifests, i)))
            project = node_text(node_at(node_item(manifests, i), "metadata", "labels", META_LABEL_PROJECT,
                                        NULL));
    return project;
}

/* ---- Trying again ----------------------------------------------------------- */

static void work_begin(struct work *work);

static void on_retry(void *arg)
{
    work_begin(object_from(work, WORK_TAG, arg));
}

void work_retry_later(struct work *work, const char *reason, const char *message)
{
    set_trouble(work, reason, message);
    if (!work->warned || strcmp(work->warned, message) != 0)
        log_warn("spoke", "%s: %s", work->name, message);
    free(work->warned);
    work->warned = mem_copy_string(message);
    if (!work->retry)
        work->retry = loop_timer_new(work->spoke->loop, on_retry, work);
    loop_timer_set(work->retry,
                   CLOCK_SECOND + loop_backoff_next(&work->backoff));
    report_work(work);
}

/* ---- Applying --------------------------------------------------------------- */

/* Another set than the one that is here would have to be kept first. */
static int check_disk(struct work *work, const struct cluster_set *set, struct err *err)
{
    const char *words = pressure_words(work->spoke);

    if (!words || work->deleting || cluster_has(work->spoke->cluster, set))
        return 0;
    return err_set(err, ERR_FULL, "waits for the disk of its spoke: %s", words);
}

/* The row that a restart begins with. */
static void keep_work(struct work *work)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text json = {0};
    struct store_key key = row_key(work);
    struct node *kept = node_map(arena);

    if (work->object)
        node_set(arena, kept, "object", (struct node *)work->object);
    if (work->values)
        node_set_text(arena, kept, "values", work->values);
    if (node_count(work->secrets))
        node_set(arena, kept, "secrets", work->secrets);
    if (work->evicting)
        node_set_int(arena, kept, "evicting", work->evicting / CLOCK_SECOND);
    document_write_json(&json, kept);
    keep_put(work->spoke, &key, json.bytes, json.len);
}

static int apply_set(struct work *work, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    struct cluster_set set = {.owner = work->name, .project = work_project(work)};
    struct cluster_manifest *items;

    if (gather_set(work, arena, &items, &set.count, err) < 0)
        return -1;
    set.items = items;
    if (check_disk(work, &set, err) < 0) {
        free(items);
        return -1;
    }
    keep_work(work);
    bundle_sweep(work->spoke);
    cluster_apply(work->spoke->cluster, &set);
    free(items);
    return 0;
}

/* Begun again by works_disk_well(). */
static void wait_for_disk(struct work *work, const char *message)
{
    set_trouble(work, DISK_PRESSURE, message);
    log_info("spoke", "%s: %s", work->name, message);
    report_work(work);
}

static void work_apply(struct work *work)
{
    struct err err = {0};

    if (apply_set(work, &err) < 0) {
        if (err.code == ERR_FULL && pressure_words(work->spoke))
            wait_for_disk(work, err.text);
        else
            work_retry_later(work, "ManifestInvalid", err.text);
        return;
    }
    set_trouble(work, NULL, NULL);
    mem_free(&work->warned);
    loop_backoff_reset(&work->backoff);
    work->applied = true;
    facts_follow(work->spoke);
    report_work(work);
}

/* ---- What it needs first ------------------------------------------------------ */

struct work_ask {
    struct spoke *spoke;
    char *work; /* owned */
    unsigned turn;
};

static void on_finalizer(void *arg, int status, const struct http_answer *answer,
                         const struct err *err)
{
    struct work_ask *ask = arg;
    struct work *work = map_get(ask->spoke->works, ask->work);
    bool wanted = work && work->turn == ask->turn;
    struct err why = {0};

    free(ask->work);
    free(ask);
    if (!wanted)
        return;
    work->waiting--;
    if (status == 200) {
        work->finalized = true;
        work_proceed(work);
        return;
    }
    link_explain(status, answer, err, &why);
    work_retry_later(work, "FinalizerNotSet", why.text);
}

/* `at`: of the object, if nobody may have changed it meanwhile. */
static void patch_finalizers(struct work *work, struct node *list, struct arena *arena,
                             const char *at, link_fn *done, void *arg)
{
    scoped_mem char *target =
        mem_printf("/apis/" META_API_WORK "/namespaces/%s/manifestworks/%s",
                   work->spoke->name, work->name);
    struct node *body = node_map(arena);
    struct node *metadata = node_make(arena, body, "metadata");

    node_set(arena, metadata, "finalizers", list);
    if (at)
        node_set_text(arena, metadata, "resourceVersion", at);
    link_send(work->spoke, "PATCH", target, META_PATCH_MERGE, body, done, arg);
}

/* Nothing is applied before its removal is sure: a work that a person wrote gets
   the finalizer from us. */
static void add_finalizer(struct work *work)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *old = node_at(work->object, "metadata", "finalizers", NULL);
    struct node *list = old ? node_share(arena, old) : node_list(arena);
    struct work_ask *ask = mem_alloc(sizeof *ask);

    *ask = (struct work_ask){work->spoke, mem_copy_string(work->name), work->turn};
    node_add(arena, list, node_string(arena, META_FINALIZER_WORK));
    work->waiting++;
    patch_finalizers(work, list, arena,
                     node_get_text(node_get(work->object, "metadata"), "resourceVersion"),
                     on_finalizer, ask);
}

static size_t count_secrets(const struct work *work)
{
    const struct node *manifests = manifests_of(work);
    size_t count = 0;

    for (size_t i = 0; i < node_count(manifests); i++)
        count += node_count(node_at(node_item(manifests, i), "spec", "secretRefs", NULL));
    return count;
}

/* The sentence; NULL: it is not too much. */
static char *too_much(const struct work *work)
{
    if (map_count(work->spoke->works) > WORKS_MOST)
        return mem_printf("this spoke takes %d works at the most; give some to other spokes",
                          WORKS_MOST);
    if (node_count(manifests_of(work)) > MANIFESTS_MOST)
        return mem_printf("spec.workload.manifests has %zu items; a spoke takes %d at the most",
                          node_count(manifests_of(work)), MANIFESTS_MOST);
    if (count_secrets(work) > SECRETS_MOST)
        return mem_printf("its Workloads name %zu Secrets in spec.secretRefs; a spoke takes %d at "
                          "the most", count_secrets(work), SECRETS_MOST);
    return NULL;
}

/* The digest of an artifact that is none, which no registry can have; NULL: all are. */
static const char *bad_digest(const struct work *work)
{
    const struct node *manifests = manifests_of(work);

    for (size_t i = 0; i < node_count(manifests); i++) {
        const char *digest = node_get_text(
            node_at(node_item(manifests, i), "spec", "artifact", NULL), "digest");

        if (gather_is_workload(node_item(manifests, i)) && !pki_digest_is_valid(digest))
            return digest;
    }
    return NULL;
}

static bool refuse_work(struct work *work, const char *reason, const char *words)
{
    set_trouble(work, reason, words);
    report_trouble(work);
    return true;
}

/* True if it may not be applied at all, however often one tries. */
static bool is_refused(struct work *work)
{
    scoped_mem char *much = work->applied ? NULL : too_much(work), *words = NULL;
    const char *digest = much ? NULL : bad_digest(work);

    if (much)
        return refuse_work(work, "TooMuch", much);
    if (digest) {
        words = mem_printf("spec.artifact.digest of a Workload is \"%.150s\"; it must be sha256: "
                           "and 64, or sha512: and 128 lower-case hex digits", digest);
        return refuse_work(work, "ArtifactInvalid", words);
    }
    if (!node_at(work->object, "spec", "executor", "subject", NULL))
        return false;
    return refuse_work(work, "ExecutorNotSupported",
                       "spec.executor: this spoke applies works with its own rights, not as "
                       "a ServiceAccount; take spec.executor out");
}

static void gather_workload(struct work *work, const struct node *workload,
                            const struct node *had)
{
    const struct node *spec = node_get(workload, "spec");
    const struct node *artifact = node_get(spec, "artifact");
    const char *digest = node_get_text(artifact, "digest");

    if (!bundle_is_here(work->spoke, digest))
        bundle_fetch(work, node_get_text(artifact, "reference"), digest);
    secrets_gather(work, spec, had);
}

/* Fetches what is not here; with everything here it applies at once. */
static void work_begin(struct work *work)
{
    const struct node *manifests = manifests_of(work);
    struct arena *former = work->gathered;
    const struct node *had = work->secrets;

    work->turn++;
    work->waiting = 0;
    set_trouble(work, NULL, NULL);
    work->gathered = arena_new();
    work->secrets = node_list(work->gathered);
    work->bound = work->failed = NULL;
    if (!is_refused(work)) {
        if (!work->finalized)
            add_finalizer(work);
        for (size_t i = 0; i < node_count(manifests); i++)
            if (gather_is_workload(node_item(manifests, i)))
                gather_workload(work, node_item(manifests, i), had);
    }
    arena_free(&former);
    work_proceed(work);
}

/* ---- Leaving ----------------------------------------------------------------- */

static void on_finalized(void *arg, int status, const struct http_answer *answer,
                         const struct err *err)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);
    struct err why = {0};

    if (status == 200 || status == 404) {
        loop_backoff_reset(&spoke->list_backoff);
        spoke->list_said[0] = '\0';
        return;
    }
    /* The work is forgotten here; a list brings it back to be left again. */
    link_explain(status, answer, err, &why);
    if (status == 0)
        spoke_lost(spoke, "removing a finalizer", &why);
    else
        sync_list_later(spoke, "removing a finalizer", &why);
}

/* Everything of it is gone here: the hub may forget it. */
static void take_finalizer_off(struct work *work)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *old = node_at(work->object, "metadata", "finalizers", NULL);
    struct node *left = meta_list_without(arena, old, META_FINALIZER_WORK);

    /* Without a link the next list brings the work back, and it ends then. */
    if (work->spoke->http)
        patch_finalizers(work, left, arena, NULL, on_finalized, work->spoke);
}

static void on_forgotten(void *arg, const struct err *err)
{
    if (err)
        log_warn("spoke", "forgetting a work: %s", err->text);
}

static void finish_leaving(struct work *work)
{
    struct spoke *spoke = work->spoke;
    struct store_key key = row_key(work);

    if (work->object)
        take_finalizer_off(work);
    store_delete(spoke->store, &key, "", 0);
    keep_commit(spoke, on_forgotten, NULL);
    map_remove(spoke->works, work->name);
    work_free(work);
    departure_proceed(spoke);
}

/* What shall stay behind may have been said together with the end. */
static void mark_orphans(struct work *work, const char *former)
{
    scoped_mem char *now = delete_option(work);
    struct err err = {0};

    if (work->applied && strcmp(former, now) != 0 && apply_set(work, &err) < 0)
        log_warn("spoke", "%s: spec.deleteOption as it is now cannot be had: %s",
                 work->name, err.text);
}

static void leave(struct work *work)
{
    scoped_arena struct arena *arena = arena_new();

    work->turn++;
    work->deleting = true;
    if (!cluster_report(work->spoke->cluster, arena, work->name)) {
        finish_leaving(work);
        return;
    }
    cluster_remove(work->spoke->cluster, work->name);
    report_work(work);
}

/* The hub is told nothing: it knows nothing of this spoke any more, or is not there. */
static void end_work(struct work *work)
{
    if (work->deleting && !work->object)
        return;
    work->object = NULL;
    work->evicting = 0;
    loop_timer_free(&work->retry);
    loop_timer_free(&work->patience);
    loop_timer_free(&work->evict);
    leave(work);
}

void works_end(struct spoke *spoke)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *list = node_list(arena);
    struct work *work;
    const char *name;
    size_t at = 0;

    while (map_next(spoke->works, &at, &name))
        node_add(arena, list, node_string(arena, name));
    for (size_t i = 0; i < node_count(list); i++) {
        work = map_get(spoke->works, node_text(node_item(list, i)));
        if (work)
            end_work(work);
    }
}

/* ---- What may happen to a work ------------------------------------------------ */

/* An answer came, or the cluster has something new to say. */
void work_proceed(struct work *work)
{
    scoped_arena struct arena *arena = NULL;

    if (work->deleting) {
        arena = arena_new();
        if (!cluster_report(work->spoke->cluster, arena, work->name))
            finish_leaving(work);
        else
            report_work(work);
        return;
    }
    if (!work->object)
        return; /* only its pods are known: see works_adopt() */
    if (!work->applied && !work->waiting && !work->trouble)
        work_apply(work);
    else
        report_work(work);
}

/* ---- Gone from the hub without a word --------------------------------------- */

static void on_evict(void *arg)
{
    struct work *work = object_from(work, WORK_TAG, arg);

    if (epoch_withholds(work->spoke)) {
        loop_timer_set(work->evict, work->spoke->eviction);
        return;
    }
    /* Silence ends nothing: the hub that once did not have it says so again. */
    if (!spoke_is_connected(work->spoke) && !departure_is_over(work->spoke)) {
        loop_timer_set(work->evict, work->spoke->eviction < EVICT_LEAST ? work->spoke->eviction
                                                                       : EVICT_LEAST);
        return;
    }
    log_warn("spoke", "%s: the hub has not had it for %lld s, removing it", work->name,
             (long long)(work->spoke->eviction / CLOCK_SECOND));
    work->object = NULL;
    leave(work);
}

static void evict_later(struct work *work)
{
    int64_t whole = work->spoke->eviction, least = whole < EVICT_LEAST ? whole : EVICT_LEAST;
    int64_t left = work->evicting + whole - clock_wall();

    if (!work->evict)
        work->evict = loop_timer_new(work->spoke->loop, on_evict, work);
    /* The clock may have been set since: never longer than it takes, and always
       long enough to hear from the hub that the work is there. */
    loop_timer_set(work->evict, left > whole ? whole : left < least ? least : left);
}

/*
 * A work that was deleted was seen deleting first. One that vanishes otherwise
 * may be the loss of a hub that was restored from an older copy: what runs goes
 * on for a while.
 */
static void vanish(struct work *work)
{
    scoped_arena struct arena *arena = arena_new();

    if (work->deleting || !cluster_report(work->spoke->cluster, arena, work->name)) {
        work->object = NULL;
        leave(work);
        return;
    }
    if (work->evicting)
        return;
    log_warn("spoke", "%s is gone from the hub without having been deleted; it stays for "
             "%lld s", work->name, (long long)((work->spoke->eviction -
             departure_head_start(work->spoke)) / CLOCK_SECOND));
    work->evicting = clock_wall() - departure_head_start(work->spoke);
    keep_work(work);
    keep_commit(work->spoke, on_forgotten, NULL);
    evict_later(work);
}

/* While the hub's word is withheld: whether it has what runs here all the same. */
static bool is_same_work(const struct work *work, const struct node *object)
{
    const struct node *had = node_get(work->object, "metadata");
    const struct node *now = node_get(object, "metadata");

    return had && now && !node_get(now, "deletionTimestamp") &&
           !strcmp(node_get_text(had, "uid"), node_get_text(now, "uid")) &&
           node_get_int(now, "generation", 0) == work->generation &&
           node_same(node_get(work->object, "spec"), node_get(object, "spec"));
}

/* What is told of what runs here must not stand beside what the hub has instead. */
static void withhold(struct work *work, const struct node *object)
{
    if (object && is_same_work(work, object))
        set_object(work, object);
    else
        work->foreign = true;
}

/* It is tried again by a timer, or by works_disk_well(): not by our own status that
   comes back. A hub that was away and is back is asked at once. */
static bool is_tried_later(const struct work *work)
{
    bool disk = work->trouble && !strcmp(work->trouble_reason, DISK_PRESSURE);

    return (disk && pressure_words(work->spoke)) ||
           (work->trouble && work->retry && loop_timer_is_set(work->retry) &&
            work->spoke->state == SPOKE_WATCHING);
}

void work_take(struct spoke *spoke, const char *name, const struct node *object)
{
    struct work *work = map_get(spoke->works, name);
    int64_t generation = work ? work->generation : -1;
    scoped_mem char *former = work ? delete_option(work) : NULL;
    bool back = work && work->evicting;

    if (work && work->applied && epoch_withholds(spoke)) {
        withhold(work, object);
        return;
    }
    if (!object) {
        if (work)
            vanish(work);
        return;
    }
    if (!work)
        work = work_new(spoke, name);
    work->evicting = 0;
    loop_timer_free(&work->evict);
    /* Another one of this name has a finalizer of its own. */
    work->finalized = work->finalized && !back;
    set_object(work, object);
    if (work->deleting) {
        if (former)
            mark_orphans(work, former);
        leave(work);
        return;
    }
    /* Our own status coming back is no news. */
    if (work->generation == generation && !back &&
        (work->applied || work->waiting || is_tried_later(work))) {
        report_if_lost(work);
        return;
    }
    work->applied = false;
    work_begin(work);
}

static void on_read_again(void *arg, int status, const struct http_answer *answer,
                          const struct err *err)
{
    struct work_ask *ask = arg;
    scoped_arena struct arena *arena = arena_new();
    const struct work *work = map_get(ask->spoke->works, ask->work);
    const struct node *object = status != 200 ? NULL
        : document_read_json(arena, answer->body, answer->len, &document_limits_own, NULL);

    /* The same one again waits for its timer; what is gone the watch tells. */
    if (work && object &&
        node_get_int(node_get(object, "metadata"), "generation", 0) != work->generation)
        work_take(ask->spoke, ask->work, object);
    free(ask->work);
    free(ask);
}

void work_read_again(struct work *work)
{
    struct work_ask *ask = mem_alloc(sizeof *ask);
    scoped_mem char *target = mem_printf("/apis/" META_API_WORK "/namespaces/%s/manifestworks/%s",
                                         work->spoke->name, work->name);

    *ask = (struct work_ask){work->spoke, mem_copy_string(work->name), work->turn};
    link_send(work->spoke, "GET", target, NULL, NULL, on_read_again, ask);
}

void works_facts_changed(struct spoke *spoke)
{
    struct work *work;
    size_t at = 0;

    while ((work = map_next(spoke->works, &at, NULL))) {
        if (work->deleting || !work->object ||
            (work->applied && !work->values && !node_count(work->failed)))
            continue;
        /* The same values again are the same set, which the cluster knows. */
        work->applied = false;
        work_begin(work);
    }
}

static void load_work(struct work *work, const struct node *kept)
{
    const struct node *secrets = node_get(kept, "secrets");

    if (node_get(kept, "object"))
        set_object(work, node_get(kept, "object"));
    if (node_get(kept, "values"))
        work->values = mem_copy_string(node_get_text(kept, "values"));
    work->secrets = secrets ? node_copy(work->gathered, secrets)
                            : node_list(work->gathered);
    gather_bind(work);
    /* A row is written with what the cluster keeps, so it has this already. */
    work->applied = work->object != NULL;
    work->evicting = clock_seconds(node_get_int(kept, "evicting", 0));
    if (work->evicting)
        evict_later(work);
}

static int on_row(void *arg, const struct store_row *row, struct err *err)
{
    struct spoke *spoke = arg;
    scoped_arena struct arena *arena = NULL;
    scoped_text struct text open = {0};
    struct node *kept;

    if (strcmp(row->key.kind, KEPT) != 0)
        return 0;
    if (keep_read(spoke, row, &open, err) < 0)
        return -1;
    arena = arena_new();
    kept = document_read_own(arena, text_string(&open), open.len, err);
    if (!kept)
        return -1;
    load_work(work_new(spoke, row->key.name), kept);
    return 0;
}

/* Nothing that the hub has is lost by this: its list brings back what is missing. */
void works_adopt(struct spoke *spoke)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *owners = cluster_owners(spoke->cluster, arena);
    struct work *work;
    size_t at = 0;

    for (size_t i = 0; i < node_count(owners); i++)
        if (!map_get(spoke->works, node_text(node_item(owners, i)))) {
            work = work_new(spoke, node_text(node_item(owners, i)));
            work->secrets = node_list(work->gathered);
        }
    while ((work = map_next(spoke->works, &at, NULL)))
        if (work->deleting)
            cluster_remove(spoke->cluster, work->name);
        else if (work->object && !cluster_report(spoke->cluster, arena, work->name))
            work->applied = false; /* its row is there, the cluster's is not */
}

int works_load(struct spoke *spoke, struct err *err)
{
    return store_each(spoke->store, on_row, spoke, err);
}

/* ---- A disk that can be written again ------------------------------------------ */

static int find_stale(void *arg, const struct store_row *row, struct err *err)
{
    struct spoke *spoke = arg;

    if (!strcmp(row->key.kind, KEPT) && !map_get(spoke->works, row->key.name))
        store_delete(spoke->store, &row->key, "", 0);
    return 0;
}

void works_keep_again(struct spoke *spoke)
{
    struct work *work;
    struct err err = {0};
    size_t at = 0;

    if (store_each(spoke->store, find_stale, spoke, &err) < 0)
        log_warn("spoke", "%s", err.text);
    /* What is not applied has the row of what is. */
    while ((work = map_next(spoke->works, &at, NULL)))
        if (work->applied || work->evicting)
            keep_work(work);
}

void works_disk_well(struct spoke *spoke)
{
    struct work *work;
    size_t at = 0;

    while ((work = map_next(spoke->works, &at, NULL)))
        if (work->object && !work->deleting && work->trouble &&
            !strcmp(work->trouble_reason, DISK_PRESSURE)) {
            loop_backoff_reset(&work->backoff);
            work_begin(work);
        }
}
