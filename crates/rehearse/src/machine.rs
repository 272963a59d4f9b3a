//! The machine during a rehearsal, read from `/proc` once a second (proc(5); for the pressure files the kernel's
//! `Documentation/accounting/psi.rst`). What a kernel does not have, such as pressure, stays 0.

use std::fs;
use std::time::Instant;

use crate::report::MachineSecond;

/// Counters as they stood at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counters {
    machine: Cpu,
    /// CPU time of this process, all threads, user and kernel, in ticks.
    process: u64,
    pressure: Pressure,
}

/// `/proc/stat`: time of all processors since the machine started, in ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Cpu {
    user: u64,
    system: u64,
    iowait: u64,
    steal: u64,
    total: u64,
}

/// `/proc/pressure/*`, the `some` line: time in which at least one task waited, in µs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Pressure {
    cpu: u64,
    io: u64,
    memory: u64,
}

/// Takes samples of the machine; each is the difference from the one before.
#[derive(Debug)]
pub struct Sampler {
    before: Counters,
    at: Instant,
}

impl Sampler {
    /// Starts: the first sample covers the time from here on.
    #[expect(clippy::new_without_default, reason = "it reads the clock and /proc")]
    pub fn new() -> Self {
        Self {
            before: counters(),
            at: Instant::now(),
        }
    }

    /// The machine since the last sample.
    pub fn sample(&mut self) -> MachineSecond {
        let (now, at) = (counters(), Instant::now());
        let elapsed = at.duration_since(self.at).as_micros();
        let mut second = difference(&self.before, &now, u64::try_from(elapsed).unwrap_or(u64::MAX));
        second.available = meminfo(&read("/proc/meminfo"), "MemAvailable");
        (self.before, self.at) = (now, at);
        second
    }
}

/// How many processors this machine has, and its memory in bytes.
pub fn cores_and_memory() -> (u32, u64) {
    let cores = count_cores(&read("/proc/stat"));
    (cores, meminfo(&read("/proc/meminfo"), "MemTotal"))
}

/// CPU time of this process, all its threads, in seconds.
pub fn process_cpu_seconds() -> f64 {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeValLike;
    getrusage(UsageWho::RUSAGE_SELF).map_or(0.0, |usage| {
        let us = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        us as f64 / 1e6
    })
}

/// The most memory that this process has held, in bytes (`VmHWM`).
pub fn most_memory() -> u64 {
    meminfo(&read("/proc/self/status"), "VmHWM")
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn counters() -> Counters {
    Counters {
        machine: cpu(&read("/proc/stat")),
        process: process(&read("/proc/self/stat")),
        pressure: Pressure {
            cpu: some(&read("/proc/pressure/cpu")),
            io: some(&read("/proc/pressure/io")),
            memory: some(&read("/proc/pressure/memory")),
        },
    }
}

/// The `cpu` line: user nice system idle iowait irq softirq steal (guest time is in user already).
fn cpu(stat: &str) -> Cpu {
    let mut ticks = [0u64; 8];
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "));
    for (field, text) in ticks.iter_mut().zip(line.unwrap_or_default().split_whitespace()) {
        *field = text.parse().unwrap_or(0);
    }
    let [user, nice, system, _idle, iowait, irq, softirq, steal] = ticks;
    Cpu {
        user: user + nice,
        system: system + irq + softirq,
        iowait,
        steal,
        total: ticks.iter().sum(),
    }
}

fn count_cores(stat: &str) -> u32 {
    let numbered = |line: &&str| line.starts_with("cpu") && !line.starts_with("cpu ");
    stat.lines().filter(numbered).count() as u32
}

/// Fields 14 and 15, utime and stime. Counted from behind the command's name, which may hold spaces and brackets.
fn process(stat: &str) -> u64 {
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks = |text: &str| text.parse::<u64>().unwrap_or(0);
    after_name.split(' ').skip(11).take(2).map(ticks).sum()
}

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=123`: the total. The averages would smear one second over ten.
fn some(pressure: &str) -> u64 {
    pressure
        .lines()
        .find(|line| line.starts_with("some "))
        .and_then(|line| line.rsplit_once("total="))
        .and_then(|(_, total)| total.trim().parse().ok())
        .unwrap_or(0)
}

/// A field such as `MemTotal:   8000 kB`, in bytes.
fn meminfo(text: &str, field: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .and_then(|value| value.trim().trim_end_matches("kB").trim_end().parse::<u64>().ok())
        .map_or(0, |kib| kib * 1024)
}

/// What happened between two moments `elapsed` µs apart. A counter that went backwards (iowait may) counts as unmoved.
fn difference(before: &Counters, now: &Counters, elapsed: u64) -> MachineSecond {
    let (b, n) = (&before.machine, &now.machine);
    let total = n.total.saturating_sub(b.total).max(1) as f64;
    let share = |now: u64, before: u64| (now.saturating_sub(before) as f64 / total).min(1.0);
    let waited = |now: u64, before: u64| (now.saturating_sub(before) as f64 / elapsed.max(1) as f64).min(1.0);
    MachineSecond {
        user: share(n.user, b.user),
        system: share(n.system, b.system),
        iowait: share(n.iowait, b.iowait),
        steal: share(n.steal, b.steal),
        generator: share(now.process, before.process),
        cpu_pressure: waited(now.pressure.cpu, before.pressure.cpu),
        io_pressure: waited(now.pressure.io, before.pressure.io),
        memory_pressure: waited(now.pressure.memory, before.pressure.memory),
        available: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  100 5 50 800 20 2 3 7 9 0\n\
                        cpu0 50 2 25 400 10 1 1 3 4 0\n\
                        cpu1 50 3 25 400 10 1 2 4 5 0\n\
                        intr 12345 0\n";
    const SELF: &str = "4242 (a b) c)) S 1 2 3 0 -1 4194304 100 0 0 0 70 30 11 12 20 0 4 0 999 1000 200\n";

    #[test]
    fn the_kernel_files_are_read() {
        let read = cpu(STAT);
        assert_eq!(
            read,
            Cpu {
                user: 105,
                system: 55,
                iowait: 20,
                steal: 7,
                total: 987
            }
        );
        assert_eq!(count_cores(STAT), 2);
        assert_eq!(process(SELF), 100);
        let psi = "some avg10=94.58 avg60=76.05 avg300=72.79 total=689152774\n\
                   full avg10=0.00 avg60=0.00 avg300=0.00 total=5\n";
        assert_eq!(some(psi), 689_152_774);
        let memory = "MemTotal:        8000 kB\nMemAvailable:    5000 kB\n";
        assert_eq!(meminfo(memory, "MemAvailable"), 5000 * 1024);
    }

    #[test]
    fn what_is_missing_or_odd_is_0() {
        assert_eq!(cpu(""), Cpu::default());
        assert_eq!(process("garbage"), 0);
        assert_eq!(some("full avg10=0 total=3\n"), 0);
        assert_eq!(meminfo("MemTotal: lots\n", "MemTotal"), 0);
    }

    #[test]
    fn shares_are_of_all_processors_and_pressure_of_the_time_that_passed() {
        let before = Counters::default();
        let now = Counters {
            machine: Cpu {
                user: 60,
                system: 20,
                iowait: 10,
                steal: 4,
                total: 200,
            },
            process: 30,
            pressure: Pressure {
                cpu: 250_000,
                io: 0,
                memory: 3_000_000,
            },
        };
        let second = difference(&before, &now, 1_000_000);
        assert_eq!((second.user, second.system, second.iowait), (0.3, 0.1, 0.05));
        assert_eq!((second.steal, second.generator), (0.02, 0.15));
        assert_eq!((second.cpu_pressure, second.memory_pressure), (0.25, 1.0));
        // and what went backwards, or did not move, is 0
        assert_eq!(difference(&now, &before, 0), MachineSecond::default());
    }

    #[test]
    fn the_real_machine_answers() {
        let (cores, memory) = cores_and_memory();
        assert!(cores >= 1 && memory > 0);
        assert!(most_memory() > 0);
        let mut sampler = Sampler::new();
        let second = sampler.sample();
        assert!(second.available > 0 && second.available <= memory);
        assert!(second.user + second.system + second.iowait + second.steal <= 1.0 + 1e-9);
    }
}
