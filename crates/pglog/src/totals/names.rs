//! Names that occur again and again, as small numbers.

use crate::hash::{ByHash, hash};

/// Names of one kind. Number 0 is "none"; beyond [`Names::MOST`] all new ones are number 1.
#[derive(Debug, Clone)]
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

    /// The name of a number.
    pub fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", |name| name)
    }
}
