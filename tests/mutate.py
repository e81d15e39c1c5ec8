#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Changes one place of a module's code at a time and runs the module's unit tests.

`./build.sh mutate MODULE [N]` copies the tree to build/mutate/tree and calls this there.
All the changes are written into the copy at once (tests/mutants.py), which is built once;
each is then one run of the test programs that reach it. A mutant that the tests do not
notice is a survivor: its line is printed with the change. docs/TESTING.md says how to read
the result.
"""
import concurrent.futures
import contextlib
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
import mutants  # noqa: E402, it lies beside this file

PLACES = 1 << 16
CHANGED = "build/changed"
KNOWN = "tests/mutants.known"
# What a compiler only warns of, but no programmer would have left.
REFUSED = re.compile(r"pointer/integer type mismatch|makes (pointer|integer) from (integer|pointer)"
                     r"|pointer type mismatch|from incompatible pointer type")
# Fixtures that do not bear the name of the module that they are for.
FIXTURES = {"controllers": "hub_fixture.h", "hub": "site_fixture.h"}
# Tests of a module that bear neither its name nor use its fixture.
OTHERS = {"placement": ["rollouts"], "hub": ["keys"],
          "controllers": ["standing", "tenancy", "joining", "collector"]}


def read(path):
    with open(path, "rb") as file:
        return file.read().decode()


def write(path, text):
    with open(path, "wb") as file:
        file.write(text.encode())


def folder_of(module):
    for wing in ("ground/", "logic/", "hub/", "spoke/", ""):
        if os.path.isdir(f"modules/{wing}{module}"):
            return f"modules/{wing}{module}"
    sys.exit(f"there is no module {module}")


def tests_of(module):
    """The tests that bear the module's name, use its fixture, or are named above."""
    found = [module, *OTHERS.get(module, [])]
    fixture = FIXTURES.get(module, f"{module}_fixture.h")
    for name in sorted(os.listdir("tests/unit")):
        if name.startswith("test_") and name.endswith(".c") and \
                re.search(rf'"({re.escape(fixture)}|{module}_verbs\.h)"', read(f"tests/unit/{name}")):
            found.append(name[len("test_"):-len(".c")])
    return found


# ---- What is changed ---------------------------------------------------------------


def read_known():
    """The changes of tests/mutants.known: {(file, function, change): reason}."""
    found = {}
    for line in read(KNOWN).split("\n") if os.path.exists(KNOWN) else []:
        if line and not line.startswith("#"):
            path, function, rest = line.split(" | ", 2)  # the line of code may have a | as well
            change, reason = rest.rsplit(" | ", 1)
            found[path, function, change] = reason
    return found


def known_key(known, mutant):
    """The entry that the mutant is, else None."""
    path = mutant.path.removeprefix("modules/")
    for change in (mutant.what, f"{mutant.what}: {mutant.source}"):
        if (path, mutant.function, change) in known:
            return path, mutant.function, change
    return None


def choose(folder, place, count, seed):
    """N changes by chance, with some in reserve, and how many there are and are left out."""
    found, left_out = [], 0
    for name in sorted(name for name in os.listdir(folder) if name.endswith(".c")):
        path = f"{folder}/{name}"
        these, unwritten = mutants.mutants_of(path, read(path))
        found += [m for m in these if place in ("", name, f"{name}:{m.line}")]
        left_out += unwritten
    known = {key: why for key, why in read_known().items() if f"modules/{key[0]}".startswith(f"{folder}/")}
    possible = len(found)
    without = {known_key(known, m) for m in found} - {None}
    for key in known.keys() - without if not place else ():
        print(f"{KNOWN} has a change that is not there (any more): {' | '.join(key)}")
    found = [m for m in found if not known_key(known, m)]
    print(f"{folder}: {possible} changes and {left_out} that cannot be written as one build;"
          f" {possible - len(found)} are known to have no effect; seed {seed}", flush=True)
    random.Random(seed).shuffle(found)
    return found[:count + count // 10 + 5] if count else found


# ---- One build with all of them ----------------------------------------------------


def build(tests, folder):
    done = subprocess.run(["./build.sh", "test", *tests], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=dict(os.environ, BUILD_ONLY="1", CONSOLE="no", MUTATED=folder))
    return done.returncode == 0, done.stdout.decode(errors="replace")


def refused(output, chosen):
    """The mutants that do not compile, or of which a compiler warns in earnest.

    It names them, or the last line of the stretch of code that they are in.
    """
    found = set()
    for path, line, level, text in re.findall(r"^(mutant|modules/\S+\.c):(\d+):\d+: (error|warning): (.*)", output, re.M):
        if level == "error" or REFUSED.search(text):
            found |= {m for m in chosen if (m.number if path == "mutant" else (m.path, m.last_line)) ==
                      (int(line) if path == "mutant" else (path, int(line)))}
    return found


def build_mutants(tests, folder, texts, chosen):
    """Builds with all that compile: those. What is only warned of can stay in the program."""
    os.makedirs("build", exist_ok=True)
    files = sorted({m.path for m in chosen})
    write(CHANGED, "\n".join(files))
    for _ in range(8):
        for path in files:
            here = sorted((m for m in chosen if m.path == path), key=lambda m: m.number)
            write(path, mutants.rewrite(path, texts[path], here))
        built, said = build(tests, folder)
        bad = refused(said, chosen)
        chosen = [m for m in chosen if m not in bad]
        if built:
            return chosen
        files = sorted({m.path for m in bad})
        if not bad:
            break
    sys.exit(f"the tree does not build:\n{said}")


def touch_changed():
    """The files that the last run changed come back older than what was built from them."""
    if os.path.exists(CHANGED):
        for path in read(CHANGED).split():
            with contextlib.suppress(FileNotFoundError):
                os.utime(path)


# ---- Running tests -----------------------------------------------------------------


def until_failure(command, env):
    """The first check that fails, which ends the test, or None; and the exit status."""
    failed = None
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          stdin=subprocess.DEVNULL, env=env) as test:
        for line in test.stdout:
            if line.startswith(b"not ok ") and not failed:
                failed = line.decode(errors="replace").strip()
                test.terminate()
    return failed, test.returncode


def run(name, seconds, value):
    """None if the test passes, else a word for how it does not."""
    place = tempfile.mkdtemp(prefix="axle-mutant.")
    os.mkdir(f"{place}/reports")
    os.chmod(place, 0o711)
    os.chmod(f"{place}/reports", 0o1777)
    env = dict(os.environ, TMPDIR=place, TEST_DIR=place, TEST_NAME=name, MUTANT=value,
               ASAN_OPTIONS=f"log_path={place}/reports/report")
    try:
        failed, status = until_failure(["build/debug/alone", str(seconds), f"build/debug/unit/test_{name}"], env)
        if failed:
            return failed
        if status == 124:
            return "takes too long"
        if os.listdir(f"{place}/reports"):
            return "a sanitizer's report"
        return f"exit status {status}" if status else None
    finally:
        shutil.rmtree(place, ignore_errors=True)


class Test:
    """A test program: how long it takes, and which places with changes it reaches."""

    def __init__(self, name):
        self.name = name
        with tempfile.NamedTemporaryFile() as marks, concurrent.futures.ThreadPoolExecutor(1) as pool:
            marks.truncate(PLACES)
            start = time.monotonic()
            beside = pool.submit(run, name, 600, "0")
            self.trouble = run(name, 600, f"0:{marks.name}")
            # Two runs of it at once may look for the same folder or port.
            alone = beside.result() or self.trouble
            if alone:
                start = time.monotonic()
                self.trouble = run(name, 600, f"0:{marks.name}")
            self.lock = threading.Lock() if alone else contextlib.nullcontext()
            self.seconds = time.monotonic() - start
            self.reached = marks.read()
        # A busy machine is no failure; a mutant that does not end is rare.
        self.limit = int(10 * self.seconds) + 20


def measure(names, jobs):
    """The tests that pass with no change, the quickest first."""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        tests = list(pool.map(Test, names))
    for test in tests:
        if test.trouble:
            print(f"not used: {test.name} fails without any change ({test.trouble})")
    tests = sorted((test for test in tests if not test.trouble), key=lambda test: test.seconds)
    if not tests:
        sys.exit("no unit test of it passes, so nothing would be noticed")
    print("tests: " + ", ".join(f"{test.name} {test.seconds:.1f} s" for test in tests), flush=True)
    return tests


def programs(tests):
    """Those of tests/unit with these names, or with longer ones that begin so: as tests/run.sh has it."""
    names = sorted(name[len("test_"):-len(".c")] for name in os.listdir("tests/unit")
                   if name.startswith("test_") and name.endswith(".c"))
    return [name for name in names if any(f"{name}_".startswith(f"{test}_") for test in tests)]


# ---- What became of a mutant -------------------------------------------------------


def object_of(path, text):
    """What the compiler makes of a text, optimised and with nothing that names its lines."""
    words = shlex.split(read("build/debug/flags"))
    words = [w for w in words if not w.startswith(("-fsanitize", "-g", "-W", "-O"))]
    with tempfile.TemporaryDirectory() as place:
        done = subprocess.run([*words, "-O2", "-w", "-Ibuild/generated", "-xc", "-c", "-o", f"{place}/o", "-"],
                              input=f'#line 1 "{path}"\n{text}'.encode(), stderr=subprocess.DEVNULL)
        if done.returncode:
            return None
        with open(f"{place}/o", "rb") as file:
            return file.read()


def is_same_program(mutant, text):
    changed = object_of(mutant.path, text[:mutant.start] + mutant.new + text[mutant.end:])
    return changed is not None and changed == object_of(mutant.path, text)


def judge(mutant, tests, text):
    """What became of a mutant: (word, which test noticed it, or whether any reaches it)."""
    reaching = [test for test in tests if test.reached[mutant.place]]
    for test in reaching:
        with test.lock:
            why = run(test.name, test.limit, str(mutant.number))
        if why:
            return "killed", f"{test.name}: {why}"
    if is_same_program(mutant, text):
        return "same", ""
    return "survived", "" if reaching else ", which no test reaches"


def judge_all(chosen, tests, texts, count, jobs):
    tally = {"killed": 0, "survived": 0, "same": 0}

    def one(mutant):
        if count and tally["killed"] + tally["survived"] >= count:
            return
        word, by = judge(mutant, tests, texts[mutant.path])
        tally[word] += 1
        if word == "survived":
            print(f"survived{by}: {mutant}", flush=True)
        elif word == "killed" and os.environ.get("SHOW"):
            print(f"killed ({by}): {mutant}", flush=True)

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, chosen))
    return tally


def main():
    module, count = sys.argv[1], int(sys.argv[2])
    jobs = int(os.environ.get("JOBS", 4 * os.cpu_count()))
    folder = folder_of(module)
    names = programs(os.environ.get("TESTS", "").split() or tests_of(module))
    touch_changed()
    chosen = choose(folder, os.environ.get("AT", ""), count, int(os.environ.get("SEED", "1")))
    for number, mutant in enumerate(chosen, 1):
        mutant.number = number
    texts = {path: read(path) for path in {m.path for m in chosen}}
    shutil.copy2("tests/mutant.c", "modules/ground/base/mutant.c")
    built = build_mutants(names, folder, texts, chosen)
    tally = judge_all(built, measure(names, jobs), texts, count, jobs)
    judged = tally["killed"] + tally["survived"]
    print(f"{module}: {tally['killed']} of {judged} killed"
          f" ({100 * tally['killed'] // max(judged, 1)} %), {tally['survived']} survived;"
          f" {len(chosen) - len(built)} did not compile, {tally['same']} gave the same program")


main()
