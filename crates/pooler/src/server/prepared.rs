//! The statements that a server has prepared, the least recently used first to go.

use std::collections::HashMap;
use std::sync::Arc;

use crate::session::Statement;

/// Which statements a server has.
#[derive(Debug, Default)]
pub struct OnServer {
    known: HashMap<u64, (Arc<Statement>, u64)>,
    uses: u64,
}

impl OnServer {
    /// True when the server has the statement, which counts as a use.
    pub fn touch(&mut self, statement: &Statement) -> bool {
        self.uses += 1;
        match self.known.get_mut(&statement.id) {
            Some((_, used)) => {
                *used = self.uses;
                true
            }
            None => false,
        }
    }

    /// Notes that the server has the statement; what it has too many now, to be closed there.
    pub fn add(&mut self, statement: &Arc<Statement>, most: usize) -> Vec<Arc<Statement>> {
        self.uses += 1;
        self.known.insert(statement.id, (statement.clone(), self.uses));
        let mut evicted = Vec::new();
        while self.known.len() > most.max(1) {
            let oldest = self
                .known
                .iter()
                .min_by_key(|(_, (_, used))| *used)
                .map(|(&id, _)| id);
            evicted.extend(
                oldest
                    .and_then(|id| self.known.remove(&id))
                    .map(|(statement, _)| statement),
            );
        }
        evicted
    }

    /// Notes that the server has the statement no more.
    pub fn forget(&mut self, statement: &Statement) {
        self.known.remove(&statement.id);
    }

    /// Notes that the server has none any more.
    pub fn forget_all(&mut self) {
        self.known.clear();
    }

    /// All, the least recently used first.
    pub fn by_use(&self) -> Vec<Arc<Statement>> {
        let mut all: Vec<_> = self.known.values().collect();
        all.sort_by_key(|(_, used)| *used);
        all.into_iter().map(|(statement, _)| statement.clone()).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.known.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Texts;

    #[test]
    fn the_least_recently_used_goes_first() {
        let texts = Texts::default();
        let [a, b, c] = [b"a", b"b", b"c"].map(|text| texts.statement(text));
        let mut server = OnServer::default();
        assert!(server.add(&a, 2).is_empty());
        assert!(server.add(&b, 2).is_empty());
        assert!(server.touch(&a));
        let evicted = server.add(&c, 2);
        assert_eq!(evicted.len(), 1);
        assert_eq!(evicted[0].id, b.id);
        assert!(!server.touch(&b));
        assert_eq!(server.len(), 2);
    }
}
