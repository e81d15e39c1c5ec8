/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCUMENT_SCAN_H
#define DOCUMENT_SCAN_H

#include "document/document.h"

/*
 * One pass over a JSON text before anything is built from it: is it JSON, is
 * it within the limits, and how were its numbers spelt?
 */
struct scan {
    const char *text;
    size_t len;
    uint32_t *numbers; /* owned: offset of each number, in order */
    size_t number_count, number_room;
};

int scan_run(struct scan *scan, const struct document_limits *limits,
             struct err *err) MUST_CHECK;
void scan_free(struct scan *scan);
#define scoped_scan SCOPED(scan_free)

#endif
