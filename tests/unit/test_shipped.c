/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks every object that we ship or show: assets, conf/ and the YAML blocks
 * of the documents parse, are of a kind that exists and obey its schema.
 */
#include "base/asset.h"
#include "base/mem.h"
#include "base/text.h"
#include "document/document.h"
#include "kinds/kinds.h"
#include "schema/schema.h"

#include <ftw.h>

#include "check.h"

static struct kinds *kinds;

/* The namespace comes from where an object is applied, so it is not asked for. */
static void check_object(struct arena *arena, const char *place, const struct node *object)
{
    const char *version = node_get_text(object, "apiVersion"),
               *name = node_get_text(object, "kind");
    struct node *causes = node_list(arena), *unknown = node_list(arena);
    struct node *copy = node_copy(arena, object);
    const struct kind *kind;
    struct err err = {0};

    if (!*version || !strcmp(version, "v1") || !strcmp(version, "apps/v1"))
        return;
    if (!strncmp(version, "kustomize", 9) || strstr(version, "fluxcd.io"))
        return;
    kind = kinds_by_kind(kinds, version, name);
    if (!CHECK(kind != NULL, "%s: %s %s is a kind", place, version, name))
        return;
    CHECK(schema_apply_defaults(kind->schema, arena, copy, &err) == 0, "%s: %s takes defaults",
          place, name);
    schema_find_unknown(kind->schema, arena, object, unknown);
    CHECK_TEXT(document_json(arena, unknown), "[]", "%s: every field of %s is known", place, name);
    schema_validate(kind->schema, arena, copy, causes);
    CHECK_TEXT(document_json(arena, causes), "[]", "%s: %s is valid", place, name);
}

static void check_text(const char *place, const char *text, size_t size)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    struct node *all = document_read_all(arena, text, size, &document_limits_api, &err);

    if (!CHECK(all != NULL, "%s can be read", place)) {
        printf("# %s\n", err.text);
        return;
    }
    for (size_t i = 0; i < all->len; i++)
        if (node_is(node_item(all, i), NODE_MAP))
            check_object(arena, place, node_item(all, i));
}

static int check_asset(const struct asset *asset, void *arg)
{
    (void)arg;
    if (text_ends(asset->path, ".yaml"))
        check_text(asset->path, (const char *)asset->bytes, asset->size);
    return 0;
}

/* The blocks between ```yaml and ```. */
static void check_page(const char *path, const char *page)
{
    static const char start[] = "\n```yaml\n";
    const char *at = page, *end;
    int number = 0;

    while ((at = strstr(at, start))) {
        char place[300];

        at += sizeof(start) - 1;
        end = strstr(at, "\n```");
        snprintf(place, sizeof(place), "%s, block %d", path, ++number);
        if (!CHECK(end != NULL, "%s ends", place))
            return;
        check_text(place, at, (size_t)(end - at) + 1);
        at = end;
    }
}

static int check_file(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    scoped_text struct text text = {0};
    char bytes[4096];
    size_t got;
    FILE *file;

    (void)status, (void)walk;
    if (type != FTW_F || !(text_ends(path, ".yaml") || text_ends(path, ".md")))
        return 0;
    file = fopen(path, "re");
    if (!CHECK(file != NULL, "%s opens", path))
        return 0;
    while ((got = fread(bytes, 1, sizeof(bytes), file)) > 0)
        text_add_bytes(&text, bytes, got);
    fclose(file);
    if (text_ends(path, ".md"))
        check_page(path, text_string(&text));
    else
        check_text(path, text_string(&text), text.len);
    return 0;
}

int main(void)
{
    static const char *const folders[] = {"conf", "docs", "README.md", "install"};
    struct err err = {0};

    kinds = kinds_open(&err);
    if (!CHECK(kinds != NULL, "the kinds can be read")) {
        printf("# %s\n", err.text);
        return check_done();
    }
    asset_each("catalogue/", check_asset, NULL);
    asset_each("definitions/", check_asset, NULL);
    for (size_t i = 0; i < count_of(folders); i++)
        nftw(folders[i], check_file, 8, FTW_PHYS);
    kinds_close(&kinds);
    return check_done();
}
