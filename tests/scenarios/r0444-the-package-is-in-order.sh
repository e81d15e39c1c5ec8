#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What ./build.sh package makes: units that systemd takes, a hub that is shut in, a
# manual page and a completion that say what the help says, scripts for each way.
. "$(dirname "$0")/lib.sh"

type -P dpkg-deb >/dev/null || skip "no dpkg-deb here"
# Not compressed: the program of a test is large.
DPKG_DEB_COMPRESSOR_TYPE=none "$repo/install/package.sh" 1.0 "$AXLE" "$TEST_DIR/packages" >/dev/null
deb=$(echo "$TEST_DIR"/packages/*.deb) root=$TEST_DIR/root
dpkg-deb -x "$deb" "$root"
dpkg-deb -e "$deb" "$root/DEBIAN"
for file in usr/bin/axle usr/lib/sysusers.d/axle.conf usr/share/axle/catalogue/ocr.yaml \
    usr/share/doc/axle/examples/ocr.yaml usr/share/doc/axle/docs/RUNTIME.md usr/share/man/man1/axle.1.gz \
    usr/share/bash-completion/completions/axle usr/share/doc/axle/changelog.gz; do
    [ -s "$root/$file" ] || fail "the package has no $file"
done
expect "conffiles" "$(cat "$root/DEBIAN/conffiles")" "$(printf '/etc/axle/%s\n' hub.yaml spoke.yaml)"
for script in postinst prerm postrm; do sh -n "$root/DEBIAN/$script"; done
expect "the tar has the program" "$(tar tzf "$TEST_DIR"/packages/*.tar.gz | grep -c '^axle-1.0-[a-z0-9]*/bin/axle$')" 1

# Each option of the help, the program's, the roles' and the verbs', is in both.
gzip -dc "$root/usr/share/man/man1/axle.1.gz" >"$TEST_DIR/axle.1"
pages() {
    "$AXLE" --help
    for page in hub spoke all-in-one status 'token create' 'token list' 'remove spoke' render 'config show' leave reset uninstall; do
        # shellcheck disable=SC2086 # a verb may be two words
        "$AXLE" help $page
    done
}
for flag in $(pages | grep -oE '^ +(-., )?--[a-z-]+' | grep -o -- '--[a-z-]*$' | sort -u); do
    grep -qF -- "${flag//-/\\-}" "$TEST_DIR/axle.1" || fail "the manual page does not say $flag"
    grep -q -- "${flag}[= '\"]" "$root/usr/share/bash-completion/completions/axle" || fail "no completion of $flag"
done
for verb in 'token create' 'remove spoke' uninstall; do
    grep -qx ".SS axle $verb" "$TEST_DIR/axle.1" || fail "the manual page has no section of $verb"
done
if type -P groff >/dev/null; then
    expect "what groff says" "$(groff -man -Tutf8 -ww -z "$TEST_DIR/axle.1" 2>&1)" ""
fi
# completes WANTED WORD…
completes() {
    local wanted=$1
    shift
    # shellcheck disable=SC2016 # for the inner shell
    expect "a completion of $*" "$(bash -c 'file=$1; shift; . "$file"; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _axle 2>/dev/null; echo "${COMPREPLY[@]}"' - \
        "$root/usr/share/bash-completion/completions/axle" axle "$@")" "$wanted"
}
completes --cgroup-parent= --cgr
completes uninstall un
completes create token c
completes --pool= token create --p
completes cloud-init token create -o cl
completes hub --mode = h
completes spoke remove s

# A purge in a folder of its own: what was a claim stays, and that is said.
data=$TEST_DIR/data
mkdir -p "$data"/hub "$data"/spoke/workloads/{pods/a,claims/x.y} "$TEST_DIR/etc"
echo precious >"$data/spoke/workloads/claims/x.y/file"
: >"$data/hub/axle.db"
sed "s|^data=.*|data=$data|; s|/etc/axle|$TEST_DIR/etc|g; s|/etc/systemd|$TEST_DIR/systemd|; s|-d /run/systemd/system|-d $TEST_DIR/none|" \
    "$root/DEBIAN/postrm" >"$TEST_DIR/postrm"
sh "$TEST_DIR/postrm" remove
[ -e "$data/hub/axle.db" ] || fail "a removal deletes data"
sh "$TEST_DIR/postrm" purge >"$TEST_DIR/purge"
grep -q "keeps the claims of workloads in $data" "$TEST_DIR/purge" || fail "purge says: $(cat "$TEST_DIR/purge")"
expect "what a purge leaves" "$(find "$data" -type f)" "$data/spoke/workloads/claims/x.y/file"
rm -r "$data/spoke/workloads/claims/x.y"
sh "$TEST_DIR/postrm" purge >"$TEST_DIR/purge"
[ ! -e "$data" ] || fail "a purge without claims leaves $(find "$data")"

type -P systemd-analyze >/dev/null || skip "no systemd-analyze here: the units are not looked at; the rest is well"
mkdir "$TEST_DIR/units"
for unit in hub spoke pods; do
    sed "s|/usr/bin/axle|$AXLE|" "$root/usr/lib/systemd/system/axle-$unit.service" >"$TEST_DIR/units/axle-$unit.service"
done
said=$(cd "$TEST_DIR/units" && systemd-analyze verify --man=no ./*.service 2>&1 | grep axle- || true)
expect "what systemd says of the units" "$said" ""
level=$(systemd-analyze security --offline=yes "$TEST_DIR/units/axle-hub.service" 2>/dev/null |
    sed -n 's/.*exposure level for [^:]*: \([0-9.]*\).*/\1/p')
[ -n "$level" ] || skip "this systemd-analyze has no security --offline; the rest is well"
awk "BEGIN { exit !($level <= 4) }" || fail "the hub's exposure is $level, more than 4"
