//! The format of `corpus.sql.txt`.

/// How a statement stands to pg_query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    None,
    /// PostgreSQL's parser keeps the literals as words of the command: pg_query tells them apart, we do not.
    Literals,
    /// pg_query takes it for the same as another, and we keep the two apart: another way to write it, or a difference
    /// that a reader of a report wants to see.
    Apart,
}

/// A statement of the corpus.
pub struct Entry {
    /// Its unique name.
    pub name: String,
    /// What the brackets behind the name say.
    pub flag: Flag,
    /// Its text.
    pub sql: String,
}

/// The entries of a corpus: each is a line `### name`, `### name [literals]` or `### name [apart]`, and the statement
/// below it, up to the next such line. What stands before the first entry is a comment.
pub fn parse(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("### ") {
            let (name, flag) = match title.split_once(' ') {
                None => (title, Flag::None),
                Some((name, "[literals]")) => (name, Flag::Literals),
                Some((name, "[apart]")) => (name, Flag::Apart),
                Some((name, flag)) => panic!("{name}: unknown flag {flag}"),
            };
            entries.push(Entry {
                name: name.to_owned(),
                flag,
                sql: String::new(),
            });
        } else if let Some(entry) = entries.last_mut() {
            if !entry.sql.is_empty() {
                entry.sql.push('\n');
            }
            entry.sql.push_str(line);
        }
    }
    entries
}
