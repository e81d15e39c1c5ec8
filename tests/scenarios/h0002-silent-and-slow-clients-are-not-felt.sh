#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 300
# Two thousand connections that say nothing, some that say it slowly, some that
# read nothing, some that lie about where a request ends: the hub keeps few of
# them, answers nobody twice, and an honest client is served meanwhile.
. "$(dirname "$0")/lib.sh"

files=$(ulimit -Hn)
[ "$files" = unlimited ] || [ "$files" -ge 4096 ] ||
    skip "a process may have only $files files open here (ulimit -Hn): two thousand connections take 4096"
start_hub
cat >"$TEST_DIR/crowd.py" <<'PYTHON'
import resource, signal, socket, ssl, sys, time

host, port = sys.argv[1].rsplit(":", 1)
address = (host, int(port))
limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, 4096), limit))
loose = ssl.create_default_context()
loose.check_hostname = False
loose.verify_mode = ssl.CERT_NONE
crowd = []


def connect():
    for attempt in range(200):
        try:
            return socket.create_connection(address, timeout=30)
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the hub takes no connection")


def speak(words):
    """What the hub answers to these bytes, to its end or for a while."""
    answer = b""
    with loose.wrap_socket(connect()) as s:
        s.settimeout(30)
        s.sendall(words)
        try:
            while part := s.recv(65536):
                answer += part
        except (TimeoutError, ConnectionError, ssl.SSLError):
            pass
    return answer


for i in range(2000):
    crowd.append(connect())
for i in range(50):
    s = connect()
    s.sendall(b"\x16\x03\x01\x02\x00\x01")
    crowd.append(s)
for i in range(30):
    s = loose.wrap_socket(connect())
    s.sendall(b"GET /readyz HTTP/1.1\r\nHost: h\r\nX-Slow: ")
    crowd.append(s)
for i in range(10):
    s = loose.wrap_socket(connect())
    s.sendall(b"GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n" * 500)
    crowd.append(s)

lies = [
    b"POST /readyz HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n",
    b"POST /readyz HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcdGET /x HTTP/1.1\r\n\r\n",
    b"POST /readyz HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n",
    b"POST /readyz HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n",
    b"POST /readyz HTTP/1.1\r\nHost: h\r\nContent-Length: +4\r\n\r\nabcdGET /x HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET /readyz HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET /readyz HTTP/1.1\nHost: h\n\nGET /x HTTP/1.1\nHost: h\n\n",
]
for lie in lies:
    answer = speak(lie)
    if answer.count(b"HTTP/1.1 ") > 1 or b"HTTP/1.1 2" in answer:
        raise SystemExit(f"{lie!r} was answered {answer!r}")
print("all there", flush=True)
signal.pause()
PYTHON

python3 "$TEST_DIR/crowd.py" "$listen" >"$TEST_DIR/crowd.out" 2>"$TEST_DIR/crowd.log" &
echo $! >"$TEST_DIR/crowd.pid"

crowd_is_there() {
    is_running crowd || fail "the crowd: $(cat "$TEST_DIR/crowd.log")"
    grep -q "all there" "$TEST_DIR/crowd.out"
}
served() { [ "$(get_raw /readyz)" = ok ] && get_raw /api/v1/namespaces | jq -e '.items | length > 0' >/dev/null; }

# While they come, and while they stay.
until_true 60 served
until_true 120 crowd_is_there
for _ in 1 2 3 4 5; do
    until_true 60 served
done

# Of those who said nothing a bounded number is left: 512 that wait for their
# handshake, and those that got further.
few_are_left() { [ "$(find "/proc/$(pid_of hub)/fd" -lname 'socket:*' | wc -l)" -lt 800 ]; }
until_true 60 few_are_left

is_running hub || fail "the hub ended"
stop crowd KILL
until_true 60 served
