#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The documents hold together: each link leads to a file that is there and to a heading
# in it, each page can be reached from README.md, its first lines say for whom it is,
# and the fenced blocks are closed. What they name is there: functions and other words
# of the code, paths, flags, verbs of axle and of build.sh.

cd "$(dirname "$0")/.." || exit 1
status=0
complain() { echo "$*"; status=1; }

# Headings as GitHub names them: lower case, without punctuation, dashes for spaces.
anchors() {
    awk '/^```/ { inside = !inside } !inside && /^#+ /' "$1" |
        sed -E 's/^#+ +//; s/`//g; s/\[([^]]*)\]\([^)]*\)/\1/g' |
        tr '[:upper:]' '[:lower:]' | sed -E 's/[^a-z0-9 _-]//g; s/ /-/g'
}
# links FILE: what [text](target) leads to, outside of code.
links() {
    # shellcheck disable=SC2016 # the backquotes are Markdown's
    awk '/^```/ { inside = !inside } !inside' "$1" | sed 's/`[^`]*`//g' |
        grep -oE '\]\([^) ]+' | sed 's/^](//'
}

pages=(README.md CONTRIBUTING.md docs/*.md)
reached=$(for page in "${pages[@]}"; do links "$page"; done | sed 's/#.*//; s|^docs/||' | sort -u)
for page in "${pages[@]}"; do
    while read -r target; do
        case $target in http://* | https://* | mailto:*) continue ;; esac
        file=${target%%#*}
        if [ -z "$file" ]; then file=$page; else file=$(dirname "$page")/$file; fi
        [ -e "$file" ] || { complain "$page: $target is not there"; continue; }
        case $target in *'#'*) ;; *) continue ;; esac
        anchors "$file" | grep -xF -e "${target#*#}" >/dev/null ||
            complain "$page: $target: there is no such heading"
    done < <(links "$page")
    [ $(($(grep -c '^```' "$page") % 2)) = 0 ] || complain "$page: a fenced block is not closed"
    [ "$page" != README.md ] || continue
    grep -qxF "$(basename "$page")" <<<"$reached" || complain "$page: no page leads here"
    head -n 6 "$page" | grep -qiE '\bfor (those|people|whoever|users|everyone|anyone|administrators|operators|developers)|what a user|\byour?\b' ||
        complain "$page: its first lines do not say for whom it is"
done

# ---- What pages name ----------------------------------------------------------------------

# What stands between backquotes outside of fenced blocks.
# shellcheck disable=SC2016 # the backquotes are Markdown's
spans() {
    awk '/^```/ { inside = !inside; next } !inside' "$1" |
        grep -oE '`[^`]+`' | tr -d '`'
}
# Lines of fenced blocks, and spans: where commands stand.
commands() {
    awk '/^```/ { inside = !inside; next } inside' "$1" | sed 's/^ *[$#] //; s/^sudo //'
    spans "$1" | sed 's/^sudo //'
}

# A word with an underscore, as functions, structs and macros have: it stands in the code.
words_of_code=$({
    grep -rohwE '[a-z][a-z0-9]*(_[a-z0-9]+)+' modules tests assets conf install main.c build.sh \
        --include='*.[ch]' --include='*.def' --include='*.sh' --include='*.py' --include='*.yaml' --include='*.mjs'
    find modules tests -name '*_*.[ch]' -printf '%f\n' | sed -E 's/\.[ch]$//; s/^test_(.*)/&\n\1/'
} | LC_ALL=C sort -u)
functions=$(grep -rohE '\b[a-z][a-z0-9_]*\(' modules tests main.c --include='*.[ch]' | tr -d '(' | LC_ALL=C sort -u)
missing() { LC_ALL=C sort -u | LC_ALL=C comm -23 - <(printf '%s\n' "$1"); }

# The settings and options of axle, and those of other programs that pages show.
flags=$(
    sed -nE 's/^(SETTING|OPTION)\([^"]*"([a-z0-9-]+)".*/\2/p' modules/ground/config/settings.def modules/cli/options.def
    sed -nE 's/^ *\{"([a-z-]+)", (true|false), offsetof\(struct program.*/\1/p' tests/fleet/main.c
    # kubectl, curl, skopeo, systemctl, clang, axle shim, axle-fleet
    printf '%s\n' all as audience bound-object-kind bound-object-name cluster current data-binary \
        delete-all duration for from-file from-literal hold keep-running list namespace \
        recursive retry retry-all-errors retry-delay set show-managed-fields type address now analyze \
        user-base user-count end-all wait
)
flags=$(LC_ALL=C sort -u <<<"$flags")
# Beside its verbs: what the program starts itself.
verbs=$( { sed -nE 's/^COMMAND\("([a-z]+).*/\1/p' modules/cli/commands.def; printf 'shim\nunpack\n'; } | LC_ALL=C sort -u)
build_verbs=$(./build.sh --help | awk '/^  [a-z]/ { print $1 }' | LC_ALL=C sort -u)

for page in "${pages[@]}"; do
    [ "$page" != docs/CHANGES.md ] || continue # it tells of what was
    for word in $(spans "$page" | grep -oE '\b[a-z][a-z0-9]*(_[a-z0-9]+)+\(\)' | tr -d '()' | missing "$functions"); do
        complain "$page: there is no function $word()"
    done
    for word in $(spans "$page" | grep -xE '[a-z][a-z0-9]*(_[a-z0-9]+)+' | missing "$words_of_code"); do
        complain "$page: nothing in the code is called $word"
    done
    for path in $(spans "$page" | grep -xE '(modules|tests|assets|docs|install|conf)/[a-z0-9_./*-]+[a-z0-9_/*]' | LC_ALL=C sort -u); do
        case $path in assets/console/dist*) continue ;; esac # only a source archive has it
        compgen -G "$path" >/dev/null || complain "$page: $path is not there"
    done
    for path in $(spans "$page" | grep -xE '[a-z]+/[a-z0-9_]+\.(c|h|def)' | grep -vE '^(tests|conf|docs)/' | LC_ALL=C sort -u); do
        compgen -G "modules/$path" >/dev/null || compgen -G "modules/*/$path" >/dev/null || compgen -G "tests/$path" >/dev/null ||
            complain "$page: no module has $path"
    done
    for word in $(commands "$page" | grep -oE '(^|[ "(=])--[a-z][a-z0-9-]*' | sed 's/.*--//' | missing "$flags"); do
        complain "$page: --$word is no flag of axle, nor one that tests/docs.sh knows of another program"
    done
    for word in $(commands "$page" | sed -nE 's/^(\.\/|build\/)?axle ([a-z]+).*/\2/p' | missing "$verbs"); do
        complain "$page: axle has no verb $word"
    done
    for word in $(commands "$page" | grep -oE '\./build\.sh [a-z]+' | sed 's/.* //' | missing "$build_verbs"); do
        complain "$page: build.sh has no verb $word"
    done
done
exit $status
