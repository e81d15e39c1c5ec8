/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOOP_SOCKET_H
#define LOOP_SOCKET_H

#include "loop/real.h"

/* A stream over an accepted descriptor, which it then owns. */
struct loop_stream *real_socket_accepted(struct loop *loop, int fd, const struct sockaddr *from);

#endif
