//! psql, for what the tests' own client cannot do: TLS and SCRAM.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Pool;

/// A psql that stays connected.
pub struct Psql {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Psql {
    /// Connects over TCP, with more in its connection string; waits until it is in.
    pub fn connect(pool: &Pool, user: &str, more: &str) -> Self {
        let mut process = Command::new("psql")
            .args(["-X", "-A", "-t", "-q"])
            .arg(format!(
                "host=127.0.0.1 port={} user={user} dbname=app {more}",
                pool.port
            ))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut psql = Self {
            input: process.stdin.take().unwrap(),
            output: BufReader::new(process.stdout.take().unwrap()),
            process,
        };
        assert_eq!(psql.value("SELECT 'in'"), "in");
        psql
    }

    /// Sends a query without waiting for its reply.
    pub fn ask(&mut self, sql: &str) {
        writeln!(self.input, "{sql};").unwrap();
    }

    /// The only value of a query's only row.
    pub fn value(&mut self, sql: &str) -> String {
        self.ask(sql);
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// What it says to a query of a connection that has ended.
    pub fn last_words(mut self, sql: &str) -> String {
        let _ = writeln!(self.input, "{sql};");
        drop(self.input);
        let mut words = String::new();
        let mut errors = self.process.stderr.take().unwrap();
        errors.read_to_string(&mut words).unwrap();
        self.process.wait().unwrap();
        words
    }
}
