#!/usr/bin/env bash
# What the load generator costs, beside wrk on the same single request in the same minute, and what people who wait cost.
#
#   GENERATOR_SECONDS=10     length of each of the six measurements
#   GENERATOR_PEOPLE=10000   people who wait in think time, each with an open connection
#   GENERATOR_BINARY=…       a canvass that is built already
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${GENERATOR_SECONDS:-10}
people=${GENERATOR_PEOPLE:-10000}
binary=${GENERATOR_BINARY:-target/release/canvass}
readonly port=18190 connections=64

main() {
  [ -n "${GENERATOR_BINARY:-}" ] || timeout 1800 cargo build --release --locked --package canvass
  binary=$(realpath "$binary")
  ulimit -n "$(ulimit -Hn)"
  dir=$(mktemp -d /tmp/canvass-generator.XXXXXX)
  chmod 755 "$dir"
  trap finish EXIT
  CANVASS_WEB_METRICS_LISTEN="" CANVASS_WEB_MAX_CONNECTIONS=100000 \
    "$binary" up --data "$dir/data" --listen 127.0.0.1:$port >"$dir/up.log" 2>&1 &
  up_pid=$!
  local until=$((SECONDS + 120))
  until curl -sf -o /dev/null "http://127.0.0.1:$port/readyz"; do
    kill -0 "$up_pid" || { cat "$dir/up.log" >&2; exit 1; }
    [ $SECONDS -lt $until ] || { echo "not ready within 120 s" >&2; exit 1; }
    sleep 0.1
  done
  # In turn, because the machine's speed drifts: the medians are compared.
  for _ in 1 2 3; do
    with_wrk
    with_canvass
  done
  print_costs
  waiting_people
}

url=http://127.0.0.1:$port/healthz

with_wrk() {
  local times
  times=$({ TIMEFORMAT='%U %S'; time wrk -t2 -c$connections -d"${seconds}s" "$url" >"$dir/wrk.log"; } 2>&1)
  awk -v times="$times" -v seconds="$seconds" '
    / requests in / { requests = $1 }
    END { split(times, t, " "); printf "%.0f %.2f\n", requests / seconds, (t[1] + t[2]) * 1e6 / requests }' "$dir/wrk.log" \
    >>"$dir/wrk"
}

with_canvass() {
  local times
  times=$({ TIMEFORMAT='%U %S'; time "$binary" rehearse run --get "$url" --requests-per-second max \
    --connections $connections --for "${seconds}s" --quiet --json "$dir/report.json" >"$dir/run.log"; } 2>&1)
  local requests
  requests=$(sed -E 's/.*"overall":\{"journey":"","name":"all","requests":([0-9]+).*/\1/' "$dir/report.json")
  awk -v times="$times" -v n="$requests" -v seconds="$seconds" \
    'BEGIN { split(times, t, " "); printf "%.0f %.2f\n", n / seconds, (t[1] + t[2]) * 1e6 / n }' >>"$dir/canvass"
}

median() { # file, column
  awk -v c="$2" '{ print $c }' "$1" | sort -n | sed -n 2p
}

print_costs() {
  local name
  printf '\nGET /healthz over %s connections, medians of three runs of %s s each, in turn\n' $connections "$seconds"
  printf '%-20s %14s %22s\n' "" "requests/s" "CPU a request (µs)"
  for name in wrk canvass; do
    printf '%-20s %14s %22s\n' "$name" "$(median "$dir/$name" 1)" "$(median "$dir/$name" 2)"
  done
  awk -v r1="$(median "$dir/wrk" 1)" -v r2="$(median "$dir/canvass" 1)" -v c1="$(median "$dir/wrk" 2)" \
    -v c2="$(median "$dir/canvass" 2)" 'BEGIN {
      printf "%-20s %14.2f %22.2f   (wanted: at least 0.50, at most 2.00)\n", "canvass / wrk", r2 / r1, c2 / c1
      exit !(r2 / r1 >= 0.5 && c2 / c1 <= 2) }'
}

waiting_people() {
  cat >"$dir/wait.toml" <<'TOML'
name = "waiting"
[[step]]
name = "first"
path = "/"
[[step]]
name = "after a long think"
path = "/healthz"
think = "20s"
TOML
  "$binary" rehearse run "$dir/wait.toml" --target "http://127.0.0.1:$port" --arrivals "$((people / 10))/s" --for 10s \
    --quiet --json "$dir/wait.json" >"$dir/wait.log" || true
  sed -E 's/.*"most_people":([0-9]+),"most_in_flight":([0-9]+),"most_memory":([0-9]+).*/\1 \3/' "$dir/wait.json" |
    awk -v wanted="$people" '{
      printf "\n%d people at once, thinking, each with a connection: %.0f MB in the generator (wanted: under 400)\n", $1, $2 / 1e6
      exit !($1 >= wanted * 0.99 && $2 < 400e6) }'
}

finish() {
  [ -z "${up_pid:-}" ] || { kill -TERM "$up_pid" 2>/dev/null && wait "$up_pid" || true; }
  rm -rf "$dir"
}

main "$@"
