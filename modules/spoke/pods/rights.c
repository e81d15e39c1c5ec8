/* SPDX-License-Identifier: Apache-2.0 */
/* Says which privileges and capabilities a container has, for the runtime. */

#include "pods/compile.h"
#include "number/number.h"

#include <string.h>

static bool names_capability(const struct node *list, int capability)
{
    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_text(node_item(list, i)), "ALL") ||
            runtime_capability(node_text(node_item(list, i))) == capability)
            return true;
    return false;
}

/* uid 0 has the usual ones; what was added goes before what was dropped by ALL. */
void compile_rights(struct arena *arena, const struct node *pod, const struct node *own,
                    struct node *ret)
{
    const struct node *add = node_at(own, "capabilities", "add", NULL);
    const struct node *drop = node_at(own, "capabilities", "drop", NULL);
    bool zero = number_value(manifest_context(pod, own, "runAsUser"), NUMBER_USER, 1) == 0;
    struct node *list = node_list(arena);

    if (node_get_bool(own, "readOnlyRootFilesystem", false))
        node_set_bool(arena, ret, "readOnlyRoot", true);
    if (node_get_bool(own, "privileged", false))
        node_set_bool(arena, ret, "privileged", true);
    for (int i = 0; i < 64; i++)
        if (names_capability(add, i) || (zero && runtime_capability_is_usual(i) && !names_capability(drop, i)))
            node_add(arena, list, node_format(arena, "%d", i));
    if (node_count(list))
        node_set(arena, ret, "capabilities", list);
}
