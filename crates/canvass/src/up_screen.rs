//! What people see of `canvass up`: progress on standard error, the summary on standard output, in 80 columns.

use std::fs;
use std::io::{self, IsTerminal, Write};

use canvass_stack::Notices;

use crate::up_plan::Plan;

/// Where `canvass up` writes, and whether in colour.
pub(crate) struct Screen {
    colours: bool,
}

impl Screen {
    pub(crate) fn new() -> Screen {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Screen {
            colours: io::stdout().is_terminal() && io::stderr().is_terminal() && !plain,
        }
    }

    /// Progress: one quiet line each.
    pub(crate) fn notices(&self) -> Notices {
        let colours = self.colours;
        Notices::to(move |line| progress(colours, line))
    }

    /// The summary: where to go, what to type, where to look, how to stop.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn running(&self, plan: &Plan) -> io::Result<()> {
        let (bold, off) = if self.colours {
            ("\x1b[1m", "\x1b[0m")
        } else {
            ("", "")
        };
        let logs = plan.data.join("log");
        let mut out = io::stdout().lock();
        writeln!(out, "\n{bold}Canvass is running.{off}\n")?;
        writeln!(out, "  Open   {bold}{}{off}", address(plan))?;
        let codes = fs::read_to_string(plan.demo_codes()).unwrap_or_default();
        if !codes.trim().is_empty() {
            writeln!(out, "  Codes  {}", codes.lines().collect::<Vec<_>>().join("   "))?;
        }
        if let Some(pool) = plan.pool {
            let url = plan.data.join("secrets/pool-url");
            writeln!(out, "  Pool   {pool}  (psql \"$(cat {})\")", url.display())?;
        }
        writeln!(
            out,
            "  Logs   {}  (serve.log, pool.log, postgres.log)",
            logs.display()
        )?;
        writeln!(out, "  Stop   Ctrl-C, or kill {}\n", std::process::id())
    }

    pub(crate) fn stopping(&self) {
        progress(
            self.colours,
            "stopping: what was accepted is finished first (Ctrl-C again: at once)",
        );
    }

    pub(crate) fn stopped(&self, plan: &Plan) {
        progress(
            self.colours,
            &format!("stopped; all data is in {}", plan.data.display()),
        );
    }
}

/// A closed terminal must not keep us from stopping in order.
fn progress(colours: bool, line: &str) {
    let (dim, off) = if colours { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
    let _ = writeln!(io::stderr(), "{dim}{line}{off}");
}

/// What to type into a browser.
fn address(plan: &Plan) -> String {
    if !plan.config.web.public_url.is_empty() {
        return plan.config.web.public_url.clone();
    }
    let scheme = if plan.tls() { "https" } else { "http" };
    let others = if plan.listen.ip().is_unspecified() {
        "  (and this machine's other addresses)"
    } else {
        ""
    };
    format!("{scheme}://{}{others}", plan.reach())
}
