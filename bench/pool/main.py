"""See bench/pool.sh, which starts this."""

import os
import shutil
import signal
import sys
from pathlib import Path

from memory import churn, memory
from open_loop import open_loop
from prepared import prepared
from report import Report
from stand import DATABASE, Failed, Place, Pooler, Postgres, is_pgbouncer, own
from threads import threads
from throughput import throughput

PARTS = {
    "throughput": throughput, "prepared": prepared, "threads": threads, "open-loop": open_loop,
    "memory": memory, "churn": churn,
}  # fmt: skip
USUAL = ["throughput", "prepared", "threads", "open-loop"]
SCALE = 10
# As a production server commits: fsync on. Autovacuum is off, because a vacuum in the middle of one pooler's turn would
# count against that pooler; tables are vacuumed between cells.
SETTINGS = {
    "max_connections": 120,
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "autovacuum": "off",
}


class Bench:
    """What every part needs: settings, the database, and ways to start each pooler."""

    def __init__(self, directory, report, postgres):
        self.directory, self.report, self.postgres = directory, report, postgres
        self.rounds = whole("POOL_ROUNDS", 5)
        self.seconds = whole("POOL_SECONDS", 5)
        self.idle = whole("POOL_IDLE", 10_000)
        self.churn = whole("POOL_CHURN", 1_000_000)
        self.churn_tls = whole("POOL_CHURN_TLS", 20_000)
        self.cells = os.environ.get("POOL_CELLS", "*").replace(",", " ").split()
        self.via = os.environ.get("POOL_SERVER", "tcp")
        self.binary = ours(directory)

    def pgbouncer(self, **settings):
        return self.pooler("pgbouncer", shutil.which("pgbouncer"), settings)

    def canvass(self, canvass=None, **settings):
        return self.pooler("canvass", self.binary, settings, canvass)

    def pooler(self, name, binary, settings, canvass=None):
        return Pooler(name, binary, self.postgres, self.directory, self.report.out, self.via, canvass, **settings)


def ours(directory):
    """Copied to where the unprivileged user may read it, and where no build replaces it while it is measured."""
    named = os.environ.get("POOL_BINARY", "target/release/canvass")
    found = shutil.which(named) or named
    if not os.access(found, os.X_OK):
        raise Failed(f"{named}: no such program")
    copy = f"{directory}/{'pgbouncer' if is_pgbouncer(found) else 'canvass'}"
    shutil.copy(found, copy)
    return copy


def whole(name, usual):
    text = os.environ.get(name, str(usual))
    if not text.isdigit() or int(text) == 0:
        raise Failed(f"{name}={text}: a whole number above 0 is wanted")
    return int(text)


def machine(bench):
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1e6
    return {
        "cores": os.cpu_count(),
        "memory": f"{memory:.0f} GB",
        "load average at the start": f"{os.getloadavg()[0]:.2f}",
        "PostgreSQL": bench.postgres.version(),
        "pgbouncer": bench.pgbouncer().version(),
        "canvass": bench.canvass().version(),
        "server connections": bench.via,
    }


def main():
    parts = sys.argv[1:] or USUAL
    for part in parts:
        if part not in PARTS:
            raise Failed(f"{part}: no such part; they are {' '.join(PARTS)}")
    report = Report(os.environ.get("POOL_OUT", "target/bench-pool"))
    own(report.out)
    for log in report.out.glob("*.log"):
        log.unlink()
    report.out = report.out.resolve()
    with Place() as directory, Postgres(directory, report.out, SETTINGS) as postgres:
        postgres.create_database(DATABASE)
        bench = Bench(directory, report, postgres)
        facts = machine(bench)
        report.say(", ".join(f"{name} {value}" for name, value in facts.items()))
        postgres.run("pgbench", *postgres.where(), "-i", "-q", "-s", str(SCALE), DATABASE)
        try:
            for part in parts:
                PARTS[part](bench)
        finally:
            report.write(facts)
    report.say(f"\nReport: {report.out}/report.md")
    if report.broken:
        raise Failed(f"{len(report.broken)} of the bounds are broken: see above")


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda n, _: sys.exit(128 + n))
    try:
        main()
    except Failed as why:
        sys.exit(f"bench: {why}")
    except KeyboardInterrupt:
        sys.exit(130)
