"""psycopg2 with its default settings: everything goes as simple queries, parameters are put into the text."""

import datetime
import decimal
import io
import select
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg2
from psycopg2.extras import Json, execute_values
from suite import PATIENCE_SECONDS, Suite, raises, same


def sqlstate(why):
    return getattr(why, "pgcode", None)


suite = Suite(sqlstate)


def connect(autocommit=False):
    connection = psycopg2.connect("")
    connection.autocommit = autocommit
    return connection


def rows(connection, sql, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def value(connection, sql, parameters=None):
    return rows(connection, sql, parameters)[0][0]


def check_connect():
    c = connect()
    same(c.get_parameter_status("client_encoding"), "UTF8")
    same(value(c, "SELECT current_user"), c.info.user)
    c.close()


def check_query():
    c = connect()
    same(value(c, "SELECT 'plain'"), "plain")
    same(rows(c, "SELECT 1; SELECT 2"), [(2,)])
    c.close()


def check_parameters():
    c = connect()
    same(rows(c, "SELECT %s + 1, %s || '!'", (41, "it's ünïcode")), [(42, "it's ünïcode!")])
    c.close()


def check_transaction():
    c = connect()
    with c:
        rows(c, "CREATE TABLE counter (n int NOT NULL)")
        rows(c, "INSERT INTO counter VALUES (0)")
    c.close()
    c = connect()
    same(value(c, "SELECT count(*) FROM counter"), 1)
    c.close()


def check_rollback():
    c = connect()
    rows(c, "INSERT INTO counter VALUES (1)")
    c.rollback()
    same(value(c, "SELECT count(*) FROM counter"), 1)
    c.close()


def check_error():
    c = connect()
    raises("42P01", sqlstate, lambda: rows(c, "SELECT * FROM no_such_table"))
    raises("25P02", sqlstate, lambda: rows(c, "SELECT 1"))
    c.rollback()
    same(value(c, "SELECT 1"), 1)
    c.close()


def check_copy_in():
    c = connect()
    with c, c.cursor() as cursor:
        cursor.execute("CREATE TABLE copied (n int, t text)")
        cursor.copy_expert("COPY copied FROM STDIN", io.StringIO("".join(f"{n}\trow {n}\n" for n in range(20_000))))
        raises("22P02", sqlstate, lambda: refused_copy(connect()))
    same(value(c, "SELECT count(*) FROM copied"), 20_000)
    c.close()


def refused_copy(connection):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE numbers (n int) ON COMMIT DROP")
        cursor.copy_expert("COPY numbers FROM STDIN", io.StringIO("no number\n"))


def check_copy_out():
    c, out = connect(), io.StringIO()
    with c.cursor() as cursor:
        cursor.copy_expert("COPY copied TO STDOUT", out)
    same(len(out.getvalue().splitlines()), 20_000)
    c.close()


def check_timeout():
    c = connect()
    rows(c, "SET LOCAL statement_timeout = '50ms'")
    raises("57014", sqlstate, lambda: rows(c, "SELECT pg_sleep(20)"))
    c.rollback()
    same(value(c, "SELECT 1"), 1)
    c.close()


def check_cancel():
    c = connect()
    rows(c, "SELECT 1")
    timer = threading.Timer(0.2, c.cancel)
    timer.start()
    raises("57014", sqlstate, lambda: rows(c, "SELECT pg_sleep(20)"))
    timer.join()
    c.rollback()
    same(value(c, "SELECT 1"), 1)
    c.close()


def check_concurrency():
    def one(_):
        c = connect()
        for _ in range(5):
            with c:
                rows(c, "UPDATE counter SET n = n + 1")
        c.close()

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(one, range(20), timeout=PATIENCE_SECONDS))
    c = connect()
    same(value(c, "SELECT n FROM counter"), 100)
    c.close()


def check_types():
    values = [
        True, 7, 2**40, decimal.Decimal("12345678901234567890.123456789"), "text ✓", datetime.date(2026, 2, 28),
        datetime.datetime(2026, 2, 28, 1, 2, 3, 456789, datetime.timezone.utc), datetime.timedelta(days=3, seconds=7),
        [1, 2, 3], None,
    ]  # fmt: skip
    c = connect()
    for each in values:
        same(value(c, "SELECT %s", (each,)), each)
    same(bytes(value(c, "SELECT %s", (psycopg2.Binary(b"\x00\xff"),))), b"\x00\xff")
    same(value(c, "SELECT %s::jsonb", (Json({"a": [1, None]}),)), {"a": [1, None]})
    c.close()


def check_large():
    c = connect()
    got = rows(c, "SELECT n, repeat(n::text, 20) FROM generate_series(1, 100000) n")
    same((len(got), got[-1]), (100_000, (100_000, "100000" * 20)))
    with c.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE many (n int) ON COMMIT DROP")
        execute_values(cursor, "INSERT INTO many VALUES %s", [(n,) for n in range(50_000)], page_size=50_000)
    same(value(c, "SELECT count(*) FROM many"), 50_000)
    c.close()


def check_cursor():
    c = connect()
    with c.cursor("named") as cursor:
        cursor.itersize = 100
        cursor.execute("SELECT n FROM generate_series(1, 1000) n")
        same(sum(row[0] for row in cursor), 500_500)
    c.close()


class Session:
    def __init__(self):
        self.connection = connect(autocommit=True)

    def set_up(self, sql):
        self.connection.autocommit = False
        with self.connection:
            rows(self.connection, sql)
            pid = value(self.connection, "SELECT pg_backend_pid()")
        self.connection.autocommit = True
        return pid

    def value(self, sql):
        return value(self.connection, sql)

    def heard(self):
        other = connect(autocommit=True)
        rows(other, "NOTIFY news, 'something'")
        other.close()
        rows(self.connection, "SELECT 1")
        select.select([self.connection], [], [], 0.5)
        self.connection.poll()
        return [n.payload for n in self.connection.notifies] == ["something"]

    def close(self):
        self.connection.close()


suite.check("connect", check_connect)
suite.check("query", check_query)
suite.check("parameters", check_parameters)
suite.skip("prepared", "psycopg2 has no prepared statements")
suite.skip("prepared, many", "psycopg2 has no prepared statements")
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
suite.skip("pipeline", "psycopg2 has no pipelines")
suite.state("LISTEN", Session, lambda s: s.set_up("LISTEN news"), Session.heard)
suite.states(Session)
suite.end()
