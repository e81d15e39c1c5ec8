/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLUSTER_FORWARD_H
#define CLUSTER_FORWARD_H

#include "base/err.h"
#include "base/mem.h"

#include <stddef.h>

struct loop;

/*
 * Private to cluster: a TCP port of this machine that leads to others.
 *
 * Each connection is taken to the next of the ports at 127.0.0.1 in turn, to
 * the one after it if that refuses, and is closed if all do. Connections that
 * are there go on when the forward is closed or led elsewhere; they end with
 * one of their ends, or with the pool.
 */
struct forward_pool;
struct forward;

struct forward_pool *forward_pool_new(struct loop *loop);
void forward_pool_free(struct forward_pool **pool);

/* Listens at "HOST:PORT". No ports yet: connections are closed at once. */
struct forward *forward_open(struct forward_pool *pool, const char *address, struct err *err);
void forward_close(struct forward **forward);
#define FORWARD_PORTS 64
void forward_lead(struct forward *forward, const int *ports, size_t count);

#endif
