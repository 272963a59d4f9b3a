//! What a client and PostgreSQL say to each other: every way in which messages follow upon one another.

use crate::support::{Next, Reply, Wire, build, transcript};

/// What the steps need.
pub const SETUP: &str = "CREATE TABLE item (n int, name text); GRANT ALL ON item TO PUBLIC";

/// A request, sent in one go, and how many times its reply says that it is ready.
#[derive(Clone)]
pub struct Step {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub readies: usize,
}

/// Every kind of request, with small answers.
pub fn steps() -> Vec<Step> {
    let step = |name, readies, parts: Vec<Vec<u8>>| Step {
        name,
        bytes: parts.concat(),
        readies,
    };
    vec![
        step("a simple query", 1, vec![build::query("SELECT 'one' AS a, 2")]),
        step(
            "the extended protocol",
            1,
            vec![
                build::parse("s", "SELECT $1::text || '!' AS greeting", &[]),
                build::describe_statement("s"),
                build::bind("", "s", &[Some("hello")]),
                build::describe_portal(""),
                build::execute("", 0),
                build::close_statement("s"),
                build::sync(),
            ],
        ),
        step(
            "the unnamed statement",
            1,
            vec![build::extended("SELECT $1::int + 1", &[Some("41")])],
        ),
        step(
            "COPY in",
            1,
            vec![
                build::query("COPY item FROM STDIN"),
                build::copy_data(b"1\tone\n2\t"),
                build::copy_data(b"two\n"),
                build::copy_done(),
            ],
        ),
        step(
            "COPY out",
            1,
            vec![build::query(
                "COPY (SELECT n, 'x' FROM generate_series(1, 3) n) TO STDOUT",
            )],
        ),
        step(
            "a transaction",
            3,
            vec![
                build::query("BEGIN"),
                build::query("INSERT INTO item VALUES (3, 'three')"),
                build::query("COMMIT"),
            ],
        ),
        step("an error", 1, vec![build::query("SELECT 1 / 0")]),
        step(
            "an error of the extended protocol",
            2,
            vec![
                build::extended("SELECT $1::int", &[Some("none")]),
                build::query("SELECT 'after'"),
            ],
        ),
        step(
            "a row of several hundred bytes",
            1,
            vec![build::query("SELECT repeat('x', 300), repeat('y', 200)")],
        ),
    ]
}

/// A question and an answer of a row that fits into no buffer.
pub fn large() -> Step {
    let value = "v".repeat(70_000);
    Step {
        name: "a row of 70 KB, asked for by 70 KB",
        bytes: build::extended("SELECT $1::text", &[Some(&value)]),
        readies: 1,
    }
}

impl Step {
    /// Sends it and reads the whole reply, or up to the end of the connection.
    pub fn ask(&self, wire: &mut Wire) -> Reply {
        let _ = wire.send(&self.bytes);
        self.read(wire)
    }

    pub fn read(&self, wire: &mut Wire) -> Reply {
        let mut left = self.readies;
        wire.until(|message| {
            left -= usize::from(message.kind == b'Z');
            left == 0
        })
    }

    /// The lines of the reply's transcript.
    pub fn lines(&self, wire: &mut Wire) -> Vec<String> {
        transcript::lines(&self.ask(wire).messages)
    }

    /// Sends it and reads what comes: whole messages, and the bytes of one that was cut.
    pub fn ask_for_pieces(&self, wire: &mut Wire) -> Pieces {
        let _ = wire.send(&self.bytes);
        let mut pieces = Pieces::default();
        let mut left = self.readies;
        while left > 0 {
            match wire.next() {
                Next::Message(message) => {
                    left -= usize::from(message.kind == b'Z');
                    let fatal = message.kind == b'E' && message.field(b'V') == "FATAL";
                    if fatal {
                        pieces.farewell = Some((message.field(b'C'), message.field(b'M')));
                        continue;
                    }
                    assert!(pieces.farewell.is_none(), "said after the last word");
                    pieces.bytes.extend(build::raw(message.kind, &message.body));
                }
                Next::End(partial) => {
                    pieces.is_torn = !partial.is_empty();
                    pieces.bytes.extend(partial);
                    pieces.ended = true;
                    return pieces;
                }
                Next::Silence => unreachable!("next() does not wait for nothing"),
            }
        }
        pieces
    }
}

/// What came of a reply.
#[derive(Debug, Default)]
pub struct Pieces {
    /// Every byte but those of the farewell.
    pub bytes: Vec<u8>,
    /// SQLSTATE and message of an error that ended the session.
    pub farewell: Option<(String, String)>,
    /// The last message did not come whole.
    pub is_torn: bool,
    /// The connection ended.
    pub ended: bool,
}
