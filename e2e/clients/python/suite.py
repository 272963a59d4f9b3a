"""What the suites in Python share: checks with a line each, and probes of session state. The suites in other languages
print the same lines:

    pass FEATURE                    it works, through any server connection
    fail FEATURE: WHY
    skip FEATURE: WHY               the client has no such thing
    kept FEATURE                    session state is there again although another server connection serves the client
    pinned FEATURE                  it is there, and nobody else could get the server connection meanwhile
    lost FEATURE                    it is not there
    refused FEATURE: MESSAGE
    N passed, N failed
"""

import os
import socket
import sys

# What PostgreSQL says when state is on another connection: no such table, prepared statement, cursor.
LOST = {"42P01", "26000", "34000"}
# A check that takes longer hangs; run.py ends the whole suite after some more.
PATIENCE_SECONDS = 30
POOL_SIZE = 3


class Suite:
    """`sqlstate`: what finds the five characters of an error that the client library raised."""

    def __init__(self, sqlstate):
        self.sqlstate, self.passed, self.failed = sqlstate, 0, 0
        self.only_state = os.environ.get("CLIENTS_CHECKS") == "state"

    def check(self, feature, run):
        if self.only_state:
            return
        try:
            run()
        except Exception as why:
            self.fail(feature, why)
        else:
            self.say("pass", feature)

    def say(self, outcome, feature, why=""):
        self.passed += outcome != "skip"
        print(f"{outcome} {feature}{': ' if why else ''}{one_line(why)}", flush=True)

    def skip(self, feature, why):
        if not self.only_state:
            self.say("skip", feature, why)

    def fail(self, feature, why):
        self.failed += 1
        print(f"fail {feature}: {type(why).__name__}: {one_line(why)}", flush=True)

    def states(self, session, but=None):
        """`session()` makes an object with set_up(sql), which runs it in a transaction and gives the backend's process id,
        value(sql), which gives the first column of the first row, and close()."""
        with open(os.environ["CLIENTS_STATE"]) as file:
            for line in file:
                feature, set_up, look, want = line.rstrip("\n").split("\t")
                if feature != but:
                    self.state(
                        feature,
                        session,
                        lambda s, sql=set_up: s.set_up(sql),
                        lambda s, sql=look, want=want: s.value(sql) == want,
                    )

    def state(self, feature, session, set_up, still_there):
        one = None
        try:
            try:
                one = session()
                pid = set_up(one)
            except Exception as why:
                if self.sqlstate(why) in LOST:
                    return self.say("lost", feature)
                return self.say("refused", feature, first_line(why))
            with Thief(pid) as thief:
                try:
                    there = still_there(one)
                except Exception as why:
                    if self.sqlstate(why) in LOST:
                        return self.say("lost", feature)
                    return self.say("refused", feature, first_line(why))
            if thief.found == "pinned":
                return self.say("pinned", feature) if there else self.fail(feature, ValueError("pinned, and yet lost"))
            self.say("kept" if there else "lost", feature)
        except Exception as why:
            self.fail(feature, why)
        finally:
            if one:
                one.close()

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        sys.exit(1 if self.failed else 0)


class Thief:
    """Asks run.py to keep the server connection with this process id busy, so that another one has to serve us.
    `found`: stolen, or pinned when nobody else can have it."""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        self.socket = socket.create_connection(
            ("127.0.0.1", int(os.environ["CLIENTS_THIEF"])), timeout=PATIENCE_SECONDS
        )
        self.socket.sendall(f"{os.environ['PGDATABASE']} {self.pid}\n".encode())
        self.found = self.socket.makefile().readline().strip()
        if self.found not in ("stolen", "pinned"):
            raise RuntimeError(f"the thief says: {self.found}")
        return self

    def __exit__(self, *_):
        self.socket.close()


def first_line(why):
    """Of the driver's error, without what SQLAlchemy puts around it and without hints."""
    return (str(getattr(why, "orig", why)).splitlines() or [type(why).__name__])[0]


def one_line(why):
    return " ".join(str(why).split())


def same(got, want):
    if got != want:
        raise AssertionError(f"got {str(got)[:200]!r}, not {str(want)[:200]!r}")


def raises(state, sqlstate, run):
    """Runs what has to fail with this SQLSTATE."""
    try:
        run()
    except Exception as why:
        if sqlstate(why) != state:
            raise
        return
    raise AssertionError(f"no error where {state} was to come")
