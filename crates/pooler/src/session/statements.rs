//! Prepared statements of a client: under names of its own here, under names of ours on every server.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The beginning of every name of ours.
pub const OURS: &[u8] = b"CANVASS_";

/// A statement's text and parameter types, shared by all who prepared the same.
#[derive(Debug)]
pub struct Statement {
    /// A number of its own, never given twice.
    pub id: u64,
    /// Its name on servers.
    pub name: Box<[u8]>,
    /// What follows the name in a Parse.
    pub definition: Box<[u8]>,
}

/// All statements that any client holds, by their text: the same text is one statement.
#[derive(Debug, Default)]
pub struct Texts(Mutex<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    by_hash: HashMap<u64, Vec<Weak<Statement>>>,
    last_id: u64,
    /// Looked through for statements that nobody holds any more when it has grown to this.
    sweep_at: usize,
}

/// Statements on the shelf before it is first looked through.
const SWEEP_FROM: usize = 1_024;

impl Texts {
    /// The statement with this definition.
    pub fn statement(&self, definition: &[u8]) -> Arc<Statement> {
        let hash = hash(definition);
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.by_hash.len() >= shelf.sweep_at.max(SWEEP_FROM) {
            shelf.by_hash.retain(|_, same| {
                same.retain(|statement| statement.strong_count() > 0);
                !same.is_empty()
            });
            shelf.sweep_at = shelf.by_hash.len() * 2;
        }
        let same = shelf.by_hash.entry(hash).or_default();
        same.retain(|statement| statement.strong_count() > 0);
        let known = same.iter().filter_map(Weak::upgrade);
        if let Some(known) = known.into_iter().find(|known| &*known.definition == definition) {
            return known;
        }
        shelf.last_id += 1;
        let id = shelf.last_id;
        shelf.put(hash, id, definition)
    }

    /// The number given last.
    pub fn last_id(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last_id
    }

    /// Gives no number up to this one: another process has.
    pub fn begin_behind(&self, last_id: u64) {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.last_id = shelf.last_id.max(last_id);
    }

    /// The statement that another process gave this number; `None` when the number is not behind
    /// [`Self::begin_behind`], or stands for another text.
    pub fn take_over(&self, id: u64, definition: &[u8]) -> Option<Arc<Statement>> {
        let hash = hash(definition);
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = shelf.by_hash.get(&hash).into_iter().flatten();
        let mut same = same.filter_map(Weak::upgrade);
        if let Some(known) = same.find(|known| &*known.definition == definition) {
            return (known.id == id).then_some(known);
        }
        (id > 0 && id <= shelf.last_id).then(|| shelf.put(hash, id, definition))
    }
}

fn hash(definition: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    definition.hash(&mut hasher);
    hasher.finish()
}

impl Shelf {
    fn put(&mut self, hash: u64, id: u64, definition: &[u8]) -> Arc<Statement> {
        let statement = Arc::new(Statement {
            id,
            name: [OURS, id.to_string().as_bytes()].concat().into(),
            definition: definition.into(),
        });
        self.by_hash
            .entry(hash)
            .or_default()
            .push(Arc::downgrade(&statement));
        statement
    }
}

/// A client holds more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Too many.
    #[error(
        "more than {0} prepared statements: close some, or raise prepared_statement_max_count in [canvass]"
    )]
    Count(usize),
    /// Too long together.
    #[error(
        "prepared statements of more than {0} bytes: close some, or raise prepared_statement_max_bytes in [canvass]"
    )]
    Bytes(usize),
}

/// One client's statements by the names it gave them.
#[derive(Debug, Default)]
pub struct Statements {
    named: HashMap<Box<[u8]>, Arc<Statement>>,
    unnamed: Option<Box<[u8]>>,
    /// Counts the unnamed statements of this client, so that a server can say whose it has.
    unnamed_count: u64,
    bytes: usize,
}

impl Statements {
    /// The statement of this name.
    pub fn get(&self, name: &[u8]) -> Option<&Arc<Statement>> {
        self.named.get(name)
    }

    /// What the client calls the statement of this name of ours.
    pub fn name_of(&self, ours: &[u8]) -> Option<&[u8]> {
        let mut named = self.named.iter();
        named
            .find(|(_, statement)| &*statement.name == ours)
            .map(|(name, _)| &**name)
    }

    /// All named ones, with their names.
    pub fn all(&self) -> impl Iterator<Item = (&[u8], &Arc<Statement>)> {
        self.named.iter().map(|(name, statement)| (&**name, statement))
    }

    /// The unnamed statement's number, and its definition if it has one.
    pub fn unnamed_and_count(&self) -> (u64, Option<&[u8]>) {
        (self.unnamed_count, self.unnamed.as_deref())
    }

    /// Takes the unnamed statement over from another process.
    pub fn put_back_unnamed(&mut self, count: u64, definition: Option<Vec<u8>>) {
        self.unnamed_count = count;
        self.unnamed = definition.map(Into::into);
    }

    /// How many named ones there are.
    pub fn len(&self) -> usize {
        self.named.len()
    }

    /// True without named ones.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// Keeps a statement under a name that is free.
    ///
    /// # Errors
    /// [`StatementError`] when that would be more than `max_count` statements or `max_bytes` bytes.
    pub fn keep(
        &mut self,
        name: &[u8],
        statement: Arc<Statement>,
        max_count: usize,
        max_bytes: usize,
    ) -> Result<(), StatementError> {
        let bytes = self.bytes + statement.definition.len() + name.len();
        if self.named.len() >= max_count {
            return Err(StatementError::Count(max_count));
        }
        if bytes > max_bytes {
            return Err(StatementError::Bytes(max_bytes));
        }
        self.put_back(name.into(), statement);
        Ok(())
    }

    /// Keeps a statement again that was forgotten too early.
    pub fn put_back(&mut self, name: Box<[u8]>, statement: Arc<Statement>) {
        self.bytes += statement.definition.len() + name.len();
        self.named.insert(name, statement);
    }

    /// Forgets a statement.
    pub fn forget(&mut self, name: &[u8]) -> Option<Arc<Statement>> {
        let statement = self.named.remove(name)?;
        self.bytes -= statement.definition.len() + name.len();
        Some(statement)
    }

    /// Forgets all, as DEALLOCATE ALL does.
    pub fn forget_all(&mut self) {
        *self = Self {
            unnamed_count: self.unnamed_count + 1,
            ..Self::default()
        };
    }

    /// Keeps the unnamed statement; its number, which is that of the one before when they are the same.
    pub fn keep_unnamed(&mut self, definition: &[u8]) -> u64 {
        if self.unnamed.as_deref() != Some(definition) {
            self.unnamed_count += 1;
            self.unnamed = Some(definition.into());
        }
        self.unnamed_count
    }

    /// Forgets the unnamed statement, as any simple query does.
    pub fn forget_unnamed(&mut self) {
        self.unnamed = None;
    }

    /// The unnamed statement: its number and definition.
    pub fn unnamed(&self) -> Option<(u64, &[u8])> {
        self.unnamed
            .as_deref()
            .map(|definition| (self.unnamed_count, definition))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_one_statement() {
        let texts = Texts::default();
        let a = texts.statement(b"select 1\0\0\0");
        let b = texts.statement(b"select 1\0\0\0");
        let c = texts.statement(b"select 2\0\0\0");
        assert!(Arc::ptr_eq(&a, &b));
        assert_ne!(a.id, c.id);
        let id = a.id;
        drop((a, b));
        assert_ne!(
            texts.statement(b"select 1\0\0\0").id,
            id,
            "an id is never given twice"
        );
    }

    #[test]
    fn a_client_holds_no_more_than_it_may() {
        let texts = Texts::default();
        let mut mine = Statements::default();
        let statement = texts.statement(b"0123456789");
        mine.keep(b"a", statement.clone(), 2, 30).unwrap();
        mine.keep(b"b", statement.clone(), 2, 30).unwrap();
        assert_eq!(
            mine.keep(b"c", statement.clone(), 2, 30),
            Err(StatementError::Count(2))
        );
        mine.forget(b"a").unwrap();
        mine.keep(b"c", statement.clone(), 9, 30).unwrap();
        assert_eq!(mine.keep(b"d", statement, 9, 30), Err(StatementError::Bytes(30)));
    }
}
