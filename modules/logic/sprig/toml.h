/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPRIG_TOML_H
#define SPRIG_TOML_H

#include "gotemplate/gotemplate.h"

/*
 * TOML 1.0 for Helm's functions toToml and fromToml. It is kept only because
 * charts use these two; nothing else in the program reads or writes TOML.
 *
 * Its files are toml.c (the two functions, and writing), toml_read.c (keys and
 * tables), toml_lex.c (characters and scalars) and toml_name.c (dotted names,
 * and errors). The sentences are those of Helm's decoder, for they become part
 * of what fromToml gives.
 */
#define TOML_PARTS 100 /* of a dotted key, and values inside each other */

struct toml_reader {
    struct call *call;
    struct heap *heap;
    struct str text;
    size_t at;
    unsigned line;
    bool ended; /* the end of the text has been read, not only seen */
    struct text *why;

    struct dict *root;
    struct map *implicits, *arrays; /* by their dotted names */
    struct str context[TOML_PARTS + 1];
    unsigned context_len;
    struct str current;  /* the key whose value is being read, or none */
    unsigned first_line; /* where that key, or the table's name, starts */
    unsigned depth;
};

/* Says what is wrong at a line and near which key; always false. */
bool toml_fail(struct toml_reader *reader, long line, const char *format, ...) PRINTF(3, 4);
/* The dotted name of the context, with `key` behind it unless that is NULL. */
bool toml_dotted_name(struct toml_reader *reader, const struct str *key, struct text *out);
/* The line that an error names which is found at this character. */
long toml_line(const struct toml_reader *reader);
/* fmt's %q of a character, and a character or "end of file" in quotes. */
const char *toml_quote(struct toml_reader *reader, int rune);
const char *toml_show(struct toml_reader *reader, int rune);

/* The next character, 0 at the end, -1 when it may not stand in TOML. */
int toml_next(struct toml_reader *reader);
void toml_back(struct toml_reader *reader);
int toml_peek(struct toml_reader *reader);
bool toml_skip_spaces(struct toml_reader *reader);
/* From behind a `#` up to the end of the line. */
bool toml_skip_comment(struct toml_reader *reader);
static inline bool toml_is_space(int c)
{
    return c == ' ' || c == '\t';
}
static inline bool toml_is_newline(int c)
{
    return c == '\n' || c == '\r';
}

/* A part of a key: bare, or in quotes. */
bool toml_read_name(struct toml_reader *reader, struct str *ret);
/* A string behind its first quote, three quotes included where `many`. */
bool toml_read_string(struct toml_reader *reader, char quote, bool many, struct str *ret);
/* A number, date, boolean or one of the words that floats have. */
bool toml_read_scalar(struct toml_reader *reader, int first, struct value *ret);

/* The whole text, or false with the sentence in `why`, or with a failed call
   when over a bound. */
bool toml_read(struct call *call, struct str text, struct dict **ret, struct text *why);

#endif
