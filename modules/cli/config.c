/* SPDX-License-Identifier: Apache-2.0 */
/* Prints settings: the example file of the table, or the values in effect. */
#include "cli/internal.h"

#include "base/text.h"
#include "config/config.h"
#include "document/document.h"

#include <stdio.h>
#include <string.h>

static const char *setting_role(const struct cli_flags *flags)
{
    const char *role = config_text(flags->config, CONFIG_ID_MODE);

    return role ? role : "all-in-one";
}

const struct cli_help config_print_help = {
    .brief = "an example file of settings",
    .what = "Prints every setting of a role with its default, as a file for --config.",
    .takes = {{"mode", "whose settings (all-in-one)", NULL}},
    .example = "axle config print --mode=hub >hub.yaml",
};

int config_print_verb(const struct cli_flags *flags)
{
    scoped_text struct text out = {0};

    config_print(&out, setting_role(flags));
    fputs(text_string(&out), stdout);
    return CLI_OK;
}

const struct cli_help config_show_help = {
    .brief = "the current settings and their sources",
    .what = "Reads options, variables and the file of --config as a role would, and prints each "
            "setting and where it comes from.",
    .takes = {{"mode", "whose settings (all-in-one)", NULL}, {"config", NULL, NULL}, TAKES_FORM},
    .every_setting = true,
    .example = "axle config show --mode=hub --config=/etc/axle/hub.yaml",
    .ends = {{CLI_SETTINGS, "a setting is not valid: the message says which one, and where it is"}},
};

static struct node *setting_value_node(struct arena *arena, const struct config *config,
                                       const struct config_setting *setting)
{
    const char *const *list = config_list(config, setting->id);
    struct node *all;

    if (setting->type == CONFIG_BOOL)
        return node_bool(arena, config_yes(config, setting->id));
    if (setting->type == CONFIG_NUMBER)
        return node_int(arena, config_number(config, setting->id));
    if (setting->type != CONFIG_LIST)
        return node_string(arena, config_text(config, setting->id));
    all = node_list(arena);
    for (size_t i = 0; list && list[i]; i++)
        node_add(arena, all, node_string(arena, list[i]));
    return all;
}

/* A map KEY: {value, from}; a setting that has its built-in default has no `from`. */
static void print_settings_tree(const struct cli_flags *flags)
{
    scoped_arena struct arena *arena = arena_new();
    const struct config *config = flags->config;
    const struct config_setting *setting;
    struct node *tree = node_map(arena);

    for (size_t i = 0; (setting = config_setting(i)); i++) {
        struct node *one;

        if (!config_is_for(setting, setting_role(flags)) || !config_text(config, setting->id) ||
            setting->id == CONFIG_ID_CONFIG)
            continue;
        one = node_make(arena, tree, setting->key);
        node_set(arena, one, "value", setting_value_node(arena, config, setting));
        if (config_source(config, setting->id) != CONFIG_BUILT_IN)
            node_set_text(arena, one, "from", config_from(config, setting->id));
    }
    cli_print_tree(flags, tree);
}

int config_show_verb(const struct cli_flags *flags)
{
    scoped_text struct text out = {0};

    if (cli_wants_tree(flags)) {
        print_settings_tree(flags);
        return CLI_OK;
    }

    config_show(&out, flags->config, setting_role(flags));
    fputs(text_string(&out), stdout);
    return CLI_OK;
}
