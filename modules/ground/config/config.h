/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_H
#define CONFIG_H

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text;

/*
 * The settings of the program, in layers: built-in, file, environment, flags.
 *
 * Its one idea: a setting is one row of settings.def, and everything is read and
 * printed from there: flags, help, the files in conf/. A value from a higher
 * layer wins, in whatever order the layers are read; within one layer a list
 * grows, and of other settings the last value wins. Each value is checked when it
 * is read; the error names its source, its line, the value and the allowed
 * values.
 *
 * It does not know what a setting is for: the code that starts a role reads the
 * values. Secrets are not settings. One thread; reads one file, once.
 */
struct config;

enum config_section {
    CONFIG_COMMON,
    CONFIG_HUB,
    CONFIG_SPOKE,
    CONFIG_HUB_LIMIT,
    CONFIG_SPOKE_LIMIT,
};

enum config_type {
    CONFIG_TEXT,
    CONFIG_LIST,
    CONFIG_BOOL,
    CONFIG_CHOICE, /* one of the words of `value` */
    CONFIG_NUMBER,
    CONFIG_DURATION, /* "90s", "1h30m"; nanoseconds */
    CONFIG_SIZE,     /* "64Mi", "500k"; bytes */
};

enum config_id {
#define SETTING(id, section, type, key, initial, least, most, value, what) CONFIG_ID_##id,
#include "config/settings.def"
#undef SETTING
    CONFIG_IDS
};

struct config_setting {
    enum config_id id;
    enum config_section section;
    enum config_type type;
    const char *key, *initial, *least, *most, *value, *what;
};

/* Where a value comes from; a later one wins. */
enum config_source { CONFIG_BUILT_IN, CONFIG_FILE, CONFIG_VARIABLE, CONFIG_FLAG };

struct config *config_new(void) __attribute__((returns_nonnull));
void config_free(struct config **config);
#define scoped_config SCOPED(config_free)

/* In the order of the table; NULL after the last. */
const struct config_setting *config_setting(size_t at);
/* By key; NULL: there is none. */
const struct config_setting *config_find(const char *key, size_t len);
/* Whether a role ("hub", "spoke", "all-in-one") reads it. */
bool config_is_for(const struct config_setting *setting, const char *role);
/* The key that a mistyped one is nearest to; NULL: nothing is near. */
const char *config_nearest(const char *key);

/* One value of a flag; `value` NULL for a CONFIG_BOOL. ERR_INVALID in words that
   begin with the flag. */
int config_set_flag(struct config *config, const struct config_setting *setting, const char *value,
                    struct err *err) MUST_CHECK;
/* Every $AXLE_KEY that is set; a list is separated by commas. */
int config_read_environment(struct config *config, struct err *err) MUST_CHECK;
/* A YAML map of keys. ERR_NOT_FOUND, or ERR_INVALID: "FILE:12: key: why". */
int config_read_file(struct config *config, const char *path, struct err *err) MUST_CHECK;

/* NULL if it is not set. Valid as long as the config. */
const char *config_text(const struct config *config, enum config_id id);
/* Ends with NULL; NULL if there is none. */
const char *const *config_list(const struct config *config, enum config_id id);
/* Numbers, nanoseconds, bytes. */
int64_t config_number(const struct config *config, enum config_id id);
bool config_yes(const struct config *config, enum config_id id);
enum config_source config_source(const struct config *config, enum config_id id);
/* "--listen", "$AXLE_LISTEN", "hub.yaml:3: listen"; NULL if it is not set. */
const char *config_from(const struct config *config, enum config_id id);

/* An example file for a role ("hub" or "spoke"): every setting that it reads,
   with its default, commented out. */
void config_print(struct text *out, const char *role);
/* The settings of a role as they are, and where each comes from. */
void config_show(struct text *out, const struct config *config, const char *role);

#endif
