//! Names that occur again and again, as small numbers.

use serde::{Deserialize, Serialize};

use crate::hash::{ByHash, hash};

/// Names of one kind. Number 0 is "none"; beyond [`Names::MOST`] all new ones are number 1.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Vec<Box<str>>", into = "Vec<Box<str>>")]
pub struct Names {
    names: Vec<Box<str>>,
    numbers: ByHash<u32>,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            names: vec!["".into(), Self::OTHERS.into()],
            numbers: ByHash::default(),
        }
    }
}

impl From<Vec<Box<str>>> for Names {
    fn from(names: Vec<Box<str>>) -> Self {
        let numbered = names.iter().enumerate().skip(2);
        let numbers = numbered
            .map(|(number, name)| (hash(name.as_bytes()), number as u32))
            .collect();
        Self { names, numbers }
    }
}

impl From<Names> for Vec<Box<str>> {
    fn from(names: Names) -> Self {
        names.names
    }
}

impl Names {
    /// Most names of one kind.
    pub const MOST: usize = 20_000;
    /// What stands for all beyond.
    pub const OTHERS: &str = "(others)";

    /// A name's number.
    pub fn number(&mut self, name: &[u8]) -> u32 {
        if name.is_empty() {
            return 0;
        }
        let key = hash(name);
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        if self.names.len() >= Self::MOST {
            return 1;
        }
        let number = self.names.len() as u32;
        self.names
            .push(crate::clean::clean(&String::from_utf8_lossy(name)).into());
        self.numbers.insert(key, number);
        number
    }

    /// How many numbers are taken.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Never: numbers 0 and 1 are taken from the beginning.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The name of a number.
    pub fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", |name| name)
    }
}
