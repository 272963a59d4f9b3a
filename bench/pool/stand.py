"""A private PostgreSQL and the poolers in front of it, all on loopback and as an unprivileged user. Each is a context
manager: what it started has ended, by its own process id, when the block is left."""

import glob
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

READY_SECONDS = 60
TICKS = os.sysconf("SC_CLK_TCK")
DATABASE = "bench"
USER = "bench"
PASSWORD = "only for this bench"


class Failed(Exception):
    """What went wrong, in words."""


def unprivileged():
    """What Popen needs so that a process does not run as root: PostgreSQL and pgbouncer refuse to."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise Failed("root has nobody to run PostgreSQL as: there is neither postgres nor nobody")


def own(path):
    """Gives a file or directory to the unprivileged user."""
    who = unprivileged()
    if who:
        os.chown(path, who["user"], who["group"])


def free_port():
    """A port of loopback that nobody has, below those that the system gives to clients: there it could be taken again
    before its server listens."""
    while True:
        port = random.randrange(15000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def postgres_bin():
    """The newest PostgreSQL of this machine, 14 or later."""
    places = os.environ["PATH"].split(":") + glob.glob("/usr/lib/postgresql/*/bin") + glob.glob("/usr/pgsql-*/bin")
    found = [p for p in places if all(os.access(f"{p}/{tool}", os.X_OK) for tool in ("initdb", "postgres", "pgbench"))]
    if not found:
        raise Failed("PostgreSQL with pgbench is missing: script/setup bench")

    def version(place):
        text = subprocess.run([f"{place}/postgres", "--version"], capture_output=True, text=True, check=True).stdout
        return int(text.split()[2].split(".")[0])

    return max(found, key=version)


def stat_fields(pid):
    """The numbers of /proc/PID/stat behind the process's name, `state` as 0."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return [0] + [int(field) for field in fields[1:]]


def machine_busy_seconds():
    """Processor time that this machine has used, stolen time included, over all cores."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


class Process:
    """A child with a log; ended at the block's end."""

    stop_signal = signal.SIGTERM
    stop_seconds = 10

    def __init__(self, name, command, log, cwd):
        self.name, self.command, self.log, self.cwd = name, command, log, cwd

    def __enter__(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.cwd, **unprivileged()
            )
        try:
            self.wait_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.send_signal(self.stop_signal)
            try:
                self.child.wait(self.stop_seconds)
            except subprocess.TimeoutExpired:
                self.child.kill()
        self.child.wait()

    def wait_ready(self):
        until = time.monotonic() + READY_SECONDS
        while not self.ready():
            self.check_alive()
            if time.monotonic() > until:
                raise Failed(f"{self.name} is not ready within {READY_SECONDS} s: {self.tail()}")
            time.sleep(0.05)

    def check_alive(self):
        if self.child.poll() is not None:
            raise Failed(f"{self.name} has ended with status {self.child.returncode}: {self.tail()}")

    def tail(self):
        return "\n" + Path(self.log).read_text(errors="replace")[-2000:]

    def cpu_seconds(self):
        """Processor time of all its threads, user and system."""
        return sum(stat_fields(self.child.pid)[11:13]) / TICKS

    def resident_bytes(self):
        for line in Path(f"/proc/{self.child.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise Failed(f"{self.name}: no VmRSS")


class Postgres(Process):
    """A cluster made for this run, with the settings that are named. Through its Unix socket everybody is trusted; over
    TCP too unless a password is named."""

    stop_signal = signal.SIGINT
    stop_seconds = 60

    def __init__(self, directory, logs, settings, password=None):
        self.password = password
        self.bin = postgres_bin()
        self.data = f"{directory}/data"
        self.sockets = f"{directory}/postgres"
        self.port = free_port()
        os.mkdir(self.sockets)
        own(self.sockets)
        command = [f"{self.bin}/postgres", "-D", self.data]
        where = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.sockets}
        for name, value in {**where, **settings}.items():
            command += ["-c", f"{name}={value}"]
        super().__init__("PostgreSQL", command, f"{logs}/postgres.log", directory)

    def __enter__(self):
        over_tcp = "scram-sha-256" if self.password else "trust"
        self.run(
            "initdb", "-D", self.data, "-U", USER, "--auth-local=trust", f"--auth-host={over_tcp}",
            "--no-instructions", "--no-sync", "--encoding=UTF8", "--locale=C",
        )  # fmt: skip
        super().__enter__()
        if self.password:
            self.sql(f"ALTER ROLE {USER} PASSWORD '{self.password}'", "postgres")
        return self

    def create_database(self, name):
        self.run("createdb", *self.where(), name)

    def cpu_seconds(self):
        """Of the postmaster, of its children, and of those of them that have ended."""
        ticks = sum(stat_fields(self.child.pid)[11:15])
        for pid in Path(f"/proc/{self.child.pid}/task/{self.child.pid}/children").read_text().split():
            try:
                ticks += sum(stat_fields(pid)[11:13])
            except FileNotFoundError:
                pass  # ended between being listed and being looked at
        return ticks / TICKS

    def ready(self):
        return self.run("pg_isready", *self.where(), check=False).returncode == 0

    def where(self):
        return ["-h", self.sockets, "-p", str(self.port), "-U", USER]

    def run(self, tool, *arguments, check=True):
        done = subprocess.run(
            [f"{self.bin}/{tool}", *arguments], capture_output=True, text=True, cwd=self.cwd, **unprivileged()
        )
        if check and done.returncode != 0:
            raise Failed(f"{tool}: {done.stderr or done.stdout}")
        return done

    def sql(self, text, database=DATABASE):
        return self.run("psql", *self.where(), "-d", database, "-XqAtv", "ON_ERROR_STOP=1", "-c", text).stdout.strip()

    def version(self):
        return self.sql("SHOW server_version").split()[0]


class Pooler(Process):
    """pgbouncer, or `canvass pool`, which takes the same ini file and switches."""

    def __init__(self, name, binary, postgres, directory, logs, via="tcp", canvass=None, databases=None, **settings):
        self.port = free_port()
        self.sockets = f"{directory}/{name}-{self.port}"
        os.mkdir(self.sockets)
        own(self.sockets)
        self.binary = binary
        self.ini = f"{self.sockets}/pool.ini"
        Path(f"{self.sockets}/users.txt").write_text(f'"{USER}" "{settings.pop("secret", "")}"\n')
        host = postgres.sockets if via == "unix" else "127.0.0.1"
        pool = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "unix_socket_dir": self.sockets,
            "auth_type": "trust",
            "auth_file": f"{self.sockets}/users.txt",
            "pool_mode": "transaction",
            "default_pool_size": 20,
            "max_client_conn": 15000,
            "log_connections": 0,
            "log_disconnections": 0,
            **settings,
        }
        databases = databases or {DATABASE: f"dbname={DATABASE} user={USER}"}
        lines = ["[databases]"]
        lines += [f"{name} = host={host} port={postgres.port} {more}" for name, more in databases.items()]
        lines.append("[pgbouncer]")
        lines += [f"{key} = {value}" for key, value in pool.items()]
        if canvass and not is_pgbouncer(binary):
            lines += ["[canvass]"] + [f"{key} = {value}" for key, value in canvass.items()]
        Path(self.ini).write_text("\n".join(lines) + "\n")
        command = [binary] + ([] if is_pgbouncer(binary) else ["pool"]) + [self.ini]
        super().__init__(name, command, f"{logs}/{name}.log", directory)

    def ready(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def version(self):
        done = subprocess.run([*self.command[:-1], "-V"], capture_output=True, text=True)
        return (done.stdout or done.stderr or "?").splitlines()[0]


def is_pgbouncer(binary):
    return Path(binary).name == "pgbouncer"


class Place:
    """A directory under /tmp that the unprivileged user may enter; removed at the end."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="canvass-pool-", dir="/tmp")
        os.chmod(self.path, 0o755)
        own(self.path)
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)
