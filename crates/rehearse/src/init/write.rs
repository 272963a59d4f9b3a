//! The scenario's text: short, in the order in which it is read, with the evidence above what it explains.

use std::fmt::Write as _;
use std::time::Duration;

use super::check::checks;
use super::correlate::Work;
use super::keep::essence;
use super::known::{Known, Maker};
use super::scrub::Secrets;
use super::sent::{Holed, Place, SentBody};
use super::text::{Within, escaped};
use super::toml::{lines_of, list, pairs, quoted};
use super::{InitOptions, LONGEST_PAUSE, UPLOAD};

/// Fewer same steps in a row stay as they are.
const SHORTEST_RUN: usize = 3;

/// Everything that the writing of a step needs.
pub(super) struct Writer<'w, 'a> {
    /// What was decided.
    pub(super) work: &'w Work<'a>,
    /// What must not be told.
    pub(super) secrets: &'w Secrets,
    /// The steps' names.
    pub(super) names: &'w [String],
    /// What was asked for.
    pub(super) options: &'w InitOptions,
}

impl Writer<'_, '_> {
    /// The whole file. Steps that ask for the same again and again (a page that polls) become one that is repeated.
    pub(super) fn file(&self) -> String {
        let mut out = self.head();
        let steps: Vec<String> = (0..self.names.len()).map(|step| self.step(step)).collect();
        let mut step = 0;
        while step < steps.len() {
            let mut end = step + 1;
            while end < steps.len() && steps[end] == steps[step] && self.repeatable(end) {
                end += 1;
            }
            if end - step < SHORTEST_RUN || !self.repeatable(step) {
                end = step + 1;
            }
            out.push_str("\n[[step]]\n");
            self.remarks(step, &mut out);
            let _ = writeln!(out, "name = {}", quoted(&self.names[step]));
            let pauses: Duration = (step..end).map(|s| self.work.a.recording.visits[s].pause).sum();
            let times = end - step;
            if times > 1 {
                let _ = writeln!(out, "repeat = {times}");
            }
            think(pauses / times as u32, &mut out);
            out.push_str(&steps[step]);
            step = end;
        }
        out
    }

    /// Whether doing a step several times in a row needs nothing that stands between.
    fn repeatable(&self, step: usize) -> bool {
        matches!(self.work.a.sendings[step].body, SentBody::Empty)
            && self.work.known.extracted_at(step).next().is_none()
            && self.work.remarks[step].is_empty()
            && self.work.unexplained[step].is_empty()
    }

    fn head(&self) -> String {
        let mut out = String::from(
            "# Made of a recording by `canvass rehearse init`; meant to be edited and kept under version control.\n",
        );
        let unexplained: usize = self.work.unexplained.iter().map(Vec::len).sum();
        if unexplained > 0 {
            let _ = writeln!(
                out,
                "# It will not work as it is: look for UNEXPLAINED ({unexplained})."
            );
        }
        let _ = writeln!(out, "name = {}", quoted(&self.options.name));
        let target = self.work.a.recording.target.origin().ascii_serialization();
        let _ = writeln!(out, "target = {}", quoted(&target));
        let columns: Vec<String> = self.work.known.columns().map(|k| k.name.clone()).collect();
        if !columns.is_empty() {
            let _ = writeln!(out, "data = {}", quoted(&self.options.data));
            let _ = writeln!(out, "columns = {}", list(&columns));
        }
        out
    }

    fn remarks(&self, step: usize, out: &mut String) {
        for line in &self.work.unexplained[step] {
            let _ = writeln!(out, "# UNEXPLAINED: {}", self.secrets.redact(line));
        }
        for line in &self.work.remarks[step] {
            let _ = writeln!(out, "# {}", self.secrets.redact(line));
        }
    }

    /// A step without its name and its pause.
    fn step(&self, step: usize) -> String {
        let mut out = String::new();
        self.request(step, &mut out);
        self.body(step, &mut out);
        self.assets(step, &mut out);
        self.extracts(step, &mut out);
        let checks = checks(self.work, self.secrets, step);
        let _ = writeln!(out, "check = [{}]", checks.join(", "));
        out
    }

    fn request(&self, step: usize, out: &mut String) {
        let sending = &self.work.a.sendings[step];
        let visit = &self.work.a.recording.visits[step];
        let method = &visit.first().request.method;
        let usual = if matches!(sending.body, SentBody::Empty) {
            "GET"
        } else {
            "POST"
        };
        if method != usual {
            let _ = writeln!(out, "method = {}", quoted(method));
        }
        let _ = writeln!(
            out,
            "path = {}",
            quoted(&self.holed(step, &sending.path, Within::Url))
        );
        if visit.leads_out.is_some() {
            let _ = writeln!(
                out,
                "follow = false # the redirect leads out of the application or the recording"
            );
        }
        if !sending.headers.is_empty() {
            let headers: Vec<_> = sending
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), self.holed(step, value, Within::Plain)))
                .collect();
            let _ = writeln!(out, "headers = {}", pairs(&headers));
        }
        let set: Vec<_> = self
            .work
            .known
            .all
            .iter()
            .filter_map(|k| self.set_at(k, step))
            .collect();
        if !set.is_empty() {
            let _ = writeln!(out, "set = {}", pairs(&set));
        }
    }

    /// A value that this step makes and others send too.
    fn set_at(&self, known: &Known, step: usize) -> Option<(String, String)> {
        match &known.maker {
            Maker::Set(at, template) if *at == step && known.uses.len() > 1 => {
                Some((known.name.clone(), template.clone()))
            }
            _ => None,
        }
    }

    fn body(&self, step: usize, out: &mut String) {
        let sending = &self.work.a.sendings[step];
        let place = |number: usize| self.place(step, number, Within::Plain);
        match &sending.body {
            SentBody::Empty => {}
            SentBody::Form(fields) => {
                let fields: Vec<_> = fields.iter().map(|(name, n)| (name.clone(), place(*n))).collect();
                let _ = writeln!(out, "form = {}", pairs(&fields));
            }
            SentBody::Multipart(parts) => {
                let parts: Vec<_> = parts
                    .iter()
                    .map(|part| {
                        let mut line = format!(
                            "{{ name = {}, value = {}",
                            quoted(&part.name),
                            quoted(&place(part.place))
                        );
                        if let Some(name) = &part.file_name {
                            let ending = name.rsplit_once('.').map_or("txt", |(_, ending)| ending);
                            let name = if self.options.keep_secrets {
                                name.clone()
                            } else {
                                format!("upload.{ending}")
                            };
                            let _ = write!(line, ", file_name = {}", quoted(&name));
                        }
                        if let Some(content_type) = &part.content_type {
                            let _ = write!(line, ", content_type = {}", quoted(content_type));
                        }
                        line + " }"
                    })
                    .collect();
                let _ = writeln!(out, "multipart = {}", lines_of(&parts));
            }
            SentBody::Text { content_type, text } => self.text(step, content_type, text, out),
            SentBody::Binary { content_type, .. } => {
                let _ = writeln!(out, "text = {}", quoted(UPLOAD));
                if !content_type.is_empty() {
                    let _ = writeln!(out, "content_type = {}", quoted(content_type));
                }
            }
        }
    }

    fn text(&self, step: usize, content_type: &str, text: &Holed, out: &mut String) {
        let json = essence(content_type) == "application/json";
        let places = &self.work.a.sendings[step].places;
        let within = match text
            .holes
            .iter()
            .any(|(_, n)| matches!(places[*n].place, Place::Json(_)))
        {
            true => Within::Json,
            false => Within::Plain,
        };
        let rendered = self.holed(step, text, within);
        let control = |c: char| c.is_control() && c != '\n';
        let lines = rendered.contains('\n') && !rendered.contains("'''") && !rendered.chars().any(control);
        let name = if json { "json" } else { "text" };
        let _ = match lines && !rendered.ends_with('\'') {
            true => writeln!(out, "{name} = '''\n{rendered}'''"),
            false => writeln!(out, "{name} = {}", quoted(&rendered)),
        };
        if !content_type.is_empty() && content_type != "application/json" {
            let _ = writeln!(out, "content_type = {}", quoted(content_type));
        }
    }

    fn assets(&self, step: usize, out: &mut String) {
        let assets: Vec<_> = self.work.a.recording.visits[step]
            .assets
            .iter()
            .filter(|path| self.options.with_assets && self.secrets.none_in(path))
            .map(|path| escaped(path))
            .collect();
        if !assets.is_empty() {
            let _ = writeln!(out, "assets = {}", list(&assets));
        }
    }

    fn extracts(&self, step: usize, out: &mut String) {
        let extracts: Vec<_> = self.work.known.extracted_at(step).collect();
        if extracts.is_empty() {
            return;
        }
        out.push_str("extract = [\n");
        for (known, find) in extracts {
            let evidence = format!(
                "from {} in this reply; {}; {}",
                find.label(),
                self.uses(known),
                known.confidence
            );
            let _ = writeln!(out, "  # {}", self.secrets.redact(&evidence));
            let _ = writeln!(out, "  {{ name = {}, {} }},", quoted(&known.name), find.toml());
        }
        out.push_str("]\n");
    }

    fn uses(&self, known: &Known) -> String {
        let Some((step, label)) = known.uses.first() else {
            return "not sent".to_owned();
        };
        let more = match known.uses.len() - 1 {
            0 => String::new(),
            1 => ", and once more".to_owned(),
            n => format!(", and {n} times more"),
        };
        format!("sent by {:?} as {label}{more}", self.names[*step])
    }
}

/// The pause before a step, rounded: a person does not take the same time twice.
fn think(pause: Duration, out: &mut String) {
    let millis = pause.as_millis() as u64;
    let shown = match millis {
        0..=100 => return,
        101..1_000 => format!("{}ms", (millis + 50) / 100 * 100),
        1_000..10_000 => {
            let halves = (millis + 250) / 500;
            if halves.is_multiple_of(2) {
                format!("{}s", halves / 2)
            } else {
                format!("{}.5s", halves / 2)
            }
        }
        _ => format!("{}s", (pause.min(LONGEST_PAUSE).as_millis() + 500) / 1_000),
    };
    let spread = if millis > 1_000 { " ± 50%" } else { "" };
    let cut = match pause > LONGEST_PAUSE {
        true => format!(" # {} s in the recording", pause.as_secs()),
        false => String::new(),
    };
    let _ = writeln!(out, "think = {}{cut}", quoted(&format!("{shown}{spread}")));
}

/// The data file: a header and the two rows that were recorded, or rows that show what belongs there.
pub(super) fn data_file(work: &Work<'_>) -> Option<String> {
    let columns: Vec<&Known> = work.known.columns().collect();
    if columns.is_empty() {
        return None;
    }
    let rows: Vec<Vec<String>> = match work.keep_secrets {
        true => vec![
            columns.iter().map(|k| k.value.clone()).collect(),
            columns
                .iter()
                .map(|k| k.other.clone().unwrap_or_default())
                .collect(),
        ],
        false => (1..=2)
            .map(|n| columns.iter().map(|k| format!("{}-{n}", k.name)).collect())
            .collect(),
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    let names: Vec<&str> = columns.iter().map(|k| k.name.as_str()).collect();
    let shown = rows.iter().filter(|row| row.iter().any(|cell| !cell.is_empty()));
    writer.write_record(names).ok()?;
    for row in shown {
        writer.write_record(row).ok()?;
    }
    String::from_utf8(writer.into_inner().ok()?).ok()
}
