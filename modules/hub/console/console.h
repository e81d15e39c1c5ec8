/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdbool.h>

struct http_request;

/*
 * Serves the web console's files, which are compiled into the program.
 *
 * The console is a client of the API like any other: it asks for a token, keeps
 * it for the browser's session and sends it with every request. So there are no
 * cookies here, and nothing that a foreign page could borrow.
 */

/*
 * Handles /console and what is below it. An http_handler_fn. A program that was
 * built without the console answers with a page that says so.
 */
void console_handle(struct http_request *request, void *arg);

/* Whether the console is in this program (CONSOLE=no leaves it out). */
bool console_is_built(void);

#endif
