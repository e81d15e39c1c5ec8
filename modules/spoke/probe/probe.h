/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct node;

/*
 * Asks a workload over the network whether it is well: by HTTP, by
 * grpc.health.v1.Health/Check, or by connecting to a port.
 *
 * A probe is a tree as runtime.h has it, without `exec`. It knows neither pods nor
 * how often to ask. One client belongs to one loop; nothing blocks.
 */
struct probe_client;
struct probe_client *probe_client_new(struct loop *loop) __attribute__((returns_nonnull));
/* What is still asked is answered with "the agent ends" before. */
void probe_client_free(struct probe_client **client);

/* ok, and what was answered or went wrong ("HTTP 503: loading model"). */
typedef void probe_fn(void *arg, bool ok, const char *message);
/* Asks once; calls back once, later. */
void probe_network(struct probe_client *client, const struct node *probe, int64_t timeout,
                   probe_fn *done, void *arg);

#endif
