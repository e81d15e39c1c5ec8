#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes modules/ground/base/unicode.def from the Unicode Character Database.

    install/unicode.py [FOLDER] >modules/ground/base/unicode.def

FOLDER holds UnicodeData.txt and Scripts.txt, as Debian's package unicode-data
installs them (/usr/share/unicode). The version must be the one that Go's
package unicode has, for what templates and patterns answer is compared with Go.
The result is part of the sources: building Axle needs neither this nor Python.
"""
import re
import sys

VERSION = "15.0.0"
# Those that RE2's \p{...} is asked for; the others are left out for their size.
SCRIPTS = """Arabic Cyrillic Devanagari Greek Han Hangul Hebrew Hiragana
    Katakana Latin Thai""".split()


def read_characters(folder):
    """Category and simple case mappings of every assigned code point."""
    categories, cases, first = {}, {}, None
    for line in open(folder + "/UnicodeData.txt", encoding="utf-8"):
        field = line.rstrip("\n").split(";")
        rune = int(field[0], 16)
        start = first if field[1].endswith(", Last>") else rune
        first = rune if field[1].endswith(", First>") else None
        for one in range(start, rune + 1):
            categories[one] = field[2]
        upper, lower, title = (int(f, 16) if f else 0 for f in field[12:15])
        if upper or lower or title:
            cases[rune] = (upper or rune, lower or rune, title or upper or rune)
    return categories, cases


def read_scripts(folder):
    """The version of the file, and each script's code points."""
    scripts = {name: [] for name in SCRIPTS}
    text = open(folder + "/Scripts.txt", encoding="utf-8").read()
    row = re.compile(r"^([0-9A-F]+)(?:\.\.([0-9A-F]+))?\s*;\s*(\w+)", re.M)
    for first, last, name in row.findall(text):
        if name in scripts:
            scripts[name] += range(int(first, 16), int(last or first, 16) + 1)
    return re.match(r"# Scripts-([\d.]+)\.txt", text).group(1), scripts


def category_runs(categories):
    """Runs of one category; LuLl is capital, small, capital, small, and so on."""
    runs = []
    for rune in sorted(categories):
        name = categories[rune]
        if runs and runs[-1][1] == rune - 1:
            first, last, held = runs[-1]
            if held == name:
                runs[-1] = (first, rune, held)
                continue
            if held == "LuLl" and name == ("Lu", "Ll")[(rune - first) % 2]:
                runs[-1] = (first, rune, held)
                continue
            if held == "Lu" and name == "Ll" and first == last:
                runs[-1] = (first, rune, "LuLl")
                continue
        runs.append((rune, rune, name))
    return runs


def plain_runs(runes):
    """Runs of code points without a gap."""
    runs = []
    for rune in sorted(runes):
        if runs and runs[-1][1] == rune - 1:
            runs[-1] = (runs[-1][0], rune)
        else:
            runs.append((rune, rune))
    return runs


def case_runs(changes):
    """Runs of one difference, each code point or every other one."""
    runs = []
    for rune in sorted(changes):
        delta = changes[rune]
        if runs and runs[-1][2] == delta:
            first, last, _, step = runs[-1]
            gap = rune - last
            if gap == step or (first == last and gap <= 2):
                runs[-1] = (first, rune, delta, gap)
                continue
        runs.append((rune, rune, delta, 1))
    return runs


def write_rows(title, rows):
    """Rows of a macro, as many to a line as fit."""
    print("\n/* %s */" % title)
    line = ""
    for row in rows:
        if len(line) + len(row) > 99:
            print(line.rstrip())
            line = ""
        line += row + " "
    print(line.rstrip())


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else "/usr/share/unicode"
    categories, cases = read_characters(folder)
    version, scripts = read_scripts(folder)
    if version != VERSION:
        sys.exit("%s holds Unicode %s, but Go's is %s" % (folder, version, VERSION))
    macros = "RUN SCRIPT UPPER LOWER TITLE".split()
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* Facts of the Unicode Character Database %s, written by install/unicode.py." % VERSION)
    print("   Define the macros whose rows are wanted; the others are empty. */")
    for macro in macros:
        print("#ifndef %s\n#define %s(...)\n#endif" % (macro, macro))
    print("/* clang-format off */")
    write_rows("RUN(first, last, category); LuLl: Lu at even distances from the first, Ll at odd.",
               ("RUN(0x%x, 0x%x, %s)" % run for run in category_runs(categories)))
    write_rows("SCRIPT(first, last, script)",
               ("SCRIPT(0x%x, 0x%x, %s)" % (*run, name)
                for name in SCRIPTS for run in plain_runs(scripts[name])))
    for macro, title, wanted in (
            ("UPPER", "what to add for the upper case", lambda c, r: c[0] - r),
            ("LOWER", "what to add for the lower case", lambda c, r: c[1] - r),
            ("TITLE", "what to add for the title case, where that is not the upper case",
             lambda c, r: None if c[2] == c[0] else c[2] - r)):
        changes = {r: wanted(c, r) for r, c in cases.items()}
        changes = {r: d for r, d in changes.items() if d or (macro == "TITLE" and d is not None)}
        write_rows("%s(first, last, delta, step): %s" % (macro, title),
                   ("%s(0x%x, 0x%x, %d, %d)" % (macro, *run) for run in case_runs(changes)))
    print("\n/* clang-format on */")
    for macro in macros:
        print("#undef " + macro)


main()
