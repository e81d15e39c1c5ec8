#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What `axle token` does not understand is refused in words and makes no token: a pool
# that is not there, a name without a flag, a duration without a unit. Sizes of
# settings are taken up to the end of their range.
. "$(dirname "$0")/lib.sh"

tokens() { "$AXLE" token list --kubeconfig "$hub_dir/hub/admin.kubeconfig"; }
refused() { # TEXT ARG…
    local text=$1 said
    shift
    if said=$("$AXLE" token "$@" --kubeconfig "$hub_dir/hub/admin.kubeconfig" 2>&1); then fail "token $* was taken"; fi
    expect_contains "token $*" "$said" "$text"
}

start_hub
before=$(tokens)
refused 'write it as NAMESPACE/POOL' create --pool nowhere
refused 'write it as NAMESPACE/POOL' create --pool default/
refused 'make the ComputePool first' create --pool default/nothing
refused 'has no arguments' create edge-1
refused 'has no arguments' list edge-1
refused 'write it like 90s, 15m or 720h' create --ttl 2y
expect "the tokens" "$(tokens)" "$before"

expect_contains "a large size" "$("$AXLE" config show --mode=spoke --pod-disk 200Ti)" 'pod-disk: 200Ti'
if said=$("$AXLE" config show --mode=spoke --pod-disk 2000Ti 2>&1); then fail "2000Ti was taken"; fi
expect_contains "too large" "$said" 1024Ti
