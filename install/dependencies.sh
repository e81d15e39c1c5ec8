#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What the build stands on, and how it gets there. build.sh reads this file.
#
# Tools and the libraries that Debian has as static archives are installed as
# packages. mbedTLS, libevent and cJSON are built here from Debian's own
# source packages of a later suite, and llhttp is taken from its -dev package
# there. A scratch apt root fetches them: the system's list of sources stays
# as it is, and apt verifies every byte against Debian's signature.
#
# What was built is kept in one folder per content of this file, outside the
# tree, so that several checkouts share it.
#
# shellcheck disable=SC2034 # build.sh uses the variables

deps_suite=trixie
deps_keyring=/usr/share/keyrings/debian-archive-keyring.gpg
deps_home=${XDG_CACHE_HOME:-$HOME/.cache}/axle
deps_flags=(-O2 -g1 -fPIE -fstack-protector-strong -ffunction-sections
    -fdata-sections -D_GNU_SOURCE)

say() { printf '%s\n' "build.sh: $*" >&2; }
die() { say "$@"; exit 1; }

# The oldest versions that will do, and why.
#   mbedtls   3.6     the branch that upstream still repairs
#   libevent  2.1.13  repairs memory errors of 2.1.12
#   cjson     1.7.18  repairs crashes on bad input
#   llhttp    9.2     repairs request smuggling
#   sqlite    3.40, yaml 0.2.5, zlib 1.2.13: what Debian 12 has
declare -A oldest=([mbedtls]=3.6 [libevent]=2.1.13 [cjson]=1.7.18 [llhttp]=9.2
    [sqlite]=3.40 [yaml]=0.2.5 [zlib]=1.2.13)

# ------------------------------------------------------------- this system

# os_release KEY: what /etc/os-release says under that key.
os_release() {
    # shellcheck source=/dev/null
    (. "${OS_RELEASE:-/etc/os-release}" 2>/dev/null && eval "echo \"\${$1:-}\"")
}

# clang's major version in this release of Debian, which package names carry.
clang_version() {
    case $(os_release VERSION_ID) in 12) echo 14 ;; *) echo 19 ;; esac
}

# Elsewhere than on Debian nothing below would work, and each message about it
# would be about something else. Whoever names a mirror knows what they do.
need_debian() {
    [ ! -d "$deps" ] && [ -z "${DEBIAN_MIRROR:-}" ] || return 0
    local system
    system=$(os_release PRETTY_NAME)
    [ "$(os_release ID)" = debian ] || die "this is ${system:-no Debian}; Axle is built on Debian 12 or 13." \
        "Build it there (a container of debian:12 will do) and copy build/axle," \
        "one static file that runs on any Linux. A relative of Debian may do with" \
        "DEBIAN_MIRROR=URL, a mirror of Debian that has $deps_suite"
    case $(os_release VERSION_ID) in
    [1-9] | 10 | 11) die "this is $system, which is too old: Axle is built on Debian 12 or 13" ;;
    esac
}

# ---------------------------------------------------------------- packages

# What is looked for (a command, or a file with a slash) and its package.
packages_build='
gcc:gcc make:make ar:binutils ld:binutils patch:patch xz:xz-utils bzip2:bzip2
ccache:ccache dpkg-source:dpkg-dev flock:util-linux
/usr/include/stdlib.h:libc6-dev
/usr/lib/*/libsqlite3.a:libsqlite3-dev
/usr/lib/*/libyaml.a:libyaml-dev
/usr/lib/*/libz.a:zlib1g-dev
/usr/share/keyrings/debian-archive-keyring.gpg:debian-archive-keyring'
packages_run='
tesseract:tesseract-ocr
/usr/share/tesseract-ocr/*/tessdata/eng.traineddata:tesseract-ocr-eng
python3:python3 curl:curl ss:iproute2'
packages_test="$packages_run"'
jq:jq pgrep:procps openssl:openssl git:git setsid:util-linux sqlite3:sqlite3 strace:strace
/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf:fonts-dejavu-core
/usr/lib/python3/dist-packages/PIL/__init__.py:python3-pil'
# Judges of conformity that are big; tests skip, saying why, without them.
packages_judges='
skopeo:skopeo podman:podman etcd:etcd-server etcdctl:etcd-client
/usr/lib/python3/dist-packages/kubernetes/__init__.py:python3-kubernetes
chromium:chromium'
packages_console='node:nodejs npm:npm
/etc/ssl/certs/ca-certificates.crt:ca-certificates'
packages_check='
clang:clang clang-format:clang-format cppcheck:cppcheck shellcheck:shellcheck ctags:universal-ctags
python3:python3'
packages_fuzz="
clang:clang
/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a:libclang-rt-$(clang_version)-dev"

is_there() {
    case $1 in
    */*) compgen -G "$1" >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

# The packages of these lists that are not there, each once, in one line.
missing_packages() {
    local pair names=' '
    # shellcheck disable=SC2048 # lists of words
    for pair in $*; do
        is_there "${pair%:*}" && continue
        case $names in *" ${pair##*:} "*) ;; *) names+="${pair##*:} " ;; esac
    done
    names=${names# }
    printf '%s' "${names% }"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Why packages cannot be installed from here, or nothing.
cannot_install() {
    if ! command -v apt-get >/dev/null; then
        echo "there is no apt-get here"
    elif [ "$(id -u)" = 0 ]; then
        return
    elif ! command -v sudo >/dev/null; then
        echo "that takes root, and there is no sudo here"
    elif ! sudo -n true 2>/dev/null; then
        echo "that takes root, and sudo wants a password"
    fi
}

# install_packages NAME…: 1 if that fails; why is then in apt.log.
install_packages() {
    say "installing $*"
    mkdir -p "$deps_home"
    # One at a time: other checkouts may be at the same point. A source of the
    # system that cannot be read may not matter: installing decides.
    (
        flock 8
        : >"$deps_home/apt.log"
        as_root apt-get -qq update || true
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
            -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
            install --no-install-recommends "$@"
    ) 8>"$deps_home/apt.lock" >"$deps_home/apt.log" 2>&1
}

# What apt said was wrong, else its last lines.
apt_causes() {
    grep -E '^(E|W|Err|dpkg): ?|^ +(Depends|Could not|Temporary failure)' "$deps_home/apt.log" |
        sort -u | head -n 8 | grep . || tail -n 5 "$deps_home/apt.log"
}

# The line that installs packages, for the one who may.
install_line() {
    if [ "$(id -u)" = 0 ]; then
        echo "    apt-get install -y --no-install-recommends $1"
    elif command -v sudo >/dev/null; then
        echo "    sudo apt-get install -y --no-install-recommends $1"
    else
        echo "    su -c 'apt-get install -y --no-install-recommends $1'"
    fi
}

# need_packages LIST…: installs what is missing, or says in one message what a
# person has to do. A verb calls it once, first, with all that it needs, and
# with $wanted_packages, what it can do without.
need_packages() {
    local missing why more
    need_debian
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    why=$(cannot_install)
    if [ -z "$why" ]; then
        # shellcheck disable=SC2086 # a list of words
        install_packages $missing && [ -z "$(missing_packages "$@")" ] && return 0
        missing=$(missing_packages "$@")
        why="apt-get says: $(apt_causes)
(all of it: $deps_home/apt.log)
Once that is mended, what was meant to be installed is"
    else
        why="$why. Type"
    fi
    more=$(missing_packages "${wanted_packages:-}" | tr ' ' '\n' | grep -vxF "${missing// /$'\n'}" | paste -sd' ') || more=
    say "packages are missing: $missing"
    printf '%s\n\n%s\n\n' "$why" "$(install_line "$missing")" >&2
    [ -z "$more" ] || printf '%s\n\n%s\n\n' \
        "Tests that want one of these are skipped without it; all of them at once:" \
        "$(install_line "$more")" >&2
    echo "and then ./build.sh ${verb:-} again. (If apt-get knows no such package: apt-get update first.)" >&2
    exit 1
}

# Installs what is missing as far as that is possible: all at once, else one by
# one, since a mirror may have lost one of them. What is still missing is said.
want_packages() {
    local missing name why
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    why=$(cannot_install)
    if [ -z "$why" ]; then
        # shellcheck disable=SC2086 # a list of words
        install_packages $missing || for name in $missing; do
            install_packages "$name" || why=$(apt_causes | head -n 2)
        done
    fi
    missing=$(missing_packages "$@")
    [ -z "$missing" ] || say "not installed: $missing (${why:-apt-get has not brought it});" \
        "tests that want them are skipped"
}

# ------------------------------------------------- sources of a later suite

# Points apt at a root of its own, with this system's mirror and a later suite.
scratch_apt() {
    local mirror=${DEBIAN_MIRROR:-}
    [ -n "$mirror" ] || mirror=$(system_mirror) || true
    [ -n "$mirror" ] || die "this system's apt sources name no Debian mirror:" \
        "name one that has $deps_suite as DEBIAN_MIRROR=URL"
    mkdir -p "$scratch"/{apt.conf.d,preferences.d,sources.list.d,cache/archives/partial,state/lists/partial}
    : >"$scratch/state/status"
    local kind
    for kind in deb deb-src; do
        printf '%s [signed-by=%s] %s %s main\n' "$kind" "$deps_keyring" \
            "$mirror" "$deps_suite"
    done >"$scratch/sources.list.d/later.list"
    cat >"$scratch/apt.conf" <<CONF
Dir::Etc "$scratch";
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$scratch/sources.list.d";
Dir::State "$scratch/state";
Dir::State::status "$scratch/state/status";
Dir::Cache "$scratch/cache";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
Debug::NoLocking "true";
CONF
    later apt-get -qq update && return
    say "cannot read the package lists of $deps_suite from $mirror:"
    grep -E '^(E|W|Err)' "$log" | sort -u | head -n 5 >&2
    return 1
}

later() { APT_CONFIG=$scratch/apt.conf "$@" 2>>"$log"; }

# The mirror that the system itself uses for the release it runs.
system_mirror() {
    local release
    # shellcheck source=/dev/null
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    find /etc/apt/sources.list /etc/apt/sources.list.d -type f \
        \( -name '*.list' -o -name '*.sources' \) -exec cat {} + 2>/dev/null |
        awk -v release="$release" '
            /^deb / {
                sub(/\[[^]]*\]/, "")
                if ($3 == release && !found) { found = $2 }
            }
            /^URIs:/ { uri = $2 }
            /^Suites:/ {
                for (i = 2; i <= NF; i++)
                    if ($i == release && !found) found = uri
            }
            END { sub(/\/$/, "", found); print found }'
}

# Fetches a source package and unpacks it into $scratch/NAME. When a mirror
# has lost the packaging but not the upstream archive, that alone will do:
# its checksum stands in the signed index too.
fetch_source() {
    local name=$1 archive
    (cd "$scratch" && later apt-get -qq source --download-only "$name") || true
    archive=$(compgen -G "$scratch/${name}_*.orig.tar.*[z2]") || return 1
    later apt-cache showsrc "$name" |
        grep -qF " $(sha256sum <"$archive" | cut -d' ' -f1) " || return 1
    if compgen -G "$scratch/${name}_*.dsc" >/dev/null; then
        dpkg-source --no-check -x "$scratch/${name}"_*.dsc "$scratch/$name" \
            >>"$log" 2>&1
    else
        mkdir "$scratch/$name" &&
            tar xf "$archive" -C "$scratch/$name" --strip-components=1
    fi
}

# Compiles files into one archive: archive NAME FLAGS -- FILE…
archive() {
    local name=$1 flags=() objects
    shift
    while [ "$1" != -- ]; do flags+=("$1"); shift; done
    shift
    objects=$scratch/objects-$name
    mkdir -p "$objects"
    # shellcheck disable=SC2016 # expanded by the inner shell
    printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} sh -c '
        file=$1 objects=$2; shift 2
        exec gcc "$@" -c "$file" -o "$objects/$(basename "$file" .c).o"' \
        - {} "$objects" "${deps_flags[@]}" "${flags[@]}" >>"$log" 2>&1 &&
        ar rcs "$into/lib/lib$name.a" "$objects"/*.o
}

header_version() { sed -n "s/.*$2[ \t(]*\"\{0,1\}\([0-9][0-9.]*\).*/\1/p" "$1" | head -n 1; }

build_mbedtls() {
    local from=$scratch/mbedtls
    fetch_source mbedtls || return 1
    mbedtls_settings >>"$from/include/mbedtls/mbedtls_config.h"
    cp -r "$from/include/mbedtls" "$from/include/psa" "$into/include/"
    archive mbedtls -I"$from/include" -I"$from/library" -- "$from"/library/*.c
}

# Changes to mbedTLS' own defaults: TLS 1.2 and 1.3 with ephemeral keys over
# streams, the curves that are in use, and nothing for other protocols.
mbedtls_settings() {
    local word
    echo '/* What Axle changes. */'
    for word in DES_C CAMELLIA_C ARIA_C RIPEMD160_C ECJPAKE_C LMS_C NIST_KW_C \
        PKCS7_C PKCS12_C DHM_C PADLOCK_C MD5_C ECP_DP_SECP192R1_ENABLED \
        ECP_DP_SECP224R1_ENABLED ECP_DP_SECP192K1_ENABLED \
        ECP_DP_SECP224K1_ENABLED ECP_DP_SECP256K1_ENABLED \
        ECP_DP_BP256R1_ENABLED ECP_DP_BP384R1_ENABLED ECP_DP_BP512R1_ENABLED \
        ECP_DP_CURVE448_ENABLED KEY_EXCHANGE_PSK_ENABLED \
        KEY_EXCHANGE_DHE_PSK_ENABLED KEY_EXCHANGE_ECDHE_PSK_ENABLED \
        KEY_EXCHANGE_RSA_PSK_ENABLED KEY_EXCHANGE_RSA_ENABLED \
        KEY_EXCHANGE_DHE_RSA_ENABLED KEY_EXCHANGE_ECDH_ECDSA_ENABLED \
        KEY_EXCHANGE_ECDH_RSA_ENABLED KEY_EXCHANGE_ECJPAKE_ENABLED \
        SSL_PROTO_DTLS SSL_DTLS_CONNECTION_ID SSL_DTLS_ANTI_REPLAY \
        SSL_DTLS_HELLO_VERIFY SSL_DTLS_SRTP SSL_DTLS_CLIENT_PORT_REUSE \
        SSL_CONTEXT_SERIALIZATION SSL_RENEGOTIATION SSL_CACHE_C SSL_COOKIE_C \
        NET_C TIMING_C PSA_CRYPTO_STORAGE_C PSA_ITS_FILE_C SELF_TEST DEBUG_C \
        VERSION_FEATURES THREADING_C; do
        echo "#undef MBEDTLS_$word"
    done
    for word in PLATFORM_MEMORY SSL_VARIABLE_BUFFER_LENGTH; do
        printf '#undef MBEDTLS_%s\n#define MBEDTLS_%s\n' "$word" "$word"
    done
}

build_libevent() {
    local from=$scratch/libevent
    fetch_source libevent || return 1
    (cd "$from" && CFLAGS="${deps_flags[*]}" ./configure --disable-shared \
        --disable-openssl --disable-samples --disable-libevent-regress \
        --disable-debug-mode >>"$log" 2>&1 &&
        make include/event2/event-config.h >>"$log" 2>&1 &&
        make -j"$(nproc)" libevent_core.la libevent_extra.la >>"$log" 2>&1) &&
        cp "$from"/.libs/libevent_core.a "$from"/.libs/libevent_extra.a "$into/lib/" &&
        cp -r "$from/include/event2" "$from"/include/ev*.h "$into/include/"
}

build_cjson() {
    fetch_source cjson || return 1
    mkdir -p "$into/include/cjson"
    cp "$scratch/cjson/cJSON.h" "$into/include/cjson/"
    archive cjson -DCJSON_NESTING_LIMIT=1000 -- "$scratch/cjson/cJSON.c"
}

# Generated code whose generator is not in Debian 12: taken as Debian built it.
build_llhttp() {
    (cd "$scratch" && later apt-get -qq download libllhttp-dev) &&
        dpkg-deb -x "$scratch"/libllhttp-dev_*.deb "$scratch/llhttp" &&
        cp "$scratch/llhttp/usr/include/llhttp.h" "$into/include/" &&
        cp "$scratch"/llhttp/usr/lib/*/libllhttp.a "$into/lib/"
}

# Debian 12's own libevent, for when the newer one cannot be had.
borrow_libevent() {
    say "libevent of $deps_suite cannot be had; using this system's own"
    need_packages '/usr/lib/*/libevent_core.a:libevent-dev'
    cp /usr/lib/*/libevent_core.a /usr/lib/*/libevent_extra.a "$into/lib/"
    cp -r /usr/include/event2 /usr/include/ev*.h "$into/include/"
    cp -r /usr/include/*/event2/. "$into/include/event2/" 2>/dev/null || true
    oldest[libevent]=2.1.12
}

library_versions() {
    local include=$into/include
    echo "mbedtls $(header_version "$include/mbedtls/build_info.h" 'VERSION_STRING ')"
    echo "libevent $(header_version "$include/event2/event-config.h" 'EVENT__VERSION ')"
    echo "cjson $(awk '/define CJSON_VERSION_/ { printf "%s%s", dot, $3; dot = "." }' "$include/cjson/cJSON.h")"
    echo "llhttp $(awk '/define LLHTTP_VERSION_/ { printf "%s%s", dot, $3; dot = "." }' "$include/llhttp.h")"
    echo "sqlite $(header_version /usr/include/sqlite3.h 'SQLITE_VERSION ')"
    echo "yaml $(dpkg-query -W -f '${Version}' libyaml-dev 2>/dev/null | sed 's/-.*//')"
    echo "zlib $(header_version /usr/include/zlib.h 'ZLIB_VERSION ')"
}

check_versions() {
    local name version
    while read -r name version; do
        [ "$(printf '%s\n' "${oldest[$name]}" "$version" | sort -V | head -n 1)" = "${oldest[$name]}" ] ||
            die "$name is ${version:-missing}, needed is ${oldest[$name]} or newer"
    done <"$into/versions"
}

build_dependencies() {
    local scratch into=$deps.new log=$deps_home/deps.log name
    scratch=$(mktemp -d)
    : >"$log"
    rm -rf "$into"
    mkdir -p "$into/include" "$into/lib"
    scratch_apt || die "Axle's libraries come from there. Without a network: copy" \
        "$deps from a machine that has it"
    for name in llhttp cjson mbedtls libevent; do
        say "building $name"
        "build_$name" && continue
        [ "$name" = libevent ] && borrow_libevent && continue
        tail -n 20 "$log" >&2
        die "$name cannot be built from Debian's $deps_suite sources"
    done
    library_versions >"$into/versions"
    check_versions
    mv "$into" "$deps"
    rm -rf "$scratch"
}

need_dependencies() {
    [ -d "$deps" ] && return
    mkdir -p "$deps_home"
    exec 9>"$deps_home/deps.lock"
    flock 9
    [ -d "$deps" ] || build_dependencies
    exec 9>&-
}

# ------------------------------------------------- tools of a later suite

# kubectl and oras, as Debian built them: the tour and the tests type them. They
# are no part of Axle, so it is built without them where they cannot be had.
tools_names='kubectl oras'
kubectl_oldest=29 kubectl_newest=33

# on_path NAME: where the user's own is; build/bin may be on the PATH, and is not theirs.
on_path() { type -aP "$1" | grep -vxF "$PWD/build/bin/$1" | head -n 1 | grep .; }

# The kubectl of the PATH, if it is one of the versions that are supported.
kubectl_of_path() {
    local found minor
    found=$(on_path kubectl) || return 1
    minor=$("$found" version --client 2>/dev/null | sed -n 's/^Client Version:.*v1\.\([0-9]*\).*/\1/p')
    [ -n "$minor" ] && [ "$minor" -ge $kubectl_oldest ] && [ "$minor" -le $kubectl_newest ] &&
        echo "$found"
}

fetch_tools() {
    local scratch into=$tools.new log=$deps_home/tools.log name
    scratch=$(mktemp -d)
    : >"$log"
    rm -rf "$into"
    mkdir -p "$into/bin"
    say "fetching $tools_names of Debian's $deps_suite"
    scratch_apt || return 1
    for name in $tools_names; do
        if (cd "$scratch" && later apt-get -qq download "$name") &&
            dpkg-deb -x "$scratch/${name}"_*.deb "$scratch/tools" 2>>"$log" &&
            cp "$scratch/tools/usr/bin/$name" "$into/bin/"; then
            continue
        fi
        tail -n 5 "$log" >&2
        return 1
    done
    rm -rf "$scratch"
    mv "$into" "$tools"
}

# Puts what is missing of them on the PATH, and into build/bin for whoever types
# it. A kubectl of the user's own is used if it is of a version that will do.
want_tools() {
    local own
    own=$(kubectl_of_path) || own=
    if [ -n "$own" ] && { [ "$1" = kubectl ] || on_path oras >/dev/null; }; then
        rm -rf build/bin
        return
    fi
    if [ ! -d "$tools" ]; then
        mkdir -p "$deps_home"
        (
            flock 7
            [ -d "$tools" ] || fetch_tools
        ) 7>"$deps_home/tools.lock" || {
            say "no $1: install a kubectl from 1.$kubectl_oldest to 1.$kubectl_newest" \
                "(kubernetes.io/docs/tasks/tools) and put it on the PATH; going on without"
            return 0
        }
    fi
    mkdir -p build/bin
    if [ -n "$own" ]; then rm -f build/bin/kubectl; else ln -sfn "$tools/bin/kubectl" build/bin/kubectl; fi
    ln -sfn "$tools/bin/oras" build/bin/oras
    export PATH=$PWD/build/bin:$PATH
}

# The folders' names say how their content was made.
deps=$deps_home/deps-$({
    echo "$deps_suite ${deps_flags[*]}"
    declare -f build_mbedtls mbedtls_settings build_libevent build_cjson \
        build_llhttp library_versions
} | sha256sum | cut -c1-16)
tools=$deps_home/tools-$({
    echo "$deps_suite $tools_names"
    declare -f fetch_tools
} | sha256sum | cut -c1-16)
