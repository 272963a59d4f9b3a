//! The same messages, sent to PostgreSQL itself and through the pooler, have the same replies: thousands of generated
//! sequences, valid and broken, compared after process ids, keys, times and names of prepared statements are left out.
//!
//! `CANVASS_DIFFER=20000` sets how many sequences are tried, `CANVASS_TEST_SEED` with which one it begins. What cannot
//! be equal is left out by `rules.rs`, with its reason.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test: a panic is its message"
)]

mod broken;
mod exchange;
mod generate;
mod rules;
mod say;
mod shrink;
mod statements;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use exchange::{Delivery, Ending, Heard, Sequence};
use generate::Generator;
use rules::{RULES, Setup, left_out};
use say::Say;
use support::{Database, Pooler, seed};

/// How many sequences a test tries.
fn how_many(usual: u64) -> u64 {
    std::env::var("CANVASS_DIFFER").map_or(usual, |text| text.parse().unwrap())
}

/// PostgreSQL, and the pooler before it.
struct Pair {
    database: Database,
    /// None compares PostgreSQL with itself.
    pooler: Option<Pooler>,
    setup: Setup,
}

#[derive(PartialEq, Eq)]
enum Outcome {
    Same,
    Different,
    /// The pooler neither answers nor ends the conversation.
    Stuck,
}

impl Pair {
    fn new(setup: Setup) -> Self {
        let mut pair = Self::without_pooler(setup);
        let (mode, tracked) = match setup {
            Setup::Session => ("session", "0"),
            Setup::Transaction => ("transaction", "5"),
            Setup::Untracked => ("transaction", "0"),
        };
        let settings = [
            ("pool_mode", mode),
            ("max_prepared_statements", tracked),
            ("default_pool_size", "3"),
            ("max_client_conn", "100"),
        ];
        pair.pooler = Some(Pooler::start(&pair.database, &settings));
        pair
    }

    fn without_pooler(setup: Setup) -> Self {
        let database = Database::new();
        database.direct().run(statements::SETUP);
        Self {
            database,
            pooler: None,
            setup,
        }
    }

    /// What PostgreSQL and what the pooler answers.
    fn hear(&self, sequence: &Sequence) -> (Heard, Heard) {
        let direct = sequence.direct(self.database.address, &self.database.name);
        assert!(
            !direct.is_stuck(),
            "PostgreSQL waits for more:\n{}",
            sequence.show()
        );
        let address = self
            .pooler
            .as_ref()
            .map_or(self.database.address, |pooler| pooler.address);
        let pooled = sequence.like(&direct, address, &self.database.name);
        (direct, pooled)
    }

    fn outcome(&self, sequence: &Sequence) -> Outcome {
        if left_out(&sequence.says, self.setup).is_some() {
            return Outcome::Same;
        }
        let (direct, pooled) = self.hear(sequence);
        match direct.is_same(&pooled) {
            true => Outcome::Same,
            false if pooled.is_stuck() => Outcome::Stuck,
            false => Outcome::Different,
        }
    }

    /// # Panics
    /// With the shortest sequence found that differs, and both replies.
    fn complain(&self, seed: u64, sequence: &Sequence, seen: &str) -> ! {
        // What leaves a client without an answer may leave the pooler in no state to answer others.
        let fresh = || Self::new(self.setup);
        let (mut short, mut pair) = (sequence.clone(), fresh());
        while let Some(shorter) = shrink::smaller(&short).into_iter().find(|shorter| {
            let outcome = pair.outcome(shorter);
            if outcome == Outcome::Stuck {
                pair = fresh();
            }
            outcome != Outcome::Same
        }) {
            short = shorter;
        }
        let (direct, pooled) = fresh().hear(&short);
        panic!(
            "{:?}, CANVASS_TEST_SEED={seed}: the replies differ.\n\n{}\n\n{}\n\nAs first seen:\n{seen}",
            self.setup,
            short.show(),
            direct.compare(&pooled)
        );
    }

    /// # Panics
    /// With every sequence whose replies differ.
    fn check_all(&self, sequences: impl Iterator<Item = Vec<Say>>) {
        let (mut wrong, mut tried) = (vec![], 0);
        for says in sequences {
            let sequence = Sequence {
                says,
                delivery: Delivery::Whole,
                ending: Ending::LastQuery,
            };
            let (direct, pooled) = self.hear(&sequence);
            tried += 1;
            if !direct.is_same(&pooled) {
                wrong.push(format!("{}\n{}", sequence.show(), direct.compare(&pooled)));
            }
        }
        assert!(
            wrong.is_empty(),
            "{} of {tried} differ:\n\n{}",
            wrong.len(),
            wrong.join("\n\n")
        );
    }

    /// Tries sequences by their seeds, several at once, so that servers change hands.
    fn run(&self, first: u64, number: u64) {
        let (next, left, wrong) = (
            AtomicU64::new(first),
            Mutex::new(BTreeMap::new()),
            Mutex::new(None),
        );
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while wrong.lock().unwrap().is_none() {
                        let seed = next.fetch_add(1, Ordering::SeqCst);
                        if seed >= first + number {
                            return;
                        }
                        let sequence = Generator::new(seed, self.setup).sequence();
                        if let Some(reason) = left_out(&sequence.says, self.setup) {
                            *left.lock().unwrap().entry(reason).or_insert(0) += 1;
                            continue;
                        }
                        let (direct, pooled) = self.hear(&sequence);
                        if !direct.is_same(&pooled) {
                            let seen = format!("{}\n{}", sequence.show(), direct.compare(&pooled));
                            println!("CANVASS_TEST_SEED={seed}: first seen:\n{seen}");
                            *wrong.lock().unwrap() = Some((seed, sequence, seen));
                        }
                    }
                });
            }
        });
        if let Some((seed, sequence, seen)) = wrong.into_inner().unwrap() {
            self.complain(seed, &sequence, &seen);
        }
        let left = left.into_inner().unwrap();
        println!("{:?}: {number} sequences, left out: {left:#?}", self.setup);
        let compared = number - left.values().sum::<u64>();
        assert!(compared * 2 > number, "most of it is left out: {left:#?}");
    }
}

#[test]
fn postgresql_says_the_same_twice() {
    Pair::without_pooler(Setup::Session).run(seed(4_000_000), how_many(300));
}

#[test]
fn in_session_mode_the_replies_are_those_of_postgresql() {
    Pair::new(Setup::Session).run(seed(1_000_000), how_many(1200));
}

#[test]
fn in_transaction_mode_with_tracked_statements_the_replies_are_those_of_postgresql() {
    Pair::new(Setup::Transaction).run(seed(2_000_000), how_many(1500));
}

#[test]
fn in_transaction_mode_without_tracking_the_replies_are_those_of_postgresql() {
    Pair::new(Setup::Untracked).run(seed(3_000_000), how_many(1200));
}

#[test]
fn every_broken_message_has_the_reply_of_postgresql() {
    let pair = Pair::new(Setup::Transaction);
    let before_and_after = |message: &Say| {
        vec![
            Say::parse("s1", "SELECT 1"),
            message.clone(),
            Say::execute("", 0),
            Say::Sync,
        ]
    };
    let sequences = broken::all()
        .into_iter()
        .flat_map(|message| [vec![message.clone()], before_and_after(&message)]);
    pair.check_all(sequences);
}

#[test]
fn what_was_said_before_the_framing_was_lost_is_answered() {
    let pair = Pair::new(Setup::Transaction);
    let before: [&[Say]; 6] = [
        &[Say::query("SELECT 1")],
        &[
            Say::query("BEGIN"),
            Say::query("INSERT INTO sink VALUES (1, 'one')"),
        ],
        &[
            Say::parse("", "SELECT 1"),
            Say::bind("", "", &[]),
            Say::execute("", 0),
            Say::Sync,
        ],
        &[Say::parse("", "SELECT 1/0"), Say::bind("", "", &[])],
        &[
            Say::query("COPY sink FROM STDIN"),
            Say::CopyData("1\tone\n".into()),
        ],
        &[Say::query(
            "SELECT repeat('x', 5000) FROM generate_series(1, 100)",
        )],
    ];
    let sequences = broken::out_of_step()
        .into_iter()
        .flat_map(|message| before.map(|before| [before, std::slice::from_ref(&message)].concat()));
    pair.check_all(sequences);
}

#[test]
fn every_rule_leaves_something_out_and_no_rule_leaves_out_what_is_usual() {
    for setup in [Setup::Session, Setup::Transaction, Setup::Untracked] {
        let usual = [
            vec![Say::query("SELECT 1")],
            vec![
                Say::parse("", "SELECT 1"),
                Say::bind("", "", &[]),
                Say::execute("", 0),
                Say::Sync,
            ],
            vec![
                Say::query("BEGIN"),
                Say::query("SET LOCAL work_mem = '2MB'"),
                Say::query("COMMIT"),
            ],
        ];
        for says in usual {
            assert_eq!(left_out(&says, setup), None);
        }
    }
    for (reason, applies) in RULES {
        let found = (0..3000).any(|seed| {
            let says = Generator::new(seed, Setup::Session).sequence().says;
            applies(&says, Setup::Untracked)
        });
        assert!(found, "no sequence meets the rule: {reason}");
    }
}
