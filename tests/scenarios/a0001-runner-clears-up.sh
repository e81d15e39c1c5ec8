#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a test leaves behind, even in a session of its own, is gone when its
# time is over, and a test that hangs is ended.
. "$(dirname "$0")/lib.sh"

alone=$repo/build/debug/alone
mark=$RANDOM$RANDOM

is_quiet() { ! pgrep -f "sleep 1000$mark" >/dev/null; }

status=0
"$alone" 20 bash -c "setsid sleep 1000$mark & exit 3" || status=$?
expect "the test's own exit status" $status 3
is_quiet || fail "a daemon outlived its test"

status=0
"$alone" 1 bash -c "trap '' ABRT TERM; setsid sleep 1000$mark & wait" || status=$?
expect "exit status after the time limit" $status 124
is_quiet || fail "a process outlived the time limit"
