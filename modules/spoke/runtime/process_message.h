/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_PROCESS_MESSAGE_H
#define RUNTIME_PROCESS_MESSAGE_H

#include <stddef.h>
#include <sys/types.h>

struct text;

/*
 * Private to runtime: one message from the agent to a shim over their
 * SOCK_SEQPACKET. What one packet cannot carry (a probe's command may be as long
 * as the object that says it) travels in a memory file whose descriptor is sent.
 */

/* -1 with errno; never waits. */
int process_message_send(int socket, const char *bytes, size_t len);
/* As recv(2): 0 at the end, -1 with errno; else the message is added to `ret`. */
ssize_t process_message_receive(int socket, struct text *ret);

#endif
