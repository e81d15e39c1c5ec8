#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# How the web console is built: by npm from assets/console, or taken as built
# from assets/console/dist, which a source archive carries. build.sh reads this
# file. CONSOLE=no builds the program without it, and then npm is not needed.
#
# shellcheck disable=SC2154 # packages_console: dependencies.sh has it

console=${CONSOLE:-yes}
case $console in
yes | no) ;;
*) die "CONSOLE is yes or no, not '$console'" ;;
esac
console_work=build/console.work console_log=build/console.log

# What the bundle is made from, as one word.
console_sources() {
    find assets/console -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -print0 |
        LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16
}

# console_in FOLDER: the bundle of these very sources is there.
console_in() { [ "$(cat "$1/.sources" 2>/dev/null)" = "$(console_sources)" ]; }

console_wants_npm() {
    [ "$console" = yes ] && [ -f assets/console/package.json ] &&
        ! console_in build/console && ! console_in assets/console/dist
}

packages_of_console() { if console_wants_npm; then echo "$packages_console"; fi; }

build_console() {
    local from=assets/console/dist
    [ "$console" = yes ] && [ -f assets/console/package.json ] || return 0
    console_in build/console && return
    if ! console_in $from; then
        bundle_console
        from=$console_work/dist
    fi
    rm -rf build/console
    mkdir -p build
    cp -r $from build/console
}

# Leaves the bundle in $console_work/dist.
bundle_console() {
    check_node
    mkdir -p $console_work
    find $console_work -mindepth 1 -maxdepth 1 -not -name node_modules -not -name .lock -exec rm -rf {} +
    (cd assets/console && tar cf - --exclude=./node_modules --exclude=./dist .) | tar xf - -C $console_work
    cmp -s $console_work/package-lock.json $console_work/.lock ||
        say "fetching what the console is bundled with (npm)"
    (
        cd $console_work || exit
        if ! cmp -s package-lock.json .lock; then
            run_npm ci --no-audit --no-fund && cp package-lock.json .lock || exit
        fi
        run_npm run --silent build
    ) >$console_log 2>&1 || {
        explain_npm $console_log
        die "the console cannot be built. Without npm: CONSOLE=no ./build.sh leaves it out;" \
            "the source archive of ./build.sh package has it built"
    }
    console_sources >$console_work/dist/.sources
}

# npm brings authorities of its own, and does not know those that were added to
# this system, as that of a proxy that looks into TLS. What the user has set
# (NODE_EXTRA_CA_CERTS, SSL_CERT_FILE, cafile in .npmrc) comes first.
run_npm() {
    local authorities=${NODE_EXTRA_CA_CERTS:-${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}}
    [ ! -r "$authorities" ] || export NODE_EXTRA_CA_CERTS=$authorities
    npm "$@"
}

check_node() {
    local version
    version=$(node --version 2>/dev/null) || version=
    version=${version#v}
    [ "${version%%.*}" -ge 18 ] 2>/dev/null || die "node is ${version:-broken}: the console is bundled" \
        "with 18 or newer. Install Debian's nodejs and npm, or build with CONSOLE=no"
}

# What npm's words mean, and what to do: PATTERN|CAUSE|CURE, the first that fits.
npm_troubles='
SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)|CERT_[A-Z]|certificate~the registry shows a certificate of an authority that is not known here, as a proxy does that looks into TLS~put the authority into /usr/local/share/ca-certificates/NAME.crt and run update-ca-certificates as root, or name its file in NODE_EXTRA_CA_CERTS
E407|407 Proxy~the proxy wants to know who asks~give the proxy with name and password: https_proxy=http://NAME:PASSWORD@HOST:PORT
ENOTFOUND|EAI_AGAIN~the name of the registry cannot be resolved: there is no network here, or no name server, or only a proxy leads out~mend the network, or name the proxy: https_proxy=http://HOST:PORT
ECONNREFUSED|ETIMEDOUT|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ERR_SOCKET_TIMEOUT|EIDLETIMEOUT|FETCH_ERROR|socket hang up~the registry cannot be reached~name a proxy (https_proxy=http://HOST:PORT), or a registry that can be reached (npm config set registry URL)
E401|E403|ENEEDAUTH|E404|E5[0-9][0-9]|ETARGET~the registry refuses, or does not have what is wanted~look which registry npm asks (npm config get registry), and log in there or name another one
EINTEGRITY~what came is not what assets/console/package-lock.json names: somebody on the way has changed it, or the cache is damaged~run npm cache clean --force, or use another registry
EBADENGINE|Unsupported engine|lockfileVersion|SyntaxError|Unknown command~npm or node is too old~install nodejs 18 or newer, as Debian 12 and 13 have it
ENOSPC~the disk is full~free some space below build/ and ~/.npm
EACCES|EPERM|EROFS~npm may not write there~look whose build/ and ~/.npm are'

# explain_npm LOG: its end, the cause and the cure.
explain_npm() {
    local pattern cause cure said
    tail -n 20 "$1" | sed 's/^/    /' >&2
    said=$(grep -E '^npm |Error' "$1") || said=
    while IFS='~' read -r pattern cause cure; do
        if [ -n "$pattern" ] && grep -qE -- "$pattern" <<<"$said"; then
            say "npm failed: $cause"
            say "what to do: $cure"
            return
        fi
    done <<<"$npm_troubles"
    say "npm failed (node $(node --version), npm $(npm --version 2>/dev/null)); all it said is in $1"
}

# What drives chromium in tests/browser; without it they are skipped.
fetch_browser_driver() {
    local work=build/browser
    [ "$console" = yes ] && command -v npm >/dev/null || return 0
    mkdir -p $work
    cmp -s tests/browser/package-lock.json $work/.lock && return
    cp tests/browser/package.json tests/browser/package-lock.json $work/
    if (cd $work && run_npm ci --no-audit --no-fund >npm.log 2>&1); then
        cp tests/browser/package-lock.json $work/.lock
    else
        explain_npm $work/npm.log
        say "what tests/browser needs cannot be fetched; they are skipped"
    fi
}
