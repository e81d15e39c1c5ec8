#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Each scenario has a number of its own, and a letter that docs/TESTING.md explains:
# by the number one is named in commits, in other files and on the command line.

cd "$(dirname "$0")/.." || exit 1
status=0
complain() { echo "$*"; status=1; }

numbers=$(find tests/scenarios -name '[a-z][0-9]*.sh' -printf '%f\n' | sed 's/-.*//' | LC_ALL=C sort)
for number in $(uniq -d <<<"$numbers"); do
    complain "two scenarios are $number: $(cd tests/scenarios && echo "$number"-*)"
done
for number in $(grep -vE '^[a-z][0-9]{4}$' <<<"$numbers"); do
    complain "$number: a scenario is named by a letter and four digits"
done
ladder=$(sed -n '/\*\*Ladder\.\*\*/,/^- \*\*/p' docs/TESTING.md)
for letter in $(cut -c1 <<<"$numbers" | uniq); do
    grep -qF "\`$letter\`" <<<"$ladder" || complain "docs/TESTING.md's ladder does not say what $letter is"
done
exit $status
