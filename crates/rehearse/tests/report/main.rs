//! The reports of an invented run, as people see them.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test: a panic is its message")]

mod example;

use canvass_rehearse::report::Report;
use canvass_rehearse::report::compare::{Named, compare};
use canvass_rehearse::report::html::html;
use canvass_rehearse::report::summary::summary;

#[test]
fn the_summary_of_a_run_with_a_fault() {
    insta::assert_snapshot!(summary(&example::report(180), false));
}

/// Writes the invented run's page to `REPORT_LOOK`, to look at.
#[test]
#[ignore = "for looking at the page"]
fn look() {
    let folder = std::path::PathBuf::from(std::env::var("REPORT_LOOK").unwrap());
    for seconds in [180, 3600] {
        let page = html(&example::report(seconds)).unwrap();
        std::fs::write(folder.join(format!("run-{seconds}.html")), page).unwrap();
    }
}

#[test]
fn the_page_of_an_hour_is_one_small_file_that_needs_no_other() {
    let page = html(&example::report(3600)).unwrap();
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
    for outside in ["http://", "https://", "src=", "url(", "@import", "<link", "href="] {
        let allowed = ["http://127.0.0.1:8080", "http://www.w3.org/2000/svg"];
        for (at, _) in page.match_indices(outside) {
            assert!(
                allowed.iter().any(|a| page[at..].starts_with(a)),
                "{}",
                &page[at..at + 60]
            );
        }
    }
}

#[test]
fn every_plot_is_described_and_its_figures_are_in_a_table() {
    let page = html(&example::report(120)).unwrap();
    let count = |what: &str| page.matches(what).count();
    let plots = count("<svg id=");
    assert!(plots >= 9, "{plots}");
    assert_eq!(
        (count("<title id="), count("<desc id="), count("role=\"img\"")),
        (plots, plots, plots)
    );
    assert!(count("<table") >= 6);
}

#[test]
fn what_the_target_and_the_scenario_say_stays_text() {
    let evil = "</script><script>alert(1)</script>\"'&";
    let mut report = example::report(120);
    report.name = evil.into();
    report.steps[0].name = evil.into();
    report.failures[0].sample = evil.into();
    report.faults[0].name = evil.into();
    report.verdict.warnings.push(evil.into());
    let page = html(&report).unwrap();
    assert!(!page.contains("<script>alert"));
    assert!(page.matches("alert(1)").count() >= 5);
    assert_eq!(page.matches("</script>").count(), 2);
}

#[test]
fn the_words_on_top_are_the_verdict() {
    let mut report = example::report(20);
    for (valid, passed, word) in [
        (true, true, "Passed"),
        (true, false, "Failed"),
        (false, false, "Invalid"),
    ] {
        (report.verdict.valid, report.verdict.passed) = (valid, passed);
        let page = html(&report).unwrap();
        let verdict = page.find("class=\"verdict").unwrap();
        assert!(page[verdict..verdict + 200].contains(word), "{word}");
    }
}

#[test]
fn an_empty_report_is_a_page() {
    let page = html(&Report::default()).unwrap();
    assert!(page.contains("Invalid") && page.trim_end().ends_with("</html>"));
}

#[test]
fn three_runs_against_three() {
    let run = example::report(60);
    let side = |factors: [f64; 3]| -> Vec<Named> {
        let named = |factor: &f64| {
            let mut report = example::apart(&run, *factor);
            report.verdict.valid = true;
            report.started = format!("a run of its own: {factor}");
            Named {
                name: format!("run-{factor}.json"),
                report,
            }
        };
        factors.iter().map(named).collect()
    };
    let compared = compare(&side([1.0, 1.03, 0.98]), &side([0.81, 0.84, 0.79]), false).unwrap();
    let table = compared.table();
    for line in table.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    insta::assert_snapshot!(table);
}
