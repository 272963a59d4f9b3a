//! One recording, read once: what each step sends, what each reply delivers.

use std::collections::HashMap;

use super::delivered::{self, Delivery, chosen};
use super::find::Find;
use super::judge::{Strength, strength};
use super::request;
use super::sent::{self, Place, Sending, Sent};
use super::visit::Recording;
use crate::html::{self, Field, Page};

/// A recording with everything that is looked up in it.
pub(super) struct Side<'a> {
    /// The recording.
    pub(super) recording: Recording<'a>,
    /// Step by step, what is sent.
    pub(super) sendings: Vec<Sending>,
    /// Step by step, the final reply as a page.
    pub(super) pages: Vec<Option<Page>>,
    /// Step by step, what the final reply delivers.
    pub(super) deliveries: Vec<Vec<Delivery>>,
    /// Where a value is delivered: step and index.
    index: HashMap<String, Vec<(usize, usize)>>,
}

impl<'a> Side<'a> {
    /// Reads what a recording sends and delivers.
    pub(super) fn new(recording: Recording<'a>) -> Self {
        let visits = &recording.visits;
        let sendings = visits
            .iter()
            .map(|v| request::read(v, &recording.target))
            .collect();
        let pages: Vec<_> = visits
            .iter()
            .map(|v| v.page.then(|| html::scan(&v.last().response.body)))
            .collect();
        let deliveries: Vec<_> = visits
            .iter()
            .zip(&pages)
            .map(|(visit, page)| delivered::read(visit, page.as_ref()))
            .collect();
        let mut index: HashMap<String, Vec<(usize, usize)>> = HashMap::new();
        for (step, list) in deliveries.iter().enumerate() {
            for (i, delivery) in list.iter().enumerate() {
                let decoded = match &delivery.find {
                    Find::Cookie(_) => sent::decoded(&delivery.value),
                    _ => delivery.value.clone(),
                };
                if decoded != delivery.value {
                    index.entry(decoded).or_default().push((step, i));
                }
                index.entry(delivery.value.clone()).or_default().push((step, i));
            }
        }
        Self {
            sendings,
            pages,
            deliveries,
            index,
            recording,
        }
    }

    /// What a step sends at the place with this key.
    pub(super) fn sent(&self, step: usize, key: &str) -> Option<&Sent> {
        self.sendings[step].places.iter().find(|p| p.key == key)
    }

    /// Where a value was delivered before a step, the latest reply first.
    pub(super) fn delivered_before(
        &self,
        value: &str,
        step: usize,
    ) -> impl Iterator<Item = (usize, &Delivery)> {
        let found = self.index.get(value).map_or(&[][..], Vec::as_slice);
        found
            .iter()
            .rev()
            .filter(move |(at, _)| *at < step)
            .map(|&(at, i)| (at, &self.deliveries[at][i]))
    }

    /// The fields with the name of what is sent on the latest page before the step that has any: the form that the
    /// person saw.
    pub(super) fn fields(&self, step: usize, sent: &Sent) -> Vec<&Field> {
        if !matches!(sent.place, Place::Field | Place::Part(_) | Place::Query) {
            return Vec::new();
        }
        let pages = self.pages[..step].iter().rev().flatten();
        let fields = pages.map(|page| page.fields().filter(|f| f.name == sent.name).collect::<Vec<_>>());
        fields
            .into_iter()
            .find(|fields| !fields.is_empty())
            .unwrap_or_default()
    }

    /// Whether the person's form asks for a password next to this field: then it says who the person is.
    pub(super) fn beside_password(&self, step: usize, sent: &Sent) -> bool {
        let pages = self.pages[..step].iter().rev().flatten();
        let with_field = |page: &&Page| page.fields().any(|f| f.name == sent.name);
        pages.into_iter().find(with_field).is_some_and(|page| {
            page.forms.iter().any(|form| {
                form.fields.iter().any(|f| f.name == sent.name)
                    && form.fields.iter().any(|f| f.kind == html::Kind::Password)
            })
        })
    }

    /// Whether a value is one of those that a form offered to choose among; a hidden field of the same name says what is
    /// sent when a box is not checked.
    pub(super) fn offered(fields: &[&Field], value: &str) -> bool {
        fields.iter().any(|field| chosen(field.kind))
            && fields
                .iter()
                .any(|field| field.value == value || field.options.iter().any(|o| o.value == value))
    }

    /// Of a GraphQL request: the name of its operation.
    pub(super) fn operation(&self, step: usize) -> Option<&str> {
        let name = &self.sent(step, "json /operationName")?.value;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        (name != "null" && name.bytes().all(plain)).then_some(name)
    }

    /// The static file that a constant stands in.
    pub(super) fn constant_in(&self, value: &str) -> Option<&'a str> {
        let held = strength(value) >= Strength::Fair;
        let mut files = self.recording.assets.iter().filter(|_| held);
        let file = files.find(|e| memchr::memmem::find(&e.response.body, value.as_bytes()).is_some())?;
        Some(file.request.url.split(['?', '#']).next().unwrap_or_default())
    }
}
