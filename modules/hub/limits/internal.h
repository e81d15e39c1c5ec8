/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIMITS_INTERNAL_H
#define LIMITS_INTERNAL_H

#include "auth/auth.h"
#include "limits/limits.h"
#include "objects/objects.h"

struct map;

#define REMOTES 4

/* The requests of one identity are counted here. */
struct account {
    char *key; /* owned: `cluster "edge-1"`, as it is named to people */
    struct limits_bucket requests, writes, bytes;
    size_t in_flight;
    int64_t coming;            /* bytes of bodies in flight */
    int64_t used;              /* steady */
    char remotes[REMOTES][64]; /* where it came from last, a ring */
    size_t next_remote;
};

struct limits {
    struct limits_settings settings;
    struct map *accounts;   /* owned */
    struct map *namespaces; /* owned: namespace to struct space_use */
    const struct kind *events, *clusters;
};

/* accounts.c */
/* Counts what a write makes of its object. */
void limits_charge(struct limits *limits, const struct auth_user *user, size_t bytes);
/* The user, if the write is by a machine: a spoke, or one that joins. Otherwise NULL. */
const struct auth_user *limits_machine(const struct objects_review *review);

/* machine.c: rules before what spokes and joining machines write. */
void limits_rule_machines(struct limits *limits);

/* namespaces.c: how much users may keep in a namespace. */
void limits_rule_namespaces(struct limits *limits);
void limits_close_namespaces(struct limits *limits);

#endif
