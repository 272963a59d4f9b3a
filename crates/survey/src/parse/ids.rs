//! The names of surveys, pages, questions, choices and languages.

use super::node::{Node, Value};
use super::problem::Problems;

/// The forms a name may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `[a-z0-9][a-z0-9-]*`, at most 64 characters.
    Survey,
    /// `[a-z][a-z0-9_]*`, at most 32 characters: pages, questions and choice lists.
    Name,
    /// `[a-z0-9][a-z0-9_]*`, at most 32 characters.
    Choice,
    /// A BCP 47 tag.
    Language,
}

impl Form {
    /// Whether the word has this form.
    pub(super) fn fits(self, word: &str) -> bool {
        let starts_with_letter = word.starts_with(|c: char| c.is_ascii_lowercase());
        let starts_well = starts_with_letter || word.starts_with(|c: char| c.is_ascii_digit());
        let has_only = |extra: char| {
            word.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == extra)
        };
        match self {
            Self::Survey => starts_well && word.len() <= 64 && has_only('-'),
            Self::Name => starts_with_letter && word.len() <= 32 && has_only('_'),
            Self::Choice => starts_well && word.len() <= 32 && has_only('_'),
            Self::Language => is_language_tag(word),
        }
    }

    fn rule(self) -> &'static str {
        match self {
            Self::Survey => {
                "must have only a-z, 0-9 and -, start with a letter or digit, at most 64 characters"
            }
            Self::Name => "must have only a-z, 0-9 and _, start with a letter, at most 32 characters",
            Self::Choice => {
                "must have only a-z, 0-9 and _, start with a letter or digit, at most 32 characters"
            }
            Self::Language => "must be a language tag such as en, es or pt-BR",
        }
    }
}

/// A name of this form; `what` says whose: `question id`. A whole number needs no quotes.
pub(super) fn id(node: &Node, what: &str, form: Form, problems: &mut Problems) -> Option<String> {
    let Value::Scalar { text, plain } = &node.value else {
        if !matches!(node.value, Value::Refused) {
            problems.error(
                node.at,
                format!("{what} must be a word, this is {}", node.value.name()),
            );
        }
        return None;
    };
    if *plain && yaml_means_otherwise(text) {
        problems.error(
            node.at,
            format!("{what} {text} means something else to YAML, write \"{text}\""),
        );
        return None;
    }
    if !form.fits(text) {
        problems.error(node.at, format!("{what} {text:?} {}", form.rule()));
        return None;
    }
    Some(text.clone())
}

/// Without quotes these are truth values or fractions for every other reader of the file.
fn yaml_means_otherwise(text: &str) -> bool {
    matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE")
        || (text.starts_with(|c: char| c.is_ascii_digit())
            && text.contains(['.', 'e', 'E'])
            && text.parse::<f64>().is_ok())
}

/// The tags of RFC 5646 that a questionnaire needs: language, script, region, variants, private use.
fn is_language_tag(tag: &str) -> bool {
    let mut parts = tag.split('-').peekable();
    let letters = |p: &str| p.chars().all(|c| c.is_ascii_alphabetic());
    let digits = |p: &str| p.chars().all(|c| c.is_ascii_digit());
    let characters = |p: &str| p.chars().all(|c| c.is_ascii_alphanumeric());
    let language = parts.next().unwrap_or_default();
    if tag.len() > 35 || !(2..=3).contains(&language.len()) || !letters(language) {
        return false;
    }
    parts.next_if(|p| p.len() == 4 && letters(p));
    parts.next_if(|p| (p.len() == 2 && letters(p)) || (p.len() == 3 && digits(p)));
    let variant = |p: &&str| {
        characters(p)
            && ((5..=8).contains(&p.len()) || (p.len() == 4 && p.starts_with(|c: char| c.is_ascii_digit())))
    };
    while parts.next_if(variant).is_some() {}
    if parts.next_if(|p| p.eq_ignore_ascii_case("x")).is_some() {
        return parts.peek().is_some() && parts.all(|p| (1..=8).contains(&p.len()) && characters(p));
    }
    parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_tags() {
        for good in [
            "en",
            "es-MX",
            "zh-Hant",
            "zh-Hans-CN",
            "sr-Latn-RS",
            "es-419",
            "ca-valencia",
            "de-1996",
            "en-x-simple",
            "fil",
        ] {
            assert!(is_language_tag(good), "{good}");
        }
        for bad in [
            "", "e", "english", "en_US", "en-", "-en", "en--US", "en-x", "en US", "e1", "ñu",
        ] {
            assert!(!is_language_tag(bad), "{bad}");
        }
    }

    #[test]
    fn names_have_bounds() {
        assert!(Form::Name.fits(&"a".repeat(32)));
        assert!(!Form::Name.fits(&"a".repeat(33)));
        assert!(!Form::Name.fits(""));
        assert!(!Form::Name.fits("1a"));
        assert!(!Form::Name.fits("Aa"));
        assert!(Form::Choice.fits("1"));
        assert!(!Form::Choice.fits("-1"));
        assert!(!Form::Choice.fits("é"));
        assert!(Form::Survey.fits("2026-students"));
        assert!(!Form::Survey.fits("a_b"));
    }
}
