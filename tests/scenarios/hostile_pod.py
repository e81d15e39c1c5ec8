# SPDX-License-Identifier: Apache-2.0
"""Tries to get out of the pod in which it runs.

One line per try: "refused NAME HOW", "skipped NAME WHY" or "HOLE NAME WHAT".
docs/RUNTIME.md has a row for each name. From outside it is told
where things are: DATA (the agent's folder), AGENT and SHIM (pids), ABSTRACT
(a socket's name), MACHINE (a pid of the machine's).
"""
import ctypes
import errno
import fcntl
import os
import platform
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading

DATA, ABSTRACT = os.environ["DATA"], os.environ["ABSTRACT"]
OUTSIDE = [int(os.environ[name]) for name in ("AGENT", "SHIM", "MACHINE")]
libc = ctypes.CDLL(None, use_errno=True)
tries = []


class Skip(Exception):
    pass


def attempt(function):
    tries.append(function)
    return function


def must_fail(function, *args):
    """What it is that succeeded; None if it did not."""
    try:
        return f"{function.__name__}{args} = {function(*args)!r}"
    except OSError:
        return None


def first(results):
    return next((result for result in results if result), None)


def read(path, size=1):
    with open(path, "rb") as file:
        return file.read(size)


def write(path, text="x"):
    with open(path, "r+") as file:
        file.write(text)


# ---- Files -------------------------------------------------------------------

@attempt
def files_of_root():
    return first(must_fail(read, path) for path in
                 ("/etc/shadow", "/etc/gshadow", "/root/.ssh/id_rsa", "/proc/kcore", "/proc/1/environ"))


@attempt
def files_of_the_machine():
    return first(must_fail(os.mkdir, folder + "/axle-was-here") for folder in
                 ("/", "/etc", "/usr", "/usr/local/bin", "/var", "/var/lib", "/var/tmp", "/run", "/home",
                  "/opt", "/sys", "/dev/../srv", "/root"))


@attempt
def data_of_the_agent():
    def names():
        found = os.listdir(DATA)
        if found and found != ["spoke"]:
            return found
        found = os.listdir(DATA + "/spoke")
        if not found:
            raise OSError(errno.ENOENT, "nothing there")
        return found
    return must_fail(names)


@attempt
def other_pods():
    return first(must_fail(os.listdir, path) for path in
                 (DATA + "/spoke/workloads/pods", DATA + "/spoke/workloads/claims"))


@attempt
def what_is_kept_of_the_pod():
    return first(f"{name} is there" for name in os.listdir("/pod")
                 if name not in ("work", "hosts", "volumes")) or \
        first(must_fail(write, path) for path in ("/pod/hosts", "/etc/hosts"))


@attempt
def delivered_files():
    return must_fail(os.mkdir, "/pod/volumes/more") or \
        first(must_fail(write, os.path.join("/pod/volumes/code", name))
              for name in os.listdir("/pod/volumes/code"))


@attempt
def devices():
    usual = {"null", "zero", "full", "random", "urandom", "tty", "fd", "stdin", "stdout", "stderr",
             "ptmx", "pts", "mqueue", "shm"}
    more = [name for name in os.listdir("/dev") if name not in usual and
            not name.startswith(("nvidia", "dri", "kfd", "dxg", "accel", "davinci", "devmm", "hisi",
                                 "neuron", "infiniband"))]
    return f"/dev has {more}" if more else \
        must_fail(os.mknod, "disk", stat.S_IFBLK | 0o666, os.makedev(8, 0)) or \
        must_fail(os.mknod, "memory", stat.S_IFCHR | 0o666, os.makedev(1, 1))


@attempt
def settings_of_the_kernel():
    return first(must_fail(write, path) for path in
                 ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/overcommit_memory",
                  "/proc/sysrq-trigger", "/sys/kernel/uevent_helper", "/sys/kernel/mm/ksm/run"))


@attempt
def control_groups():
    def writable():
        seen = 0
        for folder, _, names in os.walk("/sys/fs/cgroup"):
            for name in names:
                seen += 1
                if name in ("cgroup.procs", "tasks", "release_agent", "memory.max", "pids.max"):
                    yield must_fail(write, os.path.join(folder, name), "0")
                if seen > 3000:
                    return
    return first(writable())


# ---- Users ---------------------------------------------------------------------

@attempt
def other_ids():
    with open("mine", "w") as file:
        file.write("x")
    return first(must_fail(call, *args) for call, args in
                 ((os.setuid, (0,)), (os.setgid, (0,)), (os.setgroups, ([0, 42],)),
                  (os.setresuid, (1, 1, 1)), (os.chown, ("mine", 0, 0)), (os.chown, ("mine", 1, -1)),
                  (os.chown, ("mine", -1, 42)))) or \
        ("it is root" if 0 in os.getresuid() + os.getresgid() + tuple(os.getgroups()) and
         os.environ["ROOT"] == "yes" else None)


@attempt
def capabilities():
    with open("/proc/self/status") as file:
        state = dict(line.split(":", 1) for line in file)
    return first(f"{name} is{state[name]}" for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
                 if int(state[name], 16)) or \
        (None if state["NoNewPrivs"].strip() == "1" and state["Seccomp"].strip() == "2" else
         "no filter, or privileges may be gained")


@attempt
def setuid_programs():
    for program in (["su", "-c", "id -u"], ["mount", "-t", "tmpfs", "x", "/mnt"], ["passwd", "-d", "root"]):
        try:
            done = subprocess.run(program, stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            return f"{program} said {done.stdout!r}"
    return None


# ---- System calls ------------------------------------------------------------------

X86 = dict(ptrace=101, syslog=103, personality=135, pivot_root=155, modify_ldt=154, chroot=161, acct=163,
           settimeofday=164, mount=165, umount2=166, swapon=167, reboot=169, sethostname=170, iopl=172,
           init_module=175, quotactl=179, clock_settime=227, kexec_load=246, add_key=248,
           request_key=249, keyctl=250, migrate_pages=256, unshare=272, move_pages=279,
           perf_event_open=298, fanotify_init=300, name_to_handle_at=303, open_by_handle_at=304,
           setns=308, process_vm_readv=310, process_vm_writev=311, kcmp=312, finit_module=313, bpf=321,
           userfaultfd=323)
ARM = dict(quotactl=60, acct=89, personality=92, unshare=97, kexec_load=104, init_module=105,
           clock_settime=112, syslog=116, ptrace=117, reboot=142, sethostname=161, settimeofday=170,
           umount2=39, mount=40, pivot_root=41, chroot=51, add_key=217, request_key=218, keyctl=219,
           swapon=224, migrate_pages=238, move_pages=239, perf_event_open=241, fanotify_init=262,
           name_to_handle_at=264, open_by_handle_at=265, setns=268, process_vm_readv=270,
           process_vm_writev=271, kcmp=272, finit_module=273, bpf=280, userfaultfd=282)
NEW = dict(open_tree=428, move_mount=429, fsopen=430, fsconfig=431, fsmount=432, fspick=433,
           pidfd_getfd=438, process_madvise=440, mount_setattr=442)
UNKNOWN = dict(io_uring_setup=425, io_uring_enter=426, io_uring_register=427, clone3=435, beyond=999,
               between=400)


def call(number, *args):
    ctypes.set_errno(0)
    done = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(arg) for arg in args])
    return done, ctypes.get_errno()


@attempt
def refused_calls():
    arm = platform.machine() == "aarch64"
    for name, number in {**(ARM if arm else X86), **NEW}.items():
        done, why = call(number, 0xbad, 0, 0, 0, 0)
        if done != -1 or why != errno.EPERM:
            return f"{name} = {done}, {errno.errorcode.get(why, why)}"
    return None


@attempt
def unknown_calls():
    more = {} if platform.machine() == "aarch64" else {"x32_getpid": 0x40000000 | 39,
                                                       "x32_ptrace": 0x40000000 | 521}
    for name, number in {**UNKNOWN, **more}.items():
        done, why = call(number, 0, 0, 0, 0, 0)
        if done != -1 or why != errno.ENOSYS:
            return f"{name} = {done}, {errno.errorcode.get(why, why)}"
    return None


@attempt
def namespaces():
    for flag in (0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000):
        done, why = call(97 if platform.machine() == "aarch64" else 272, flag)
        if done != -1:
            return f"unshare({flag:x})"
        done, why = call(220 if platform.machine() == "aarch64" else 56, flag | signal.SIGCHLD, 0, 0, 0, 0)
        if done == 0:
            os._exit(0)
        if done != -1 or why != errno.EPERM:
            return f"clone({flag:x}) = {done}, {why}"
    return None


@attempt
def sockets_of_other_kinds():
    for family, kind, protocol in ((40, 1, 0), (38, 5, 0), (17, 3, 3), (31, 3, 1), (29, 3, 1), (16, 3, 9),
                                   (16, 3, 12), (16, 3, 4), (30, 1, 0), (21, 5, 0)):
        done = must_fail(socket.socket, family, kind, protocol)
        if done:
            return f"family {family}, protocol {protocol}"
    return first(must_fail(socket.socket, family, socket.SOCK_RAW, 1) for family in (2, 10))


@attempt
def terminals():
    pair = os.openpty() if os.path.exists("/dev/ptmx") else None
    if not pair:
        return None
    return must_fail(fcntl.ioctl, pair[1], 0x5412, b"x")


# ---- Other processes ------------------------------------------------------------------

@attempt
def processes_of_the_machine():
    for pid in OUTSIDE:
        for what in ("mem", "environ", "root/etc", "fd", "exe", "maps", "cwd"):
            path = f"/proc/{pid}/{what}"
            done = must_fail(os.listdir if what in ("root/etc", "fd", "cwd") else read, path)
            if done:
                return done
    return None


@attempt
def signals():
    return first(must_fail(os.kill, pid, number) for pid in OUTSIDE for number in (0, signal.SIGTERM))


@attempt
def the_init():
    if os.environ["PIDS"] != "own":
        raise Skip("no pid namespace here")
    os.kill(1, signal.SIGKILL)
    return first(must_fail(read, "/proc/1/" + what) for what in ("mem", "environ", "exe", "maps")) or \
        first(must_fail(os.open, "/proc/1/fd/" + name, os.O_RDONLY) for name in os.listdir("/proc/1/fd"))


@attempt
def sockets_of_the_agent():
    def connect(kind, path):
        with socket.socket(socket.AF_UNIX, kind) as one:
            one.connect(path)
    pod = os.environ["AXLE_POD"]
    return first(must_fail(connect, kind, path) for kind, path in
                 ((socket.SOCK_STREAM, DATA + "/spoke/agent.sock"), (socket.SOCK_SEQPACKET, "/pod/shim.sock"),
                  (socket.SOCK_SEQPACKET, f"{DATA}/spoke/workloads/pods/{pod}/shim.sock")))


@attempt
def abstract_sockets():
    def connect():
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
            one.connect("\0" + ABSTRACT)
    abi, _ = call(444, 0, 0, 1)
    if abi < 6:
        raise Skip("this kernel has no scopes of Landlock")
    return must_fail(connect)


@attempt
def ports_of_the_system():
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as file:
        if int(file.read()) < 1024:
            raise Skip("this machine gives everybody low ports")

    def listen():
        with socket.socket() as one:
            one.bind(("127.0.0.1", 81))
    return must_fail(listen)


# ---- Limits -----------------------------------------------------------------------------

@attempt
def core_files():
    return None if resource.getrlimit(resource.RLIMIT_CORE)[1] <= 1 else "core files are written"


@attempt
def descriptors():
    return None if resource.getrlimit(resource.RLIMIT_NOFILE)[1] <= 1048576 else "as many as it likes"


@attempt
def bombs():
    stop, started = threading.Event(), 0
    threading.stack_size(32768)
    try:
        while started < 5000:
            threading.Thread(target=stop.wait, daemon=True).start()
            started += 1
    except RuntimeError:
        return None
    finally:
        stop.set()
    return f"{started} threads"


@attempt
def watches():
    made = []
    try:
        while len(made) < 100000:
            number = libc.inotify_init1(0)
            if number < 0:
                return None
            made.append(number)
        return f"{len(made)} inotify instances"
    finally:
        for number in made:
            os.close(number)


def main():
    wanted = sys.argv[1:]
    for function in tries:
        name = function.__name__
        if wanted and name not in wanted:
            continue
        try:
            hole = function()
            print(f"HOLE {name} {hole}" if hole else f"refused {name}", flush=True)
        except Skip as why:
            print(f"skipped {name} {why}", flush=True)
        except OSError as why:
            print(f"refused {name} {errno.errorcode.get(why.errno, why)}", flush=True)
    print("over", flush=True)


main()
