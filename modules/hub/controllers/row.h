/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_ROW_H
#define CONTROLLERS_ROW_H

#include "document/document.h"
#include "pki/pki.h"
#include "placement/placement.h"

#include <stdbool.h>
#include <stdint.h>

struct text;

/*
 * Private to controllers, and pure: what is needed of a ManifestWork and of a Workload,
 * read from the object once. A row is one piece of memory, its texts behind it; texts of
 * spokes are cut at ROW_MOST_TEXT bytes. Equal objects give equal rows.
 */
#define ROW_MOST_TEXT 1024

struct row {
    const char *cluster;
    struct row *retired; /* rows.c */
};

struct row_digest {
    unsigned char bytes[PKI_SHA256];
};

/* A condition counts where it is of the present generation. */
struct work_row {
    struct row head;
    const char *name, *uid;
    const char *project, *placement; /* labels; "" */
    const char *message;             /* of what is wrong, else of Available */
    bool labelled;                   /* as the replica set's whose name it has */
    bool deleting;
    bool reported; /* its agent has taken this generation, or tried to */
    bool applied, not_applied, available, degraded, complete;
    bool progressing, settled; /* Progressing is True, and False */
    bool tells_progress;       /* it has that condition at all */
    enum placement_rollout_status rollout;
    int64_t since; /* of that, by the spoke's word; 0: not known */
    int64_t generation, created;
    int64_t revised, done;  /* META_ANNOTATION_REVISED_AT, …_DONE_AT; 0: not told */
    struct row_digest spec; /* and what of it the controller set */
    struct row_digest labels;
};

struct load_row {
    struct row head;
    const char *replica_set, *project, *deployment; /* labels; "" */
    const char *work_uid;                           /* its status is of this work … */
    int64_t work_generation;
    bool names_work;    /* … which agents of before 0.2 do not say, … */
    bool same_artifact; /* … but which artifact they mean */
    const char *message;
    const char *endpoints; /* JSON, a list; "": none */
    int64_t copies, copies_ready;
};

/* The caller's, to be freed with mem_free(). */
struct work_row *row_of_work(const struct node *work);
struct load_row *row_of_load(const struct node *load);
bool row_digest_same(const struct row_digest *a, const struct row_digest *b);
/* The name of the first field that differs; NULL: none does. */
const char *row_work_difference(const struct work_row *a, const struct work_row *b);
const char *row_load_difference(const struct load_row *a, const struct load_row *b);

#endif
