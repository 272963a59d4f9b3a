//! What is known of every key while rows stream past.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::outcome::{Outcome, Sample};
use super::{Options, SAMPLES, canonical};

/// A hash of a key's columns. With 10 million keys the chance that any two share one is below 10⁻²⁴.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key([u8; 16]);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let half = self.0.first_chunk().copied().unwrap_or_default();
        state.write_u64(u64::from_le_bytes(half));
    }
}

/// The map's hash of what is a hash already.
#[derive(Debug, Default)]
struct Same(u64);

impl Hasher for Same {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type Map<V> = HashMap<Key, V, BuildHasherDefault<Same>>;

/// An acknowledged key. Bytes, not words, so that an entry of the map has 25 of them and no padding.
#[derive(Debug)]
struct Entry {
    value: [u8; 8],
    flags: u8,
}

const HELD: u8 = 1;
const DOUBLED: u8 = 2;
const DIFFERENT: u8 = 4;
/// Acknowledged with more values than `Entry::value`: the others are in `Ledger::others`.
const CONFLICTING: u8 = 8;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The first so many columns of a row are its key.
    width: usize,
    acknowledged: Map<Entry>,
    /// Further values of keys that were acknowledged with several.
    others: Map<Vec<[u8; 8]>>,
    /// Keys that are held but were not acknowledged; true when more than once.
    extra: Map<bool>,
    outcome: Outcome,
    scratch: Vec<u8>,
}

/// The hash of a key's columns.
pub(super) fn key_of(columns: &[String]) -> Key {
    let mut bytes = Vec::with_capacity(64);
    for column in columns {
        bytes.extend_from_slice(&(column.len() as u64).to_le_bytes());
        bytes.extend_from_slice(column.as_bytes());
    }
    Key(xxh3_128(&bytes).to_le_bytes())
}

impl Ledger {
    pub(super) fn new(width: usize) -> Self {
        Self {
            width,
            ..Self::default()
        }
    }

    /// Takes an acknowledged row: the key's columns, then the compared ones.
    pub(super) fn acknowledge(&mut self, row: &[String]) {
        let (columns, values) = row.split_at(self.width);
        let (key, value) = (key_of(columns), self.value_of(values));
        let Some(entry) = self.acknowledged.get_mut(&key) else {
            self.acknowledged.insert(key, Entry { value, flags: 0 });
            return;
        };
        let known =
            |others: &Map<Vec<[u8; 8]>>| others.get(&key).is_some_and(|values| values.contains(&value));
        if entry.value == value || (entry.flags & CONFLICTING > 0 && known(&self.others)) {
            self.outcome.resent += 1;
            return;
        }
        if entry.flags & CONFLICTING == 0 {
            entry.flags |= CONFLICTING;
            self.outcome.conflicting.add(columns);
        }
        self.others.entry(key).or_default().push(value);
    }

    /// Takes a row that is held.
    pub(super) fn hold(&mut self, row: &[String]) {
        self.outcome.held_rows += 1;
        let (columns, values) = row.split_at(self.width);
        let (key, value) = (key_of(columns), self.value_of(values));
        let Some(entry) = self.acknowledged.get_mut(&key) else {
            self.hold_extra(key, columns);
            return;
        };
        if entry.flags & HELD == 0 {
            self.outcome.held_keys += 1;
        } else if entry.flags & DOUBLED == 0 {
            entry.flags |= DOUBLED;
            self.outcome.doubled.add(columns);
        }
        entry.flags |= HELD;
        let is_other = || {
            self.others
                .get(&key)
                .is_some_and(|values| values.contains(&value))
        };
        let equal = entry.value == value || (entry.flags & CONFLICTING > 0 && is_other());
        if !equal && entry.flags & DIFFERENT == 0 {
            entry.flags |= DIFFERENT;
            self.outcome.different.add(columns);
            if let Some(sample) = self
                .outcome
                .different
                .samples
                .last_mut()
                .filter(|s| s.key == columns)
            {
                sample.held = values.to_vec();
            }
        }
    }

    fn hold_extra(&mut self, key: Key, columns: &[String]) {
        match self.extra.get_mut(&key) {
            None => {
                self.extra.insert(key, false);
                self.outcome.held_keys += 1;
                self.outcome.extra.add(columns);
            }
            Some(doubled) if !*doubled => {
                *doubled = true;
                self.outcome.doubled.add(columns);
                self.outcome.doubled_extra += 1;
            }
            Some(_) => {}
        }
    }

    pub(super) fn is_lost(&self, key: Key) -> bool {
        self.acknowledged
            .get(&key)
            .is_some_and(|entry| entry.flags & HELD == 0)
    }

    /// What came of it; samples of what was lost are still missing.
    pub(super) fn outcome(&mut self, options: &Options) -> Outcome {
        let mut outcome = std::mem::take(&mut self.outcome);
        outcome.key = options.key.clone();
        outcome.compare = options.compare.clone();
        outcome.no_extra = options.no_extra;
        outcome.acknowledged_keys = self.acknowledged.len() as u64;
        let lost = self.acknowledged.values().filter(|entry| entry.flags & HELD == 0);
        outcome.lost.count = lost.count() as u64;
        outcome
    }

    fn value_of(&mut self, values: &[String]) -> [u8; 8] {
        self.scratch.clear();
        for value in values {
            canonical::push(value, &mut self.scratch);
        }
        xxh3_64(&self.scratch).to_le_bytes()
    }
}

impl super::Finding {
    /// Counts one, and keeps it when it is among the first.
    fn add(&mut self, key: &[String]) {
        self.count += 1;
        if self.samples.len() < SAMPLES {
            self.samples.push(Sample::of(key));
        }
    }
}
