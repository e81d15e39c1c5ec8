#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# D1 and memory of supervisor and monit from Debian, ten processes each, the same
# program and clock as bench_spoke's own D1.
set -u
bench=$(cd "$(dirname "$0")/../.." && pwd)/build/release/bench/bench_spoke
work=$(mktemp -d)
daemon=
trap '[ -z "$daemon" ] || kill "$daemon"; pkill -P $$ 2>/dev/null; rm -rf "$work"' EXIT

memory_of() { awk '/^VmRSS/ {rss = $2} /^RssAnon/ {anon = $2} END {print rss " kB, " anon " kB anonymous"}' "/proc/$1/status"; }

end() {
    kill "$daemon"
    wait "$daemon" 2>/dev/null
    daemon=
}

if command -v supervisord >/dev/null; then
    {
        printf '[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=%s/s.pid\n' "$work"
        for i in 1 2 3 4 5 6 7 8 9 10; do
            printf '[program:p%s]\ncommand=%s stamp beside-%s\nautorestart=true\nstartsecs=0\n' $i "$bench" $$
        done
    } >"$work/supervisord.conf"
    "$bench" judge "beside-$$" "supervisor" &
    judge=$!
    supervisord -c "$work/supervisord.conf" >/dev/null 2>&1 &
    daemon=$!
    wait $judge
    echo "M2 supervisor: $(memory_of $daemon)"
    end
else
    echo "D1, M2 supervisor: skipped, supervisord is not installed (apt install supervisor)"
fi

if command -v monit >/dev/null; then
    {
        printf 'set daemon 1\nset pidfile %s/m.pid\nset idfile %s/m.id\nset statefile %s/m.state\n' "$work" "$work" "$work"
        for i in 1 2 3 4 5 6 7 8 9 10; do
            printf '#!/bin/sh\n%s stamp monit-%s >/dev/null 2>&1 &\necho $! >%s/p%s.pid\n' "$bench" $$ "$work" $i >"$work/start$i"
            chmod 755 "$work/start$i"
            printf 'check process p%s with pidfile %s/p%s.pid\n  start program = "%s/start%s"\n' $i "$work" $i "$work" $i
        done
    } >"$work/monitrc"
    chmod 600 "$work/monitrc"
    "$bench" judge "monit-$$" "monit (looks every second)" &
    judge=$!
    monit -I -c "$work/monitrc" >/dev/null 2>&1 &
    daemon=$!
    wait $judge
    echo "M2 monit: $(memory_of $daemon)"
    end
    for i in 1 2 3 4 5 6 7 8 9 10; do kill "$(cat "$work/p$i.pid")" 2>/dev/null; done
else
    echo "D1, M2 monit: skipped, monit is not installed (apt install monit)"
fi
