//! Statements as HTML: words of the language marked, a line to each clause. The line breaks are white space that only an
//! opened statement shows; a closed one reads as one line.

use super::escape;

/// Words that are marked, in order.
const WORDS: &[&str] = &[
    "all",
    "alter",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "begin",
    "between",
    "by",
    "call",
    "case",
    "cast",
    "coalesce",
    "commit",
    "conflict",
    "copy",
    "create",
    "cross",
    "delete",
    "desc",
    "distinct",
    "do",
    "drop",
    "else",
    "end",
    "except",
    "exists",
    "explain",
    "false",
    "fetch",
    "filter",
    "first",
    "for",
    "from",
    "full",
    "group",
    "having",
    "ilike",
    "in",
    "index",
    "inner",
    "insert",
    "intersect",
    "into",
    "is",
    "join",
    "lateral",
    "left",
    "like",
    "limit",
    "materialized",
    "merge",
    "natural",
    "not",
    "nothing",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "over",
    "partition",
    "primary",
    "recursive",
    "returning",
    "right",
    "rollback",
    "select",
    "set",
    "show",
    "skip",
    "table",
    "then",
    "to",
    "true",
    "truncate",
    "union",
    "update",
    "using",
    "vacuum",
    "values",
    "when",
    "where",
    "window",
    "with",
    "within",
];

/// Words that begin a line.
const CLAUSES: &[&str] = &[
    "except",
    "from",
    "group",
    "having",
    "intersect",
    "limit",
    "offset",
    "order",
    "returning",
    "set",
    "union",
    "values",
    "where",
    "window",
];

const JOINS: &[&str] = &["cross", "full", "inner", "join", "left", "natural", "right"];

/// A normalised statement.
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 3 / 2);
    // For each open parenthesis, whether it holds a query of its own.
    let mut open: Vec<bool> = Vec::new();
    let mut before = "";
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = token(rest, c);
        let (token, behind) = rest.split_at(length);
        match c {
            '(' => open.push(["select", "with", "values"].iter().any(|w| begins(behind, w))),
            ')' => {
                open.pop();
            }
            _ => {}
        }
        if c == ' ' && breaks(behind, before, &open) {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", open.len()));
        } else if c == '?' || c == '$' && length > 1 {
            out.push_str("<i>");
            out.push_str(&escape(token));
            out.push_str("</i>");
        } else if WORDS.binary_search(&token).is_ok() {
            out.push_str("<b>");
            out.push_str(token);
            out.push_str("</b>");
        } else {
            out.push_str(&escape(token));
        }
        if c != ' ' {
            before = token;
        }
        rest = behind;
    }
    out
}

/// Bytes of the token at the beginning: a word, what stands in quotes, a parameter, or a single character.
fn token(text: &str, first: char) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let while_word = |text: &str| text.find(|c| !is_word(c)).unwrap_or(text.len());
    match first {
        '"' | '\'' => text[1..].find(first).map_or(text.len(), |end| end + 2),
        '$' => {
            1 + text[1..]
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len() - 1)
        }
        c if is_word(c) => while_word(text),
        c => c.len_utf8(),
    }
}

fn begins(text: &str, word: &str) -> bool {
    text.strip_prefix(word)
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

fn breaks(behind: &str, before: &str, open: &[bool]) -> bool {
    let in_query = open.last().is_none_or(|query| *query);
    let starts = |words: &[&str]| words.iter().any(|w| begins(behind, w));
    in_query
        && (starts(CLAUSES) && !["delete", "is", "distinct"].contains(&before)
            || starts(JOINS) && !JOINS.contains(&before) && before != "outer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_in_order() {
        assert!(WORDS.is_sorted() && CLAUSES.iter().all(|w| WORDS.contains(w)));
    }

    #[test]
    fn clauses_begin_lines_and_functions_keep_theirs() {
        let shown = html(
            "select extract(year from t), ? from a left join b on a.x = b.x where a.y in (select y from c where z = $1)",
        );
        assert_eq!(
            shown,
            "<b>select</b> extract(year <b>from</b> t), <i>?</i>\n<b>from</b> a\n<b>left</b> <b>join</b> b <b>on</b> a.x = b.x\n<b>where</b> a.y <b>in</b> (<b>select</b> y\n  <b>from</b> c\n  <b>where</b> z = <i>$1</i>)"
        );
    }

    #[test]
    fn nothing_in_a_statement_is_markup() {
        assert_eq!(
            html("select \"</script><img src=x onerror=alert(1)>\" from a<b && 'x"),
            "<b>select</b> &quot;&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;\n<b>from</b> a&lt;b &amp;&amp; &#39;x"
        );
    }

    #[test]
    fn a_closed_statement_reads_as_it_is() {
        let text = "with a as (select ? from b limit ?) update c set d = ? from a where c.\"from\" = a.é returning *";
        let closed = html(text)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .replace("<b>", "")
            .replace("</b>", "")
            .replace("<i>", "")
            .replace("</i>", "")
            .replace("&quot;", "\"");
        assert_eq!(closed, text);
    }
}
