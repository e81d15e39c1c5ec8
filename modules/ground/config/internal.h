/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_INTERNAL_H
#define CONFIG_INTERNAL_H

#include "config/config.h"

struct value {
    enum config_source source;
    const char *from; /* "--listen", "$AXLE_LISTEN", "hub.yaml:3: listen" */
    const char *text; /* as written; NULL: not set */
    int64_t number;
    const char **list; /* ends with NULL */
    size_t count;
};

struct config {
    struct arena *arena;
    struct value values[CONFIG_IDS];
};

/* Checks and keeps one value of a layer; `from` names the place in messages. */
int config_keep(struct config *config, const struct config_setting *setting, const char *text,
                enum config_source source, const char *from, struct err *err) MUST_CHECK;

#endif
