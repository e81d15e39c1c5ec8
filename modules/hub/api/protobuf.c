/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes the few protobuf messages that kubectl's typed commands send. */
#include "api/internal.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"

#include <inttypes.h>
#include <string.h>

#define DEEPEST 16

enum field_type {
    FIELD_TEXT,  /* a string */
    FIELD_BYTES, /* base64 in JSON */
    FIELD_INT,
    FIELD_BOOL,
    FIELD_TIME,    /* message {1 seconds, 2 nanoseconds} */
    FIELD_STRINGS, /* repeated string */
    FIELD_MAP,     /* map<string, string> */
    FIELD_BYTES_MAP,
    FIELD_MESSAGE,
    FIELD_MESSAGES, /* repeated message */
};

struct message;
struct field {
    unsigned number;
    const char *name;
    enum field_type type;
    const struct message *message;
};
struct message {
    const struct field *fields;
    size_t count;
};
#define MESSAGE(name) static const struct message name = {name##_fields, count_of(name##_fields)}

static const struct field meta_fields[] = {
    {1, "name", FIELD_TEXT, NULL},
    {2, "generateName", FIELD_TEXT, NULL},
    {3, "namespace", FIELD_TEXT, NULL},
    {5, "uid", FIELD_TEXT, NULL},
    {6, "resourceVersion", FIELD_TEXT, NULL},
    {7, "generation", FIELD_INT, NULL},
    {8, "creationTimestamp", FIELD_TIME, NULL},
    {11, "labels", FIELD_MAP, NULL},
    {12, "annotations", FIELD_MAP, NULL},
    {14, "finalizers", FIELD_STRINGS, NULL},
};
MESSAGE(meta);
static const struct field namespace_spec_fields[] = {{1, "finalizers", FIELD_STRINGS, NULL}};
MESSAGE(namespace_spec);
static const struct field namespace_status_fields[] = {{1, "phase", FIELD_TEXT, NULL}};
MESSAGE(namespace_status);
static const struct field namespace_fields[] = {
    {1, "metadata", FIELD_MESSAGE, &meta},
    {2, "spec", FIELD_MESSAGE, &namespace_spec},
    {3, "status", FIELD_MESSAGE, &namespace_status},
};
MESSAGE(namespace);
static const struct field configmap_fields[] = {
    {1, "metadata", FIELD_MESSAGE, &meta},
    {2, "data", FIELD_MAP, NULL},
    {3, "binaryData", FIELD_BYTES_MAP, NULL},
    {4, "immutable", FIELD_BOOL, NULL},
};
MESSAGE(configmap);
static const struct field secret_fields[] = {
    {1, "metadata", FIELD_MESSAGE, &meta}, {2, "data", FIELD_BYTES_MAP, NULL},
    {3, "type", FIELD_TEXT, NULL},         {4, "stringData", FIELD_MAP, NULL},
    {5, "immutable", FIELD_BOOL, NULL},
};
MESSAGE(secret);
static const struct field account_fields[] = {{1, "metadata", FIELD_MESSAGE, &meta}};
MESSAGE(account);
static const struct field attributes_fields[] = {
    {1, "namespace", FIELD_TEXT, NULL}, {2, "verb", FIELD_TEXT, NULL},
    {3, "group", FIELD_TEXT, NULL},     {4, "version", FIELD_TEXT, NULL},
    {5, "resource", FIELD_TEXT, NULL},  {6, "subresource", FIELD_TEXT, NULL},
    {7, "name", FIELD_TEXT, NULL},
};
MESSAGE(attributes);
static const struct field path_fields[] = {{1, "path", FIELD_TEXT, NULL},
                                           {2, "verb", FIELD_TEXT, NULL}};
MESSAGE(path);
static const struct field access_spec_fields[] = {
    {1, "resourceAttributes", FIELD_MESSAGE, &attributes},
    {2, "nonResourceAttributes", FIELD_MESSAGE, &path},
};
MESSAGE(access_spec);
static const struct field access_fields[] = {{1, "metadata", FIELD_MESSAGE, &meta},
                                             {2, "spec", FIELD_MESSAGE, &access_spec}};
MESSAGE(access);
static const struct field about_spec_fields[] = {
    {1, "resourceAttributes", FIELD_MESSAGE, &attributes},
    {2, "nonResourceAttributes", FIELD_MESSAGE, &path},
    {3, "user", FIELD_TEXT, NULL},
    {4, "groups", FIELD_STRINGS, NULL},
    {6, "uid", FIELD_TEXT, NULL},
};
MESSAGE(about_spec);
static const struct field about_fields[] = {{1, "metadata", FIELD_MESSAGE, &meta},
                                            {2, "spec", FIELD_MESSAGE, &about_spec}};
MESSAGE(about);
static const struct field review_spec_fields[] = {{1, "token", FIELD_TEXT, NULL},
                                                  {2, "audiences", FIELD_STRINGS, NULL}};
MESSAGE(review_spec);
static const struct field review_fields[] = {{1, "metadata", FIELD_MESSAGE, &meta},
                                             {2, "spec", FIELD_MESSAGE, &review_spec}};
MESSAGE(review);
static const struct field rules_spec_fields[] = {{1, "namespace", FIELD_TEXT, NULL}};
MESSAGE(rules_spec);
static const struct field rules_fields[] = {{1, "metadata", FIELD_MESSAGE, &meta},
                                            {2, "spec", FIELD_MESSAGE, &rules_spec}};
MESSAGE(rules);
static const struct field bound_fields[] = {{1, "kind", FIELD_TEXT, NULL},
                                            {2, "apiVersion", FIELD_TEXT, NULL},
                                            {3, "name", FIELD_TEXT, NULL},
                                            {4, "uid", FIELD_TEXT, NULL}};
MESSAGE(bound);
static const struct field token_spec_fields[] = {{1, "audiences", FIELD_STRINGS, NULL},
                                                 {3, "boundObjectRef", FIELD_MESSAGE, &bound},
                                                 {4, "expirationSeconds", FIELD_INT, NULL}};
MESSAGE(token_spec);
static const struct field token_fields[] = {{1, "metadata", FIELD_MESSAGE, &meta},
                                            {2, "spec", FIELD_MESSAGE, &token_spec}};
MESSAGE(token);
static const struct field csr_spec_fields[] = {{1, "request", FIELD_BYTES, NULL},
                                               {2, "username", FIELD_TEXT, NULL},
                                               {3, "uid", FIELD_TEXT, NULL},
                                               {4, "groups", FIELD_STRINGS, NULL},
                                               {5, "usages", FIELD_STRINGS, NULL},
                                               {7, "signerName", FIELD_TEXT, NULL},
                                               {8, "expirationSeconds", FIELD_INT, NULL}};
MESSAGE(csr_spec);
static const struct field csr_condition_fields[] = {{1, "type", FIELD_TEXT, NULL},
                                                    {2, "reason", FIELD_TEXT, NULL},
                                                    {3, "message", FIELD_TEXT, NULL},
                                                    {4, "lastUpdateTime", FIELD_TIME, NULL},
                                                    {5, "lastTransitionTime", FIELD_TIME, NULL},
                                                    {6, "status", FIELD_TEXT, NULL}};
MESSAGE(csr_condition);
static const struct field csr_status_fields[] = {{1, "conditions", FIELD_MESSAGES, &csr_condition},
                                                 {2, "certificate", FIELD_BYTES, NULL}};
MESSAGE(csr_status);
static const struct field csr_fields[] = {{1, "metadata", FIELD_MESSAGE, &meta},
                                          {2, "spec", FIELD_MESSAGE, &csr_spec},
                                          {3, "status", FIELD_MESSAGE, &csr_status}};
MESSAGE(csr);
static const struct field role_rule_fields[] = {{1, "verbs", FIELD_STRINGS, NULL},
                                                {2, "apiGroups", FIELD_STRINGS, NULL},
                                                {3, "resources", FIELD_STRINGS, NULL},
                                                {4, "resourceNames", FIELD_STRINGS, NULL},
                                                {5, "nonResourceURLs", FIELD_STRINGS, NULL}};
MESSAGE(role_rule);
static const struct field requirement_fields[] = {{1, "key", FIELD_TEXT, NULL},
                                                  {2, "operator", FIELD_TEXT, NULL},
                                                  {3, "values", FIELD_STRINGS, NULL}};
MESSAGE(requirement);
static const struct field labels_fields[] = {{1, "matchLabels", FIELD_MAP, NULL},
                                             {2, "matchExpressions", FIELD_MESSAGES, &requirement}};
MESSAGE(labels);
static const struct field aggregation_fields[] = {
    {1, "clusterRoleSelectors", FIELD_MESSAGES, &labels}};
MESSAGE(aggregation);
static const struct field role_fields[] = {{1, "metadata", FIELD_MESSAGE, &meta},
                                           {2, "rules", FIELD_MESSAGES, &role_rule},
                                           {3, "aggregationRule", FIELD_MESSAGE, &aggregation}};
MESSAGE(role);
static const struct field subject_fields[] = {{1, "kind", FIELD_TEXT, NULL},
                                              {2, "apiGroup", FIELD_TEXT, NULL},
                                              {3, "name", FIELD_TEXT, NULL},
                                              {4, "namespace", FIELD_TEXT, NULL}};
MESSAGE(subject);
static const struct field role_ref_fields[] = {{1, "apiGroup", FIELD_TEXT, NULL},
                                               {2, "kind", FIELD_TEXT, NULL},
                                               {3, "name", FIELD_TEXT, NULL}};
MESSAGE(role_ref);
static const struct field binding_fields[] = {{1, "metadata", FIELD_MESSAGE, &meta},
                                              {2, "subjects", FIELD_MESSAGES, &subject},
                                              {3, "roleRef", FIELD_MESSAGE, &role_ref}};
MESSAGE(binding);
static const struct field delete_pre_fields[] = {{1, "uid", FIELD_TEXT, NULL},
                                                 {2, "resourceVersion", FIELD_TEXT, NULL}};
MESSAGE(delete_pre);
static const struct field delete_fields[] = {{1, "gracePeriodSeconds", FIELD_INT, NULL},
                                             {2, "preconditions", FIELD_MESSAGE, &delete_pre},
                                             {3, "orphanDependents", FIELD_BOOL, NULL},
                                             {4, "propagationPolicy", FIELD_TEXT, NULL},
                                             {5, "dryRun", FIELD_STRINGS, NULL}};
MESSAGE(delete);

static const struct {
    const char *api_version, *kind;
    const struct message *message;
} messages[] = {
    {"v1", "Namespace", &namespace},
    {"v1", "ConfigMap", &configmap},
    {"v1", "Secret", &secret},
    {"v1", "ServiceAccount", &account},
    {"v1", "DeleteOptions", &delete},
    {META_API_AUTHORIZATION, "SelfSubjectAccessReview", &access},
    {META_API_AUTHORIZATION, "SelfSubjectRulesReview", &rules},
    {META_API_AUTHORIZATION, "SubjectAccessReview", &about},
    {META_API_AUTHORIZATION, "LocalSubjectAccessReview", &about},
    {META_API_AUTHENTICATION, "TokenReview", &review},
    {META_API_AUTHENTICATION, "SelfSubjectReview", &account},
    {META_API_AUTHENTICATION, "TokenRequest", &token},
    {META_API_CERTIFICATES, "CertificateSigningRequest", &csr},
    {META_API_RBAC, "Role", &role},
    {META_API_RBAC, "ClusterRole", &role},
    {META_API_RBAC, "RoleBinding", &binding},
    {META_API_RBAC, "ClusterRoleBinding", &binding},
};

/* ---- Wire format ---------------------------------------------------------- */

struct wire {
    const unsigned char *at, *end;
};

static bool read_varint(struct wire *wire, uint64_t *ret)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && wire->at < wire->end; shift += 7) {
        unsigned char byte = *wire->at++;

        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret = value;
            return true;
        }
    }
    return false;
}

/* One field: its number, and either a number or a run of bytes. */
static bool read_wire_field(struct wire *wire, unsigned *ret_number, uint64_t *ret_value,
                            struct wire *ret_bytes)
{
    uint64_t key, len;
    size_t fixed;

    if (!read_varint(wire, &key))
        return false;
    *ret_number = (unsigned)(key >> 3);
    *ret_bytes = (struct wire){0};
    *ret_value = 0;
    switch (key & 7) {
    case 0:
        return read_varint(wire, ret_value);
    case 2:
        if (!read_varint(wire, &len) || len > (uint64_t)(wire->end - wire->at))
            return false;
        *ret_bytes = (struct wire){wire->at, wire->at + len};
        wire->at += len;
        return true;
    case 1:
    case 5:
        fixed = (key & 7) == 1 ? 8 : 4;
        if ((size_t)(wire->end - wire->at) < fixed)
            return false;
        wire->at += fixed;
        return true;
    default:
        return false;
    }
}

static struct node *text_node(struct arena *arena, struct wire bytes)
{
    size_t len = (size_t)(bytes.end - bytes.at);

    if (len && (!text_is_utf8(bytes.at, len) || memchr(bytes.at, 0, len)))
        return NULL;
    return node_bytes(arena, bytes.at, len);
}

static struct node *base64_node(struct arena *arena, struct wire bytes)
{
    scoped_text struct text out = {0};

    text_add_base64(&out, bytes.at, (size_t)(bytes.end - bytes.at), false);
    return node_string(arena, text_string(&out));
}

static bool read_map_entry(struct arena *arena, struct node *map, struct wire bytes, bool binary)
{
    struct node *key = NULL, *value = NULL;

    while (bytes.at < bytes.end) {
        unsigned number;
        uint64_t ignored;
        struct wire part;

        if (!read_wire_field(&bytes, &number, &ignored, &part))
            return false;
        if (number == 1)
            key = text_node(arena, part);
        else if (number == 2)
            value = binary ? base64_node(arena, part) : text_node(arena, part);
        /* Invalid UTF-8 is refused, not cut. */
        if ((number == 1 && !key) || (number == 2 && !value))
            return false;
    }
    if (!value)
        value = node_string(arena, "");
    if (!key)
        return false;
    node_set(arena, map, key->string, value);
    return true;
}

static struct node *time_node(struct arena *arena, struct wire bytes)
{
    int64_t seconds = 0;
    char text[CLOCK_TEXT];

    while (bytes.at < bytes.end) {
        unsigned number;
        uint64_t value;
        struct wire part;

        if (!read_wire_field(&bytes, &number, &value, &part))
            return NULL;
        if (number == 1)
            seconds = (int64_t)value;
    }
    if (seconds <= 0 || seconds > INT64_MAX / CLOCK_SECOND)
        return node_null(arena);
    clock_format(seconds * CLOCK_SECOND, false, text);
    return node_string(arena, text);
}

static struct node *read_message(struct arena *arena, const struct message *message,
                                 struct wire wire, int depth);

/* An empty value is what gogo-proto writes for a field that is not set. */
static bool is_empty_value(const struct node *node)
{
    return node->type == NODE_NULL ||
           ((node->type == NODE_STRING || node->type == NODE_MAP || node->type == NODE_LIST) &&
            node->len == 0);
}

static bool set_field(struct arena *arena, struct node *into, const struct field *field,
                      uint64_t value, struct wire bytes, int depth)
{
    struct node *node = NULL;

    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_STRINGS:
        node = text_node(arena, bytes);
        break;
    case FIELD_BYTES:
        node = base64_node(arena, bytes);
        break;
    case FIELD_INT:
        node = value ? node_int(arena, (int64_t)value) : node_null(arena);
        break;
    case FIELD_BOOL:
        node = value ? node_bool(arena, true) : node_null(arena);
        break;
    case FIELD_TIME:
        node = time_node(arena, bytes);
        break;
    case FIELD_MAP:
    case FIELD_BYTES_MAP:
        return read_map_entry(arena, node_make(arena, into, field->name), bytes,
                              field->type == FIELD_BYTES_MAP);
    case FIELD_MESSAGE:
    case FIELD_MESSAGES:
        node = read_message(arena, field->message, bytes, depth + 1);
        break;
    }
    if (!node)
        return false;
    if (field->type == FIELD_STRINGS || field->type == FIELD_MESSAGES)
        node_add(arena, node_make_list(arena, into, field->name), node);
    else if (!is_empty_value(node))
        node_set(arena, into, field->name, node);
    return true;
}

static struct node *read_message(struct arena *arena, const struct message *message,
                                 struct wire wire, int depth)
{
    struct node *made = node_map(arena);

    if (depth > DEEPEST)
        return NULL;
    while (wire.at < wire.end) {
        unsigned number;
        uint64_t value;
        struct wire bytes;

        if (!read_wire_field(&wire, &number, &value, &bytes))
            return NULL;
        for (size_t i = 0; i < message->count; i++) {
            if (message->fields[i].number == number &&
                !set_field(arena, made, &message->fields[i], value, bytes, depth))
                return NULL;
        }
    }
    return made;
}

/* runtime.Unknown: {1 {1 apiVersion, 2 kind}, 2 raw}. */
static bool read_envelope(struct arena *arena, struct wire wire, const char **ret_version,
                          const char **ret_kind, struct wire *ret_raw)
{
    static const struct field type_fields[] = {{1, "apiVersion", FIELD_TEXT, NULL},
                                               {2, "kind", FIELD_TEXT, NULL}};
    static const struct message type = {type_fields, count_of(type_fields)};

    *ret_version = *ret_kind = "";
    *ret_raw = (struct wire){0};
    while (wire.at < wire.end) {
        unsigned number;
        uint64_t value;
        struct wire bytes;

        if (!read_wire_field(&wire, &number, &value, &bytes))
            return false;
        if (number == 1) {
            struct node *found = read_message(arena, &type, bytes, 0);

            if (!found)
                return false;
            *ret_version = node_get_text(found, "apiVersion");
            *ret_kind = node_get_text(found, "kind");
        } else if (number == 2) {
            *ret_raw = bytes;
        }
    }
    return true;
}

struct node *protobuf_read(struct arena *arena, const void *bytes, size_t len, struct err *err)
{
    static const unsigned char magic[4] = {'k', '8', 's', 0};
    struct wire wire = {(const unsigned char *)bytes + 4, (const unsigned char *)bytes + len};
    struct wire raw;
    const char *version, *kind;
    struct node *made = NULL;

    if (len < sizeof magic || memcmp(bytes, magic, sizeof magic) != 0 ||
        !read_envelope(arena, wire, &version, &kind, &raw)) {
        err_set(err, ERR_BAD_REQUEST, "the body is not in Kubernetes' protobuf form");
        return NULL;
    }
    for (size_t i = 0; i < count_of(messages); i++) {
        if (strcmp(messages[i].kind, kind) != 0 || strcmp(messages[i].api_version, version) != 0)
            continue;
        made = read_message(arena, messages[i].message, raw, 0);
        if (!made) {
            err_set(err, ERR_BAD_REQUEST,
                    "the %s in the body is damaged, or a text in it has a NUL or is not UTF-8",
                    kind);
            return NULL;
        }
        node_set_text(arena, made, "apiVersion", version);
        node_set_text(arena, made, "kind", kind);
        return made;
    }
    err_set(err, ERR_MEDIA_TYPE,
            "%s %s is not understood in protobuf: use --dry-run=client -o yaml "
            "| kubectl apply -f -",
            version, kind);
    return NULL;
}
