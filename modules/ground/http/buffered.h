/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HTTP_BEHIND_H
#define HTTP_BEHIND_H

#include "http/http.h"

/*
 * A stream that first tells the bytes which came behind a head, and then is
 * the stream given. Takes both over; without bytes it is that stream itself.
 */
struct loop_stream *behind_new(struct loop_stream *stream, struct text *bytes);

#endif
