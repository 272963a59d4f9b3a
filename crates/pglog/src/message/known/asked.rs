//! Names of what was asked for and is not there: they may come from a literal (`'Anna Smith'::regclass`), so they are shown only
//! where the statement has them without its values.

/// Whether a message's text tells of something that was asked for.
pub(super) fn is_asked(text: &str) -> bool {
    let marks = [
        "does not exist",
        "already exists",
        "recognized",
        "not available",
        "cross-database",
        "will be truncated",
        "could not find",
    ];
    marks.iter().any(|mark| text.contains(mark))
}

/// A statement, brought into its form without values when it is needed.
pub(super) struct Statement<F> {
    make: Option<F>,
    text: String,
}

impl<F: FnOnce() -> String> Statement<F> {
    pub fn new(make: F) -> Self {
        Self {
            make: Some(make),
            text: String::new(),
        }
    }

    /// Whether a name stands in it, or each word of a signature does or is a type of PostgreSQL's own.
    pub fn has(&mut self, name: &str) -> bool {
        if let Some(make) = self.make.take() {
            self.text = make().to_lowercase();
        }
        let name = name.to_lowercase();
        if self.has_words(&name) {
            return true;
        }
        let is_signature = name.contains(['(', '+', '-', '*', '/', '<', '>', '=', '~', '!', '@', '|', '&']);
        is_signature
            && name
                .split(|c| !is_word(c))
                .filter(|word| !word.is_empty())
                .all(|word| TYPES.contains(&word) || self.has_words(word))
    }

    fn has_words(&self, name: &str) -> bool {
        self.text.match_indices(name).any(|(at, _)| {
            let (before, behind) = (&self.text[..at], &self.text[at + name.len()..]);
            !before.ends_with(is_word) && !behind.starts_with(is_word)
        })
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

const TYPES: [&str; 72] = [
    "anyarray",
    "anyelement",
    "anynonarray",
    "array",
    "bigint",
    "bit",
    "boolean",
    "box",
    "bytea",
    "char",
    "character",
    "cidr",
    "circle",
    "citext",
    "cstring",
    "date",
    "daterange",
    "double",
    "float",
    "hstore",
    "inet",
    "int",
    "int4range",
    "int8range",
    "integer",
    "internal",
    "interval",
    "json",
    "jsonb",
    "jsonpath",
    "line",
    "lseg",
    "ltree",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "numeric",
    "numrange",
    "oid",
    "path",
    "pg_lsn",
    "point",
    "polygon",
    "precision",
    "real",
    "record",
    "refcursor",
    "regclass",
    "regproc",
    "regtype",
    "smallint",
    "text",
    "tid",
    "time",
    "timestamp",
    "trigger",
    "tsquery",
    "tsrange",
    "tstzrange",
    "tsvector",
    "unknown",
    "uuid",
    "varying",
    "void",
    "with",
    "without",
    "xid",
    "xml",
    "zone",
    "bpchar",
    "varchar",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn has(statement: &str, name: &str) -> bool {
        Statement::new(|| statement.to_owned()).has(name)
    }

    #[test]
    fn a_name_is_shown_only_where_the_statement_has_it_without_values() {
        assert!(has("select * from nosuch where a = ?", "nosuch"));
        assert!(has("select ? + ?", "text + integer"));
        assert!(has("select Nofunc(?)", "nofunc(unknown)"));
        assert!(!has("select ?::regclass", "Anna Smith"));
        assert!(!has("select ?::regprocedure", "anna(integer)"));
        assert!(!has("select ? from t4", "4"));
        assert!(!has("", "nosuch"));
    }
}
