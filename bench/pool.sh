#!/usr/bin/env bash
# `canvass pool` beside Debian's pgbouncer: the same ini file, the same private PostgreSQL, the same pgbench, in turn.
# Prints tables and a verdict, and writes them to POOL_OUT as report.md and report.json. Exits 1 when a bound is broken.
#
#   bench/pool.sh [PART…]    throughput prepared threads open-loop   (these four unless others are named)
#                            memory churn                            (long: 10,000 idle clients, a million logins)
#
#   POOL_CELLS=…             only these cells of `throughput`, by pattern: 'S/simple/128 N/*/1'
#   POOL_ROUNDS=5            runs of each pooler in a cell, in turn      POOL_SECONDS=5    length of each run
#   POOL_BINARY=…            a canvass that is built already; with pgbouncer here, it is measured against itself,
#                            which shows how far apart two runs of the same thing are on this machine
#   POOL_SERVER=tcp          how the poolers reach PostgreSQL: tcp (loopback) or unix
#   POOL_IDLE=10000          idle clients of `memory`
#   POOL_CHURN=1000000       connections of `churn` on a Unix socket      POOL_CHURN_TLS=20000    with TLS and SCRAM
#   POOL_OUT=target/bench-pool   where report and logs are kept
set -euo pipefail
cd "$(dirname "$0")/.."

readonly build_limit=1800
fail() { echo "bench: $*" >&2; exit 1; }

for tool in python3 openssl; do
  command -v $tool >/dev/null || fail "$tool is missing: apt-get install $tool"
done
PATH=$PATH:/usr/sbin # where Debian keeps pgbouncer
command -v pgbouncer >/dev/null || fail "pgbouncer is missing: script/setup bench"

if [ -z "${POOL_BINARY:-}" ]; then
  timeout $build_limit cargo build --release --locked --package canvass
fi
ulimit -n "$(ulimit -Hn)"
export PYTHONDONTWRITEBYTECODE=1
exec python3 bench/pool/main.py "$@"
