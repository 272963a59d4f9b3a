"""asyncpg with its default settings: every statement with parameters is a named one, kept in a cache."""

import asyncio
import datetime
import decimal
import io
import uuid

import asyncpg
from suite import PATIENCE_SECONDS, Suite, same


def sqlstate(why):
    return getattr(why, "sqlstate", None)


suite = Suite(sqlstate)
loop = asyncio.new_event_loop()


def wait(awaitable):
    return loop.run_until_complete(asyncio.wait_for(awaitable, PATIENCE_SECONDS))


async def fails(state, awaitable):
    try:
        await awaitable
    except asyncpg.PostgresError as why:
        same(why.sqlstate, state)
        return
    raise AssertionError(f"no error where {state} was to come")


def checked(feature):
    """Runs a check on a connection of its own."""

    def run(check):
        async def whole():
            connection = await asyncpg.connect()
            try:
                await check(connection)
            finally:
                await connection.close()

        suite.check(feature, lambda: wait(whole()))

    return run


@checked("connect")
async def _(c):
    same(c.get_settings().client_encoding, "UTF8")
    same(await c.fetchval("SELECT current_database()::text"), await c.fetchval("SELECT current_database()::text"))


@checked("query")
async def _(c):
    same(await c.fetchval("SELECT 'plain'"), "plain")
    await c.execute("SELECT 1; SELECT 2")


@checked("parameters")
async def _(c):
    same(tuple(await c.fetchrow("SELECT $1::int + 1, $2::text || '!'", 41, "it's ünïcode")), (42, "it's ünïcode!"))


@checked("prepared")
async def _(_):
    connections = [await asyncpg.connect() for _ in range(6)]
    for turn in range(12):
        for i, c in enumerate(connections):
            # Each prepares under the same name as the others, and something else.
            same(await c.fetchval(f"SELECT $1::int * {i + 1}", turn), turn * (i + 1))
    statements = [await c.prepare(f"SELECT $1::int + {i}") for i, c in enumerate(connections)]
    for turn in range(12):
        same([await s.fetchval(turn) for s in statements], [turn + i for i in range(6)])
    await asyncio.gather(*(c.close() for c in connections))


@checked("prepared, many")
async def _(c):
    for turn in range(3):
        for i in range(150):  # more than statement_cache_size, so that some are forgotten again
            same(await c.fetchval(f"SELECT {i} + $1::int", turn), i + turn)


@checked("transaction")
async def _(c):
    async with c.transaction():
        await c.execute("CREATE TABLE counter (n int NOT NULL)")
        await c.execute("INSERT INTO counter VALUES (0)")
    same(await c.fetchval("SELECT count(*) FROM counter"), 1)


@checked("rollback")
async def _(c):
    transaction = c.transaction(isolation="serializable")
    await transaction.start()
    await c.execute("INSERT INTO counter VALUES ($1)", 1)
    await transaction.rollback()
    same(await c.fetchval("SELECT count(*) FROM counter"), 1)


@checked("error")
async def _(c):
    await fails("42P01", c.fetch("SELECT * FROM no_such_table"))
    await fails("22012", c.fetch("SELECT 1 / $1::int", 0))
    same(await c.fetchval("SELECT 1"), 1)


@checked("COPY in")
async def _(c):
    await c.execute("CREATE TABLE copied (n int, t text)")
    await c.copy_records_to_table("copied", records=[(n, f"row {n}") for n in range(20_000)])
    same(await c.fetchval("SELECT count(*) FROM copied"), 20_000)


@checked("COPY out")
async def _(c):
    out = io.BytesIO()
    await c.copy_from_query("SELECT n FROM copied WHERE n < $1", 10_000, output=out)
    same(sum(int(line) for line in out.getvalue().splitlines()), sum(range(10_000)))


@checked("timeout")
async def _(c):
    try:  # asyncpg's own time-out sends a cancel request
        await c.fetch("SELECT pg_sleep(20)", timeout=0.2)
    except asyncio.TimeoutError:
        pass
    else:
        raise AssertionError("no time-out")
    same(await c.fetchval("SELECT 1"), 1)
    transaction = c.transaction()
    await transaction.start()
    await c.execute("SET LOCAL statement_timeout = '50ms'")
    await fails("57014", c.fetch("SELECT pg_sleep(20)"))
    await transaction.rollback()
    same(await c.fetchval("SELECT 2"), 2)


@checked("cancel")
async def _(c):
    task = asyncio.ensure_future(c.fetch("SELECT pg_sleep(20)"))
    await asyncio.sleep(0.2)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    same(await c.fetchval("SELECT 1"), 1)


@checked("concurrency")
async def _(_):
    async with asyncpg.create_pool(min_size=20, max_size=20) as pool:

        async def one():
            async with pool.acquire() as c:
                for _ in range(5):
                    async with c.transaction():
                        await c.execute("UPDATE counter SET n = n + $1", 1)

        await asyncio.gather(*(one() for _ in range(20)))
        same(await pool.fetchval("SELECT n FROM counter"), 100)


@checked("types")
async def _(c):
    values = {
        "bool": True, "int4": 7, "int8": 2**40, "float8": 1.5, "numeric": decimal.Decimal("12345678901234567890.123456789"),
        "text": "text ✓", "bytea": b"\x00\xff", "date": datetime.date(2026, 2, 28),
        "timestamptz": datetime.datetime(2026, 2, 28, 1, 2, 3, 456789, datetime.timezone.utc),
        "interval": datetime.timedelta(days=3, seconds=7), "uuid": uuid.UUID(int=7), "int4[]": [1, 2, 3], "jsonb": '{"a": 1}',
    }  # fmt: skip
    for name, value in values.items():
        same(await c.fetchval(f"SELECT $1::{name}", value), value)
        same(await c.fetchval(f"SELECT $1::{name}", None), None)
    await c.execute("CREATE TYPE colour AS ENUM ('red', 'green')")
    same(await c.fetchval("SELECT $1::colour", "green"), "green")
    same(await c.fetchval("SELECT $1::colour[]", ["red", "green"]), ["red", "green"])


@checked("large result")
async def _(c):
    rows = await c.fetch("SELECT n, repeat(n::text, 20) FROM generate_series(1, 100000) n")
    same((len(rows), tuple(rows[-1])), (100_000, (100_000, "100000" * 20)))
    same(len(await c.fetchval("SELECT repeat('x', 20000000)")), 20_000_000)


@checked("cursor")
async def _(c):
    async with c.transaction():
        same(sum([row[0] async for row in c.cursor("SELECT n FROM generate_series(1, 1000) n", prefetch=100)]), 500_500)


@checked("pipeline")
async def _(c):
    # executemany sends all of them behind one another and waits once.
    await c.execute("CREATE TABLE many (n int)")
    await c.executemany("INSERT INTO many VALUES ($1)", [(n,) for n in range(5_000)])
    same(await c.fetchval("SELECT count(*) FROM many"), 5_000)
    await fails("22012", c.executemany("INSERT INTO many SELECT 1 / $1::int", [(1,), (0,), (1,)]))
    same(await c.fetchval("SELECT count(*) FROM many"), 5_000)


class Session:
    def __init__(self):
        self.connection = wait(asyncpg.connect())
        self.told = []

    def set_up(self, sql):
        async def whole():
            async with self.connection.transaction():
                await self.connection.execute(sql)
                return await self.connection.fetchval("SELECT pg_backend_pid()")

        return wait(whole())

    def value(self, sql):
        return wait(self.connection.fetchval(sql))

    def listen(self):
        async def whole():
            async with self.connection.transaction():
                await self.connection.add_listener("news", lambda *news: self.told.append(news[3]))
                return await self.connection.fetchval("SELECT pg_backend_pid()")

        return wait(whole())

    def heard(self):
        async def whole():
            other = await asyncpg.connect()
            await other.execute("NOTIFY news, 'something'")
            await other.close()
            await self.connection.fetchval("SELECT 1")
            await asyncio.sleep(0.5)

        wait(whole())
        return self.told == ["something"]

    def close(self):
        self.connection.terminate()


suite.state("LISTEN", Session, Session.listen, Session.heard)
suite.states(Session)
suite.end()
