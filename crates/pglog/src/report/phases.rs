//! The phases of a rehearsal, from the report that `canvass rehearse run --json` wrote, to be laid over what the log says of
//! the same time. Reads only what it needs, and takes what is missing as not there: the form is another program's.

use jiff::Timestamp;
use serde::Deserialize;

use super::model::{Bucket, Report};

/// A rehearsal's phases and faults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Phases {
    /// The rehearsal's name.
    pub name: String,
    /// In order of time; faults behind the phases.
    pub bands: Vec<Band>,
}

/// A stretch of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// What it is called.
    pub name: String,
    /// When it begins, µs since 1970 UTC.
    pub from: i64,
    /// When it ends.
    pub until: i64,
    /// A fault, from its beginning to recovery.
    pub is_fault: bool,
}

/// What the log says of a phase.
#[derive(Clone, Debug, PartialEq)]
pub struct Within {
    /// The phase.
    pub band: Band,
    /// How many pieces of the series have their middle in it.
    pub pieces: u64,
    /// Executions per second.
    pub rate: f64,
    /// Statements at work at once, on average.
    pub at_work: f64,
    /// The middle of the pieces' p95, µs.
    pub p95: u64,
    /// The highest p95 of a piece, µs.
    pub worst_p95: u64,
    /// Errors and worse.
    pub failures: u64,
}

#[derive(Deserialize)]
struct Rehearsal {
    started: String,
    #[serde(default)]
    seconds: f64,
    #[serde(default)]
    name: String,
    #[serde(default)]
    phases: Vec<Piece>,
    #[serde(default)]
    timeline: Vec<Second>,
    #[serde(default)]
    faults: Vec<Piece>,
}

/// A phase or a fault; seconds from the first arrival.
#[derive(Deserialize)]
struct Piece {
    #[serde(default)]
    name: String,
    #[serde(default, alias = "from")]
    at: f64,
    until: Option<f64>,
    seconds: Option<f64>,
    recovered: Option<f64>,
}

#[derive(Deserialize)]
struct Second {
    #[serde(default)]
    requests: u64,
}

impl Phases {
    /// From a rehearsal's report. A rehearsal that names no phases has three, as its own figures do: up to the moment when a
    /// tenth of the requests was done, the steady part, and the rest from when nine tenths were.
    ///
    /// # Errors
    /// In words: it is no such report, or its beginning is no time.
    pub fn read(json: &str) -> Result<Self, String> {
        let rehearsal: Rehearsal = serde_json::from_str(json)
            .map_err(|e| format!("not a report of `canvass rehearse run --json`: {e}"))?;
        let started: Timestamp = rehearsal
            .started
            .parse()
            .map_err(|_| format!("started: {:?} is no time", rehearsal.started))?;
        let at = |seconds: f64| started.as_microsecond() + (seconds * 1e6).round() as i64;
        let end = rehearsal.seconds.max(0.0);
        let band = |piece: &Piece, is_fault: bool| {
            let length = piece.seconds.or(piece.recovered.filter(|_| is_fault));
            let until = piece.until.or(length.map(|s| piece.at + s)).unwrap_or(end);
            Band {
                name: crate::clean(&piece.name).into_owned(),
                from: at(piece.at),
                until: at(until.max(piece.at)),
                is_fault,
            }
        };
        let mut bands: Vec<Band> = rehearsal.phases.iter().map(|p| band(p, false)).collect();
        if bands.is_empty() {
            let moments = [0.0, moment(&rehearsal, 0.1), moment(&rehearsal, 0.9), end];
            let names = ["beginning", "steady", "end"];
            bands = names
                .iter()
                .zip(moments.windows(2))
                .filter(|(_, m)| m[1] > m[0])
                .map(|(name, m)| Band {
                    name: (*name).to_owned(),
                    from: at(m[0]),
                    until: at(m[1]),
                    is_fault: false,
                })
                .collect();
        }
        bands.sort_by_key(|b| (b.from, b.until));
        bands.extend(rehearsal.faults.iter().map(|f| band(f, true)));
        Ok(Self {
            name: crate::clean(&rehearsal.name).into_owned(),
            bands,
        })
    }

    /// What the log says of each phase, by the finest series that the report has, and the length of its pieces in seconds.
    pub fn within(&self, report: &Report) -> (u32, Vec<Within>) {
        let (seconds, buckets) = match report.fine.as_ref().filter(|f| !f.buckets.is_empty()) {
            Some(fine) => (fine.seconds, &fine.buckets),
            None => (300, &report.series),
        };
        let within = self.bands.iter().map(|b| within(b, seconds, buckets)).collect();
        (seconds, within)
    }
}

/// Seconds until a part of all requests was done.
fn moment(rehearsal: &Rehearsal, part: f64) -> f64 {
    let total: u64 = rehearsal.timeline.iter().map(|s| s.requests).sum();
    let wanted = total as f64 * part;
    let mut sum = 0.0;
    for (second, n) in rehearsal.timeline.iter().enumerate() {
        let n = n.requests as f64;
        if n > 0.0 && sum + n >= wanted {
            return second as f64 + (wanted - sum) / n;
        }
        sum += n;
    }
    if part < 0.5 { 0.0 } else { rehearsal.seconds }
}

fn within(band: &Band, seconds: u32, buckets: &[Bucket]) -> Within {
    let length = i64::from(seconds) * 1_000_000;
    let middle = |b: &Bucket| {
        let from: Timestamp = b.from.parse().ok()?;
        Some(from.as_microsecond() + length / 2)
    };
    let inside: Vec<&Bucket> = buckets
        .iter()
        .filter(|b| middle(b).is_some_and(|m| (band.from..band.until).contains(&m)))
        .collect();
    let mut p95: Vec<u64> = inside.iter().filter(|b| b.calls > 0).map(|b| b.p95).collect();
    p95.sort_unstable();
    // Pieces in which nothing was are not in the series, but their time went by.
    let pieces =
        (band.until - length / 2 - 1).div_euclid(length) - (band.from - length / 2 - 1).div_euclid(length);
    let time = pieces.max(inside.len() as i64).max(1) as f64 * length as f64;
    let sum = |of: fn(&Bucket) -> u64| inside.iter().map(|b| of(b)).sum::<u64>();
    Within {
        band: band.clone(),
        pieces: pieces.max(0) as u64,
        rate: sum(|b| b.calls) as f64 / time * 1e6,
        at_work: sum(|b| b.micros) as f64 / time,
        p95: p95.get(p95.len() / 2).copied().unwrap_or(0),
        worst_p95: p95.last().copied().unwrap_or(0),
        failures: sum(|b| b.failures),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(phases: &Phases) -> Vec<(&str, i64, i64, bool)> {
        let start = 1_795_705_200_000_000; // 2026-11-26T15:00:00Z
        let seconds = |at: i64| (at - start) / 1_000_000;
        phases
            .bands
            .iter()
            .map(|b| (b.name.as_str(), seconds(b.from), seconds(b.until), b.is_fault))
            .collect()
    }

    #[test]
    fn a_rehearsal_without_phases_has_a_steady_part_between_a_tenth_and_nine_tenths() {
        let timeline = vec![r#"{"requests":10,"new":1}"#; 20].join(",");
        let json = format!(
            r#"{{"format":1,"name":"day\u001b[2J","started":"2026-11-26T15:00:00Z","seconds":30.0,"timeline":[{timeline}],
            "faults":[{{"name":"kill","at":5.0,"recovered":3.0}},{{"name":"stall","at":9.0,"recovered":null}}]}}"#
        );
        let phases = Phases::read(&json).unwrap();
        assert_eq!(phases.name, "day[2J");
        assert_eq!(
            moments(&phases),
            [
                ("beginning", 0, 2, false),
                ("steady", 2, 18, false),
                ("end", 18, 30, false),
                ("kill", 5, 8, true),
                ("stall", 9, 30, true)
            ]
        );
    }

    #[test]
    fn named_phases_are_taken_as_they_are_and_what_is_no_rehearsal_is_refused() {
        let json = r#"{"started":"2026-11-26T15:00:00Z","seconds":90,"phases":[{"name":"b","from":60,"until":90},{"name":"a","at":0,"seconds":60}]}"#;
        assert_eq!(
            moments(&Phases::read(json).unwrap()),
            [("a", 0, 60, false), ("b", 60, 90, false)]
        );
        assert!(Phases::read("{}").unwrap_err().contains("rehearse"));
        assert!(
            Phases::read(r#"{"started":"today"}"#)
                .unwrap_err()
                .contains("today")
        );
    }

    #[test]
    fn a_phase_counts_the_pieces_whose_middle_is_in_it() {
        let bucket = |from: &str, calls, p95| Bucket {
            from: from.to_owned(),
            calls,
            writes: 0,
            micros: calls * 1_000_000,
            p50: 0,
            p95,
            p99: 0,
            failures: 1,
        };
        let buckets = [
            bucket("2026-11-26T15:00:00Z", 100, 7),
            bucket("2026-11-26T15:00:10Z", 200, 9),
            bucket("2026-11-26T15:00:30Z", 400, 8),
        ];
        let start = 1_795_705_200_000_000;
        let band = Band {
            name: "x".into(),
            from: start + 4_000_000,
            until: start + 36_000_000,
            is_fault: false,
        };
        let within = within(&band, 10, &buckets);
        assert_eq!((within.pieces, within.failures), (4, 3));
        assert_eq!((within.rate, within.at_work), (17.5, 17.5));
        assert_eq!((within.p95, within.worst_p95), (8, 9));
    }
}
