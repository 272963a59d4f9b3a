"""psycopg 3 with its default settings: it prepares a statement on the server the sixth time."""

import datetime
import decimal
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
from psycopg.types.json import Jsonb
from suite import PATIENCE_SECONDS, Suite, raises, same


def sqlstate(why):
    return getattr(why, "sqlstate", None)


suite = Suite(sqlstate)
connect = psycopg.connect


def value(connection, sql, parameters=None):
    return connection.execute(sql, parameters).fetchone()[0]


def check_connect():
    with connect() as c:
        same(c.info.parameter_status("client_encoding"), "UTF8")
        same(value(c, "SELECT current_user"), c.info.user)


def check_query():
    with connect() as c:
        same(value(c, "SELECT 'plain'"), "plain")
        cursor = c.execute("SELECT 1; SELECT 2")
        same(cursor.fetchone(), (1,))
        cursor.nextset()
        same(cursor.fetchone(), (2,))


def check_parameters():
    with connect() as c:
        same(c.execute("SELECT %s::int + 1, %s::text || '!'", (41, "it's ünïcode")).fetchone(), (42, "it's ünïcode!"))


def check_prepared():
    connections = [connect(autocommit=True) for _ in range(6)]
    for turn in range(12):
        for i, c in enumerate(connections):
            # Each prepares under the same name as the others, and something else.
            same(value(c, f"SELECT %s::int * {i + 1}", (turn,)), turn * (i + 1))
    for c in connections:
        c.close()


def check_prepared_many():
    with connect(autocommit=True) as c:
        for i in range(110):  # more than prepared_max, so that some are forgotten again
            for turn in range(7):
                same(value(c, f"SELECT {i} + %s", (turn,)), i + turn)
        for i in range(110):
            same(value(c, f"SELECT {i} + %s", (1,)), i + 1)


def check_transaction():
    with connect() as c:
        c.execute("CREATE TABLE counter (n int NOT NULL)")
        c.execute("INSERT INTO counter VALUES (0)")
    with connect() as c:
        same(value(c, "SELECT count(*) FROM counter"), 1)


def check_rollback():
    with connect() as c:
        c.execute("INSERT INTO counter VALUES (1)")
        c.rollback()
        same(value(c, "SELECT count(*) FROM counter"), 1)
        with c.transaction():
            c.execute("UPDATE counter SET n = 5")
            try:
                with c.transaction():
                    c.execute("UPDATE counter SET n = 6")
                    raise psycopg.Rollback
            except psycopg.Rollback:
                pass
            same(value(c, "SELECT n FROM counter"), 5)
            c.execute("UPDATE counter SET n = 0")


def check_error():
    with connect() as c:
        raises("42P01", sqlstate, lambda: c.execute("SELECT * FROM no_such_table"))
        raises("25P02", sqlstate, lambda: c.execute("SELECT 1"))
        c.rollback()
        same(value(c, "SELECT 1"), 1)
        raises("22012", sqlstate, lambda: c.execute("SELECT 1 / %s", (0,)))
        c.rollback()
        same(value(c, "SELECT 1"), 1)


def check_copy_in():
    with connect() as c, c.cursor() as cursor:
        cursor.execute("CREATE TABLE copied (n int, t text)")
        with cursor.copy("COPY copied FROM STDIN") as copy:
            for n in range(20_000):
                copy.write_row((n, f"row {n}"))
        same(value(c, "SELECT count(*) FROM copied"), 20_000)


def check_copy_out():
    with connect() as c, c.cursor() as cursor, cursor.copy("COPY copied TO STDOUT") as copy:
        same(sum(int(row[0]) for row in copy.rows()), sum(range(20_000)))


def check_timeout():
    with connect() as c:
        c.execute("SET LOCAL statement_timeout = '50ms'")
        raises("57014", sqlstate, lambda: c.execute("SELECT pg_sleep(20)"))
        c.rollback()
        same(value(c, "SELECT 1"), 1)


def check_cancel():
    with connect() as c:
        c.execute("SELECT 1")
        timer = threading.Timer(0.2, c.cancel)
        timer.start()
        raises("57014", sqlstate, lambda: c.execute("SELECT pg_sleep(20)"))
        timer.join()
        c.rollback()
        same(value(c, "SELECT 1"), 1)


def check_concurrency():
    def one(_):
        with connect() as c:
            for _ in range(5):
                with c.transaction():
                    c.execute("UPDATE counter SET n = n + 1")

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(one, range(20), timeout=PATIENCE_SECONDS))
    with connect() as c:
        same(value(c, "SELECT n FROM counter"), 100)


def check_types():
    values = [
        True, 7, 2**40, 1.5, decimal.Decimal("12345678901234567890.123456789"), "text ✓", b"\x00\xff",
        datetime.date(2026, 2, 28), datetime.datetime(2026, 2, 28, 1, 2, 3, 456789, datetime.timezone.utc),
        datetime.timedelta(days=3, seconds=7), uuid.UUID(int=7), [1, 2, 3], None,
    ]  # fmt: skip
    with connect() as c:
        for binary in (False, True):
            with c.cursor(binary=binary) as cursor:
                for each in values:
                    same(cursor.execute("SELECT %s", (each,)).fetchone()[0], each)
        same(value(c, "SELECT %s", (Jsonb({"a": [1, None]}),)), {"a": [1, None]})


def check_large():
    with connect() as c:
        rows = c.execute("SELECT n, repeat(n::text, 20) FROM generate_series(1, 100000) n").fetchall()
        same((len(rows), rows[-1]), (100_000, (100_000, "100000" * 20)))
        same(len(value(c, "SELECT repeat('x', 20000000)")), 20_000_000)


def check_cursor():
    with connect() as c, c.cursor("named") as cursor:
        cursor.itersize = 100
        cursor.execute("SELECT n FROM generate_series(1, 1000) n")
        same(sum(row[0] for row in cursor), 500_500)


def check_pipeline():
    with connect(autocommit=True) as c:
        with c.pipeline():
            cursors = [c.execute("SELECT %s::int", (n,)) for n in range(100)]
        same([cursor.fetchone()[0] for cursor in cursors], list(range(100)))
        try:
            with c.pipeline():
                c.execute("SELECT 1")
                c.execute("SELECT 1 / 0")
                c.execute("SELECT 2")
        except psycopg.errors.DivisionByZero:
            pass
        same(value(c, "SELECT 3"), 3)


class Session:
    def __init__(self):
        self.connection = connect(autocommit=True)

    def set_up(self, sql):
        with self.connection.transaction():
            self.connection.execute(sql)
            return value(self.connection, "SELECT pg_backend_pid()")

    def value(self, sql):
        return value(self.connection, sql)

    def heard(self):
        with connect(autocommit=True) as other:
            other.execute("NOTIFY news, 'something'")
        self.connection.execute("SELECT 1")
        return [n.payload for n in self.connection.notifies(timeout=0.5)] == ["something"]

    def close(self):
        self.connection.close()


suite.check("connect", check_connect)
suite.check("query", check_query)
suite.check("parameters", check_parameters)
suite.check("prepared", check_prepared)
suite.check("prepared, many", check_prepared_many)
suite.check("transaction", check_transaction)
suite.check("rollback", check_rollback)
suite.check("error", check_error)
suite.check("COPY in", check_copy_in)
suite.check("COPY out", check_copy_out)
suite.check("timeout", check_timeout)
suite.check("cancel", check_cancel)
suite.check("concurrency", check_concurrency)
suite.check("types", check_types)
suite.check("large result", check_large)
suite.check("cursor", check_cursor)
suite.check("pipeline", check_pipeline)
suite.state("LISTEN", Session, lambda s: s.set_up("LISTEN news"), Session.heard)
suite.states(Session)
suite.end()
