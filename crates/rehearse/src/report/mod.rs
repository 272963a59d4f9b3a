//! What came of a rehearsal: the document behind `--json`, the HTML report, the terminal's summary and `compare`.

mod model;

pub mod compare;
pub mod figures;
pub mod html;
pub mod json;
pub mod summary;
pub mod verdict;
pub mod words;

pub use model::{
    Acknowledged, Arrivals, Failure, FaultOutcome, Generator, Machine, MachineSecond, Percentiles, Report,
    Second, StepReport, Verdict,
};
