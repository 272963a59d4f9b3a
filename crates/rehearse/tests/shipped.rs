//! The scenarios that are shipped in `rehearsals/`.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test: a panic is its message")]

use std::path::{Path, PathBuf};

use canvass_rehearse::scenario::read::read;

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../rehearsals")
        .join(name)
}

#[test]
fn the_statewide_day_is_one_submission_after_thirty_acknowledged_saves_whichever_way_it_is_taken() {
    let scenario = read(&shipped("statewide.toml")).unwrap();
    let weights: Vec<(&str, f64)> = scenario
        .journeys
        .iter()
        .map(|j| (j.name.as_str(), j.weight))
        .collect();
    assert_eq!(weights, [("script", 95.0), ("plain", 5.0)]);
    for journey in &scenario.journeys {
        let marked: Vec<u32> = journey
            .steps
            .iter()
            .filter(|s| !s.acknowledge.is_empty())
            .map(|s| s.repeat)
            .collect();
        assert_eq!(marked, [30, 1], "journey {}", journey.name);
        let pauses: u32 = journey
            .steps
            .iter()
            .filter(|s| s.think.mean.as_secs() == 2)
            .map(|s| s.repeat)
            .sum();
        assert_eq!(
            pauses, 32,
            "bench/rehearse.sh counts on it: journey {}",
            journey.name
        );
    }
}

#[test]
fn the_demonstration_is_rehearsed_as_plain_forms() {
    let scenario = read(&shipped("demo.toml")).unwrap();
    assert!(
        scenario.journeys[0]
            .steps
            .iter()
            .any(|s| s.fill.is_some() && s.until_path.is_some())
    );
}
