/* SPDX-License-Identifier: Apache-2.0 */
/* Reads of a ManifestWork and of a Workload what controllers need of them. */
#include "controllers/row.h"

#include "base/clock.h"
#include "base/text.h"
#include "controllers/replicaset.h"
#include "meta/meta.h"
#include "render/render.h"

#include <stddef.h>
#include <string.h>

/* Of one application on one spoke; the spoke's word alone is no reason to believe more. */
#define MOST_COPIES 100000

/* ---- What a row consists of ------------------------------------------------------ */

struct row_field {
    const char *name;
    size_t at, size; /* size 0: a text */
};
#define TEXT_FIELD(row, field)                                                                     \
    {                                                                                              \
#field, offsetof(struct row, field), 0                                                     \
    }
#define FIELD(row, field)                                                                          \
    {                                                                                              \
#field, offsetof(struct row, field), sizeof((struct row *)NULL)->field                     \
    }

/* clang-format off */
static const struct row_field work_fields[] = {
    TEXT_FIELD(work_row, head.cluster), TEXT_FIELD(work_row, name), TEXT_FIELD(work_row, uid),
    TEXT_FIELD(work_row, project), TEXT_FIELD(work_row, placement), TEXT_FIELD(work_row, message),
    FIELD(work_row, labelled), FIELD(work_row, deleting), FIELD(work_row, reported),
    FIELD(work_row, applied), FIELD(work_row, not_applied), FIELD(work_row, available),
    FIELD(work_row, degraded), FIELD(work_row, complete), FIELD(work_row, progressing),
    FIELD(work_row, settled), FIELD(work_row, tells_progress), FIELD(work_row, rollout),
    FIELD(work_row, since), FIELD(work_row, generation), FIELD(work_row, created),
    FIELD(work_row, revised), FIELD(work_row, done), FIELD(work_row, spec),
    FIELD(work_row, labels),
};
static const struct row_field load_fields[] = {
    TEXT_FIELD(load_row, head.cluster), TEXT_FIELD(load_row, replica_set),
    TEXT_FIELD(load_row, project), TEXT_FIELD(load_row, deployment),
    TEXT_FIELD(load_row, work_uid), FIELD(load_row, work_generation),
    FIELD(load_row, names_work), FIELD(load_row, same_artifact), TEXT_FIELD(load_row, message),
    TEXT_FIELD(load_row, endpoints), FIELD(load_row, copies), FIELD(load_row, copies_ready),
};
/* clang-format on */

static const char **row_text_at(const void *row, const struct row_field *field)
{
    return (const char **)((char *)row + field->at);
}

/* A copy with its texts behind it. */
static void *pack_row(const void *row, size_t size, const struct row_field *fields, size_t count)
{
    size_t room = size;
    char *ret, *to;

    for (size_t i = 0; i < count; i++)
        room += fields[i].size ? 0 : strlen(*row_text_at(row, &fields[i])) + 1;
    ret = mem_alloc(room);
    memcpy(ret, row, size);
    to = ret + size;
    for (size_t i = 0; i < count; i++)
        if (!fields[i].size) {
            size_t len = strlen(*row_text_at(row, &fields[i])) + 1;

            memcpy(to, *row_text_at(row, &fields[i]), len);
            *row_text_at(ret, &fields[i]) = to;
            to += len;
        }
    return ret;
}

static const char *find_field_difference(const void *a, const void *b,
                                         const struct row_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fields[i].size ? memcmp((const char *)a + fields[i].at, (const char *)b + fields[i].at,
                                    fields[i].size) != 0
                           : strcmp(*row_text_at(a, &fields[i]), *row_text_at(b, &fields[i])) != 0)
            return fields[i].name;
    return NULL;
}

const char *row_work_difference(const struct work_row *a, const struct work_row *b)
{
    return find_field_difference(a, b, work_fields, count_of(work_fields));
}

const char *row_load_difference(const struct load_row *a, const struct load_row *b)
{
    return find_field_difference(a, b, load_fields, count_of(load_fields));
}

/* ---- Parts ---------------------------------------------------------------------- */

static struct row_digest digest_row_part(const struct node *a, const struct node *b)
{
    scoped_text struct text json = {0};
    struct row_digest ret;

    if (a)
        document_write_json(&json, a);
    text_add(&json, "\n");
    if (b)
        document_write_json(&json, b);
    pki_sha256(json.bytes, json.len, ret.bytes);
    return ret;
}

bool row_digest_same(const struct row_digest *a, const struct row_digest *b)
{
    return !memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

/* At most ROW_MOST_TEXT bytes, whole characters. */
static const char *cut_text(struct arena *arena, const char *words)
{
    size_t len = strnlen(words, ROW_MOST_TEXT + 1);

    if (len <= ROW_MOST_TEXT)
        return words;
    for (len = ROW_MOST_TEXT - strlen("…"); len && ((unsigned char)words[len] & 0xc0) == 0x80;)
        len--;
    return arena_printf(arena, "%.*s…", (int)len, words);
}

static int64_t parse_row_time(const char *words)
{
    int64_t at = 0;

    return clock_parse(words, &at) ? at : 0;
}

/* ---- A ManifestWork --------------------------------------------------------------- */

static const struct node *condition_now(const struct node *work, const char *type)
{
    const struct node *found = meta_condition_find(meta_conditions(work), type);

    return node_get_int(found, "observedGeneration", 0) == meta_generation(work) ? found : NULL;
}

static bool condition_is(const struct node *work, const char *type, const char *status)
{
    return !strcmp(node_get_text(condition_now(work, type), "status"), status);
}

static const char *work_message(const struct node *work)
{
    const char *type = condition_is(work, "Degraded", "True")   ? "Degraded"
                       : condition_is(work, "Applied", "False") ? "Applied"
                                                                : "Available";

    return node_get_text(condition_now(work, type), "message");
}

/*
 * OCM's rule, and three more: what is Degraded has failed, whether it is still
 * trying or not; what has succeeded has done so for as long as it is Available, since what
 * crashes again and again is Available for a moment after each start; and a work whose
 * agent never writes Progressing counts as done when it is Available, else no rollout
 * would get past its first step.
 */
static enum placement_rollout_status read_rollout(const struct node *work,
                                                  const struct work_row *row, int64_t *since)
{
    const struct node *conditions = meta_conditions(work);
    enum placement_rollout_status ret;
    int64_t available;

    *since = 0;
    if (row->degraded && row->applied) {
        *since = parse_row_time(
            node_get_text(meta_condition_find(conditions, "Degraded"), "lastTransitionTime"));
        return ROLLOUT_FAILED;
    }
    if (!row->tells_progress && row->applied)
        return row->available ? ROLLOUT_SUCCEEDED : ROLLOUT_PROGRESSING;
    ret = placement_rollout_of_work(work, since);
    available = parse_row_time(
        node_get_text(meta_condition_find(conditions, "Available"), "lastTransitionTime"));
    if (ret == ROLLOUT_SUCCEEDED && available > *since)
        *since = available;
    return ret;
}

static void read_work_conditions(const struct node *work, struct work_row *row)
{
    row->reported = condition_now(work, "Applied") != NULL;
    row->applied = condition_is(work, "Applied", "True");
    row->not_applied = condition_is(work, "Applied", "False");
    row->available = condition_is(work, "Available", "True");
    row->degraded = condition_is(work, "Degraded", "True");
    row->complete = condition_is(work, "Complete", "True");
    row->progressing = condition_is(work, "Progressing", "True");
    row->settled = condition_is(work, "Progressing", "False");
    row->tells_progress = meta_condition_find(meta_conditions(work), "Progressing") != NULL;
    row->rollout = read_rollout(work, row, &row->since);
}

struct work_row *row_of_work(const struct node *work)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *applied = meta_applied_fields(work, REPLICASET_MANAGER);
    struct work_row row;

    memset(&row, 0, sizeof row);
    row.head.cluster = meta_namespace(work);
    row.name = meta_name(work);
    row.uid = meta_uid(work);
    row.project = meta_label(work, META_LABEL_PROJECT);
    row.placement = meta_label(work, META_LABEL_PLACEMENT_NAME);
    row.message = cut_text(arena, work_message(work));
    row.labelled =
        !strcmp(meta_label(work, META_LABEL_REPLICASET), render_label(arena, meta_name(work)));
    row.deleting = meta_is_deleting(work);
    row.generation = meta_generation(work);
    row.created = parse_row_time(node_get_text(node_get(work, "metadata"), "creationTimestamp"));
    row.revised = parse_row_time(meta_annotation(work, META_ANNOTATION_REVISED_AT));
    row.done = parse_row_time(meta_annotation(work, META_ANNOTATION_DONE_AT));
    row.spec = digest_row_part(node_get(work, "spec"), node_get(applied, "f:spec"));
    row.labels = digest_row_part(node_at(work, "metadata", "labels", NULL),
                                 node_at(applied, "f:metadata", "f:labels", NULL));
    read_work_conditions(work, &row);
    return pack_row(&row, sizeof row, work_fields, count_of(work_fields));
}

/* ---- A Workload ------------------------------------------------------------------- */

static const char *endpoints_text(const struct node *list, struct text *json)
{
    if (!node_count(list))
        return "";
    document_write_json(json, list);
    return text_string(json);
}

struct load_row *row_of_load(const struct node *load)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text endpoints = {0};
    const struct node *status = node_get(load, "status");
    const struct node *work = node_get(status, "work"), *copies = node_get(status, "copies");
    struct load_row row;

    memset(&row, 0, sizeof row);
    row.head.cluster = meta_namespace(load);
    row.replica_set = meta_label(load, META_LABEL_REPLICASET);
    row.project = meta_label(load, META_LABEL_PROJECT);
    row.deployment = meta_label(load, META_LABEL_DEPLOYMENT);
    row.names_work = work != NULL;
    row.work_uid = node_get_text(work, "uid");
    row.work_generation = node_get_int(work, "generation", 0);
    row.same_artifact =
        status && !strcmp(node_get_text(node_get(status, "artifact"), "digest"),
                          node_text(node_at(load, "spec", "artifact", "digest", NULL)));
    row.message = cut_text(arena, node_get_text(status, "message"));
    row.endpoints = endpoints_text(node_get(status, "endpoints"), &endpoints);
    row.copies = node_get_within(copies, "wanted", 0, MOST_COPIES, 0);
    row.copies_ready = node_get_within(copies, "ready", 0, row.copies, 0);
    return pack_row(&row, sizeof row, load_fields, count_of(load_fields));
}
