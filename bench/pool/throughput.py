"""The cells of the bench: how much of pgbouncer's throughput, latency and processor time."""

from fnmatch import fnmatchcase

from measure import pgbench
from report import geometric_mean, median, percent, ratio, spread

# The bounds, canvass over pgbouncer.
CELL_AT_LEAST, MEAN_AT_LEAST, P99_AT_MOST, CPU_AT_MOST = 0.97, 1.0, 1.1, 1.1
# Opens the pool's server connections, and lets caches fill, before anything counts.
WARM_UP_SECONDS = 1

CELLS = [
    f"{work}/{protocol}/{clients}"
    for work in "SN"
    for protocol in ("simple", "extended")
    for clients in (1, 16, 128, 1000)
]


def arguments_of(cell):
    """pgbench's options and its number of clients."""
    work, protocol, clients = cell.split("/")
    return [f"-{work}", "-M", protocol], int(clients)


def runs_in_turn(bench, poolers, arguments, clients, seconds=None, rounds=None):
    """Runs of each pooler: A, B, A, B…, because the machine's speed drifts. A list of runs for each."""
    seconds = seconds or bench.seconds
    if "-N" in arguments:
        for tidy in ("VACUUM (ANALYZE) pgbench_accounts", "TRUNCATE pgbench_history", "CHECKPOINT"):
            bench.postgres.sql(tidy)
    for pooler in poolers:
        pgbench(bench.postgres, pooler, bench.directory, WARM_UP_SECONDS, clients, arguments)
    runs = [[] for _ in poolers]
    for _ in range(rounds or bench.rounds):
        for pooler, of_it in zip(poolers, runs):
            of_it.append(pgbench(bench.postgres, pooler, bench.directory, seconds, clients, arguments))
    return runs


COLUMNS = [("cell", 15), ("tx/s", 6), ("canvass", 8), ("ratio", 6), ("spread", 9), ("p50", 6), ("p99", 6), ("CPU", 5),
           ("canvass", 8), ("ratio", 6), ("else", 5)]  # fmt: skip


def throughput(bench):
    cells = [cell for cell in CELLS if any(fnmatchcase(cell, pattern) for pattern in bench.cells)]
    if not cells:
        raise SystemExit(f"bench: POOL_CELLS={' '.join(bench.cells)}: no such cell; they are {' '.join(CELLS)}")
    report = bench.report
    report.heading(f"Transaction mode, pool of 20; medians of {bench.rounds} runs of {bench.seconds} s, in turn")
    report.note("tx/s, and CPU (µs of the pooler a transaction): pgbouncer, canvass, ratio.")
    report.note("p50, p99: ratio. spread: half the range, of each. else: what other processes")
    report.note("of this machine used of it in the worst run; above some percent, measure again.")
    with bench.pgbouncer() as pgbouncer, bench.canvass() as canvass:
        table = report.table(COLUMNS)
        rows = [compare(bench, table, cell, pgbouncer, canvass) for cell in cells]
        table.end()
    verdict(report, rows)


def compare(bench, table, cell, pgbouncer, canvass):
    theirs, ours = runs_in_turn(bench, [pgbouncer, canvass], *arguments_of(cell))
    row = {"cell": cell}
    for name in ("tps", "p50", "p99", "cpu_us"):
        row[name] = {"pgbouncer": median(theirs, name), "canvass": median(ours, name)}
        row[name]["ratio"] = row[name]["canvass"] / row[name]["pgbouncer"] if row[name]["pgbouncer"] else float("nan")
    row["runs"] = {"pgbouncer": [vars(run) for run in theirs], "canvass": [vars(run) for run in ours]}
    bench.report.keep("throughput", row)
    table.row(
        cell, row["tps"]["pgbouncer"], row["tps"]["canvass"], ratio(row["tps"]["ratio"]),
        f"{spread(theirs, 'tps')}{spread(ours, 'tps')}", ratio(row["p50"]["ratio"]), ratio(row["p99"]["ratio"]),
        row["cpu_us"]["pgbouncer"], row["cpu_us"]["canvass"], ratio(row["cpu_us"]["ratio"]),
        percent(max(run.others for run in theirs + ours)),
    )  # fmt: skip
    return row


def verdict(report, rows):
    def those(name, breaks):
        return [f"{row['cell']} {ratio(row[name]['ratio'])}" for row in rows if breaks(row[name]["ratio"])]

    for name, words, breaks in (
        ("tps", f"throughput at least {CELL_AT_LEAST}x in each cell", lambda r: r < CELL_AT_LEAST),
        ("p99", f"p99 at most {P99_AT_MOST}x in each cell", lambda r: r > P99_AT_MOST),
        ("cpu_us", f"CPU a transaction at most {CPU_AT_MOST}x in each cell", lambda r: r > CPU_AT_MOST),
    ):
        found = those(name, breaks)
        report.judge(not found, words + (f": {', '.join(found)}" if found else ""))
    mean = geometric_mean([row["tps"]["ratio"] for row in rows])
    report.judge(mean >= MEAN_AT_LEAST, f"geometric mean of throughput at least {MEAN_AT_LEAST}x: {mean:.3f}x")
    report.figures["geometric_mean"] = mean
