#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds, tests and runs Axle. Sources are found, not listed; there is no
# configure step; a second run has nothing to do and says nothing.

set -eu -o pipefail
cd "$(dirname "$0")"
version=0.1.0

usage() {
    cat <<'TEXT'
build.sh [VERB]
  release          build/axle, one static executable (this is the default)
  run              release, then the hub, a spoke and the sample on this machine
  stop             end what run has started
  test [NAME...]   all tests, or those named: a module, c0001, layers, a fuzzer
  debug            build/debug/axle, with sanitizers and assertions
  check            both compilers, lone headers, layers, static analysis
  mutate MODULE [N]  change N places (20; 0: all) of a module, one at a time, and
                   print those that its unit tests do not notice
  fuzz NAME [SEC]  feed a parser with noise (60 seconds)
  bench [NAME]     print the numbers
  bench fleet [N…] those of a hub with 10, 100 and 1,000 pretended spokes, or N
  deep             the long tests: many seeds, every fuzzer, gcc -fanalyzer
  package          build/packages: a tar archive, a Debian package, the sources
  deps             only install and build what Axle stands on
  clean            remove build/

CONSOLE=no           builds without the web console, and so without npm
DEBIAN_MIRROR=URL    where libraries come from, if not the system's own mirror
XDG_CACHE_HOME=DIR   where they are kept: DIR/axle (~/.cache/axle)
TEXT
}

. install/dependencies.sh
. install/console.sh

# ------------------------------------------------------------------- modes

common="-std=gnu11 -g -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Imodules/ground
    -Imodules/logic -Imodules/hub -Imodules/spoke -Imodules -Itests
    -isystem $deps/include -fno-common -fno-strict-aliasing
    -fno-omit-frame-pointer -ffunction-sections -fdata-sections
    -ffile-prefix-map=$PWD=.
    -Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wstrict-prototypes
    -Wmissing-prototypes -Wold-style-definition -Wwrite-strings -Wundef
    -Wvla -Wformat=2 -Winit-self -Wno-unused-parameter
    -Wno-missing-field-initializers"
[ -f modules/ground/base/banned.h ] && common="$common -include modules/ground/base/banned.h"
sanitizers="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
libraries="-levent_extra -levent_core -lmbedtls -lcjson -lllhttp -lsqlite3
    -lyaml -lz -lm"

# Sets $compiler, $cflags and $ldflags for a mode; its folder is build/MODE.
mode_flags() {
    case $1 in
    release)
        compiler=gcc
        # err_set() always answers -1, which gcc cannot see from outside.
        cflags="-O2 -Wno-maybe-uninitialized -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE"
        ldflags="-static-pie -Wl,--gc-sections -Wl,-z,relro,-z,now" ;;
    debug)
        compiler=gcc
        cflags="-O1 $sanitizers"
        ldflags="$sanitizers" ;;
    clang)
        compiler=clang
        cflags="-O1"
        ldflags="" ;;
    threads)
        compiler=gcc
        cflags="-O1 -Wno-maybe-uninitialized -fsanitize=thread"
        ldflags="-fsanitize=thread -no-pie" ;;
    analyzer)
        compiler=gcc
        cflags="-O1 -fanalyzer -Wno-error"
        ldflags="" ;;
    fuzz)
        compiler=clang
        cflags="-O1 $sanitizers -fsanitize=fuzzer-no-link -DAXLE_FUZZ"
        ldflags="$sanitizers" ;;
    esac
}

# Static archives are named as files: in a dynamic (sanitized) program -lNAME
# would take the shared library of the machine that builds.
static_libraries() {
    local word
    for word in $libraries; do
        case $word in
        -lm) printf -- '-lm ' ;;
        *) printf -- '-l:lib%s.a ' "${word#-l}" ;;
        esac
    done
}

# ------------------------------------------------------------------- make

# Writes a file only if its content changes, so that make sees no change.
write_changed() {
    mkdir -p "$(dirname "$1")"
    cat >"$1.$$"
    if cmp -s "$1.$$" "$1"; then rm "$1.$$"; else mv "$1.$$" "$1"; fi
}

# make_mode MODE TARGET…: the one makefile, for one mode.
make_mode() {
    local mode=$1 dir=build/$1
    shift
    mode_flags "$mode"
    mkdir -p "$dir"
    write_changed "$dir/flags" <<<"$compiler $common $cflags $ldflags"
    find modules -name '*.c' | LC_ALL=C sort | write_changed "$dir/sources"
    find tests/sim -name '*.c' | LC_ALL=C sort | write_changed "$dir/simulations"
    write_version
    check_access
    write_assets
    # What check prints is a finding.
    [ -d "$dir/modules" ] || [ "$verb" = check ] || say "compiles, which takes a minute or three the first time"
    export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
    make -s -j"$(nproc)" --no-builtin-rules -f - "${@/#/$dir/}" <<MAKE 2>&1 | quiet_linker >&2
dir := $dir
cc := $(command -v ccache || true) $compiler
cflags := ${common//$'\n'/ } $cflags
ldflags := $ldflags
libraries := -L$deps/lib $(static_libraries)
$makefile
MAKE
}

# A static glibc warns of name lookups that the program never makes.
quiet_linker() {
    grep -vE 'in statically linked applications|: in function .*:$|: note: the message above does not take linker garbage' || true
}

# shellcheck disable=SC2016 # make expands it
makefile='
# vfork is meant: 0.35 ms a start, against 13 ms from a large parent.
sources := $(shell cat $(dir)/sources)
objects := $(sources:%.c=$(dir)/%.o) $(dir)/assets.o
lib := $(dir)/libaxle.a
# What stands in for the world in tests; the program never links it.
sims := $(patsubst %.c,$(dir)/%.o,$(shell cat $(dir)/simulations))
sim := $(dir)/libsim.a
reports := $(if $(filter -fsanitize=address%,$(cflags)),$(dir)/tests/reports.o)
helpers := $(patsubst %.c,$(dir)/%.o,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))
cases := $(patsubst %.c,$(dir)/%.o,$(wildcard tests/cases/*.c))
fleet := $(patsubst %.c,$(dir)/%.o,$(wildcard tests/fleet/*.c))
each = $(patsubst $(1)/%.c,$(dir)/$(2)/%,$(wildcard $(1)/$(3)*.c))
units := $(call each,tests/unit,unit,test_)
bench := $(call each,tests/bench,bench,bench_)
fuzz := $(call each,tests/fuzz,fuzz,fuzz_)
replay := $(call each,tests/fuzz,replay,fuzz_)
link = $(cc) $(cflags) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(ldflags) $(libraries)

.SECONDARY:
.PHONY: $(addprefix $(dir)/,lib program units bench fuzz objects analysed)
$(dir)/lib: $(lib)
$(dir)/program: $(if $(wildcard main.c),$(dir)/axle) $(if $(cases),$(dir)/axle-cases) $(if $(fleet),$(dir)/axle-fleet)
$(dir)/units: $(units)
$(dir)/bench: $(bench)
$(dir)/fuzz: $(fuzz)
$(dir)/objects: $(objects) $(if $(wildcard main.c),$(dir)/main.o) $(cases) $(fleet) \
    $(helpers) $(sims) $(units:$(dir)/unit/%=$(dir)/tests/unit/%.o) \
    $(fuzz:$(dir)/fuzz/%=$(dir)/tests/fuzz/%.o) $(bench:$(dir)/bench/%=$(dir)/tests/bench/%.o) \
    $(dir)/tests/alone.o $(dir)/tests/replay.o $(dir)/tests/reports.o

$(dir)/%.o: %.c $(dir)/flags
	@mkdir -p $(@D)
	$(cc) $(cflags) -MMD -MP -c -o $@ $<
$(dir)/analysed: $(sources:%.c=$(dir)/%.analysed)
$(dir)/%.analysed: %.c $(dir)/%.o
	clang $(cflags) -Ibuild/generated --analyze --analyzer-output text \
	    -Xanalyzer -analyzer-disable-checker=unix.Vfork,security.insecureAPI.vfork -o /dev/null $< \
	    2>$@.new || { cat $@.new; exit 1; }
	@mv $@.new $@
# All changes of a module at once are no clean code; tests/mutate.py reads the warnings.
ifdef MUTATED
$(dir)/$(MUTATED)/%.o: cflags += -Wno-error
endif
$(dir)/modules/ground/base/version.o: build/generated/version.h
$(dir)/modules/ground/base/version.o: cflags += -Ibuild/generated
$(dir)/assets.o: build/generated/assets.S $(shell cat build/generated/assets.list)
	@mkdir -p $(@D)
	$(cc) -c -o $@ $<
$(lib): $(objects) $(dir)/sources
	rm -f $@
	ar rcs $@ $(objects)
$(sim): $(sims) $(dir)/simulations
	rm -f $@
	ar rcs $@ $(sims)
$(dir)/axle: $(dir)/main.o $(reports) $(lib)
	$(link)
$(dir)/axle-cases: $(cases) $(lib)
	$(link)
# The fleet follows what its agents do by the functions that they call.
$(dir)/axle-fleet: ldflags += -Wl,--wrap=link_send,--wrap=session_move,--wrap=session_lost
$(dir)/axle-fleet: $(fleet) $(reports) $(sim) $(lib)
	$(link)
$(dir)/alone: $(dir)/tests/alone.o
	$(cc) -o $@ $^ $(filter -fsanitize=%,$(ldflags))
$(units): $(dir)/unit/%: $(dir)/tests/unit/%.o $(helpers) $(reports) $(sim) $(lib)
	@mkdir -p $(@D)
	$(link)
$(bench): $(dir)/bench/%: $(dir)/tests/bench/%.o $(sim) $(lib)
	@mkdir -p $(@D)
	$(link)
$(fuzz): $(dir)/fuzz/%: $(dir)/tests/fuzz/%.o $(sim) $(lib)
	@mkdir -p $(@D)
	$(link) -fsanitize=fuzzer
$(replay): $(dir)/replay/%: $(dir)/tests/fuzz/%.o $(dir)/tests/replay.o $(sim) $(lib)
	@mkdir -p $(@D)
	$(link)
-include $(shell find $(dir) -name "*.d" 2>/dev/null)
'

# The one file that changes with every commit, read by one source file.
write_version() {
    local commit
    commit=$(name_commit)
    case $commit in
    *,*) grep -qF "$commit" build/generated/version.h 2>/dev/null ||
        say "the commit is not known (${commit#*, }), and axle version will say so" ;;
    esac
    write_changed build/generated/version.h <<TEXT
#define AXLE_VERSION "$version"
#define AXLE_COMMIT "$commit"
#define AXLE_LIBRARIES "$(paste -sd' ' "$deps/versions")"
TEXT
}

# The commit that a clone is at, where git is not installed.
read_head() {
    local head ref
    head=$(cat .git/HEAD 2>/dev/null) || return 1
    ref=${head#ref: }
    [ "$ref" = "$head" ] || head=$(cat ".git/$ref" 2>/dev/null) ||
        head=$(awk -v ref="$ref" '$2 == ref { print $1 }' .git/packed-refs 2>/dev/null)
    [[ $head =~ ^[0-9a-f]{40,64}$ ]] && echo "${head:0:12}"
}

# The commit of this tree, as git or the source archive's file COMMIT says it.
# Else a name made of the sources (two builds are told apart by it), and why.
# A folder above that is a repository says nothing about this one.
name_commit() {
    local why='no git repository and no file COMMIT'
    if [ -e .git ] && ! command -v git >/dev/null; then
        read_head && return
        why='git is not installed'
    elif [ -e .git ]; then
        # Root may build what is another user's: reading one name harms nobody.
        GIT_CEILING_DIRECTORIES=${PWD%/*} git -c safe.directory="$PWD" \
            rev-parse --short=12 HEAD 2>/dev/null && return
        why='git finds no commit here'
    fi
    if [ -s COMMIT ]; then
        head -n 1 COMMIT | cut -d' ' -f1 | tr -dc 'a-zA-Z0-9.-'
        return
    fi
    printf 'unknown-%s, %s' "$(find modules assets main.c -type f -not -path '*/node_modules/*' |
        LC_ALL=C sort | xargs -d '\n' cat | sha256sum | cut -c1-12)" "$why"
}

# ------------------------------------------------------------------ access

# A kind or subresource that nobody has said the rights of is no part of the
# program: each under assets/kinds has its row in modules/hub/auth/access.def.
check_access() {
    local missing
    missing=$(awk '
        function need(part) { parts[++count] = part }
        function flush(  i) {
            for (i = 1; i <= count; i++)
                printf "need\t%s\t%s\t%s\n", group, plural, parts[i]
            group = plural = ""
            count = inside = 0
        }
        FNR == 1 { flush() }
        /^#define [A-Z_]+ +"/ { word[$2] = $3; next }
        /^ROW\(/ {
            split(substr($0, 5), row, /, */)
            if (row[1] in word) row[1] = word[row[1]]
            gsub(/"/, "", row[1]); gsub(/"/, "", row[2]); gsub(/"/, "", row[3])
            printf "have\t%s\t%s\t%s\n", row[1], row[2], row[3]
        }
        FILENAME ~ /\.(def|h)$/ { next }
        /^[a-zA-Z]/ { inside = /^subresources:/ }
        /^group:/ { group = $2; gsub(/"/, "", group) }
        /^plural:/ { plural = $2; need("") }
        /^status: true/ { need("status") }
        inside && /^ *- \{name: / { sub(/,.*/, "", $3); need($3) }
        END { flush() }
        ' modules/logic/meta/names.h modules/hub/auth/access.def assets/kinds/*/*.yaml |
        awk -F'\t' '{ key = $2 "\t" $3 "\t" $4 }
            $1 == "have" { have[key] = 1; next }
            !(key in have) { print "  ROW(\"" $2 "\", \"" $3 "\", \"" $4 "\", …)" }')
    [ -z "$missing" ] || die "modules/hub/auth/access.def does not say who may do what with these:
$missing"
}

# ------------------------------------------------------------------ assets

# Every file under assets/ becomes part of the program: one assembler file
# that includes the bytes and a table sorted by path (modules/ground/base/asset.h).
# The sources of the console are not wanted there, only what they build to.
write_assets() {
    {
        [ -d assets ] && find assets -type f -not -path 'assets/console/*' \
            -not -name '.*' -printf '%P\t%p\n'
        [ "$console" = yes ] && [ -d build/console ] && find build/console -type f -not -name '.*' \
            -printf 'console/%P\t%p\n'
        true
    } | LC_ALL=C sort | awk -F'\t' '
        BEGIN {
            print ".section .note.GNU-stack,\"\",%progbits"
            print ".section .rodata.assets,\"a\",%progbits"
        }
        {
            printf ".Lname%d: .asciz \"%s\"\n", NR, $1
            printf ".balign 16\n.Lbytes%d: .incbin \"%s\"\n", NR, $2
            printf ".Lend%d: .byte 0\n", NR
        }
        END {
            print ".balign 8\n.global asset_count\nasset_count: .quad " NR
            print ".section .data.rel.ro.assets,\"aw\",%progbits"
            print ".balign 8\n.global asset_table\nasset_table:"
            for (i = 1; i <= NR; i++)
                printf ".quad .Lname%d, .Lbytes%d, .Lend%d - .Lbytes%d\n", i, i, i, i
            print ".quad 0, 0, 0"
        }' | write_changed build/generated/assets.S
    sed -n 's/.*\.incbin "\(.*\)"$/\1/p' build/generated/assets.S |
        write_changed build/generated/assets.list
}

# ------------------------------------------------------------------- verbs

# Each verb first asks for all the packages that it needs, in one call.
packages_program() { printf '%s\n' "$packages_build" "$(packages_of_console)"; }

verb_deps() {
    need_packages "$packages_build"
    need_dependencies
}

verb_release() {
    need_packages "$(packages_program)"
    need_dependencies
    build_console
    make_mode release program
    local name
    for name in axle axle-cases axle-fleet; do
        [ -f build/release/$name ] || continue
        [ build/$name -nt build/release/$name ] || strip -o build/$name build/release/$name
    done
}

verb_debug() {
    need_packages "$(packages_program)"
    need_dependencies
    build_console
    make_mode debug program lib
}

# Builds only what the tests named need, so that a broken neighbour is no bar.
verb_test() {
    local list debug=(alone) release=() packages='' kind name _
    list=$(tests/run.sh --list "$@")
    while read -r kind name _; do
        case $kind in
        unit) debug+=("unit/test_$name") ;;
        seeds) release+=("unit/test_${name%%_*}") ;;
        fuzz) debug+=("replay/fuzz_$name") ;;
        scenario)
            debug+=(program) packages=$packages_test
            case $name in d0008* | s0001* | r0350*) release+=(program) ;; esac ;;
        esac
    done <<<"$list"
    wanted_packages=$packages_judges
    [ "$console" = no ] || wanted_packages+=" $packages_console"
    [ -n "$packages" ] || wanted_packages=
    need_packages "$(packages_program)" "$packages"
    need_dependencies
    build_console
    if [ -n "$packages" ]; then
        want_packages "$wanted_packages"
        want_tools "kubectl and no oras for the tests"
    fi
    case $list in *' u0'*) fetch_browser_driver ;; esac
    # A program that does not build is one failed test, not the end of all.
    local unbuilt=0
    MAKEFLAGS=-k make_mode debug "${debug[@]}" || unbuilt=1
    [ ${#release[@]} = 0 ] || make_mode release "${release[@]}" || unbuilt=1
    [ $# -gt 0 ] || ./build.sh release || unbuilt=1
    [ -z "${BUILD_ONLY:-}" ] || return $unbuilt
    UNBUILT=$unbuilt tests/run.sh "$@"
}

verb_check() {
    need_packages "$(packages_program)" "$packages_check"
    need_dependencies
    build_console
    . tests/check.sh
    check_all
}

# mutate MODULE [N]: in a copy of the tree, so that no change is ever left here. Its own
# build folder stays, which makes the second run quick.
verb_mutate() {
    local module=${1:?mutate needs the name of a module} count=${2:-20} tree=build/mutate/tree name
    need_packages "$(packages_program)" "$packages_test"
    need_dependencies
    mkdir -p "$tree"
    exec 9>build/mutate/lock
    flock -n 9 || die "build/mutate is in use by another run"
    find "$tree" -mindepth 1 -maxdepth 1 -not -name build -exec rm -rf {} +
    for name in modules tests assets install conf docs main.c build.sh README.md LICENSE; do
        cp -a "$name" "$tree/"
    done
    rm -rf "$tree/assets/console/node_modules"
    echo mutant >"$tree/COMMIT" # else its name is made of the sources, and changes with each
    (cd "$tree" && /usr/bin/python3 tests/mutate.py "$module" "$count") 9>&-
}

# fuzz NAME [SECONDS]: a crash is left in build/fuzz/found, as a seed to keep.
verb_fuzz() {
    local name=${1:?fuzz needs a name: $(ls tests/fuzz)} seconds=${2:-60}
    local seeds=tests/fuzz/seeds/$name words=tests/fuzz/$name.dict
    need_packages "$packages_build" "$packages_fuzz"
    need_dependencies
    make_mode fuzz "fuzz/fuzz_$name"
    mkdir -p build/fuzz/corpus/"$name" build/fuzz/found
    local more=(-max_total_time="$seconds" -artifact_prefix=build/fuzz/found/ -timeout=10)
    [ -f "$words" ] && more+=(-dict="$words")
    more+=("build/fuzz/corpus/$name")
    [ -d "$seeds" ] && more+=("$seeds")
    build/fuzz/fuzz/"fuzz_$name" "${more[@]}"
}

# bench [NAME]: the programs of tests/bench, one after the other; NAME is a
# number as the first lines of one call it (E1, A3) or part of a file's name. The
# fleet takes more words: which rows, and with how many spokes.
verb_bench() {
    need_packages "$(packages_program)" "$packages_test"
    verb_release
    local one
    if [ "${1:-}" = fleet ]; then
        shift
        /usr/bin/python3 tests/bench/fleet.py "$@"
        return
    fi
    for one in tests/bench/bench_*.c; do
        one=$(basename "$one" .c)
        if [ $# -eq 0 ] || [[ $one == *$1* ]]; then
            make_mode release "bench/$one" && "build/release/bench/$one"
        elif head -n 12 "tests/bench/$one.c" | grep -qw -- "${1^^}"; then
            make_mode release "bench/$one" && "build/release/bench/$one" "${1^^}"
        fi
    done
    if [ $# -eq 0 ]; then
        /usr/bin/python3 tests/bench/fleet.py
    elif head -n 3 tests/bench/fleet.py | grep -qwi -- "$1"; then
        /usr/bin/python3 tests/bench/fleet.py "$1"
    fi
    # Scripts put others beside our numbers, and skip what is not installed.
    for one in tests/bench/*.sh; do
        if [ -f "$one" ] && [[ $(basename "$one") == *${1:-}* ]]; then bash "$one"; fi
    done
}

# What is too long for every day; DEEP=1 tells the tests to take their time.
verb_deep() {
    wanted_packages=$packages_judges
    need_packages "$(packages_program)" "$packages_check" "$packages_test" "$packages_fuzz"
    verb_check
    DEEP=1 verb_test
    local one
    for one in tests/fuzz/fuzz_*.c; do
        one=$(basename "$one" .c)
        verb_fuzz "${one#fuzz_}" "${1:-300}"
    done
    make_mode analyzer objects
    test_threads
}

# The hub has a second thread, the store's: what the two share is watched by ThreadSanitizer.
test_threads() {
    local one
    for one in store_thread hub_disk; do
        make_mode threads "unit/test_$one"
        TSAN_OPTIONS=halt_on_error=1 "build/threads/unit/test_$one" >build/threads/out 2>&1 ||
            { cat build/threads/out; die "test_$one has failed under ThreadSanitizer"; }
    done
}

verb_run() {
    need_packages "$(packages_program)" "$packages_run"
    verb_release
    want_tools kubectl
    [ -f build/axle ] || die "there is no main.c yet, so there is nothing to run"
    install/sample.sh start
}
verb_stop() { install/sample.sh stop; }

# build/packages: a tar archive, a Debian package with the systemd units, and
# the sources with the console as built, which can be built without npm.
verb_package() {
    verb_release
    install/package.sh "$version"
    install/source.sh "$version" "$(name_commit)"
}

verb_clean() { rm -rf build; }

verb=${1:-release}
[ $# -gt 0 ] && shift
case $verb in
test | mutate | fuzz | bench | deep) "verb_$verb" "$@" ;;
release | debug | run | stop | check | package | clean | deps)
    [ $# = 0 ] || die "$verb takes no \"$1\"; ./build.sh --help lists what there is"
    "verb_$verb" ;;
-h | --help | help) usage ;;
*)
    say "there is no verb \"$verb\""
    usage >&2
    exit 2
    ;;
esac
