#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A user without sudo learned in three rounds what to install, and binutils twice. Each
# verb says it in one message with one line to paste; an apt that fails shows why;
# another system than Debian is named; CONSOLE=no wants no npm.
. "$(dirname "$0")/lib.sh"

# A machine that has nothing but what Debian always has, and a user who is not root.
bin=$TEST_DIR/bin
mkdir -p "$bin" "$TEST_DIR/none"
for tool in awk basename bash cat chmod cp cut dirname env find flock getent grep head ln ls mkdir mktemp \
    mv paste printf readlink rm sed seq sh sha256sum sort tail tar touch tr true uniq wc xargs; do
    ln -s "$(type -P $tool)" "$bin/$tool"
done
fake() {
    rm -f "$bin/$1"
    { echo "#!$(type -P bash)"; cat; } >"$bin/$1"
    chmod 755 "$bin/$1"
}
echo 'echo 1000' | fake id
echo 'echo "apt-get $*" >>"$HOME/apt"; echo "E: Unable to locate package gcc" >&2; exit 100' | fake apt-get
printf 'ID=debian\nVERSION_ID=12\nPRETTY_NAME="Debian GNU/Linux 12"\n' >"$TEST_DIR/os"

# built VERB…: what build.sh says and how it ends; it gets no further than that.
built() {
    status=0
    said=$(env -i HOME="$HOME" PATH="$bin" XDG_CACHE_HOME="$TEST_DIR/cache" OS_RELEASE="$TEST_DIR/os" ${console:+CONSOLE=$console} \
        bash "$repo/build.sh" "$@" 2>&1) || status=$?
}
# line_of: the line to paste.
line_of() { grep -E '^ +.*apt-get install -y' <<<"$said" | head -n 1; }
has() {
    local word
    for word; do expect_contains "the line for $verb" " $(line_of) " " $word"; done
}
once() { expect "$1 in the line of $verb" "$(line_of | tr " '" '\n\n' | grep -cx "$1")" 1; }

for verb in release run test; do
    built $verb
    expect "how $verb ends" $status 1
    expect_contains "no sudo" "$said" "there is no sudo here"
    expect_contains "no sudo" "$(line_of)" "su -c 'apt-get install -y"
    has gcc make binutils
    once binutils
    once gcc
    expect_contains "what to do then" "$said" "./build.sh $verb again"
done
has jq procps openssl curl iproute2
# What tests can do without is named apart, and nothing twice.
expect_contains "judges" "$said" "skipped without"
expect "the judges" "$(grep -c 'apt-get install.* skopeo' <<<"$said")" 1
expect "apt-get is not called" "$(cat "$HOME/apt" 2>/dev/null)" ""

# Where the console is not built yet, npm is part of the line, but for CONSOLE=no.
wants() {
    bash -c 'cd "$1" && . install/dependencies.sh && . install/console.sh && packages_of_console' - "$TEST_DIR/tree"
}
mkdir -p "$TEST_DIR/tree/assets/console"
cp -r "$repo/install" "$TEST_DIR/tree/"
cp "$repo/assets/console/package.json" "$TEST_DIR/tree/assets/console/"
expect_contains "what the console wants" "$(CONSOLE=yes wants)" npm:npm
expect "what CONSOLE=no wants" "$(CONSOLE=no wants)" ""
expect_refused "CONSOLE is yes or no, not 'maybe'" env CONSOLE=maybe "$repo/build.sh" help

echo '[ "$1" = -n ] && { echo "sudo: a password is required" >&2; exit 1; }' | fake sudo
verb=run
built run
expect_contains "sudo with a password" "$said" "sudo wants a password"
expect_contains "sudo with a password" "$(line_of)" "    sudo apt-get install -y"
has gcc tesseract-ocr | true

# Sudo without a password, or root: it is tried, and the cause is shown.
echo 'shift; [ "$1" = true ] && exit; exec "$@"' | fake sudo
built run
expect "how a failed apt-get ends" $status 1
expect_contains "what apt said" "$said" "E: Unable to locate package gcc"
expect_contains "what to do" "$(line_of)" "sudo apt-get install -y"
expect_contains "apt-get was called" "$(cat "$HOME/apt")" "install --no-install-recommends gcc"
echo 'echo 0' | fake id
built
expect_contains "root" "$said" "E: Unable to locate package gcc"

printf 'ID=fedora\nVERSION_ID=40\nPRETTY_NAME="Fedora Linux 40"\n' >"$TEST_DIR/os"
built run
expect "how it ends elsewhere" $status 1
expect_contains "elsewhere" "$said" "this is Fedora Linux 40; Axle is built on Debian 12 or 13"
printf 'ID=debian\nVERSION_ID=11\nPRETTY_NAME="Debian GNU/Linux 11"\n' >"$TEST_DIR/os"
built run
expect_contains "an old one" "$said" "Debian GNU/Linux 11, which is too old"
