#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The documents hold together: each link leads to a file that is there and to a heading
# in it, each page can be reached from README.md, its first lines say for whom it is,
# and the fenced blocks are closed.

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

pages=(README.md docs/*.md)
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
exit $status
