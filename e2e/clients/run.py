"""Runs every client's suite through `canvass pool`, on a private PostgreSQL with three connections for each client, and
compares what came out with the tables of docs/pool-clients.md. `make test-clients` starts this.

  CLIENTS_BIN=target/debug/canvass   the canvass that is looked at
  CLIENTS_TARGET=canvass             or pgbouncer (as installed), or direct (PostgreSQL itself): tables are not compared
  CLIENTS_ONLY='psql JDBC'           only these suites; tables are not compared
  CLIENTS_WRITE=1                    write the tables into docs/pool-clients.md instead
"""

import difflib
import os
import re
import shutil
import signal
import socketserver
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "bench/pool"))

import wire  # noqa: E402
from memory import certificate  # noqa: E402
from stand import PASSWORD, USER, Failed, Place, Pooler, Postgres, own  # noqa: E402

PYTHON = str(HERE / ".venv/bin/python")
JAR = "/usr/share/java/postgresql.jar"
RUST = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
SUITES = {
    "psql": [PYTHON, "python/psql_suite.py"],
    "pgbench": [PYTHON, "python/pgbench_suite.py"],
    "psycopg 3": [PYTHON, "python/psycopg3_suite.py"],
    "psycopg2": [PYTHON, "python/psycopg2_suite.py"],
    "asyncpg": [PYTHON, "python/asyncpg_suite.py"],
    "SQLAlchemy, psycopg": [PYTHON, "python/sqlalchemy_suite.py", "psycopg"],
    "SQLAlchemy, asyncpg": [PYTHON, "python/sqlalchemy_suite.py", "asyncpg"],
    "Django": [PYTHON, "python/django_suite.py"],
    "node-postgres": ["node", "node/pg.mjs"],
    "postgres.js": ["node", "node/postgres.mjs"],
    "JDBC": ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", JAR, "java/Jdbc.java"],
    "tokio-postgres": [str(RUST / "tokio_postgres")],
    "sqlx": [str(RUST / "sqlx")],
}
# Features in the order of the tables.
FEATURES = [
    "connect", "query", "parameters", "prepared", "prepared, many", "transaction", "rollback", "error", "COPY in", "COPY out",
    "timeout", "cancel", "concurrency", "types", "large result", "cursor", "pipeline",
]  # fmt: skip
STATES = [
    "tracked setting", "other setting", "search_path", "temporary table", "advisory lock", "SQL PREPARE",
    "cursor WITH HOLD", "LISTEN",
]  # fmt: skip
# What `[canvass] session_state` may be. The first one, which is the default, is also what all other checks run under.
MODES = ["pgbouncer", "reset", "pin", "refuse"]
POOL_SIZE = 3
AT_ONCE = 4
SUITE_SECONDS = 120
# How long a server connection must be out of everybody's reach to count as pinned.
PINNED_SECONDS = 1.0
DOCUMENT = ROOT / "docs/pool-clients.md"
BEGIN, END = "<!-- made by make test-clients: begin -->", "<!-- made by make test-clients: end -->"
POSTGRES = {"fsync": "off", "max_connections": 120}


class Thief(socketserver.ThreadingTCPServer):
    """Suites ask for a server connection by process id: a transaction of somebody else's is opened on it, and held until
    the suite hangs up. Answers `stolen`, or `pinned` when nobody can have it."""

    daemon_threads = True

    def __init__(self, port, direct):
        self.pooler, self.direct = port, direct
        super().__init__(("127.0.0.1", 0), Theft)


class Theft(socketserver.StreamRequestHandler):
    timeout = SUITE_SECONDS

    def handle(self):
        database, pid = self.rfile.readline().decode().split()
        held = []
        try:
            found = "pinned" if self.server.direct else self.steal(database, pid, held)
        except (OSError, wire.Refused) as why:
            found = f"{type(why).__name__}: {why}"
        try:
            self.wfile.write(f"{found}\n".encode())
            self.rfile.read()
        except OSError:
            pass  # the suite has hung up
        for connection in held:
            connection.close()

    def steal(self, database, pid, held):
        others = []
        try:
            for _ in range(POOL_SIZE + 1):
                connection = wire.Connection(("127.0.0.1", self.server.pooler), USER, database, PASSWORD)
                others.append(connection)
                connection.socket.settimeout(PINNED_SECONDS)
                if connection.query("BEGIN; SELECT pg_backend_pid()") == pid:
                    held.append(others.pop())
                    return "stolen"
            return f"{POOL_SIZE + 1} transactions at once, and none on the server {pid}"
        except TimeoutError:
            return "pinned"
        finally:
            for connection in others:
                connection.close()


def main():
    target = os.environ.get("CLIENTS_TARGET", "canvass")
    only = [name for name in SUITES if name in os.environ.get("CLIENTS_ONLY", "")] or list(SUITES)
    modes = MODES if target == "canvass" else MODES[:1]
    logs = ROOT / "target/clients"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    results = {}
    with Place() as directory, Postgres(directory, logs, POSTGRES, PASSWORD) as postgres:
        for name in only:
            postgres.create_database(database_of(name))
        for mode in modes:
            began = time.monotonic()
            results[mode] = run_mode(mode, target, only, postgres, directory, logs)
            print(f"session_state = {mode}: {time.monotonic() - began:.0f} s", flush=True)
    outcomes = [outcome for of_mode in results.values() for suite in of_mode.values() for outcome, _ in suite.values()]
    passed = sum(outcome not in ("fail", "skip") for outcome in outcomes)
    failed = outcomes.count("fail")
    text = "\n".join(tables(results))
    (logs / "tables.md").write_text(text + "\n")
    same = True
    if target == "canvass" and len(only) == len(SUITES):
        same = compare(text)
    else:
        print(text)
    print(f"{passed} passed, {failed} failed", flush=True)
    sys.exit(0 if same and not failed else 1)


def database_of(suite):
    return "clients_" + "".join(c for c in suite.lower() if c.isalnum())


def run_mode(mode, target, suites, postgres, directory, logs):
    """Every suite's outcomes under one `session_state`: suite, then feature, then outcome and message."""
    checks = "all" if mode == MODES[0] else "state"
    if target == "direct":
        return run_suites(suites, checks, postgres.port, postgres, logs, True)
    binary = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if target == "canvass":
        built = os.environ.get("CLIENTS_BIN", str(ROOT / "target/debug/canvass"))
        binary = f"{directory}/canvass"
        if not os.path.exists(binary):
            shutil.copy(built, binary)
    tls = f"{directory}/{mode}"
    os.mkdir(tls)
    crt, key = certificate(tls)
    own(tls)
    pooler = Pooler(
        f"pool-{mode}", binary, postgres, directory, logs,
        canvass=None if mode == MODES[0] else {"session_state": mode},
        databases={"*": ""},
        auth_type="scram-sha-256", secret=PASSWORD, default_pool_size=POOL_SIZE,
        client_tls_sslmode="allow", client_tls_cert_file=crt, client_tls_key_file=key,
        **({"ignore_startup_parameters": "extra_float_digits"} if target == "pgbouncer" else {}),
    )  # fmt: skip
    with pooler:
        return run_suites(suites, checks, pooler.port, postgres, logs, False)


def run_suites(suites, checks, port, postgres, logs, direct):
    with Thief(port, direct) as thief:
        threading.Thread(target=thief.serve_forever, daemon=True).start()
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PG")},
            "PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": USER, "PGPASSWORD": PASSWORD,
            "CLIENTS_CHECKS": checks, "CLIENTS_STATE": str(HERE / "state.tsv"),
            "CLIENTS_THIEF": str(thief.server_address[1]), "CLIENTS_PG_BIN": postgres.bin,
            "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        with ThreadPoolExecutor(AT_ONCE) as threads:
            each = [threads.submit(run_suite, name, checks, environment, logs) for name in suites]
            try:
                return {name: done.result() for name, done in zip(suites, each, strict=True)}
            finally:
                thief.shutdown()


def run_suite(name, checks, environment, logs):
    environment = {**environment, "PGDATABASE": database_of(name)}
    log = logs / f"{database_of(name)}-{checks}.log"
    with open(log, "a") as errors:
        child = subprocess.Popen(
            SUITES[name], cwd=HERE, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
            text=True, start_new_session=True,
        )  # fmt: skip
        try:
            out, _ = child.communicate(timeout=SUITE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            out, _ = child.communicate()
            out += f"fail suite: it does not end within {SUITE_SECONDS} s\n"
    found = {}
    for line in out.splitlines():
        outcome, _, rest = line.partition(" ")
        feature, _, message = rest.partition(": ")
        if outcome in ("pass", "fail", "skip", "kept", "pinned", "lost", "refused"):
            found[feature] = (outcome, message)
    if child.returncode not in (0, 1) or not out.rstrip().endswith("failed"):
        found["suite"] = ("fail", f"it ended with status {child.returncode}: see {log}")
    print("".join(f"{name}: {line}\n" for line in [*out.splitlines(), *suite_failure(found)]), end="", flush=True)
    return found


def suite_failure(found):
    return [f"fail suite: {found['suite'][1]}"] if "suite" in found else []


CELLS = {"pass": "works", "kept": "works", "pinned": "works pinned", "lost": "not kept", "skip": "-", "fail": "FAILS"}


def tables(results):
    """The tables of the document, line by line: clients are rows, because there are more of them than fit a line."""
    messages = []
    first = results[MODES[0]]
    yield "| client | " + " | ".join(FEATURES) + " |"
    yield "|---|" + "---|" * len(FEATURES)
    for name, found in first.items():
        cells = [CELLS[found.get(feature, ("fail", ""))[0]] for feature in FEATURES]
        yield f"| {name} | " + " | ".join(cells) + " |"
    for mode, of_mode in results.items():
        yield ""
        yield f"`session_state = {mode}`:"
        yield ""
        yield "| client | " + " | ".join(STATES) + " |"
        yield "|---|" + "---|" * len(STATES)
        for name, found in of_mode.items():
            if any(feature in found for feature in STATES):
                yield (
                    f"| {name} | " + " | ".join(state_cell(found.get(f, ("skip", "")), messages) for f in STATES) + " |"
                )
    if messages:
        yield ""
        yield "Refused with this message:"
        yield ""
        yield from (f"{n}. `{message}`" for n, message in enumerate(messages, 1))


def state_cell(outcome, messages):
    outcome, message = outcome
    if outcome != "refused":
        return CELLS[outcome]
    # What drivers put in front of the pooler's words.
    message = re.sub(r"^(FATAL|ERROR|error returned from database): (0A000: )?", "", message)
    # A driver that was told while it did not listen only knows that its connection is gone, each in its own words.
    if "session_state" not in message:
        return "refused, message lost"
    if message not in messages:
        messages.append(message)
    return f"refused ({messages.index(message) + 1})"


def compare(text):
    """Whether the document has these tables; or writes them into it."""
    document = DOCUMENT.read_text()
    head, _, rest = document.partition(BEGIN)
    held, _, tail = rest.partition(END)
    if os.environ.get("CLIENTS_WRITE"):
        DOCUMENT.write_text(f"{head}{BEGIN}\n\n{text}\n\n{END}{tail}")
        return True
    if held.strip() == text.strip():
        return True
    changes = difflib.unified_diff(
        held.strip().splitlines(), text.strip().splitlines(), "docs/pool-clients.md", "this run"
    )
    print("\n".join(changes))
    print("docs/pool-clients.md says something else; if this is how it is to be: CLIENTS_WRITE=1 make test-clients")
    return False


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda n, _: sys.exit(128 + n))
    try:
        main()
    except Failed as why:
        sys.exit(f"test-clients: {why}")
