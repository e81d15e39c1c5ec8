/* SPDX-License-Identifier: Apache-2.0 */
/* Answers questions about revisions: which is the newest, which a client has seen that
   is not here, and since when a namespace has been another one. */

#include "objects/keeper.h"

#include "base/log.h"

int64_t objects_revision(const struct objects *objects)
{
    return objects->keeper.revision;
}

int64_t objects_ahead(const struct objects *objects)
{
    return objects->keeper.ahead_count;
}

bool revisions_saw_ahead(struct keeper *keeper, int64_t revision)
{
    keeper->ahead_count++;
    if (revision <= keeper->ahead)
        return true;
    keeper->ahead = revision;
    log_error("objects",
              "a client has seen revision %lld, and the newest here is %lld: if "
              "it did not make that up, acknowledged writes are lost, as when an older copy "
              "of the database was put in place",
              (long long)revision, (long long)keeper->revision);
    return true;
}

bool revisions_space_went(const struct keeper *keeper, const char *namespace, int64_t revision)
{
    const struct kind *kind = kinds_find(keeper->kinds, "", "namespaces");
    const struct change *change = kind && *namespace ? table_of(keeper, kind)->first : NULL;

    for (; change; change = change->next_here)
        if (change->revision > revision && !change->after && change->last &&
            !strcmp(change->last->name, namespace))
            return true;
    return false;
}
