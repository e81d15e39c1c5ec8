#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Secrets, tokens and keys are in no database, no log, no metric, no Event and no
# command line, in clear or in base64; files that hold keys are their owner's.
. "$(dirname "$0")/lib.sh"

start_hub --log-level debug
find_kubectl
start_spoke edge-1 --log-level debug
kubectl create namespace lab >/dev/null

# Everything that must not be found, one a line.
hidden=$TEST_DIR/hidden.list
hide() {
    local word
    for word in "$@"; do
        printf '%s\n' "$word"
        printf '%s' "$word" | base64 -w0 | sed 's/=*$//'
        echo
    done >>"$hidden"
}
for i in 1 2 3 4; do canary[i]=canary-$i-$(od -An -N9 -tx1 /dev/urandom | tr -d ' \n')-; done
hide "${canary[@]}"

kubectl -n lab create secret generic one --from-literal=password="${canary[1]}" >/dev/null
apply >/dev/null <<YAML
apiVersion: v1
kind: Secret
metadata: {name: two, namespace: lab}
stringData: {password: "${canary[2]}"}
YAML
kubectl -n lab patch secret two --type merge -p "{\"stringData\":{\"password\":\"${canary[3]}\"}}" >/dev/null
kubectl -n lab create secret docker-registry three --docker-server=x --docker-username=y --docker-password="${canary[4]}" >/dev/null
expect_refused invalid kubectl -n lab create secret generic 'NOT A NAME' --from-literal=password="${canary[1]}"
kubectl -n lab delete secret one >/dev/null

join=$(token_create)
hide "${join##*.}" "$(sed 's/.*\.//' "$TEST_DIR/edge-1.token")"
bot=$(kubectl -n lab create token default)
hide "${bot##*.}"
hide "$("$AXLE" token create --admin --kubeconfig "$hub_dir/hub/admin.kubeconfig")"
# Wrong ones show up in no log either.
for word in "Bearer $join-wrong" "Bearer $bot-wrong" "Basic $(printf 'x:%s' "${canary[1]}" | base64 -w0)"; do
    curl -s -o /dev/null --cacert "$TEST_DIR/certificate-authority.pem" -H "Authorization: $word" "$SERVER/api/v1/secrets"
done
hide 'PRIVATE KEY-----'

kubectl get events -A -o json >"$TEST_DIR/events.seen"
kubectl get --raw /metrics >"$TEST_DIR/metrics.seen"
for file in hub edge-1; do tr '\0' ' ' <"/proc/$(pid_of "$file")/cmdline" >"$TEST_DIR/$file-cmdline.seen"; done
crash hub # the write-ahead log as a crash leaves it
stop edge-1

for file in "$hub_dir"/hub/*.db* "$hub_dir"/hub/pki/service-accounts.key "$TEST_DIR"/*.log "$TEST_DIR"/*.seen; do
    [ -s "$file" ] || fail "$file is empty: nothing was looked at"
    if grep -aqF -f "$hidden" "$file"; then
        fail "$file holds $(grep -aoF -f "$hidden" "$file" | sort -u | head -n 3)"
    fi
done
[ -s "$hub_dir/hub/axle.db-wal" ] || fail "there is no write-ahead log to look at"
loose=$(find "$hub_dir/hub" "$TEST_DIR/edge-1/spoke/pki" -type f -perm /077)
expect "files that others can read" "$loose" ""
