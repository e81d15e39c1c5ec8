/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_RUNTIME_H
#define SIM_RUNTIME_H

#include "runtime/runtime.h"

#include <stdbool.h>
#include <stddef.h>

/* The driver of a machine whose processes are only said to run. */
extern const struct runtime_driver runtime_simulated;

/*
 * The machine under simulated spokes: pods outlive the driver that made them,
 * found again by the same `directory`. Forget all of it between two seeds; a
 * reboot ends every process in one directory.
 */
void runtime_simulated_reset(void);
void runtime_simulated_reboot(const char *directory);
/* The same by the machine; `oom`: a process of it was killed for memory. */
void runtime_simulated_end(const char *directory, const char *pod, const char *container, int code,
                           int signal, bool oom);
/* One of its volumes is too full: all of it ends. */
void runtime_simulated_evict(const char *directory, const char *pod);
/* The id of the nth pod there; NULL: there are not so many. */
const char *runtime_simulated_pod(const char *directory, size_t nth);
/* The containers that run there, and the pods there are. */
size_t runtime_simulated_running(const char *directory, size_t *ret_pods);
/* Of pods whose description contains this text. */
size_t runtime_simulated_running_of(const char *directory, const char *text);
/*
 * How containers behave on all machines. The default tells each event within 5 ms, and
 * nothing ends by itself.
 */
struct sim_manner {
    int64_t delay;         /* each event is told after so long; 0: as `delay_most` says */
    int64_t delay_most;    /* after a random time up to this */
    unsigned fail_percent; /* of the starts: such a run ends a moment after it was told */
    int64_t run_time;      /* each other run ends after so long; 0: it goes on */
    int exit_code;         /* of what ends by itself */
};
void runtime_simulated_manner(const struct sim_manner *manner);
/* Called at each start of a container, on whatever machine; NULL: no more. */
void runtime_simulated_on_start(void (*started)(void *arg, const char *directory), void *arg);

#endif
