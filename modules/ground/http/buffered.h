/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HTTP_BUFFERED_H
#define HTTP_BUFFERED_H

#include "http/http.h"

/*
 * A stream whose first bytes were read already, with the head of a message: it
 * gives these to its reader and then is the stream given. Takes both over;
 * without bytes it is that stream itself.
 */
struct loop_stream *http_buffered_new(struct loop_stream *stream, struct text *bytes);

#endif
