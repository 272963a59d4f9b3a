"""Django's ORM with its default settings over psycopg 3: its own transactions, and server-side cursors in iterator()."""

import datetime
import decimal
import os
import uuid
from concurrent.futures import ThreadPoolExecutor

import django
from django.conf import settings

settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ["PGDATABASE"],
            "USER": os.environ["PGUSER"],
            "PASSWORD": os.environ["PGPASSWORD"],
            "HOST": os.environ["PGHOST"],
            "PORT": os.environ["PGPORT"],
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()

from django.db import IntegrityError, connection, connections, models, transaction  # noqa: E402
from suite import PATIENCE_SECONDS, Suite, raises, same  # noqa: E402


def sqlstate(why):
    while why and not getattr(why, "sqlstate", None):
        why = why.__cause__ or why.__context__
    return why.sqlstate if why else None


suite = Suite(sqlstate)


class Person(models.Model):
    name = models.CharField(max_length=100, unique=True)
    born = models.DateField()
    height = models.DecimalField(max_digits=5, decimal_places=2)
    key = models.UUIDField()
    seen = models.DateTimeField()
    more = models.JSONField()
    photo = models.BinaryField()
    count = models.IntegerField(default=0)

    class Meta:
        app_label = "clients"


def person(n):
    return Person(
        name=f"ünïcode {n}",
        born=datetime.date(2000, 2, 29),
        height=decimal.Decimal("1.75"),
        key=uuid.UUID(int=n),
        seen=datetime.datetime(2026, 2, 28, 1, 2, 3, 456789, datetime.timezone.utc),
        more={"a": [1, None]},
        photo=b"\x00\xff",
    )


def value(sql, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()[0]


def check_connect():
    connection.ensure_connection()
    same(connection.settings_dict["NAME"], value("SELECT current_database()"))


def check_query():
    same(value("SELECT 'plain'"), "plain")


def check_parameters():
    same(value("SELECT %s || '!'", ["it's ünïcode"]), "it's ünïcode!")


def check_transaction():
    with connection.schema_editor() as editor:
        editor.create_model(Person)
    with transaction.atomic():
        person(1).save()
        person(2).save()
    same(Person.objects.count(), 2)


def check_prepared():
    for turn in range(12):
        same(Person.objects.filter(pk__gt=turn * 0, name__startswith="ünï").count(), 2)


def check_rollback():
    try:
        with transaction.atomic():
            person(3).save()
            try:
                with transaction.atomic():
                    person(1).save()
            except IntegrityError:
                pass
            same(Person.objects.count(), 3)
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    same(Person.objects.count(), 2)


def check_error():
    raises("23505", sqlstate, lambda: person(1).save())
    raises("42P01", sqlstate, lambda: value("SELECT * FROM no_such_table"))
    same(value("SELECT 1"), 1)


def check_timeout():
    with transaction.atomic():
        value("SELECT set_config('statement_timeout', '50ms', true)")
        with transaction.atomic(savepoint=False):
            raises("57014", sqlstate, lambda: value("SELECT pg_sleep(20)"))
        transaction.set_rollback(True)
    same(value("SELECT 1"), 1)


def check_concurrency():
    def one(_):
        try:
            for _ in range(5):
                with transaction.atomic():
                    locked = Person.objects.select_for_update().get(name="ünïcode 1")
                    locked.count += 1
                    locked.save()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(one, range(20), timeout=PATIENCE_SECONDS))
    same(Person.objects.get(name="ünïcode 1").count, 100)


def check_types():
    found, want = Person.objects.get(name="ünïcode 2"), person(2)
    for name in ("born", "height", "key", "seen", "more"):
        same(getattr(found, name), getattr(want, name))
    same(bytes(found.photo), want.photo)


def check_large():
    Person.objects.bulk_create([person(n) for n in range(1000, 6000)], batch_size=1000)
    same(len(list(Person.objects.all())), 5002)


def check_cursor():
    # Inside a transaction, as Django's documentation asks for with a pool of transactions.
    with transaction.atomic():
        same(sum(1 for _ in Person.objects.iterator(chunk_size=100)), 5002)


class Session:
    def set_up(self, sql):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
            return value("SELECT pg_backend_pid()")

    def value(self, sql):
        return value(sql)

    def begin_iterator(self):
        self.rows = iter(Person.objects.order_by("pk").iterator(chunk_size=10))
        next(self.rows)
        return value("SELECT pg_backend_pid()")

    def rest(self):
        return sum(1 for _ in self.rows) == Person.objects.count() - 1

    def close(self):
        connections.close_all()


for feature, check in (
    ("connect", check_connect),
    ("query", check_query),
    ("parameters", check_parameters),
    ("transaction", check_transaction),
    ("prepared", check_prepared),
    ("rollback", check_rollback),
    ("error", check_error),
    ("timeout", check_timeout),
    ("concurrency", check_concurrency),
    ("types", check_types),
    ("large result", check_large),
    ("cursor", check_cursor),
):
    suite.check(feature, check)
for feature in ("prepared, many", "COPY in", "COPY out", "cancel", "pipeline", "LISTEN"):
    suite.skip(feature, "Django has none of its own: it is the driver's")
# Outside a transaction iterator() declares its cursor WITH HOLD.
suite.state("cursor WITH HOLD", Session, Session.begin_iterator, Session.rest)
suite.states(Session, but="cursor WITH HOLD")
suite.end()
