"""psql with its default settings, driven through its standard input as a person would type."""

import os
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from suite import PATIENCE_SECONDS, Suite, same

PSQL = [f"{os.environ['CLIENTS_PG_BIN']}/psql", "-XqAt", "-v", "VERBOSITY=verbose", "-v", "ON_ERROR_STOP=0"]


class PsqlError(Exception):
    """What psql printed as an error, with the SQLSTATE that VERBOSITY=verbose puts in front."""


def sqlstate(why):
    words = str(why).split()
    return words[1].rstrip(":") if len(words) > 1 and words[0] in ("ERROR:", "FATAL:") else None


suite = Suite(sqlstate)


class Psql:
    """A psql that stays open. Standard error goes into standard output, so that both come in order."""

    def __init__(self):
        self.child = subprocess.Popen(
            PSQL, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
        )
        self.asked = 0

    def type(self, text):
        """What psql prints for it; an error is raised."""
        self.asked += 1
        end = f"-- end {self.asked} --"
        try:
            self.child.stdin.write(f"{text}\n\\echo {end}\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            pass
        lines = []
        for line in self.child.stdout:
            if line.rstrip("\n") == end:
                break
            lines.append(line.rstrip("\n"))
        else:
            raise PsqlError("\n".join(lines) or "psql has ended")
        errors = [line.removeprefix("psql: ") for line in lines if line.startswith(("ERROR:", "FATAL:", "psql: error"))]
        if errors:
            raise PsqlError(errors[0])
        return "\n".join(lines)

    # What the probes of session state want.
    def set_up(self, sql):
        return int(self.type(f"BEGIN;\n{sql};\nSELECT pg_backend_pid();\nCOMMIT;").splitlines()[-1])

    def value(self, sql):
        return self.type(f"{sql};")

    def heard(self):
        with Psql() as other:
            other.type("NOTIFY news, 'something';")
        time.sleep(0.3)
        return "something" in self.type("SELECT 1;")

    def close(self):
        self.child.stdin.close()
        self.child.stdout.close()
        self.child.wait(PATIENCE_SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def with_psql(check):
    def run():
        with Psql() as psql:
            check(psql)

    return run


def fails(state, psql, text):
    try:
        psql.type(text)
    except PsqlError as why:
        same(sqlstate(why), state)
        return
    raise AssertionError(f"no error where {state} was to come")


def check_connect(psql):
    same(psql.type("\\echo :ENCODING"), "UTF8")
    psql.type("\\conninfo")


def check_query(psql):
    same(psql.type("SELECT 'plain';"), "plain")
    same(psql.type("SELECT 1 \\; SELECT 2;"), "1\n2")
    psql.type("\\d")
    psql.type("\\l")


def check_parameters(psql):
    psql.type("\\set text 'it''s ünïcode'")
    same(psql.type("SELECT :'text' || '!';"), "it's ünïcode!")


def check_transaction(psql):
    psql.type("BEGIN; CREATE TABLE counter (n int NOT NULL); INSERT INTO counter VALUES (0); COMMIT;")
    same(psql.type("SELECT count(*) FROM counter;"), "1")


def check_rollback(psql):
    psql.type("BEGIN;\nINSERT INTO counter VALUES (1);\nSAVEPOINT s;\nINSERT INTO counter VALUES (2);\nROLLBACK TO s;")
    same(psql.type("SELECT count(*) FROM counter;"), "2")
    psql.type("ROLLBACK;")
    same(psql.type("SELECT count(*) FROM counter;"), "1")


def check_error(psql):
    psql.type("BEGIN;")
    fails("42P01", psql, "SELECT * FROM no_such_table;")
    fails("25P02", psql, "SELECT 1;")
    psql.type("ROLLBACK;")
    same(psql.type("SELECT 1;"), "1")


def check_copy_in(psql):
    psql.type("CREATE TABLE copied (n int, t text);")
    rows = "\n".join(f"{n}\trow {n}" for n in range(20_000))
    psql.type(f"\\copy copied FROM STDIN\n{rows}\n\\.")
    same(psql.type("SELECT count(*) FROM copied;"), "20000")
    fails("22P02", psql, "\\copy copied FROM STDIN\nno number\tx\n\\.")
    same(psql.type("SELECT count(*) FROM copied;"), "20000")


def check_copy_out(psql):
    same(len(psql.type("\\copy copied TO STDOUT").splitlines()), 20_000)


def check_timeout(psql):
    psql.type("BEGIN; SET LOCAL statement_timeout = '50ms';")
    fails("57014", psql, "SELECT pg_sleep(20);")
    psql.type("ROLLBACK;")
    same(psql.type("SELECT 1;"), "1")


def check_cancel(psql):
    psql.type("SELECT 1;")
    timer = threading.Timer(0.3, psql.child.send_signal, [signal.SIGINT])
    timer.start()
    try:
        psql.type("SELECT pg_sleep(20);")
    except PsqlError as why:  # a psql that reads a script ends then
        same("57014" in str(why), True)
    else:
        raise AssertionError("it was not cancelled")
    timer.join()
    with Psql() as another:
        same(another.type("SELECT 1;"), "1")


def check_concurrency():
    def one(_):
        with Psql() as psql:
            for _ in range(5):
                psql.type("BEGIN;\nUPDATE counter SET n = n + 1;\nCOMMIT;")

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(one, range(20), timeout=PATIENCE_SECONDS))
    with Psql() as psql:
        same(psql.type("SELECT n FROM counter;"), "100")


def check_types(psql):
    same(psql.type("SELECT 1.50, true, '{1,2}'::int[], null, '\\x00ff'::bytea;"), "1.50|t|{1,2}||\\x00ff")
    same(
        psql.type("SELECT '2026-02-28 01:02:03.456789+00'::timestamptz AT TIME ZONE 'UTC';"),
        "2026-02-28 01:02:03.456789",
    )


def check_large(psql):
    lines = psql.type("SELECT n, repeat(n::text, 20) FROM generate_series(1, 100000) n;").splitlines()
    same((len(lines), lines[-1]), (100_000, f"100000|{'100000' * 20}"))


def check_cursor(psql):
    psql.type("\\set FETCH_COUNT 100")
    lines = psql.type("SELECT n FROM generate_series(1, 1000) n;").splitlines()
    same(sum(int(line) for line in lines), 500_500)


suite.check("connect", with_psql(check_connect))
suite.check("query", with_psql(check_query))
suite.check("parameters", with_psql(check_parameters))
suite.skip("prepared", "psql 15 has only SQL's PREPARE")
suite.skip("prepared, many", "psql 15 has only SQL's PREPARE")
suite.check("transaction", with_psql(check_transaction))
suite.check("rollback", with_psql(check_rollback))
suite.check("error", with_psql(check_error))
suite.check("COPY in", with_psql(check_copy_in))
suite.check("COPY out", with_psql(check_copy_out))
suite.check("timeout", with_psql(check_timeout))
suite.check("cancel", with_psql(check_cancel))
suite.check("concurrency", check_concurrency)
suite.check("types", with_psql(check_types))
suite.check("large result", with_psql(check_large))
suite.check("cursor", with_psql(check_cursor))
suite.skip("pipeline", "psql 15 has none")
suite.state("LISTEN", Psql, lambda p: p.set_up("LISTEN news"), Psql.heard)
suite.states(Psql)
suite.end()
