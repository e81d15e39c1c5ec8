/* SPDX-License-Identifier: Apache-2.0 */
/* Checks by which name the hub is called, and from which page. */
#include "hub/internal.h"

#include "base/text.h"
#include "http/http.h"

#include <string.h>

/*
 * A page from elsewhere can make a browser call this hub by a name of its own
 * that it has pointed here (DNS rebinding); then the browser takes our answers
 * for that page's. So only the names in the hub's certificate are answered.
 */
static int check_host(struct hub *hub, const struct http_request *request, struct err *err)
{
    if (!*request->host)
        return err_set(err, ERR_BAD_REQUEST, "the request names no host");
    if (server_has_name(hub, request->host))
        return 0;
    return err_set(err, ERR_MISDIRECTED,
                   "this hub is not called \"%.200s\"; if it is, start it with "
                   "--tls-san %.200s",
                   request->host, request->host);
}

/* Reading changes nothing; but an upgrade gives a page a stream of its own. */
static bool is_safe_method(const struct http_request *request)
{
    return (!strcmp(request->method, "GET") || !strcmp(request->method, "HEAD")) &&
           !http_request_header(request, "upgrade");
}

static bool is_own_origin(const struct http_request *request, const char *origin)
{
    const char *scheme = request->secured ? "https://" : "http://";
    const char *host, *authority;

    return text_starts(origin, scheme) &&
           http_authority_read(request->arena, origin + strlen(scheme), request->secured ? 443 : 80,
                               &host, &authority) &&
           !strcmp(authority, request->authority);
}

/*
 * A browser shows its certificate for any page that sends it here, and says in
 * these headers which page that was. A page of another port is another page: a
 * workload on this machine may have made it. Programs send none of them.
 */
static int check_page(const struct http_request *request, struct err *err)
{
    const char *origin = http_request_header(request, "origin");
    const char *site = http_request_header(request, "sec-fetch-site");

    if (is_safe_method(request))
        return 0;
    if (origin && !is_own_origin(request, origin))
        return err_set(err, ERR_FORBIDDEN,
                       "a page of \"%.200s\" may not write here: only the hub's own console, at "
                       "https://%.200s, may",
                       origin, request->authority);
    if (site && strcmp(site, "same-origin") && strcmp(site, "none"))
        return err_set(err, ERR_FORBIDDEN,
                       "a page of another site may not write here (Sec-Fetch-Site: %.100s)", site);
    return 0;
}

int origin_check(struct hub *hub, const struct http_request *request, struct err *err)
{
    return check_host(hub, request, err) < 0 ? -1 : check_page(request, err);
}
