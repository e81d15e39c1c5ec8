/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_IDENTITY_H
#define AGENT_IDENTITY_H

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "loop/loop.h"

#include <stdbool.h>

struct agent;
struct agent_settings;
struct node;

/* ---- identity.c: the name of this spoke and the address of its hub --------------- */

int identity_open(struct agent *agent, const struct agent_settings *settings,
                  struct err *err) MUST_CHECK;
/* As far as it is known: nothing is asked of a hub. */
void identity_open_offline(struct agent *agent);
void identity_close(struct agent *agent);
/* The hub was reached at this address: the address and the certificate are kept twice. */
void identity_remember(const struct agent *agent);
/* Says why a token is needed: never joined, or the key or certificate is lost. */
int identity_needs_token(const struct agent *agent, struct err *err);

/* ---- certificate.c: the key of this spoke, and a certificate for it -------------- */

/* Whether the key, the certificate or the authority is damaged in both copies. */
bool certificate_is_broken(const struct agent *agent);
/* Whether it has ended: then only a token helps. */
bool certificate_is_over(const struct agent *agent);
/* How long it is valid from now; at most 0 where there is none. */
int64_t certificate_time_left(const struct agent *agent);
/* A request for a certificate for this spoke's key, which is made if there is none. */
struct node *certificate_make_request(struct agent *agent, struct arena *arena,
                                      struct err *err) MUST_CHECK;
/* The digest of that key, in hex. */
int certificate_add_key_pin(struct agent *agent, struct text *ret, struct err *err) MUST_CHECK;
/* The message of a condition Denied or Failed of the request; NULL: there is none. */
const char *certificate_denial(const struct node *status);
/* Whether it may take the place of the certificate that is there: for this spoke, its
   key, by its hub's authority. `ret_pem`: what `base64` holds. */
int certificate_check(const struct agent *agent, const char *authority, const char *base64,
                      struct text *ret_pem, struct err *err) MUST_CHECK;

/* ---- token.c: the join token ----------------------------------------------------- */

/* Whether this spoke has a certificate that it can go on with, or no token for another. */
bool token_join_is_done(const struct agent *agent);
/* Whether it was given a token other than that of the last join. */
bool token_is_new(const struct agent *agent);
/* ERR_INVALID for what was never a token: no hub could make it one. */
int token_check(const struct agent *agent, struct err *err) MUST_CHECK;
/* The digest of the key of the hub's authority, PKI_SHA256 bytes. */
int token_add_pin(const struct agent *agent, struct text *ret, struct err *err) MUST_CHECK;
/* The id of the token of this or the last join, "" if there is none; the caller frees. */
char *token_id(const struct agent *agent);
/* Notes that the join with this token is done. */
int token_remember(const struct agent *agent, struct err *err) MUST_CHECK;

#endif
