/* SPDX-License-Identifier: Apache-2.0 */
/* Writes what happens to the fleet as lines of JSON. */
#include "fleet/fleet.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>

void fleet_tell(struct text *line, const char *event)
{
    text_addf(line, "{\"event\":\"%s\",\"at\":%" PRId64, event, clock_steady());
}

/* What agents say of a hub may hold quotes. */
void fleet_tell_word(struct text *line, const char *name, const char *word)
{
    text_addf(line, ",\"%s\":\"", name);
    for (; *word; word++)
        if (*word == '"' || *word == '\\')
            text_addf(line, "\\%c", *word);
        else
            text_add_char(line, (unsigned char)*word < ' ' ? ' ' : *word);
    text_add_char(line, '"');
}

void fleet_tell_number(struct text *line, const char *name, int64_t number)
{
    text_addf(line, ",\"%s\":%" PRId64, name, number);
}

void fleet_tell_end(struct text *line)
{
    text_add(line, "}\n");
    fwrite(line->bytes, 1, line->len, stdout);
    fflush(stdout);
}
