//! What pg_query calls different is different with us, and hardly anything that it calls the same is not.

use std::collections::{BTreeMap, BTreeSet};

use canvass_pglog::sql::Normalizer;

use super::corpus::{self, Entry, Flag};

/// pg_query's three fingerprints; the last two together know every table by its name.
type Opinion = (u64, u64, u64);

struct Judged {
    entry: Entry,
    ours: u64,
    text: String,
    pg_query: Opinion,
}

fn judged() -> Vec<Judged> {
    let stored = super::file("corpus.fingerprints");
    let opinions: BTreeMap<&str, Opinion> = stored
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut words = line.split(' ');
            let name = words.next().unwrap();
            let mut hex = || u64::from_str_radix(words.next().unwrap(), 16).unwrap();
            (name, (hex(), hex(), hex()))
        })
        .collect();
    let mut normalizer = Normalizer::default();
    corpus::parse(&super::file("corpus.sql.txt"))
        .into_iter()
        .map(|entry| {
            let normal = normalizer.normalize(entry.sql.as_bytes());
            let pg_query = *opinions
                .get(entry.name.as_str())
                .unwrap_or_else(|| panic!("{}: no fingerprint; run the oracle", entry.name));
            Judged {
                ours: normal.fingerprint,
                text: normal.text.to_owned(),
                pg_query,
                entry,
            }
        })
        .collect()
}

/// Given the corpus, when two statements have one fingerprint, then pg_query cannot tell them apart either, at any of
/// its settings; but for commands that hold literals as words.
#[test]
fn nothing_merges_that_pg_query_tells_apart() {
    let judged = judged();
    assert!(judged.len() >= 600, "{} statements", judged.len());
    let mut groups: BTreeMap<u64, Vec<&Judged>> = BTreeMap::new();
    for one in &judged {
        groups.entry(one.ours).or_default().push(one);
    }
    let mut merged = Vec::new();
    for group in groups.values() {
        let opinions: BTreeSet<Opinion> = group
            .iter()
            .filter(|one| one.entry.flag != Flag::Literals)
            .map(|one| one.pg_query)
            .collect();
        if opinions.len() > 1 {
            merged.extend(
                group
                    .iter()
                    .map(|one| format!("{} {:?}: {}", one.entry.name, one.pg_query, one.text)),
            );
        }
    }
    assert!(merged.is_empty(), "{}", merged.join("\n"));
}

/// Given the corpus, when pg_query calls statements the same, then so do we, but for at most 1 % of what it knows.
#[test]
fn little_splits_that_pg_query_calls_the_same() {
    let judged = judged();
    let ordinary: Vec<&Judged> = judged
        .iter()
        .filter(|one| one.entry.flag != Flag::Apart)
        .collect();
    let groups = by_opinion(&ordinary);
    let splits: Vec<String> = groups
        .values()
        .filter(|ours| ours.len() > 1)
        .map(describe)
        .collect();
    println!(
        "{} of {} are split\n{}",
        splits.len(),
        groups.len(),
        splits.join("\n")
    );
    assert!(splits.len() * 100 <= groups.len());
}

/// Given the statements that are kept apart on purpose, then each is still told from an ordinary one that pg_query
/// calls the same; a flag that is not needed any more goes.
#[test]
fn what_is_kept_apart_is_apart() {
    let judged = judged();
    let ordinary: Vec<&Judged> = judged
        .iter()
        .filter(|one| one.entry.flag != Flag::Apart)
        .collect();
    let groups = by_opinion(&ordinary);
    for one in judged.iter().filter(|one| one.entry.flag == Flag::Apart) {
        let ours = groups.get(&one.pg_query);
        let apart = ours.is_some_and(|ours| !ours.contains_key(&one.ours));
        assert!(apart, "{} needs no flag: {}", one.entry.name, one.text);
    }
}

type Groups<'a> = BTreeMap<Opinion, BTreeMap<u64, Vec<&'a Judged>>>;

fn by_opinion<'a>(judged: &[&'a Judged]) -> Groups<'a> {
    let mut groups = Groups::new();
    for one in judged {
        groups
            .entry(one.pg_query)
            .or_default()
            .entry(one.ours)
            .or_default()
            .push(one);
    }
    groups
}

fn describe(ours: &BTreeMap<u64, Vec<&Judged>>) -> String {
    let mut text = String::from("one to pg_query:");
    for group in ours.values() {
        let names: Vec<&str> = group.iter().map(|one| one.entry.name.as_str()).collect();
        text += &format!("\n  {} | {}", names.join(" "), group[0].text);
    }
    text
}
