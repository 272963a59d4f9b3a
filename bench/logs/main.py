"""See bench/logs.sh, which starts this."""

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from make import log_of_many_statements, logs_of_pgbench, writes
from stand import Failed, Place

# The bounds.
MB_A_SECOND_AT_LEAST = 80
TWO_CORES_AT_LEAST = 1.8
MEMORY_AT_MOST_MB = 200
# Memory of four times the log, over that of the log: equal but for the allocator's chance.
MEMORY_GROWTH_AT_MOST = 1.1
MB = 1_000_000
COST_SECONDS = 5


@dataclass
class Run:
    """One run of a program: seconds on the clock and of processors, and most memory in MB."""

    seconds: float
    cpu: float
    memory: float


def run(command, stdin=None):
    """Runs to the end; the output is thrown away."""
    began = time.monotonic()
    with open(os.devnull, "w") as out:
        child = subprocess.Popen(command, stdin=stdin or subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE)
        said = child.stderr.read()
        _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise Failed(f"{command[0]} ended with {child.returncode}: {said.decode()[-500:]}")
    return Run(time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def median(runs, name):
    return statistics.median(getattr(run, name) for run in runs)


class Bench:
    def __init__(self, directory):
        self.directory = directory
        self.binary = os.environ.get("LOGS_BINARY", "target/release/canvass")
        self.rounds = int(os.environ.get("LOGS_ROUNDS", "5"))
        self.megabytes = int(os.environ.get("LOGS_MB", "256"))
        self.badger_megabytes = int(os.environ.get("LOGS_BADGER_MB", "24"))
        self.broken = []
        self.made = None

    def logs(self):
        """Paths of a stderr and a csvlog, of one run."""
        if self.made is None:
            print(f"Making logs of at least {self.megabytes} MB with pgbench …", flush=True)
            self.made = logs_of_pgbench(self.directory, self.megabytes * MB)
        return self.made

    def canvass(self, log, threads=1, stdin=None):
        binary = [self.binary, "logs"] if Path(self.binary).name == "canvass" else [self.binary]
        return run([*binary, log, "--threads", str(threads), "--json", "-"], stdin)

    def judge(self, holds, text):
        print(f"{'holds ' if holds else 'BROKEN'}  {text}", flush=True)
        if not holds:
            self.broken.append(text)


def speed(bench):
    print(f"\nSpeed: medians of {bench.rounds} runs, in turn")
    print(f"{'log':<10}{'MB':>7}{'threads':>9}{'s':>8}{'MB/s':>8}{'CPU s':>8}{'memory MB':>11}")
    for name, path in bench.logs().items():
        size = os.path.getsize(path) / MB
        bench.canvass(path)  # into the page cache
        runs = {1: [], 2: []}
        for _ in range(bench.rounds):
            for threads, of_it in runs.items():
                of_it.append(bench.canvass(path, threads))
        for threads, of_it in runs.items():
            seconds = median(of_it, "seconds")
            print(
                f"{name:<10}{size:>7.0f}{threads:>9}{seconds:>8.2f}{size / seconds:>8.0f}{median(of_it, 'cpu'):>8.2f}"
                f"{median(of_it, 'memory'):>11.0f}"
            )
        one, two = (median(runs[threads], "seconds") for threads in (1, 2))
        bench.judge(
            size / one >= MB_A_SECOND_AT_LEAST, f"{name}: {size / one:.0f} MB/s a core, at least {MB_A_SECOND_AT_LEAST}"
        )
        bench.judge(one / two > TWO_CORES_AT_LEAST, f"{name}: {one / two:.2f}x with two threads, above {TWO_CORES_AT_LEAST}x")


def badger(bench):
    part = f"{bench.directory}/part.log"
    # Line by line: a child's memory is at least what this process held when it began.
    with open(bench.logs()["stderr"], "rb") as log, open(part, "wb") as out:
        while out.tell() < bench.badger_megabytes * MB:
            out.write(log.readline())
    size = os.path.getsize(part) / MB
    print(f"\nBeside pgbadger, on the first {size:.0f} MB of the stderr log")
    prefix = "%m [%p] %quser=%u,db=%d,app=%a,client=%h "
    command = ["pgbadger", "--quiet", "-f", "stderr", "-p", prefix, "-x", "text", "-o", "-", part]
    theirs = run(command)
    ours = [bench.canvass(part) for _ in range(bench.rounds)]
    print(f"{'':<10}{'s':>8}{'MB/s':>8}{'CPU s':>8}{'memory MB':>11}")
    for name, of_it in (("pgbadger", [theirs]), ("canvass", ours)):
        seconds = median(of_it, "seconds")
        print(
            f"{name:<10}{seconds:>8.2f}{size / seconds:>8.1f}{median(of_it, 'cpu'):>8.2f}{median(of_it, 'memory'):>11.0f}"
        )
    print(f"{theirs.seconds / median(ours, 'seconds'):.0f} times as fast as pgbadger, each with one thread")


def memory(bench):
    print("\nMemory, with 5,000 distinct statements")
    log = log_of_many_statements(bench.directory)
    size = os.path.getsize(log)
    most = {}
    for gigabytes in (1, 4):
        times = gigabytes * 1000 * MB // size + 1
        # The same records again and again through a pipe: what is kept does not depend on their number.
        feed = subprocess.Popen(
            ["sh", "-c", f"i=0; while [ $i -lt {times} ]; do cat '{log}'; i=$((i + 1)); done"], stdout=subprocess.PIPE
        )
        used = bench.canvass("-", 2, feed.stdout)
        feed.stdout.close()
        if feed.wait() != 0:
            raise Failed("the log could not be fed")
        most[gigabytes] = used.memory
        print(f"{gigabytes} GB: {used.memory:.0f} MB, {times * size / MB / used.seconds:.0f} MB/s", flush=True)
    bench.judge(most[4] < MEMORY_AT_MOST_MB, f"memory {most[4]:.0f} MB, under {MEMORY_AT_MOST_MB}")
    growth = most[4] / most[1]
    bench.judge(growth <= MEMORY_GROWTH_AT_MOST, f"4 GB take {growth:.2f}x of what 1 GB takes, at most {MEMORY_GROWTH_AT_MOST}x")


def cost(bench):
    """What logging costs the one who is logged: `canvass up` logs its server like the second row."""
    print(f"\nWhat logging costs PostgreSQL: writes of a row, 8 clients; medians of {bench.rounds} runs of {COST_SECONDS} s, in turn")
    ways = {
        "nothing": "-c log_min_duration_statement=-1",
        "1 in 100, and 100 ms": "-c log_min_duration_statement=100 -c log_transaction_sample_rate=0.01",
        "everything": "-c log_min_duration_statement=0",
    }
    runs = writes(bench.directory, ways, bench.rounds, COST_SECONDS)
    print(f"{'logged':<22}{'tx/s':>9}{'of nothing':>12}{'CPU µs/tx':>11}{'of nothing':>12}{'log bytes/tx':>14}")
    base = {name: statistics.median(run[name] for run in runs["nothing"]) for name in ("tps", "cpu", "bytes")}
    for way, of_it in runs.items():
        tps, cpu, size = (statistics.median(run[name] for run in of_it) for name in ("tps", "cpu", "bytes"))
        print(f"{way:<22}{tps:>9.0f}{tps / base['tps']:>11.2f}x{cpu:>11.1f}{cpu / base['cpu']:>11.2f}x{size:>14.1f}")


PARTS = {"speed": speed, "badger": badger, "memory": memory, "cost": cost}


def main(names):
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise SystemExit(f"bench: no such part: {' '.join(unknown)}; they are {' '.join(PARTS)}")
    with Place() as directory:
        bench = Bench(directory)
        for name in names or PARTS:
            PARTS[name](bench)
    if bench.broken:
        raise SystemExit(json.dumps({"broken": bench.broken}, indent=1))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Failed as failed:
        raise SystemExit(f"bench: {failed}") from None
