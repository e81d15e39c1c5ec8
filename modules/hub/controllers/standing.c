/* SPDX-License-Identifier: Apache-2.0 */
/* Judges how an application stands on one spoke. */
#include "controllers/standing.h"
#include "controllers/replicaset.h"

#include "base/mem.h"
#include "base/text.h"
#include "meta/meta.h"

#include <string.h>

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

/* ---- One spoke -------------------------------------------------------------------- */

/* The Workload, if its status is of this work in this generation. Agents of before 0.2 say
   only which artifact they mean. */
static const struct load_row *load_now(const struct standing_input *input)
{
    const struct load_row *load = input->load;

    if (!load || !input->work || !input->work->reported)
        return NULL;
    if (!load->names_work)
        return load->same_artifact ? load : NULL;
    return !strcmp(load->work_uid, input->work->uid) &&
                   load->work_generation == input->work->generation
               ? load
               : NULL;
}

/* It is of the wanted version; the first that holds. */
static enum spoke_phase judge_wanted(const struct work_row *work, const struct load_row *now,
                                     const char **message)
{
    const char *said = now && *now->message ? now->message : work->message;

    if (work->degraded) {
        *message = said;
        return SPOKE_DEGRADED;
    }
    if (work->not_applied) {
        *message = work->message;
        return SPOKE_DEGRADED;
    }
    if (!work->applied) {
        *message = "the spoke has not applied it yet";
        return SPOKE_DEPLOYING;
    }
    if (work->complete)
        return SPOKE_COMPLETED;
    /* A klusterlet may never say Progressing; if it did, it must say that it is over. */
    if (work->available && (!work->tells_progress || work->settled))
        return SPOKE_RUNNING;
    *message = said;
    return SPOKE_DEPLOYING;
}

static enum spoke_phase judge_former_work(struct arena *arena, const struct work_row *work,
                                          const char **message)
{
    const char *bad = work->degraded ? work->message : "";

    *message = *bad ? arena_printf(arena, "the previous version runs, and fails: %s", bad)
                    : "the previous version runs; it is not this spoke's turn yet";
    return SPOKE_PENDING;
}

static enum spoke_phase judge_spoke(struct arena *arena, const struct standing_input *input,
                                    const struct load_row *now, const char **message)
{
    if (input->work && input->work->deleting) {
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
    if (!input->wanted)
        return judge_former_work(arena, input->work, message);
    return judge_wanted(input->work, now, message);
}

struct standing standing_judge(struct arena *arena, const struct standing_input *input)
{
    struct standing ret = {.message = ""};
    bool wanted = input->work && !input->work->deleting && input->wanted;

    ret.now = wanted ? load_now(input) : NULL;
    ret.updated = wanted && input->work->reported;
    ret.phase = judge_spoke(arena, input, ret.now, &ret.message);
    ret.ready = ret.phase == SPOKE_RUNNING || ret.phase == SPOKE_COMPLETED;
    ret.copies = ret.now ? ret.now->copies : 0;
    ret.copies_ready = ret.now ? ret.now->copies_ready : 0;
    return ret;
}

/* ---- All of a replica set ----------------------------------------------------------- */

void standing_add(struct standing_summary *sum, const struct work_row *work, bool wanted)
{
    sum->total++;
    if (!wanted)
        return;
    sum->updated += work->reported;
    sum->applied += work->applied;
    sum->available += work->available;
    sum->progressing += work->progressing;
    sum->degraded += work->degraded;
}
