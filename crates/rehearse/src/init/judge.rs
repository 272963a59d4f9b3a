//! What a value or a name looks like: whether it can be a coincidence, whose it is, whether it is a time.

use jiff::Timestamp;

/// How unlikely it is that two places have the same value by accident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// A word, a date, a small number: it proves nothing by itself.
    Weak,
    /// Letters and digits mixed, or a longer number.
    Fair,
    /// Random by its looks: tokens, UUIDs, long hex.
    Strong,
}

/// Names that a person's own data go under; compared word by word.
const IDENTITY: &[&str] = &[
    "user",
    "username",
    "login",
    "email",
    "mail",
    "code",
    "pin",
    "otp",
    "phone",
    "tel",
    "mobile",
    "firstname",
    "lastname",
    "fullname",
    "surname",
    "birthday",
    "birthdate",
    "dob",
    "iban",
    "card",
    "ssn",
    "account",
];

/// Names of what must never stand in a file; compared word by word.
const SECRET: &[&str] = &[
    "password",
    "passwd",
    "passwort",
    "pwd",
    "pass",
    "password1",
    "password2",
    "passphrase",
    "secret",
    "pin",
    "otp",
    "authorization",
    "apikey",
    "token",
    "credential",
    "credentials",
    "cvv",
    "cvc",
];

/// The words of a name in lower case: `csrfToken`, `X-CSRF-Token` and `csrf_token` end alike.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let letters: Vec<char> = name.chars().collect();
    let mut start = true;
    for (i, &c) in letters.iter().enumerate() {
        if !c.is_alphanumeric() {
            start = true;
            continue;
        }
        let before = i.checked_sub(1).map(|b| letters[b]);
        let after = letters.get(i + 1);
        let hump = c.is_uppercase()
            && before.is_some_and(|b| {
                b.is_lowercase() || (b.is_uppercase() && after.is_some_and(|a| a.is_lowercase()))
            });
        if start || hump {
            words.push(String::new());
        }
        start = false;
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    words
}

/// A name reduced to its letters and digits, without a leading `x-`, for comparing.
pub(super) fn normal(name: &str) -> String {
    let mut words = words(name);
    if words.len() > 1 && words[0] == "x" {
        words.remove(0);
    }
    words.concat()
}

/// Whether a person's own data go under this name.
pub(super) fn identity(name: &str) -> bool {
    any_of(name, IDENTITY) || secret(name)
}

/// Whether a value under this name must not be written down.
pub(super) fn secret(name: &str) -> bool {
    // `token` in the name of a protection against forgery is the server's, not the person's.
    any_of(name, SECRET) && !any_of(name, &["csrf", "xsrf", "csrfmiddlewaretoken", "grant", "type"])
}

fn any_of(name: &str, list: &[&str]) -> bool {
    let words = words(name);
    let whole = words.concat();
    list.iter().any(|l| whole == *l || words.iter().any(|w| w == l))
        || words.windows(2).any(|two| list.contains(&two.concat().as_str()))
}

/// Whether a free text goes under this name.
pub(super) fn free_text(name: &str, value: &str) -> bool {
    let telling = [
        "text",
        "comment",
        "comments",
        "message",
        "note",
        "notes",
        "body",
        "description",
        "answer",
        "content",
        "feedback",
        "remark",
        "remarks",
    ];
    value.split_whitespace().count() > 1 && words(name).iter().any(|w| telling.contains(&w.as_str()))
}

/// A UUID (RFC 9562) as text.
pub(super) fn uuid(value: &str) -> bool {
    value.len() == 36
        && value.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// The number of digits, when a value is at least 16 hexadecimal ones with letters and digits among them.
pub(super) fn hex(value: &str) -> Option<usize> {
    let all = value.len() >= 16 && value.bytes().all(|b| b.is_ascii_hexdigit());
    let letters = value.bytes().any(|b| b.is_ascii_alphabetic());
    let digits = value.bytes().any(|b| b.is_ascii_digit());
    (all && letters && digits).then_some(value.len())
}

/// How far a value can be trusted to be unique.
pub(super) fn strength(value: &str) -> Strength {
    // An entity tag stands in quotes (RFC 9110, section 8.8.3).
    let value = value.strip_prefix("W/").unwrap_or(value).trim_matches('"');
    let token = |b: u8| b.is_ascii_alphanumeric() || b"-_+/=.~:|%$".contains(&b);
    if value.len() < 5 || value.starts_with('/') || value.contains("://") || !value.bytes().all(token) {
        return Strength::Weak;
    }
    if uuid(value) || hex(value).is_some() {
        return Strength::Strong;
    }
    if number_like(value) {
        let whole = value.bytes().all(|b| b.is_ascii_digit());
        return match value.len() {
            9.. if whole => Strength::Strong,
            5..9 if whole => Strength::Fair,
            _ => Strength::Weak,
        };
    }
    let (changes, longest_word) = texture(value);
    if value.len() >= 16 && (changes >= 4 || longest_word >= 24) {
        return Strength::Strong;
    }
    if changes >= 1 && value.bytes().any(|b| b.is_ascii_digit()) {
        return Strength::Fair;
    }
    Strength::Weak
}

/// Numbers, dates, times, versions: digits with little between them.
fn number_like(value: &str) -> bool {
    value
        .bytes()
        .all(|b| b.is_ascii_digit() || b"-+.:TZ/".contains(&b))
}

/// How often letters in lower case, in upper case and digits take turns (a capital at the start of a word does not
/// count), and the longest run of letters.
fn texture(value: &str) -> (usize, usize) {
    let class = |b: u8| match b {
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        b'0'..=b'9' => 3,
        _ => 0,
    };
    let (mut changes, mut run, mut longest, mut before) = (0, 0, 0, 0);
    for b in value.bytes() {
        let now = class(b);
        if now != 0 && before != 0 && now != before && !(before == 2 && now == 1 && run == 1) {
            changes += 1;
        }
        run = if now == 1 || now == 2 { run + 1 } else { 0 };
        longest = longest.max(run);
        before = now;
    }
    (changes, longest)
}

/// Whether a path's segment looks like a value rather than a word of the application.
pub(super) fn dynamic_segment(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    (digits > 0 && digits == segment.len()) || strength(segment) >= Strength::Fair && !version(segment)
}

/// `v1`, `2.0`, `api3`: of the application.
fn version(segment: &str) -> bool {
    let rest = segment.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    segment.len() - rest.len() <= 4 && rest.len() <= 3
}

/// The template for a time since 1970 that is within a minute of `at`; under the name `_`, which jQuery gives to what
/// keeps a reply from being cached, within a day.
pub(super) fn clock(name: &str, value: &str, at: Timestamp) -> Option<&'static str> {
    let number: i64 = value.parse().ok()?;
    let (template, per_second) = match value.len() {
        10 => ("${now_s}", 1),
        13 => ("${now_ms}", 1_000),
        16 => ("${now_us}", 1_000_000),
        _ => return None,
    };
    let near = if name == "_" { 86_400 } else { 60 };
    let distance = (number / per_second).checked_sub(at.as_second())?;
    (distance.abs() <= near).then_some(template)
}

/// A time in words (RFC 3339) within a day of `at`.
pub(super) fn iso_time(value: &str, at: Timestamp) -> bool {
    let time: Option<Timestamp> = value.parse().ok();
    time.is_some_and(|time| (time.as_second() - at.as_second()).abs() <= 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_by_their_words() {
        assert_eq!(words("X-CSRFToken"), ["x", "csrf", "token"]);
        assert_eq!(normal("X-CSRFToken"), normal("csrf_token"));
        assert_eq!(words("form[userName]"), ["form", "user", "name"]);
        assert!(identity("userName") && identity("id_email") && identity("access-code"));
        assert!(!identity("question") && !identity("encode") && !identity("grant_type"));
        assert!(secret("new_password1") && secret("Authorization") && secret("access_token"));
        assert!(!secret("csrf_token") && !secret("csrfmiddlewaretoken") && !secret("passenger"));
    }

    #[test]
    fn random_values_are_told_from_words_dates_and_numbers() {
        for strong in [
            "0b8f7cbe-8b67-4b0e-9f9e-0a86c2d0d1aa",
            "9f86d081884c7d659a2feaa0c55ad015",
            "Qx7pLm2ZtV9rKc4WdNf8",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl",
            "123456789012",
        ] {
            assert_eq!(strength(strong), Strength::Strong, "{strong}");
        }
        for fair in ["K7Q2-9XPA", "48213", "item42"] {
            assert_eq!(strength(fair), Strength::Fair, "{fair}");
        }
        for weak in [
            "1",
            "true",
            "en",
            "2026-11-24",
            "10.5.13",
            "my-long-slug-of-words",
            "/polls/17/",
            "a b c1",
            "Welcome",
            "2026-11-24T10:00:00Z",
        ] {
            assert_eq!(strength(weak), Strength::Weak, "{weak}");
        }
        assert!(dynamic_segment("17") && dynamic_segment("48213"));
        assert!(!dynamic_segment("v1") && !dynamic_segment("api2") && !dynamic_segment("settings"));
    }

    #[test]
    fn times_are_those_near_the_request() {
        let at = Timestamp::from_second(1_790_000_000).unwrap();
        assert_eq!(clock("t", "1790000030", at), Some("${now_s}"));
        assert_eq!(clock("t", "1789999970123", at), Some("${now_ms}"));
        assert_eq!(clock("t", "1790000000123456", at), Some("${now_us}"));
        assert_eq!(clock("t", "1790003600", at), None);
        assert_eq!(clock("_", "1790003600000", at), Some("${now_ms}"));
        assert_eq!(clock("t", "179000000x", at), None);
        assert!(iso_time("2026-09-21T15:06:40.5Z", at) && !iso_time("2026-09-25T15:06:40Z", at));
    }
}
