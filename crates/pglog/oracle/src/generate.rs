//! Makes statements up. What a statement is comes from one random stream (`shape`), what it holds from another
//! (`surface`): values, lengths of lists of values, so that one shape gives a family of statements that are the same.

use fastrand::Rng;

/// A token to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// A keyword, or an operator or bracket.
    Fixed(&'static str),
    /// A name that is no keyword.
    Name(&'static str),
    /// A literal.
    Literal(String),
}

use Piece::{Fixed, Literal, Name};

pub struct Generator {
    pub shape: Rng,
    pub surface: Rng,
    pub out: Vec<Piece>,
}

pub const TABLES: &[&str] = &[
    "answer",
    "response",
    "wave",
    "person",
    "t",
    "u",
    "audit_log",
    "line_item",
];
pub const COLUMNS: &[&str] = &[
    "id",
    "a",
    "b",
    "c",
    "state",
    "created_at",
    "wave_id",
    "body",
    "amount",
    "tags",
];
pub const FUNCTIONS: &[&str] = &[
    "f",
    "lower",
    "abs",
    "max",
    "count",
    "sum",
    "date_part",
    "length",
    "my_func",
];
pub const TYPES: &[&str] = &["text", "uuid", "int4", "jsonb", "timestamptz", "mood"];

impl Generator {
    pub fn fixed(&mut self, words: &'static str) {
        self.out.extend(words.split(' ').map(Fixed));
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.shape.usize(..from.len())]
    }

    pub fn one_of(&mut self, from: &[&'static str]) {
        let words = self.pick(from);
        self.fixed(words);
    }

    pub fn words(&mut self, from: &[&'static str]) -> &'static str {
        self.pick(from)
    }

    pub fn odds(&mut self, percent: u32) -> bool {
        self.shape.u32(..100) < percent
    }

    pub fn name(&mut self, from: &[&'static str]) {
        let name = self.pick(from);
        self.out.push(Name(name));
    }

    pub fn column(&mut self) {
        if self.odds(30) {
            self.name(TABLES);
            self.fixed(".");
        }
        self.name(COLUMNS);
    }

    /// Any constant; a number may have signs.
    pub fn value(&mut self) {
        if self.surface.u8(..6) == 0 {
            for _ in 0..self.surface.u8(1..3) {
                self.fixed("-");
            }
            return self.number();
        }
        self.unsigned();
    }

    /// Any constant but one with a sign.
    pub fn unsigned(&mut self) {
        match self.surface.u8(..14) {
            0..=3 => self.number(),
            4 => {
                let word = ["NULL", "TRUE", "FALSE"][self.surface.usize(..3)];
                self.fixed(word);
            }
            5 | 6 => self.parameter(),
            _ => self.string(),
        }
    }

    pub fn parameter(&mut self) {
        let parameter = format!("${}", self.surface.u8(1..40));
        self.out.push(Literal(parameter));
    }

    pub fn number(&mut self) {
        let n = self.surface.u32(..100_000);
        let text = match self.surface.u8(..10) {
            0 => format!("{n}.5"),
            1 => format!(".{n}"),
            2 => format!("{n}e-3"),
            3 => format!("{n}."),
            4 => format!("0x{n:X}"),
            5 => format!("0b{:b}", n % 16),
            6 => format!("1_{n:03}"),
            _ => n.to_string(),
        };
        self.out.push(Literal(text));
    }

    pub fn integer(&mut self) {
        let text = self.surface.u16(1..24).to_string();
        self.out.push(Literal(text));
    }

    pub fn string(&mut self) {
        let body = [
            "", "x", "it''s", "a -- b", "/* c", "d */", "?", "zqx zqx", "ä€", "$1", "\"q\"", ";", "(", "\\",
        ];
        let body = body[self.surface.usize(..body.len())];
        let text = match self.surface.u8(..10) {
            0 => format!("E'{}\\''", body.replace('\\', "")),
            1 => format!("$${body}$$"),
            2 => format!("$tag_1${body}$other$ '$tag_1$"),
            3 => "B'0101'".to_owned(),
            4 => "X'fF'".to_owned(),
            5 => "U&'d\\0061t'".to_owned(),
            6 => format!("'{body}' \n '{body}'"),
            _ => format!("'{body}'"),
        };
        self.out.push(Literal(text));
    }

    /// A list in the shape's form, each element by `element`: its length is the surface's matter.
    pub fn repeated(&mut self, element: fn(&mut Self)) {
        let count = self.surface.usize(1..6);
        let seed = self.shape.u64(..);
        let outer = self.shape.clone();
        for at in 0..count {
            if at > 0 {
                self.fixed(",");
            }
            self.shape = Rng::with_seed(seed);
            element(self);
        }
        self.shape = outer;
    }

    /// A list of the shape's length.
    pub fn listed(&mut self, most: usize, element: impl Fn(&mut Self)) {
        let count = self.shape.usize(1..=most);
        for at in 0..count {
            if at > 0 {
                self.fixed(",");
            }
            element(self);
        }
    }

    /// Rows that are alike: a row's columns are values, or calls and the like between them.
    pub fn rows(&mut self) {
        self.repeated(|g| {
            g.fixed("(");
            g.listed(5, |g| match g.shape.u8(..8) {
                0 => g.fixed("DEFAULT"),
                1 => {
                    g.name(FUNCTIONS);
                    g.fixed("( )");
                }
                2 => g.unsigned_cast(),
                _ => g.value(),
            });
            g.fixed(")");
        });
    }

    /// A `SELECT` that is a statement of its own.
    pub fn query(&mut self) {
        self.select(3);
        if self.odds(5) {
            self.one_of(&["FOR UPDATE", "FOR SHARE", "FOR UPDATE SKIP LOCKED"]);
        }
    }

    pub fn statement(&mut self) {
        match self.shape.u8(..24) {
            0..=9 => self.query(),
            10..=13 => self.insert(),
            14..=16 => self.update(),
            17 | 18 => self.delete(),
            19 | 20 => {
                self.fixed("WITH x AS (");
                match self.shape.u8(..3) {
                    0 => {
                        self.delete();
                        self.fixed("RETURNING *");
                    }
                    _ => self.select(2),
                }
                self.fixed(")");
                if self.odds(30) {
                    self.insert()
                } else {
                    self.select(2)
                }
            }
            21 => super::mutate::definition(self),
            _ => self.command(),
        }
        if self.surface.u8(..8) == 0 {
            self.fixed(";");
        }
    }

    fn insert(&mut self) {
        self.fixed("INSERT INTO");
        self.name(TABLES);
        if self.odds(70) {
            self.fixed("(");
            self.listed(4, |g| g.name(COLUMNS));
            self.fixed(")");
        }
        if self.odds(80) {
            self.fixed("VALUES");
            self.rows();
        } else {
            self.select(2);
        }
        if self.odds(20) {
            self.fixed("ON CONFLICT ( id ) DO UPDATE SET");
            self.assignment();
        } else if self.odds(20) {
            self.fixed("ON CONFLICT DO NOTHING");
        }
        if self.odds(30) {
            self.fixed("RETURNING");
            self.column();
        }
    }

    fn assignment(&mut self) {
        self.name(COLUMNS);
        self.fixed("=");
        self.expression(1);
    }

    fn update(&mut self) {
        self.fixed("UPDATE");
        self.name(TABLES);
        self.fixed("SET");
        self.listed(3, Self::assignment);
        if self.odds(80) {
            self.fixed("WHERE");
            self.expression(2);
        }
    }

    fn delete(&mut self) {
        self.fixed("DELETE FROM");
        self.name(TABLES);
        if self.odds(80) {
            self.fixed("WHERE");
            self.expression(2);
        }
    }

    fn command(&mut self) {
        let made_up = self.surface.usize(..3);
        let name = Name(["cur_1", "s140_x2", "sp"][made_up]);
        let words = self.words(&[
            "SAVEPOINT",
            "RELEASE SAVEPOINT",
            "ROLLBACK TO SAVEPOINT",
            "CLOSE",
            "DEALLOCATE",
            "FETCH NEXT FROM",
            "BEGIN",
            "COMMIT",
            "ROLLBACK",
            "SET statement_timeout =",
            "SET LOCAL work_mem TO",
            "SHOW",
        ]);
        self.fixed(words);
        match words.split(' ').next() {
            Some("BEGIN" | "COMMIT") => {}
            Some("ROLLBACK") if words == "ROLLBACK" => {}
            Some("SHOW") => self.name(COLUMNS),
            Some("SET") if made_up == 0 => self.integer(),
            _ => self.out.push(name),
        }
    }
}
