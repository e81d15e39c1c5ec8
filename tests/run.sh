#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs every test, or those named, several at a time. `build.sh test` builds
# what they need and calls this.
#
# A test is a program of tests/unit, seeds of the simulation, a scenario, a
# fuzzer with its seeds, or a script beside this one (layers). Each runs in a
# temporary folder of its own, has a time limit ("limit: 120" in one of its
# first lines sets another one), and is cleared away with everything that it
# started. What a sanitizer reports of any of its processes, shims included, is a
# failure, whatever the test itself says. Only what failed is shown, why something was skipped, and lines that
# begin with "note: " (numbers for a person).

set -u
cd "$(dirname "$0")/.." || exit 1
shopt -s nullglob
jobs_at_once=${JOBS:-$(nproc)}

# test_list [NAME...]: KIND NAME FILE of each test, or of those asked for. A
# name is a module's (store), a scenario's or the letters it begins with (c0001).
test_list() {
    local name
    {
        list_kind unit test_ tests/unit/test_*.c
        for name in 0001 0251 0501 0751; do echo "seeds simulation_seeds_$name tests/unit/test_simulation.c"; done
        for name in 0101 0201; do echo "seeds truth_seeds_$name tests/unit/test_truth.c"; done
        list_kind scenario '' tests/scenarios/[a-z][0-9]*.sh
        list_kind fuzz fuzz_ tests/fuzz/fuzz_*.c
        for name in layers names numbers strings docs ladder; do [ -f tests/$name.sh ] && echo "script $name tests/$name.sh"; done
    } | awk -v wanted="$*" '
        function match_one(kind, name, want) {
            if (name == want || kind == want) return 1
            if (index(name, want) != 1) return 0
            return kind == "scenario" || substr(name, length(want) + 1, 1) == "_"
        }
        BEGIN { n = split(wanted, list, " ") }
        n == 0 { print; next }
        { for (i = 1; i <= n; i++) if (match_one($1, $2, list[i])) { print; next } }'
}

# list_kind KIND PREFIX FILE…: without a process for each, which are hundreds.
list_kind() {
    local kind=$1 prefix=$2 file name
    for file in "${@:3}"; do
        name=${file##*/}
        name=${name%.*}
        echo "$kind ${name#"$prefix"} $file"
    done
}

limit_of() {
    local asked
    asked=$(sed -n '1,15s/.*[^a-z]limit: *\([0-9][0-9]*\).*/\1/p' "$1" | head -n 1)
    echo "${asked:-$2}"
}

# A scenario or script as TAP: how it ends is the answer; 77 means skipped.
script_as_tap() {
    local status=0
    bash "$2" || status=$?
    case $status in
    0) echo "ok 1 - $1" ;;
    77) echo "ok 1 # SKIP $1: $(cat "$TEST_DIR/skip" 2>/dev/null)" ;;
    *) echo "not ok 1 - $1 (exit status $status)" ;;
    esac
    echo 1..1
}

run_one() {
    local kind=$1 name=$2 file=$3
    case $kind in
    unit) exec "build/debug/unit/test_$name" ;;
    seeds)
        case $name in
        truth*) exec build/release/unit/test_truth "$((10#${name##*_}))" "${TRUTH_SEEDS:-100}" ;;
        *) exec build/release/unit/test_simulation "$((10#${name##*_}))" 250 ;;
        esac ;;
    fuzz) fuzz_as_tap "$name" ;;
    *) script_as_tap "$name" "$file" ;;
    esac
}

# The seeds once more, and a second of noise made from them.
fuzz_as_tap() {
    if "build/debug/replay/fuzz_$1" tests/fuzz/seeds/"$1"/*; then
        echo "ok 1 - fuzz $1"
    else
        echo "not ok 1 - fuzz $1"
    fi
    echo 1..1
}

# Runs one test and leaves NAME.out, .status and .ms in $results.
start_one() {
    local kind=$1 name=$2 file=$3 out=$results/$1-$2 seconds start
    case $kind in scenario) seconds=300 ;; *) seconds=180 ;; esac
    start=${EPOCHREALTIME/[.,]/}
    mkdir -p "$out.dir" "$out.reports"
    chmod 1777 "$out.reports" # processes of other users report there too
    REPORTS=$out.reports ASAN_OPTIONS=log_path=$out.reports/report:detect_leaks=1 \
        UBSAN_OPTIONS=print_stacktrace=1 \
        TMPDIR=$out.dir TEST_DIR=$out.dir TEST_NAME=$name build/debug/alone \
        "$(limit_of "$file" $seconds)" bash tests/run.sh --one "$kind" "$name" "$file" \
        >"$out.out" 2>&1 </dev/null
    echo $? >"$out.status"
    reports_as_tap "$out.reports" >>"$out.out"
    echo $(((${EPOCHREALTIME/[.,]/} - start) / 1000)) >"$out.ms"
    rm -rf "$out.dir" "$out.reports"
}

# Nothing, or one failed test with what the sanitizers wrote.
reports_as_tap() {
    local reports=("$1"/*)
    [ ${#reports[@]} -gt 0 ] || return 0
    printf '\nnot ok - no process has a report of a sanitizer (%d have)\n' "${#reports[@]}"
    cat "${reports[@]}" | head -n 50 | sed 's/^/# /'
}

# Reads TAP: prints "PASSED FAILED SKIPPED". A test that ended before its plan,
# or badly without saying why, is one more failure.
count_tap() {
    awk -v status="$2" '
        /^not ok/ { failed++; next }
        /^ok.*# *SKIP/ { skipped++; next }
        /^ok/ { passed++ }
        /^1\.\.[0-9]+/ { planned = 1 }
        END {
            if (!failed && (status != 0 || !planned)) failed++
            printf "%d %d %d\n", passed, failed, skipped
        }' "$1"
}

show_failure() {
    local out=$1 status=$2
    echo "--- $3"
    grep -aE '^not ok|^#' "$out" | head -n 60
    [[ $4 = unit || $4 = seeds ]] && [ "$status" -le 1 ] && return
    grep -avE '^(ok|not ok|#|1\.\.)' "$out" | tail -n 80
    [ "$status" = 124 ] && echo "took longer than its time limit and was ended"
    echo "exit status $status"
}

run_all() {
    local kind name file status passed=0 failed=0 skipped=0 counts
    results=$(mktemp -d "${TMPDIR:-/tmp}/axle-test.XXXXXX")
    # Workloads that root's agents start run as other users, and come through here.
    chmod 711 "$results"
    trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$results"' EXIT
    trap 'exit 130' INT TERM
    test_list "$@" >"$results/list"
    if [ $# -gt 0 ] && [ ! -s "$results/list" ]; then
        echo "no test is named $*" >&2
        echo "0 passed, 1 failed, 0 skipped"
        exit 1
    fi
    while read -r kind name file; do
        while [ "$(jobs -pr | wc -l)" -ge "$jobs_at_once" ]; do wait -n; done
        start_one "$kind" "$name" "$file" &
    done <"$results/list"
    wait
    while read -r kind name file; do
        status=$(cat "$results/$kind-$name.status" 2>/dev/null || echo 1)
        read -ra counts < <(count_tap "$results/$kind-$name.out" "$status")
        passed=$((passed + counts[0]))
        failed=$((failed + counts[1]))
        skipped=$((skipped + counts[2]))
        [ "${counts[1]}" = 0 ] || show_failure "$results/$kind-$name.out" "$status" "$kind $name ($file)" "$kind"
        sed -n 's/^ok[^#]*# *SKIP */skipped: /p;/^note: /p' "$results/$kind-$name.out"
    done <"$results/list"
    if [ "${UNBUILT:-0}" != 0 ]; then
        echo "--- build: not everything was built, so what ran may be old (see above)"
        failed=$((failed + 1))
    fi
    if [ "${TIMES:-}" ]; then
        for file in "$results"/*.ms; do name=${file##*/}; echo "$(cat "$file") ms ${name%.*}"; done | sort -rn | head -n 20
    fi
    echo "$passed passed, $failed failed, $skipped skipped"
    [ $failed = 0 ]
}

case ${1:-} in
--one) shift; run_one "$@" ;;
--list) shift; test_list "$@" ;;
*) run_all "$@" ;;
esac
