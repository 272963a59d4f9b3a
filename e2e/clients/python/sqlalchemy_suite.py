"""SQLAlchemy with its default settings and its own pool, over the driver that is named: psycopg or asyncpg."""

import asyncio
import datetime
import decimal
import os
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import NullPool
from suite import PATIENCE_SECONDS, Suite, raises, same

driver = sys.argv[1]


def sqlstate(why):
    return getattr(getattr(why, "orig", why), "sqlstate", None)


suite = Suite(sqlstate)
url = sa.URL.create(
    f"postgresql+{driver}",
    username=os.environ["PGUSER"],
    password=os.environ["PGPASSWORD"],
    host=os.environ["PGHOST"],
    port=int(os.environ["PGPORT"]),
    database=os.environ["PGDATABASE"],
)
loop = asyncio.new_event_loop()


def work(do, **options):
    """Runs `do(engine)` with an engine of its own; over asyncpg, as SQLAlchemy bridges to asyncio itself."""
    if driver == "psycopg":
        engine = sa.create_engine(url, **options)
        try:
            return do(engine)
        finally:
            engine.dispose()

    async def whole():
        engine = create_async_engine(url, **options)
        try:
            async with engine.connect() as connection:
                return await connection.run_sync(lambda c: do(Bridge(c)))
        finally:
            await engine.dispose()

    return loop.run_until_complete(asyncio.wait_for(whole(), PATIENCE_SECONDS))


class Bridge:
    """One connection that looks like an engine: what runs inside run_sync has only this one."""

    def __init__(self, connection):
        self.connection = connection

    @contextmanager
    def connect(self):
        try:
            yield self.connection
        finally:
            self.connection.rollback()

    @contextmanager
    def begin(self):
        with self.connection.begin():
            yield self.connection


class Base(DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    born: Mapped[datetime.date]
    height: Mapped[decimal.Decimal]
    key: Mapped[uuid.UUID]
    seen: Mapped[datetime.datetime] = mapped_column(sa.DateTime(timezone=True))
    more: Mapped[dict] = mapped_column(sa.JSON)


def check_connect(engine):
    with engine.connect() as c:
        same(c.dialect.name, "postgresql")
        same(c.scalar(sa.text("SELECT current_database()")), os.environ["PGDATABASE"])


def check_query(engine):
    with engine.connect() as c:
        same(c.scalar(sa.text("SELECT 'plain'")), "plain")


def check_parameters(engine):
    with engine.connect() as c:
        got = c.execute(sa.text("SELECT CAST(:n AS int) + 1, CAST(:t AS text) || '!'"), {"n": 41, "t": "it's ünïcode"})
        same(tuple(got.one()), (42, "it's ünïcode!"))


def check_prepared(engine):
    for turn in range(12):
        for i in range(6):
            with engine.connect() as c:
                same(c.scalar(sa.text(f"SELECT CAST(:n AS int) * {i + 1}"), {"n": turn}), turn * (i + 1))


def check_prepared_many(engine):
    with engine.connect() as c:
        for i in range(110):
            for turn in range(7):
                same(c.scalar(sa.text(f"SELECT {i} + CAST(:n AS int)"), {"n": turn}), i + turn)


def check_transaction(engine):
    with engine.begin() as c:
        Base.metadata.create_all(c)
        c.execute(sa.text("CREATE TABLE counter (n int NOT NULL)"))
        c.execute(sa.text("INSERT INTO counter VALUES (0)"))
    with engine.connect() as c:
        same(c.scalar(sa.text("SELECT count(*) FROM counter")), 1)


def check_rollback(engine):
    with engine.connect() as c:
        c.execute(sa.text("INSERT INTO counter VALUES (1)"))
        with c.begin_nested() as savepoint:
            c.execute(sa.text("INSERT INTO counter VALUES (2)"))
            savepoint.rollback()
        same(c.scalar(sa.text("SELECT count(*) FROM counter")), 2)
        c.rollback()
        same(c.scalar(sa.text("SELECT count(*) FROM counter")), 1)


def check_error(engine):
    with engine.connect() as c:
        raises("42P01", sqlstate, lambda: c.execute(sa.text("SELECT * FROM no_such_table")))
        c.rollback()
        raises("22012", sqlstate, lambda: c.execute(sa.text("SELECT 1 / CAST(:n AS int)"), {"n": 0}))
        c.rollback()
        same(c.scalar(sa.text("SELECT 1")), 1)


def check_timeout(engine):
    with engine.connect() as c:
        c.execute(sa.text("SET LOCAL statement_timeout = '50ms'"))
        raises("57014", sqlstate, lambda: c.execute(sa.text("SELECT pg_sleep(20)")))
        c.rollback()
        same(c.scalar(sa.text("SELECT 1")), 1)


ADD_ONE = sa.text("UPDATE counter SET n = n + CAST(:n AS int)")


def check_concurrency():
    if driver == "psycopg":
        engine = sa.create_engine(url, pool_size=20)

        def one(_):
            for _ in range(5):
                with engine.begin() as c:
                    c.execute(ADD_ONE, {"n": 1})

        with ThreadPoolExecutor(20) as threads:
            list(threads.map(one, range(20), timeout=PATIENCE_SECONDS))
        engine.dispose()
    else:

        async def whole():
            engine = create_async_engine(url, pool_size=20)

            async def one():
                for _ in range(5):
                    async with engine.begin() as c:
                        await c.execute(ADD_ONE, {"n": 1})

            await asyncio.gather(*(one() for _ in range(20)))
            await engine.dispose()

        loop.run_until_complete(asyncio.wait_for(whole(), PATIENCE_SECONDS))
    work(check_counted)


def check_counted(engine):
    with engine.connect() as c:
        same(c.scalar(sa.text("SELECT n FROM counter")), 100)


def person(n):
    return Person(
        id=n,
        name=f"ünïcode {n}",
        born=datetime.date(2000, 2, 29),
        height=decimal.Decimal("1.75"),
        key=uuid.UUID(int=n),
        seen=datetime.datetime(2026, 2, 28, 1, 2, 3, 456789, datetime.timezone.utc),
        more={"a": [1, None]},
    )


def check_types(engine):
    with engine.connect() as c, Session(c) as session:
        session.add_all(person(n) for n in range(1, 1001))
        session.commit()
        session.expire_all()
        found = session.scalars(sa.select(Person).where(Person.id == 7)).one()
        want = person(7)
        for name in ("name", "born", "height", "key", "seen", "more"):
            same(getattr(found, name), getattr(want, name))
        same(session.scalar(sa.select(sa.func.count()).select_from(Person)), 1000)


def check_large(engine):
    with engine.connect() as c:
        rows = c.execute(sa.text("SELECT n, repeat(CAST(n AS text), 20) FROM generate_series(1, 100000) n")).all()
        same((len(rows), tuple(rows[-1])), (100_000, (100_000, "100000" * 20)))


def check_cursor(engine):
    with engine.connect() as c:
        rows = c.execution_options(yield_per=100).execute(sa.text("SELECT n FROM generate_series(1, 1000) n"))
        same(sum(row[0] for row in rows), 500_500)


class StateSession:
    """Statements one by one, each in a transaction of its own unless SQLAlchemy is told otherwise."""

    def __init__(self):
        if driver == "psycopg":
            self.engine = sa.create_engine(url, poolclass=NullPool)
            self.connection = self.engine.connect()
            self.run = lambda do: do(self.connection)
        else:
            self.engine = create_async_engine(url, poolclass=NullPool)
            self.connection = loop.run_until_complete(self.engine.connect())
            self.run = lambda do: loop.run_until_complete(
                asyncio.wait_for(self.connection.run_sync(do), PATIENCE_SECONDS)
            )

    def set_up(self, sql):
        def do(c):
            c.exec_driver_sql(sql)
            pid = c.scalar(sa.text("SELECT pg_backend_pid()"))
            c.commit()
            return pid

        return self.run(do)

    def value(self, sql):
        def do(c):
            found = c.exec_driver_sql(sql).scalar()
            c.commit()
            return found

        return self.run(do)

    def close(self):
        try:
            self.run(lambda c: c.invalidate())
        finally:
            if driver == "asyncpg":
                loop.run_until_complete(self.connection.close())


for feature, check in (
    ("connect", check_connect),
    ("query", check_query),
    ("parameters", check_parameters),
    ("prepared", check_prepared),
    ("prepared, many", check_prepared_many),
    ("transaction", check_transaction),
    ("rollback", check_rollback),
    ("error", check_error),
    ("timeout", check_timeout),
):
    suite.check(feature, lambda check=check: work(check))
suite.check("concurrency", check_concurrency)
for feature, check in (("types", check_types), ("large result", check_large), ("cursor", check_cursor)):
    suite.check(feature, lambda check=check: work(check))
for feature in ("COPY in", "COPY out", "cancel", "pipeline", "LISTEN"):
    suite.skip(feature, "SQLAlchemy has none of its own: it is the driver's")
suite.states(StateSession)
suite.end()
