#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes the manual page and the shell completion out of the program's own help,
# so that they cannot say anything else: manual.sh man|completion PROGRAM VERSION DATE

set -eu -o pipefail
program=$2 version=${3:-} date=${4:-}
help=$("$program" --help)

# A section's heading starts at the margin and ends with a colon; an entry starts
# within eight columns; what it says starts further right, or on the next lines.
manual() {
    printf '.TH AXLE 1 "%s" "axle %s" "Axle"\n.SH NAME\n' "$date" "$version"
    printf 'axle \\- control plane for AI/ML applications on many machines\n'
    awk '
        function plain(text) {
            gsub(/\\/, "\\e", text); gsub(/-/, "\\-", text); gsub(/…/, "...", text)
            sub(/^[.\x27]/, "\\\\&&", text)
            return text
        }
        /^Usage: / { print ".SH SYNOPSIS\n.nf"; usage = 1 }
        usage && /^(Usage:| +)axle|^Usage/ { sub(/^(Usage:)? */, ""); print plain($0); next }
        usage { print ".fi\n.SH DESCRIPTION"; usage = 0; next }
        /^$/ { blank = 1; next }
        /^[^ ].*:$/ {
            sub(/:$/, ""); print ".SH " toupper(plain($0)); inside = 1; blank = 0; next
        }
        /^[^ ]/ {
            if (inside) { print ".SH NOTES"; inside = 0 } else if (blank) print ".PP"
            blank = 0; print plain($0); next
        }
        /^   ? ? ? ?[^ ]/ {
            sub(/^ +/, ""); split($0, part, /   */)
            print ".TP\n.B " plain(part[1])
            rest = substr($0, length(part[1]) + 1); sub(/^ +/, "", rest)
            if (rest != "") print plain(rest)
            next
        }
        { sub(/^ +/, ""); print plain($0) }' <<<"$help"
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

completion() {
    local verbs options
    verbs=$(awk '/^Verbs:$/ { inside = 1; next } /^$/ { inside = 0 } inside && /^  [a-z]/ { print $1 }' <<<"$help" | sort -u | paste -sd' ')
    options=$(grep -o -- '^ \{2,6\}\(-., \)\?--[a-z-]*=\?' <<<"$help" | grep -o -- '--[a-z-]*=\?' | sort -u | paste -sd' ')
    cat <<TEXT
# bash completion for axle; made from its help
_axle() {
    local word=\${COMP_WORDS[COMP_CWORD]} verb=\${COMP_WORDS[1]:-}
    COMPREPLY=()
    case \$word in
    --mode=*) mapfile -t COMPREPLY < <(compgen -P --mode= -W 'hub spoke all-in-one' -- "\${word#*=}") ;;
    -*) mapfile -t COMPREPLY < <(compgen -W '$options' -- "\$word") ;;
    *)
        if [ "\$COMP_CWORD" = 1 ]; then
            mapfile -t COMPREPLY < <(compgen -W '$verbs' -- "\$word")
        else
            case \$verb in
TEXT
    awk '/^Verbs:$/ { inside = 1; next } /^$/ { inside = 0 }
        inside && /^  [a-z]+ \[?[a-z]+\|/ { gsub(/[][]/, "", $2); gsub(/\|/, " ", $2)
            printf "            %s) mapfile -t COMPREPLY < <(compgen -W \x27%s\x27 -- \"$word\") ;;\n", $1, $2 }' <<<"$help"
    cat <<'TEXT'
            esac
        fi
        ;;
    esac
    [ "${COMPREPLY[0]: -1}" != = ] || compopt -o nospace
}
complete -o default -F _axle axle
TEXT
}

case $1 in
man) manual ;;
completion) completion ;;
esac
