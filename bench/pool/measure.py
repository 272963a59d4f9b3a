"""One run of pgbench against a pooler: throughput, exact percentiles of latency, the pooler's processor time."""

import bisect
import glob
import os
import re
import resource
import subprocess
import time
from dataclasses import dataclass

from stand import DATABASE, USER, Failed, machine_busy_seconds, own, unprivileged

# What the run needs besides its own length: a thousand logins, the last transactions.
SLACK_SECONDS = 60
# Processor time is read every so often while pgbench runs; logins at the beginning are then left out of it.
SAMPLE_SECONDS = 0.05


@dataclass
class Run:
    """What one run gave. Latencies in ms, processor time in µs a transaction; `others`: the share of all cores that
    went to processes that are none of the bench's."""

    tps: float
    p50: float
    p99: float
    p999: float
    cpu_us: float
    transactions: int
    lag_ms: float = 0.0
    others: float = 0.0


def pgbench(postgres, pooler, directory, seconds, clients, arguments):
    """Runs pgbench through `pooler` and reads its log, in which every transaction stands."""
    prefix = f"{directory}/transactions"
    for leftover in glob.glob(f"{prefix}.*"):
        os.remove(leftover)
    command = [
        f"{postgres.bin}/pgbench", "-h", "127.0.0.1", "-p", str(pooler.port), "-U", USER,
        "-n", "-c", str(clients), "-j", str(min(2, clients)), "-T", str(seconds),
        "--log", f"--log-prefix={prefix}", *arguments, DATABASE,
    ]  # fmt: skip
    output = f"{directory}/pgbench.out"
    samples = []
    others = Others(postgres, pooler)
    with open(output, "w") as out:
        own(output)
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=directory, **unprivileged()
        )
        until = time.monotonic() + seconds + SLACK_SECONDS
        try:
            while child.poll() is None:
                pooler.check_alive()
                samples.append((time.time(), pooler.cpu_seconds()))
                if time.monotonic() > until:
                    raise Failed(f"pgbench -c {clients} through {pooler.name} does not end")
                time.sleep(SAMPLE_SECONDS)
        finally:
            if child.poll() is None:
                child.kill()
            child.wait()
    others_share = others.share()
    text = open(output).read()
    tps = re.search(r"^tps = ([0-9.]+)", text, re.M)
    failed = re.search(r"failed transactions: (\d+)", text)
    if child.returncode != 0 or not tps or (failed and failed[1] != "0"):
        raise Failed(f"pgbench {' '.join(arguments)} -c {clients} through {pooler.name}:\n{text[-1500:]}")
    latencies, ends, lags = read_log(prefix)
    latencies.sort()
    return Run(
        tps=float(tps[1]),
        p50=percentile(latencies, 0.50),
        p99=percentile(latencies, 0.99),
        p999=percentile(latencies, 0.999),
        cpu_us=cpu_of_transaction(samples, ends),
        transactions=len(ends),
        lag_ms=sum(lags) / len(lags) / 1000 if lags else 0.0,
        others=others_share,
    )


class Others:
    """What else ran on this machine, from its making until `share` is asked for."""

    def __init__(self, *processes):
        self.processes = processes
        self.began, self.busy, self.own = time.monotonic(), machine_busy_seconds(), self.used_here()

    def used_here(self):
        used = sum(process.cpu_seconds() for process in self.processes)
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
            usage = resource.getrusage(who)
            used += usage.ru_utime + usage.ru_stime
        return used

    def share(self):
        elsewhere = machine_busy_seconds() - self.busy - (self.used_here() - self.own)
        return max(0.0, elsewhere / (time.monotonic() - self.began) / os.cpu_count())


def read_log(prefix):
    """Latencies in µs, ends in seconds since 1970, and with --rate how late each began in µs."""
    latencies, ends, lags = [], [], []
    for name in glob.glob(f"{prefix}.*"):
        with open(name) as log:
            for line in log:
                fields = line.split()
                latencies.append(int(fields[2]))
                ends.append(int(fields[4]) + int(fields[5]) / 1e6)
                if len(fields) > 6:
                    lags.append(int(fields[6]))
        os.remove(name)
    ends.sort()
    return latencies, ends, lags


def percentile(ordered, share):
    """In ms, of latencies in µs in order: the smallest that at least this share does not exceed."""
    return ordered[max(0, -int(-len(ordered) * share // 1) - 1)] / 1000


def cpu_of_transaction(samples, ends):
    """Processor time over transactions, between the first and the last look while transactions ended."""
    within = [s for s in samples if ends[0] <= s[0] <= ends[-1]]
    if len(within) < 2:
        return float("nan")
    (begin, before), (end, after) = within[0], within[-1]
    count = bisect.bisect(ends, end) - bisect.bisect(ends, begin)
    return (after - before) * 1e6 / count if count else float("nan")
