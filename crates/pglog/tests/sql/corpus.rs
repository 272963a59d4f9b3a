//! Reads `corpus.sql.txt` and `corpus.fingerprints`.

use std::path::Path;

/// A statement of the corpus.
pub struct Entry {
    /// Its unique name.
    pub name: String,
    /// The words in brackets behind the name.
    pub flags: Vec<String>,
    /// Its text.
    pub sql: String,
}

/// The corpus: an entry is a line `### name` or `### name [flag]`, and the statement below it up to the next such line.
/// What stands before the first entry is a comment.
pub fn read() -> Vec<Entry> {
    let text = file("corpus.sql.txt");
    let mut entries: Vec<Entry> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("### ") {
            let (name, flags) = title.split_once(" [").unwrap_or((title, ""));
            let flags = flags
                .trim_end_matches(']')
                .split_whitespace()
                .map(str::to_owned)
                .collect();
            entries.push(Entry {
                name: name.to_owned(),
                flags,
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

/// A file of this directory.
pub fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sql").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
