# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What runs before a merge, beside the tests. build.sh reads this for `check`;
# each step prints what is wrong and nothing else, and all of them run.

# Calls that go round a door to the world, by kind, and the modules that are
# such a door. Everything else reaches the world through them (an object file
# tells what it calls), so that a simulation can stand in for all of it.
door_calls='
clock     time gettimeofday clock_gettime clock_nanosleep nanosleep usleep sleep
chance    getrandom getentropy random rand arc4random
sockets   socket socketpair bind listen accept accept4 connect send recv sendto recvfrom sendmsg recvmsg getaddrinfo gethostbyname
files     open openat open64 openat64 fopen fopen64 creat unlink unlinkat rename renameat mkdir mkdirat rmdir opendir fdopendir stat lstat fstatat read write pread pwrite pread64 pwrite64 fsync fdatasync mkstemp mkdtemp readlink symlink link
processes fork vfork clone execve execv execvp execvpe posix_spawn posix_spawnp waitpid wait4 waitid kill system popen'
doors='
base    clock chance files
loop    clock sockets files processes
tls     sockets
store   files
cgroup  clock files processes
shim    clock sockets files processes
runtime clock sockets files processes
cli     files processes'

check_failed=0
step() {
    local name=$1
    shift
    "$@" >build/check.out 2>&1 && [ ! -s build/check.out ] && return
    if [ -s build/check.out ]; then cat build/check.out; fi
    echo "check: $name failed"
    check_failed=1
}

compile_with() { MAKEFLAGS=-k make_mode "$1" "$2"; }

# Each header says all that it needs.
lone_headers() {
    mode_flags debug
    local flags
    read -ra flags <<<"${common//$'\n'/ }"
    find modules -name '*.h' -not -name banned.h -printf '%P\n' | sed -E 's#^(ground|logic|hub|spoke)/##' | sort |
        xargs -P "$(nproc)" -I{} sh -c '
            header=$1; shift
            printf "#include \"%s\"\n#include \"%s\"\n" "$header" "$header" |
                gcc "$@" -fsyntax-only -x c - 2>&1 | sed "s|^|$header alone: |"' \
            - {} "${flags[@]}"
}

no_two_tags() {
    grep -rhoE '[A-Z_]+_TAG[ (=,]+(0x[0-9a-fA-F]+|OBJECT_TAG\([^)]*\))' modules --include='*.[ch]' |
        sed -E 's/^([A-Z_]+_TAG)[ (=,]+/\1 /' | sort -u | awk '
            $2 in seen { print "tag " $2 " is both " seen[$2] " and " $1 }
            { seen[$2] = $1 }' || true
}

doors_only() {
    local object module
    while read -r object; do
        module=${object%/*}
        nm -u "$object" | awk -v place="${object:14:-2}.c" -v module="${module##*/}" \
            -v calls="$door_calls" -v doors="$doors" '
            BEGIN {
                n = split(doors, line, "\n")
                for (i = 1; i <= n; i++) {
                    split(line[i], word, " ")
                    if (word[1] == module) for (k in word) allowed[word[k]] = 1
                }
                n = split(calls, line, "\n")
                for (i = 1; i <= n; i++) {
                    m = split(line[i], word, " ")
                    for (k = 2; k <= m; k++) kind[word[k]] = word[1]
                }
            }
            { sub(/^__/, "", $2); sub(/_chk$/, "", $2); sub(/_2$/, "", $2) }
            $2 in kind && !(kind[$2] in allowed) {
                print place ": calls " $2 "(); " kind[$2] " are reached through a door (tests/check.sh)"
            }'
    done < <(sed 's|^|build/release/|; s|c$|o|' build/release/sources)
}

# What nobody may write, whatever the compiler thinks of it.
words_only() {
    grep -rnE '\bgoto\b|^[ \t]*typedef[ \t]+struct[^(]*$' modules --include='*.[ch]' |
        grep -vE ':[0-9]+:[ \t]*(/?\*|//)' | grep -vE '/\*.*(goto|typedef).*\*/|".*goto.*"' |
        sed 's/$/   (no goto, no typedef of a struct)/'
    grep -rLE 'SPDX-License-Identifier: Apache-2.0' modules tests main.c build.sh install \
        --include='*.[ch]' --include='*.sh' 2>/dev/null | sed 's/$/: has no SPDX line/'
    true
}

# What clang's analyser reports, but for what was read and is no mistake:
# tests/analysed.known says which, and why.
analysed() {
    MAKEFLAGS=-k make_mode clang analysed || return
    find build/clang -name '*.analysed' -exec cat {} + | grep -E ': warning: ' |
        sed -E 's/:[0-9]+:[0-9]+: warning:/:/' | sort -u |
        grep -vxFf <(grep -v '^#' tests/analysed.known) || true
}

# One format for all; versions of clang-format differ in details, so one of them judges.
formatted() {
    find modules tests main.c -name '*.[ch]' -print0 |
        xargs -0 -P "$(nproc)" -n 40 clang-format --dry-run 2>&1 | grep 'warning:' |
        sed -E 's/ warning: .*/ is not as clang-format writes it (clang-format -i FILE)/' || true
}

# Notes and matters of style are left to people; each file is read with what it
# includes, several at a time.
scripts_only() {
    command -v shellcheck >/dev/null || return 0
    find . -path ./build -prune -o -path './assets/console/node_modules' -prune -o -name '*.sh' -print0 |
        xargs -0 -P "$(nproc)" -n 4 shellcheck -x -P SCRIPTDIR -S warning \
            -e SC1091,SC2015,SC2016,SC2154,SC2120,SC2119,SC2317
}

# Who calls whom, and which names mean two things (tests/house.py).
house() { /usr/bin/python3 tests/house.py "$@"; }

# Not a judgement, a mirror: the figures of the house, and what has grown longest.
figures() {
    house figures debug
    echo "largest files, in lines (look again above 800):"
    find . -path ./build -prune -o -name '*.[ch]' -exec wc -l {} + |
        grep -v ' total$' | sort -rn | awk 'NR <= 8'
    echo "longest functions, in lines (look again above 60):"
    find modules -name '*.c' -exec ctags -x --c-kinds=f --_xformat='%e %n %N %F' {} + 2>/dev/null |
        awk '$1 ~ /^[0-9]+$/ { print $1 - $2 + 1, $3, $4 }' | sort -rn | awk 'NR <= 12' |
        sed 's/^/  /'
    echo "lines of C: $(find modules -name '*.[ch]' -exec cat {} + | wc -l) in the program, $(find tests -name '*.[ch]' -exec cat {} + | wc -l) in its tests"
}

check_all() {
    mkdir -p build
    step "gcc, as released" compile_with release objects
    step "gcc, with sanitizers" compile_with debug objects
    step "clang" compile_with clang objects
    step "each header alone" lone_headers
    step "layers" tests/layers.sh
    step "numbers" tests/numbers.sh
    step "strings" tests/strings.sh
    step "documents" tests/docs.sh
    step "scenarios" tests/ladder.sh
    step "unused functions" house unused debug
    step "shared names" house names
    step "tags" no_two_tags
    step "doors to the world" doors_only
    step "words" words_only
    step "clang --analyze" analysed
    if clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
        step "format" formatted
    else
        echo "check: the format is not compared: clang-format here is not version 14 (Debian 12's)"
    fi
    step "shellcheck" scripts_only
    figures
    [ $check_failed = 0 ] && echo "check: all is well"
}
