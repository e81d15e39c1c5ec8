#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes the manual page, the shell completion and the table of docs/COMMANDS.md out of
# the program's own help, so that they cannot say anything else:
# manual.sh man|completion|commands PROGRAM VERSION DATE

set -eu -o pipefail
program=$2 version=${3:-} date=${4:-}
help=$("$program" --help)
roles=$(sed -n 's/^  --mode=\([a-z-]*\) .*/\1/p' <<<"$help")
# "token create", one a line: of an entry, the words before what it takes.
verbs=$(awk '/^Verbs:$/ { inside = 1; next } /^$/ { inside = 0 }
    inside && /^  [a-z]/ {
        sub(/^ +/, ""); sub(/   *.*/, ""); sub(/ [^a-z].*/, ""); sub(/ [A-Z].*/, ""); print
    }' <<<"$help")

# shellcheck disable=SC2086 # a verb may be two words
help_of() { "$program" help $1; }

# A section's heading starts at the margin and ends with a colon; an entry starts
# within eight columns; what it says starts further right, or on the next lines.
# shellcheck disable=SC2016 # awk expands it
page='
function plain(text) {
    gsub(/\\/, "\\e", text); gsub(/-/, "\\-", text); gsub(/…/, "...", text)
    sub(/^[.\x27]/, "\\\\&&", text)
    return text
}
function close_usage() { if (usage) print ".fi"; usage = 0 }
/^Usage: / { usage = 1; print whole ? ".SH SYNOPSIS\n.nf" : ".nf" }
usage && /^(Usage:| +)/ { sub(/^(Usage:)? */, ""); print plain($0); next }
usage { close_usage(); if (whole) print ".SH DESCRIPTION"; else print ".PP"; next }
/^$/ { blank = 1; example = 0; next }
/^[^ ].*:$/ {
    sub(/:$/, ""); print (whole ? ".SH " toupper(plain($0)) : ".PP\n.I " plain($0))
    example = /^Example/; blank = 0; next
}
/^[^ ]/ { if (blank) print ".PP"; blank = 0; print plain($0); next }
example { sub(/^ +/, ""); print ".PP\n.RS\n.B " plain($0) "\n.RE"; next }
/^   ? ? ? ?[^ ]/ {
    sub(/^ +/, ""); split($0, part, /   */)
    print ".TP\n.B " plain(part[1])
    rest = substr($0, length(part[1]) + 1); sub(/^ +/, "", rest)
    if (rest != "") print plain(rest)
    next
}
{ sub(/^ +/, ""); print plain($0) }
END { close_usage() }'

manual() {
    local one
    printf '.TH AXLE 1 "%s" "axle %s" "Axle"\n.SH NAME\n' "$date" "$version"
    printf 'axle \\- control plane for AI/ML applications on many machines\n'
    awk -v whole=1 "$page" <<<"$help"
    printf '.SH THE ROLES\n'
    for one in $roles; do
        printf '.SS axle \\-\\-mode=%s\n' "${one//-/\\-}"
        help_of "$one" | awk "$page"
    done
    printf '.SH THE VERBS\n'
    while read -r one; do
        printf '.SS axle %s\n' "$one"
        help_of "$one" | awk "$page"
    done <<<"$verbs"
    cat <<'TEXT'
.SH FILES
.TP
.I /etc/axle/hub.yaml, /etc/axle/spoke.yaml
Settings of the two services.
.TP
.I /etc/axle/spoke.env
JOIN="\-\-join https://HUB:6443 \-\-token\-file FILE" until the spoke has joined.
.TP
.I /var/lib/axle/hub
The hub's store, keys and administrator's kubeconfig; of the user axle\-hub.
.TP
.I /var/lib/axle/spoke
The spoke's identity, and the pods, logs and claims of what it runs.
.TP
.I axle\-hub.service, axle\-spoke.service, axle\-pods.service
The hub, the agent, and the control group of what the agent runs: stopping
the last one ends all pods, each by its own grace period.
.SH SEE ALSO
.IR /usr/share/doc/axle ,
.BR kubectl (1)
TEXT
}

# "--name= --admin …" of a page, and "--output json yaml" for those with a choice.
options_of() { { grep -o -- '^ \{2,6\}\(-., \)\?--[a-z-]*=\?' || true; } | { grep -o -- '--[a-z-]*=\?' || true; } | sort -u; }
choices_of() {
    awk '/^ +(-., )?--[a-z-]+=/ { at = $0; sub(/=.*/, "", at); sub(/^.*--/, "--", at)
            if (match($0, /=[a-z-]+(\|[a-z-]+)+/)) print at " " substr($0, RSTART + 1, RLENGTH - 1) }
        at != "" && match($0, /: [a-z-]+(\|[a-z-]+)+$/) { print at " " substr($0, RSTART + 2) }
        ' | tr '|' ' '
}

# case 'KEY') echo 'WORDS' ;;
branch() { printf "    '%s') echo '%s' ;;\n" "$1" "$(paste -sd' ')"; }

completion() {
    local one pages=("" )
    mapfile -t -O 1 pages <<<"$verbs"
    printf '# bash completion for axle; made from its help\n'
    printf '_axle_options() {\n    case $1 in\n'
    for one in "${pages[@]:1}"; do { help_of "$one" | options_of; echo --help; } | branch "$one"; done
    printf '    *) echo "'
    { for one in $roles; do help_of "$one" | options_of; done; printf '%s\n' --help --version; } | sort -u | paste -sd' ' | tr -d '\n'
    printf '" ;;\n    esac\n}\n_axle_choices() {\n    case $1 in\n'
    { for one in $roles; do help_of "$one"; done
      for one in "${pages[@]:1}"; do help_of "$one"; done; } | choices_of |
        awk '{ option = $1; for (i = 2; i <= NF; i++) if (!((option, $i) in seen)) { seen[option, $i] = 1; words[option] = words[option] " " $i } }
            END { for (o in words) printf "    %s) echo \x27%s\x27 ;;\n", o, substr(words[o], 2) }' | sort
    printf '    esac\n}\n_axle_verbs() {\n    case $1 in\n'
    printf "    '') echo '%s' ;;\n" "$(cut -d' ' -f1 <<<"$verbs" | sort -u | paste -sd' ')"
    awk 'NF > 1 { words[$1] = words[$1] " " $2 }
        END { for (w in words) printf "    %s) echo \x27%s\x27 ;;\n", w, substr(words[w], 2) }' <<<"$verbs" | sort
    printf "    help) echo '%s' ;;\n" "$({ cut -d' ' -f1 <<<"$verbs"; echo "$roles"; } | sort -u | paste -sd' ')"
    cat <<'TEXT'
    esac
}
_axle() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]:-} verb='' one
    COMPREPLY=()
    for one in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $one in -*) break ;; *) verb="$verb${verb:+ }$one" ;; esac
    done
    # "--mode=h" comes as three words.
    if [ "$word" = = ]; then word='' before="$before="; fi
    if [ "$before" = = ]; then before=${COMP_WORDS[COMP_CWORD - 2]}=; fi
    case $before in
    -o) before=--output= ;;
    --*) before=${before%=}= ;;
    esac
    if [[ $before = --*= && $word != -* ]] && [ -n "$(_axle_choices "${before%=}")" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_axle_choices "${before%=}")" -- "$word")
        return
    fi
    case $word in
    -*) mapfile -t COMPREPLY < <(compgen -W "$(_axle_options "$verb")" -- "$word") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$(_axle_verbs "$verb")" -- "$word") ;;
    esac
    [ "${COMPREPLY[0]: -1}" != = ] || compopt -o nospace
}
complete -o default -F _axle axle
TEXT
}

# The part of docs/COMMANDS.md that is the help itself.
commands() {
    local one
    for one in $roles; do
        printf '\n### axle --mode=%s\n\n```\n' "$one"
        help_of "$one"
        printf '```\n'
    done
    while read -r one; do
        printf '\n### axle %s\n\n```\n' "$one"
        help_of "$one"
        printf '```\n'
    done <<<"$verbs"
}

case $1 in
man) manual ;;
completion) completion ;;
commands) commands ;;
esac
