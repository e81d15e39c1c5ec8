#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A string that others know too is typed once, in modules/logic/meta/names.h: group,
# apiVersion, key of a label, annotation or taint, finalizer, condition type, media
# type. This names each place under modules/ where the value of one is typed again,
# as a whole string or as a part of one ("/apis/axle.dev/v1alpha1/aiworkloads"). A key
# with one of our groups that has no name yet is found too: "axle.dev/new" holds the
# value of META_GROUP_AXLE. The resource "tenants.axle.dev" is another word.

cd "$(dirname "$0")/.." || exit 1
names=modules/logic/meta/names.h

find modules -name '*.[ch]' -o -name '*.def' | grep -v '^modules/logic/meta/' | LC_ALL=C sort |
    xargs awk '
    # #define META_NAME parts: what the parts are put together to.
    function learn(line,   name, value, n, i, part) {
        sub(/\/\*.*/, "", line)
        n = split(line, part, /[ \t]+/)
        name = part[2]
        for (i = 3; i <= n; i++)
            if (part[i] ~ /^"/)
                value = value substr(part[i], 2, length(part[i]) - 2)
            else if (part[i] in value_of)
                value = value value_of[part[i]]
        if (value == "")
            return
        value_of[name] = value
        if (!(value in name_of))
            values[++count] = value
        name_of[value] = name_of[value] ? name_of[value] " or " name : name
    }
    function is_word(c) { return c ~ /^[A-Za-z0-9.-]$/ }
    # The longest name whose value is in the string, not as a part of a longer word.
    function find(string,   i, at, from, value, best) {
        for (i = 1; i <= count; i++) {
            value = values[i]
            if (length(value) <= length(best))
                continue
            if (value !~ /[^A-Za-z]/) { # a plain word is ours as a whole string only
                if (string == value && value != "orphan")
                    best = value
                continue
            }
            from = 1
            while (at = index(substr(string, from), value)) {
                at += from - 1
                if (!is_word(substr(string, at - 1, at > 1)) &&
                    !is_word(substr(string, at + length(value), 1))) {
                    best = value
                    break
                }
                from = at + 1
            }
        }
        return best
    }
    FILENAME == "'$names'" { if (/^#define META_[A-Z0-9_]+ /) learn($0); next }
    FNR == 1 { comment = 0 }
    {
        line = $0
        if (comment) {
            if (!index(line, "*/"))
                next
            line = substr(line, index(line, "*/") + 2)
            comment = 0
        }
        if (line ~ /^[ \t]*#[ \t]*include/)
            next
        while (match(line, /"([^"\\]|\\.)*"|\047([^\047\\]|\\.)+\047|\/\/|\/\*/)) {
            token = substr(line, RSTART, RLENGTH)
            line = substr(line, RSTART + RLENGTH)
            if (token == "//")
                break
            if (token == "/*") {
                if (!index(line, "*/")) {
                    comment = 1
                    break
                }
                line = substr(line, index(line, "*/") + 2)
                continue
            }
            if (token !~ /^"/) # a character
                continue
            hit = find(substr(token, 2, length(token) - 2))
            if (hit != "") {
                print FILENAME ":" FNR ": " token " is " name_of[hit] " of meta/names.h"
                bad = 1
            }
        }
    }
    END {
        if (count < 50) { print "'$names': its names cannot be read"; bad = 1 }
        exit bad
    }' $names
