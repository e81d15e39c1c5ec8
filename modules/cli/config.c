/* SPDX-License-Identifier: Apache-2.0 */
/* Prints settings: an example file from the table, or what holds here. */
#include "cli/inside.h"

#include "base/text.h"
#include "config/config.h"

#include <stdio.h>
#include <string.h>

static const char *role_of(const struct cli_flags *flags)
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

    config_print(&out, role_of(flags));
    fputs(text_string(&out), stdout);
    return CLI_OK;
}

const struct cli_help config_show_help = {
    .brief = "the settings as they hold here, and from where",
    .what = "Reads options, variables and the file of --config as a role would, and prints each "
            "setting and where it comes from.",
    .every_setting = true,
    .example = "axle config show --mode=hub --config=/etc/axle/hub.yaml",
    .ends = {{CLI_SETTINGS, "a setting cannot be: it says which, and where"}},
};

int config_show_verb(const struct cli_flags *flags)
{
    scoped_text struct text out = {0};

    config_show(&out, flags->config, role_of(flags));
    fputs(text_string(&out), stdout);
    return CLI_OK;
}
