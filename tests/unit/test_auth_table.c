/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of rights is whole and docs/ACCESS.md shows it. After a change:
 * build/debug/unit/test_auth_table print, into the page between its two marks.
 */
#include "auth/internal.h"
#include "check.h"

#include "base/file.h"
#include "base/text.h"
#include "kinds/kinds.h"

#include <string.h>

#define BEGIN "<!-- access.def: begin -->\n"
#define END "<!-- access.def: end -->"

/* ---- The page ------------------------------------------------------------------ */

static const char *where_told(const struct access_row *row, enum access_where where)
{
    static const char *const words[] = {
        [ACCESS_ANYWHERE] = "",
        [ACCESS_OWN_NAMESPACE] = " in its namespace",
        [ACCESS_OWN_NAME] = " of its name",
        [ACCESS_NAMED_SECRET] = " if its works name it",
        [ACCESS_OWN_REQUEST] = " if it made it",
        [ACCESS_JOINING] = " if it joins under that name",
    };

    return words[where];
}

static const char *fields_told_short(enum access_fields fields)
{
    static const char *const words[] = {
        [ACCESS_FIELDS_NONE] = "",
        [ACCESS_FIELDS_ALL] = "",
        [ACCESS_FIELDS_SPEC] = ": `spec`",
        [ACCESS_FIELDS_NO_METADATA] = ": no metadata",
        [ACCESS_FIELDS_FINALIZER] = ": its own finalizer",
    };

    return words[fields];
}

static void write_words(struct text *out, struct arena *arena, const char *letters)
{
    struct words words = access_verbs(arena, letters);

    for (size_t i = 0; i < words.count; i++)
        text_addf(out, "%s%s", i ? " " : "", words.list[i]);
}

static void write_cell(struct text *out, struct arena *arena, const struct access_row *row,
                       const struct access_cell *cell)
{
    text_add(out, " | ");
    write_words(out, arena, cell->verbs);
    text_add(out, where_told(row, cell->where));
    if (strpbrk(cell->verbs, "up") && !*row->subresource)
        text_add(out, fields_told_short(cell->fields));
}

static void write_page(struct text *out)
{
    scoped_arena struct arena *arena = arena_new();

    text_add(out, "\n| resource | join token | spoke | view | edit | admin |\n"
                  "|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < access_row_count; i++) {
        const struct access_row *row = &access_rows[i];

        text_addf(out, "| %s%s%s", access_resource(arena, row), *row->group ? "." : "", row->group);
        write_cell(out, arena, row, &row->join);
        write_cell(out, arena, row, &row->spoke);
        for (size_t role = 0; role < ACCESS_ROLES; role++) {
            text_add(out, " | ");
            if (role && *row->roles[role] && !strcmp(row->roles[role], row->roles[role - 1]))
                text_add(out, "same");
            else
                write_words(out, arena, row->roles[role]);
        }
        text_add(out, " |\n");
    }
    text_add_char(out, '\n');
}

static void test_page(void)
{
    scoped_text struct text wanted = {0};
    struct err err = {0};
    size_t len;
    scoped_mem char *page = file_read("docs/ACCESS.md", 1 << 20, &len, &err);
    const char *begin, *end;

    write_page(&wanted);
    if (!CHECK(page != NULL, "docs/ACCESS.md"))
        return;
    begin = strstr(page, BEGIN);
    end = begin ? strstr(begin, END) : NULL;
    if (!CHECK(begin && end, "docs/ACCESS.md has a place for the table"))
        return;
    begin += strlen(BEGIN);
    CHECK((size_t)(end - begin) == wanted.len && !memcmp(begin, text_string(&wanted), wanted.len),
          "docs/ACCESS.md shows the table as it is");
}

/* ---- Whole ---------------------------------------------------------------------- */

static bool has_row(const struct kind *kind, const char *subresource)
{
    for (size_t i = 0; i < access_row_count; i++)
        if (!strcmp(access_rows[i].group, kind->group) &&
            !strcmp(access_rows[i].resource, kind->plural) &&
            !strcmp(access_rows[i].subresource, subresource))
            return true;
    return false;
}

static void test_kinds_have_rows(const struct kinds *kinds)
{
    for (size_t i = 0; i < kinds_count(kinds); i++) {
        const struct kind *kind = kinds_at(kinds, i);

        CHECK(has_row(kind, ""), "%s has a row in modules/hub/auth/access.def", kind->resource);
        for (size_t j = 0; j < kind->subresource_count; j++)
            CHECK(has_row(kind, kind->subresources[j].name),
                  "%s/%s has a row in modules/hub/auth/access.def", kind->resource,
                  kind->subresources[j].name);
    }
}

static void test_rows_have_kinds(const struct kinds *kinds)
{
    for (size_t i = 0; i < access_row_count; i++) {
        const struct access_row *row = &access_rows[i];
        const struct kind *kind = kinds_find(kinds, row->group, row->resource);

        CHECK(kind && (!*row->subresource || kind_subresource(kind, row->subresource)),
              "%s/%s of the table is served", row->resource, row->subresource);
        for (size_t role = 1; role < ACCESS_ROLES; role++)
            CHECK(strspn(row->roles[role - 1], row->roles[role]) == strlen(row->roles[role - 1]),
                  "%s: a role may all that the one below it may", row->resource);
    }
}

int main(int argc, char **argv)
{
    struct err err = {0};
    scoped_kinds struct kinds *kinds = NULL;

    if (argc > 1 && !strcmp(argv[1], "print")) {
        scoped_text struct text page = {0};

        write_page(&page);
        fputs(text_string(&page), stdout);
        return 0;
    }
    kinds = kinds_open(&err);
    if (!CHECK(kinds != NULL, "kinds"))
        return check_done();
    test_kinds_have_rows(kinds);
    test_rows_have_kinds(kinds);
    test_page();
    return check_done();
}
