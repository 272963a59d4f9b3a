//! Where chunks end makes no difference, and how many threads there are does not either.

use canvass_pglog::input::Reading;
use fastrand::Rng;

use crate::support::{dice, read, read_as, write};

#[test]
fn any_split_gives_the_same_report() {
    for seed in 0..60 {
        let mut dice = Rng::with_seed(seed);
        let entries = dice::records(&mut dice, 200);
        for (name, log) in [
            ("stderr", write::stderr("%m [%p] %u@%d %a %h ", &entries)),
            ("csv", write::csv(&entries)),
            ("json", write::json(&entries)),
        ] {
            let whole = read(log.as_bytes()).json();
            for _ in 0..6 {
                let reading = Reading {
                    chunk: dice.usize(1..5000),
                    start: dice.usize(3000..9000),
                    ..Reading::default()
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
