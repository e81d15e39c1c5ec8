#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Each spoke that came had all spokes read again for each set, only to be counted: the
# two thousandth took twenty times what the first did.
. "$(dirname "$0")/lib.sh"

start_hub
# clusters FROM TO: makes them over one connection.
clusters() {
    local i
    for ((i = $1; i < $2; i++)); do
        [ "$i" = "$1" ] || echo next
        printf 'url = "%s/apis/cluster.open-cluster-management.io/v1/managedclusters"\n' "$SERVER"
        printf 'cacert = "%s"\ncert = "%s"\nkey = "%s"\n' "$TEST_DIR"/{certificate-authority,client-certificate,client-key}.pem
        printf 'header = "Content-Type: application/json"\noutput = "/dev/null"\nsilent\n'
        printf 'data = "{\\"apiVersion\\":\\"cluster.open-cluster-management.io/v1\\",\\"kind\\":\\"ManagedCluster\\",\\"metadata\\":{\\"name\\":\\"c%d\\"},\\"spec\\":{\\"hubAcceptsClient\\":true}}"\n' "$i"
    done | curl -K -
}
ticks() { awk '{ print $14 + $15 }' "/proc/$(pid_of hub)/stat"; }
selected() { [ "$(object managedclustersets/global | jq -r '.status.conditions[0].message')" = "$1 ManagedClusters selected" ]; }

zero=$(ticks)
clusters 0 100
until_true 60 selected 100 || fail "global counts: $(object managedclustersets/global | jq -c .status)"
first=$(($(ticks) - zero))
clusters 100 700
until_true 60 selected 700 || fail "global counts: $(object managedclustersets/global | jq -c .status)"
zero=$(ticks)
clusters 700 800
until_true 60 selected 800 || fail "global counts: $(object managedclustersets/global | jq -c .status)"
last=$(($(ticks) - zero))
[ "$last" -lt $((first * 3 + 20)) ] || fail "100 spokes take $first ticks at first, and $last later"
echo "$first $last"
expect "one goes" "$(status_of DELETE /apis/cluster.open-cluster-management.io/v1/managedclusters/c5)" 200
until_true 60 selected 799 || fail "global counts: $(object managedclustersets/global | jq -c .status)"
