#!/usr/bin/env bash
# `canvass logs` beside Debian's pgbadger: logs that a private PostgreSQL writes under pgbench, read by both.
# Prints MB/s, processor time and memory with a verdict. Exits 1 when a bound is broken.
#
#   bench/logs.sh [PART…]      speed badger memory cost    (all unless others are named)
#
#   LOGS_MB=256                least size of each log that is made, MB
#   LOGS_BADGER_MB=24          how much of it pgbadger reads, MB (at about 1 MB/s)
#   LOGS_ROUNDS=5              runs of each, in turn
#   LOGS_BINARY=…              a canvass that is built already
set -euo pipefail
cd "$(dirname "$0")/.."

readonly build_limit=1800
fail() { echo "bench: $*" >&2; exit 1; }

command -v python3 >/dev/null || fail "python3 is missing: script/setup bench-logs"
command -v pgbadger >/dev/null || fail "pgbadger is missing: script/setup bench-logs"
if [ -z "${LOGS_BINARY:-}" ]; then
  timeout $build_limit cargo build --release --locked --package canvass
fi
export PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH="bench/pool${PYTHONPATH:+:$PYTHONPATH}"
exec python3 bench/logs/main.py "$@"
