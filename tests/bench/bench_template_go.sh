#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Go's own numbers beside ours, where a Go toolchain and Sprig of Debian are
# (golang-go, golang-github-masterminds-sprig-dev); nothing is installed for it.

set -eu
library=/usr/share/gocode
folder=$(dirname "$0")/template

if ! command -v go >/dev/null || [ ! -d $library/src/github.com/Masterminds/sprig ]; then
    echo "go: no toolchain with Sprig here, so no numbers beside ours"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$folder/peer.go" "$work/main.go"
export GO111MODULE=off GOPATH=$library GOCACHE=$work/cache GOFLAGS=
go build -o "$work/peer" "$work/main.go"
"$work/peer" "$folder/profile.tpl" "$folder/values.json"
