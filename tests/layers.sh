#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Includes point down. Reads the tables of wings and levels in docs/ARCHITECTURE.md
# and every #include line under modules/, and names each line that points sideways,
# up or into a forbidden wing, reaches for another module's private header, or uses a
# library that belongs to another module; and each folder that the table does not know.

cd "$(dirname "$0")/.." || exit 1
table=docs/ARCHITECTURE.md

{
    find modules -mindepth 1 -maxdepth 2 -type d -printf 'folder %P\n'
    grep -rnE '^[ \t]*#[ \t]*include' modules --include='*.[ch]' --include='*.def'
} | awk -v table="$table" '
    function read_table(   line, cell, words, n, i) {
        while ((getline line <table) > 0) {
            split(line, cell, / *\| */)
            if (line ~ /^## /)
                section = line
            if (section == "## Wings" && cell[2] ~ /^(ground|logic|hub|spoke)$/)
                never[cell[2]] = " " cell[4] " "
            if (line !~ /^\| *[0-9]+ *\|/)
                continue
            level[cell[4]] = cell[2] + 0
            wing[cell[4]] = cell[3]
            modules++
            n = split(cell[6], words, " ")
            for (i = 1; i <= n; i++)
                owners[words[i]] = owners[words[i]] " " cell[4]
        }
        if (!modules)
            complain(table ": has no level table")
        if (!never["logic"] || !never["hub"] || !never["spoke"])
            complain(table ": has no table of wings")
    }
    function complain(text) { print text; bad = 1 }
    function owns(module, header,   pattern, list, known, words, n, i) {
        for (pattern in owners)
            if (header == pattern || (pattern ~ /\*$/ &&
                index(header, substr(pattern, 1, length(pattern) - 1)) == 1))
                known = known owners[pattern]
        n = split(known, words, " ")
        for (i = 1; i <= n; i++)
            if (words[i] == module)
                return ""
        return n ? words[1] : ""
    }
    BEGIN { read_table() }
    $1 == "folder" {
        n = split($2, path, "/")
        if (n == 1 && $2 in never)
            next
        if (!(path[n] in level) || wing[path[n]] != (n == 2 ? path[1] : ""))
            complain("modules/" $2 ": is not in the table of " table)
        next
    }
    {
        split($0, part, ":")
        place = part[1] ":" part[2]
        split(part[1], path, "/")
        module = path[2] in never ? path[3] : path[2]
        header = $0
        if (!match(header, /[<"][^>"]+[>"]/))
            next
        header = substr(header, RSTART + 1, RLENGTH - 2)
        n = split(header, path, "/")
        if (path[1] in level && n > 1) {
            other = path[1]
            if (other == module)
                next
            if (index(never[wing[module]], " " other " ") || index(never[wing[module]], " " wing[other] " "))
                complain(place ": " module " (" wing[module] ") may never include " header)
            else if (level[other] >= level[module])
                complain(place ": " module " (level " level[module] ") may not include " header " (level " level[other] ")")
            else if (other != "base" && header != other "/" other ".h")
                complain(place ": " header " is private to " other)
        } else if (owner = owns(module, header)) {
            complain(place ": only " owner " may use <" header ">")
        }
    }
    END { exit bad }'
