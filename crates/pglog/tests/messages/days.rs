//! Totals of days, added up, are those of the whole.

use std::io::Cursor;

use canvass_pglog::choose::Choice;
use canvass_pglog::fold::{Calendar, Fold, Options};
use canvass_pglog::input::{Reading, Source};
use canvass_pglog::report::{self, Logged, Settings};
use canvass_pglog::run;
use canvass_pglog::totals::Totals;
use jiff::tz::TimeZone;

fn totals(log: &str, calendar: Calendar) -> Totals {
    let reader = Box::new(Cursor::new(log.as_bytes().to_vec()));
    let mut source = Source::begin("log".to_owned(), reader, &Reading::default())
        .unwrap()
        .unwrap();
    let mut fold = Fold::new(Options::default(), Choice::default(), calendar);
    run::read(&mut source, &mut fold, 1, &mut Vec::new());
    let (days, _) = fold.finish();
    let mut whole = Totals::default();
    for day in days.values() {
        // As a state keeps them.
        let kept: Totals = serde_json::from_str(&serde_json::to_string(day).unwrap()).unwrap();
        whole.merge(&kept, 3);
    }
    whole
}

#[test]
fn days_added_up_are_the_whole() {
    let log = include_str!("real15.log");
    let two_days = format!("{log}{}", log.replace("2026-11-26 ", "2026-11-27 "));
    let shown = |totals: &Totals| {
        let report = report::build(
            totals,
            &canvass_pglog::event::Counts::default(),
            Vec::new(),
            Logged::default(),
            &Settings::default(),
        );
        report::to_json(&report)
    };
    let whole = totals(&two_days, Calendar::Whole);
    let days = totals(&two_days, Calendar::Days(TimeZone::UTC));
    assert!(whole.events.messages.groups.len() > 40);
    assert_eq!(shown(&days), shown(&whole));
}
