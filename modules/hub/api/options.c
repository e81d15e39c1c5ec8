/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the query parameters of a request; messages are those of a kube-apiserver. */
#include "api/internal.h"

#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "schema/schema.h"

#include <string.h>

/* The mistakes in the options of one request. */
struct finding {
    const struct api_request *request;
    struct node *causes;
};

static const char *option_value(const struct finding *finding, const char *name)
{
    const char *value = http_request_query(finding->request->http, name);

    return value ? value : "";
}

static void add_forbidden_option(struct finding *finding, const char *field, const char *why)
{
    schema_add_cause(finding->request->arena, finding->causes, "FieldValueForbidden", field, NULL,
                     "%s", why);
}

static void add_unsupported_value(struct finding *finding, const char *field, const char *value,
                                  const char *supported)
{
    schema_add_cause(finding->request->arena, finding->causes, "FieldValueNotSupported", field,
                     node_string(finding->request->arena, value), "supported values: %s",
                     supported);
}

/* Returns 0 if there is no mistake; else the message, and the details of the Status. */
static int options_error(struct finding *finding, const char *options, struct node **ret_details,
                         struct err *err)
{
    struct arena *arena = finding->request->arena;
    struct node *details;

    if (!node_count(finding->causes))
        return 0;
    details = node_map(arena);
    node_set_text(arena, details, "group", META_GROUP_META);
    node_set_text(arena, details, "kind", options);
    node_set(arena, details, "causes", finding->causes);
    *ret_details = details;
    return err_set(err, ERR_INVALID, "%s",
                   schema_sentence(arena, options, META_GROUP_META, "", finding->causes));
}

/* ---- Reads --------------------------------------------------------------- */

static void check_list_match(struct finding *finding, const char *match)
{
    const char *revision = option_value(finding, "resourceVersion");

    if (!*revision)
        add_forbidden_option(finding, "resourceVersionMatch",
                             "resourceVersionMatch is forbidden unless resourceVersion is "
                             "provided");
    if (strcmp(match, "Exact") && strcmp(match, "NotOlderThan"))
        add_unsupported_value(finding, "resourceVersionMatch", match,
                              "\"Exact\", \"NotOlderThan\", \"\"");
    if (!strcmp(match, "Exact") && !strcmp(revision, "0"))
        add_forbidden_option(finding, "resourceVersionMatch",
                             "resourceVersionMatch \"exact\" is forbidden for "
                             "resourceVersion \"0\"");
}

static void check_watch_match(struct finding *finding, const char *match, bool initial)
{
    if (initial && strcmp(match, "NotOlderThan"))
        add_forbidden_option(finding, "resourceVersionMatch",
                             "sendInitialEvents requires setting resourceVersionMatch to "
                             "NotOlderThan");
    if (!*match)
        return;
    if (!initial)
        add_forbidden_option(finding, "resourceVersionMatch",
                             "resourceVersionMatch is forbidden for watch unless "
                             "sendInitialEvents is provided");
    if (strcmp(match, "NotOlderThan"))
        add_unsupported_value(finding, "resourceVersionMatch", match, "\"NotOlderThan\"");
}

int options_check_list(const struct api_request *request, struct node **ret_details,
                       struct err *err)
{
    struct finding finding = {request, node_list(request->arena)};
    const char *match = option_value(&finding, "resourceVersionMatch");
    const char *revision = option_value(&finding, "resourceVersion");
    bool initial = http_request_query(request->http, "sendInitialEvents");
    bool watch = !strcmp(request->what.verb, "watch");
    bool goes_on = *option_value(&finding, "continue");

    if (watch)
        check_watch_match(&finding, match, initial);
    else if (*match)
        check_list_match(&finding, match);
    if (*match && goes_on)
        add_forbidden_option(&finding, "resourceVersionMatch",
                             "resourceVersionMatch is forbidden when continue is provided");
    if (!watch && initial)
        add_forbidden_option(&finding, "sendInitialEvents",
                             "sendInitialEvents is forbidden for list");
    if (options_error(&finding, "ListOptions", ret_details, err) < 0)
        return -1;
    if (!watch && goes_on && *revision && strcmp(revision, "0"))
        return err_set(err, ERR_BAD_REQUEST,
                       "specifying resource version is "
                       "not allowed when using continue");
    return 0;
}

/* ---- Writes -------------------------------------------------------------- */

/* The field manager is printed in managedFields, so it must be printable. */
static void check_manager(struct finding *finding, const char *manager)
{
    const size_t most = 128;

    if (strlen(manager) > most)
        schema_add_cause(finding->request->arena, finding->causes, "FieldValueTooLong",
                         "fieldManager", NULL, "may not be more than %zu bytes", most);
    for (const char *at = manager; *at; at++) {
        if ((unsigned char)*at >= 0x20 && *at != 0x7f)
            continue;
        schema_add_cause(finding->request->arena, finding->causes, "FieldValueInvalid",
                         "fieldManager", node_string(finding->request->arena, manager),
                         "should only contain printable characters");
        return;
    }
}

static void check_validation(struct finding *finding)
{
    const char *word = option_value(finding, "fieldValidation");

    if (*word && strcmp(word, "Strict") && strcmp(word, "Warn") && strcmp(word, "Ignore"))
        add_unsupported_value(finding, "fieldValidation", word,
                              "\"\", \"Ignore\", \"Strict\", \"Warn\"");
}

static void check_dry_run(struct finding *finding, const char *word)
{
    if (*word && strcmp(word, "All"))
        schema_add_cause(finding->request->arena, finding->causes, "FieldValueNotSupported",
                         "dryRun", NULL, "[]string{\"%s\"}: supported values: \"All\"", word);
}

int options_check_delete(const struct api_request *request, const struct node *body,
                         struct node **ret_details, struct err *err)
{
    struct finding finding = {request, node_list(request->arena)};
    const struct node *dry = node_get(body, "dryRun");

    check_dry_run(&finding, option_value(&finding, "dryRun"));
    if (dry && !node_is(dry, NODE_NULL) && !node_is(dry, NODE_LIST))
        schema_add_cause(request->arena, finding.causes, "FieldValueTypeInvalid", "dryRun", dry,
                         "must be a list: [\"All\"], or left out");
    for (size_t i = 0; node_is(dry, NODE_LIST) && i < node_count(dry); i++) {
        const char *word = node_text(node_item(dry, i));

        check_dry_run(&finding, *word ? word : "<none>");
    }
    return options_error(&finding, "DeleteOptions", ret_details, err);
}

int options_check_write(const struct api_request *request, bool apply, struct node **ret_details,
                        struct err *err)
{
    struct finding finding = {request, node_list(request->arena)};
    const char *manager = option_value(&finding, "fieldManager");
    bool patch = !strcmp(request->what.verb, "patch");
    const char *options = patch                                   ? "PatchOptions"
                          : !strcmp(request->what.verb, "update") ? "UpdateOptions"
                                                                  : "CreateOptions";

    if (text_starts(request->what.verb, "delete"))
        return 0;
    if (apply && !*manager)
        schema_add_cause(request->arena, finding.causes, "FieldValueRequired", "fieldManager", NULL,
                         "is required for apply patch");
    if (patch && !apply && http_request_query(request->http, "force"))
        add_forbidden_option(&finding, "force", "may not be specified for non-apply patch");
    check_manager(&finding, manager);
    check_dry_run(&finding, option_value(&finding, "dryRun"));
    check_validation(&finding);
    return options_error(&finding, options, ret_details, err);
}
