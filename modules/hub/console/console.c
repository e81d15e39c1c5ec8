/* SPDX-License-Identifier: Apache-2.0 */
/* Serves the files of the web console. */
#include "console/console.h"

#include "base/asset.h"
#include "base/text.h"
#include "http/http.h"

#include <string.h>

#define INDEX "console/index.html"

/* Media types by the ending of a file's name. */
static const struct {
    const char *ending, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"}, {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},   {".svg", "image/svg+xml"},
    {".txt", "text/plain; charset=utf-8"},
};

/* The page may load nothing from other hosts, run no inline code, and stand in no frame. */
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

static const char without[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width\"><title>Axle</title></head><body>\n"
    "<h1>Axle was built without its console</h1>\n"
    "<p>This program was built without console (CONSOLE=no). The hub works: use kubectl, "
    "or <code>axle status</code>.</p>\n"
    "<p>To have the console, build again with <code>./build.sh</code>, without CONSOLE=no, and "
    "restart the hub. That needs npm, or the source archive that <code>./build.sh package</code> "
    "makes on another machine: it carries the console as built.</p>\n"
    "</body></html>\n";

static const char *media_type_of(const char *path)
{
    for (size_t i = 0; i < count_of(types); i++) {
        if (text_ends(path, types[i].ending))
            return types[i].type;
    }
    return "application/octet-stream";
}

/* A path without an ending is a view of the console, which the index shows. */
static const struct asset *find_console_asset(const char *path)
{
    const char *last = strrchr(path, '/');

    if (last && strchr(last, '.'))
        return asset_find(path + 1);
    return asset_find(INDEX);
}

bool console_is_built(void)
{
    return asset_find(INDEX) != NULL;
}

void console_handle(struct http_request *request, void *arg)
{
    const struct asset *asset = find_console_asset(request->path);

    request->label = "console";
    if (!asset && console_is_built()) {
        http_respond_text(request, 404, "no such file\n");
        return;
    }
    for (size_t i = 0; i < count_of(headers); i++)
        http_response_header(request, headers[i].name, headers[i].value);
    if (asset)
        http_respond(request, 200, media_type_of(asset->path), asset->bytes, asset->size);
    else
        http_respond(request, 200, types[0].type, without, sizeof(without) - 1);
}
