/* SPDX-License-Identifier: Apache-2.0 */
/* Refuses by name what a Service asks for and a spoke cannot give. */

#include "manifest/known_fields.h"
#include "manifest/manifest.h"

#include "document/document.h"
#include "number/number.h"

#include <string.h>

static int check_service_port(const struct manifest_bounds *bounds, const struct node *port,
                              size_t index, struct manifest_why *why)
{
    const struct manifest_range range = bounds->node_ports;
    const char *protocol = node_get_text(port, "protocol");
    int64_t node_port = number_get(port, "nodePort", NUMBER_PORT_OR_ANY, 0);

    if (!number_get(port, "port", NUMBER_PORT, 0))
        return manifest_why_set(why, "Invalid", "spec.ports[%zu].port must be %s", index,
                                number_words(NUMBER_PORT));
    if (node_port && (node_port < range.first || node_port > range.last))
        return manifest_why_set(why, "NotPermitted",
                                "spec.ports[%zu].nodePort is %lld, but this spoke gives "
                                "%u-%u only (--node-ports); without one it chooses",
                                index, (long long)node_port, range.first, range.last);
    if (*protocol && strcmp(protocol, "TCP") != 0)
        return manifest_why_set(why, "UnsupportedField",
                                "spec.ports[%zu].protocol %.40s is not supported "
                                "on this spoke: TCP only",
                                index, protocol);
    return 0;
}

/* ExternalName and LoadBalancer need a DNS server or a cloud, which a spoke has not. */
int manifest_check_service(const struct manifest_bounds *bounds, const struct node *spec,
                           struct manifest_why *why)
{
    const char *type = node_get_text(spec, "type");
    const struct node *ports = node_get(spec, "ports");

    if (fields_check(spec, FIELDS_SERVICE, "spec", why) < 0)
        return -1;
    if (*type && strcmp(type, "ClusterIP") != 0 && strcmp(type, "NodePort") != 0)
        return manifest_why_set(why, "UnsupportedField",
                                "spec.type %.40s is not supported on this spoke; "
                                "NodePort makes it reachable from outside",
                                type);
    if (!strcmp(node_get_text(spec, "sessionAffinity"), "ClientIP"))
        return manifest_why_set(why, "UnsupportedField",
                                "spec.sessionAffinity ClientIP is not supported on "
                                "this spoke: all clients here have one address");
    for (size_t i = 0; i < node_count(ports); i++)
        if (check_service_port(bounds, node_item(ports, i), i, why) < 0)
            return -1;
    return 0;
}
