/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the settings: one table, and the value of the highest layer for each. */
#include "config/internal.h"

#include "base/nearest.h"
#include "base/text.h"
#include "query/query.h"

#include <stdlib.h>
#include <string.h>

static const struct config_setting settings[CONFIG_IDS] = {
#define SETTING(id, section, type, key, initial, least, most, value, what)                         \
    {CONFIG_ID_##id, CONFIG_##section, CONFIG_##type, key, initial, least, most, value, what},
#include "config/settings.def"
#undef SETTING
};

const struct config_setting *config_setting(size_t at)
{
    return at < CONFIG_IDS ? &settings[at] : NULL;
}

const struct config_setting *config_find(const char *key, size_t len)
{
    for (size_t i = 0; i < CONFIG_IDS; i++) {
        if (strlen(settings[i].key) == len && !memcmp(settings[i].key, key, len))
            return &settings[i];
    }
    return NULL;
}

const char *config_nearest(const char *key)
{
    struct nearest near = nearest_to(key);

    for (size_t i = 0; i < CONFIG_IDS; i++)
        nearest_try(&near, settings[i].key);
    return near.best;
}

/* ---- Values of each type ---------------------------------------------------- */

/* `setting->value` holds the allowed words as "a|b|c". */
static bool read_choice(const struct config_setting *setting, const char *text,
                        struct nearest *ret_near)
{
    size_t len = strlen(text);

    *ret_near = nearest_to(text);
    for (const char *at = setting->value; *at;) {
        size_t word = strcspn(at, "|");

        if (word == len && !memcmp(at, text, len))
            return true;
        nearest_try_bytes(ret_near, at, word);
        at += word + (at[word] == '|');
    }
    return false;
}

static bool read_yes(const char *text, int64_t *ret)
{
    *ret = strcmp(text, "true") == 0;
    return *ret || strcmp(text, "false") == 0;
}

/* Reads a size as Kubernetes writes it ("64Mi", "500k"). A final B may follow:
   "64MiB" is 64Mi, "64MB" is 64M. */
static bool read_size(const char *text, int64_t *ret)
{
    scoped_arena struct arena *arena = arena_new();
    char *copy = arena_string(arena, text);
    size_t len = strlen(copy);
    struct quantity quantity;
    struct err err = {0};
    double exact;

    if (len && copy[len - 1] == 'B')
        copy[len - 1] = '\0';
    if (quantity_parse(arena, copy, &quantity, &err) < 0)
        return false;
    /* Exact up to 2^53, which is 8Pi; the bounds of all settings lie below. */
    exact = quantity.big ? quantity_float(&quantity) : 0;
    if (exact < 0 || exact > 9007199254740992.0)
        return false;
    *ret = quantity.big ? (int64_t)exact : quantity_value(&quantity);
    return true;
}

static bool read_setting_number(enum config_type type, const char *text, int64_t *ret)
{
    struct err err = {0};
    long long number;

    if (type == CONFIG_BOOL)
        return read_yes(text, ret);
    if (type == CONFIG_SIZE)
        return read_size(text, ret);
    if (type == CONFIG_DURATION)
        return duration_parse(text, ret, &err) == 0;
    if (!text_to_int(text, &number))
        return false;
    *ret = number;
    return true;
}

/* The end of the sentence `"VALUE" is …` for each type. */
static const char *const shapes[] = {
    [CONFIG_TEXT] = "no text",
    [CONFIG_LIST] = "no text",
    [CONFIG_BOOL] = "neither true nor false",
    [CONFIG_NUMBER] = "no whole number",
    [CONFIG_DURATION] = "no duration; write it like 90s, 15m or 1h30m",
    [CONFIG_SIZE] = "no size; write it like 500k, 64Mi or 1Gi",
};

static bool is_whole_number(enum config_type type)
{
    return type == CONFIG_NUMBER || type == CONFIG_DURATION || type == CONFIG_SIZE;
}

/* Bounds are texts in the table, so they are read in the same way as the value. */
static int check_bounds(const struct config_setting *setting, const char *text, int64_t number,
                        const char *from, struct err *err)
{
    int64_t least = INT64_MIN, most = INT64_MAX;

    if (*setting->least)
        read_setting_number(setting->type, setting->least, &least);
    if (*setting->most)
        read_setting_number(setting->type, setting->most, &most);
    if (number >= least && number <= most)
        return 0;
    return err_set(err, ERR_INVALID,
                   "%s: \"%.200s\" is not between %s and %s (%s if it is left out)", from, text,
                   setting->least, setting->most, setting->initial);
}

static int check_setting(const struct config_setting *setting, const char *text, const char *from,
                         int64_t *ret, struct err *err)
{
    struct nearest near;

    *ret = 0;
    if (setting->type == CONFIG_CHOICE && !read_choice(setting, text, &near))
        return err_set(err, ERR_INVALID, "%s: \"%.200s\" is none of %s%s%.*s%s", from, text,
                       setting->value, near.best ? "; did you mean " : "",
                       near.best ? (int)strcspn(near.best, "|") : 0, near.best ? near.best : "",
                       near.best ? "?" : "");
    if ((setting->type == CONFIG_TEXT || setting->type == CONFIG_LIST) && !*text)
        return err_set(err, ERR_INVALID, "%s: is empty; leave it out or write %s", from,
                       setting->value);
    if (setting->type != CONFIG_BOOL && !is_whole_number(setting->type))
        return 0;
    if (!read_setting_number(setting->type, text, ret))
        return err_set(err, ERR_INVALID, "%s: \"%.200s\" is %s", from, text, shapes[setting->type]);
    return is_whole_number(setting->type) ? check_bounds(setting, text, *ret, from, err) : 0;
}

static void add_list_item(struct config *config, struct value *value, const char *text)
{
    const char **list = arena_alloc(config->arena, (value->count + 2) * sizeof *list);

    if (value->count)
        memcpy(list, value->list, value->count * sizeof *list);
    list[value->count++] = text;
    list[value->count] = NULL;
    value->list = list;
}

/* A value of a lower layer is checked although it does not replace a higher one,
   so that a mistake in it is found. */
int config_keep(struct config *config, const struct config_setting *setting, const char *text,
                enum config_source source, const char *from, struct err *err)
{
    struct value *value = &config->values[setting->id];
    int64_t number;

    if (check_setting(setting, text, from, &number, err) < 0)
        return -1;
    if (value->source > source)
        return 0;
    /* A list grows within one layer and starts anew in a higher one. */
    if (value->source < source)
        value->count = 0;
    value->source = source;
    value->from = arena_string(config->arena, from);
    value->text = arena_string(config->arena, text);
    value->number = number;
    if (setting->type == CONFIG_LIST)
        add_list_item(config, value, value->text);
    return 0;
}

/* ---- Layers ------------------------------------------------------------------- */

/* Built-in values pass the same checks as those of users. */
struct config *config_new(void)
{
    struct config *config = mem_alloc(sizeof *config);
    struct err err = {0};

    config->arena = arena_new();
    for (size_t i = 0; i < CONFIG_IDS; i++) {
        if (!*settings[i].initial)
            continue;
        if (config_keep(config, &settings[i], settings[i].initial, CONFIG_BUILT_IN, settings[i].key,
                        &err) < 0)
            abort(); /* the table is wrong: its test fails too */
    }
    return config;
}

void config_free(struct config **at)
{
    struct config *config = take(*at);

    if (!config)
        return;
    arena_free(&config->arena);
    mem_free(&config);
}

int config_set_flag(struct config *config, const struct config_setting *setting, const char *value,
                    struct err *err)
{
    scoped_arena struct arena *arena = arena_new();

    return config_keep(config, setting, value ? value : "true", CONFIG_FLAG,
                       arena_printf(arena, "--%s", setting->key), err);
}

/* The name of a setting's environment variable: history-age is AXLE_HISTORY_AGE. */
static char *variable_of(struct arena *arena, const struct config_setting *setting)
{
    char *name = arena_printf(arena, "AXLE_%s", setting->key);

    for (char *at = name; *at; at++) {
        if (*at >= 'a' && *at <= 'z')
            *at = (char)(*at - 32);
        else if (*at == '-')
            *at = '_';
    }
    return name;
}

int config_read_environment(struct config *config, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();

    for (size_t i = 0; i < CONFIG_IDS; i++) {
        const struct config_setting *setting = &settings[i];
        const char *name = variable_of(arena, setting);
        const char *value = getenv(name);
        const char *from = arena_printf(arena, "$%s", name);
        char *copy, *rest;

        /* An empty variable counts as unset: a shell script cannot always unset one. */
        if (!value || !*value)
            continue;
        copy = rest = arena_string(arena, value);
        do {
            char *word = setting->type == CONFIG_LIST ? strsep(&rest, ",") : copy;

            if (config_keep(config, setting, word, CONFIG_VARIABLE, from, err) < 0)
                return -1;
        } while (setting->type == CONFIG_LIST && rest);
    }
    return 0;
}

/* ---- Asking ---------------------------------------------------------------------- */

const char *config_text(const struct config *config, enum config_id id)
{
    return config->values[id].text;
}

const char *const *config_list(const struct config *config, enum config_id id)
{
    return config->values[id].list;
}

int64_t config_number(const struct config *config, enum config_id id)
{
    return config->values[id].number;
}

bool config_yes(const struct config *config, enum config_id id)
{
    return config->values[id].number != 0;
}

enum config_source config_source(const struct config *config, enum config_id id)
{
    return config->values[id].source;
}

const char *config_from(const struct config *config, enum config_id id)
{
    return config->values[id].from;
}
