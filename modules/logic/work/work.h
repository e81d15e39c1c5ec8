/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORK_H
#define WORK_H

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "document/document.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The pure rules of a work agent: what a ManifestWork asks for, and what its
 * status says of the applied objects.
 *
 * Which option is meant for which manifest, in which order manifests are
 * applied, what a status says, who owns an object when the work goes, and what
 * only a spoke knows (`${spoke.NAME}`). The rules are Open Cluster
 * Management's (docs/OCM-COMPATIBILITY.md). Arguments in, answer out: no
 * clock, no cluster, no socket; times are nanoseconds since 1970 UTC.
 *
 * Trees given are never changed; trees returned live in the arena and may
 * share parts with those given.
 */

/* A manifest or an applied object, as status and options name it. */
struct work_resource {
    const char *group, *version, *resource, *namespace, *name;
};
/* Reads {group, version, resource, namespace, name}; "" for what is not there. */
struct work_resource work_resource_read(const struct node *map);

/* ---- What the work asks for -------------------------------------------- */

/* `*` in the pattern stands for any run of characters. */
bool work_wildcard(const char *pattern, const char *value);

/*
 * The option for one manifest out of spec.manifestConfigs: of the entries that
 * match, the first non-empty feedbackRules, updateStrategy, conditionRules and
 * feedbackScrapeType, each on its own. NULL if none of them says anything.
 */
struct node *work_option(struct arena *arena, const struct node *configs,
                         const struct work_resource *resource);

/* 0 first … 6; 1000 for kinds not listed, 1001 for NULL (unreadable). */
int work_kind_rank(const char *kind);
/* Fills `order` with indexes into `manifests`: stable, by rank. */
void work_apply_order(const struct node *manifests, size_t *order);

/* False: leave the object behind when the work goes (deleteOption). */
bool work_owns(const struct node *delete_option, const struct work_resource *resource);
/* Of the list `applied`, what is not in `wanted`; versions do not count. */
struct node *work_untracked(struct arena *arena, const struct node *applied,
                            const struct node *wanted);

/*
 * `object` without the fields that updateStrategy.serverSideApply.ignoreFields
 * names: a JSONPath ends in a field; one that ends in a list item removes
 * nothing. ERR_INVALID if the path cannot be read.
 */
struct node *work_ignore_fields(struct arena *arena, const struct node *object,
                                const struct node *json_paths, struct err *err) MUST_CHECK;

/* `wanted`, with those fields as they are in `live`: there or not. */
struct node *work_keep_ignored(struct arena *arena, const struct node *wanted,
                               const struct node *live, const struct node *json_paths,
                               struct err *err) MUST_CHECK;
/* The paths of one entry of ignoreFields, pointers included. ERR_INVALID for
   jqPathExpressions, which are not built. */
struct node *work_ignore_paths(struct arena *arena, const struct node *ignore,
                               struct err *err) MUST_CHECK;

enum work_ttl { WORK_KEEP, WORK_WAIT, WORK_DELETE };
/* deleteOption.ttlSecondsAfterFinished; `ret_at` is when, unless WORK_KEEP. */
enum work_ttl work_ttl(const struct node *work, int64_t now, int64_t *ret_at);

/* ---- What the status says ---------------------------------------------- */

/*
 * The values that one feedback rule reads from an object, {name, fieldValue}
 * each; never NULL. Something unreadable leaves that value out and is told in
 * `err`, whose code the caller sets to ERR_NONE before. `raw` lets lists and
 * maps through as JsonRaw of at most `raw_limit` bytes.
 */
#define WORK_RAW_LIMIT 1024
struct node *work_feedback(struct arena *arena, const struct node *object, const struct node *rule,
                           bool raw, size_t raw_limit, struct err *err);

/*
 * The condition {type, status, reason, message} that one conditionRule gives
 * for an object; never NULL. `cost` bounds its CEL (0: the default). What was
 * wrong is told in `err`, whose code the caller sets to ERR_NONE before.
 */
struct node *work_condition(struct arena *arena, const struct node *object, const struct node *rule,
                            uint64_t cost, struct err *err);

/*
 * Conditions with `news` set over them, by type: what is not in `news` stays,
 * and lastTransitionTime moves to `now` only where the status does (0: no
 * times are written).
 */
struct node *work_merge_conditions(struct arena *arena, const struct node *existing,
                                   const struct node *news, int64_t now);
/*
 * status.resourceStatus.manifests: the entries of `news`, each with the
 * conditions of its former self (same resource, whatever the ordinal) under
 * its own. What is no longer in `news` is gone.
 */
struct node *work_merge_manifests(struct arena *arena, const struct node *existing,
                                  const struct node *news, int64_t now);
/* Are all manifests that have this condition True in it; does any have it? */
bool work_all_in_condition(const char *type, const struct node *manifests, bool *ret_exists);
/*
 * The work's own condition of a type from those of its manifests. Progressing
 * and Degraded: any True wins; every other type: any False wins; then any
 * Unknown. NULL if no manifest has one. (OCM lets False win for Degraded.)
 */
struct node *work_aggregate(struct arena *arena, const char *type, const struct node *manifests,
                            int64_t generation);

/* ---- What only the spoke knows: ${spoke.NAME} -------------------------- */

/*
 * Puts values in place of ${spoke.NAME}, and of ${spoke.NAME:=default}, with
 * `=` and `:-` meaning the same: the default stands in when the name has no
 * value or an empty one, and may hold further ${spoke.…}. A name is made of
 * letters, digits, `_`, `.`, `-` and `/`. Every other `$` stays byte for byte,
 * `$${spoke.x}` included: its first `$` is none of ours.
 *
 * `values` maps names to scalars; a string that is one expression and nothing
 * else takes over the type of the value. A name without value or default,
 * `:?`, `:+` and an expression that never ends are ERR_INVALID. The names used
 * are set in the map `used` with their values (null: not there).
 */
struct node *work_bind(struct arena *arena, const struct node *tree, const struct node *values,
                       struct node *used, struct err *err) MUST_CHECK;
int work_bind_text(struct arena *arena, const char *string, size_t len, const struct node *values,
                   struct node *used, struct text *out, struct err *err) MUST_CHECK;
/* The same bytes for the same values used, in whatever order: to be hashed. */
void work_bind_hash_input(const struct node *used, struct text *out);

/* ---- Registration rules that hub and spoke share ----------------------- */

/*
 * A ManagedCluster as it is stored: the clusterset label, and taints' timeAdded
 * which the hub owns. `old` is NULL on create. ERR_BAD_REQUEST if a client
 * changes a timeAdded.
 */
struct node *work_default_cluster(struct arena *arena, const struct node *object,
                                  const struct node *old, int64_t now, struct err *err) MUST_CHECK;

/*
 * What OCM's webhooks refuse, with ERR_BAD_REQUEST: manifests that are none, too
 * large together, without a name or twice the same; a binding that is not named
 * after its set; addresses of a cluster that are not https.
 */
int work_check_manifests(const struct node *manifests, struct err *err) MUST_CHECK;
int work_check_binding(const struct node *binding, struct err *err) MUST_CHECK;
int work_check_cluster(const struct node *cluster, struct err *err) MUST_CHECK;

struct work_csr {
    const char *signer;
    const char *label; /* open-cluster-management.io/cluster-name, or "" */
    const char *common_name;
    const char *const *organizations;
    size_t organization_count;
    const char *block_type; /* of the PEM */
};
/*
 * Whether this is a spoke's own request for a client certificate: signer,
 * label, organisations and the three parts of the common name agree exactly.
 * The parts are copied into the arena.
 */
bool work_csr_recognize(struct arena *arena, const struct work_csr *csr, const char **ret_cluster,
                        const char **ret_agent);

#endif
