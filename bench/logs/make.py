"""Logs to read, as a PostgreSQL of this run's own writes them."""

import os

from stand import DATABASE, Postgres, own, unprivileged  # noqa: F401

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


def postgres(directory):
    logs = f"{directory}/log"
    os.makedirs(logs, exist_ok=True)
    own(logs)
    return Postgres(directory, directory, {**SETTINGS, "log_directory": logs}), logs


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
