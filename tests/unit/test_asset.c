/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that files compiled in are found by path and visited in order. */
#include "base/asset.h"

#include "check.h"

struct walk {
    const char *last;
    int count, stop_after, ordered;
};

static int visit(const struct asset *asset, void *arg)
{
    struct walk *walk = arg;

    if (walk->last && strcmp(walk->last, asset->path) >= 0)
        walk->ordered = 0;
    walk->last = asset->path;
    if (asset_find(asset->path) != asset || asset->bytes[asset->size] != 0)
        walk->ordered = 0;
    return ++walk->count == walk->stop_after ? 7 : 0;
}

int main(void)
{
    struct walk all = {.ordered = 1}, none = {.ordered = 1};
    struct walk one = {.ordered = 1, .stop_after = 1};

    CHECK(asset_find("no/such/file") == NULL, "an unknown path is not found");
    CHECK(asset_find("") == NULL, "nor is an empty one");
    CHECK_INT(asset_each("", visit, &all), 0, "a walk over everything ends");
    CHECK(all.ordered, "in order, each found by its path, a zero byte behind it");
    CHECK_INT(asset_each("no/such/", visit, &none), 0, "a walk over nothing ends");
    CHECK_INT(none.count, 0, "and visits nothing");
    CHECK(all.count > 0, "the program carries assets");
    CHECK_INT(asset_each("", visit, &one), 7, "a visitor can stop the walk");
    CHECK_INT(one.count, 1, "at once");
    return check_done();
}
