#!/usr/bin/env bash
# Page-saves a second through the whole of it: HTTP, token, validation, queue, COMMIT on a real PostgreSQL, all on
# this machine together with the client. Prints, in one run, what a route that does nothing gives to the same client.
#
#   BENCH_SECONDS=10   length of each run          BENCH_SAVES=1000000  saves before memory and size are read
#   BENCH_DIR=…        where the data go           BENCH_BINARY=…       a binary built with --features canvass-web/bench
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${BENCH_SECONDS:-10}
saves=${BENCH_SAVES:-1000000}
binary=${BENCH_BINARY:-}
users=512

for tool in wrk curl; do
  command -v $tool >/dev/null || { echo "bench: $tool is missing: apt-get install $tool" >&2; exit 1; }
done
if [ -z "$binary" ]; then
  cargo build --release --locked --package canvass --features canvass-web/bench
  binary=target/release/canvass
fi

dir=${BENCH_DIR:-$(mktemp -d /tmp/canvass-bench.XXXXXX)}
mkdir -p "$dir"
chmod 755 "$dir"
up_pid=
finish() {
  if [ -n "$up_pid" ] && kill -0 "$up_pid" 2>/dev/null; then
    kill -TERM "$up_pid"
    wait "$up_pid" || true
  fi
  [ -n "${BENCH_DIR:-}" ] || rm -rf "$dir"
}
trap finish EXIT

port=${BENCH_PORT:-18080}
CANVASS_WEB_METRICS_LISTEN= "$binary" up --data "$dir/data" --listen "127.0.0.1:$port" >"$dir/up.out" 2>&1 &
up_pid=$!
for _ in $(seq 1 600); do
  curl -sf -o "$dir/ready" "http://127.0.0.1:$port/readyz" && break
  kill -0 "$up_pid" 2>/dev/null || { cat "$dir/up.out" >&2; exit 1; }
  sleep 0.1
done

cli() { "$binary" "$@" --data "$dir/data"; }
cli wave create --survey bench/survey.yaml --name bench --closes 2099-12-31 >"$dir/wave.out"
wave=$(sed -n 's/^Wave \([0-9]*\) .*/\1/p' "$dir/wave.out")
cli codes --wave bench --count $users >"$dir/codes.txt"
# serve reads the waves once a second.
for _ in $(seq 1 100); do
  first=$(head -1 "$dir/codes.txt" | cut -d' ' -f1)
  curl -sf -o "$dir/ready" -X POST "http://127.0.0.1:$port/api/v1/enter" -d "{\"code\":\"$first\"}" && break
  sleep 0.1
done
cut -d' ' -f1 "$dir/codes.txt" | while read -r code; do
  printf 'url = "http://127.0.0.1:%s/api/v1/enter"\ndata = "{\\"code\\":\\"%s\\"}"\nwrite-out = "\\n"\nnext\n' "$port" "$code"
done | sed '$d' >"$dir/enter.cfg"
curl -s --config "$dir/enter.cfg" | sed -n 's/.*"token":"\([^"]*\)".*/\1/p' >"$dir/tokens.txt"
rm -f "$dir/codes.txt" "$dir/enter.cfg"
echo "respondents with a write token: $(wc -l <"$dir/tokens.txt")"

serve_pid=$(tr -cs 0-9 "\n" <"$dir/data/run/serve.pid" | sed -n "/./{p;q}")
postmaster=$(head -1 "$dir/data/postgres/postmaster.pid")
ticks=$(getconf CLK_TCK)
# A process may end between being listed and being looked at.
cpu_of() { for pid in "$@"; do cat "/proc/$pid/stat" 2>/dev/null || true; done | sed 's/.*) //' | awk '{s += $12 + $13} END {print s + 0}'; }
postgres_cpu() { cpu_of "$postmaster" $(cat /proc/"$postmaster"/task/"$postmaster"/children); }
sql() { psql "$(cat "$dir/data/secrets/database-url")" -XAtc "$1"; }

printf '\n%-18s %6s %9s %8s %8s %7s %7s %7s %7s %9s\n' "" "conns" "req/s" "p50 ms" "p99 ms" "serve" "postgr." "client" "rows/" "failed"
printf '%-18s %6s %9s %8s %8s %7s %7s %7s %7s %9s\n' "" "" "" "" "" "µs/req" "µs/req" "µs/req" "commit" ""
run() { # name, path, connections, seconds
  local s0 p0 s1 p1 c0 r0 c1 r1
  s0=$(cpu_of "$serve_pid"); p0=$(postgres_cpu)
  r0=$(sql "SELECT count(*) FROM wave_$wave.save"); c0=$(sql "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
  BENCH_TOKENS="$dir/tokens.txt" BENCH_PATH=$2 bash -c "TIMEFORMAT='CLIENT %U %S'; time wrk -t2 -c$3 -d${4}s --latency -s bench/saves.lua http://127.0.0.1:$port" >"$dir/wrk.out" 2>&1
  s1=$(cpu_of "$serve_pid"); p1=$(postgres_cpu)
  r1=$(sql "SELECT count(*) FROM wave_$wave.save"); c1=$(sql "SELECT pg_stat_clear_snapshot(); SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()" | tail -1)
  awk -v name="$1" -v conns="$3" -v hz="$ticks" -v s="$((s1 - s0))" -v p="$((p1 - p0))" -v rows="$((r1 - r0))" -v commits="$((c1 - c0))" '
    /^RESULT/ { for (i = 2; i <= NF; i++) { split($i, kv, "="); v[kv[1]] = kv[2] } }
    /^CLIENT/ { client = ($2 + $3) * 1e6 }
    END {
      n = v["requests"]; if (n == 0) { print "wrk said nothing"; exit 1 }
      printf "%-18s %6d %9.0f %8.2f %8.2f %7.1f %7.1f %7.1f %7s %9d\n", name, conns, n / v["seconds"], v["p50_ms"], v["p99_ms"],
        s * 1e6 / hz / n, p * 1e6 / hz / n, client / n, (rows ? sprintf("%.0f", rows / commits) : "-"), v["not_2xx"] + v["socket_errors"]
    }' "$dir/wrk.out"
}
run "no-op" /bench/noop 64 "$seconds"
run "page-save" /api/v1/saves 64 "$seconds"
run "no-op" /bench/noop 256 "$seconds"
run "page-save" /api/v1/saves 256 "$seconds"
while [ "$(sql "SELECT count(*) FROM wave_$wave.save")" -lt "$saves" ]; do
  run "page-save, more" /api/v1/saves 256 "$seconds"
done

echo
echo "saves in the database:  $(sql "SELECT count(*) FROM wave_$wave.save")"
echo "bytes a save, index in: $(sql "SELECT pg_total_relation_size('wave_$wave.save') / count(*) FROM wave_$wave.save")"
echo "serve resident:         $(awk '/VmRSS/ {printf "%.0f MB", $2 / 1000}' /proc/"$serve_pid"/status), at most $(awk '/VmHWM/ {printf "%.0f MB", $2 / 1000}' /proc/"$serve_pid"/status)"
echo "machine:                $(nproc) cores, $(awk '/MemTotal/ {printf "%.0f GB", $2 / 1e6}' /proc/meminfo), load average $(cut -d' ' -f1 /proc/loadavg)"
