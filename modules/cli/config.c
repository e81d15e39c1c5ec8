/* SPDX-License-Identifier: Apache-2.0 */
/* Prints settings: an example file from the table, or what holds here. */
#include "cli/inside.h"

#include "base/text.h"
#include "config/config.h"

#include <stdio.h>
#include <string.h>

int config_verb(const struct cli_flags *flags)
{
    const char *role = config_text(flags->config, CONFIG_ID_MODE);
    const char *word = flags->word_count > 1 ? flags->words[1] : "";
    scoped_text struct text out = {0};

    if (flags->word_count != 2 || (strcmp(word, "print") != 0 && strcmp(word, "show") != 0)) {
        fprintf(stderr, "axle: config print [--mode=ROLE] prints an example file, "
                        "config show what holds\n");
        return CLI_USAGE;
    }
    if (strcmp(word, "print") == 0)
        config_print(&out, role ? role : "all-in-one");
    else
        config_show(&out, flags->config, role ? role : "all-in-one");
    fputs(text_string(&out), stdout);
    return CLI_OK;
}
