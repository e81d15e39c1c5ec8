#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 180
# The filter of system calls and the devices of a pod's own let through what
# programs need: interpreters, threads, child processes, memory that is pinned.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke edge-1
cat >"$TEST_DIR/work.yaml" <<'YAML'
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: programs, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: Pod
      metadata: {name: programs, namespace: lab}
      spec:
        restartPolicy: Never
        containers:
        - name: main
          command:
          - sh
          - -c
          - |
            try() { name=$1; shift; if "$@" >out 2>&1; then echo "ran $name"; else echo "failed $name: $(tail -n 3 out | tr '\n' ' ')"; fi; }
            cat >all.py <<'CODE'
            import asyncio, ctypes, mmap, multiprocessing, os, pty, secrets, select, socket, subprocess, tempfile, threading
            from concurrent.futures import ThreadPoolExecutor
            libc = ctypes.CDLL(None, use_errno=True)
            assert list(ThreadPoolExecutor(16).map(len, ["a"] * 200)) == [1] * 200
            assert asyncio.run(asyncio.create_subprocess_exec("true")) is not None
            with multiprocessing.get_context("fork").Pool(2) as pool:
                assert pool.map(len, ["ab"] * 4) == [2] * 4
            assert subprocess.check_output(["echo", "x"]) == b"x\n"
            server = socket.create_server(("127.0.0.1", 0)); socket.create_connection(server.getsockname())
            socket.socketpair(); socket.if_nameindex(); socket.getaddrinfo("localhost", 80)
            pages = mmap.mmap(-1, 1 << 20); assert libc.mlock(ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(pages))), ctypes.c_size_t(4096)) == 0
            os.memfd_create("x"); os.sched_getaffinity(0); select.epoll(); os.pidfd_open(os.getpid())
            os.close(pty.openpty()[0]); secrets.token_bytes(8); tempfile.TemporaryFile().write(b"x")
            open("/dev/shm/x", "w").write("x")
            lock = multiprocessing.Lock(); lock.acquire(); lock.release()
            CODE
            sed -i 's/^            //' all.py
            try python /usr/bin/python3 all.py
            type node >/dev/null && try node node -e 'const {Worker}=require("worker_threads"); new Worker("process.exit(0)",{eval:true}).on("exit",()=>require("child_process").execFileSync("true")); require("fs").readFileSync("/etc/hostname"); fetch("data:,x")'
            type java >/dev/null && { echo 'class A { public static void main(String[] a) throws Exception { Thread t = new Thread(() -> {}); t.start(); t.join(); new ProcessBuilder("true").start().waitFor(); java.util.stream.IntStream.range(0, 1000).parallel().sum(); } }' >A.java; try java java A.java; }
            type tesseract >/dev/null && try tesseract tesseract --list-langs
            try shell bash -c 'set -o pipefail; seq 1000 | sort -R | sort -n | tail -n 1; cat <(echo x); sleep 0.01 & wait'
            try tar tar cf - all.py
            echo over
YAML
apply "$TEST_DIR/work.yaml" >/dev/null
log() { cat "$TEST_DIR"/edge-1/spoke/workloads/pods/lab.programs/logs/main.log 2>/dev/null; }
over() { case $(log) in *" over") ;; *) return 1 ;; esac; }
until_true 120 over || fail "the programs do not end: $(log) $(object -n edge-1 manifestworks/programs | jq -c .status)"
! log | grep ' failed ' >&2 || fail "not all ran, see above"
log | grep -q 'ran python' || fail "python did not run: $(log)"
