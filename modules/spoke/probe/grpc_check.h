/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROBE_GRPC_CHECK_H
#define PROBE_GRPC_CHECK_H

#include "base/text.h"

/*
 * Private to probe: one call of grpc.health.v1.Health/Check over HTTP/2
 * without TLS (RFC 9113, the gRPC health checking protocol). Pure: bytes out,
 * bytes in. Headers of the answer are not decoded, for the message says it all.
 */
void probe_grpc_request(struct text *out, const char *authority, const char *service);

enum probe_grpc { PROBE_GRPC_MORE, PROBE_GRPC_GOOD, PROBE_GRPC_BAD };
/* What the answer so far says; `ret_why` is for a person, and lasts for ever. */
enum probe_grpc probe_grpc_read(const void *bytes, size_t len, const char **ret_why);
/* The other side's settings have come: this is due once. */
bool probe_grpc_has_settings(const void *bytes, size_t len);
void probe_grpc_acknowledge(struct text *out);

#endif
