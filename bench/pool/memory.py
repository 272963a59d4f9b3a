"""What clients cost a pooler: memory while thousands of them wait, and memory over a great many logins."""

import subprocess
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import wire
from stand import DATABASE, PASSWORD, USER, Failed, own

# The bound for 10,000 idle clients on plain TCP.
IDLE_AT_MOST_MB = 150
# Memory counts as flat when what was added after the first fifth of the connections stays below this.
FLAT_AT_MOST_MB = 8
FLAT_AT_MOST_SHARE = 0.10
# How often memory is read while connections come and go.
READINGS = 10
# Processes that log in and leave.
WORKERS = 2
# Of the connections, how many pgbouncer gets: it is known to stay flat, and is there to be compared with.
PGBOUNCER_SHARE = 0.1

IDLE_COLUMNS = [("idle clients", 18), ("pooler", 11), ("before", 9), ("with them", 11), ("a client", 11), ("after", 9), ("logins/s", 10)]  # fmt: skip
CHURN_COLUMNS = [("connections", 27), ("pooler", 10), ("a fifth", 9), ("the end", 9), ("highest", 9), ("a second", 10)]


def certificate(directory):
    """A certificate of this run's own, for localhost; the paths of certificate and key."""
    names = [f"{directory}/tls.crt", f"{directory}/tls.key"]
    command = [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-out", names[0], "-keyout", names[1],
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"openssl: {done.stderr}")
    for name in names:
        own(name)
    return names


def with_tls(bench):
    """Settings of a pooler that wants TLS and SCRAM, and what its clients need."""
    crt, key = certificate(bench.directory)
    settings = {
        "client_tls_sslmode": "require", "client_tls_cert_file": crt, "client_tls_key_file": key,
        "auth_type": "scram-sha-256", "secret": wire.scram_secret(PASSWORD),
    }  # fmt: skip
    return settings, {"password": PASSWORD, "certificate": crt}


def memory(bench):
    report, count = bench.report, bench.idle
    report.heading(f"Memory (MB resident) with {count} idle clients, after one query each")
    table = report.table(IDLE_COLUMNS)
    tls_settings, tls_client = with_tls(bench)
    rows = []
    for way, settings, client in (("plain TCP, trust", {}, {}), ("TLS, SCRAM", tls_settings, tls_client)):
        for name, start in (("pgbouncer", bench.pgbouncer), ("canvass", bench.canvass)):
            with start(**settings) as pooler:
                rows.append({"way": way, "pooler": name, "clients": count, **idle(pooler, count, client)})
            row = rows[-1]
            table.row(
                way,
                name,
                row["before_mb"],
                row["with_mb"],
                f"{row['client_kb']:.1f} kB",
                row["after_mb"],
                row["logins_per_second"],
            )
            report.keep("memory", row)
    table.end()
    ours = next(row for row in rows if row["pooler"] == "canvass")
    words = f"{count} idle clients on plain TCP below {IDLE_AT_MOST_MB} MB: {ours['with_mb']:.0f} MB"
    report.judge(ours["with_mb"] < IDLE_AT_MOST_MB, words)


def idle(pooler, count, client):
    address = ("127.0.0.1", pooler.port)
    if client:
        client = {"password": client["password"], "tls": wire.tls_client(client["certificate"])}

    def connect():
        return wire.Connection(address, USER, DATABASE, **client)

    first = connect()
    first.query("SELECT 1")
    before = pooler.resident_bytes()
    began = time.monotonic()
    clients = []
    for _ in range(count):
        clients.append(connect())
        clients[-1].query("SELECT 1")
    took = time.monotonic() - began
    # Whatever is given back a moment after the last reply has been given back then.
    time.sleep(2)
    held = pooler.resident_bytes()
    # All of them are still served: nobody was dropped to save memory.
    for each in clients[:: max(1, count // 100)]:
        each.query("SELECT 1")
    for each in clients:
        each.close()
    first.query("SELECT 1")
    first.close()
    time.sleep(2)
    after = pooler.resident_bytes()
    mb = 1e6
    return {
        "before_mb": before / mb, "with_mb": held / mb, "after_mb": after / mb, "client_kb": (held - before) / count / 1000,
        "logins_per_second": count / took,
    }  # fmt: skip


def churn(bench):
    report = bench.report
    report.heading("Memory (MB resident) over connections that log in, ask once and leave")
    table = report.table(CHURN_COLUMNS)
    tls_settings, tls_client = with_tls(bench)
    verdicts = []
    for way, whole, settings, client in (
        ("Unix socket, trust", bench.churn, {}, {}),
        ("TLS, SCRAM", bench.churn_tls, tls_settings, tls_client),
    ):
        for name, start in (("pgbouncer", bench.pgbouncer), ("canvass", bench.canvass)):
            count = int(whole * PGBOUNCER_SHARE) if name == "pgbouncer" else whole
            with start(**settings) as pooler:
                address = ("127.0.0.1", pooler.port) if client else f"{pooler.sockets}/.s.PGSQL.{pooler.port}"
                readings, rate = come_and_go(pooler, address, count, client)
            row = {"way": way, "pooler": name, "connections": count, "mb": readings, "per_second": rate}
            report.keep("churn", row)
            early, late = readings[len(readings) // 5], readings[-1]
            table.row(f"{way}: {count}", name, early, late, max(readings), f"{rate:.0f}")
            if name == "canvass":
                allowed = max(FLAT_AT_MOST_MB, FLAT_AT_MOST_SHARE * early)
                words = f"{way}: {late - early:+.1f} MB after the first fifth of {count}"
                verdicts.append((late - early <= allowed, words))
    table.end()
    for holds, words in verdicts:
        report.judge(holds, f"memory flat, {words}")


def come_and_go(pooler, address, count, client):
    """Resident MB at the start and after every tenth of the connections, and connections a second."""
    readings, began = [pooler.resident_bytes() / 1e6], time.monotonic()
    share = max(1, count // READINGS // WORKERS)
    with ProcessPoolExecutor(WORKERS, get_context("fork")) as workers:
        for _ in range(READINGS):
            for done in [workers.submit(connections, address, share, client) for _ in range(WORKERS)]:
                done.result()
            readings.append(pooler.resident_bytes() / 1e6)
    return readings, share * WORKERS * READINGS / (time.monotonic() - began)


def connections(address, count, client):
    if "certificate" in client:
        client = {"password": client["password"], "tls": wire.tls_client(client["certificate"])}
    for _ in range(count):
        connection = wire.Connection(address, USER, DATABASE, **client)
        connection.query("SELECT 1")
        connection.close()
