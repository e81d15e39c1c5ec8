#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Changes one place of a module's code at a time and runs the module's unit tests.

`./build.sh mutate MODULE [N]` copies the tree to build/mutate/tree, builds it and calls
this there. A mutant that the tests do not notice is a survivor: its line is printed with
the change. docs/TESTING.md says how to read the result.
"""
import contextlib
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
OTHER = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&"}
RETURNS = {"true": "false", "false": "true", "0": "-1", "-1": "0", "1": "0", "NULL": None}
# A message of the log and an assertion are no behaviour that a test could see.
NOT_CALLS = re.compile(r"(log_|assert|va_|return|sizeof|if|while|for|switch|else|do)\w*$")


def blank(text):
    """The text with comments, strings, characters and preprocessor lines as spaces."""
    def spaces(match):
        return re.sub(r"[^\n]", " ", match.group())
    text = CODE.sub(spaces, text)
    return re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", spaces, text, flags=re.M)


def closing(code, start):
    """The place after the parenthesis that closes the one at `start`."""
    depth = 0
    for at in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        if depth == 0:
            return at + 1
    return len(code)


def inside_function(code):
    """For each place: whether it is within the braces of a function's body."""
    inside, depth, body = [False] * len(code), 0, False
    for at, letter in enumerate(code):
        if letter == "{":
            if depth == 0:
                body = code[:at].rstrip().endswith(")")
            depth += 1
        inside[at] = body and depth > 0
        if letter == "}":
            depth -= 1
            body = body and depth > 0
    return inside


# Numbers whose change says nothing: of a return, which is changed as a whole, and of the
# room that is allocated.
NO_NUMBER = re.compile(r"\breturn -?\d+;|\+ \d+\) \* sizeof|\broom \* \d+ : \d+;")


def sites_of(text):
    """Each possible change of a file: (from, to, new text, what it is)."""
    code = blank(text)
    within = inside_function(code)
    found = []

    def add(start, end, new, what):
        if within[start]:
            found.append((start, end, new, what))

    for match in re.finditer(r"\bif \(", code):
        end = closing(code, match.end() - 1)
        inner = text[match.end():end - 1]
        add(match.end(), end - 1, f"!({inner})", "condition negated")
        if re.match(r"\s*return\b", code[end:]):
            add(match.end(), end - 1, f"0 && ({inner})", "guard dropped")
    for match in re.finditer(r"(?<![-<>=!&|+*/^%])(<=|>=|==|!=|&&|\|\||<|>)(?![<>=&|])", code):
        if code[match.start() - 1] == " " and code[match.end():match.end() + 1] in (" ", "\n"):
            new = OTHER[match.group()]
            add(match.start(), match.end(), new, f"{match.group()} is {new}")
    numberless = [match.span() for match in NO_NUMBER.finditer(code)]
    for match in re.finditer(r"(?<![\w.\"])(\d+)([uUlL]*)(?![\w.\"])", code):
        if any(start <= match.start() < end for start, end in numberless):
            continue
        number = int(match.group(1), 8 if match.group(1)[0] == "0" and len(match.group(1)) > 1 else 10)
        new = {0: "1", 1: "0"}.get(number, str(number + 1)) + match.group(2)
        add(match.start(), match.end(), new, f"{match.group()} is {new}")
    for match in re.finditer(r"^[ \t]+(?:\(void\))?([a-z_]\w*)\(", code, re.M):
        end = closing(code, match.end() - 1)
        if code[end:end + 1] == ";" and not NOT_CALLS.match(match.group(1)):
            start = match.start(1)
            before = code[:start].rstrip().removesuffix("(void)").rstrip()
            if before and before[-1] in ";{})":
                add(start, end, "(void)0", f"{match.group(1)}() is not called")
    for match in re.finditer(r"\breturn (true|false|0|-1|1);", code):
        new = RETURNS[match.group(1)]
        add(match.start(1), match.end(1), new, f"returns {new}")
    for match in re.finditer(r"\breturn ([^;]*[<>=!&|][^;]*);", code):
        add(match.start(1), match.end(1), f"!({text[match.start(1):match.end(1)]})", "return negated")
    return found


def shell(command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)


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


class Tree:
    def __init__(self, module, tests):
        folders = [f"modules/{wing}/{module}" for wing in ("ground", "logic", "hub", "spoke")]
        folders = [f for f in folders + [f"modules/{module}"] if os.path.isdir(f)]
        if not folders:
            sys.exit(f"there is no module {module}")
        self.folder = folders[0]
        self.tests = tests

    def files(self):
        return sorted(f"{self.folder}/{name}" for name in os.listdir(self.folder) if name.endswith(".c"))

    def build(self, *tests):
        done = shell(["./build.sh", "test", *(tests or self.tests)],
                     env=dict(os.environ, BUILD_ONLY="1", CONSOLE="no", CCACHE_READONLY="1"))
        return done.returncode == 0, done.stdout.decode(errors="replace")

    def programs(self):
        listed = shell(["tests/run.sh", "--list", *self.tests]).stdout.decode().split("\n")
        return [line.split()[1] for line in listed if line.startswith("unit ")]

    def run(self, name, seconds):
        """None if the test passes, else a word for how it does not."""
        place = tempfile.mkdtemp(prefix="axle-mutant.")
        os.mkdir(f"{place}/reports")
        options = f"log_path={place}/reports/report"
        env = dict(os.environ, TMPDIR=place, TEST_DIR=place, TEST_NAME=name,
                   ASAN_OPTIONS=options)
        try:
            failed, status = until_failure(
                ["build/debug/alone", str(seconds), f"build/debug/unit/test_{name}"], env)
            if failed:
                return failed
            if status == 124:
                return "takes too long"
            if os.listdir(f"{place}/reports"):
                return "a sanitizer's report"
            return f"exit status {status}" if status else None
        finally:
            shutil.rmtree(place, ignore_errors=True)


def read(path):
    with open(path, "rb") as file:
        return file.read().decode()


def write(path, text):
    with open(path, "wb") as file:
        file.write(text.encode())


def object_path(path):
    return f"build/debug/{path[:-2]}.o"


def object_of(path):
    with open(object_path(path), "rb") as file:
        return file.read()


CHANGED = "build/changed"


def build_again():
    """The file that a run changed last may come back older than what was built from it."""
    with contextlib.suppress(FileNotFoundError):
        os.utime(read(CHANGED))


def mutants(tree, place):
    """Every change of every file; `place` (FILE.c or FILE.c:LINE) leaves only those there."""
    found = []
    for path in tree.files():
        text = read(path)
        for start, end, new, what in sites_of(text):
            line = text.count("\n", 0, start) + 1
            if place and place not in (os.path.basename(path), f"{os.path.basename(path)}:{line}"):
                continue
            found.append((path, line, start, end, new, what))
    return found


def judge(tree, mutant, limits, objects):
    """What became of a mutant: (word, which test noticed it)."""
    path, _, start, end, new, _ = mutant
    text = read(path)
    write(CHANGED, path)
    write(path, text[:start] + new + text[end:])
    try:
        for name, seconds in limits.items():
            if not tree.build(name)[0]:
                return "unbuilt", ""
            if object_of(path) == objects[path]:
                return "same", ""
            why = tree.run(name, seconds)
            if why:
                return "killed", f"{name}: {why}"
        return "survived", ""
    finally:
        write(path, text)


def describe(mutant):
    path, line, _, _, _, what = mutant
    source = read(path).split("\n")[line - 1].strip()
    return f"{path}:{line}: {what}\n    {source}"


# Fixtures that do not bear the name of the module that they are for.
FIXTURES = {"controllers": "hub_fixture.h", "hub": "site_fixture.h"}
# Tests of a module that bear neither its name nor use its fixture.
OTHERS = {"placement": ["rollouts"], "hub": ["keys"],
          "controllers": ["standing", "tenancy", "joining", "collector"]}


def tests_of(module):
    """The tests that bear the module's name, use its fixture, or are named above."""
    found = [module, *OTHERS.get(module, [])]
    fixture = FIXTURES.get(module, f"{module}_fixture.h")
    for name in sorted(os.listdir("tests/unit")):
        if name.startswith("test_") and name.endswith(".c") and \
                re.search(rf'"({re.escape(fixture)}|{module}_verbs\.h)"', read(f"tests/unit/{name}")):
            found.append(name[len("test_"):-len(".c")])
    return found


def measure(tree):
    """How long each test may take, the shortest first: it must pass unchanged before."""
    limits = {}
    for name in tree.programs():
        start = time.monotonic()
        why = tree.run(name, 600)
        if why:
            print(f"not used: {name} fails without any change ({why})")
            continue
        limits[name] = int(5 * (time.monotonic() - start)) + 10
    # The quick ones first, and last the one whose name the others begin with: naming it builds all.
    whole = [name for name in limits if any(other.startswith(f"{name}_") for other in limits)]
    return dict(sorted(limits.items(), key=lambda item: (item[0] in whole, item[1])))


def main():
    module, count = sys.argv[1], int(sys.argv[2])
    seed = int(os.environ.get("SEED", "1"))
    tree = Tree(module, os.environ.get("TESTS", "").split() or tests_of(module))
    build_again()
    built, said = tree.build()
    if not built:
        sys.exit(f"the tree does not build unchanged:\n{said}")
    objects = {path: object_of(path) for path in tree.files()}
    limits = measure(tree)
    if not limits:
        sys.exit(f"no unit test of {module} passes, so nothing would be noticed")
    all_mutants = mutants(tree, os.environ.get("AT", ""))
    random.Random(seed).shuffle(all_mutants)
    print(f"{module}: {len(all_mutants)} possible changes, seed {seed}, tests: {' '.join(limits)}", flush=True)
    tally = {"killed": 0, "survived": 0, "unbuilt": 0, "same": 0}
    for mutant in all_mutants:
        if tally["killed"] + tally["survived"] >= count:
            break
        word, by = judge(tree, mutant, limits, objects)
        tally[word] += 1
        if word == "survived":
            print(f"survived: {describe(mutant)}", flush=True)
        elif word == "killed" and os.environ.get("SHOW"):
            print(f"killed ({by}): {describe(mutant)}", flush=True)
    judged = tally["killed"] + tally["survived"]
    tree.build()
    print(f"{module}: {tally['killed']} of {judged} killed"
          f" ({100 * tally['killed'] // max(judged, 1)} %), {tally['survived']} survived;"
          f" {tally['unbuilt']} did not compile, {tally['same']} gave the same program")


main()
