/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBJECTS_JOB_H
#define OBJECTS_JOB_H

#include "base/clock.h"
#include "objects/inside.h"

struct patch_writer;

/* One write on its way: trees are in the version that was asked for. */
struct job {
    struct objects *objects;
    struct table *table;
    const struct objects_write *write;
    const struct kind *kind;
    struct arena *arena;
    struct objects_result *ret;
    struct err *err;
    const struct object *live; /* borrowed from the stage; NULL: none */
    const struct node *before; /* its tree */
    struct node *after;        /* what is to be */
    bool tracked;              /* managedFields are up to date (apply) */
    bool patched;              /* `after` is what a patch made */
};

/* What it is about. */
bool job_is_status(const struct job *job);
bool job_is_request(const struct kind *kind);

/* Failures: each fills job->err, and answers -1. */
void job_set_details(struct job *job, const char *name, const char *group, const char *kind);
int job_fail(struct job *job);
int job_bad_option(struct job *job, const char *options, const char *reason, const char *field,
                   const struct node *value, const char *why);
int job_conflict(const struct job *job, const char *why);
int job_cannot_handle(struct job *job, const char *why);

/* Beginning. */
int job_start(struct job *job, struct objects *objects, const struct objects_write *write,
              struct objects_result *ret, struct err *err);
void job_look_up(struct job *job, const char *name);

/* judge.c: what was sent, in the order in which it is looked at. */
int job_check_type(struct job *job);
int job_check_fields(struct job *job);
void job_arrange(struct job *job);
int job_judge(struct job *job);
/* Asks the rules of the kind; `after` is NULL for a delete. */
int job_review(struct job *job);

/* Who set which field. */
struct patch_writer job_writer(const struct job *job, char time[CLOCK_TEXT]);
void job_track(struct job *job);
struct node *job_bare(struct arena *arena, const struct node *object, bool without_managers);
bool job_is_unchanged(struct job *job);

/* Staging the result. */
struct node *job_stored_tree(struct job *job);
void job_finish(struct job *job, bool gone);
void job_finish_unchanged(struct job *job);

/* write.c, patch.c, delete.c. */
int job_create(struct job *job);
int job_update(struct job *job);
void job_raise_generation(struct job *job);
int job_run_patch(struct objects *objects, const struct objects_write *write,
                  struct objects_result *ret, struct job *job, struct err *err);
int job_run_delete(struct objects *objects, const struct objects_write *write,
                   struct objects_result *ret, struct job *job, struct err *err);

#endif
