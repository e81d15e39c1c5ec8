/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that settings come in layers, that mistakes are told in words, and
   that conf/ is what the table prints. */
#include "config/config.h"

#include "base/file.h"
#include "base/text.h"

#include <stdlib.h>
#include <unistd.h>

#include "check.h"

static char folder[] = "/tmp/axle-config-XXXXXX";

static char *write_file(const char *text)
{
    char *path = mem_printf("%s/axle.yaml", folder);
    struct err err = {0};

    if (file_write(path, text, strlen(text), 0600, &err) < 0)
        printf("# %s\n", err.text);
    return path;
}

static int flag(struct config *config, const char *key, const char *value, struct err *err)
{
    return config_set_flag(config, config_find(key, strlen(key)), value, err);
}

static void test_layers(void)
{
    scoped_config struct config *config = config_new();
    scoped_mem char *path = write_file("log-level: warn\n"
                                       "listen: [a:1, b:2]\n"
                                       "tls-san: one\n"
                                       "allow-root: yes\n"
                                       "history-age: 2h\n"
                                       "connections: 77\n");
    struct err err = {0};

    CHECK_TEXT(config_text(config, CONFIG_ID_LOG_LEVEL), "info", "built-in at first");
    CHECK_TEXT(config_list(config, CONFIG_ID_LISTEN)[0], "0.0.0.0:6443", "lists too");
    CHECK_INT(config_number(config, CONFIG_ID_HISTORY_SIZE), 256 << 20, "sizes are bytes");
    CHECK(flag(config, "log-level", "error", &err) == 0, "a flag is taken");
    setenv("AXLE_TLS_SAN", "two,three", 1);
    setenv("AXLE_LOG_LEVEL", "debug", 1);
    CHECK(config_read_environment(config, &err) == 0, "the environment is read");
    CHECK(config_read_file(config, path, &err) == 0, "the file is read: %s", err.text);
    unsetenv("AXLE_TLS_SAN");
    unsetenv("AXLE_LOG_LEVEL");
    CHECK_TEXT(config_text(config, CONFIG_ID_LOG_LEVEL), "error",
               "the flag wins, whatever is read later");
    CHECK_TEXT(config_list(config, CONFIG_ID_TLS_SAN)[1], "three",
               "the environment wins over the file, commas part a list");
    CHECK(config_list(config, CONFIG_ID_TLS_SAN)[2] == NULL, "and nothing is mixed in");
    CHECK_TEXT(config_list(config, CONFIG_ID_LISTEN)[1], "b:2", "the file's list");
    CHECK(config_list(config, CONFIG_ID_LISTEN)[2] == NULL, "replaces the built-in one");
    CHECK(config_yes(config, CONFIG_ID_ALLOW_ROOT), "YAML's yes is true");
    CHECK_INT(config_number(config, CONFIG_ID_HISTORY_AGE), 7200000000000, "two hours");
    CHECK_INT(config_source(config, CONFIG_ID_CONNECTIONS), CONFIG_FILE, "from the file");
    CHECK(flag(config, "host-path", "/a", &err) == 0 && flag(config, "host-path", "/b", &err) == 0,
          "a flag may be repeated");
    CHECK_TEXT(config_list(config, CONFIG_ID_HOST_PATH)[1], "/b", "and the list grows");
}

static void test_mistakes_of_files(void)
{
    static const struct {
        const char *name, *text, *said;
    } cases[] = {
        {"a key that is not there", "log-level: info\nhistroy-age: 2h\n",
         ":2: histroy-age: there is no such setting; did you mean history-age?"},
        {"a key like no other", "colour: red\n",
         ":1: colour: there is no such setting; axle config print shows all"},
        {"a duration that is none", "# my hub\n\nhistory-age: 2 fortnights\n",
         ":3: history-age: \"2 fortnights\" is no duration; write it like 90s, 15m or 1h30m"},
        {"a size out of bounds", "history-size: 10\n",
         ":1: history-size: \"10\" is not between 1Mi and 64Gi (256Mi if it is left out)"},
        {"a word that is none", "log-format: xml\n",
         ":1: log-format: \"xml\" is none of text|json"},
        {"a list where one is wanted", "log-level: [info]\n",
         ":1: log-level: needs one value; the built-in one holds if the line is left out"},
        {"nothing", "listen:\n",
         ":1: listen: needs one value or a list; the built-in one holds if the line is left out"},
        {"yes or no", "\"allow-root\": maybe\n",
         ":1: allow-root: \"maybe\" is neither true nor false"},
        {"not a map", "- listen\n", ": is no map; write lines like \"log-level: info\""},
        {"a file in a file", "config: other.yaml\n", ":1: config: a file cannot name another one"},
        {"a number too large", "log-files: 9223372036854775808\n", NULL},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_config struct config *config = config_new();
        scoped_mem char *path = write_file(cases[i].text);
        struct err err = {0};

        if (!CHECK(config_read_file(config, path, &err) < 0, "%s is refused", cases[i].name))
            continue;
        CHECK(text_starts(err.text, path), "%s: the file is named", cases[i].name);
        if (cases[i].said)
            CHECK_TEXT(err.text + strlen(path), cases[i].said, "%s, in words", cases[i].name);
    }
}

static void test_broken_files(void)
{
    scoped_config struct config *config = config_new();
    scoped_mem char *half = write_file("listen: [a:1,\nlog-level: \"in");
    scoped_mem char *empty = NULL;
    struct err err = {0};

    CHECK(config_read_file(config, half, &err) < 0, "a file cut in the middle is refused");
    CHECK(strstr(err.text, "line") || strstr(err.text, ":"), "with a place: %s", err.text);
    empty = write_file("# all commented out\n");
    CHECK(config_read_file(config, empty, &err) == 0, "a file of comments says nothing");
    CHECK(config_read_file(config, "/no/such/file", &err) < 0 && err.code == ERR_NOT_FOUND,
          "a missing file is told apart");
}

static void test_mistakes_elsewhere(void)
{
    scoped_config struct config *config = config_new();
    struct err err = {0};

    CHECK(flag(config, "log-level", "loud", &err) < 0, "a flag's value is checked");
    CHECK_TEXT(err.text, "--log-level: \"loud\" is none of debug|info|warn|error", "in words");
    CHECK(flag(config, "name", "", &err) < 0, "an empty one too");
    setenv("AXLE_DRAIN_TIME", "soon", 1);
    CHECK(config_read_environment(config, &err) < 0, "and a variable's");
    unsetenv("AXLE_DRAIN_TIME");
    CHECK_TEXT(err.text,
               "$AXLE_DRAIN_TIME: \"soon\" is no duration; write it like 90s, 15m or 1h30m",
               "with its name");
}

/* conf/ROLE.yaml is what the program prints, and means what is built in. */
static void test_shipped(const char *role)
{
    scoped_mem char *path = mem_printf("conf/%s.yaml", role);
    scoped_config struct config *config = config_new();
    scoped_text struct text printed = {0};
    scoped_text struct text lines = {0};
    struct err err = {0};
    scoped_mem char *shipped = file_read(path, 1 << 20, NULL, &err);
    scoped_mem char *read = NULL;

    config_print(&printed, role);
    CHECK_TEXT(shipped, text_string(&printed), "%s is what axle config print prints", path);
    for (const char *at = text_string(&printed); at && *at; at = strchr(at, '\n')) {
        size_t key = 0;

        at += *at == '\n';
        if (text_starts(at, "# "))
            key = strcspn(at + 2, ": \n");
        if (key && at[2 + key] == ':' && config_find(at + 2, key) &&
            *config_find(at + 2, key)->initial)
            text_addf(&lines, "%.*s\n", (int)strcspn(at + 2, "\n"), at + 2);
    }
    read = write_file(text_string(&lines));
    CHECK(lines.len > 100 && config_read_file(config, read, &err) == 0,
          "%s without its comment signs can be read: %s", path, err.text);
    {
        scoped_config struct config *builtin = config_new();
        bool same = true;

        for (int id = 0; id < CONFIG_IDS; id++)
            same = same && config_number(config, id) == config_number(builtin, id) &&
                   text_same(config_text(config, id), config_text(builtin, id));
        CHECK(same, "%s: and changes nothing", path);
    }
}

static void test_nearest(void)
{
    CHECK_TEXT(config_nearest("liste"), "listen", "a letter that is missing");
    CHECK_TEXT(config_nearest("datadir"), "data-dir", "a hyphen that is missing");
    CHECK(config_nearest("xyzzyplugh") == NULL, "nothing is near to nonsense");
    CHECK(config_nearest(
              "a-key-that-is-longer-than-any-setting-and-than-sixty-four-letters-even") == NULL,
          "nor to what is very long");
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    test_layers();
    test_mistakes_of_files();
    test_broken_files();
    test_mistakes_elsewhere();
    test_shipped("hub");
    test_shipped("spoke");
    test_nearest();
    {
        scoped_mem char *path = mem_printf("%s/axle.yaml", folder);

        unlink(path);
        rmdir(folder);
    }
    return check_done();
}
