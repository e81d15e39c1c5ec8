/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a join token as a command or as cloud-init's user data. */
#include "cli/internal.h"
#include "cli/cloudinit.h"

#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SAFE "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/._-[]~%"

static bool is_safe(const char *value)
{
    return *value && value[strspn(value, SAFE)] == '\0';
}

/* Quotes a word for any POSIX shell; `[`, `~` and `%` are quoted as well. */
void joining_add_shell_word(struct text *text, const char *value)
{
    if (is_safe(value) && !strpbrk(value, "[]~%")) {
        text_add(text, value);
        return;
    }
    text_add_char(text, '\'');
    for (; *value; value++)
        if (*value == '\'')
            text_add(text, "'\\''");
        else
            text_add_char(text, *value);
    text_add_char(text, '\'');
}

void joining_write_command(struct text *text, const struct joining_words *words)
{
    text_add(text, "AXLE_TOKEN=");
    joining_add_shell_word(text, words->token);
    text_add(text, " \\\n  ");
    joining_add_shell_word(text, program_invocation_name);
    text_add(text, " --mode=spoke --join=");
    joining_add_shell_word(text, words->server);
    if (words->name) {
        text_add(text, " --name=");
        joining_add_shell_word(text, words->name);
    }
    text_add_char(text, '\n');
}

/* A YAML scalar in single quotes. */
static void add_quoted_scalar(struct text *text, const char *value)
{
    text_add_char(text, '\'');
    for (; *value; value++) {
        if (*value == '\'')
            text_add_char(text, '\'');
        text_add_char(text, *value);
    }
    text_add_char(text, '\'');
}

static void add_written_file(struct text *text, const char *path, const char *content)
{
    text_addf(text, "- path: %s\n  owner: 'root:root'\n  permissions: '0600'\n  content: ", path);
    add_quoted_scalar(text, content);
    text_add_char(text, '\n');
}

/*
 * systemd splits the variable of the environment file at white space and knows no quotes
 * there, so a value with white space or quotes cannot be passed on.
 */
int joining_write_cloud_init(struct text *text, const struct joining_words *words, struct err *err)
{
    scoped_text struct text join = {0};

    if (!is_safe(words->server))
        return err_set(err, ERR_INVALID,
                       "the kubeconfig's server \"%.200s\" cannot stand in "
                       "cloud-init's user data: write it as https://HOST:PORT",
                       words->server);
    if (words->name && !is_safe(words->name))
        return err_set(err, ERR_INVALID, "--name \"%.200s\" is not a valid name of a spoke",
                       words->name);
    text_addf(&join, "JOIN=--join=%s --token-file=/etc/axle/token%s%s", words->server,
              words->name ? " --name=" : "", words->name ? words->name : "");
    text_addf(text,
              "#cloud-config\n"
              "# Has a new machine join the hub %s on its first boot.\n"
              "# The token works until %s, for %s.\n"
              "# Axle is not installed by this: the machine's image must have its package\n"
              "# (/usr/bin/axle and axle-spoke.service).\n"
              "write_files:\n",
              words->server, words->expires,
              words->name ? "the spoke of this name" : "as many machines as it has uses");
    add_written_file(text, "/etc/axle/token", words->token);
    add_written_file(text, "/etc/axle/spoke.env", text_string(&join));
    text_add(text,
             "runcmd:\n"
             "- [sh, -c, 'test -x /usr/bin/axle || { echo \"axle: /usr/bin/axle is not there: "
             "install the package axle in the image\" >&2; exit 1; }; "
             "systemctl enable axle-spoke.service && "
             "systemctl restart --no-block axle-spoke.service']\n");
    return 0;
}
