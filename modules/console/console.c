/* SPDX-License-Identifier: Apache-2.0 */
/* Serves the files of the web console. */
#include "console/console.h"

#include "base/asset.h"
#include "base/text.h"
#include "http/http.h"

#include <string.h>

#define INDEX "console/index.html"

static const struct {
    const char *ending, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".txt", "text/plain; charset=utf-8"},
};

/* Nothing from elsewhere, nothing inline, in nobody's frame. */
static const struct {
    const char *name, *value;
} headers[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' "
     "data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
     "form-action 'none'"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
    {"Cache-Control", "no-cache"},
};

static const char *type_of(const char *path)
{
    for (size_t i = 0; i < count_of(types); i++) {
        if (text_ends(path, types[i].ending))
            return types[i].type;
    }
    return "application/octet-stream";
}

/* A path without an ending is a place within the console: the index shows it. */
static const struct asset *find(const char *path)
{
    const char *last = strrchr(path, '/');

    if (last && strchr(last, '.'))
        return asset_find(path + 1);
    return asset_find(INDEX);
}

void console_handle(struct http_request *request, void *arg)
{
    const struct asset *asset = find(request->path);

    request->label = "console";
    if (!asset) {
        http_answer_text(request, 404,
                         asset_find(INDEX) ? "no such file\n"
                                           : "this program was built without the "
                                             "console (npm was missing)\n");
        return;
    }
    for (size_t i = 0; i < count_of(headers); i++)
        http_answer_header(request, headers[i].name, headers[i].value);
    http_answer(request, 200, type_of(asset->path), asset->bytes, asset->size);
}
