"""Logs to read, as a PostgreSQL of this run's own writes them, and what writing them costs it."""

import os
import re

from stand import DATABASE, Failed, Postgres, own

SETTINGS = {
    "logging_collector": "on",
    "log_destination": "stderr,csvlog",
    "log_filename": "pg.log",
    "log_rotation_size": "0",
    "log_rotation_age": "0",
    "log_line_prefix": "%m [%p] %quser=%u,db=%d,app=%a,client=%h ",
    "log_min_duration_statement": "0",
    "log_connections": "on",
    "log_disconnections": "on",
    "log_checkpoints": "on",
    "log_autovacuum_min_duration": "0",
    "fsync": "off",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
}
STATEMENTS = 5000


def postgres(directory, **settings):
    logs = f"{directory}/log"
    os.makedirs(logs, exist_ok=True)
    own(logs)
    return Postgres(directory, directory, {**SETTINGS, "log_directory": logs, **settings}), logs


def pgbench(server, *arguments):
    server.run("pgbench", *server.where(), "-n", "-c", "4", "-j", "2", *arguments, DATABASE)


def logs_of_pgbench(directory, size):
    """Paths of a stderr log and a csvlog of at least `size` bytes each, of pgbench's three protocols."""
    place = f"{directory}/pgbench"
    os.mkdir(place)
    own(place)
    server, logs = postgres(place)
    paths = {"stderr": f"{logs}/pg.log", "csvlog": f"{logs}/pg.csv"}
    with server:
        server.create_database(DATABASE)
        server.run("pgbench", *server.where(), "-i", "-s", "5", "-q", DATABASE)
        while min(os.path.getsize(path) for path in paths.values()) < size:
            for protocol in ("simple", "extended", "prepared"):
                pgbench(server, "-M", protocol, "-T", "4")
    return paths


def log_of_many_statements(directory):
    """A stderr log of 5,000 distinct statements, each some times."""
    place = f"{directory}/many"
    os.mkdir(place)
    own(place)
    script = f"{place}/many.sql"
    with open(script, "w") as file:
        # The name of the column makes it another statement, its value does not.
        file.write(f"\\set n random(1, {STATEMENTS})\n\\set value random(1, 1000000)\nSELECT :value AS column_:n;\n")
    own(script)
    server, logs = postgres(place)
    with server:
        server.create_database(DATABASE)
        pgbench(server, "-f", script, "-t", "50000")
    return f"{logs}/pg.log"


def writes(directory, ways, rounds, seconds):
    """Runs of pgbench that insert rows of about 500 bytes, with each way of logging in turn: transactions a second,
    PostgreSQL's processor time in µs and bytes of log a transaction."""
    place = f"{directory}/writes"
    os.mkdir(place)
    own(place)
    script = f"{place}/insert.sql"
    with open(script, "w") as file:
        file.write("INSERT INTO page (answers) VALUES (repeat('answer; ', 60));\n")
    own(script)
    # As canvass up has it.
    server, logs = postgres(place, log_destination="stderr", log_min_duration_statement="-1", fsync="on")
    runs = {way: [] for way in ways}
    with server:
        server.create_database(DATABASE)
        server.sql("CREATE TABLE page (id bigserial PRIMARY KEY, answers text NOT NULL)")
        for _ in range(rounds):
            for way, options in ways.items():
                server.sql("CHECKPOINT")
                os.environ["PGOPTIONS"] = options
                size, cpu = os.path.getsize(f"{logs}/pg.log"), server.cpu_seconds()
                done = server.run(
                    "pgbench", *server.where(), "-n", "-c", "8", "-j", "2", "-M", "prepared", "-T", str(seconds),
                    "-f", script, DATABASE,
                )  # fmt: skip
                del os.environ["PGOPTIONS"]
                said = done.stdout
                tps = re.search(r"tps = ([0-9.]+)", said)
                count = re.search(r"actually processed: ([0-9]+)", said)
                if not tps or not count:
                    raise Failed(f"pgbench said: {said}")
                transactions = int(count[1])
                runs[way].append({
                    "tps": float(tps[1]),
                    "cpu": (server.cpu_seconds() - cpu) * 1e6 / transactions,
                    "bytes": (os.path.getsize(f"{logs}/pg.log") - size) / transactions,
                })  # fmt: skip
    return runs
