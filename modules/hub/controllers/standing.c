/* SPDX-License-Identifier: Apache-2.0 */
/* Judges how an application stands on one spoke. */
#include "controllers/standing.h"
#include "controllers/replicaset.h"

#include "base/mem.h"
#include "base/text.h"
#include "meta/meta.h"

#include <string.h>

/* Of one application on one spoke; the spoke's word alone is no reason to believe more. */
#define MOST_COPIES 100000

const char *const spoke_phase_names[] = {
    [SPOKE_FAILED] = "Failed",       [SPOKE_DEGRADED] = "Degraded",   [SPOKE_UNKNOWN] = "Unknown",
    [SPOKE_DEPLOYING] = "Deploying", [SPOKE_PENDING] = "Pending",     [SPOKE_DELETING] = "Deleting",
    [SPOKE_RUNNING] = "Running",     [SPOKE_COMPLETED] = "Completed",
};

/* ---- Whether a work is the wanted one ------------------------------------------ */

/* What the template named once and does not name now is still in the work. */
static bool keeps_former(const struct node *have, const struct node *want, const struct node *owned)
{
    node_each(field, owned) if (text_starts(field->key, "f:") && node_get(have, field->key + 2) &&
                                !node_get(want, field->key + 2)) return true;
    return false;
}

/* Every field that the template names is in the work as it says; and of those that the
   controller set (`owned`, as in managedFields) there is no other. */
static bool fields_match(const struct node *have, const struct node *want, const struct node *owned)
{
    if (node_is(want, NODE_MAP)) {
        if (!node_is(have, NODE_MAP) || keeps_former(have, want, owned))
            return false;
        node_each(member, want)
        {
            scoped_mem char *field = owned ? mem_printf("f:%s", member->key) : NULL;

            if (!fields_match(node_get(have, member->key), member->value,
                              owned ? node_get(owned, field) : NULL))
                return false;
        }
        return true;
    }
    if (node_is(want, NODE_LIST)) {
        if (node_count(have) != node_count(want))
            return false;
        for (size_t i = 0; i < node_count(want); i++)
            if (!node_same(node_item(have, i), node_item(want, i)))
                return false;
        return true;
    }
    return node_same(have, want);
}

bool standing_is_wanted(const struct node *work, const struct node *template)
{
    return template &&
           fields_match(node_get(work, "spec"), template,
                        node_get(meta_applied_fields(work, REPLICASET_MANAGER), "f:spec"));
}

/* ---- What its status says of this generation ------------------------------------- */

static const struct node *condition_now(const struct node *work, const char *type)
{
    const struct node *list = meta_conditions(work);
    const struct node *found = meta_condition_find(list, type);

    return node_get_int(found, "observedGeneration", 0) == meta_generation(work) ? found : NULL;
}

static bool work_condition_is(const struct node *work, const char *type, const char *status)
{
    return !strcmp(node_get_text(condition_now(work, type), "status"), status);
}

static const char *work_condition_message(const struct node *work, const char *type)
{
    return node_get_text(condition_now(work, type), "message");
}

bool standing_is_reported(const struct node *work)
{
    return condition_now(work, "Applied") != NULL;
}

/* Its status, if that is of this work in this generation. Agents of before 0.2 say
   only which artifact they mean. */
static const struct node *load_now(const struct standing_input *input)
{
    const struct node *status = node_get(input->load, "status");
    const struct node *work = node_get(status, "work");

    if (!input->work || !standing_is_reported(input->work))
        return NULL;
    if (work)
        return !strcmp(node_get_text(work, "uid"), meta_uid(input->work)) &&
                       node_get_int(work, "generation", 0) == meta_generation(input->work)
                   ? status
                   : NULL;
    return !strcmp(node_get_text(node_get(status, "artifact"), "digest"),
                   node_text(node_at(input->load, "spec", "artifact", "digest", NULL)))
               ? status
               : NULL;
}

/* ---- One spoke -------------------------------------------------------------------- */

/* It is of the wanted version; the first that holds. */
static enum spoke_phase judge_wanted(const struct standing_input *input, const struct node *now,
                                     const char **message)
{
    const struct node *work = input->work;
    const char *said = node_get_text(now, "message");

    if (work_condition_is(work, "Degraded", "True")) {
        *message = *said ? said : work_condition_message(work, "Degraded");
        return SPOKE_DEGRADED;
    }
    if (work_condition_is(work, "Applied", "False")) {
        *message = work_condition_message(work, "Applied");
        return SPOKE_DEGRADED;
    }
    if (!work_condition_is(work, "Applied", "True")) {
        *message = "the spoke has not applied it yet";
        return SPOKE_DEPLOYING;
    }
    if (work_condition_is(work, "Complete", "True"))
        return SPOKE_COMPLETED;
    /* A klusterlet may never say Progressing; if it did, it must say that it is over. */
    if (work_condition_is(work, "Available", "True") &&
        (!meta_condition(work, "Progressing") || work_condition_is(work, "Progressing", "False")))
        return SPOKE_RUNNING;
    *message = *said ? said : work_condition_message(work, "Available");
    return SPOKE_DEPLOYING;
}

static enum spoke_phase judge_former_work(struct arena *arena, const struct node *work,
                                          const char **message)
{
    const char *bad =
        work_condition_is(work, "Degraded", "True") ? work_condition_message(work, "Degraded") : "";

    *message = *bad ? arena_printf(arena, "the previous version runs, and fails: %s", bad)
                    : "the previous version runs; it is not this spoke's turn yet";
    return SPOKE_PENDING;
}

static enum spoke_phase judge_spoke(struct arena *arena, const struct standing_input *input,
                                    const struct node *now, const char **message)
{
    if (input->work && meta_is_deleting(input->work)) {
        *message = "it is being removed there";
        return SPOKE_DELETING;
    }
    if (!strcmp(meta_condition_status(input->cluster, META_CONDITION_CLUSTER_AVAILABLE),
                "Unknown")) {
        *message = "the spoke is silent; what runs there keeps running";
        return SPOKE_UNKNOWN;
    }
    if (!input->work) {
        *message = !input->cluster ? "the spoke has not joined"
                   : input->taken  ? "a ManifestWork of another owner has its name there"
                                   : "it is not this spoke's turn yet";
        return SPOKE_PENDING;
    }
    if (!standing_is_wanted(input->work, input->template))
        return judge_former_work(arena, input->work, message);
    return judge_wanted(input, now, message);
}

struct standing standing_judge(struct arena *arena, const struct standing_input *input)
{
    struct standing ret = {.message = ""};
    bool wanted = input->work && !meta_is_deleting(input->work) &&
                  standing_is_wanted(input->work, input->template);
    const struct node *copies;

    ret.now = wanted ? load_now(input) : NULL;
    ret.updated = wanted && standing_is_reported(input->work);
    ret.phase = judge_spoke(arena, input, ret.now, &ret.message);
    ret.ready = ret.phase == SPOKE_RUNNING || ret.phase == SPOKE_COMPLETED;
    copies = node_get(ret.now, "copies");
    ret.copies = node_get_within(copies, "wanted", 0, MOST_COPIES, 0);
    ret.copies_ready = node_get_within(copies, "ready", 0, ret.copies, 0);
    return ret;
}

/* ---- All of a replica set ----------------------------------------------------------- */

struct standing_summary standing_sum(const struct node *works, const struct node *template)
{
    struct standing_summary ret = {.total = node_count(works)};

    for (size_t i = 0; i < node_count(works); i++) {
        const struct node *work = node_item(works, i);

        if (!standing_is_wanted(work, template))
            continue;
        ret.updated += standing_is_reported(work);
        ret.applied += work_condition_is(work, "Applied", "True");
        ret.available += work_condition_is(work, "Available", "True");
        ret.progressing += work_condition_is(work, "Progressing", "True");
        ret.degraded += work_condition_is(work, "Degraded", "True");
    }
    return ret;
}
