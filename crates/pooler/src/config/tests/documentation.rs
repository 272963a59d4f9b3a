//! Holds `docs/pool-settings.md` to the table. `CANVASS_BLESS=1 cargo test -p canvass-pooler` writes its tables anew.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::config::table::{Change, Key, Support};
use crate::config::{Canvass, Database, Peer, Settings, User};

/// The rows of one section, as Markdown.
fn table<T>(keys: &[Key<T>]) -> String {
    let mut text =
        "| setting | default | meaning | compared with pgbouncer 1.25 |\n| --- | --- | --- | --- |\n"
            .to_owned();
    for key in keys {
        let default = if key.default.is_empty() {
            String::new()
        } else {
            format!("`{}`", key.default)
        };
        let restart = if key.change == Change::Restart {
            "; changed by a restart only"
        } else {
            ""
        };
        let support = match key.support {
            Support::Same => "same".to_owned(),
            Support::Ours => "new".to_owned(),
            Support::WithoutEffect(reason) => format!("without effect: {reason}"),
            Support::Refused(reason) => format!("refused: {reason}"),
        };
        let meaning = key.meaning.trim();
        writeln!(
            text,
            "| `{}` | {default} | {meaning} | {support}{restart} |",
            key.name
        )
        .unwrap();
    }
    text
}

fn begin(section: &str) -> String {
    format!("<!-- the table of [{section}] is made by crates/pooler/src/config/tests/documentation.rs -->\n")
}

/// The document with the tables as they should be.
fn with_tables(document: &str) -> String {
    let mut document = document.to_owned();
    for (section, table) in [
        ("pgbouncer", table(Settings::KEYS)),
        ("databases", table(Database::KEYS)),
        ("users", table(User::KEYS)),
        ("peers", table(Peer::KEYS)),
        ("canvass", table(Canvass::KEYS)),
    ] {
        let begin = begin(section);
        let (before, rest) = document
            .split_once(&begin)
            .unwrap_or_else(|| panic!("pool-settings.md lacks: {begin}"));
        let after = &rest[rest.find("\n\n").map_or(rest.len(), |end| end + 1)..];
        document = format!("{before}{begin}{table}{after}");
    }
    document
}

#[test]
fn the_documentation_says_what_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pool-settings.md");
    let document = fs::read_to_string(&path).unwrap();
    let expected = with_tables(&document);
    if std::env::var_os("CANVASS_BLESS").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        expected,
        "write the tables anew with: CANVASS_BLESS=1 cargo test -p canvass-pooler documentation"
    );
}

#[test]
fn every_setting_has_a_meaning_that_fits_into_a_table() {
    fn check<T>(keys: &[Key<T>]) {
        for key in keys {
            let meaning = key.meaning.trim();
            assert!(
                meaning.ends_with('.') && !meaning.contains('|') && !meaning.contains('\n'),
                "{}",
                key.name
            );
            assert!(!key.default.contains('|'), "{}", key.name);
        }
    }
    check(Settings::KEYS);
    check(Database::KEYS);
    check(User::KEYS);
    check(Peer::KEYS);
    check(Canvass::KEYS);
}
