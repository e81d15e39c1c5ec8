#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# 32 tests were skipped on a bare machine for want of a kubectl, and the tour could not be
# typed. The user's own is taken if its version will do; else Debian's lies in build/bin,
# and stays there when that folder is on the PATH. Without a network that is said.
. "$(dirname "$0")/lib.sh"

tree=$TEST_DIR/tree own=$TEST_DIR/own
mkdir -p "$tree" "$own"
cp -r "$repo/install" "$tree/"
unset -f kubectl
# The PATH of a machine that has neither.
bin=$TEST_DIR/bin
mkdir -p "$bin"
for tool in awk bash cat cut dirname find flock grep head ln mkdir mktemp mv rm sed sha256sum sort tail; do
    ln -s "$(type -P $tool)" "$bin/$tool"
done
does() { (cd "$tree" && PATH=$path XDG_CACHE_HOME=$TEST_DIR/cache bash -eu -o pipefail -c '. install/dependencies.sh; '"$*" 2>&1); }
fake() { printf '#!%s\necho "Client Version: v1.%s"\n' "$(type -P bash)" "$2" >"$1" && chmod 755 "$1"; }
which_kubectl='want_tools kubectl; type -P kubectl || echo none'

path=$bin
said=$(DEBIAN_MIRROR=http://127.0.0.1:9 does "apt-get() { echo 'E: Could not connect to 127.0.0.1:9' >&2; return 100; }; later() { \"\$@\" 2>>\"\$log\"; }; $which_kubectl")
expect_contains "without a network" "$said" "E: Could not connect"
expect_contains "without a network" "$said" "install a kubectl from 1.29 to 1.33"
expect "it goes on" "$(tail -n 1 <<<"$said")" none

tools=$(does 'echo $tools')
mkdir -p "$tools/bin"
fake "$tools/bin/kubectl" 32.3
fake "$tools/bin/oras" 2
expect "where there is none" "$(does "$which_kubectl")" "$tree/build/bin/kubectl"
path=$tree/build/bin:$bin
expect "where it is on the PATH already" "$(does "$which_kubectl")" "$tree/build/bin/kubectl"
for version in 20.2 28.15 34.0 40.1; do
    fake "$own/kubectl" $version
    path=$own:$bin
    expect "where the user has 1.$version" "$(does "$which_kubectl")" "$tree/build/bin/kubectl"
done
for version in 29.0 32.4-dispatcher 33.1; do
    fake "$own/kubectl" $version
    path=$tree/build/bin:$own:$bin
    expect "where the user has 1.$version" "$(does "$which_kubectl")" "$own/kubectl"
    expect "oras comes nevertheless" "$(does "want_tools 'kubectl and oras'; type -P kubectl oras" | paste -sd' ')" \
        "$own/kubectl $tree/build/bin/oras"
done
