//! Shorter sequences, which may still show what a long one shows.

use crate::exchange::{Delivery, Ending, Sequence};

/// Every sequence that is a little smaller, those that are much smaller first.
pub fn smaller(sequence: &Sequence) -> Vec<Sequence> {
    let mut all = vec![];
    let says = &sequence.says;
    // Halves first: a long sequence shrinks in few steps.
    for part in [says.len() / 2, says.len() / 4] {
        if part > 1 {
            all.extend(
                (0..=says.len() - part)
                    .step_by(part)
                    .map(|from| without(sequence, from, part)),
            );
        }
    }
    all.extend((0..says.len()).map(|from| without(sequence, from, 1)));
    if sequence.delivery != Delivery::Whole {
        let mut simpler = sequence.clone();
        simpler.delivery = Delivery::Whole;
        all.push(simpler);
    }
    if sequence.ending != Ending::LastQuery {
        let mut simpler = sequence.clone();
        simpler.ending = Ending::LastQuery;
        all.push(simpler);
    }
    all
}

fn without(sequence: &Sequence, from: usize, length: usize) -> Sequence {
    let mut shorter = sequence.clone();
    shorter.says.drain(from..from + length);
    shorter
}
