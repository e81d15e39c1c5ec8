#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# An editor of one project wrote Events about objects of another, and about spokes:
# whoever looks at those sees them.
. "$(dirname "$0")/lib.sh"

start_hub
kubectl create namespace lab >/dev/null
# event HTTP-STATUS NAMESPACE ABOUT, in both of its forms.
event() {
    expect "in $2: $3" "$1" "$(status_of POST "/api/v1/namespaces/$2/events" -H 'Content-Type: application/json' \
        -d "{\"metadata\":{\"generateName\":\"e\"},\"involvedObject\":$3,\"reason\":\"R\",\"message\":\"m\",\"type\":\"Normal\"}")"
    expect "in $2, events.k8s.io: $3" "$1" "$(status_of POST "/apis/events.k8s.io/v1/namespaces/$2/events" -H 'Content-Type: application/json' \
        -d "{\"metadata\":{\"generateName\":\"e\"},\"regarding\":$3,\"reason\":\"R\",\"note\":\"m\",\"type\":\"Normal\",\"action\":\"a\",
             \"eventTime\":\"2026-01-01T00:00:00.000000Z\",\"reportingController\":\"x.example/y\",\"reportingInstance\":\"z\"}")"
}
event 201 lab '{"kind":"ConfigMap","namespace":"lab","name":"x"}'
event 201 lab '{"kind":"Namespace","name":"lab"}'
event 201 default '{"kind":"ManagedCluster","name":"edge-1"}'
event 422 lab '{"kind":"ConfigMap","namespace":"default","name":"x"}'
expect_contains "it says" "$(cat "$TEST_DIR/answer")" 'does not match event.namespace'
event 422 lab '{"kind":"ManagedCluster","name":"edge-1"}'
event 422 lab '{}'
