/* SPDX-License-Identifier: Apache-2.0 */
/* Every row of assets/kinds/ can be read, found and printed. */
#include "base/clock.h"
#include "document/document.h"
#include "kinds/kinds.h"
#include "schema/schema.h"
#include "unit/check.h"

#include <string.h>

static void find_kinds(const struct kinds *kinds)
{
    const struct kind *aiw = kinds_by_plural(kinds, "axle.dev", "v1alpha1", "aiworkloads");

    CHECK(aiw != NULL, "a kind is found by plural");
    CHECK(aiw == kinds_by_kind(kinds, "axle.dev/v1alpha1", "AIWorkload"), "and by kind");
    CHECK(aiw == kinds_find(kinds, "axle.dev", "aiworkloads"), "and without its version");
    CHECK_TEXT(aiw->resource, "aiworkloads.axle.dev", "errors name it so");
    CHECK(aiw->namespaced && kind_has_status(aiw), "scope and status");
    CHECK(kinds_by_plural(kinds, "", "v1", "pots") == NULL, "what is not there is not found");
}

static bool has_column(const struct kind *kind, const char *name)
{
    for (size_t i = 0; i < kind->column_count; i++)
        if (strcmp(kind->columns[i].name, name) == 0)
            return true;
    return false;
}

static void rows_are_complete(const struct kinds *kinds)
{
    for (size_t i = 0; i < kinds_count(kinds); i++) {
        const struct kind *kind = kinds_at(kinds, i);

        CHECK(kind->schema != NULL, "%s has a schema", kind->resource);
        CHECK(has_column(kind, "Name"), "%s shows its name", kind->resource);
        for (size_t c = 0; c < kind->column_count; c++)
            CHECK(*kind->columns[c].description, "%s: %s says what it is", kind->resource,
                  kind->columns[c].name);
    }
}

static void dangerous_kinds_are_not_in_all(const struct kinds *kinds)
{
    static const char *const never[] = {"managedclusters", "tenants", "projects", "computepools"};

    for (size_t i = 0; i < kinds_count(kinds); i++) {
        const struct kind *kind = kinds_at(kinds, i);

        for (size_t n = 0; n < count_of(never); n++) {
            if (strcmp(kind->plural, never[n]) != 0)
                continue;
            for (size_t c = 0; kind->categories[c]; c++)
                CHECK(strcmp(kind->categories[c], "all") != 0,
                      "`kubectl delete all --all` spares %s", kind->plural);
        }
    }
}

static void ages_read_like_kubectl(void)
{
    static const struct {
        int64_t seconds;
        const char *age;
    } cases[] = {
        {-5, "0s"},     {0, "0s"},        {119, "119s"},  {120, "2m"},      {200, "3m20s"},
        {600, "10m"},   {10799, "179m"},  {10800, "3h"},  {12000, "3h20m"}, {172799, "47h"},
        {172800, "2d"}, {266400, "3d2h"}, {691200, "8d"}, {63072000, "2y"}, {64800000, "2y20d"},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        char age[24];

        kind_age(cases[i].seconds * CLOCK_SECOND, age);
        CHECK_TEXT(age, cases[i].age, "%lld seconds", (long long)cases[i].seconds);
    }
}

static void cells_follow_the_columns(const struct kinds *kinds)
{
    static const char text[] = "{\"metadata\":{\"name\":\"edge\",\"creationTimestamp\":"
                               "\"2026-01-01T00:00:00Z\"},\"spec\":{\"hubAcceptsClient\":true},"
                               "\"status\":{\"conditions\":[{\"type\":\"ManagedClusterJoined\","
                               "\"status\":\"True\"}]}}";
    scoped_arena struct arena *arena = arena_new();
    const struct kind *kind =
        kinds_find(kinds, "cluster.open-cluster-management.io", "managedclusters");
    struct node *object = document_read_json(arena, text, strlen(text), &document_limits_own, NULL);
    struct node *cells;
    int64_t now;

    CHECK(clock_parse("2026-01-01T00:05:00Z", &now), "the clock is set");
    cells = kind_cells(arena, kind, object, now);
    CHECK_TEXT(document_json(arena, cells), "[\"edge\",true,\"\",\"True\",\"\",\"\",\"5m\"]",
               "cells stand in the order of the columns");
}

struct promise {
    const struct kind *kind;
    const char *path;
};

static bool is_unused(const struct kind *kind, const char *path)
{
    for (const char *const *at = kind->unused_fields; at && *at; at++)
        if (!strcmp(*at, path))
            return true;
    return false;
}

static void is_warned_of(void *arg, const char *key, const struct schema *member, bool required)
{
    const struct promise *promise = arg;
    scoped_mem char *path = mem_printf("%s%s%s", promise->path, *promise->path ? "." : "", key);
    struct promise below = {promise->kind, path};
    bool idle =
        strstr(node_get_text(schema_source(member), "description"), "Not implemented yet") != NULL;

    (void)required;
    if (idle || is_unused(promise->kind, path))
        CHECK(idle == is_unused(promise->kind, path), "%s: %s is warned of as it is explained",
              promise->kind->kind, path);
    if (strlen(path) < 60 && strcmp(key, "metadata") != 0)
        schema_each(member, is_warned_of, &below);
}

/* What explain says is without effect is warned of, and the other way round. */
static void what_has_no_effect_is_warned_of(const struct kinds *kinds)
{
    for (size_t i = 0; i < kinds_count(kinds); i++) {
        const struct kind *kind = kinds_at(kinds, i);
        struct promise all = {kind, ""};
        bool idle = strstr(kind->description, "Not implemented yet") != NULL;

        CHECK(idle == is_unused(kind, "."), "%s is warned of as it is explained", kind->kind);
        schema_each(kind->schema, is_warned_of, &all);
    }
}

int main(void)
{
    struct err err = {0};
    scoped_kinds struct kinds *kinds = kinds_open(&err);

    CHECK(kinds != NULL, "the rows can be read: %s", err.text);
    if (!kinds)
        return check_done();
    find_kinds(kinds);
    rows_are_complete(kinds);
    dangerous_kinds_are_not_in_all(kinds);
    ages_read_like_kubectl();
    cells_follow_the_columns(kinds);
    what_has_no_effect_is_warned_of(kinds);
    return check_done();
}
