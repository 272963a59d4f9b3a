//! What a form sent: its fields, and which answers of a page it changed.

use std::collections::BTreeMap;

use canvass_survey::{Kind, Page, Question};
use serde_json::Value;

use super::view::{self, Typed};

/// A form's fields in the order sent.
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads `application/x-www-form-urlencoded`; bytes that are not UTF-8 become U+FFFD.
    pub(crate) fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// The first value of a field; empty when it was not sent.
    pub(crate) fn one(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(n, _)| n == name)
            .map_or("", |(_, value)| value)
    }

    /// Every value of the page's questions that were sent. A question that was not sent at all is not in it: a
    /// form without it says nothing about it.
    fn typed(&self, page: &Page) -> Typed {
        let mut typed = Typed::new();
        for (name, value) in &self.0 {
            if page.questions.iter().any(|q| q.id == *name) {
                typed.entry(name.clone()).or_default().push(value.clone());
            }
        }
        typed
    }
}

/// A page's form as it came back.
pub(crate) struct Filled {
    /// What stands in the fields.
    pub(crate) typed: Typed,
    /// The page's answers as the form was rendered with them.
    pub(crate) was: BTreeMap<String, Value>,
    /// The greatest stamp that the form had seen, in µs.
    pub(crate) seen: i64,
}

impl Filled {
    /// Reads a page's form.
    pub(crate) fn read(form: &Form, page: &Page) -> Self {
        let was: BTreeMap<String, Value> = serde_json::from_str(form.one("was")).unwrap_or_default();
        Self {
            typed: form.typed(page),
            was,
            seen: form.one("stamp").parse().unwrap_or(0),
        }
    }

    /// The fields whose answers are others than those that the form was rendered with.
    pub(crate) fn changed<'f>(&'f self, page: &'f Page) -> Vec<(&'f str, &'f [String])> {
        let questions = page.questions.iter();
        questions
            .filter_map(|q| {
                let now = self.typed.get(&q.id)?;
                let before = self.was.get(&q.id).map(view::values_of).unwrap_or_default();
                (!same(q, now, &before)).then_some((q.id.as_str(), now.as_slice()))
            })
            .collect()
    }
}

/// Whether a form's values say the same as an answer. Browsers send line breaks as CR LF.
fn same(question: &Question, now: &[String], before: &[String]) -> bool {
    if let Kind::Multiple { .. } = question.kind {
        let chosen = |values: &[String]| {
            let mut ids: Vec<String> = values.iter().filter(|v| !v.is_empty()).cloned().collect();
            ids.sort_unstable();
            ids
        };
        return chosen(now) == chosen(before);
    }
    let text = |values: &[String]| {
        let first = values.first().map_or("", String::as_str);
        first.replace("\r\n", "\n").replace('\r', "\n").trim().to_owned()
    };
    text(now) == text(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::respond::pages::tests::questionnaire;

    fn changed(body: &str) -> Vec<(String, Vec<String>)> {
        let q = questionnaire();
        let filled = Filled::read(&Form::parse(body.as_bytes()), &q.pages[0]);
        filled
            .changed(&q.pages[0])
            .into_iter()
            .map(|(id, values)| (id.to_owned(), values.to_vec()))
            .collect()
    }

    #[test]
    fn only_what_changed_since_rendering_is_sent_on() {
        let was = "was=%7B%22mood%22%3A%22good%22%2C%22words%22%3A%22a%5Cnb%22%7D";
        assert_eq!(
            changed(&format!("{was}&mood=good&words=a%0D%0Ab&age=&likes=")),
            vec![]
        );
        assert_eq!(
            changed(&format!("{was}&mood=bad&words=a%0D%0Ab&age=12&likes=&likes=art")),
            vec![
                ("mood".to_owned(), vec!["bad".to_owned()]),
                ("likes".to_owned(), vec![String::new(), "art".to_owned()]),
                ("age".to_owned(), vec!["12".to_owned()]),
            ]
        );
    }

    #[test]
    fn a_question_that_was_not_sent_is_not_cleared() {
        assert_eq!(
            changed("was=%7B%22mood%22%3A%22good%22%2C%22likes%22%3A%5B%22art%22%5D%7D"),
            vec![]
        );
        assert_eq!(
            changed("was=%7B%22likes%22%3A%5B%22art%22%5D%7D&likes="),
            vec![("likes".to_owned(), vec![String::new()])]
        );
    }

    #[test]
    fn a_mangled_form_is_read_as_far_as_it_goes() {
        assert_eq!(
            changed("was=nonsense&stamp=x&mood=good&stranger=1"),
            vec![("mood".to_owned(), vec!["good".to_owned()])]
        );
    }
}
