#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# npm ended with SELF_SIGNED_CERT_IN_CHAIN behind a proxy that looks into TLS, and nothing
# said what to do. It is given the system's certificates, unless the user has named
# others, and what it says is explained.
. "$(dirname "$0")/lib.sh"

tree=$TEST_DIR/tree bin=$TEST_DIR/bin
mkdir -p "$tree/assets" "$bin"
cp -r "$repo/install" "$tree/"
cp -r "$repo/assets/console" "$tree/assets/"
rm -rf "$tree/assets/console/dist" "$tree/assets/console/node_modules"
cat >"$bin/npm" <<'NPM'
#!/bin/bash
echo "authorities ${NODE_EXTRA_CA_CERTS:-none}"
if [ "$1" = run ]; then mkdir -p dist && echo index >dist/index.html; exit; fi
[ -z "$NPM_SAYS" ] || { echo "npm ERR! $NPM_SAYS" >&2; exit 1; }
NPM
printf '#!/bin/bash\necho v%s\n' '${NODE_IS:-20.0.0}' >"$bin/node"
chmod 755 "$bin/npm" "$bin/node"

# bundle [NAME=VALUE…]: what is said, and how it ends.
bundle() {
    status=0
    said=$(cd "$tree" && env -u NODE_EXTRA_CA_CERTS -u SSL_CERT_FILE PATH="$bin:$PATH" "$@" bash -eu -c \
        '. install/dependencies.sh; . install/console.sh; build_console' 2>&1) || status=$?
}
# explains NPM-WORDS CAUSE CURE
explains() {
    bundle NPM_SAYS="$1"
    expect "how it ends after $1" $status 1
    expect_contains "npm's own words" "$said" "    npm ERR! $1"
    expect_contains "the cause of $1" "$said" "npm failed: $2"
    expect_contains "the cure of $1" "$said" "what to do: $3"
    expect_contains "the other way" "$said" "CONSOLE=no ./build.sh"
}
explains "code SELF_SIGNED_CERT_IN_CHAIN" "the registry shows a certificate of an authority" "put the authority into /usr/local/share/ca-certificates"
explains "code UNABLE_TO_VERIFY_LEAF_SIGNATURE" "the registry shows a certificate" "put the authority"
explains "request to https://x failed, reason: unable to get local issuer certificate" "the registry shows a certificate" "put the authority"
explains "code ENOTFOUND" "the name of the registry cannot be resolved" "mend the network"
explains "code EAI_AGAIN" "the name of the registry cannot be resolved" "mend the network"
explains "code ECONNREFUSED" "the registry cannot be reached" "name a proxy"
explains "network Socket timeout ERR_SOCKET_TIMEOUT" "the registry cannot be reached" "name a proxy"
explains "code E403" "the registry refuses" "look which registry"
explains "code E407" "the proxy wants to know who asks" "give the proxy"
explains "code EINTEGRITY" "what came is not what" "run npm cache clean"
explains "Unsupported engine" "npm or node is too old" "install nodejs 18"
explains "nospc ENOSPC: no space left on device" "the disk is full" "free some space"
bundle NPM_SAYS="a trouble of a new kind"
expect_contains "what is not known" "$said" "all it said is in build/console.log"
bundle NODE_IS=12.22.1
expect_contains "an old node" "$said" "node is 12.22.1: the console is bundled with 18 or newer"

authorities() { sed -n 's/^authorities //p' "$tree/build/console.log" | sort -u; }
bundle NPM_SAYS=
expect "how it ends" "$status $said" "0 build.sh: fetching what the console is bundled with (npm)"
expect "the bundle" "$(cat "$tree/build/console/index.html")" index
system=/etc/ssl/certs/ca-certificates.crt
[ ! -r $system ] || expect "the system's authorities" "$(authorities)" $system
# As built it is not built again; when a source changes, it is.
bundle NPM_SAYS=ENOTFOUND
expect "a second time" "$status $said" "0 "
: >"$TEST_DIR/own.pem"
echo "/* changed */" >>"$tree/assets/console/build.mjs"
bundle NPM_SAYS= NODE_EXTRA_CA_CERTS="$TEST_DIR/own.pem"
expect "the user's own authorities" "$(authorities)" "$TEST_DIR/own.pem"
echo "/* again */" >>"$tree/assets/console/build.mjs"
bundle NPM_SAYS= SSL_CERT_FILE="$TEST_DIR/own.pem"
expect "the user's own, as OpenSSL is told" "$(authorities)" "$TEST_DIR/own.pem"

# What a source archive carries is taken as it is, as long as it is of these sources.
mv "$tree/build/console" "$tree/assets/console/dist"
rm -rf "$tree/build"
bundle NPM_SAYS=ENOTFOUND
expect "a console that was carried along" "$status $said $(cat "$tree/build/console/index.html")" "0  index"
rm -rf "$tree/build"
echo "/* changed since */" >>"$tree/assets/console/build.mjs"
bundle NPM_SAYS=ENOTFOUND
expect "one of other sources" $status 1
bundle CONSOLE=no NPM_SAYS=ENOTFOUND
expect "without console" "$status $said" "0 "
