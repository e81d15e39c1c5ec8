#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `axle render` fills in templates by themselves, and points at a mistake.
. "$(dirname "$0")/lib.sh"

cd "$TEST_DIR"
printf 'name: {{ .Values.name | quote }}\nsize: {{ include "size" . }}\n' >one.yaml
printf '{{ define "size" }}{{ mul .Values.size 2 }}{{ end }}' >_help.tpl
printf 'name: axle\nsize: 1\n' >values.yaml
printf 'size: 21\n' >over.yaml
expect "rendered" "$("$AXLE" render one.yaml _help.tpl --values values.yaml --values over.yaml)" 'name: "axle"
size: 42'

printf 'a: 1\nb: {{ fail "no such luck" }}\n' >bad.yaml
expect_refused "no such luck" "$AXLE" render bad.yaml
expect_refused "bad.yaml:2" "$AXLE" render bad.yaml
expect_refused "^" "$AXLE" render bad.yaml
printf '{{ if }}' >open.yaml
expect_refused "open.yaml:1" "$AXLE" render open.yaml
expect_refused "cannot open" "$AXLE" render missing.yaml

# And what is no verb or no flag is said to be none.
expect_refused 'unknown verb "fly"' "$AXLE" fly
expect_refused 'unknown option "--wings"' "$AXLE" --wings
expect_refused "none of hub|spoke|all-in-one" "$AXLE" --mode=bird
