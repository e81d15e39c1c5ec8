/* SPDX-License-Identifier: Apache-2.0 */
/* Clears the registry of unreferenced artifacts, and old notes of numbers, once an hour. */
#include "controllers/numbers.h"
#include "controllers/table.h"

#include "base/clock.h"
#include "base/log.h"
#include "registry/registry.h"

#define HOUR (3600 * CLOCK_SECOND)

static void on_sweep_durable(void *arg, const struct err *err)
{
    if (err)
        log_warn("controllers", "unused blobs of the registry were not deleted: %s", err->text);
}

/* What was pushed a moment ago may be named a moment later: an hour's grace. */
static int reconcile_sweep(struct reconcile_run *run, struct err *err)
{
    numbers_fold(run);
    if (registry_sweep(objects_store(run->objects), run->now - HOUR))
        objects_when_durable(run->objects, on_sweep_durable, NULL);
    reconcile_wake_at(run, run->now + HOUR);
    return 0;
}

const struct controller controller_sweep = {
    .name = "sweep", .run = reconcile_sweep, .about = ABOUT_NOTHING};
