"""What more threads cost and bring: processor time a transaction, and throughput where there are cores for it."""

import os

from report import median, ratio, spread
from throughput import CPU_AT_MOST, runs_in_turn

CLIENTS = 128
# PostgreSQL, pgbench and the pooler share the cores: below this a second pooler thread only takes from the others.
MULTI_CORE = 6
COLUMNS = [("canvass", 28), ("tx/s", 10), ("spread", 9), ("p99 ms", 9), ("CPU µs", 9), ("of one's", 10)]


def threads(bench):
    report = bench.report
    report.heading(
        f"Threads: pgbench -S, {CLIENTS} clients; medians of {bench.rounds} runs of {bench.seconds} s, in turn"
    )
    table = report.table(COLUMNS)
    counts = [1, 2] + [n for n in (4, 8, 16) if n <= os.cpu_count() // 2 and os.cpu_count() >= MULTI_CORE]
    for protocol in ("simple", "extended"):
        compare(bench, table, protocol, counts)
    table.end()
    for row in report.figures["threads"]:
        if row["threads"] == 2:
            report.judge(
                row["cpu_ratio"] <= CPU_AT_MOST, f"{row['protocol']}: CPU with two threads at most {CPU_AT_MOST}x one's"
            )
    if os.cpu_count() < MULTI_CORE:
        report.note(f"No multi-core table: this machine has {os.cpu_count()} cores, and it takes {MULTI_CORE}.")


def compare(bench, table, protocol, counts):
    started = [bench.canvass(canvass={"threads": count}) for count in counts]
    names = [f"{protocol}, {count} thread{'s' * (count > 1)}" for count in counts]
    if os.cpu_count() >= MULTI_CORE:
        started.append(bench.pgbouncer())
        names.append(f"{protocol}, pgbouncer")
    entered = []
    try:
        for pooler in started:
            entered.append(pooler.__enter__())
        measured = runs_in_turn(bench, entered, ["-S", "-M", protocol], CLIENTS)
    finally:
        for pooler in entered:
            pooler.__exit__()
    one = median(measured[0], "cpu_us")
    for name, count, runs in zip(names, [*counts, 0], measured):
        cpu = median(runs, "cpu_us")
        table.row(name, median(runs, "tps"), spread(runs, "tps"), median(runs, "p99"), cpu, ratio(cpu / one))
        row = {"protocol": protocol, "threads": count, "cpu_ratio": cpu / one, "runs": [vars(run) for run in runs]}
        bench.report.keep("threads", row)
