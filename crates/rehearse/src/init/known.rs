//! The names of a scenario: columns of the data file, values that steps set, values that steps extract.

use std::collections::HashMap;

use super::find::Find;
use super::judge;

/// A name and the value that it had in the recordings.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// Where the value comes from.
    pub(super) maker: Maker,
    /// What it would like to be called.
    pub(super) base: String,
    /// What it is called: see [`Table::name`].
    pub(super) name: String,
    /// The value in the first recording.
    pub(super) value: String,
    /// The value in the second, when it is known.
    pub(super) other: Option<String>,
    /// The steps that send it, in order, and as what.
    pub(super) uses: Vec<(usize, String)>,
    /// What is extracted is percent-encoded; `value` is not.
    pub(super) decoded: bool,
    /// Of an extracted value: how sure it is, and why.
    pub(super) confidence: String,
}

/// Where the value of a name comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Maker {
    /// The person's row of the data file.
    Column,
    /// Made by this step with this template.
    Set(usize, String),
    /// Delivered by the reply of this step.
    Extract(usize, Find),
}

impl Known {
    /// Whether a request of this step can use it.
    pub(super) fn ready(&self, step: usize) -> bool {
        match &self.maker {
            Maker::Column => true,
            Maker::Set(by, _) => *by <= step,
            Maker::Extract(by, _) => *by < step,
        }
    }

    /// Whether a value that is sent under this name is this one.
    pub(super) fn is(&self, name: &str, value: &str, other: Option<&str>) -> bool {
        let same_other = match (&self.other, other) {
            (Some(own), Some(other)) => own == other,
            _ => true,
        };
        let long = value.len() >= 4 && judge::strength(value) > judge::Strength::Weak || value.len() >= 6;
        self.value == value && same_other && (long || judge::normal(name) == judge::normal(&self.base))
    }
}

/// All names, in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// The names; an index into it stands for one.
    pub(super) all: Vec<Known>,
}

impl Table {
    /// Adds a name.
    pub(super) fn add(
        &mut self,
        maker: Maker,
        sent_as: &str,
        value: &str,
        other: Option<&str>,
        why: String,
    ) -> usize {
        self.all.push(Known {
            maker,
            base: base(sent_as),
            name: String::new(),
            value: value.to_owned(),
            other: other.map(str::to_owned),
            uses: Vec::new(),
            decoded: false,
            confidence: why,
        });
        self.all.len() - 1
    }

    /// Names everything. What is extracted anew at every page keeps one name, as long as no step means the older value;
    /// everything else has a name of its own.
    pub(super) fn name(&mut self) {
        let mut given: HashMap<String, Vec<usize>> = HashMap::new();
        for id in 0..self.all.len() {
            let base = self.all[id].base.clone();
            let names = (1..).map(|n| {
                if n == 1 {
                    base.clone()
                } else {
                    format!("{base}_{n}")
                }
            });
            let free = |name: &String| {
                let holders = given.get(name).map_or(&[][..], Vec::as_slice);
                holders.iter().all(|&holder| self.can_share(holder, id))
            };
            let name = names
                .filter(|n| !RESERVED.contains(&n.as_str()))
                .find(free)
                .unwrap_or(base);
            given.entry(name.clone()).or_default().push(id);
            self.all[id].name = name;
        }
    }

    fn can_share(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.all[a], &self.all[b]);
        let (Maker::Extract(at_a, find_a), Maker::Extract(at_b, find_b)) = (&a.maker, &b.maker) else {
            return false;
        };
        let last = |known: &Known| known.uses.iter().map(|(step, _)| *step).max().unwrap_or(0);
        // A value must not be replaced before the last step that sends it.
        std::mem::discriminant(find_a) == std::mem::discriminant(find_b)
            && (last(a) <= *at_b && at_a < at_b || last(b) <= *at_a && at_b < at_a)
    }

    /// Whether a text of this step can hold the name for the value: it is known by then, and stands for nothing else.
    pub(super) fn stands(&self, id: usize, step: usize) -> bool {
        let known = &self.all[id];
        known.ready(step) && self.all.iter().filter(|k| k.name == known.name).count() == 1
    }

    /// The columns, in order.
    pub(super) fn columns(&self) -> impl Iterator<Item = &Known> {
        self.all.iter().filter(|k| k.maker == Maker::Column)
    }

    /// What a step extracts.
    pub(super) fn extracted_at(&self, step: usize) -> impl Iterator<Item = (&Known, &Find)> {
        self.all.iter().filter_map(move |known| match &known.maker {
            Maker::Extract(at, find) if *at == step => Some((known, find)),
            _ => None,
        })
    }
}

/// Names that templates keep for themselves.
const RESERVED: &[&str] = &["person", "n", "now_us", "now_ms", "now_s", "uuid"];

/// A name made of what a value is sent as: words in lower case, joined by `_`.
fn base(sent_as: &str) -> String {
    let mut words = judge::words(sent_as);
    if words.len() > 1 && words[0] == "x" {
        words.remove(0);
    }
    let base: String = words.join("_").chars().take(40).collect();
    if base.is_empty() { "value".to_owned() } else { base }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(usize, &str, &[usize])]) -> Vec<String> {
        let mut table = Table::default();
        for (step, input, uses) in entries {
            let find = Find::Input((*input).to_owned());
            let id = table.add(Maker::Extract(*step, find), input, "v", None, String::new());
            table.all[id].uses = uses.iter().map(|&step| (step, String::new())).collect();
        }
        table.add(Maker::Column, "csrf", "v", None, String::new());
        table.name();
        table.all.into_iter().map(|k| k.name).collect()
    }

    #[test]
    fn a_name_is_shared_only_when_no_step_means_the_older_value() {
        let one_after_the_other: &[(usize, &str, &[usize])] =
            &[(0, "csrf", &[1]), (1, "csrf", &[2]), (3, "csrf", &[4])];
        assert_eq!(table(one_after_the_other), ["csrf", "csrf", "csrf", "csrf_2"]);
        let crossed: &[(usize, &str, &[usize])] = &[(0, "csrf", &[5]), (1, "csrf", &[2])];
        assert_eq!(table(crossed), ["csrf", "csrf_2", "csrf_3"]);
        assert_eq!(table(&[(0, "uuid", &[1])]), ["uuid_2", "csrf"]);
    }
}
