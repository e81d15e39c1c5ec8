/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCUMENT_SCAN_H
#define DOCUMENT_SCAN_H

#include "document/document.h"

/*
 * One pass over a JSON text before anything is built from it: is it JSON, and is it
 * within the limits? Every reader of bytes from outside begins with it.
 */
int document_scan_json(const char *text, size_t len, const struct document_limits *limits,
                       struct err *err) MUST_CHECK;

#endif
