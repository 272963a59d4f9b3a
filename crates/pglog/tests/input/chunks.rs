//! Where chunks end makes no difference, and how many threads there are does not either.

use canvass_pglog::input::Reading;
use canvass_pglog::prefix::Prefix;
use fastrand::Rng;

use crate::support::{dice, read_as, write};

const PREFIX: &str = "%m [%p] %u@%d %a %h ";

#[test]
fn any_split_gives_the_same_report() {
    for seed in 0..25 {
        let mut dice = Rng::with_seed(seed);
        let entries = dice::records(&mut dice, 200);
        for (name, log) in [
            ("stderr", write::stderr(PREFIX, &entries)),
            ("csv", write::csv(&entries)),
            ("json", write::json(&entries)),
        ] {
            let given = Reading {
                prefix: Some(Prefix::parse(PREFIX).unwrap()),
                ..Reading::default()
            };
            let whole = read_as(log.as_bytes(), &given, 1).unwrap().unwrap().json();
            for _ in 0..4 {
                let reading = Reading {
                    chunk: dice.usize(1..5000),
                    start: dice.usize(3000..9000),
                    ..given.clone()
                };
                let threads = dice.usize(1..5);
                let split = read_as(log.as_bytes(), &reading, threads).unwrap().unwrap();
                assert_eq!(
                    split.json(),
                    whole,
                    "{name}, seed {seed}, {reading:?}, {threads} threads"
                );
            }
        }
    }
}
