#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The archive of sources carries the console as built and the commit's name, so it is built
# without npm and without git. Where no commit is known, that is said once, and why; a
# repository above the tree is not taken for its own. CONSOLE=no takes the console out of
# the program, and yes puts it back.
. "$(dirname "$0")/lib.sh"

[ -d "$repo/build/console" ] || skip "the console is not built here (CONSOLE=no)"
[ -e "$repo/.git" ] || [ -s "$repo/COMMIT" ] || skip "neither a git repository nor an archive with a commit's name"
commit=$("$AXLE" version | sed -n 's/.*(commit \([^,]*\),.*/\1/p')
mkdir -p "$TEST_DIR/packages" "$TEST_DIR/out/of/the/way"
"$repo/install/source.sh" 1.0 "$commit" "$TEST_DIR/packages" >/dev/null
tar xzf "$TEST_DIR/packages/axle-1.0-source.tar.gz" -C "$TEST_DIR/out/of/the/way"
tree=$TEST_DIR/out/of/the/way/axle-1.0
for file in build.sh main.c COMMIT modules/hub/console/console.c assets/console/dist/index.html docs/TESTING.md; do
    [ -s "$tree/$file" ] || fail "the archive has no $file"
done
[ ! -e "$tree/build" ] && [ ! -e "$tree/.git" ] || fail "the archive has what was built, or the repository"
expect "the commit" "$(cut -d' ' -f1 "$tree/COMMIT" | sed 's/-changed$//')" "$commit"

# does WORDS…: within build.sh of that tree, without its last lines, which run a verb.
does() {
    sed '/^verb=\${1:-release}$/,$d' "$tree/build.sh" >"$tree/functions.sh"
    (cd "$tree" && XDG_CACHE_HOME=$TEST_DIR/cache bash -c '. ./functions.sh; deps=$deps_home; mkdir -p "$deps"; echo none 1 >"$deps/versions"
        '"$*" 2>&1)
}
version() { sed -n 's/^#define AXLE_COMMIT "\(.*\)"/\1/p' "$tree/build/generated/version.h"; }
expect "what is said of a known commit" "$(does write_version)" ""
expect "the commit that is built in" "$(version)" "$(cut -d' ' -f1 "$tree/COMMIT")"
expect "what the console wants" "$(does packages_of_console)" ""

# The console in and out.
does 'build_console; write_assets' >/dev/null
grep -q '"console/index.html"' "$tree/build/generated/assets.S" || fail "the console is not in the program"
CONSOLE=no does 'build_console; write_assets' >/dev/null
if grep -q '"console/' "$tree/build/generated/assets.S"; then fail "CONSOLE=no leaves the console in the program"; fi
does 'build_console; write_assets' >/dev/null
grep -q '"console/index.html"' "$tree/build/generated/assets.S" || fail "the console does not come back"

# No commit: below a repository, and in one that git cannot read.
rm "$tree/COMMIT"
if type -P git >/dev/null; then
    (cd "$TEST_DIR/out" && git init -q && git -c user.name=a -c user.email=a@b.invalid commit -q --allow-empty -m one)
fi
expect_contains "what is said" "$(does write_version)" "the commit is not known (no git repository and no file COMMIT)"
expect "what is said again" "$(does write_version)" ""
expect_contains "the name" "$(version)" "unknown-"
first=$(version)
echo '/* changed */' >>"$tree/main.c"
does write_version >/dev/null
[ "$(version)" != "$first" ] || fail "other sources have the same name"
mkdir "$tree/.git"
expect_contains "a broken repository" "$(does write_version)" "git"
# A clone where git is not installed: its files say it, loose or packed.
lacks_git='command() { [ "$2" != git ] && builtin command "$@"; };'
echo "ref: refs/heads/main" >"$tree/.git/HEAD"
expect_contains "no branch of that name" "$(does "$lacks_git name_commit")" "git is not installed"
echo "0123456789abcdef0123456789abcdef01234567 refs/heads/main" >"$tree/.git/packed-refs"
expect "a packed branch" "$(does "$lacks_git name_commit")" 0123456789ab
mkdir -p "$tree/.git/refs/heads"
echo fedcba9876543210fedcba9876543210fedcba98 >"$tree/.git/refs/heads/main"
expect "a branch" "$(does "$lacks_git name_commit")" fedcba987654
echo abcabcabcabcabcabcabcabcabcabcabcabcabca >"$tree/.git/HEAD"
expect "no branch at all" "$(does "$lacks_git name_commit")" abcabcabcabc
