/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_RULES_H
#define CONTROLLERS_RULES_H

struct controllers;

/* Private to controllers: rules before writes, each registered once at the start and
   in this order. The file that has one is named beside it. */
void joining_rules(struct controllers *all);     /* joining.c: who may create a cluster */
void token_rules(struct controllers *all);       /* token.c: JoinTokens */
void spoke_write_rules(struct controllers *all); /* spoke_writes.c: what spokes may write */
void admission_rules(struct controllers *all);   /* admission.c: names that are the hub's */
void size_rules(struct controllers *all);        /* sizes.c: profiles too large to be rendered */
void boundary_rules(struct controllers *all);    /* boundaries.c: what tenants may name */
void aiworkload_rules(struct controllers *all);  /* aiworkload.c: a status of a former spec */
void csr_rules(struct controllers *all);         /* csr.c: certificate requests */

#endif
