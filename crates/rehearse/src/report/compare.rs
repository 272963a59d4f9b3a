//! Compares runs before a change with runs after it. One run against one shows nothing, because two runs of the same
//! thing differ; so at least [`LEAST_RUNS`] valid ones a side are asked for, and a difference is only spoken of when
//! chance alone would rarely show it: see [`chance`].

use std::cmp::Ordering;
use std::fmt::Write;

use serde::Serialize;

use super::{Report, StepReport, figures, words};
use crate::Error;

/// Valid runs that each side must have.
pub const LEAST_RUNS: usize = 3;

/// A difference is shown when chance alone would give one as clear in at most this share of the comparisons. Three runs
/// against three reach exactly that, and only when every run of one side is better than every run of the other.
pub const MOST_CHANCE: f64 = 0.1;

/// A report and what it is called in messages: its file.
#[derive(Debug)]
pub struct Named {
    /// The file.
    pub name: String,
    /// What it holds.
    pub report: Report,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// The scenario.
    pub name: String,
    /// What was asked for.
    pub wanted: String,
    /// Valid runs before.
    pub before: usize,
    /// Valid runs after.
    pub after: usize,
    /// What makes the comparison doubtful, a sentence each.
    pub warnings: Vec<String>,
    /// The figures: all steps together first, then step by step.
    pub figures: Vec<Figure>,
}

/// One figure on both sides.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// `all together`, or the step, as `journey / step`.
    pub step: String,
    /// Which figure; latencies are from due.
    pub figure: &'static str,
    /// What its values are.
    pub unit: Unit,
    /// Before.
    pub before: Side,
    /// After.
    pub after: Side,
    /// The change of the median as a share of the one before; None when that was 0.
    pub change: Option<f64>,
    /// The two-sided p-value: see [`chance`].
    pub p: f64,
    /// What to make of it.
    pub outcome: Outcome,
}

/// The unit of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// µs; less is better.
    Micros,
    /// A share between 0 and 1; less is better.
    Share,
    /// More is better.
    PerSecond,
    /// More is better.
    PerHour,
}

/// One side's values of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Side {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

/// What a figure's change amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Better after.
    Better,
    /// Worse after.
    Worse,
    /// No difference is shown; that does not show that there is none.
    NoDifferenceShown,
}

/// Compares.
///
/// # Errors
/// Fewer than [`LEAST_RUNS`] valid runs a side; or runs of different scenarios, arrivals or steps, unless `force`.
pub fn compare(before: &[Named], after: &[Named], force: bool) -> Result<Comparison, Error> {
    let mut warnings = Vec::new();
    let before = valid(before, "before", &mut warnings)?;
    let after = valid(after, "after", &mut warnings)?;
    let all: Vec<&Named> = before.iter().chain(&after).copied().collect();
    if let Some((one, other)) = same_run(&all) {
        return Err(Error::bad(format!(
            "{one} and {other} are the same run: a run counted twice shows nothing"
        )));
    }
    if let Some(difference) = different_runs(&all) {
        if !force {
            return Err(Error::bad(format!(
                "{difference}; --force compares them all the same"
            )));
        }
        warnings.push(difference + ".");
    }
    warnings.extend(different_machines(&all));
    Ok(Comparison {
        name: all[0].report.name.clone(),
        wanted: all[0].report.wanted.clone(),
        before: before.len(),
        after: after.len(),
        warnings,
        figures: compared(&before, &after),
    })
}

impl Comparison {
    /// Whether any figure of all steps together is worse. Those of single steps do not count: the more figures are looked
    /// at, the surer one of them differs by chance.
    pub fn worse(&self) -> bool {
        self.overall().any(|figure| figure.outcome == Outcome::Worse)
    }

    fn overall(&self) -> impl Iterator<Item = &Figure> {
        self.figures.iter().filter(|figure| figure.step == ALL)
    }
}

/// Two of the reports that tell of one run.
fn same_run<'a>(all: &[&'a Named]) -> Option<(&'a str, &'a str)> {
    let same = |a: &Named, b: &Named| {
        let key = |run: &Named| (run.report.started.clone(), run.report.seconds.to_bits());
        key(a) == key(b) && a.report.overall.histogram == b.report.overall.histogram
    };
    all.iter().enumerate().find_map(|(index, one)| {
        let other = all[index + 1..].iter().find(|other| same(one, other))?;
        Some((one.name.as_str(), other.name.as_str()))
    })
}

const ALL: &str = "all together";

fn valid<'a>(runs: &'a [Named], side: &str, warnings: &mut Vec<String>) -> Result<Vec<&'a Named>, Error> {
    let (valid, invalid): (Vec<&Named>, Vec<&Named>) = runs.iter().partition(|run| run.report.verdict.valid);
    let left_out: Vec<&str> = invalid.iter().map(|run| run.name.as_str()).collect();
    let left_out = left_out.join(", ");
    if valid.len() < LEAST_RUNS {
        let besides = if invalid.is_empty() {
            String::new()
        } else {
            format!(" (invalid: {left_out})")
        };
        return Err(Error::bad(format!(
            "--{side}: {} valid runs{besides}, at least {LEAST_RUNS} are needed: two runs of the same thing differ, too",
            valid.len(),
        )));
    }
    if !invalid.is_empty() {
        warnings.push(format!("Left out, because the run is invalid: {left_out}."));
    }
    Ok(valid)
}

/// How the runs are not runs of the same thing.
fn different_runs(all: &[&Named]) -> Option<String> {
    let first = all[0];
    let steps = |report: &Report| -> Vec<String> { report.steps.iter().map(full_name).collect() };
    all.iter().find_map(|run| {
        let (a, b) = (&first.report, &run.report);
        let files = format!("{} and {}", first.name, run.name);
        if a.name != b.name {
            Some(format!(
                "{files} are of different scenarios, \"{}\" and \"{}\"",
                a.name, b.name
            ))
        } else if a.wanted != b.wanted {
            Some(format!(
                "{files} had different arrivals, \"{}\" and \"{}\"",
                a.wanted, b.wanted
            ))
        } else if steps(a) != steps(b) {
            Some(format!("{files} have different steps"))
        } else {
            None
        }
    })
}

fn different_machines(all: &[&Named]) -> Option<String> {
    let machine = |report: &Report| {
        let memory = report.machine.memory;
        let memory = if memory == 0 {
            String::new()
        } else {
            format!(", {} memory", words::bytes(memory))
        };
        match report.machine.cores {
            0 => format!(
                "an unknown machine, {} generator threads",
                report.generator.threads
            ),
            cores => format!(
                "{cores} processors{memory}, {} generator threads",
                report.generator.threads
            ),
        }
    };
    let first = machine(&all[0].report);
    all.iter().find_map(|run| {
        let other = machine(&run.report);
        (other != first).then(|| {
            format!(
                "The machines differ: {} ran with {first}, {} with {other}.",
                all[0].name, run.name
            )
        })
    })
}

fn full_name(step: &StepReport) -> String {
    if step.journey.is_empty() {
        step.name.clone()
    } else {
        format!("{} / {}", step.journey, step.name)
    }
}

fn compared(before: &[&Named], after: &[&Named]) -> Vec<Figure> {
    let mut found: Vec<Figure> = overall_figures()
        .into_iter()
        .map(|(name, unit, value)| {
            let of = |runs: &[&Named]| runs.iter().map(|run| value(&run.report)).collect();
            figure(ALL.into(), name, unit, of(before), of(after))
        })
        .collect();
    for step in before[0].report.steps.iter().map(full_name) {
        for (name, unit, value) in step_figures() {
            let of = |runs: &[&Named]| -> Option<Vec<f64>> {
                runs.iter()
                    .map(|run| step_value(&run.report, &step, value))
                    .collect()
            };
            if let Some((before, after)) = of(before).zip(of(after)) {
                found.push(figure(step.clone(), name, unit, before, after));
            }
        }
    }
    found
}

type OverallValue = fn(&Report) -> f64;
type StepValue = fn(&Report, usize) -> f64;

fn overall_figures() -> [(&'static str, Unit, OverallValue); 6] {
    [
        ("p50", Unit::Micros, |r| r.overall.from_due.p50 as f64),
        ("p99", Unit::Micros, |r| r.overall.from_due.p99 as f64),
        ("p99.9", Unit::Micros, |r| r.overall.from_due.p999 as f64),
        ("requests", Unit::PerSecond, figures::requests_per_second),
        ("failed", Unit::Share, figures::failure_share),
        ("finished", Unit::PerHour, figures::finished_per_hour),
    ]
}

fn step_figures() -> [(&'static str, Unit, StepValue); 5] {
    [
        ("p50", Unit::Micros, |r, i| r.steps[i].from_due.p50 as f64),
        ("p99", Unit::Micros, |r, i| r.steps[i].from_due.p99 as f64),
        ("p99.9", Unit::Micros, |r, i| r.steps[i].from_due.p999 as f64),
        ("requests", Unit::PerSecond, |r, i| {
            let index = i as u16;
            let counts = r
                .timeline
                .iter()
                .map(|s| s.steps.get(&index).copied().unwrap_or(0));
            figures::middle_rate(counts, r.seconds)
        }),
        ("failed", Unit::Share, |r, i| {
            figures::part(r.steps[i].failures, r.steps[i].requests)
        }),
    ]
}

fn step_value(report: &Report, step: &str, value: StepValue) -> Option<f64> {
    let index = report.steps.iter().position(|s| full_name(s) == step)?;
    Some(value(report, index))
}

fn figure(step: String, figure: &'static str, unit: Unit, before: Vec<f64>, after: Vec<f64>) -> Figure {
    let p = chance(&before, &after);
    let (before, after) = (Side::of(before), Side::of(after));
    let less_is_better = matches!(unit, Unit::Micros | Unit::Share);
    let outcome = match after.median.total_cmp(&before.median) {
        _ if p > MOST_CHANCE + 1e-9 => Outcome::NoDifferenceShown,
        Ordering::Equal => Outcome::NoDifferenceShown,
        Ordering::Less if less_is_better => Outcome::Better,
        Ordering::Greater if !less_is_better => Outcome::Better,
        _ => Outcome::Worse,
    };
    Figure {
        step,
        figure,
        unit,
        before,
        after,
        change: (before.median != 0.0).then(|| after.median / before.median - 1.0),
        p,
        outcome,
    }
}

impl Side {
    /// Of at least one value.
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Self {
            median,
            least: values[0],
            most: values[values.len() - 1],
        }
    }
}

/// The exact two-sided p-value of the rank-sum test (H. B. Mann, D. R. Whitney, "On a Test of Whether one of Two Random
/// Variables is Stochastically Larger than the Other", Annals of Mathematical Statistics 18 (1947), 50-60): of all ways
/// to deal the values to two sides of these sizes, the share in which one side's sum of ranks is at least as far from
/// its mean as here. Equal values share their mean rank, and the ways are counted with these ranks.
pub fn chance(a: &[f64], b: &[f64]) -> f64 {
    let ranks = doubled_ranks(a, b);
    let total: usize = ranks.iter().sum();
    // ways[k][s]: in how many ways k of the values have doubled ranks that sum to s
    let mut ways = vec![vec![0.0f64; total + 1]; a.len() + 1];
    ways[0][0] = 1.0;
    for rank in &ranks {
        for k in (1..=a.len()).rev() {
            for sum in (*rank..=total).rev() {
                ways[k][sum] += ways[k - 1][sum - rank];
            }
        }
    }
    let mean = total as f64 * a.len() as f64 / ranks.len() as f64;
    let seen = (ranks[..a.len()].iter().sum::<usize>() as f64 - mean).abs();
    let dealt = &ways[a.len()];
    let far: f64 = dealt
        .iter()
        .enumerate()
        .filter(|(sum, _)| (*sum as f64 - mean).abs() >= seen - 1e-9)
        .map(|(_, ways)| ways)
        .sum();
    far / dealt.iter().sum::<f64>()
}

/// Twice the rank of each value among all, those of `a` first, so that shared ranks stay whole numbers.
fn doubled_ranks(a: &[f64], b: &[f64]) -> Vec<usize> {
    let all: Vec<f64> = a.iter().chain(b).copied().collect();
    all.iter()
        .map(|value| {
            let below = all.iter().filter(|other| *other < value).count();
            let equal = all.iter().filter(|other| *other == value).count();
            2 * below + equal + 1
        })
        .collect()
}

impl Comparison {
    /// The comparison as a table of 80 columns.
    pub fn table(&self) -> String {
        let mut text = String::new();
        for line in [
            words::line(&self.name),
            format!(
                "{}; {} runs before, {} after",
                words::line(&self.wanted),
                self.before,
                self.after
            ),
        ] {
            let _ = writeln!(text, "{}", words::fit(&line, 80));
        }
        let _ = writeln!(
            text,
            "\n{:<13}{:>25}{:>25}{:>9}",
            "", "before: median, range", "after: median, range", "change"
        );
        let mut step = "";
        for figure in &self.figures {
            if figure.step != step {
                step = &figure.step;
                let _ = writeln!(text, "{}", words::fit(&words::line(step), 80));
            }
            let _ = writeln!(text, "{}", figure.row());
        }
        text.push('\n');
        for warning in &self.warnings {
            let _ = writeln!(text, "Warning: {}", words::line(warning));
        }
        text.push_str(&self.words());
        text
    }

    fn words(&self) -> String {
        let named = |outcome: Outcome| -> String {
            let named: Vec<String> = self
                .overall()
                .filter(|f| f.outcome == outcome)
                .map(Figure::name)
                .collect();
            if named.is_empty() {
                "nothing".into()
            } else {
                named.join(", ")
            }
        };
        format!(
            "All together, better: {}\n              worse: {}\n              no difference shown: {}\n\
             Chance alone shows a difference in up to {} of such lines; more runs help.\n",
            named(Outcome::Better),
            named(Outcome::Worse),
            named(Outcome::NoDifferenceShown),
            words::share(MOST_CHANCE),
        )
    }
}

impl Figure {
    fn name(&self) -> String {
        match self.unit {
            Unit::PerSecond => format!("{}/s", self.figure),
            Unit::PerHour => format!("{}/h", self.figure),
            _ => self.figure.into(),
        }
    }

    fn row(&self) -> String {
        let side = |side: &Side| format!("{:>9} {:>15}", self.unit.say(side.median), self.range(side));
        let change = self
            .change
            .map_or(String::new(), |change| format!("{:+.1} %", change * 100.0));
        let outcome = match self.outcome {
            Outcome::Better => "better",
            Outcome::Worse => "worse",
            Outcome::NoDifferenceShown => "-",
        };
        let row = format!(
            "  {:<11}{}{}{change:>9} {outcome:<6}",
            self.name(),
            side(&self.before),
            side(&self.after)
        );
        row.trim_end().to_owned()
    }

    /// `2.11-2.20 ms`; each end with its unit when they differ.
    fn range(&self, side: &Side) -> String {
        let (least, most) = (self.unit.say(side.least), self.unit.say(side.most));
        match (least.split_once(' '), most.split_once(' ')) {
            (Some((number, a)), Some((_, b))) if a == b => format!("{number}-{most}"),
            _ => format!("{least}-{most}"),
        }
    }
}

impl Unit {
    fn say(self, value: f64) -> String {
        match self {
            Self::Micros => words::time(value.round() as u64),
            Self::Share => words::share(value),
            Self::PerSecond | Self::PerHour if value >= 999_500.0 => format!("{:.3}M", value / 1e6),
            Self::PerSecond | Self::PerHour => words::rate(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn a_run_counts_once() {
        let (before, mut after) = (runs(&[1, 2, 3]), runs(&[4, 5, 6]));
        after[2].report = after[1].report.clone();
        let refused = compare(&before, &after, true).unwrap_err().to_string();
        assert!(
            refused.contains("run1.json and run2.json are the same run"),
            "{refused}"
        );
    }

    #[test]
    fn chances_are_those_of_the_published_tables() {
        // three against three: 20 ways to deal, 2 of them as far apart as complete separation
        assert!((chance(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]) - 0.1).abs() < 1e-12);
        // one pair the wrong way round: U = 1, 4 of 20
        assert!((chance(&[1.0, 2.0, 4.0], &[3.0, 5.0, 6.0]) - 0.2).abs() < 1e-12);
        // four against four, complete: 2 of 70; five against five: 2 of 252
        assert!((chance(&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0, 7.0, 8.0]) - 2.0 / 70.0).abs() < 1e-12);
        let (low, high): (Vec<f64>, Vec<f64>) =
            ((0..5).map(f64::from).collect(), (5..10).map(f64::from).collect());
        assert!((chance(&high, &low) - 2.0 / 252.0).abs() < 1e-12);
    }

    #[test]
    fn equal_values_show_nothing() {
        assert!((chance(&[0.0; 3], &[0.0; 3]) - 1.0).abs() < 1e-12);
        // touching ranges are no complete separation: ranks 1, 2, 3.5 against 3.5, 5, 6, 4 of 20 ways are as far
        assert!((chance(&[1.0, 2.0, 3.0], &[3.0, 4.0, 5.0]) - 0.2).abs() < 1e-12);
    }

    fn runs(p99s: &[u64]) -> Vec<Named> {
        static MOMENT: AtomicU64 = AtomicU64::new(0);
        let run = |(i, p99): (usize, &u64)| {
            let mut report = Report {
                started: MOMENT.fetch_add(1, Ordering::Relaxed).to_string(),
                name: "day".into(),
                wanted: "arrivals 10/s for 1m".into(),
                ..Report::default()
            };
            report.verdict.valid = true;
            report.overall.from_due.p99 = *p99;
            Named {
                name: format!("run{i}.json"),
                report,
            }
        };
        p99s.iter().enumerate().map(run).collect()
    }

    fn p99(comparison: &Comparison) -> (Outcome, f64) {
        let figure = comparison.figures.iter().find(|f| f.figure == "p99").unwrap();
        (figure.outcome, figure.p)
    }

    #[test]
    fn only_complete_separation_counts_with_three_runs_a_side() {
        let slower = compare(&runs(&[10, 11, 12]), &runs(&[13, 14, 15]), false).unwrap();
        assert_eq!(p99(&slower).0, Outcome::Worse);
        assert!(slower.worse());
        let faster = compare(&runs(&[13, 14, 15]), &runs(&[10, 11, 12]), false).unwrap();
        assert_eq!(p99(&faster).0, Outcome::Better);
        assert!(!faster.worse());
        let mixed = compare(&runs(&[10, 11, 14]), &runs(&[13, 14, 15]), false).unwrap();
        assert_eq!(p99(&mixed).0, Outcome::NoDifferenceShown);
    }

    #[test]
    fn too_few_or_invalid_runs_are_refused_and_named() {
        let refused = compare(&runs(&[1, 2]), &runs(&[1, 2, 3]), false).unwrap_err();
        assert!(
            refused
                .to_string()
                .starts_with("--before: 2 valid runs, at least 3"),
            "{refused}"
        );
        let mut after = runs(&[1, 2, 3, 4]);
        after[3].report.verdict.valid = false;
        let kept = compare(&runs(&[1, 2, 3]), &after, false).unwrap();
        assert_eq!((kept.after, kept.warnings.len()), (3, 1));
        after[0].report.verdict.valid = false;
        let refused = compare(&runs(&[1, 2, 3]), &after, false).unwrap_err();
        assert!(
            refused.to_string().contains("invalid: run0.json, run3.json"),
            "{refused}"
        );
    }

    #[test]
    fn other_scenarios_and_arrivals_are_refused_other_machines_named() {
        let mut after = runs(&[1, 2, 3]);
        after[1].report.machine.cores = 64;
        let warned = compare(&runs(&[1, 2, 3]), &after, false).unwrap();
        assert!(
            warned.warnings[0].contains("64 processors"),
            "{:?}",
            warned.warnings
        );
        after[2].report.wanted = "arrivals 20/s for 1m".into();
        let refused = compare(&runs(&[1, 2, 3]), &after, false).unwrap_err();
        assert!(refused.to_string().contains("different arrivals"), "{refused}");
        assert_eq!(
            compare(&runs(&[1, 2, 3]), &after, true).unwrap().warnings.len(),
            2
        );
    }
}
