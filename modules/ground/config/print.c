/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the table of settings: as an example file, and with its current values. */
#include "config/internal.h"

#include "base/text.h"

#include <string.h>

static const char *const titles[] = {
    [CONFIG_COMMON] = "Every role",
    [CONFIG_HUB] = "The hub",
    [CONFIG_SPOKE] = "The spoke",
    [CONFIG_HUB_LIMIT] = "Limits of the hub",
    [CONFIG_SPOKE_LIMIT] = "Limits of the spoke",
};

bool config_is_for(const struct config_setting *setting, const char *role)
{
    bool hub = setting->section == CONFIG_HUB || setting->section == CONFIG_HUB_LIMIT;

    if (setting->section == CONFIG_COMMON || strcmp(role, "all-in-one") == 0)
        return true;
    return hub == (strcmp(role, "hub") == 0);
}

/* A setting as two lines of comment: its help, with the bounds or the allowed
   words, and a line that a user can uncomment. */
static void print_one(struct text *out, const struct config_setting *setting)
{
    text_addf(out, "\n# %c%s", setting->what[0] - ('a' - 'A'), setting->what + 1);
    if (*setting->least)
        text_addf(out, " (%s to %s)", setting->least, setting->most);
    else if (setting->type == CONFIG_CHOICE)
        text_addf(out, ": %s", setting->value);
    text_addf(out, ".\n# %s:", setting->key);
    if (setting->type == CONFIG_LIST)
        text_addf(out, " [%s]", *setting->initial ? setting->initial : setting->value);
    else
        text_addf(out, " %s", *setting->initial ? setting->initial : setting->value);
    text_add(out, "\n");
}

void config_print(struct text *out, const char *role)
{
    const struct config_setting *setting;

    text_addf(out,
              "# Settings of an Axle %s: axle --mode=%s --config FILE\n"
              "#\n"
              "# Each line shows the built-in value, or in capitals what is to be written.\n"
              "# A flag of the same name wins over $AXLE_NAME_OF_THE_KEY, and that over this\n"
              "# file. `axle config show` prints what holds, and from where.\n"
              "# (Printed by `axle config print --mode=%s`.)\n",
              role, role, role);
    for (int section = 0; section < (int)count_of(titles); section++) {
        bool titled = false;

        for (size_t i = 0; (setting = config_setting(i)); i++) {
            if ((int)setting->section != section || !config_is_for(setting, role) ||
                /* These two select the file, so they do not stand in it. */
                setting->id == CONFIG_ID_MODE || setting->id == CONFIG_ID_CONFIG)
                continue;
            if (!titled)
                text_addf(out, "\n# ---- %s ----\n", titles[section]);
            titled = true;
            print_one(out, setting);
        }
    }
}

static void print_setting_value(struct text *out, const struct config_setting *setting,
                                const struct value *value)
{
    if (setting->type != CONFIG_LIST) {
        text_addf(out, " %s", value->text);
        return;
    }
    text_add(out, " [");
    for (size_t i = 0; i < value->count; i++)
        text_addf(out, "%s\"%s\"", i ? ", " : "", value->list[i]);
    text_add(out, "]");
}

void config_show(struct text *out, const struct config *config, const char *role)
{
    const struct config_setting *setting;

    for (size_t i = 0; (setting = config_setting(i)); i++) {
        const struct value *value = &config->values[i];
        size_t start = out->len;

        if (!config_is_for(setting, role) || !value->text || setting->id == CONFIG_ID_CONFIG)
            continue;
        text_addf(out, "%s:", setting->key);
        print_setting_value(out, setting, value);
        if (value->source != CONFIG_BUILT_IN) {
            do
                text_add(out, " ");
            /* Sources start in column 40 at the earliest, so that they can be
               read as a column. */
            while (out->len - start < 40);
            text_addf(out, "# %s", value->from);
        }
        text_add(out, "\n");
    }
}
