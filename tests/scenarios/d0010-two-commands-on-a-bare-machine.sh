#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 28800
# On a Debian 12 and a Debian 13 with nothing in them, as root and as a user with sudo:
# a clone of the repository, the README's two commands, its tour word for word, and its
# end, after which nothing is left. Prints times and disk use.
#
#     DEEP=1 ./build.sh test d0010
#     BARE='12 13'         which releases; the first is a chroot, as of debootstrap's
#                          manual, the second has the folder as its root by pivot_root
#     BARE_AS='root user'  as whom
#     BARE_TESTS='a0001'   which tests `./build.sh test` runs there; all, if it is empty
. "$(dirname "$0")/lib.sh"

[ "${DEEP:-0}" = 1 ] || skip "builds and tests on four bare machines: only in ./build.sh deep, or with DEEP=1"
[ "$(id -u)" = 0 ] || skip "not root: debootstrap and chroot take it"
for tool in debootstrap git unshare pivot_root; do
    type -P "$tool" >/dev/null || skip "no $tool here"
done
[ -e "$repo/.git" ] || skip "no git repository here to clone"
mirror=${DEBIAN_MIRROR:-$(bash -c '. "$1"; system_mirror' - "$repo/install/dependencies.sh")}
[ -n "$mirror" ] || skip "this system's apt sources name no Debian mirror"

declare -A suites=([12]=bookworm [13]=trixie)
home_of() { if [ "$1" = root ]; then echo /root; else echo /home/ada; fi; }

# make_machine VERSION USER: $root, and what of this machine leads to the network: proxies,
# apt's settings for them, and authorities that were added to the system's.
make_machine() {
    local version=$1 home
    home=$(home_of "$2")
    root=$TEST_DIR/$version-$2
    base=$TEST_DIR/base-$version
    if [ ! -d "$base" ]; then
        debootstrap --variant=minbase "${suites[$version]}" "$base" "$mirror" >"$TEST_DIR/debootstrap.txt" 2>&1 ||
            skip "debootstrap cannot make Debian $version: $(tail -n 1 "$TEST_DIR/debootstrap.txt")"
        apt-config dump | command grep -E '^Acquire::(https?|ftp|Check-)' >"$base/etc/apt/apt.conf.d/99network" || true
        mkdir -p "$base/usr/local/share/ca-certificates"
        cp /usr/local/share/ca-certificates/*.crt "$base/usr/local/share/ca-certificates/" 2>/dev/null || true
    fi
    cp -a "$base" "$root"
    rm -f "$root/etc/resolv.conf"
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    if [ "$2" != root ]; then
        inside "$version" "$root" apt-get -qq update >/dev/null
        inside "$version" "$root" apt-get -qq install -y --no-install-recommends sudo >/dev/null 2>&1
        inside "$version" "$root" useradd -m -s /bin/bash ada
        echo 'ada ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/ada"
    fi
    git clone -q "$repo" "$root$home/axle"
    cp "$TEST_DIR/session" "$root$home/session"
    [ "$2" = root ] || inside "$version" "$root" chown -R ada: /home/ada
}

# inside VERSION ROOT COMMAND…: as root there; all that it starts ends with it.
inside() {
    local version=$1 root=$2 proxies=() name
    shift 2
    for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
        [ -z "${!name:-}" ] || proxies+=("$name=${!name}")
    done
    # shellcheck disable=SC2016 # for the inner shell
    unshare --mount --propagation private --pid --fork --kill-child bash -eu -c '
        version=$1 root=$2
        shift 2
        mount --bind "$root" "$root"
        mount -t proc proc "$root/proc"
        mount --rbind /sys "$root/sys"
        mount --rbind /dev "$root/dev"
        cd "$root"
        if [ "$version" = 12 ]; then
            chroot . "$@"
        else
            mkdir -p mnt/before
            pivot_root . mnt/before
            cd /
            umount -l /mnt/before
            "$@"
        fi' - "$version" "$root" /usr/bin/env -i HOME=/root TERM=dumb DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${proxies[@]}" "$@"
}

# ------------------------------------------------------------------ the README

# The blocks fenced as sh, in order, one file each. What differs from the page is here:
#   ./build.sh test runs those tests that were asked for by BARE_TESTS, and is timed, as run is.
blocks() {
    awk -v into="$TEST_DIR/block" '
        /^```sh/ { n++; inside = 1; next }
        /^```/ { inside = 0 }
        inside { print >(into "-" n) }' "$repo/README.md"
    sed -i -E -e "s|^(\./build\.sh test)|\1 ${BARE_TESTS:-}|" -e 's/^(\.\/build\.sh .*)/timed \1/' "$TEST_DIR/block-1"
    ls "$TEST_DIR"/block-* | sort -V
}

# The whole session as one script. The machine that joins is the same one, with a state
# folder of its own and the program where the page says.
write_session() {
    local block
    cat <<'SESSION'
set -eu -o pipefail
timed() {
    local start=$SECONDS
    echo "== $*"
    "$@" || { echo "== $* ends with $?"; exit 1; }
    echo "== $*: $((SECONDS - start)) s, $(as_root du -sxm / 2>/dev/null | cut -f1) MB on the disk"
}
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
facts() {
    grep -v ' /proc/' /proc/self/mounts || true
    find /sys/fs/cgroup -type d -path '*axle*receipts*' 2>/dev/null || true
    ls -d /var/lib/axle ~/.local/state/axle ~/second /run/axle* /tmp/axle* /run/user/*/axle* 2>/dev/null || true
}
# The program, its shims, and what the sample runs.
programs() {
    as_root sh -c 'for one in /proc/[0-9]*; do
        case $(readlink "$one/exe") in */axle | */axle\ * | */python3* | */tesseract) tr "\0" " " <"$one/cmdline"; echo ;; esac
    done'
}
# join FILE: what it says, a second machine does.
join() {
    as_root install -m 755 build/axle /usr/local/bin/axle
    sed -n '/--mode=spoke/,$p;/AXLE_TOKEN=/p' "$1" | awk '!seen[$0]++' >~/join
    grep -q -e --mode=spoke ~/join || { echo "no command for the second machine: $(cat "$1")"; exit 1; }
    PATH=/usr/local/bin:$PATH AXLE_DATA_DIR=~/second setsid bash ~/join >~/second.log 2>&1 &
    second=$!
}
cd ~/axle
facts >~/before
SESSION
    while read -r block; do
        if [ "$block" = "$TEST_DIR/block-1" ]; then
            cat "$block"
            continue
        fi
        echo "echo '== block ${block##*-}'; sed 's/^/  | /' <<'BLOCK'"
        cat "$block"
        printf 'BLOCK\n{\n'
        cat "$block"
        printf '} >~/said 2>~/said.errors || { cat ~/said ~/said.errors ~/second.log; exit 1; }\ncat ~/said\n'
        if grep -q 'token create' "$block"; then echo 'join ~/said'; fi
    done < <(blocks)
    cat <<'SESSION'
# The end on the second machine.
kill -- -$second 2>/dev/null || true
wait $second 2>/dev/null || true
AXLE_DATA_DIR=~/second axle uninstall --yes
for _ in $(seq 100); do
    left=$(programs; facts | diff ~/before - | grep '^>' || true)
    [ -n "$left" ] || break
    sleep 0.1
done
[ -z "$left" ] || { echo "left behind: $left"; exit 1; }
echo "nothing is left"
SESSION
}
write_session >"$TEST_DIR/session"
bash -n "$TEST_DIR/session"

for version in ${BARE:-12 13}; do
    for who in ${BARE_AS:-root user}; do
        make_machine "$version" "$who"
        status=0
        if [ "$who" = root ]; then
            inside "$version" "$root" bash -l /root/session >"$TEST_DIR/session.txt" 2>&1 || status=$?
        else
            inside "$version" "$root" su - ada -c 'bash -l ~/session' >"$TEST_DIR/session.txt" 2>&1 || status=$?
        fi
        grep -E '^== .*[0-9] s,|passed,|nothing is left|^skipped' "$TEST_DIR/session.txt" | sed "s/^/note: Debian $version as $who: /"
        [ $status = 0 ] || fail "Debian $version as $who: $(tail -n 60 "$TEST_DIR/session.txt")"
        grep -q '^nothing is left' "$TEST_DIR/session.txt" || fail "the session did not reach its end"
        expect "applications that answered as the page says" "$(grep -c 'Apple cake' "$TEST_DIR/session.txt")" 3
        rm -rf --one-file-system "$root"
    done
done
