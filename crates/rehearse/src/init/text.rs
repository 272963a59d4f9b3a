//! Values as they are written where they stand: what was recorded, a name, or words instead.

use super::candidate::Coding;
use super::correlate::Origin;
use super::known::Maker;
use super::scrub::Piece;
use super::sent::{Holed, Place, Sent};
use super::write::Writer;
use super::{FREE_TEXT, UPLOAD};

/// How a value is written where it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// Into a path or query.
    Url,
    /// Into a JSON text, inside quotes.
    Json,
    /// As it is.
    Plain,
}

impl Writer<'_, '_> {
    /// A text with its places written as templates.
    pub(super) fn holed(&self, step: usize, text: &Holed, within: Within) -> String {
        let mut out = String::new();
        let mut at = 0;
        for (span, number) in &text.holes {
            out.push_str(&self.literal(step, &text.text[at..span.start], within));
            let sent = &self.work.a.sendings[step].places[*number];
            let inside = match (&sent.place, within) {
                (Place::Json(false) | Place::Word, Within::Json) => Within::Plain,
                _ => within,
            };
            out.push_str(&self.place(step, *number, inside));
            at = span.end;
        }
        out.push_str(&self.literal(step, &text.text[at..], within));
        out
    }

    pub(super) fn place(&self, step: usize, number: usize, within: Within) -> String {
        let sent = &self.work.a.sendings[step].places[number];
        match &self.work.origins[step][number] {
            Origin::Literal => self.recorded(step, sent, within),
            Origin::Known { id, coding } => match coding {
                Coding::Same => self.name(*id, &sent.value, within),
                Coding::InUrl => self.name(*id, &sent.value, Within::Plain),
                // In a URL it is encoded as it came.
                Coding::Decoded if within == Within::Url => self.name(*id, &sent.value, Within::Plain),
                Coding::Decoded => format!("${{{}|decoded}}", self.work.known.all[*id].name),
            },
            Origin::Clock(template) => (*template).to_owned(),
            Origin::FreeText if within == Within::Url => FREE_TEXT.replace(' ', "%20"),
            Origin::FreeText => FREE_TEXT.to_owned(),
            Origin::Upload => UPLOAD.to_owned(),
            Origin::Unexplained if self.options.keep_secrets => escaped(&sent.raw),
            Origin::Unexplained if sent.place == Place::Json(false) => "0".to_owned(),
            Origin::Unexplained => "UNEXPLAINED".to_owned(),
        }
    }

    /// What was recorded; decoded only where secrets must be cut out of it.
    fn recorded(&self, step: usize, sent: &Sent, within: Within) -> String {
        if self.secrets.none_in(&sent.value) && self.secrets.none_in(&sent.raw) {
            return escaped(&sent.raw);
        }
        self.literal(step, &sent.value, within)
    }

    /// A text that stays, with names in place of their values.
    fn literal(&self, step: usize, text: &str, within: Within) -> String {
        if self.secrets.none_in(text) {
            return escaped(text);
        }
        let encode = |text: &str| match within {
            Within::Url => {
                let kept = |c: char| c.is_ascii_alphanumeric() || "-._~/?&=:@,;!$".contains(c);
                text.chars()
                    .map(|c| if kept(c) { c.to_string() } else { percent(c) })
                    .collect()
            }
            Within::Json => {
                let quoted = serde_json::Value::from(text).to_string();
                quoted[1..quoted.len() - 1].to_owned()
            }
            Within::Plain => text.to_owned(),
        };
        // What lies between a JSON text's places is its own syntax.
        let syntax = within == Within::Json && text.contains('"');
        let pieces = self.secrets.pieces(text).into_iter().map(|piece| match piece {
            Piece::Text(text) if syntax => escaped(text),
            Piece::Text(text) => escaped(&encode(text)),
            Piece::Name(id) if self.work.known.stands(id, step) => self.name(id, "", within),
            _ => "scrubbed".to_owned(),
        });
        pieces.collect()
    }

    /// A name as a template; escaped unless the recorded value shows that it need not be.
    fn name(&self, id: usize, value: &str, within: Within) -> String {
        let known = &self.work.known.all[id];
        if let Maker::Set(_, template) = &known.maker
            && known.uses.len() == 1
        {
            return template.clone();
        }
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        let safe = !value.is_empty() && value.bytes().all(unreserved) && known.maker != Maker::Column;
        match within {
            Within::Url if !safe => format!("${{{}|url}}", known.name),
            Within::Json if !safe => format!("${{{}|json}}", known.name),
            _ => format!("${{{}}}", known.name),
        }
    }
}

/// A literal text as a template: `${` would begin a name.
pub(super) fn escaped(text: &str) -> String {
    text.replace("${", "${pick($)}{")
}

fn percent(c: char) -> String {
    let mut bytes = [0; 4];
    c.encode_utf8(&mut bytes)
        .bytes()
        .map(|b| format!("%{b:02X}"))
        .collect()
}
