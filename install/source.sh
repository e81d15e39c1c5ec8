#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Packs the sources, with the console as built and the commit's name, so that
# they can be built without npm and without git: source.sh VERSION COMMIT [FOLDER]

set -eu -o pipefail
cd "$(dirname "$0")/.."
name=axle-$1 commit=$2 into=${3:-build/packages}
root=$into/source

# The files of the tree as they are now; without git, all but what was built.
list_files() {
    if [ -e .git ]; then
        git -c safe.directory="$PWD" ls-files -z | while IFS= read -rd '' file; do
            [ ! -e "$file" ] || printf '%s\0' "$file"
        done
    else
        find . -path ./build -prune -o -path '*/node_modules' -prune -o -path ./assets/console/dist -prune \
            -o -path ./COMMIT -prune -o \( -type f -o -type l \) -printf '%P\0'
    fi
}

# "COMMIT SECONDS": which commit this is, and of when. What differs from it is said.
describe_commit() {
    local changed=
    if [ -e .git ] && ! git -c safe.directory="$PWD" diff --quiet HEAD 2>/dev/null; then
        changed=-changed
    fi
    echo "${commit%%,*}$changed $date"
}

date=$(git -c safe.directory="$PWD" log -1 --format=%ct 2>/dev/null || cut -d' ' -f2 COMMIT 2>/dev/null || echo 0)
umask 022
rm -rf "$root"
mkdir -p "$root/$name"
list_files | tar cf - --null --no-recursion -T - | tar xf - -C "$root/$name"
. install/dependencies.sh
. install/console.sh
if [ "$console" = yes ] && console_in build/console; then
    cp -r build/console "$root/$name/assets/console/dist"
else
    say "the source archive has no console as built (CONSOLE=no): building it takes npm"
fi
describe_commit >"$root/$name/COMMIT"
tar --sort=name --mtime="@$date" --owner=0 --group=0 --numeric-owner --mode=go-w \
    -C "$root" -czf "$into/$name-source.tar.gz" "$name"
rm -rf "$root"
ls -1 "$into/$name-source.tar.gz"
