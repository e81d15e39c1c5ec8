#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `axle init` leaves nothing half done, overwrites no link, and takes no value of which the
# hub would make something else than was said.
. "$(dirname "$0")/lib.sh"

cd "$TEST_DIR"
# refuses STATUS TEXT ARG…
refuses() {
    local status=0 said wanted=$1 text=$2
    shift 2
    said=$("$AXLE" init "$@" 2>&1) || status=$?
    expect "init $*: $said" "$status" "$wanted"
    expect_contains "init $*" "$said" "$text"
}
refuses 2 'without zeros' a --port=080
refuses 2 'without zeros' a --port=-0
refuses 2 'begins a template' a --command='echo {{ .var.secret }}'
refuses 2 'begins a template' a --image='{{x}}'
refuses 2 'must be UTF-8' a --command=$'\xff\xfe'
[ ! -e a ] || fail "something was written: $(find a)"

touch file
ln -s nowhere dangling
refuses 1 'file is not a folder' file
refuses 1 'dangling is not a folder' dangling
mkdir linked
ln -s ../outside linked/app.yaml
refuses 1 'linked/app.yaml exists already' linked
expect "what is there" "$(find linked -type f; readlink linked/app.yaml)" ../outside

mkdir closed closed/app.yaml.new
refuses 1 'app.yaml.new' closed
rmdir closed/app.yaml.new
"$AXLE" init closed >/dev/null || fail "the second try: $(ls closed)"
