"""Prepared statements: pgbouncer 1.18 has them in session mode alone, so that is where the two are compared."""

from report import median, ratio, spread
from throughput import CELL_AT_LEAST, CPU_AT_MOST, runs_in_turn

# In session mode a client keeps its server connection: no more of them than the pool has.
SESSION_CLIENTS = (1, 16)
TRANSACTION_CLIENTS = (1, 16, 128)
COLUMNS = [
    ("pgbench -S -M", 24),
    ("tx/s", 8),
    ("canvass", 9),
    ("ratio", 7),
    ("spread", 9),
    ("p99", 7),
    ("CPU", 6),
    ("ratio", 7),
]


def prepared(bench):
    report = bench.report
    report.heading(f"Prepared statements; medians of {bench.rounds} runs of {bench.seconds} s")
    table = report.table(COLUMNS)
    slower, dearer = [], []
    with bench.pgbouncer(pool_mode="session") as pgbouncer, bench.canvass(pool_mode="session") as canvass:
        for clients in SESSION_CLIENTS:
            theirs, ours = runs_in_turn(bench, [pgbouncer, canvass], ["-S", "-M", "prepared"], clients)
            cell = f"prepared, session/{clients}"
            tps, cpu = (median(ours, name) / median(theirs, name) for name in ("tps", "cpu_us"))
            if tps < CELL_AT_LEAST:
                slower.append(f"{cell} {ratio(tps)}")
            if cpu > CPU_AT_MOST:
                dearer.append(f"{cell} {ratio(cpu)}")
            table.row(
                cell, median(theirs, "tps"), median(ours, "tps"), ratio(tps), f"{spread(theirs, 'tps')}{spread(ours, 'tps')}",
                ratio(median(ours, "p99") / median(theirs, "p99")), median(ours, "cpu_us"), ratio(cpu),
            )  # fmt: skip
            report.keep(
                "prepared", {"cell": cell, "pgbouncer": [vars(r) for r in theirs], "canvass": [vars(r) for r in ours]}
            )
    alone(bench, table)
    table.end()
    report.judge(
        not slower,
        f"throughput at least {CELL_AT_LEAST}x in session mode" + (f": {', '.join(slower)}" if slower else ""),
    )
    report.judge(
        not dearer,
        f"CPU a transaction at most {CPU_AT_MOST}x in session mode" + (f": {', '.join(dearer)}" if dearer else ""),
    )


def alone(bench, table):
    """In transaction mode pgbouncer 1.18 answers that the statement does not exist: canvass beside its own extended."""
    with bench.canvass() as canvass:
        for protocol in ("extended", "prepared"):
            for clients in TRANSACTION_CLIENTS:
                (runs,) = runs_in_turn(bench, [canvass], ["-S", "-M", protocol], clients)
                table.row(
                    f"{protocol}, transaction/{clients}", "-", median(runs, "tps"), "-", spread(runs, "tps"),
                    f"{median(runs, 'p99'):.1f}ms", median(runs, "cpu_us"), "-",
                )  # fmt: skip
                bench.report.keep(
                    "prepared", {"cell": f"{protocol}, transaction/{clients}", "canvass": [vars(r) for r in runs]}
                )
