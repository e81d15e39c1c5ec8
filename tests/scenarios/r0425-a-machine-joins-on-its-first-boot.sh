#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `token create -o cloud-init` carries the spoke's name, writes the token for root
# alone, starts the unit and ends. What it cannot carry is refused before it is
# printed, and the command for a shell is one whatever the address is.
. "$(dirname "$0")/lib.sh"

start_hub
create() { "$AXLE" token create --kubeconfig "${config:-$hub_dir/hub/admin.kubeconfig}" "$@"; }
create --name gpu-1 --ttl 1h -o cloud-init >"$TEST_DIR/user-data"

python3 - "$TEST_DIR/user-data" "$SERVER" "$TEST_DIR" <<'PYTHON' || fail "$(cat "$TEST_DIR/user-data")"
import subprocess, sys
try:
    import yaml
except ImportError:
    sys.exit(0)
text, server, folder = open(sys.argv[1]).read(), sys.argv[2], sys.argv[3]
assert text.startswith("#cloud-config\n")
data = yaml.safe_load(text)
token, env = data["write_files"]
assert token["path"] == "/etc/axle/token" and token["permissions"] == "0600", token
assert token["content"].startswith("axle1.") and token["owner"] == "root:root", token
assert env["content"] == f"JOIN=--join={server} --token-file=/etc/axle/token --name=gpu-1", env
(command,) = data["runcmd"]
assert command[:2] == ["sh", "-c"] and "systemctl enable axle-spoke.service" in command[2], command
assert "--mode=spoke" not in text, "the agent itself would keep the boot waiting"
subprocess.run(["sh", "-n", "-c", command[2]], check=True)
PYTHON

# The file names and words that the unit reads are those that are written.
grep -q 'EnvironmentFile=-/etc/axle/spoke.env' "$repo/install/systemd/axle-spoke.service" || fail "the unit reads another file"
grep -q 'ExecStart=.* \$JOIN$' "$repo/install/systemd/axle-spoke.service" || fail "the unit takes no \$JOIN"

# What is written lets a machine join under that name.
grep -o 'axle1\.[^'\'']*' "$TEST_DIR/user-data" >"$TEST_DIR/token"
# shellcheck disable=SC2046 # as systemd splits it
start gpu-1 --mode=spoke --data-dir "$TEST_DIR/gpu-1" $(sed -n "s/.*'JOIN=\(.*\)'/\1/p" "$TEST_DIR/user-data" | sed "s|/etc/axle/token|$TEST_DIR/token|")
wait_for managedclusters/gpu-1 '.status.conditions[]? | select(.type == "ManagedClusterConditionAvailable") | .status' True

# Values that a shell or YAML would read otherwise.
hostile="/\$(touch\$IFS$TEST_DIR/bad)';touch\$IFS$TEST_DIR/bad"
jq -Rr --arg h "$hostile" 'if test("^ *server:") then sub("server:.*"; "server: " + ("'"$SERVER"'" + $h | tojson)) else . end' \
    "$hub_dir/hub/admin.kubeconfig" >"$TEST_DIR/hostile"
code=0
config=$TEST_DIR/hostile create -o cloud-init >"$TEST_DIR/said" 2>&1 || code=$?
[ $code != 0 ] || fail "a hostile address was carried: $(cat "$TEST_DIR/said")"
expect_contains "named" "$(cat "$TEST_DIR/said")" "the kubeconfig's server"
config=$TEST_DIR/hostile create -o command >"$TEST_DIR/command"
printf '#!/bin/sh\nprintf "%%s\\n" "$2" >%s/words\n' "$TEST_DIR" >"$TEST_DIR/axle"
chmod +x "$TEST_DIR/axle"
sed -i "s|$AXLE --mode|axle --mode|" "$TEST_DIR/command"
PATH=$TEST_DIR:$PATH sh "$TEST_DIR/command"
expect "one word of a shell" "$(cat "$TEST_DIR/words")" "--join=$SERVER$hostile"
[ ! -e "$TEST_DIR/bad" ] || fail "a word of the address was run"

count() { kubectl get jointokens -o name | wc -l; }
before=$(count)
for wrong in --name='a b' --name="x'y" -oxml --name=-x; do
    code=0
    create "$wrong" >/dev/null 2>"$TEST_DIR/said" || code=$?
    expect "$wrong" "$code" 2
done
expect "tokens made for them" "$(count)" "$before"
