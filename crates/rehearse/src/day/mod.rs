//! When people arrive: constant, ramps, steps, or a day in compressed time. The curve never waits for the server.
//!
//! A [`Curve`] is a cumulative function: how many people are due until a moment. Person `i` (from 0) is due at the
//! moment when it reaches `i`, computed from `i` alone: nothing drifts, and every thread asks for its own people.
//! [`rate`] reads what is said on the command line, [`file`] a day's file (`docs/day.md`).

pub mod file;
mod picture;
mod poisson;
pub mod rate;
mod shape;

use std::time::Duration;

pub use file::Day;
pub use rate::{Rate, Stage, parse_rate, parse_stage, takers_per_hour};
pub use shape::Shape;

use poisson::Poisson;

/// When each of a number of people is due, from the first moment on.
#[derive(Debug, Clone)]
pub struct Curve {
    flows: Vec<Flow>,
    pieces: Vec<Piece>,
    people: u64,
    length: u64,
    poisson: Option<Poisson>,
}

/// Some of the people, over some of the time; flows may overlap. Times in ns.
#[derive(Debug, Clone)]
struct Flow {
    start: u64,
    end: u64,
    people: f64,
    shape: Shape,
    /// Set for an even flow: so many people in so many ns, exactly.
    even: Option<(u64, u64)>,
}

/// A stretch of time in which the same flows run, at least one.
#[derive(Debug, Clone)]
struct Piece {
    start: u64,
    end: u64,
    /// People due before it.
    before: f64,
    /// Of these, people of flows that have ended.
    ended: f64,
    /// Indices of the flows that run.
    running: Vec<u32>,
}

impl Curve {
    /// The same rate all the time: person `i` is due at exactly `i` / rate, rounded down to ns; everybody is due before
    /// the end.
    pub fn constant(rate: Rate, length: Duration) -> Self {
        Self::stages(&[Stage {
            from: rate,
            to: rate,
            length,
        }])
    }

    /// Stages one after the other. People: all who are due before the end.
    pub fn stages(stages: &[Stage]) -> Self {
        let mut flows = Vec::with_capacity(stages.len());
        let mut start = 0_u64;
        for stage in stages {
            let end = start.saturating_add(nanos(stage.length));
            let people = stage.people();
            if people > 0.0 {
                let even = (stage.from == stage.to).then_some((stage.from.people, stage.from.nanos));
                let shape = Shape::Linear {
                    from: stage.from.per_second(),
                    to: stage.to.per_second(),
                };
                flows.push(Flow {
                    start,
                    end,
                    people,
                    shape,
                    even,
                });
            }
            start = end;
        }
        let people = match flows.as_slice() {
            [
                Flow {
                    start: 0,
                    end,
                    even: Some((people, nanos)),
                    ..
                },
            ] => exact_people(*end, *people, *nanos),
            // Sums of fractions are a little off: a millionth of a person is none.
            flows => (flows.iter().map(|f| f.people).sum::<f64>() - 1e-6)
                .ceil()
                .max(0.0) as u64,
        };
        Self::new(flows, people, start)
    }

    /// `people` in all, until `length`; the flows' people add up to at least as many, less than one more.
    fn new(flows: Vec<Flow>, people: u64, length: u64) -> Self {
        let mut moments: Vec<u64> = flows.iter().flat_map(|f| [f.start, f.end]).collect();
        moments.sort_unstable();
        moments.dedup();
        let piece = |span: &[u64]| {
            let (start, end) = (span[0], span[1]);
            let runs = |f: &Flow| f.start < end && f.end > start;
            let running: Vec<u32> = (0_u32..)
                .zip(&flows)
                .filter(|(_, f)| runs(f))
                .map(|(i, _)| i)
                .collect();
            let ended = flows.iter().filter(|f| f.end <= start).map(|f| f.people).sum();
            let mut piece = Piece {
                start,
                end,
                before: 0.0,
                ended,
                running,
            };
            piece.before = piece.until(&flows, start);
            piece
        };
        let mut pieces: Vec<Piece> = moments
            .windows(2)
            .map(piece)
            .filter(|p| !p.running.is_empty())
            .collect();
        for i in 1..pieces.len() {
            pieces[i].before = pieces[i].before.max(pieces[i - 1].before);
        }
        Self {
            flows,
            pieces,
            people,
            length,
            poisson: None,
        }
    }

    /// The same people and the same curve, but as independent people come (a Poisson process with this many arrivals):
    /// in clusters and gaps. The same seed gives the same arrivals.
    #[must_use]
    pub fn poisson(mut self, seed: u64) -> Self {
        let total = self.flows.iter().map(|f| f.people).sum();
        self.poisson = Some(Poisson::new(self.people, total, seed));
        self
    }

    /// How many people there are.
    pub fn people(&self) -> u64 {
        self.people
    }

    /// When the arrivals are over; a day's file may end with a quiet time.
    pub fn length(&self) -> Duration {
        Duration::from_nanos(self.length)
    }

    /// When person `i`, from 0, is due after the first moment. Never decreasing in `i`; of one who is no part of the
    /// curve, when it is over.
    pub fn due(&self, i: u64) -> Duration {
        if i >= self.people {
            return self.length();
        }
        let wanted = self.poisson.as_ref().map_or(i as f64, |poisson| poisson.place(i));
        let at = self.pieces.partition_point(|piece| piece.before <= wanted);
        match self.pieces.get(at.saturating_sub(1)) {
            Some(piece) => Duration::from_nanos(piece.reaches(&self.flows, wanted)),
            None => self.length(),
        }
    }

    /// The people `offset`, `offset + stride`, … with their moments; `stride` 0 counts as 1.
    pub fn iter_from(&self, offset: u64, stride: u64) -> impl Iterator<Item = (u64, Duration)> + '_ {
        let stride = usize::try_from(stride.max(1)).unwrap_or(usize::MAX);
        (offset..self.people).step_by(stride).map(|i| (i, self.due(i)))
    }

    /// How many people are due before a moment.
    pub fn due_by(&self, moment: Duration) -> u64 {
        let (mut low, mut high) = (0, self.people);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.due(middle) < moment {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// How many people the curve has until a moment, as the fraction that it is: what [`due_by`](Self::due_by) is a
    /// sample of.
    pub fn expected(&self, moment: Duration) -> f64 {
        let moment = nanos(moment);
        let at = self.pieces.partition_point(|piece| piece.start <= moment);
        let Some(piece) = at.checked_sub(1).map(|i| &self.pieces[i]) else {
            return 0.0;
        };
        piece.until(&self.flows, moment.min(piece.end))
    }
}

impl Piece {
    /// How many people are due until a moment of this piece.
    fn until(&self, flows: &[Flow], moment: u64) -> f64 {
        let running = self.running.iter().map(|&i| flows[i as usize].until(moment));
        self.ended + running.sum::<f64>()
    }

    /// The first moment at which so many people are due.
    ///
    /// One even flow is arithmetic. Anything else is found by bisection of whole nanoseconds between the same bounds
    /// for everybody in the piece: of two people, the later one can never be sent the earlier way, so moments never
    /// decrease, however the sums are rounded.
    fn reaches(&self, flows: &[Flow], wanted: f64) -> u64 {
        let within = (wanted - self.before).max(0.0);
        if let [only] = self.running[..]
            && let Some((people, nanos)) = flows[only as usize].even
        {
            let passed = if within.fract() == 0.0 && within < 1e15 {
                (within as u128 * u128::from(nanos) / u128::from(people)) as u64
            } else {
                (within * nanos as f64 / people as f64) as u64
            };
            return self.start.saturating_add(passed).min(self.end);
        }
        if within == 0.0 {
            return self.start;
        }
        let (mut low, mut high) = (self.start, self.end);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.until(flows, middle) >= wanted {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }
}

impl Flow {
    fn until(&self, moment: u64) -> f64 {
        let length = (self.end - self.start) as f64;
        let passed = moment.saturating_sub(self.start) as f64;
        self.people * self.shape.share(passed / length)
    }
}

/// All `i` with `i · nanos / people` before `length`.
fn exact_people(length: u64, people: u64, nanos: u64) -> u64 {
    let all = (u128::from(length) * u128::from(people)).div_ceil(u128::from(nanos));
    u64::try_from(all).unwrap_or(u64::MAX)
}

fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
