//! What came of a comparison, as data and as text.

use std::io::{self, Write};

use serde::Serialize;

/// What came of a comparison. Its JSON is a public format: `format` grows when a field changes its meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Version of this format: 1.
    pub format: u32,
    /// Whether nothing was lost, doubled or different (nor extra, if that was asked for), and anything acknowledged.
    pub passed: bool,
    /// The key's columns.
    pub key: Vec<String>,
    /// The compared columns.
    pub compare: Vec<String>,
    /// Whether extra rows fail the comparison.
    pub no_extra: bool,
    /// Lines of the file that were taken.
    pub acknowledged_lines: u64,
    /// Different keys among them.
    pub acknowledged_keys: u64,
    /// Lines that acknowledge the same again, with equal values: sent twice, which is fine.
    pub resent: u64,
    /// Whether the last line was cut off, as when the rehearsal was killed; it is left out.
    pub torn_line: bool,
    /// Rows that are held.
    pub held_rows: u64,
    /// Different keys among them.
    pub held_keys: u64,
    /// Keys that were acknowledged and are not held.
    pub lost: Finding,
    /// Keys that are held more than once.
    pub doubled: Finding,
    /// Of these, keys that were never acknowledged.
    pub doubled_extra: u64,
    /// Acknowledged keys that are held with a value which was never acknowledged.
    pub different: Finding,
    /// Keys that are held and were never acknowledged.
    pub extra: Finding,
    /// Keys that were acknowledged with different values; each of these may be held.
    pub conflicting: Finding,
}

/// One kind of finding.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How many keys.
    pub count: u64,
    /// The first ten.
    pub samples: Vec<Sample>,
}

/// One key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// The values of the key's columns, in [`Outcome::key`]'s order.
    pub key: Vec<String>,
    /// The columns that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Difference>,
    /// The compared values that are held, until `columns` is known.
    #[serde(skip)]
    pub(super) held: Vec<String>,
}

/// A column that differs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its name.
    pub column: String,
    /// What was acknowledged, when values may be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<String>,
    /// What is held, when values may be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
}

impl Sample {
    pub(super) fn of(key: &[String]) -> Self {
        Self {
            key: key.to_vec(),
            ..Self::default()
        }
    }
}

impl Outcome {
    /// Decides whether it passed, when everything else is known.
    pub(super) fn judge(&mut self) {
        self.format = 1;
        self.passed = self.acknowledged_lines > 0
            && self.lost.count + self.doubled.count + self.different.count == 0
            && (!self.no_extra || self.extra.count == 0);
    }

    /// Writes it for people.
    ///
    /// # Errors
    /// What `out` says.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.torn_line {
            writeln!(
                out,
                "the last line of the file was cut off, it is left out: the rehearsal did not end by itself"
            )?;
        }
        if self.acknowledged_lines == 0 {
            return writeln!(out, "nothing was acknowledged: nothing is proved");
        }
        let (lines, keys) = (self.acknowledged_lines, self.acknowledged_keys);
        let again = match self.resent {
            0 => String::new(),
            n => format!(", {n} sent again with equal values"),
        };
        writeln!(out, "acknowledged  {lines} lines, {keys} keys{again}")?;
        writeln!(
            out,
            "held          {} rows, {} keys",
            self.held_rows, self.held_keys
        )?;
        self.write_finding(out, "lost", &self.lost, "acknowledged, not held")?;
        let doubled = format!(
            "held more than once; {} of them never acknowledged",
            self.doubled_extra
        );
        self.write_finding(out, "doubled", &self.doubled, &doubled)?;
        self.write_finding(
            out,
            "different",
            &self.different,
            "held with a value that was not acknowledged",
        )?;
        let extra = "held, not acknowledged; a reply can be lost on its way";
        self.write_finding(out, "extra", &self.extra, extra)?;
        if self.conflicting.count > 0 {
            let meaning = "acknowledged with different values, each of which may be held";
            self.write_finding(out, "conflicting", &self.conflicting, meaning)?;
        }
        writeln!(out, "{}", self.verdict())
    }

    fn write_finding(
        &self,
        out: &mut dyn Write,
        name: &str,
        finding: &Finding,
        meaning: &str,
    ) -> io::Result<()> {
        if finding.count == 0 {
            return writeln!(out, "{name:<12}  0");
        }
        writeln!(out, "{name:<12}  {}  ({meaning})", finding.count)?;
        for sample in &finding.samples {
            let pairs = self.key.iter().zip(&sample.key);
            let key: Vec<String> = pairs
                .map(|(column, value)| format!("{column}={}", plain(value)))
                .collect();
            writeln!(out, "  {}{}", key.join(" "), differences(&sample.columns))?;
        }
        match finding.count - finding.samples.len() as u64 {
            0 => Ok(()),
            more => writeln!(out, "  and {more} more"),
        }
    }

    fn verdict(&self) -> String {
        if !self.passed {
            return "failed: what the application holds is not what it acknowledged".into();
        }
        let values = if self.compare.is_empty() {
            "; values were not compared (--compare names columns)"
        } else {
            ", as it was sent"
        };
        format!("passed: everything acknowledged is held once{values}")
    }
}

fn differences(columns: &[Difference]) -> String {
    let texts = columns.iter().map(|d| match (&d.acknowledged, &d.held) {
        (Some(sent), Some(held)) => format!("{} was {}, is {}", d.column, plain(sent), plain(held)),
        _ => d.column.clone(),
    });
    match texts.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => none,
        some => format!(": {some}"),
    }
}

/// Quoted when it would not be clear where it ends.
fn plain(value: &str) -> String {
    if value.is_empty() || value.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"') {
        format!("{value:?}")
    } else {
        value.to_owned()
    }
}
