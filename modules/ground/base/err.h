/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define PRINTF(words, first) __attribute__((format(printf, words, first)))
#define MUST_CHECK __attribute__((warn_unused_result))

/*
 * What went wrong, in words for the user whose request failed.
 *
 * A function that can fail takes a `struct err *` as its last argument. It
 * returns 0 (or a pointer) and leaves the struct alone, or it fills the
 * struct and returns -1 (or NULL). The struct sits on the caller's stack and
 * owns nothing, so there is never anything to free. NULL is allowed: the
 * caller does not want to know why.
 *
 * The function that meets the cause calls err_set(). A function that only
 * passes the failure on may call err_wrap() to say what it was doing. The
 * function that handles the failure decides whether to log it; none below does.
 */
enum err_code {
    ERR_NONE,
#define ERR_CODE(name, http, reason) ERR_##name,
#include "base/err_codes.def"
#undef ERR_CODE
};

struct err {
    enum err_code code;
    char text[1024];
};

/* Returns -1 always, so that `return err_set(...)` reads well. */
int err_set(struct err *err, enum err_code code, const char *format, ...) PRINTF(3, 4);

/* Puts "words: " before the text; the words never push the cause out. */
int err_wrap(struct err *err, const char *format, ...) PRINTF(2, 3);

/* The HTTP status and the Kubernetes reason of a code. ERR_NONE: 200, "". */
int err_http(enum err_code code);
const char *err_reason(enum err_code code);

/* The static analyser sees one file at a time and cannot know the answer. */
#ifdef __clang_analyzer__
#define err_set(...) (err_set(__VA_ARGS__), -1)
#define err_wrap(...) (err_wrap(__VA_ARGS__), -1)
#endif

#endif
