//! What is counted by a key of which there may be ever so many.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What can be added to another of its kind.
pub trait Merge: Default {
    /// Adds another's.
    fn merge(&mut self, other: &Self);
}

impl Merge for u64 {
    fn merge(&mut self, other: &Self) {
        *self += other;
    }
}

/// Something counted by key. The first `MOST` keys have an account each; later ones share one. Depends on the order of the log
/// alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger<K: Ord, V, const MOST: usize = 1000> {
    accounts: BTreeMap<K, V>,
    others: Option<Box<V>>,
}

impl<K: Ord, V, const MOST: usize> Default for Ledger<K, V, MOST> {
    fn default() -> Self {
        Self {
            accounts: BTreeMap::new(),
            others: None,
        }
    }
}

impl<K: Ord + Clone, V: Merge, const MOST: usize> Ledger<K, V, MOST> {
    /// A key's account, or the one of all others.
    pub fn of(&mut self, key: &K) -> &mut V {
        if !self.accounts.contains_key(key) {
            if self.accounts.len() >= MOST {
                return self.others.get_or_insert_default();
            }
            self.accounts.insert(key.clone(), V::default());
        }
        self.accounts.entry(key.clone()).or_default()
    }

    /// A key's account, if it has one.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.accounts.get_mut(key)
    }

    /// All accounts, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.accounts.iter()
    }

    /// The account of all keys beyond.
    pub fn others(&self) -> Option<&V> {
        self.others.as_deref()
    }

    /// How many accounts there are.
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// The accounts with the largest `size`, largest first, of equals in the order of their keys.
    pub fn largest<S: Ord>(&self, most: usize, size: impl Fn(&V) -> S) -> Vec<(&K, &V)> {
        let mut order: Vec<(&K, &V)> = self.accounts.iter().collect();
        order.sort_by(|a, b| size(b.1).cmp(&size(a.1)).then_with(|| a.0.cmp(b.0)));
        order.truncate(most);
        order
    }
}

impl<K: Ord + Clone, V: Merge, const MOST: usize> Merge for Ledger<K, V, MOST> {
    fn merge(&mut self, other: &Self) {
        for (key, value) in &other.accounts {
            self.of(key).merge(value);
        }
        if let Some(others) = &other.others {
            self.others.get_or_insert_default().merge(others);
        }
    }
}

impl<K: Ord + Serialize, V: Serialize, const MOST: usize> Serialize for Ledger<K, V, MOST> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Pairs: a key may be more than a string.
        (self.accounts.iter().collect::<Vec<_>>(), &self.others).serialize(serializer)
    }
}

impl<'de, K: Ord + DeserializeOwned, V: DeserializeOwned, const MOST: usize> Deserialize<'de>
    for Ledger<K, V, MOST>
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (accounts, others) = <(Vec<(K, V)>, Option<Box<V>>)>::deserialize(deserializer)?;
        Ok(Self {
            accounts: accounts.into_iter().collect(),
            others,
        })
    }
}

/// How often, and when first and last (µs since 1970 UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// How often.
    pub count: u64,
    /// When first.
    pub first: i64,
    /// When last.
    pub last: i64,
}

impl Seen {
    /// Once more.
    pub fn at(&mut self, at: i64) {
        self.merge(&Self {
            count: 1,
            first: at,
            last: at,
        });
    }
}

impl Merge for Seen {
    fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        self.count += other.count;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

/// Who did something, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Caller {
    /// `%a`.
    pub application: Box<str>,
    /// `%u`.
    pub user: Box<str>,
    /// `%d`.
    pub database: Box<str>,
}

/// How often and how much: µs, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// How often.
    pub count: u64,
    /// In all.
    pub sum: u64,
    /// The largest.
    pub max: u64,
}

impl Amount {
    /// Once more.
    pub fn add(&mut self, amount: u64) {
        self.count += 1;
        self.sum += amount;
        self.max = self.max.max(amount);
    }
}

impl Merge for Amount {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_beyond_the_limit_share_an_account_and_nothing_is_lost() {
        let mut ledger: Ledger<u32, u64, 2> = Ledger::default();
        for key in [1, 2, 3, 1, 4] {
            *ledger.of(&key) += 1;
        }
        assert_eq!(ledger.largest(9, |n| *n), [(&1, &2), (&2, &1)]);
        assert_eq!(ledger.others(), Some(&2));
        let text = serde_json::to_string(&ledger).unwrap();
        let mut merged: Ledger<u32, u64, 2> = serde_json::from_str(&text).unwrap();
        assert_eq!(merged, ledger);
        merged.merge(&ledger);
        assert_eq!(
            merged.iter().map(|(_, n)| n).sum::<u64>() + merged.others().unwrap(),
            10
        );
    }
}
