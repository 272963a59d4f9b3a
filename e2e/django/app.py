"""A small application of the kind that gets rehearsed: Django, login, session, CSRF tokens, a form of two pages.

    app.py serve PORT DIR    serves on 127.0.0.1, its database in DIR
    app.py people COUNT      invented people as CSV: username,password
    app.py dump DIR          the stored forms as JSON

Everybody may come at once. Nothing keeps a form from being stored twice: whether one was is what the tests ask.
"""

import json
import secrets
import sqlite3
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.http import HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.template import Context, Engine
from django.urls import path

PEOPLE = 200

LAYOUT = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{{ title }}</title><link rel="stylesheet" href="/static/app.css"></head>
<body>
<h1>{{ title }}</h1>
{% block content %}{% endblock %}
</body>
</html>
"""

# The action is an absolute address, as frameworks like to make them: a browser leaves a proxy that does not see to it.
FORM = """{% extends "layout" %}{% block content %}
{% if error %}<p role="alert">{{ error }}</p>{% endif %}
<form method="post" action="{{ action }}">
<input type="hidden" name="csrfmiddlewaretoken" value="{{ csrf_token }}">
{% block fields %}{% endblock %}
<button>Next</button>
</form>
{% endblock %}
"""

LOGIN = """{% extends "form" %}{% block fields %}
<label>Name <input name="username"></label>
<label>Password <input name="password" type="password"></label>
{% endblock %}
"""

FIRST = """{% extends "form" %}{% block fields %}
<label><input type="radio" name="lesson" value="art"> Art</label>
<label><input type="radio" name="lesson" value="maths"> Mathematics</label>
<label><input type="radio" name="lesson" value="music"> Music</label>
<label>Why? <input name="why"></label>
{% endblock %}
"""

SECOND = """{% extends "form" %}{% block fields %}
<input type="hidden" name="draft" value="{{ draft }}">
<label>Mark <select name="mark"><option value="">–</option><option>good</option><option>bad</option></select></label>
<label>Wish <textarea name="wish"></textarea></label>
{% endblock %}
"""

THANKS = """{% extends "layout" %}{% block content %}<p>Thank you, {{ user }}.</p>{% endblock %}
"""

PAGES = {"layout": LAYOUT, "form": FORM, "login": LOGIN, "first": FIRST, "second": SECOND, "thanks": THANKS}
ENGINE = Engine(loaders=[("django.template.loaders.locmem.Loader", PAGES)])

CSS = "body { max-width: 40em; margin: auto } label { display: block }\n"


def username(n):
    return f"pupil{n:03}"


def password(n):
    return f"invented-{n * 7919 % 10007:05}"


def page(request, name, title, **values):
    from django.middleware.csrf import get_token

    values |= {"title": title, "csrf_token": get_token(request), "action": request.build_absolute_uri()}
    return HttpResponse(ENGINE.get_template(name).render(Context(values)))


def login(request):
    from django.contrib import auth

    if request.method != "POST":
        return page(request, "login", "Welcome")
    user = auth.authenticate(request, username=request.POST["username"], password=request.POST["password"])
    if user is None:
        return page(request, "login", "Welcome", error="That is not your password.")
    auth.login(request, user)
    return HttpResponseRedirect(request.build_absolute_uri("/lesson/"))


def first(request):
    if not request.user.is_authenticated:
        return redirect("/")
    if request.method != "POST":
        return page(request, "first", "Your lesson")
    lesson, why = request.POST.get("lesson"), request.POST.get("why", "")
    if lesson not in ("art", "maths", "music"):
        return page(request, "first", "Your lesson", error="Choose a lesson.")
    request.session["form"] = {"lesson": lesson, "why": why, "draft": secrets.token_hex(8)}
    return redirect("/mark/")


def second(request):
    form = request.session.get("form")
    if not request.user.is_authenticated or form is None:
        return redirect("/")
    if request.method != "POST":
        return page(request, "second", "Its mark", draft=form["draft"])
    if request.POST.get("draft") != form["draft"]:
        return HttpResponseBadRequest("This is somebody else's draft.")
    from django.db import connection

    values = [request.user.username, form["lesson"], form["why"], request.POST["mark"], request.POST["wish"]]
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO form (username, lesson, why, mark, wish) VALUES (%s, %s, %s, %s, %s)", values)
    del request.session["form"]
    return redirect("/thanks/")


def thanks(request):
    if not request.user.is_authenticated:
        return redirect("/")
    return page(request, "thanks", "Done", user=request.user.username)


def css(_request):
    return HttpResponse(CSS, content_type="text/css")


urlpatterns = [
    path("", login),
    path("lesson/", first),
    path("mark/", second),
    path("thanks/", thanks),
    path("static/app.css", css),
]


def configure(folder):
    settings.configure(
        ROOT_URLCONF=__name__,
        SECRET_KEY=secrets.token_hex(),
        ALLOWED_HOSTS=["127.0.0.1", "localhost"],
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": database(folder),
                # Writers wait for one another; a transaction that reads first must not find the lock taken later.
                "OPTIONS": {
                    "timeout": 30,
                    "transaction_mode": "IMMEDIATE",
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
                },
            }
        },
        # The invented passwords protect nothing, and fifty people log in at once.
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        LOGGING={"version": 1, "disable_existing_loggers": False, "loggers": {"django.server": {"level": "ERROR"}}},
    )
    django.setup()


def database(folder):
    return Path(folder) / "app.sqlite3"


def prepare():
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    people = (User(username=username(n), password=make_password(password(n))) for n in range(1, PEOPLE + 1))
    User.objects.bulk_create(people)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE form (id INTEGER PRIMARY KEY, username, lesson, why, mark, wish)")


class Server(ThreadedWSGIServer):
    daemon_threads = True
    # The kernel's queue of new connections, long enough for everybody at once.
    request_queue_size = 256


def serve(port, folder):
    from django.core.wsgi import get_wsgi_application

    configure(folder)
    prepare()
    server = Server(("127.0.0.1", int(port)), WSGIRequestHandler)
    server.set_app(get_wsgi_application())
    server.serve_forever()


def people(count):
    if int(count) > PEOPLE:
        sys.exit(f"app.py: there are {PEOPLE} people")
    print("username,password")
    for n in range(1, int(count) + 1):
        print(f"{username(n)},{password(n)}")


def dump(folder):
    connection = sqlite3.connect(database(folder))
    connection.row_factory = sqlite3.Row
    rows = connection.execute("SELECT username, lesson, why, mark, wish FROM form ORDER BY id")
    print(json.dumps([dict(row) for row in rows]))


COMMANDS = {"serve": serve, "people": people, "dump": dump}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    COMMANDS[sys.argv[1]](*sys.argv[2:])
