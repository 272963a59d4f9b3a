//! Families of made-up statements, compared with pg_query.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::process::ExitCode;

use fastrand::Rng;

use crate::corpus::Entry;
use crate::generate::{Generator, Piece};
use crate::sql::{Kind, Normalizer};
use crate::{Opinion, ask, lexing, mutate};

/// How many statements of one shape are compared, and how many of them with one token changed.
const SAME: usize = 5;
const CHANGED: usize = 12;

#[derive(Default)]
struct Seen {
    /// By our fingerprint: pg_query's opinion, with a statement.
    ours: HashMap<u64, (Opinion, String)>,
    /// By family and pg_query's opinion: our fingerprints, each with a statement; of what was not changed.
    theirs: HashMap<(u64, Opinion), BTreeMap<u64, String>>,
    statements: usize,
    refused: usize,
    merges: usize,
}

/// Makes up so many families and compares; fails on any merge, on more than 1 % of splits, and when the lexer's tokens
/// end elsewhere than PostgreSQL's.
pub fn run(corpus: &[Entry], families: u64, seed: u64) -> ExitCode {
    let mut normalizer = Normalizer::default();
    let mut seen = Seen::default();
    for family in 0..families {
        let shape = seed.wrapping_mul(1_000_003).wrapping_add(family);
        let mut surface = Rng::with_seed(shape ^ 0x5eed);
        for _ in 0..SAME {
            let pieces = make(shape, &mut surface);
            seen.compare(
                &mut normalizer,
                mutate::write(&pieces, &mut surface),
                Some(family),
            );
        }
        for _ in 0..CHANGED {
            let mut pieces = make(shape, &mut surface);
            for _ in 0..surface.u8(1..3) {
                mutate::change(&mut pieces, &mut surface);
            }
            seen.compare(&mut normalizer, mutate::write(&pieces, &mut surface), None);
        }
    }
    let splits = seen.report();
    seen.change_corpus(&mut normalizer, corpus, families as usize * CHANGED, seed);
    let elsewhere = lexing::run(families, seed);
    if seen.merges == 0 && splits * 100 <= seen.theirs.len() && elsewhere == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Commands may keep literals as their words; then pg_query tells them apart, and we do not.
fn differ_in_literals(one: &str, other: &str) -> bool {
    ["1", "'x'"]
        .iter()
        .any(|number| ask(&lexing::level(one, number)) == ask(&lexing::level(other, number)))
}

fn make(shape: u64, surface: &mut Rng) -> Vec<Piece> {
    let mut generator = Generator {
        shape: Rng::with_seed(shape),
        surface: surface.fork(),
        out: Vec::new(),
    };
    generator.statement();
    generator.out
}

impl Seen {
    fn compare(&mut self, normalizer: &mut Normalizer, sql: String, family: Option<u64>) {
        let Ok(opinion) = ask(&sql) else {
            self.refused += 1;
            if family.is_some() && std::env::var_os("REFUSED").is_some() {
                println!("refused: {sql}");
            }
            return;
        };
        self.statements += 1;
        let ours = normalizer.normalize(sql.as_bytes());
        if let Some(family) = family {
            let texts = self.theirs.entry((family, opinion)).or_default();
            texts.entry(ours.fingerprint).or_insert_with(|| sql.clone());
        }
        match self.ours.get(&ours.fingerprint) {
            Some((other, _)) if *other == opinion => {}
            Some((_, text)) if ours.kind > Kind::Merge && differ_in_literals(text, &sql) => {}
            Some((_, text)) => {
                self.merges += 1;
                println!("MERGED {}\n  {text}\n  {sql}", ours.text);
            }
            None => {
                self.ours.insert(ours.fingerprint, (opinion, sql));
            }
        }
    }

    /// Changes statements of the corpus by tokens of others.
    fn change_corpus(&mut self, normalizer: &mut Normalizer, corpus: &[Entry], count: usize, seed: u64) {
        let mut rng = Rng::with_seed(seed);
        let split: Vec<Vec<&str>> = corpus.iter().map(|entry| lexing::split(&entry.sql)).collect();
        let before = self.statements;
        for at in 0..count {
            let mut tokens = split[at % split.len()].clone();
            // Of the first words most depends; of the same program's statements a change is most likely to parse.
            let near = (at % split.len() + rng.usize(..40)).min(split.len() - 1);
            for _ in 0..rng.usize(1..4) {
                let other = &split[if rng.bool() {
                    near
                } else {
                    rng.usize(..split.len())
                }];
                let other = other[rng.usize(..other.len())];
                mutate::exchange(&mut tokens, other, &mut rng);
            }
            self.compare(normalizer, tokens.join(" "), None);
        }
        println!(
            "{} changes to the corpus parse of {count}; {} merged",
            self.statements - before,
            self.merges
        );
    }

    /// Prints the splits and the totals; gives the number of splits.
    fn report(&self) -> usize {
        let split: BTreeSet<Vec<&String>> = self
            .theirs
            .values()
            .filter(|ours| ours.len() > 1)
            .map(|ours| ours.values().collect())
            .collect();
        let mut normalizer = Normalizer::default();
        for texts in &split {
            println!("split:");
            for text in texts {
                println!("  {}", normalizer.normalize(text.as_bytes()).text);
            }
        }
        println!(
            "{} statements parse ({} do not), {} fingerprints of ours, {} of pg_query's in families; {} merged, {} split",
            self.statements,
            self.refused,
            self.ours.len(),
            self.theirs.len(),
            self.merges,
            split.len()
        );
        split.len()
    }
}
