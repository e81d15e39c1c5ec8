/* SPDX-License-Identifier: Apache-2.0 */
/* Checks which fields of an object a spoke or join token changes. */
#include "auth/internal.h"

#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "objects/objects.h"

#include <string.h>

static const char *const fields_told[] = {
    [ACCESS_FIELDS_NONE] = "no field of it",
    [ACCESS_FIELDS_ALL] = "every field of it",
    [ACCESS_FIELDS_SPEC] = "its spec only",
    [ACCESS_FIELDS_NO_METADATA] = "no metadata of it",
    [ACCESS_FIELDS_FINALIZER] = "its own finalizer (" META_FINALIZER_WORK ") only",
};

/* ---- What a write changes ------------------------------------------------------ */

/* Every finalizer but the agent's own is in both. */
static bool same_foreign_finalizers(const struct node *was, const struct node *now)
{
    for (size_t i = 0; i < node_count(was); i++)
        if (strcmp(node_text(node_item(was, i)), META_FINALIZER_WORK) &&
            !meta_list_has(now, node_text(node_item(was, i))))
            return false;
    for (size_t i = 0; i < node_count(now); i++)
        if (strcmp(node_text(node_item(now, i)), META_FINALIZER_WORK) &&
            !meta_list_has(was, node_text(node_item(now, i))))
            return false;
    return true;
}

/* The first member that differs and may not, of two maps; NULL: there is none. */
typedef bool member_fn(const char *key, const struct node *was, const struct node *now,
                       enum access_fields fields);

static const char *first_difference(const struct node *was, const struct node *now,
                                    member_fn *allowed, enum access_fields fields)
{
    node_each(member, was) if (!node_same(member->value, node_get(now, member->key)) &&
                               !allowed(member->key, member->value, node_get(now, member->key),
                                        fields)) return member->key;
    node_each(member,
              now) if (!node_get(was, member->key) &&
                       !allowed(member->key, NULL, member->value, fields)) return member->key;
    return NULL;
}

/* Every annotation but the one by which two agents of one identity find out. */
static bool same_foreign_annotations(const struct node *was, const struct node *now)
{
    node_each(note, was) if (strcmp(note->key, META_ANNOTATION_INSTANCE) &&
                             !node_same(note->value, node_get(now, note->key))) return false;
    node_each(note, now) if (strcmp(note->key, META_ANNOTATION_INSTANCE) &&
                             !node_get(was, note->key)) return false;
    return true;
}

static bool metadata_allowed(const char *key, const struct node *was, const struct node *now,
                             enum access_fields fields)
{
    if (fields == ACCESS_FIELDS_SPEC && !strcmp(key, "annotations"))
        return same_foreign_annotations(was, now);
    return fields == ACCESS_FIELDS_FINALIZER && !strcmp(key, "finalizers") &&
           same_foreign_finalizers(was, now);
}

static bool member_allowed(const char *key, const struct node *was, const struct node *now,
                           enum access_fields fields)
{
    if (!strcmp(key, "metadata"))
        return true; /* looked at by itself */
    return fields == ACCESS_FIELDS_NO_METADATA ||
           (fields == ACCESS_FIELDS_SPEC && !strcmp(key, "spec"));
}

/* ---- The rule -------------------------------------------------------------------- */

static const struct access_cell *find_cell(const struct objects_review *review,
                                           const struct auth_user *user, const char *verb)
{
    for (size_t i = 0; i < access_row_count; i++) {
        const struct access_row *row = &access_rows[i];
        const struct access_cell *cell = access_cell(row, user->role);

        if (!strcmp(row->group, review->kind->group) &&
            !strcmp(row->resource, review->kind->plural) &&
            !strcmp(row->subresource, review->subresource) && access_has_verb(cell->verbs, verb))
            return cell;
    }
    return NULL;
}

static int refuse_field(const struct objects_review *review, const struct auth_user *user,
                        const char *where, const char *field, enum access_fields fields,
                        struct err *err)
{
    return err_set(err, ERR_FORBIDDEN,
                   "%s \"%s\" is forbidden: User \"%s\" may change %s, and this write "
                   "would change %s%s",
                   review->kind->resource, review->name, user->name, fields_told[fields], where,
                   field);
}

/* What a join token creates is settled by the controller of the kind: the joiner
   chooses its name and nothing else. */
static bool is_settled_later(const struct objects_review *review, const struct auth_user *user)
{
    return user->role == AUTH_JOIN && !strcmp(review->kind->plural, "managedclusters");
}

/* A new object of a machine holds up nobody's deletion and belongs to nothing. */
static int check_new(const struct objects_review *review, const struct auth_user *user,
                     struct err *err)
{
    static const char *const fields[] = {"finalizers", "ownerReferences"};
    const struct node *metadata = node_get(review->after, "metadata");

    if (is_settled_later(review, user))
        return 0;
    for (size_t i = 0; i < count_of(fields); i++)
        if (node_count(node_get(metadata, fields[i])))
            return err_set(err, ERR_FORBIDDEN,
                           "%s \"%s\" is forbidden: User \"%s\" may not set "
                           "metadata.%s: leave it out",
                           review->kind->resource, node_get_text(metadata, "name"), user->name,
                           fields[i]);
    return 0;
}

static int check_change(const struct objects_review *review, const struct auth_user *user,
                        struct err *err)
{
    const struct access_cell *cell = find_cell(review, user, "patch");
    enum access_fields fields = cell ? cell->fields : ACCESS_FIELDS_NONE;
    const char *field;

    if (fields == ACCESS_FIELDS_ALL)
        return 0;
    field = first_difference(node_get(review->before, "metadata"),
                             node_get(review->after, "metadata"), metadata_allowed, fields);
    if (field)
        return refuse_field(review, user, "metadata.", field, fields, err);
    field = first_difference(review->before, review->after, member_allowed, fields);
    return field ? refuse_field(review, user, "", field, fields, err) : 0;
}

/*
 * Which manager set which field is the hub's account of it: by a false one, a spoke
 * would keep fields that the hub means to remove. What the write itself changes is
 * added to the account afterwards.
 */
static void keep_managers(const struct objects_review *review)
{
    struct node *metadata = node_get(review->after, "metadata");
    struct node *was = node_at(review->before, "metadata", "managedFields", NULL);

    if (review->applied && *review->subresource)
        return; /* of a status that is its own */
    if (was)
        node_set(review->arena, metadata, "managedFields", was);
    else
        node_remove(metadata, "managedFields");
}

/*
 * Compares the trees as they would be stored, so that verb and kind of patch do not
 * matter. Does not apply to people: META_GROUP_RBAC has no rights by field.
 */
static int check_changed_fields(void *arg, const struct objects_review *review, struct err *err)
{
    const struct auth_user *user = review->who->identity;

    if (!review->after || review->who->trusted || !user ||
        (user->role != AUTH_SPOKE && user->role != AUTH_JOIN))
        return 0;
    if (!review->before)
        return check_new(review, user, err);
    keep_managers(review);
    return check_change(review, user, err);
}

void fields_open(struct auth *auth)
{
    objects_rule(auth->settings.objects, NULL, "", check_changed_fields, auth);
}
