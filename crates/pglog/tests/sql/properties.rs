//! What holds for any bytes, and for any way to write a statement.

use canvass_pglog::sql::{Normalizer, TEXT_LIMIT};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{corpus, file, fingerprint, text};

/// Tokens (a string is followed by another, since two strings may be one) that keep their meaning when they are set apart by white space or comments, with another way to write each.
const TOKENS: &[(&str, &str)] = &[
    ("SELECT", "select"),
    ("from", "FROM"),
    ("Where", "wHERE"),
    ("and", "AND"),
    ("in", "IN"),
    ("(", "("),
    (")", ")"),
    (",", ","),
    ("[", "["),
    ("]", "]"),
    ("array", "ARRAY"),
    ("values", "VALUES"),
    ("abc", "\"abc\""),
    ("tab_1", "Tab_1"),
    ("\"Q\"", "\"Q\""),
    (".", "."),
    ("=", "="),
    ("?", "?"),
    ("@>", "@>"),
    ("<>", "!="),
    ("||", "||"),
    ("'zqx' ||", "'other' ||"),
    ("'zqx' ||", "E'o\\'ther' ||"),
    ("'zqx' ||", "$$ot'her$$ ||"),
    ("'it''s' ||", "$1 ||"),
    ("$1", "$22"),
    ("1", "2.5"),
    ("10", "0x1F"),
    (":: int ||", "::INT||"),
    ("null", "NULL"),
    ("not", "NOT"),
    ("is", "IS"),
    ("on", "ON"),
    (";", ";"),
    ("update", "UPDATE"),
    ("set", "SET"),
    ("join", "JOIN"),
];

const GAPS: &[&str] = &[
    " ",
    "\n",
    "\t",
    "\r\n",
    "  ",
    " /* zqx */ ",
    "/**/",
    " -- zqx '\n",
    " /* a /* ' */ \" */ ",
    "\u{c}",
    "\u{b}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Given any bytes, when they are normalised, then there is a text within its limit and without control characters.
    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..400)) {
        check_shape(&bytes)?;
    }

    /// The same for soups of pieces that mean something.
    #[test]
    fn any_pieces(pieces in vec(select(PIECES), 0..60)) {
        check_shape(pieces.concat().as_bytes())?;
    }

    /// Given one order of tokens, written twice with other white space, comments, case, quotes and values, when both are
    /// normalised, then they are the same.
    #[test]
    fn ways_to_write(tokens in vec((select(TOKENS), select(GAPS), select(GAPS)), 1..40)) {
        let one: String = tokens.iter().flat_map(|((token, _), gap, _)| [*token, *gap]).collect();
        let other: String = tokens.iter().flat_map(|((_, token), _, gap)| [*token, *gap]).collect();
        prop_assert_eq!(fingerprint(&one), fingerprint(&other), "{}\n{}", text(one.as_bytes()), text(other.as_bytes()));
        prop_assert_eq!(text(one.as_bytes()), text(other.as_bytes()));
        prop_assert!(!text(one.as_bytes()).contains("zqx"));
    }

    /// Given a list of any length and any values, when it is normalised, then its length and values do not count.
    #[test]
    fn lists(numbers in vec(any::<i32>(), 1..50), words in vec("[a-z' ]{0,5}", 1..50)) {
        let numbers: Vec<String> = numbers.iter().map(i32::to_string).collect();
        let words: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', "''"))).collect();
        let rows: Vec<String> = numbers.iter().map(|number| format!("({number}, now())")).collect();
        for list in [numbers.join(","), words.join(" , ")] {
            prop_assert_eq!(text(format!("SELECT a IN ({list})").as_bytes()), "select a in (?)");
            prop_assert_eq!(text(format!("SELECT ARRAY[{list}]").as_bytes()), "select array[?]");
            prop_assert_eq!(text(format!("INSERT INTO t VALUES ({list})").as_bytes()), "insert into t values (?)");
        }
        prop_assert_eq!(text(format!("INSERT INTO t VALUES {}", rows.join(",")).as_bytes()), "insert into t values (?, now())");
    }
}

const PIECES: &[&str] = &[
    "select ",
    "with ",
    "as ",
    "insert ",
    "into ",
    "values ",
    "in ",
    "array",
    "null ",
    "true ",
    "between ",
    "by ",
    "float",
    "join ",
    "outer ",
    "set ",
    "x ",
    "to ",
    "savepoint ",
    "rollback ",
    "fetch ",
    "declare ",
    "prepare ",
    "end ",
    "begin ",
    "atomic ",
    "case ",
    "create ",
    "copy ",
    "(",
    ")",
    "[",
    "]",
    ",",
    ";",
    ".",
    "..",
    ":",
    "::",
    ":=",
    "=",
    "-",
    "- ",
    "+",
    "*",
    "/",
    "?",
    "@",
    "!",
    "~",
    "'",
    "''",
    "\"",
    "\"a\"",
    "E'",
    "\\",
    "\\'",
    "U&'",
    "U&\"",
    "uescape '!'",
    "N'",
    "b'",
    "x'",
    "$",
    "$$",
    "$a$",
    "$1",
    "1",
    "0x",
    "1e",
    ".5",
    "_",
    "ä",
    "€",
    "--",
    "/*",
    "*/",
    "\n",
    "\r",
    "\t",
    " ",
    "\0",
    "\x01",
    "\x7f",
    "a",
    "B",
    "abc",
    "current_timestamp",
];

fn check_shape(bytes: &[u8]) -> Result<(), TestCaseError> {
    let mut normalizer = Normalizer::default();
    let normal = normalizer.normalize(bytes);
    prop_assert!(normal.text.len() <= TEXT_LIMIT);
    prop_assert!(
        !normal.text.bytes().any(|byte| byte < b' ' || byte == 0x7f),
        "{:?}",
        normal.text
    );
    prop_assert!(
        !normal.text.contains("  ") || bytes.contains(&b'"'),
        "{:?}",
        normal.text
    );
    let (shown, fingerprint) = (normal.text.to_owned(), normal.fingerprint);
    let again = normalizer.normalize(bytes);
    prop_assert_eq!((again.text, again.fingerprint), (shown.as_str(), fingerprint));
    Ok(())
}

/// Given the corpus, when a normal form is normalised once more, then it is as it was. Its `?` are operators then, which
/// are set apart from a colon and from parentheses.
#[test]
fn twice_is_once() {
    for entry in corpus::parse(&file("corpus.sql.txt")) {
        let once = text(entry.sql.as_bytes());
        let level = |text: &str| text.replace(": ?", ":?").replace("? (", "?(");
        assert_eq!(level(&text(once.as_bytes())), level(&once), "{}", entry.name);
    }
}

/// Given the corpus, when a statement is written in upper case, with comments between all the words, and as one line,
/// then it is the same.
#[test]
fn corpus_with_other_gaps() {
    for entry in corpus::parse(&file("corpus.sql.txt")) {
        if entry.sql.contains("--")
            || entry.sql.contains('\'')
            || entry.sql.contains('"')
            || entry.sql.contains("$")
        {
            continue;
        }
        let spaced: String = entry.sql.split(' ').collect::<Vec<_>>().join(" /* ' */\n");
        assert_eq!(fingerprint(&spaced), fingerprint(&entry.sql), "{}", entry.name);
        assert_eq!(
            fingerprint(&entry.sql.to_ascii_uppercase()),
            fingerprint(&entry.sql),
            "{}",
            entry.name
        );
    }
}
