/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_INDEX_H
#define CONTROLLERS_INDEX_H

#include "controllers/kind_ids.h"

#include <stdbool.h>

struct controllers;
struct object;
struct reconcile_run;

/* Private to controllers: an index of objects by the value of a label, over what is
   staged. */
void index_open(struct controllers *all);
void index_note(struct controllers *all, const struct object *before, const struct object *after);
void index_free(struct controllers *all);
/* Calls back with candidates, in order of namespace and name: the callback reads the
   object and looks. False: this label of this kind is not indexed. */
bool index_each(struct reconcile_run *run, enum kind_id kind, const char *label, const char *value,
                void (*each)(void *arg, const struct object *object), void *arg);
/* The same of the names alone, in no order; nothing may be written meanwhile. */
bool index_each_name(struct controllers *all, enum kind_id kind, const char *label,
                     const char *value,
                     void (*each)(void *arg, const char *namespace, const char *name), void *arg);

#endif
