#!/usr/bin/env bash
# Rehearses the whole day (rehearsals/statewide.toml) against a `canvass up` of its own: generator, serve and PostgreSQL
# together on this machine. Prints survey takers per hour, counted in PostgreSQL: the submissions committed in a window in
# which as many people leave as arrive. A survey taker is entry, questionnaire, 30 saved pages and a submission.
#
#   REHEARSE_RATE=278        people who arrive a second (278 are a million an hour)
#   REHEARSE_WINDOW=180      seconds that are counted
#   REHEARSE_PREFILL=0       saves that the tables hold before the first person comes
#   REHEARSE_OUT=rehearsal-report   where report, figures and logs are kept
#   REHEARSE_BINARY=…        a canvass that is built already
#   REHEARSE_DIR=…           where the data go; kept then (default: a temporary directory, removed at the end)
#   REHEARSE_PORT=18090      first of a few ports on loopback
#
# Nobody's day is cut short: people arrive until the window ends and then finish, so it takes about WINDOW + 3 minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

rate=${REHEARSE_RATE:-278}
window=${REHEARSE_WINDOW:-180}
prefill=${REHEARSE_PREFILL:-0}
out=${REHEARSE_OUT:-rehearsal-report}
binary=${REHEARSE_BINARY:-target/release/canvass}
port=${REHEARSE_PORT:-18090}
dir=
keep=${REHEARSE_DIR:-}

# A person's way: 32 pauses of 2 s ± 50 %, so 64 s in the mean and hardly ever over 74 s.
readonly journey=64 settle=85
# The longest that what is not the window may take, in seconds.
readonly build_limit=1800 ready_limit=120 people_limit=600 prefill_limit=900 finish_limit=240 reconcile_limit=600

main() {
  check_settings
  find_tools
  build
  trap 'exit 130' INT TERM
  trap finish EXIT
  make_directories
  count_processes
  bring_up
  make_people
  [ "$prefill" -eq 0 ] || fill_tables
  rehearse
  reconcile
  print_table
}

say() { printf 'rehearse: %s\n' "$*"; }
fail() { printf 'rehearse: %s\n' "$*" >&2; exit 1; }
# Groups of three digits.
number() { printf '%.f' "$1" | sed -E ':a; s/^([0-9]+)([0-9]{3})/\1,\2/; ta'; }

check_settings() {
  local name
  for name in rate window prefill port; do
    [[ ${!name} =~ ^[0-9]+$ ]] || fail "REHEARSE_${name^^}=${!name}: a whole number is wanted"
  done
  [ "$rate" -gt 0 ] && [ "$window" -gt 0 ] || fail "REHEARSE_RATE and REHEARSE_WINDOW must be more than 0"
}

find_tools() {
  local bin
  for bin in ${PATH//:/ } "$(pg_config --bindir 2>/dev/null || true)" /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do
    [ ! -x "$bin/psql" ] || psql=$bin/psql
  done
  [ -n "${psql:-}" ] || fail "psql is missing: apt-get install postgresql-client"
  command -v curl >/dev/null || fail "curl is missing: apt-get install curl"
}

build() {
  if [ -z "${REHEARSE_BINARY:-}" ]; then
    timeout $build_limit cargo build --release --locked --package canvass
  fi
  [ -x "$binary" ] || fail "$binary: no such program"
  binary=$(realpath "$binary")
}

make_directories() {
  dir=${keep:-$(mktemp -d /tmp/canvass-rehearsal.XXXXXX)}
  mkdir -p "$dir" "$out"
  chmod 755 "$dir" # PostgreSQL and serve run as somebody else when this runs as root
  out=$(realpath "$out")
  rm -f "$out"/report*.html "$out"/report*.json "$out"/*.log "$out"/summary.txt
}

# Every person has a connection, and a process may open only so many files. With too many people for one pair of
# generator and serve there are several, each with its share of the people, of the cores and of the work.
count_processes() {
  ulimit -n "$(ulimit -Hn)"
  local at_once=$((rate * journey * 11 / 10)) room=$(($(ulimit -n) - 500))
  [ "$room" -gt 500 ] || fail "only $(ulimit -n) open files are allowed: raise \`ulimit -n\`"
  processes=$(((at_once + room - 1) / room))
  workers=0
  if [ "$processes" -gt 1 ]; then
    workers=$((($(nproc) + processes - 1) / processes))
    say "$at_once people at once, but $(ulimit -n) open files a process: $processes generators and serves"
  fi
}

bring_up() {
  say "starting canvass up in $dir/data"
  export CANVASS_WEB_METRICS_LISTEN="" CANVASS_WEB_MAX_CONNECTIONS=100000 CANVASS_WEB_WORKERS=$workers
  CANVASS_UP_POOL_LISTEN= "$binary" up --data "$dir/data" --listen "127.0.0.1:$port" >"$out/up.log" 2>&1 &
  up_pid=$!
  wait_ready "$up_pid" "$port" "$out/up.log"
  database=$(cat "$dir/data/secrets/database-url")
  wave=$(cli wave create --survey rehearsals/statewide.yaml --name statewide --closes 2099-12-31 |
    sed -n 's/^Wave \([0-9]*\) .*/\1/p')
  serve_pids=("$(tr -cs 0-9 '\n' <"$dir/data/run/serve.pid" | sed -n '/./{p;q}')")
  local i
  for ((i = 1; i < processes; i++)); do
    "$binary" serve --data "$dir/data" --listen "127.0.0.1:$((port + i))" >"$out/serve-$i.log" 2>&1 &
    serve_pids+=($!)
    own_serves+=($!)
    wait_ready "$!" "$((port + i))" "$out/serve-$i.log"
  done
  postmaster=$(head -1 "$dir/data/postgres/postmaster.pid")
}

wait_ready() { # process, port, log
  local until=$((SECONDS + ready_limit))
  until curl -sf -o "$dir/ready" "http://127.0.0.1:$2/readyz"; do
    kill -0 "$1" 2>/dev/null || { cat "$3" >&2; fail "canvass has ended"; }
    [ $SECONDS -lt $until ] || fail "not ready within $ready_limit s: see $3"
    sleep 0.1
  done
}

cli() { "$binary" "$@" --data "$dir/data"; }
sql() { "$psql" "$database" -XqAtv ON_ERROR_STOP=1 -c "$1"; }

# Everybody who will arrive, and a twentieth more: pupil-000001 and so on, 500 to a school.
make_people() {
  local people=$((rate * (settle + window + 5) * 21 / 20)) began=$SECONDS i
  awk -v people=$people 'BEGIN {
    print "person,unit"
    for (i = 1; i <= people; i++) printf "pupil-%07d,School %d\n", i, 1 + int((i - 1) / 500)
  }' >"$dir/roster.csv"
  rm -f "$dir/sheet.csv"
  (umask 077 && timeout $people_limit "$binary" codes --data "$dir/data" --wave "$wave" --people "$dir/roster.csv" \
    --csv --out "$dir/sheet.csv")
  for ((i = 0; i < processes; i++)); do
    (umask 077 && awk -F, -v part="$i" -v parts="$processes" '
      NR == 1 { print "pupil,code"; next }
      NR % parts == part { print $1 "," $4 }' "$dir/sheet.csv" >"$dir/people-$i.csv")
  done
  say "$(number $people) people with codes in $((SECONDS - began)) s"
}

fill_tables() {
  local began=$SECONDS
  timeout $prefill_limit "$psql" "$database" -X -v wave="$wave" -v saves="$prefill" -f rehearsals/prefill.sql
  # Only a superuser may ask for a checkpoint; PostgreSQL 15 and newer have a role for it.
  timeout $prefill_limit "$psql" "$(superuser)" -XqAtc CHECKPOINT
  held=$(sql "SELECT count(*) FROM wave_$wave.save")
  say "$(number "$held") saves of earlier days in $((SECONDS - began)) s"
}

rehearse() {
  local i share started
  for ((i = 0; i < processes; i++)); do
    share=$((rate / processes + (i < rate % processes)))
    timeout $((settle + window + finish_limit)) "$binary" rehearse run rehearsals/statewide.toml \
      --target "http://127.0.0.1:$((port + i))" --data "$dir/people-$i.csv" \
      --arrivals "$share/s" --for "$((settle + window))s" --acknowledged "$dir/acknowledged-$i.ndjson" \
      --report "$out/report$(suffix "$i").html" --json "$out/report$(suffix "$i").json" >"$out/generator-$i.log" 2>&1 &
    generators+=($!)
  done
  say "$rate people a second are arriving; the window begins in $settle s"
  pause $settle
  snapshot before
  pause "$window"
  snapshot after
  say "the window of $window s is over; those on their way finish"
  generators_failed=0
  for i in "${!generators[@]}"; do
    wait "${generators[$i]}" || generators_failed=1
  done
  generators=()
  [ $generators_failed -eq 0 ] || tail -n 15 "$out"/generator-*.log >&2
}

suffix() { [ "$processes" -eq 1 ] || printf -- '-%d' "$1"; }

# Sleeps, and looks every second that everybody is still there.
pause() {
  local until=$((SECONDS + $1)) pid
  while [ $SECONDS -lt $until ]; do
    for pid in "${generators[@]}" "${serve_pids[@]}" "$up_pid"; do
      kill -0 "$pid" 2>/dev/null || { tail -n 15 "$out"/*.log >&2; fail "process $pid ended too early"; }
    done
    sleep 1
  done
}

# The clock and the processor time used so far, as before_… and after_… variables.
snapshot() {
  printf -v "$1_us" '%s' "$(date +%s%6N)"
  printf -v "$1_serve" '%s' "$(ticks "${serve_pids[@]}")"
  printf -v "$1_postgres" '%s' "$(postgres_ticks)"
  # shellcheck disable=SC2046 # process ids
  printf -v "$1_generator" '%s' "$(ticks $(descendants "${generators[@]}"))"
  printf -v "$1_idle" '%s' "$(awk '/^cpu / { print $5 + $6; exit }' /proc/stat)"
  printf -v "$1_stolen" '%s' "$(awk '/^cpu / { print $9; exit }' /proc/stat)"
}

stat_fields() { for pid in "$@"; do cat "/proc/$pid/stat" 2>/dev/null || true; done | sed 's/.*) //'; }
ticks() { stat_fields "$@" | awk '{ s += $12 + $13 } END { print s + 0 }'; }
# The postmaster's own, its children's, and that of children that have ended.
postgres_ticks() {
  local own children
  own=$(stat_fields "$postmaster" | awk '{ print $12 + $13 + $14 + $15 }')
  # shellcheck disable=SC2046 # process ids
  children=$(ticks $(cat "/proc/$postmaster/task/$postmaster/children"))
  echo $((own + children))
}
descendants() {
  local pid
  for pid in "$@"; do
    echo "$pid"
    # shellcheck disable=SC2046 # process ids
    descendants $(cat "/proc/$pid/task/$pid/children" 2>/dev/null || true)
  done
}

# Compares every acknowledgement that the generators wrote with what the database holds.
reconcile() {
  local began=$SECONDS
  cat "$dir"/acknowledged-*.ndjson >"$dir/acknowledged.ndjson"
  timeout $reconcile_limit "$psql" "$database" -X --csv -v wave="$wave" -f rehearsals/statewide.sql >"$dir/held.csv"
  compare facts --no-extra
  compare answers --step "script / save" --compare answers
  say "reconciled in $((SECONDS - began)) s"
}

compare() { # name, further options
  timeout $reconcile_limit "$binary" rehearse reconcile --acknowledged "$dir/acknowledged.ndjson" --csv "$dir/held.csv" \
    --key fact,pupil,stamp,page --json "${@:2}" >"$out/reconcile-$1.json" || true
  [ -s "$out/reconcile-$1.json" ] || fail "reconcile has failed"
}

# A value in a JSON file: PostgreSQL reads it, so nothing else is needed for it.
value() { # file, path such as {overall,from_due,p99}
  "$psql" "$database" -XqAt <<SQL
\set json \`cat "$1"\`
SELECT :'json'::jsonb #>> '$2'
SQL
}

# The largest value among the generators' reports, or with `sum` their sum.
over_all() { # path, max or sum
  local i
  for ((i = 0; i < processes; i++)); do
    value "$out/report$(suffix "$i").json" "$1"
  done | awk -v how="$2" '{ sum += $1; if ($1 > most) most = $1 } END { printf "%.0f\n", how == "sum" ? sum : most }'
}

milliseconds() { awk -v us="$1" 'BEGIN { printf "%.1f ms", us / 1000 }'; }

print_table() {
  local within submissions saves takers valid lost doubled different extra failures
  # What was committed in the window, by PostgreSQL's own clock.
  within="received_at >= to_timestamp($before_us / 1e6) AND received_at < to_timestamp($after_us / 1e6)"
  submissions=$(sql "SELECT count(*) FROM wave_$wave.submission WHERE $within")
  saves=$(sql "SELECT count(*) FROM wave_$wave.save WHERE $within")
  takers=$(awk -v n="$submissions" -v us=$((after_us - before_us)) 'BEGIN { printf "%.0f", n * 3600e6 / us }')
  lost=$(value "$out/reconcile-facts.json" '{lost,count}')
  doubled=$(value "$out/reconcile-facts.json" '{doubled,count}')
  extra=$(value "$out/reconcile-facts.json" '{extra,count}')
  different=$(value "$out/reconcile-answers.json" '{different,count}')
  failures=$(over_all '{overall,failures}' sum)
  valid=yes
  local i
  for ((i = 0; i < processes; i++)); do
    [ "$(value "$out/report$(suffix "$i").json" '{verdict,valid}')" = true ] || valid="NO: see generator-$i.log"
  done
  {
    printf '\n'
    line "survey takers per hour" "$(number "$takers")" "$(number "$submissions") submissions in $(((after_us - before_us) / 1000000)) s"
    line "page-saves a second" "$(number $((saves * 1000000 / (after_us - before_us))))" "${held:-0} were there before"
    line "people at once" "$(number "$(over_all '{generator,most_people}' sum)")" "$rate arrive a second; $processes generator(s), serve(s)"
    line "latency p50" "$(milliseconds "$(over_all '{overall,from_due,p50}' max)")" "every request of the run, from when it was due"
    line "latency p99" "$(milliseconds "$(over_all '{overall,from_due,p99}' max)")"
    line "acknowledged" "$(number "$(value "$out/reconcile-facts.json" '{acknowledged_keys}')")" "saves and submissions"
    line "lost" "$lost" "acknowledged, and not in the database"
    line "doubled" "$doubled" "in the database twice"
    line "changed" "$different" "answers that are not as they were sent"
    line "not acknowledged" "$extra" "in the database, but nobody was told"
    line "failed requests" "$failures"
    line "generator in time" "$valid"
    processor_lines "$submissions"
    line "machine" "$(nproc) cores" "$(awk '/MemTotal/ { printf "%.0f GB", $2 / 1e6 }' /proc/meminfo), $("$psql" --version | sed 's/.*) \([0-9.]*\).*/PostgreSQL \1/')"
    printf '\nReport: %s\n' "$out/report$(suffix 0).html"
  } | tee "$out/summary.txt"
  [ "$lost" = 0 ] && [ "$doubled" = 0 ] && [ "$different" = 0 ] && [ "$valid" = yes ] ||
    fail "the rehearsal does not count: see above"
}

line() { printf '%-24s %12s   %s\n' "$1" "$2" "${3:-}"; }

# Who used how much of the processors during the window, and for how long for each survey taker.
processor_lines() { # submissions
  local name used
  for name in serve postgres generator; do
    used=$(($(after $name) - $(before $name)))
    line "processor: $name" "$(share "$used")" "$(awk -v t="$used" -v hz="$(getconf CLK_TCK)" -v n="$1" \
      'BEGIN { printf "%.0f µs a survey taker", n ? t * 1e6 / hz / n : 0 }')"
  done
  line "processor: idle" "$(share $(($(after idle) - $(before idle))))"
  line "processor: stolen" "$(share $(($(after stolen) - $(before stolen))))" "by the machine underneath"
}
before() { local name=before_$1; echo "${!name}"; }
after() { local name=after_$1; echo "${!name}"; }
share() {
  awk -v t="$1" -v hz="$(getconf CLK_TCK)" -v us=$((after_us - before_us)) -v cores="$(nproc)" \
    'BEGIN { printf "%.1f %%", 100 * t / hz / (us / 1e6) / cores }'
}

superuser() { sed "s|//[^@]*@|//canvass_admin:$(cat "$dir/data/secrets/canvass_admin")@|" <<<"$database"; }

# Ends what was started here, in order: arrivals, further serves, `canvass up`. Each gets the time that it needs.
finish() {
  local pid
  for pid in "${generators[@]}" "${own_serves[@]}" ${up_pid:+"$up_pid"}; do
    kill -TERM "$pid" 2>/dev/null || continue
    wait "$pid" || true
  done
  if [ -z "$keep" ] && [ -n "$dir" ]; then
    rm -rf "$dir"
  fi
}

generators=() own_serves=() serve_pids=() up_pid=
main "$@"
