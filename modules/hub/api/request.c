/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the namespace, flags and selectors of a request. */
#include "api/internal.h"

#include "base/text.h"
#include "query/query.h"

#include <string.h>
#include <strings.h>

const char *request_namespace(const struct api_request *request)
{
    return request->kind->namespaced ? request->what.namespace : "";
}

/*
 * As in Kubernetes, an empty value, "false" and "0" are false and all else is true,
 * because some clients send "True".
 */
bool query_flag(const struct http_request *request, const char *name)
{
    const char *value = http_request_query(request, name);

    return value && strcasecmp(value, "false") != 0 && strcmp(value, "0") != 0;
}

static int read_selectors(const struct api_request *request, struct objects_query *ret,
                          struct err *err)
{
    const char *labels = request->what.labels;
    const char *fields = http_request_query(request->http, "fieldSelector");

    if (labels && *labels) {
        ret->labels = selector_parse_labels(request->arena, labels, err);
        if (!ret->labels)
            return -1;
    }
    if (fields && *fields) {
        ret->fields =
            selector_parse_fields(request->arena, fields, request->kind->selectable_fields, err);
        if (!ret->fields)
            return -1;
    }
    return 0;
}

int query_read(const struct api_request *request, struct objects_query *ret, struct err *err)
{
    const struct http_request *http = request->http;
    const char *limit = http_request_query(http, "limit");
    long long number = 0;

    *ret =
        (struct objects_query){.kind = request->kind,
                               .namespace = request_namespace(request),
                               .name = request->what.name,
                               .continue_token = http_request_query(http, "continue"),
                               .revision = http_request_query(http, "resourceVersion"),
                               .revision_match = http_request_query(http, "resourceVersionMatch"),
                               .view = OBJECTS_PUBLISHED};
    if (limit && *limit && !text_to_int(limit, &number))
        return err_set(err, ERR_BAD_REQUEST, "strconv.ParseInt: parsing \"%s\": invalid syntax",
                       limit);
    ret->limit = number < 0 ? 0 : number;
    return read_selectors(request, ret, err);
}
