/* SPDX-License-Identifier: Apache-2.0 */
/* Paths, as Go's path package takes them apart; nothing is looked up. */
#include "sprig/groups.h"

/* Go's path.Clean: no empty parts, no dots, and dot-dots only in front. */
static struct str clean_path_text(struct call *call, struct str s)
{
    bool rooted = s.len && s.at[0] == '/';
    scoped_text struct text out = {0};
    size_t floor; /* below this no ".." may go back */

    if (rooted)
        text_add_char(&out, '/');
    floor = out.len;
    for (size_t i = 0; i < s.len;) {
        size_t len = 0;

        while (i + len < s.len && s.at[i + len] != '/')
            len++;
        if (len == 2 && s.at[i] == '.' && s.at[i + 1] == '.') {
            if (out.len > floor) {
                size_t cut = out.len;

                while (cut > floor && out.bytes[cut - 1] != '/')
                    cut--;
                text_cut(&out, cut > floor ? cut - 1 : floor);
            } else if (!rooted) {
                text_add(&out, out.len ? "/.." : "..");
                floor = out.len;
            }
        } else if (len && !(len == 1 && s.at[i] == '.')) {
            if (out.len > (rooted ? 1 : 0))
                text_add_char(&out, '/');
            text_add_bytes(&out, s.at + i, len);
        }
        i += len + 1;
    }
    if (!out.len)
        text_add_char(&out, '.');
    return str_take(call->arena, &out);
}

static bool run_clean(struct call *call)
{
    return call_room(call, call->args[0].len) &&
           call_give_str(call, clean_path_text(call, call_arg_str(call, 0)));
}

static bool run_base(struct call *call)
{
    struct str s = call_arg_str(call, 0);
    size_t start;

    if (!s.len)
        return call_give_str(call, STR("."));
    while (s.len && s.at[s.len - 1] == '/')
        s.len--;
    if (!s.len)
        return call_give_str(call, STR("/"));
    start = s.len;
    while (start && s.at[start - 1] != '/')
        start--;
    return call_give_str(call, (struct str){s.at + start, s.len - start});
}

static bool run_dir(struct call *call)
{
    struct str s = call_arg_str(call, 0);

    while (s.len && s.at[s.len - 1] != '/')
        s.len--;
    return call_give_str(call, clean_path_text(call, s));
}

static bool run_ext(struct call *call)
{
    struct str s = call_arg_str(call, 0);

    for (size_t i = s.len; i && s.at[i - 1] != '/'; i--) {
        if (s.at[i - 1] == '.')
            return call_give_str(call, (struct str){s.at + i - 1, s.len - i + 1});
    }
    return call_give_str(call, STR(""));
}

static bool run_is_abs(struct call *call)
{
    struct str s = call_arg_str(call, 0);

    return call_give(call, value_bool(s.len && s.at[0] == '/'));
}

const struct function functions_paths[] = {
    {"base", "s", 's', run_base, 4},
    {"dir", "s", 's', run_dir, 4},
    {"ext", "s", 's', run_ext, 4},
    {"clean", "s", 's', run_clean, 4},
    {"isAbs", "s", 'b', run_is_abs, 4},
    {"osBase", "s", 's', run_base, 4},
    {"osDir", "s", 's', run_dir, 4},
    {"osExt", "s", 's', run_ext, 4},
    {"osClean", "s", 's', run_clean, 4},
    {"osIsAbs", "s", 'b', run_is_abs, 4},
    {0},
};
