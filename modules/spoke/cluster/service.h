/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLUSTER_SERVICE_H
#define CLUSTER_SERVICE_H

#include "cluster/object.h"

/*
 * Private to cluster: Services on one machine.
 *
 * A Service has a loopback address of its own (127.64.0.0/10, from its name),
 * which is in the hosts file of every pod here; service.c listens there and
 * leads to the pods that are ready, service_names.c keeps addresses and names. Pods
 * share the machine's network, so a pod that itself listens on a Service's
 * port at all addresses is reached directly, and the port of a pod goes before
 * the port of a Service.
 */
struct services;

struct services *services_new(struct cluster *cluster);
void services_free(struct services **services);

/* Refuses by name what a Service cannot be here; fills `broken`. */
void service_read(struct cluster_object *object);
/* Makes ports and names what the ready pods call for. */
void services_reconcile(struct cluster *cluster);
/* Lets go of ports that this pod is about to listen on. */
void services_yield(struct services *services, const struct pod *pod);

/* {namespace, name, type, address, ports, endpoints, ready, reason, message} */
const struct node *service_status(const struct cluster_object *object);
/* Sets `health` and `why`. */
void service_judge(struct cluster_object *object);
void service_free(struct cluster_object *object);
/* The Service with the clusterIP it has here. */
void service_describe(const struct cluster_object *object, struct arena *arena, struct node *ret);
/* Ports that others can reach: {name, address, port, protocol, service}. */
void service_endpoints(const struct cluster_object *object, struct arena *arena, struct node *list);

/* ---- service_names.c ----------------------------------------------------------------- */

bool names_are_headless(const struct cluster_object *service);
/* A workload or pod whose labels the Service's selector names. */
bool names_select(const struct cluster_object *service, const struct node *template);
/* "127.80.3.7", the same for the same name as long as this spoke lives. */
const char *names_address(struct services *services, const char *project, const char *namespace,
                          const char *name);
/* Lines of a hosts file as a pod of that project in that namespace should read it. */
struct node *names_hosts(struct cluster *cluster, struct arena *arena, const char *project,
                         const char *namespace);
/* NAME_SERVICE_HOST, NAME_SERVICE_PORT, NAME_SERVICE_PORT_portname. */
void names_env(struct cluster *cluster, struct arena *arena, const char *project,
               const char *namespace, struct node *values);

struct services {
    struct cluster *cluster;
    struct forward_pool *pool; /* owned */
    struct map *slots;         /* owned; "ADDRESS:PORT" */
    struct map *addresses;     /* owned; "ADDRESS" -> name, "=NAME" -> address; owned */
    struct loop_timer *retry;  /* owned */
    uint64_t salt;             /* from the spoke's folder */
};

#endif
