//! When people come, as said on the command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use canvass_rehearse::day::{Curve, Day, Stage, parse_rate, parse_stage, takers_per_hour};
use canvass_rehearse::run::{Mode, Schedule};
use canvass_rehearse::scenario::read::duration;
use clap::Args;

/// When people come; one person once when nothing is said.
#[derive(Debug, Args)]
#[command(next_help_heading = "When people come")]
pub(super) struct ArrivalArgs {
    /// So many people arrive: 556/s, 30/m, 50000/h
    #[arg(long, value_name = "RATE", group = "kind")]
    arrivals: Option<String>,
    /// So many people arrive in an hour
    #[arg(long, value_name = "N", group = "kind")]
    takers_per_hour: Option<u64>,
    /// Ramps and steps, one after the other: "0..500/s over 1m", "500/s for 5m"
    #[arg(long, value_name = "STAGE", group = "kind")]
    stage: Vec<String>,
    /// A day as a file (docs/day.md)
    #[arg(long, value_name = "FILE", group = "kind")]
    day: Option<PathBuf>,
    /// Play the day so many times faster
    #[arg(long, value_name = "TIMES", requires = "day")]
    speed: Option<f64>,
    /// So many people at once, each beginning again as soon as it is through
    #[arg(long, value_name = "N", group = "kind")]
    users: Option<u64>,
    /// How often each of the --users goes the way; once when neither this nor --for is given
    #[arg(long, value_name = "N", requires = "users")]
    times: Option<u64>,
    /// A scenario of a single step: so many requests a second, or max
    #[arg(long, value_name = "N", group = "kind")]
    requests_per_second: Option<String>,
    /// Connections that --requests-per-second uses
    #[arg(
        long,
        value_name = "N",
        default_value_t = 64,
        requires = "requests_per_second"
    )]
    connections: u64,
    /// How long people arrive
    #[arg(long = "for", value_name = "TIME")]
    length: Option<String>,
    /// Begin with a ramp from nobody to the full rate
    #[arg(long, value_name = "TIME")]
    ramp: Option<String>,
    /// Random arrivals (a Poisson process with the same counts) instead of evenly spaced ones
    #[arg(long)]
    poisson: bool,
}

/// How long people arrive when nothing is said.
const USUAL_LENGTH: Duration = Duration::from_secs(60);

impl ArrivalArgs {
    /// The mode, and in words what was asked for.
    pub(super) fn mode(&self, seed: u64) -> anyhow::Result<(Mode, String)> {
        let length = self.length.as_deref().map(duration).transpose()?;
        if let Some(rate) = &self.requests_per_second {
            let length = length.unwrap_or(Duration::from_secs(10));
            let per_second = match rate.as_str() {
                "max" => None,
                number => match number.parse::<f64>() {
                    Ok(rate) if rate > 0.0 && rate.is_finite() => Some(rate),
                    _ => bail!("--requests-per-second {number}: a number above 0, or max"),
                },
            };
            if self.connections == 0 {
                bail!("--connections 0: there must be at least one");
            }
            let mode = Mode::Requests {
                per_second,
                connections: self.connections,
                length,
            };
            return Ok((
                mode,
                format!(
                    "{rate} requests/s over {} connections for {length:?}",
                    self.connections
                ),
            ));
        }
        if let Some(users) = self.users.or(self.nothing_said().then_some(1)) {
            if users == 0 {
                bail!("--users 0: nobody would come");
            }
            let times = self.times.or(length.is_none().then_some(1));
            let until = match (times, length) {
                (_, Some(length)) => format!("for {length:?}"),
                (Some(times), None) => format!("{times} times"),
                (None, None) => String::new(),
            };
            return Ok((
                Mode::Closed { users, times, length },
                format!("{users} users at once, {until}"),
            ));
        }
        let (curve, wanted) = self.curve(length, seed)?;
        let schedule = Schedule {
            people: curve.people(),
            length: curve.length(),
            due: Box::new(move |person| curve.due(person)),
        };
        if schedule.people == 0 {
            bail!("nobody would arrive: a higher rate, or a longer time (--for)");
        }
        Ok((Mode::Open(schedule), wanted))
    }

    /// When people are due, and in words what was asked for.
    fn curve(&self, length: Option<Duration>, seed: u64) -> anyhow::Result<(Curve, String)> {
        let (curve, mut wanted) = if let Some(path) = &self.day {
            let speed = self.speed.unwrap_or(1.0);
            (
                Day::read(path)?.curve(speed)?,
                format!("the day {} at {speed} times its speed", path.display()),
            )
        } else if self.stage.is_empty() {
            let rate = match (&self.arrivals, self.takers_per_hour) {
                (Some(rate), _) => parse_rate(rate)?,
                (None, Some(takers)) => takers_per_hour(takers),
                (None, None) => {
                    bail!("say when people come: --arrivals, --takers-per-hour, --stage, --day or --users")
                }
            };
            let length = length.unwrap_or(USUAL_LENGTH);
            let whole = Stage {
                from: rate,
                to: rate,
                length,
            };
            let stages = match self.ramp.as_deref().map(duration).transpose()? {
                Some(ramp) => vec![Stage::lead_in(rate, ramp), whole],
                None => vec![whole],
            };
            (Curve::stages(&stages), format!("arrivals {rate} for {length:?}"))
        } else {
            let stages = self
                .stage
                .iter()
                .map(|s| parse_stage(s))
                .collect::<Result<Vec<_>, _>>()?;
            (Curve::stages(&stages), self.stage.join(", then "))
        };
        if length.is_some() && (self.day.is_some() || !self.stage.is_empty()) {
            bail!(
                "--for goes with --arrivals, --takers-per-hour, --users and --requests-per-second: a day and stages have their own lengths"
            );
        }
        if let Some(ramp) = &self.ramp {
            if self.day.is_some() || !self.stage.is_empty() {
                bail!("--ramp goes with --arrivals and --takers-per-hour");
            }
            wanted.push_str(&format!(" after a ramp of {ramp}"));
        }
        if self.poisson {
            wanted.push_str(", at random");
            return Ok((curve.poisson(seed), wanted));
        }
        Ok((curve, wanted))
    }

    fn nothing_said(&self) -> bool {
        self.arrivals.is_none()
            && self.takers_per_hour.is_none()
            && self.stage.is_empty()
            && self.day.is_none()
    }
}
