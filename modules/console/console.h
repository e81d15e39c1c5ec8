/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONSOLE_H
#define CONSOLE_H

struct http_request;

/*
 * Serves the web console's files, which are compiled into the program.
 *
 * The console is a client of the API like any other: it asks for a token, keeps
 * it for the browser's session and sends it with every request. So there are no
 * cookies here, and nothing that a foreign page could borrow.
 */

/* Handles /console and what is below it. An http_handler_fn. */
void console_handle(struct http_request *request, void *arg);

#endif
