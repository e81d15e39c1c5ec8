#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the house: prints its figures, and what stands against its rules.

    house.py figures MODE    the table that `./build.sh check` prints
    house.py names           static names that several files share, above the limit: fails
    house.py unused MODE     global functions that nobody outside their file calls: fails,
                             but for the names of tests/unused.known
    house.py tidy MODE       takes the lines out of tests/unused.known that fit nothing
    house.py knots MODE [MODULE]   files of a module that reach each other, and two-way pairs

MODE is the folder below build/ with the object files, release or debug. Functions are
those that ctags finds in modules/ (it prints the first and last line of each).
"""
import fnmatch
import os
import re
import statistics
import subprocess
import sys
from collections import defaultdict

# The share of functions whose name stands in another file too, in percent. It may only go
# down: set it to what `house.py names` prints when that has fallen.
SHARED_NAMES_LIMIT = 2.0

# Version 0.1.0, measured by the same rules: what was reached, and what grew.
BEFORE = {
    "lines of code (.c .h .def)": "78,843",
    "files": "424",
    "functions": "5,083",
    "function: median lines": "12",
    "function: 95th percentile": "29",
    "function: longest": "70",
    "functions over 60 lines": "1",
    "largest file, raw lines": "939",
    "files over 800 lines": "5",
    "comment lines of .c": "3.4 %",
    "comment lines of .h": "30 %",
    "names shared by files": "18.1 %",
    "knots of more than 3 files": "13",
    "two-way pairs of files": "96",
}


def sources(suffixes):
    found = []
    for folder, _, names in os.walk("modules"):
        found += [f"{folder}/{name}" for name in names if name.endswith(suffixes)]
    return sorted(found)


def module_of(path):
    return os.path.basename(os.path.dirname(path))


def functions():
    """(name, file, lines) of each function definition."""
    tags = subprocess.run(
        ["ctags", "-x", "--c-kinds=f", "--_xformat=%N %n %e %F", *sources((".c", ".h"))],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.decode()
    for line in tags.splitlines():
        name, first, last, path = line.split()
        if last.isdigit():
            yield name, path, int(last) - int(first) + 1


# ---- Comments ------------------------------------------------------------------------


def count_lines(path):
    """(code, comment, raw): a line that holds only comment is one, the SPDX line too."""
    code = comment = raw = 0
    inside = False
    with open(path, encoding="utf-8") as file:
        for line in file:
            raw += 1
            text = line.strip()
            if not text:
                continue
            if inside:
                comment += 1
                inside = "*/" not in text
            elif text.startswith("/*"):
                after = text.partition("*/")[2]
                inside = "*/" not in text
                if after.strip():
                    code += 1
                else:
                    comment += 1
            elif text.startswith("//"):
                comment += 1
            else:
                code += 1
                inside = "/*" in text and "*/" not in text.rpartition("/*")[2]
    return code, comment, raw


# ---- Symbols ---------------------------------------------------------------------------


def symbols(path):
    """(defined, wanted): the global names of an object file."""
    defined, wanted = set(), set()
    out = subprocess.run(["nm", "-g", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         check=False).stdout.decode()
    for line in out.splitlines():
        part = line.split()
        if len(part) == 3 and part[1] in "TDBR" and not part[2].startswith("__"):
            defined.add(part[2])
        elif len(part) == 2 and part[0] == "U":
            wanted.add(part[1])
    return defined, wanted


def object_of(mode, source):
    return f"build/{mode}/{source[:-2]}.o"


def read_objects(mode):
    found = {}
    for source in sources((".c",)) + ["main.c"]:
        if not os.path.exists(object_of(mode, source)):
            sys.exit(f"{object_of(mode, source)} is not built")
        found[source] = symbols(object_of(mode, source))
    return found


def knots_of(module, objects):
    """(knots, pairs) among the files of a module: who reaches whom, by the symbols."""
    files = [path for path in objects if path != "main.c" and module_of(path) == module]
    owner = {name: path for path in files for name in objects[path][0]}
    edges = {path: {owner[name] for name in objects[path][1] if owner.get(name, path) != path}
             for path in files}
    pairs = sorted({tuple(sorted((a, b))) for a in files for b in edges[a] if a in edges[b]})
    return strong_components(edges), pairs


def strong_components(edges):
    """Tarjan's: sets of files each of which reaches the others."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(edges[node]):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            at = stack.index(node)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for node in sorted(edges):
        if node not in index:
            visit(node)
    return found


def modules():
    return sorted({module_of(path) for path in sources((".c",))})


# ---- What the verbs do --------------------------------------------------------------------


def known_unused():
    """The names of tests/unused.known with their reasons."""
    known = {}
    with open("tests/unused.known", encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                name, _, reason = line.strip().partition(" ")
                known[name] = reason.strip()
    return known


def tests_want(mode):
    wanted = set()
    for folder, _, names in os.walk(f"build/{mode}/tests"):
        for name in names:
            if name.endswith(".o"):
                wanted |= symbols(f"{folder}/{name}")[1]
    return wanted


def unused_functions(mode):
    """(file, name, what of it) of each global function that no other file of modules/ calls."""
    objects, in_tests = read_objects(mode), tests_want(mode)
    wanted_by, functions_of, found = defaultdict(set), defaultdict(set), []
    for path, (_, wanted) in objects.items():
        for name in wanted:
            wanted_by[name].add(path)
    for name, path, _ in functions():
        functions_of[path].add(name)
    for path, (defined, _) in sorted(objects.items()):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for name in sorted(defined & functions_of[path]):
            if wanted_by[name] or name == "main":
                continue
            alone = len(re.findall(rf"\b{name}\b", text)) == 1
            what = ("only tests call it" if name in in_tests else "nobody calls it" if alone
                    else "nobody outside its file calls it: make it static")
            found.append((path, name, what))
    return found


def show_unused(mode):
    known, fits, bad = known_unused(), set(), 0
    for path, name, what in unused_functions(mode):
        line = next((word for word in known if fnmatch.fnmatchcase(name, word)), None)
        fits.add(line)
        if line is None or not known[line]:
            print(f"{path}: {name}: {what}; delete it, or say why not in tests/unused.known")
            bad = 1
    for word in sorted(set(known) - fits):
        print(f"tests/unused.known: {word} fits nothing that is unused: take it out")
        bad = 1
    return bad


def tidy_known(mode):
    names = [name for _, name, _ in unused_functions(mode)]
    with open("tests/unused.known", encoding="utf-8") as file:
        lines = file.readlines()
    kept = [line for line in lines if not line.strip() or line.startswith("#")
            or any(fnmatch.fnmatchcase(name, line.split()[0]) for name in names)]
    with open("tests/unused.known", "w", encoding="utf-8") as file:
        file.writelines(kept)
    return 0


def shared_names():
    """(shared, all, {name: files}): functions whose name stands in another file too."""
    where, count = defaultdict(set), 0
    for name, path, _ in functions():
        if path.endswith(".c") and not name.isupper():  # a table's macro is none
            where[name].add(path)
            count += 1
    shared = {name: files for name, files in where.items() if len(files) > 1}
    return sum(len(files) for files in shared.values()), count, shared


def show_names():
    shared, count, where = shared_names()
    share = 100 * shared / count
    if share <= SHARED_NAMES_LIMIT + 0.05:
        return 0
    print(f"{shared} of {count} functions ({share:.1f} %) share their name with one of another file;"
          f" the limit is {SHARED_NAMES_LIMIT} % (tests/house.py). The most frequent:")
    for name, files in sorted(where.items(), key=lambda one: (-len(one[1]), one[0]))[:15]:
        print(f"  {len(files)} {name}")
    return 1


def show_knots(mode, wanted):
    objects = read_objects(mode)
    for module in [wanted] if wanted else modules():
        knots, pairs = knots_of(module, objects)
        for knot in knots:
            print(f"{module}: a knot of {len(knot)}: {' '.join(os.path.basename(p)[:-2] for p in knot)}")
        for a, b in pairs:
            print(f"{module}: {os.path.basename(a)[:-2]} and {os.path.basename(b)[:-2]} call each other")
    return 0


def figures_now(mode):
    files = sources((".c", ".h", ".def"))
    counted = {path: count_lines(path) for path in files}
    lengths = sorted(length for _, path, length in functions() if path.endswith(".c"))
    shared, count, _ = shared_names()
    objects = read_objects(mode)
    knots, pairs = 0, 0
    for module in modules():
        found, two_way = knots_of(module, objects)
        knots += sum(len(knot) > 3 for knot in found)
        pairs += len(two_way)

    def share(suffix):
        code = sum(counted[p][0] for p in files if p.endswith(suffix))
        comment = sum(counted[p][1] for p in files if p.endswith(suffix))
        return f"{100 * comment / (code + comment):.1f} %"

    return {
        "lines of code (.c .h .def)": f"{sum(c[0] for c in counted.values()):,}",
        "files": f"{len(files):,}",
        "functions": f"{len(lengths):,}",
        "function: median lines": f"{statistics.median(lengths):.0f}",
        "function: 95th percentile": f"{lengths[int(0.95 * len(lengths))]}",
        "function: longest": f"{lengths[-1]}",
        "functions over 60 lines": f"{sum(length > 60 for length in lengths)}",
        "largest file, raw lines": f"{max(c[2] for c in counted.values())}",
        "files over 800 lines": f"{sum(c[2] > 800 for c in counted.values())}",
        "comment lines of .c": share(".c"),
        "comment lines of .h": share(".h"),
        "names shared by files": f"{100 * shared / count:.1f} %",
        "knots of more than 3 files": f"{knots}",
        "two-way pairs of files": f"{pairs}",
    }


def show_figures(mode):
    now = figures_now(mode)
    print(f"{'the house':<30}{'0.1.0':>10}{'today':>10}")
    for what, before in BEFORE.items():
        print(f"{what:<30}{before:>10}{now[what]:>10}")
    objects, lines = read_objects(mode), []
    for module in modules():
        knots, pairs = knots_of(module, objects)
        if pairs or knots:
            largest = max((len(knot) for knot in knots), default=0)
            lines.append(f"{module} {largest}/{len(pairs)}")
    print("largest knot / two-way pairs of each module that has any: " + ", ".join(lines))
    return 0


def main():
    verb = sys.argv[1]
    mode = sys.argv[2] if len(sys.argv) > 2 else "release"
    if verb == "figures":
        return show_figures(mode)
    if verb == "names":
        return show_names()
    if verb == "unused":
        return show_unused(mode)
    if verb == "tidy":
        return tidy_known(mode)
    if verb == "knots":
        return show_knots(mode, sys.argv[3] if len(sys.argv) > 3 else "")
    sys.exit(__doc__)


sys.exit(main())
