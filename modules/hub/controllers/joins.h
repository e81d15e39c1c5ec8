/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_JOINS_H
#define CONTROLLERS_JOINS_H

#include "controllers/controller.h"

struct text;

/*
 * Private to controllers: which clusters joined by which token, and how many
 * CertificateSigningRequests each user has.
 *
 * One more machine that joins so costs the same whether it is the tenth or the ten
 * thousandth. Everything follows from the objects, staged ones too, and is read again at
 * the start and when a commit has failed.
 */
void joins_open(struct controllers *all);
void joins_free(struct controllers *all);
void joins_note(struct controllers *all, const struct object *before, const struct object *after);

/* How many clusters used the token: those that are there, and those of the uids in the list
   `left` (NULL: none), each once. */
size_t joins_uses(const struct controllers *all, const char *token, const struct node *left);
/* The clusters that are there and name the token as theirs; nothing may be written meanwhile. */
void joins_each_cluster(struct controllers *all, const char *token,
                        void (*each)(void *arg, const char *name), void *arg);
/* How many requests a user has; `cluster`: of them those with the label of this cluster (NULL:
   all). */
size_t joins_requests(const struct controllers *all, const char *user, const char *cluster);

/* A full recount, for proofs: false if something kept is not what the objects say. */
bool joins_are_true(struct controllers *all, struct text *why);

#endif
