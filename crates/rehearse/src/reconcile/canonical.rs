//! Values in a form in which equal ones are the same bytes.
//!
//! A text that is JSON (RFC 8259) counts as its JSON value: spaces, the order of an object's members, escapes and the
//! way a number is written do not matter, of members with one name the last counts (as in PostgreSQL's jsonb). Numbers
//! are compared exactly, at any length. Every other text counts as it is.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Deeper JSON counts as text.
const DEEPEST: usize = 64;

/// Appends the canonical form of a value; no form is the beginning of another.
pub(super) fn push(text: &str, out: &mut Vec<u8>) {
    let start = out.len();
    let may_be_json = matches!(
        text.trim_ascii_start().bytes().next(),
        Some(b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n')
    );
    if may_be_json
        && serde_json::from_str(text).is_ok_and(|json: &RawValue| push_json(json.get(), 0, out).is_some())
    {
        return;
    }
    out.truncate(start);
    push_tagged(b'x', text.as_bytes(), out);
}

/// Whether two values are equal.
pub(super) fn equal(one: &str, other: &str) -> bool {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    push(one, &mut a);
    push(other, &mut b);
    a == b
}

fn push_tagged(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// `json` is valid, without spaces around it. None when it has no canonical form: too deep, or a string that is no text.
fn push_json(json: &str, depth: usize, out: &mut Vec<u8>) -> Option<()> {
    if depth > DEEPEST {
        return None;
    }
    match json.as_bytes().first()? {
        b'{' => {
            let Members(mut members) = serde_json::from_str(json).ok()?;
            members.sort_by(|a, b| a.0.cmp(&b.0));
            let last_of_name = |at: usize| members.get(at + 1).is_none_or(|next| next.0 != members[at].0);
            out.push(b'{');
            for (name, value) in (0..members.len())
                .filter(|&at| last_of_name(at))
                .map(|at| &members[at])
            {
                push_tagged(b's', name.as_bytes(), out);
                push_json(value.get(), depth + 1, out)?;
            }
            out.push(b'}');
        }
        b'[' => {
            let values: Vec<&RawValue> = serde_json::from_str(json).ok()?;
            out.push(b'[');
            for value in values {
                push_json(value.get(), depth + 1, out)?;
            }
            out.push(b']');
        }
        b'"' => push_tagged(b's', serde_json::from_str::<String>(json).ok()?.as_bytes(), out),
        b't' | b'f' | b'n' => out.push(json.as_bytes()[0]),
        _ => push_number(json, out),
    }
    Some(())
}

/// A number as sign, digits without zeros at either end, and the power of ten of the last digit.
fn push_number(json: &str, out: &mut Vec<u8>) {
    let (sign, rest) = json.strip_prefix('-').map_or(("", json), |rest| ("-", rest));
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let significant = digits.trim_end_matches('0');
    let zeros = (digits.len() - significant.len()) as i64;
    let power = exponent
        .parse()
        .ok()
        .and_then(|e: i64| e.checked_add(zeros - fraction.len() as i64));
    let number = match (significant.trim_start_matches('0'), power) {
        ("", _) => "0".to_owned(),
        (digits, Some(power)) => format!("{sign}{digits}e{power}"),
        // An exponent beyond all sense: as it is written.
        (_, None) => json.to_owned(),
    };
    push_tagged(b'#', number.as_bytes(), out);
}

/// An object's members in order, with all of one name.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Gather;
        impl<'de> Visitor<'de> for Gather {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Gather)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_is_compared_as_json() {
        for (one, other) in [
            (
                r#"{"a":1,"b":[true,null]}"#,
                r#" { "b" : [ true , null ] , "a" : 1.0 } "#,
            ),
            (r#""\u00e9\/""#, "\"é/\""),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            (r#"{"\u0061":1}"#, r#"{"a":1}"#),
            ("1", "1.0"),
            ("100", "1e2"),
            ("100", "0.1E+3"),
            ("-0", "0.00e9"),
            ("0.10", "10e-2"),
            ("12345678901234567890123", "12345678901234567890123.0"),
        ] {
            assert!(equal(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("[1,2]", "[2,1]"),
            ("[[1],2]", "[1,[2]]"),
            (r#"{"a":{"b":1},"c":2}"#, r#"{"a":{"b":1,"c":2}}"#),
            ("1", "\"1\""),
            ("null", "\"\""),
            ("1", "-1"),
            ("10", "1"),
            ("true", "false"),
            ("{}", "[]"),
            ("12345678901234567890123", "12345678901234567890124"),
            ("0.1", "0.1000000000000000001"),
            ("1e99999999999999999999", "1e99999999999999999998"),
        ] {
            assert!(!equal(one, other), "{one} {other}");
        }
    }

    #[test]
    fn what_is_no_json_is_compared_as_text() {
        for (one, other) in [
            ("a", "a "),
            ("01", "1"),
            ("{a}", "{ a}"),
            ("1 1", "1  1"),
            ("", "null"),
            ("nul", "nil"),
        ] {
            assert!(!equal(one, other) && equal(one, one), "{one:?} {other:?}");
        }
        let deep = "[".repeat(100_000);
        assert!(equal(&deep, &deep));
        let deep = ["[".repeat(100), "]".repeat(100)].concat();
        assert!(equal(&deep, &deep) && !equal(&deep, &format!(" {deep}")));
        assert!(!equal(r#""\ud800""#, r#" "\ud800""#), "that is no text");
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            ".{0,6}".prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::btree_map("[a-c]{0,2}", inner, 0..4)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_agrees_with_comparing_values(one in json(), other in json()) {
            let pretty = serde_json::to_string_pretty(&one).unwrap();
            prop_assert!(equal(&one.to_string(), &pretty));
            prop_assert_eq!(equal(&pretty, &other.to_string()), one == other);
        }

        #[test]
        fn any_text_equals_itself_alone(one in ".{0,12}", other in ".{0,12}") {
            prop_assert!(equal(&one, &one));
            let parsed = |text| serde_json::from_str::<serde_json::Value>(text).ok();
            if parsed(&one).is_none() || parsed(&other).is_none() {
                prop_assert_eq!(equal(&one, &other), one == other);
            }
        }
    }
}
