/* SPDX-License-Identifier: Apache-2.0 */
/* Refuses what would reach over a project's boundary, when it is applied. */
#include "controllers/allowed.h"
#include "controllers/namespaces.h"
#include "controllers/pool_spokes.h"
#include "controllers/rules.h"
#include "controllers/revision.h"

#include "base/map.h"
#include "meta/meta.h"
#include "query/query.h"

#include <string.h>

/* New words of one list that are judged in one write: others are read for each. */
#define MOST_NEW 1000
#define TEXT_OF(number) TEXT_OF_(number)
#define TEXT_OF_(number) #number

/* One write as a rule sees it. Only what it changes is judged: an object that was
   right once can still be labelled, finalized and deleted. */
struct boundary {
    struct reconcile_run run; /* for reading; nothing is written */
    const struct objects_review *review;
};

static struct boundary boundary_of(void *arg, const struct objects_review *review)
{
    struct controllers *all = arg;

    return (struct boundary){
        .run = {.all = all,
                .objects = all->objects,
                .arena = review->arena,
                .namespace = review->namespace,
                .name = meta_name(review->after)},
        .review = review,
    };
}

static bool is_judged(const struct objects_review *review)
{
    return review->after && !review->who->trusted;
}

/* As a kube-apiserver's admission says it. */
static int refuse_boundary(const struct objects_review *review, const char *field, const char *why,
                           struct err *err)
{
    return err_set(err, ERR_FORBIDDEN, "%s \"%s\" is forbidden: %s: %s", review->kind->resource,
                   meta_name(review->after), field, why);
}

typedef const char *trouble_fn(struct boundary *boundary, const char *word);

/* The words of a list, to be looked up; the caller frees. */
static struct map *make_word_set(const struct node *list)
{
    struct map *words = map_new();

    for (size_t i = 0; node_is(list, NODE_LIST) && i < node_count(list); i++)
        map_put(words, node_text(node_item(list, i)), words);
    return words;
}

/* What is read to judge one word is given back before the next. */
static const char *judge_word(struct boundary *boundary, trouble_fn *trouble, const char *word)
{
    scoped_arena struct arena *arena = arena_new();
    struct boundary one = *boundary;
    const char *why;

    one.run.arena = arena;
    why = trouble(&one, word);
    return why ? arena_string(boundary->review->arena, why) : NULL;
}

/* Each word of `now` that `before` has not, once. */
static int check_new_words(struct boundary *boundary, const char *field, const struct node *now,
                           const struct node *before, trouble_fn *trouble, struct err *err)
{
    const struct objects_review *review = boundary->review;
    scoped_map struct map *known = make_word_set(before);
    size_t judged = 0;

    for (size_t i = 0; node_is(now, NODE_LIST) && i < node_count(now); i++) {
        const char *word = node_text(node_item(now, i)), *why;

        if (map_get(known, word))
            continue;
        map_put(known, word, known);
        why = judged++ < MOST_NEW ? judge_word(boundary, trouble, word)
                                  : "at most " TEXT_OF(MOST_NEW) " names can be added at once; "
                                                                 "add the others by another change";
        if (why)
            return refuse_boundary(review, arena_printf(review->arena, "%s[%zu]", field, i), why,
                                   err);
    }
    return 0;
}

/* The list at spec.FIELD. */
static int check_word_list(struct boundary *boundary, const char *field, trouble_fn *trouble,
                           struct err *err)
{
    const struct objects_review *review = boundary->review;

    return check_new_words(boundary, arena_printf(review->arena, "spec.%s", field),
                           node_at(review->after, "spec", field, NULL),
                           node_at(review->before, "spec", field, NULL), trouble, err);
}

/* ---- Members ------------------------------------------------------------------ */

/* Of any number: nothing is read for one. */
static int check_members(const struct objects_review *review, struct err *err)
{
    static const char *const lists[] = {"viewers", "editors", "admins"};

    for (size_t i = 0; i < count_of(lists); i++) {
        const struct node *now = node_at(review->after, "spec", lists[i], NULL);
        scoped_map struct map *was = make_word_set(node_at(review->before, "spec", lists[i], NULL));

        for (size_t k = 0; node_is(now, NODE_LIST) && k < node_count(now); k++) {
            const char *word = node_text(node_item(now, k)), *why = NULL;

            if (!map_get(was, word))
                why = allowed_member_trouble(review->arena, word);
            if (why)
                return refuse_boundary(
                    review, arena_printf(review->arena, "spec.%s[%zu]", lists[i], k), why, err);
        }
    }
    return 0;
}

/* ---- Tenants and projects ------------------------------------------------------- */

static const char *set_name_trouble(struct boundary *boundary, const char *word)
{
    char why[NAME_WHY];

    return name_is_dns_subdomain(word, why)
               ? NULL
               : arena_printf(boundary->run.arena,
                              "\"%.80s\" is not a valid name of a ManagedClusterSet: %s", word,
                              why);
}

static int check_namespace_name(struct boundary *boundary, const char *namespace, struct err *err)
{
    const struct objects_review *review = boundary->review;
    const struct node *there;
    char wrong[NAME_WHY];
    const char *why;

    /* A name that is wrong in itself is refused later, in the schema's words. */
    if (!review->before && name_is_dns_label(boundary->run.name, wrong) &&
        !name_is_dns_label(namespace, wrong))
        return refuse_boundary(review, "metadata.name",
                               arena_printf(review->arena,
                                            "its namespace would "
                                            "be \"%.80s\": %s",
                                            namespace, wrong),
                               err);
    /* What is being deleted is waited for, and the status says so. */
    there = reconcile_read(&boundary->run, KIND_ID_NAMESPACE, "", namespace);
    if (review->before || (there && meta_is_deleting(there)))
        return 0;
    why = tenancy_namespace_trouble(&boundary->run, namespace, review->kind->kind);
    return why ? refuse_boundary(review, "metadata.name", why, err) : 0;
}

static int before_tenant(void *arg, const struct objects_review *review, struct err *err)
{
    struct boundary boundary = boundary_of(arg, review);

    if (!is_judged(review))
        return 0;
    if (check_namespace_name(&boundary, arena_printf(review->arena, "tenant-%s", boundary.run.name),
                             err) < 0 ||
        check_members(review, err) < 0)
        return -1;
    return check_word_list(&boundary, "clusterSets", set_name_trouble, err);
}

static const char *listing_trouble(struct boundary *boundary, const char *word)
{
    return allowed_listing_trouble(&boundary->run, boundary->review->after, word);
}

static struct map *shared_by(const struct node *project)
{
    return make_word_set(node_at(project, "spec", "sharedTargetNamespaces", NULL));
}

/* Who takes back that a namespace is shared must have it for himself. */
static int check_unshared(struct boundary *boundary, struct err *err)
{
    const struct objects_review *review = boundary->review;
    const struct node *now = node_at(review->after, "spec", "targetNamespaces", NULL);
    scoped_map struct map *were = shared_by(review->before);
    scoped_map struct map *are = shared_by(review->after);
    struct node *back = node_list(review->arena);

    for (size_t i = 0; node_is(now, NODE_LIST) && i < node_count(now); i++) {
        const char *word = node_text(node_item(now, i));

        if (map_get(were, word) && !map_get(are, word))
            node_add(review->arena, back, node_string(review->arena, word));
    }
    return check_new_words(boundary, "spec.sharedTargetNamespaces", back, NULL, listing_trouble,
                           err);
}

static int before_project(void *arg, const struct objects_review *review, struct err *err)
{
    struct boundary boundary = boundary_of(arg, review);

    if (!is_judged(review))
        return 0;
    if (check_namespace_name(&boundary, boundary.run.name, err) < 0 ||
        check_members(review, err) < 0 ||
        check_word_list(&boundary, "targetNamespaces", listing_trouble, err) < 0)
        return -1;
    return check_unshared(&boundary, err);
}

/* ---- Environments ------------------------------------------------------------------ */

static const struct node *sets_of(const struct node *environment)
{
    return node_at(environment, "spec", "topology", "properties", "placement", "clusterSets", NULL);
}

static const char *find_set_trouble(struct boundary *boundary, const char *word)
{
    return allowed_set_trouble(&boundary->run, boundary->review->namespace, word);
}

static int before_environment(void *arg, const struct objects_review *review, struct err *err)
{
    struct boundary boundary = boundary_of(arg, review);
    const char *target = node_get_text(node_get(review->after, "spec"), "targetNamespace");
    const char *was = node_get_text(node_get(review->before, "spec"), "targetNamespace");
    const char *why;

    if (!is_judged(review))
        return 0;
    why = strcmp(target, was) ? allowed_target_trouble(&boundary.run, review->namespace, target)
                              : NULL;
    if (why)
        return refuse_boundary(review, "spec.targetNamespace", why, err);
    return check_new_words(&boundary, "spec.topology.properties.placement.clusterSets",
                           sets_of(review->after), sets_of(review->before), find_set_trouble, err);
}

/* ---- Pools ---------------------------------------------------------------------------- */

static const char *share_trouble(struct boundary *boundary, const char *word)
{
    return allowed_share_trouble(&boundary->run, boundary->review->namespace, word);
}

static const char *spoke_trouble(struct boundary *boundary, const char *word)
{
    const struct objects_review *review = boundary->review;
    char *set = allowed_pool_set(boundary->run.arena, review->namespace, boundary->run.name);
    char why[NAME_WHY];

    if (!name_is_dns_label(word, why))
        return arena_printf(boundary->run.arena, "\"%.80s\" is not a valid name of a spoke: %s",
                            word, why);
    if (reconcile_read(&boundary->run, KIND_ID_CLUSTER, "", word))
        return pool_spoke_trouble(&boundary->run, word, set);
    return tenancy_namespace_trouble(&boundary->run, word, "ManagedCluster");
}

static int check_spoke_count(struct boundary *boundary, struct err *err)
{
    const struct objects_review *review = boundary->review;
    const struct node *now = node_at(review->after, "spec", "spokes", NULL);
    const struct node *was = node_at(review->before, "spec", "spokes", NULL);
    const char *why = NULL;

    if (node_is(now, NODE_LIST) && node_count(now) > node_count(was))
        why = allowed_spokes_trouble(&boundary->run, review->namespace, boundary->run.name,
                                     node_count(now));
    return why ? refuse_boundary(review, "spec.spokes", why, err) : 0;
}

static int before_pool(void *arg, const struct objects_review *review, struct err *err)
{
    struct boundary boundary = boundary_of(arg, review);
    const struct node *spec = node_get(review->after, "spec");

    if (!is_judged(review))
        return 0;
    if (node_count(node_get(spec, "sharedWith")) &&
        !strcmp(node_get_text(spec, "variant"), "Dedicated"))
        return refuse_boundary(review, "spec.sharedWith",
                               "a Dedicated pool runs one workload of its own "
                               "project; make it Shared",
                               err);
    if (check_spoke_count(&boundary, err) < 0 ||
        check_word_list(&boundary, "sharedWith", share_trouble, err) < 0)
        return -1;
    return check_word_list(&boundary, "spokes", spoke_trouble, err);
}

/* ---- What others use ------------------------------------------------------------------- */

/* A project that is bound to it would lose spokes, which is the Tenant's to say. */
static int before_set_goes(void *arg, const struct objects_review *review, struct err *err)
{
    struct boundary boundary = boundary_of(arg, review);
    const struct node *bindings;

    if (review->after || review->who->trusted)
        return 0;
    bindings = reconcile_list(&boundary.run, KIND_ID_BINDING, NULL, NULL, review->name);
    for (size_t i = 0; i < node_count(bindings); i++) {
        const struct node *one = node_item(bindings, i);

        if (!strcmp(node_get_text(node_get(one, "spec"), "clusterSet"), review->name) &&
            reconcile_read(&boundary.run, KIND_ID_PROJECT, "", meta_namespace(one)))
            return err_set(
                err, ERR_FORBIDDEN,
                "managedclustersets \"%s\" is forbidden: the "
                "project \"%s\" places applications on it; remove it from spec.clusterSets of its "
                "Tenant first, or delete the ComputePool that it belongs to",
                review->name, meta_namespace(one));
    }
    return 0;
}

/* What a deployment has sent out goes with the deployment; the set would be made again,
   but its works would have been removed everywhere. */
static int before_replica_set_goes(void *arg, const struct objects_review *review, struct err *err)
{
    struct boundary boundary = boundary_of(arg, review);
    const char *owner = meta_owner_name(review->before, "WorkloadDeployment");
    const struct node *deployment =
        *owner ? reconcile_read(&boundary.run, KIND_ID_DEPLOYMENT, review->namespace, owner) : NULL;

    if (review->after || review->who->trusted || !deployment || meta_is_deleting(deployment))
        return 0;
    return err_set(
        err, ERR_FORBIDDEN,
        "manifestworkreplicasets \"%s\" is forbidden: it is the "
        "WorkloadDeployment \"%s\"'s, whose works would be removed from every spoke; delete "
        "the AIWorkload \"%s\" if that is meant",
        review->name, owner, node_get_text(node_get(deployment, "spec"), "aiWorkload"));
}

/* The same, one step further up. */
static int before_deployment_goes(void *arg, const struct objects_review *review, struct err *err)
{
    struct boundary boundary = boundary_of(arg, review);
    const char *owner = meta_owner_name(review->before, "AIWorkload");
    const struct node *workload =
        *owner ? reconcile_read(&boundary.run, KIND_ID_AIWORKLOAD, review->namespace, owner) : NULL;

    if (review->after || review->who->trusted || !workload || meta_is_deleting(workload))
        return 0;
    return err_set(err, ERR_FORBIDDEN,
                   "workloaddeployments \"%s\" is forbidden: it is the "
                   "AIWorkload \"%s\"'s, whose works would be removed from every spoke; delete "
                   "the AIWorkload if that is meant",
                   review->name, owner);
}

void boundary_rules(struct controllers *all)
{
    static const struct {
        enum kind_id which;
        objects_rule_fn *rule;
    } rules[] = {
        {KIND_ID_TENANT, before_tenant},
        {KIND_ID_PROJECT, before_project},
        {KIND_ID_ENVIRONMENT, before_environment},
        {KIND_ID_POOL, before_pool},
        {KIND_ID_CLUSTER_SET, before_set_goes},
        {KIND_ID_DEPLOYMENT, before_deployment_goes},
        {KIND_ID_REPLICA_SET, before_replica_set_goes},
        {KIND_ID_REVISION, retention_before},
    };

    for (size_t i = 0; i < count_of(rules); i++)
        objects_rule(all->objects, all->kinds[rules[i].which], "", rules[i].rule, all);
}
