//! What must hold whatever comes: panics are counted, memory is measured, time is limited.

use std::fs;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::seed;

/// Threads that make cases at once.
const THREADS: usize = 4;
/// Memory that the pooler may take beyond what it had in the beginning, in bytes; the process is the test's too.
const MOST_MEMORY: usize = 256 << 20;
/// Cases between two looks at an ordinary client.
const LOOK_EVERY: u64 = 100;

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Counts panics of the pooler's threads, whose tasks would otherwise swallow them.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let thread = std::thread::current();
            let name = thread.name().unwrap_or_default();
            if name.starts_with("pool-") || name.starts_with("tokio") {
                PANICS.fetch_add(1, Ordering::SeqCst);
            }
            before(info);
        }));
    });
}

/// Bytes of this process in memory.
pub fn memory() -> usize {
    let text = fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

fn time() -> Duration {
    let seconds = std::env::var("CANVASS_FUZZ_SECONDS").map_or(2, |text| text.parse().unwrap());
    Duration::from_secs(seconds)
}

/// Runs cases on several threads until the time is over. `ordinary`: what must go on as ever.
pub fn run(first: u64, case: impl Fn(u64) + Sync, ordinary: impl Fn() + Sync) {
    count_panics();
    ordinary();
    let first = seed(first);
    let (next, stopped) = (AtomicU64::new(first), AtomicBool::new(false));
    let before = memory();
    let until = Instant::now() + time();
    let work = || {
        while Instant::now() < until && !stopped.load(Ordering::SeqCst) {
            let number = next.fetch_add(1, Ordering::SeqCst);
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                case(number);
                if number.is_multiple_of(LOOK_EVERY) {
                    ordinary();
                }
            }));
            let panics = PANICS.load(Ordering::SeqCst);
            if done.is_err() || panics > 0 {
                stopped.store(true, Ordering::SeqCst);
                panic!(
                    "case {number}, or one of the {THREADS} before it; {panics} panics of the pooler's threads"
                );
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        let failed = threads
            .into_iter()
            .filter_map(|thread| thread.join().err())
            .next();
        if let Some(failed) = failed {
            std::panic::resume_unwind(failed);
        }
    });
    ordinary();
    let grown = memory().saturating_sub(before);
    println!(
        "{} cases, memory grew by {} KB",
        next.into_inner() - first,
        grown >> 10
    );
    assert!(grown < MOST_MEMORY, "memory grew by {grown} bytes");
}
