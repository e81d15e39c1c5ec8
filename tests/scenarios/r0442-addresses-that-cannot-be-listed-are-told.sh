#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A hub that may not open AF_NETLINK cannot list its machine's addresses: it says so,
# and what to do, as the certificate names 127.0.0.1 only. With it, it says nothing.
. "$(dirname "$0")/lib.sh"

# no_netlink PROGRAM ARG…: as RestrictAddressFamilies= without AF_NETLINK does it.
cat >"$TEST_DIR/no_netlink.py" <<'PYTHON'
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 41, "aarch64": 198}.get(os.uname().machine) or sys.exit(77)
steps = [(0x20, 0, 0, 0),               # the call's number
         (0x15, 0, 3, number),          # socket?
         (0x20, 0, 0, 16),              # its first argument
         (0x15, 0, 1, 16),              # AF_NETLINK?
         (0x06, 0, 0, 0x00050000 | 97), # EAFNOSUPPORT
         (0x06, 0, 0, 0x7fff0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
program = Program(len(steps), ctypes.addressof(code))
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(program), 0, 0):
    sys.exit(77)
os.execv(sys.argv[1], sys.argv[1:])
PYTHON
listen=0.0.0.0:0
start_server() {
    "${before[@]}" "$AXLE" --mode=hub --data-dir "$hub_dir" --listen "$listen" >>"$TEST_DIR/hub.log" 2>&1 &
    echo $! >"$TEST_DIR/hub.pid"
    until_true 60 hub_is_ready || fail "the hub is not ready"
}
before=(python3 "$TEST_DIR/no_netlink.py")
start_server
case $(cat "$TEST_DIR/hub.log") in
*"error hub: this machine's addresses cannot be listed: "*AF_NETLINK*"name 127.0.0.1 only"*tls-san*) ;;
*) fail "nothing is said" ;;
esac
expect "once" "$(grep -c 'cannot be listed' "$TEST_DIR/hub.log")" 1
stop hub
: >"$TEST_DIR/hub.log"
ip -o address show scope global 2>/dev/null | grep -q . || exit 0
before=(env)
start_server
! grep 'cannot be listed' "$TEST_DIR/hub.log" || fail "said without reason"
