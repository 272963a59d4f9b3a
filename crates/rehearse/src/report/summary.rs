//! The report in the terminal: 80 columns, the verdict last, where the eye is when the run ends.

use super::{FaultOutcome, Percentiles, Report, StepReport, figures, words};

const WIDTH: usize = 80;

/// The whole summary, with a line feed at its end. `color` adds ANSI colours and bold; nothing is said by colour alone.
pub fn summary(report: &Report, color: bool) -> String {
    let page = &mut Page {
        text: String::new(),
        color,
    };
    heading(page, report);
    people(page, report);
    latencies(page, &report.overall);
    steps(page, report);
    failures(page, report);
    faults(page, &report.faults);
    surroundings(page, report);
    verdict(page, report);
    std::mem::take(&mut page.text)
}

/// Text that grows by lines of at most [`WIDTH`] columns.
struct Page {
    text: String,
    color: bool,
}

#[derive(Clone, Copy)]
enum Ink {
    Plain,
    Bold,
    Good,
    Bad,
    Warn,
}

impl Page {
    fn line(&mut self, ink: Ink, text: &str) {
        let text = words::fit(text.trim_end(), WIDTH);
        let code = match ink {
            Ink::Plain => "",
            Ink::Bold => "1",
            Ink::Good => "1;32",
            Ink::Bad => "1;31",
            Ink::Warn => "33",
        };
        if self.color && !code.is_empty() {
            self.text.push_str(&format!("\x1b[{code}m{text}\x1b[0m\n"));
        } else {
            self.text.push_str(&text);
            self.text.push('\n');
        }
    }

    fn gap(&mut self) {
        self.text.push('\n');
    }

    fn section(&mut self, title: &str) {
        self.gap();
        self.line(Ink::Bold, title);
    }

    /// A sentence of any length after a label, wrapped and indented under itself.
    fn wrapped(&mut self, ink: Ink, label: &str, text: &str) {
        let indent = label.chars().count();
        let mut line = label.to_owned();
        for word in units_kept(text) {
            let used = line.chars().count();
            if used > indent && used + 1 + word.chars().count() > WIDTH {
                self.line(ink, &line);
                line = " ".repeat(indent);
            }
            if line.chars().count() > indent {
                line.push(' ');
            }
            line.push_str(&word);
        }
        self.line(ink, &line);
    }
}

/// The words of a text, a number and its unit as one.
fn units_kept(text: &str) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let unit = word.trim_end_matches([',', ';', '.', ')', ':']);
        let is_unit = ["ms", "s", "min", "h", "%", "B", "kB", "MB", "GB", "TB", "µs"].contains(&unit);
        match kept.last_mut() {
            Some(number) if is_unit && number.ends_with(|c: char| c.is_ascii_digit()) => {
                number.push(' ');
                number.push_str(word);
            }
            _ => kept.push(words::line(word)),
        }
    }
    kept
}

fn heading(page: &mut Page, report: &Report) {
    let name = words::line(&report.name);
    page.line(
        Ink::Bold,
        &format!("{name} against {}", words::line(&report.target)),
    );
    page.wrapped(
        Ink::Plain,
        "",
        &format!(
            "{}; {}; took {}; seed {}",
            report.wanted,
            report.started,
            words::span(report.seconds),
            report.seed
        ),
    );
}

fn people(page: &mut Page, report: &Report) {
    let arrivals = &report.arrivals;
    let overall = &report.overall;
    page.gap();
    let cells = [
        ("due", arrivals.due),
        ("began", arrivals.started),
        ("finished", arrivals.finished),
        ("failed", arrivals.failed),
        ("left", arrivals.left),
        ("unfinished", arrivals.unfinished),
    ];
    let said: Vec<String> = cells
        .iter()
        .enumerate()
        .filter(|(i, (_, n))| *i < 4 || *n > 0)
        .map(|(_, (word, n))| format!("{} {word}", words::count(*n)))
        .collect();
    page.wrapped(Ink::Plain, "People       ", &said.join(", "));
    page.line(
        Ink::Plain,
        &format!(
            "             {} per hour finished (steady part); at most {} at once",
            words::rate(figures::finished_per_hour(report)),
            words::count(report.generator.most_people)
        ),
    );
    page.line(
        Ink::Plain,
        &format!(
            "Requests     {}, {}/s (steady part); at most {} in flight",
            words::count(overall.requests),
            words::rate(figures::requests_per_second(report)),
            words::count(report.generator.most_in_flight)
        ),
    );
    page.line(
        if overall.failures > 0 {
            Ink::Bad
        } else {
            Ink::Plain
        },
        &format!(
            "Failed       {} requests, {}",
            words::count(overall.failures),
            words::share(figures::failure_share(report))
        ),
    );
    page.line(
        Ink::Plain,
        &format!(
            "Bytes        {} sent, {} received",
            words::bytes(overall.bytes_out),
            words::bytes(overall.bytes_in)
        ),
    );
}

fn latencies(page: &mut Page, overall: &StepReport) {
    page.gap();
    page.line(
        Ink::Bold,
        &row("Latency", ["p50", "p90", "p99", "p99.9", "max"].map(String::from)),
    );
    for (name, percentiles) in [
        ("from due (the person's wait)", &overall.from_due),
        ("from start", &overall.from_start),
        ("connect", &overall.connect),
        ("first byte", &overall.first_byte),
        ("transfer", &overall.transfer),
    ] {
        page.line(Ink::Plain, &row(&format!("  {name}"), times(percentiles)));
    }
}

fn row(name: &str, cells: [String; 5]) -> String {
    let cells: String = cells.iter().map(|c| format!("{c:>9}")).collect();
    format!("{:<33}{cells}", words::fit(name, 33))
}

fn times(p: &Percentiles) -> [String; 5] {
    if p.count == 0 {
        return ["", "", "", "", "-"].map(String::from);
    }
    [p.p50, p.p90, p.p99, p.p999, p.max].map(words::time)
}

fn steps(page: &mut Page, report: &Report) {
    page.gap();
    page.line(
        Ink::Bold,
        &format!(
            "{:<25}{:>11}{:>8}{:>9}{:>9}{:>9}{:>9}",
            "Steps, from due", "requests", "failed", "p50", "p99", "p99.9", "max"
        ),
    );
    let mut journey = "";
    let several = report.steps.iter().any(|s| s.journey != report.steps[0].journey);
    for step in &report.steps {
        if several && step.journey != journey {
            journey = &step.journey;
            page.line(Ink::Plain, &format!("  {}:", words::line(journey)));
        }
        let indent = if several { "    " } else { "  " };
        let name = words::fit(&format!("{indent}{}", words::line(&step.name)), 24);
        let [p50, _, p99, p999, max] = times(&step.from_due);
        page.line(
            if step.failures > 0 { Ink::Bad } else { Ink::Plain },
            &format!(
                "{name:<25}{:>11}{:>8}{p50:>9}{p99:>9}{p999:>9}{max:>9}",
                words::count(step.requests),
                words::count(step.failures)
            ),
        );
    }
}

/// As many causes as a screen bears; the reports have all.
const CAUSES: usize = 8;

fn failures(page: &mut Page, report: &Report) {
    if report.failures.is_empty() {
        return;
    }
    page.section("Failures by cause");
    for failure in report.failures.iter().take(CAUSES) {
        page.wrapped(
            Ink::Plain,
            &format!("{:>9}  ", words::count(failure.count)),
            &format!(
                "{}: {}, first after {}",
                failure.step,
                failure.cause,
                words::span(failure.first_at)
            ),
        );
        page.line(
            Ink::Plain,
            &format!("           {}", words::line(&failure.sample)),
        );
    }
    if let Some(more) = report.failures.len().checked_sub(CAUSES).filter(|n| *n > 0) {
        page.line(
            Ink::Plain,
            &format!("           and {more} more causes, in the reports"),
        );
    }
}

fn faults(page: &mut Page, faults: &[FaultOutcome]) {
    if faults.is_empty() {
        return;
    }
    page.section("Faults");
    for fault in faults {
        let recovered = match fault.recovered {
            Some(after) => format!("recovered after {}", words::span(after)),
            None => "did not recover".into(),
        };
        let exit = match (fault.exit, fault.ended) {
            (Some(code), _) => format!("exit {code}"),
            (None, Some(_)) => "ended by a signal".into(),
            (None, None) => "still running at the end".into(),
        };
        page.wrapped(
            if fault.recovered.is_some() {
                Ink::Plain
            } else {
                Ink::Bad
            },
            &format!("{:>9}  ", words::span(fault.at)),
            &format!(
                "{} ({exit}): {recovered}, {} failed meanwhile, longest wait {}",
                fault.name,
                words::count(fault.failures),
                words::time(fault.worst)
            ),
        );
    }
}

fn surroundings(page: &mut Page, report: &Report) {
    let generator = &report.generator;
    page.gap();
    page.wrapped(
        Ink::Plain,
        "Generator    ",
        &format!(
            "{} threads, {} CPU ({:.1} µs a request), at most {}; {} of the requests began more than {} late, p99 of \
             the lateness {}",
            generator.threads,
            words::span(generator.cpu_seconds),
            generator.cpu_per_request,
            words::bytes(generator.most_memory),
            words::share(generator.late_share),
            words::time(generator.late_limit),
            words::time(generator.lateness.p99),
        ),
    );
    if !report.machine.seconds.is_empty() {
        let mean = |figure: fn(&super::MachineSecond) -> f64| {
            words::share(figures::machine_mean(&report.machine, figure))
        };
        page.wrapped(
            Ink::Plain,
            "Machine      ",
            &format!(
                "{} processors, on average user {}, system {}, I/O wait {}, stolen {}; of it the generator {}; somebody \
                 waited for a processor {} of the time",
                report.machine.cores,
                mean(|s| s.user),
                mean(|s| s.system),
                mean(|s| s.iowait),
                mean(|s| s.steal),
                mean(|s| s.generator),
                mean(|s| s.cpu_pressure),
            ),
        );
    }
    if let Some(acknowledged) = &report.acknowledged {
        let lines = words::count(acknowledged.count);
        page.wrapped(
            Ink::Plain,
            "Acknowledged ",
            &format!("{lines} requests, in {}", acknowledged.file),
        );
    }
}

fn verdict(page: &mut Page, report: &Report) {
    let verdict = &report.verdict;
    page.gap();
    for warning in &verdict.warnings {
        page.wrapped(Ink::Warn, "Warning: ", warning);
    }
    let (ink, word) = match (verdict.valid, verdict.passed) {
        (false, _) => (Ink::Bad, "INVALID"),
        (true, false) => (Ink::Bad, "FAILED"),
        (true, true) => (Ink::Good, "PASSED"),
    };
    page.line(ink, word);
    for reason in &verdict.reasons {
        page.wrapped(ink, "  ", reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_wider_than_80_columns_whatever_the_names() {
        let long = "x".repeat(200);
        let mut report = Report {
            name: long.clone(),
            wanted: long.clone(),
            ..Report::default()
        };
        report.verdict.reasons = vec![format!("{long} and {long}")];
        report.steps = vec![StepReport {
            name: long,
            requests: u64::MAX,
            ..StepReport::default()
        }];
        for line in summary(&report, false).lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let mut report = Report::default();
        report.verdict.valid = true;
        report.verdict.warnings = vec!["the target shares the generator's processors".into()];
        let colored = summary(&report, true);
        let codes = regex::Regex::new("\x1b\\[[0-9;]*m").unwrap();
        assert!(codes.is_match(&colored));
        assert_eq!(codes.replace_all(&colored, ""), summary(&report, false));
    }
}
