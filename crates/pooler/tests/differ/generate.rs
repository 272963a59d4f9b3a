//! Sequences by the roll of a dice: phrases that make sense, put together, and then perhaps broken.

use fastrand::Rng;

use crate::broken;
use crate::exchange::{Delivery, Ending, Sequence};
use crate::rules::Setup;
use crate::say::Say;
use crate::statements::{
    CLEARING, FAILING, FUNCTIONS, PLAIN, REPORTED, SESSION, SEVERAL, TRANSACTION, WITH_PARAMETERS,
};

/// Names of prepared statements: few, so that they meet.
const STATEMENTS: [&str; 4] = ["", "s1", "s2", "a longer name, with \"quotes\""];
/// Names of portals.
const PORTALS: [&str; 3] = ["", "p1", "p2"];

/// Makes sequences that can mostly be compared in a set-up.
pub struct Generator {
    dice: Rng,
    setup: Setup,
}

impl Generator {
    /// The generator of one sequence: the same seed gives the same sequence.
    pub fn new(seed: u64, setup: Setup) -> Self {
        Self {
            dice: Rng::with_seed(seed),
            setup,
        }
    }

    pub fn sequence(&mut self) -> Sequence {
        let mut says = Vec::new();
        for _ in 0..self.dice.usize(1..=5) {
            says.extend(self.phrase());
        }
        if self.dice.u8(..4) == 0 {
            self.mutate(&mut says);
        }
        if self.dice.u8(..7) == 0 {
            let at = self.dice.usize(..=says.len());
            says.insert(at, broken::in_step(&mut self.dice));
        }
        let delivery = match self.dice.u8(..6) {
            0 | 1 => Delivery::Patient,
            2 => Delivery::Pieces(1),
            3 => Delivery::Pieces(self.dice.usize(2..30)),
            _ => Delivery::Whole,
        };
        // A byte in a packet of its own takes its time.
        let is_long = says.iter().map(|say| say.bytes().len()).sum::<usize>() > 2000;
        let delivery = match delivery {
            Delivery::Pieces(_) if is_long => Delivery::Pieces(1000),
            other => other,
        };
        let ending = match self.dice.u8(..10) {
            0 => self.truncated(),
            _ => Ending::LastQuery,
        };
        Sequence {
            says,
            delivery,
            ending,
        }
    }

    fn truncated(&mut self) -> Ending {
        let say = match self.dice.u8(..3) {
            0 => Say::query("SELECT 1"),
            1 => Say::parse("", "SELECT 1"),
            _ => Say::Sync,
        };
        let length = self.dice.usize(1..say.bytes().len());
        Ending::Truncated(say, length)
    }

    fn phrase(&mut self) -> Vec<Say> {
        match self.dice.u8(..30) {
            0..5 => vec![self.simple()],
            5..7 => self.transaction(),
            7..11 => self.unnamed(),
            11..19 if self.is_without_names() => self.unnamed(),
            11..15 => self.prepare(),
            15..19 => self.use_prepared(),
            19..21 => self.names_only(),
            21..23 => self.portals(),
            23 => self.copy_out(),
            24 => self.copy_in(),
            25 => self.copy_in_extended(),
            26 => self.skipped(),
            27 => vec![self.function()],
            28 => self.stray(),
            _ => self.rare(),
        }
    }

    fn simple(&mut self) -> Say {
        Say::query(self.statement())
    }

    fn statement(&mut self) -> &'static str {
        let list = match self.dice.u8(..20) {
            0..7 => PLAIN,
            7..10 => FAILING,
            10..12 => SEVERAL,
            12..14 => TRANSACTION,
            14..17 => REPORTED,
            17 if self.setup != Setup::Untracked => CLEARING,
            _ if self.setup == Setup::Session => SESSION,
            _ => PLAIN,
        };
        self.pick(list)
    }

    fn transaction(&mut self) -> Vec<Say> {
        let mut says = vec![Say::query("BEGIN")];
        for _ in 0..self.dice.usize(1..4) {
            match self.dice.u8(..6) {
                0..2 => says.push(self.simple()),
                2 => says.push(Say::query(self.pick(TRANSACTION))),
                3 => says.extend(self.unnamed()),
                4 if !self.is_without_names() => says.extend(self.use_prepared()),
                _ => says.extend(self.portals()),
            }
        }
        match self.dice.u8(..4) {
            0 => {}
            1 => says.push(Say::query("ROLLBACK")),
            _ => says.push(Say::query("COMMIT")),
        }
        says
    }

    /// Parse, Bind, perhaps Describe, Execute, and perhaps Sync.
    fn unnamed(&mut self) -> Vec<Say> {
        let mut says = self.parse_and_bind("");
        if self.dice.bool() {
            says.push(Say::DescribePortal(String::new()));
        }
        says.push(Say::execute("", 0));
        self.close_group(&mut says);
        says
    }

    fn parse_and_bind(&mut self, name: &str) -> Vec<Say> {
        if self.dice.bool() {
            let (sql, values) = self.pick(WITH_PARAMETERS);
            let mut says = vec![Say::parse(name, sql)];
            if self.dice.u8(..3) == 0 {
                says.push(Say::DescribeStatement(name.into()));
            }
            says.push(self.bind("", name, values));
            return says;
        }
        let sql = self.statement();
        vec![Say::parse(name, sql), self.bind("", name, &[])]
    }

    fn bind(&mut self, portal: &str, statement: &str, values: &[&str]) -> Say {
        let mut bind = Say::bind(portal, statement, values);
        if let Say::Bind { results, values, .. } = &mut bind {
            match self.dice.u8(..12) {
                0 => *results = vec![1],
                1 => *results = vec![0, 1, 0],
                2 => values.iter_mut().for_each(|value| *value = None),
                _ => {}
            }
        }
        bind
    }

    fn prepare(&mut self) -> Vec<Say> {
        let name = self.pick(&STATEMENTS);
        let mut parse = Say::parse(name, self.statement());
        if self.dice.bool() {
            parse = Say::parse(name, self.pick(WITH_PARAMETERS).0);
        }
        if let Say::Parse { types, .. } = &mut parse
            && self.dice.u8(..6) == 0
        {
            *types = vec![self.pick(&[23, 25, 0, 99_999])];
        }
        let mut says = vec![parse];
        if self.dice.u8(..3) == 0 {
            says.push(Say::DescribeStatement(name.into()));
        }
        self.close_group(&mut says);
        says
    }

    fn use_prepared(&mut self) -> Vec<Say> {
        let name = self.pick(&STATEMENTS[1..]);
        let values: &[&str] = match self.dice.u8(..4) {
            0 => &["3"],
            1 => &["3", "four"],
            _ => &[],
        };
        let mut says = Vec::new();
        if self.dice.u8(..3) == 0 {
            says.push(Say::DescribeStatement(name.into()));
        }
        says.push(self.bind("", name, values));
        if self.dice.u8(..3) == 0 {
            says.push(Say::DescribePortal(String::new()));
        }
        says.push(Say::execute("", 0));
        if self.dice.u8(..6) == 0 {
            says.push(Say::CloseStatement(name.into()));
        }
        self.close_group(&mut says);
        says
    }

    /// Describe and Close of what is there, and of what is not.
    fn names_only(&mut self) -> Vec<Say> {
        let mut says: Vec<Say> = (0..self.dice.usize(1..3))
            .map(|_| match self.dice.u8(..5) {
                0 => Say::DescribeStatement(self.name().into()),
                1 => Say::DescribePortal(self.pick(&PORTALS).into()),
                2 => Say::CloseStatement(self.any_name().into()),
                3 => Say::ClosePortal(self.pick(&PORTALS).into()),
                _ => Say::execute(self.pick(&PORTALS), 1),
            })
            .collect();
        self.close_group(&mut says);
        says
    }

    fn portals(&mut self) -> Vec<Say> {
        let portal = self.pick(&PORTALS);
        let sql = self.pick(&[
            "SELECT id FROM fixed ORDER BY id",
            "SELECT 1/(id - 4) FROM fixed ORDER BY id",
            "INSERT INTO sink VALUES (1, 'a'), (2, 'b') RETURNING n",
            "VALUES (1), (2)",
        ]);
        let mut says = vec![Say::parse("", sql), self.bind(portal, "", &[])];
        for _ in 0..self.dice.usize(1..4) {
            says.push(Say::execute(portal, self.dice.u32(0..4)));
            match self.dice.u8(..8) {
                0 => says.push(Say::Sync),
                1 => says.push(Say::Flush),
                2 => says.push(self.bind(portal, "", &[])),
                3 => says.push(Say::ClosePortal(portal.into())),
                _ => {}
            }
        }
        self.close_group(&mut says);
        says
    }

    fn copy_out(&mut self) -> Vec<Say> {
        let sql = self.pick(&[
            "COPY fixed TO STDOUT",
            "COPY (SELECT repeat('c', 5000) FROM generate_series(1, 20)) TO STDOUT",
            "COPY fixed TO STDOUT (FORMAT binary)",
            "COPY (SELECT 1/(id - 5) FROM fixed ORDER BY id) TO STDOUT",
            "COPY (SELECT 1 WHERE false) TO STDOUT CSV HEADER",
        ]);
        if self.dice.bool() {
            return vec![Say::query(sql)];
        }
        let mut says = vec![Say::parse("", sql), Say::bind("", "", &[]), Say::execute("", 0)];
        self.close_group(&mut says);
        says
    }

    /// Data for `COPY sink FROM STDIN`, good or bad, in any number of pieces, and its end.
    fn copy_data(&mut self) -> Vec<Say> {
        let data = self.pick(&[
            "1\tone\n2\ttwo\n",
            "",
            "1\tone\nnot a number\ttwo\n3\tthree\n",
            "1\tone\ttoo many\n",
            "5\n",
            "7\tno newline",
            "\\.\n",
        ]);
        let middle = self.dice.usize(..=data.len());
        let mut says = vec![
            Say::CopyData(data[..middle].into()),
            Say::CopyData(data[middle..].into()),
        ];
        match self.dice.u8(..10) {
            0 => says.insert(1, Say::Sync),
            1 => says.insert(1, Say::Flush),
            2 => says.push(Say::CopyData("6\t".to_owned() + &"long ".repeat(4000) + "\n")),
            _ => {}
        }
        match self.dice.u8(..10) {
            0..7 => says.push(Say::CopyDone),
            7 | 8 => says.push(Say::CopyFail("changed my mind".into())),
            _ => {}
        }
        says
    }

    fn copy_in(&mut self) -> Vec<Say> {
        let sql = self.pick(&[
            "COPY sink FROM STDIN",
            "COPY sink FROM STDIN; SELECT 1",
            "SELECT 1; COPY sink FROM STDIN",
            "BEGIN; COPY sink FROM STDIN",
            "COPY sink (n) FROM STDIN; COPY sink FROM STDIN",
        ]);
        let mut says = vec![Say::query(sql)];
        says.extend(self.copy_data());
        says
    }

    fn copy_in_extended(&mut self) -> Vec<Say> {
        let mut says = vec![
            Say::parse("", "COPY sink FROM STDIN"),
            Say::bind("", "", &[]),
            Say::execute("", 0),
        ];
        match self.dice.u8(..4) {
            // Pipelined before the data: PostgreSQL overlooks it while it copies.
            0 => says.push(Say::Sync),
            1 => says.push(Say::Flush),
            _ => {}
        }
        says.extend(self.copy_data());
        says.push(Say::Sync);
        says
    }

    /// Everything between an error in the extended protocol and the next Sync.
    fn skipped(&mut self) -> Vec<Say> {
        let mut says = vec![Say::parse("", self.pick(FAILING))];
        for _ in 0..self.dice.usize(1..4) {
            says.push(match self.dice.u8(..8) {
                0 => self.simple(),
                1 => self.function(),
                2 => Say::Flush,
                3 => Say::parse(self.any_name(), "SELECT 1"),
                4 => Say::CloseStatement(self.any_name().into()),
                5 => Say::execute("", 0),
                6 => Say::CopyDone,
                _ => Say::query("ROLLBACK"),
            });
        }
        self.close_group(&mut says);
        says
    }

    fn function(&mut self) -> Say {
        let (oid, arguments) = self.pick(FUNCTIONS);
        let arguments = arguments.iter().map(|text| (*text).to_owned()).collect();
        Say::FunctionCall { oid, arguments }
    }

    /// Messages that have nothing to say where they stand.
    fn stray(&mut self) -> Vec<Say> {
        vec![match self.dice.u8(..6) {
            0 => Say::CopyData("1\tone\n".into()),
            1 => Say::CopyDone,
            2 => Say::CopyFail("fail what?".into()),
            3 => Say::Flush,
            _ => Say::Sync,
        }]
    }

    fn rare(&mut self) -> Vec<Say> {
        match self.dice.u8(..8) {
            0 => vec![Say::query("SELECT pg_terminate_backend(pg_backend_pid())")],
            1 => vec![Say::query("SELECT pg_cancel_backend(pg_backend_pid())")],
            2 => vec![Say::query(format!("SELECT length('{}')", "l".repeat(200_000)))],
            3 => {
                let sql = format!("SELECT 1 /* {} */", "comment ".repeat(40_000));
                let mut says = vec![
                    Say::parse("s1", &sql),
                    Say::bind("", "s1", &[]),
                    Say::execute("", 0),
                ];
                self.close_group(&mut says);
                says
            }
            4 => vec![Say::Sync, Say::Sync, Say::Sync],
            5 => {
                let mut says = vec![];
                for i in 0..40 {
                    says.extend([Say::parse("", &format!("SELECT {i}")), Say::bind("", "", &[])]);
                    says.extend([Say::execute("", 0), Say::Sync]);
                }
                says
            }
            6 => vec![Say::Flush; 20],
            _ => vec![self.simple()],
        }
    }

    /// Usually a Sync; sometimes a Flush, or nothing: then the next phrase is part of the group.
    fn close_group(&mut self, says: &mut Vec<Say>) {
        match self.dice.u8(..12) {
            0 => {}
            1 => says.push(Say::Flush),
            2 => says.extend([Say::Flush, Say::Sync]),
            3 => says.extend([Say::Sync, Say::Sync]),
            _ => says.push(Say::Sync),
        }
    }

    /// One message less, twice, or in another place.
    fn mutate(&mut self, says: &mut Vec<Say>) {
        for _ in 0..self.dice.usize(1..3) {
            if says.is_empty() {
                return;
            }
            let (from, to) = (self.dice.usize(..says.len()), self.dice.usize(..says.len()));
            match self.dice.u8(..3) {
                0 => drop(says.remove(from)),
                1 => says.insert(to, says[from].clone()),
                _ => says.swap(from, to),
            }
        }
    }

    /// Most of the time, where statements with a name cannot be compared.
    fn is_without_names(&mut self) -> bool {
        self.setup == Setup::Untracked && self.dice.u8(..20) > 0
    }

    fn any_name(&mut self) -> &'static str {
        if self.is_without_names() {
            ""
        } else {
            self.pick(&STATEMENTS)
        }
    }

    fn name(&mut self) -> &'static str {
        if self.is_without_names() {
            ""
        } else {
            self.pick(&STATEMENTS[1..])
        }
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.dice.usize(..list.len())]
    }
}
