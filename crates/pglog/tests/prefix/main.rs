//! Any `log_line_prefix` is found from the lines that it wrote.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test: a panic is its message"
)]

#[path = "../support/mod.rs"]
mod support;

use canvass_pglog::input::Reading;
use canvass_pglog::prefix::Prefix;
use fastrand::Rng;
use support::{Entry, dice, read_as, write};

/// Prefixes as people set them.
const USUAL: [&str; 48] = [
    "%m [%p] ",
    "%m [%p] %q%u@%d ",
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] user=%u,db=%d ",
    "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] ",
    "%t:%r:%u@%d:[%p]:",
    "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:",
    "%t [%p-%l] %q%u@%d ",
    "%m [%p] %q[user=%u,db=%d,app=%a] ",
    "%m [%p] %c %l %e %u@%d %a %h %b %Q ",
    "%m [%p]: [%l-1] db=%d,user=%u ",
    "%m %p %u@%d %h %a ",
    "%m [%p] %u %d %a ",
    "%m [%p] %u %d %h ",
    "%m %u %d %r %p ",
    "%n [%p] %u@%d ",
    "%p %t %u@%d ",
    "[%p] %m ",
    "<%m> <%p> <%u> <%d> ",
    "%m|%p|%u|%d|%a|%h|",
    "%m;%p;%c;%l;%u;%d;%h;%e;",
    "prod-db-1 %m [%p] %u@%d ",
    "%m [%p]: db=%d,user=%u,app=%a,client=%r ",
    "%m [%p]: user=%u, db=%d, app=%a, client=%h, ",
    "%t [%p]: [%l] %u@%d/%a ",
    "%m [%p] [%c-%l] %u@%d ",
    "%m %c-%l %u@%d %h ",
    "%m [%p] %b %u@%d ",
    "%m [%b] [%p] ",
    "%m [%p] %e ",
    "%m [%p:%e] %u@%d ",
    "%m [%p] %i %u@%d ",
    "pid=%p time=%m user=%u db=%d host=%h ",
    "%m pid=%p user=%u db=%d app=%a client=%h ",
    "[%m] [%p] [%u] [%d] [%h] ",
    "%m [%p] %r %u@%d ",
    "%m [%p] %v %x %u@%d ",
    "%m [%p] %q%u@%d/%a %h ",
    "%t %u@%d[%p] ",
    "%c %m %u %d ",
    "%m [%l] [%p] %u@%d ",
    "%m [%p] %s %u@%d ",
    "%m [%p] %a %u@%d ",
    "%m [%p] qid=%Q %u@%d ",
    "%m [%-6p] %10u@%d ",
    "time=%m,pid=%p,%q db=%d,usr=%u,client=%h , app=%a, line=%l ",
    "%m [%p] %d:%u:%h ",
];

fn check(prefix: &str, entries: &[Entry]) -> Result<String, String> {
    let log = write::stderr(prefix, entries);
    let given = Reading {
        prefix: Some(Prefix::parse(prefix).unwrap()),
        ..Reading::default()
    };
    let wanted = read_as(log.as_bytes(), &given, 1).unwrap().unwrap();
    let found = match read_as(log.as_bytes(), &Reading::default(), 1) {
        Ok(found) => found.unwrap(),
        Err(error) => return Err(format!("{prefix:?}: {error}")),
    };
    let text = found.prefix.clone().unwrap();
    if found.json() == wanted.json() {
        return Ok(text);
    }
    let line = log.lines().next().unwrap_or_default();
    Err(format!("{prefix:?} was taken for {text:?}: {line}"))
}

/// Several logs, so that chance hides nothing; entries of background processes among them.
fn entries(seed: u64, count: usize) -> Vec<Entry> {
    dice::records(&mut Rng::with_seed(seed), count)
}

#[test]
fn usual_prefixes_are_found() {
    let mut wrong = Vec::new();
    for prefix in USUAL {
        for seed in 0..2 {
            wrong.extend(check(prefix, &entries(seed, 200)).err());
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}

/// A prefix of usual pieces in an order of its own.
fn any(dice: &mut Rng) -> String {
    let mut text = String::new();
    text.push_str(["%m ", "%t ", "%n ", "[%m] ", "db1 %m "][dice.usize(..5)]);
    text.push_str(
        [
            "[%p] ",
            "[%p]: ",
            "%p ",
            "[%p]: [%l-1] ",
            "[%p-%l] ",
            "%c %p ",
            "(%p) %l ",
        ][dice.usize(..7)],
    );
    if dice.u8(..4) == 0 {
        text.push_str(["%e ", "[%e] ", "state=%e "][dice.usize(..3)]);
    }
    if dice.u8(..3) == 0 {
        text.push_str("%q");
    }
    text.push_str(
        [
            "%u@%d ",
            "user=%u,db=%d ",
            "%u@%d %h ",
            "user=%u,db=%d,app=%a,client=%h ",
            "[%u@%d] ",
            "%u@%d app=%a ",
            "db=%d,user=%u,host=%r ",
            "<%u|%d|%h> ",
            "%r %u@%d ",
        ][dice.usize(..9)],
    );
    if dice.u8(..4) == 0 {
        text.push_str(["%b ", "[%b] ", "backend=%b "][dice.usize(..3)]);
    }
    if dice.u8(..4) == 0 {
        text.push_str(["qid=%Q ", "%Q "][dice.usize(..2)]);
    }
    text
}

#[test]
fn prefixes_put_together_of_usual_pieces_are_found() {
    let seconds: u64 = std::env::var("CANVASS_FUZZ_SECONDS").map_or(2, |text| text.parse().unwrap());
    let until = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
    let first: u64 = std::env::var("CANVASS_TEST_SEED").map_or(1, |text| text.parse().unwrap());
    let mut seed = first;
    let mut wrong = Vec::new();
    while std::time::Instant::now() < until {
        let mut dice = Rng::with_seed(seed);
        let prefix = any(&mut dice);
        wrong.extend(
            check(&prefix, &entries(seed, 300))
                .err()
                .map(|e| format!("seed {seed}: {e}")),
        );
        seed += 1;
    }
    println!("{} prefixes, {} not found", seed - first, wrong.len());
    // What two prefixes read alike nobody can tell apart: it must be rare.
    assert!(
        wrong.len() as u64 <= (seed - first) / 20 + 1,
        "{}\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
