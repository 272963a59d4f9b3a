"""Writes that arrive at a rate of their own, whatever the pooler does: latency counts from when each was due."""

from measure import pgbench
from report import median, percent, ratio
from throughput import runs_in_turn

# More clients than the pool has connections, as an application has.
CLIENTS = 200
# Of what pgbouncer can take without a rate: low enough for queues to empty, high enough for them to form.
SHARES = (0.3, 0.6)
ROUNDS = 3
# A statewide survey's page: a row of about 500 bytes, committed.
SCRIPT = """\\set respondent random(1, 1000000)
\\set page random(1, 30)
INSERT INTO page (respondent, page, answers) VALUES (:respondent, :page, repeat('answer; ', 60));
"""
TABLE = """DROP TABLE IF EXISTS page;
CREATE TABLE page (id bigserial PRIMARY KEY, respondent int NOT NULL, page int NOT NULL, answers text NOT NULL,
                   at timestamptz NOT NULL DEFAULT now())"""
COLUMNS = [
    ("rate", 18),
    ("pooler", 10),
    ("tx/s", 8),
    ("p50 ms", 9),
    ("p99 ms", 9),
    ("p999 ms", 9),
    ("late ms", 9),
    ("else", 6),
]


def open_loop(bench):
    report, postgres = bench.report, bench.postgres
    seconds = bench.seconds * 2
    report.heading(f"Writes that arrive on schedule: {CLIENTS} clients; medians of {ROUNDS} runs of {seconds} s")
    report.note("Latency from when the write was due; late: how much of it is waiting for a client.")
    postgres.sql(TABLE)
    script = f"{bench.directory}/insert.sql"
    with open(script, "w") as file:
        file.write(SCRIPT)
    with bench.pgbouncer() as pgbouncer, bench.canvass() as canvass:
        full = pgbench(postgres, pgbouncer, bench.directory, bench.seconds, CLIENTS, ["-f", script]).tps
        report.note(f"Without a schedule pgbouncer takes {full:.0f} a second.")
        table = report.table(COLUMNS)
        verdicts = [
            at_rate(bench, table, script, int(full * share), share, seconds, [pgbouncer, canvass]) for share in SHARES
        ]
        table.end()
    for words, p99 in verdicts:
        report.note(f"p99 at {words}: {ratio(p99)} of pgbouncer's")


def at_rate(bench, table, script, rate, share, seconds, poolers):
    arguments = ["-f", script, "--rate", str(rate)]
    runs = runs_in_turn(bench, poolers, arguments, CLIENTS, seconds, ROUNDS)
    words = f"{rate}/s ({percent(share)})"
    for pooler, of_it in zip(poolers, runs):
        table.row(
            words, pooler.name, *(median(of_it, name) for name in ("tps", "p50", "p99", "p999", "lag_ms")),
            percent(max(run.others for run in of_it)),
        )  # fmt: skip
        row = {"rate": rate, "pooler": pooler.name, "runs": [vars(run) for run in of_it]}
        bench.report.keep("open_loop", row)
    return words, median(runs[1], "p99") / median(runs[0], "p99")
