//! How the people of a stage or segment are spread over its time.

/// A density over the time from 0 to 1, whose integral is 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// From one rate to another along a line; only their ratio counts. Equal rates: evenly.
    Linear {
        /// At the beginning.
        from: f64,
        /// At the end.
        to: f64,
    },
    /// Most at the beginning, half as many after each half-life: what follows a bell or a mail.
    Burst {
        /// As a share of the time.
        half_life: f64,
    },
    /// The mirror of a burst: twice as many after each half-life, most at the end: a deadline.
    Surge {
        /// As a share of the time.
        half_life: f64,
    },
}

impl Shape {
    /// The same number all the time.
    pub const EVEN: Self = Self::Linear { from: 1.0, to: 1.0 };

    /// The share of the people that came until `x`, a share of the time; exactly 0 at 0 and 1 at 1.
    pub(super) fn share(self, x: f64) -> f64 {
        if x <= 0.0 || x >= 1.0 {
            return f64::from(u8::from(x >= 1.0));
        }
        match self {
            // The integral of from + (to - from)·x, divided by its value at 1.
            Self::Linear { from, to } => x * (from + (to - from) * x / 2.0) / ((from + to) / 2.0),
            Self::Burst { half_life } => decayed(x, half_life),
            Self::Surge { half_life } => 1.0 - decayed(1.0 - x, half_life),
        }
    }
}

/// The integral of 2^(-x/half_life), divided by its value at 1.
fn decayed(x: f64, half_life: f64) -> f64 {
    let rate = -std::f64::consts::LN_2 / half_life;
    (rate * x).exp_m1() / rate.exp_m1()
}
