"""pgbench with each of its three protocols: 20 clients on the pool's three connections, and the books balance."""

import os
import re
import subprocess
import tempfile

from suite import PATIENCE_SECONDS, POOL_SIZE, Suite, same

BIN = os.environ["CLIENTS_PG_BIN"]
CLIENTS, TRANSACTIONS = 20, 30
assert CLIENTS > POOL_SIZE

suite = Suite(lambda why: None)


def run(tool, *arguments):
    done = subprocess.run([f"{BIN}/{tool}", *arguments], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return done.stdout


def pgbench(*arguments):
    # A thread for each client: pgbench waits for PREPARE with the whole thread, and would wait for a server connection
    # that another client of the same thread has in an open transaction.
    out = run("pgbench", "-n", "-c", str(CLIENTS), "-j", str(CLIENTS), "-t", str(TRANSACTIONS), *arguments)
    same(re.search(r"actually processed: (\S+)", out)[1], f"{CLIENTS * TRANSACTIONS}/{CLIENTS * TRANSACTIONS}")


def script(text):
    """A script of one's own; pgbench wants a file."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(text)
        file.flush()
        pgbench("-M", "extended", "-f", file.name)


def sql(text):
    return run("psql", "-XqAtv", "ON_ERROR_STOP=1", "-c", text).strip()


def check_initialise():
    run("pgbench", "-i", "-q", "-s", "1")


def balanced(protocol):
    sql("TRUNCATE pgbench_history")
    before = sql("SELECT sum(abalance) FROM pgbench_accounts")
    pgbench("-M", protocol)
    moved = sql("SELECT count(*) || ' ' || sum(delta) FROM pgbench_history").split()
    same(moved[0], str(CLIENTS * TRANSACTIONS))
    same(int(sql("SELECT sum(abalance) FROM pgbench_accounts")), int(before) + int(moved[1]))


PIPELINE = """\\startpipeline
SELECT 1;
SELECT abalance FROM pgbench_accounts WHERE aid = 7;
BEGIN;
UPDATE pgbench_tellers SET tbalance = tbalance + 0 WHERE tid = 1;
COMMIT;
\\endpipeline
"""
# \\gset checks that the row that came is the one that was asked for: another one makes the division fail.
OWN_ROW = """\\set aid random(1, 100000)
SELECT aid AS got FROM pgbench_accounts WHERE aid = :aid \\gset
SELECT 1 / (CASE WHEN :got = :aid THEN 1 ELSE 0 END);
"""
LARGE = "SELECT n, repeat(n::text, 20) FROM generate_series(1, 2000) n;\n"

suite.check("COPY in", check_initialise)
suite.check("connect", lambda: pgbench("-C", "-S"))
suite.check("query", lambda: balanced("simple"))
suite.check("parameters", lambda: balanced("extended"))
suite.check("prepared", lambda: balanced("prepared"))
suite.check("transaction", lambda: pgbench("-M", "prepared", "-b", "simple-update"))
suite.check("concurrency", lambda: script(OWN_ROW))
suite.check("large result", lambda: script(LARGE))
suite.check("pipeline", lambda: script(PIPELINE))
for feature in ("prepared, many", "rollback", "error", "COPY out", "timeout", "cancel", "types", "cursor"):
    suite.skip(feature, "pgbench does nothing of the kind")
suite.end()
