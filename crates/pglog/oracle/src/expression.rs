//! Makes up expressions and queries.

use crate::generate::{COLUMNS, FUNCTIONS, Generator, TABLES, TYPES};

const OPERATORS: &[&str] = &[
    "=", "<>", "<", ">", "<=", ">=", "+", "-", "*", "/", "%", "||", "->", "->>", "#>", "@>", "<@", "?", "?|",
    "?&", "&&", "~", "!~*", "@@", "@?", "<->", "^", "&", "|", "<<", "@-", "*", "!=",
];

impl Generator {
    pub fn expression(&mut self, depth: u32) {
        if depth == 0 {
            return if self.odds(60) {
                self.column()
            } else {
                self.value()
            };
        }
        let depth = depth - 1;
        match self.shape.u8(..36) {
            0..=4 => self.column(),
            5..=8 => self.value(),
            9..=14 => {
                self.operand(depth);
                let operator = self.pick(OPERATORS);
                self.fixed(operator);
                self.operand(depth);
            }
            15 => {
                self.fixed("(");
                self.expression(depth);
                self.fixed(")");
            }
            16 | 17 => {
                self.name(FUNCTIONS);
                self.fixed("(");
                if self.odds(80) {
                    self.listed(3, |g| g.expression(depth));
                }
                self.fixed(")");
                if self.odds(20) {
                    self.over(depth);
                }
            }
            18 => {
                self.fixed("CASE WHEN");
                self.expression(depth);
                self.fixed("THEN");
                self.expression(depth);
                self.fixed("ELSE");
                self.expression(depth);
                self.fixed("END");
            }
            19 => {
                self.unsigned_cast();
            }
            20 => {
                self.fixed("CAST (");
                self.expression(depth);
                self.fixed("AS");
                self.name(TYPES);
                self.fixed(")");
            }
            21 => {
                self.column();
                self.fixed(":: varchar (");
                self.integer();
                self.fixed(")");
            }
            22..=25 => {
                self.column();
                if self.odds(20) {
                    self.fixed("NOT");
                }
                self.fixed("IN (");
                match self.shape.u8(..6) {
                    0 => self.select(depth),
                    1 => self.repeated(|g| g.expression(1)),
                    2 => self.repeated(|g| {
                        g.fixed("(");
                        g.value();
                        g.fixed(",");
                        g.value();
                        g.fixed(")");
                    }),
                    _ => self.repeated(Self::value),
                }
                self.fixed(")");
            }
            26 => {
                self.column();
                self.fixed("BETWEEN");
                self.value();
                self.fixed("AND");
                self.value();
            }
            27 => {
                self.column();
                self.one_of(&["LIKE", "ILIKE", "NOT LIKE", "SIMILAR TO", "IS DISTINCT FROM"]);
                self.value();
            }
            28 => {
                self.column();
                self.one_of(&["IS NULL", "IS NOT NULL", "IS TRUE", "IS NOT FALSE", "IS UNKNOWN"]);
            }
            29 => {
                self.fixed("EXISTS (");
                self.select(depth);
                self.fixed(")");
            }
            30 | 31 => {
                self.fixed("ARRAY [");
                match self.shape.u8(..3) {
                    0 => self.listed(3, |g| g.expression(1)),
                    _ => self.repeated(Self::value),
                }
                self.fixed("]");
            }
            32 => {
                self.column();
                self.fixed("= ANY (");
                self.value();
                self.fixed(")");
            }
            33 => {
                self.fixed("-");
                if self.odds(50) {
                    self.fixed("(");
                    self.expression(depth);
                    self.fixed(")");
                } else {
                    self.column();
                }
            }
            34 => {
                self.column();
                self.fixed("[");
                self.value();
                self.fixed("]");
            }
            _ => {
                self.one_of(&["extract ( year FROM", "coalesce (", "greatest (", "NOT ("]);
                self.expression(depth);
                self.fixed(")");
            }
        }
    }

    /// Something that binds more closely than any operator.
    pub fn operand(&mut self, depth: u32) {
        match self.shape.u8(..3) {
            0 => self.column(),
            1 => self.value(),
            _ => {
                self.fixed("(");
                self.expression(depth);
                self.fixed(")");
            }
        }
    }

    pub fn unsigned_cast(&mut self) {
        self.unsigned();
        self.fixed("::");
        self.name(TYPES);
    }

    pub fn over(&mut self, depth: u32) {
        self.fixed("OVER ( PARTITION BY");
        self.expression(depth.min(1));
        self.fixed("ORDER BY");
        self.column();
        if self.odds(30) {
            self.fixed("ROWS BETWEEN");
            self.integer();
            self.fixed("PRECEDING AND CURRENT ROW");
        }
        self.fixed(")");
    }

    pub fn select(&mut self, depth: u32) {
        self.fixed("SELECT");
        if self.odds(10) {
            self.fixed("DISTINCT");
        }
        if self.odds(20) {
            self.fixed("*");
        } else {
            self.listed(4, |g| {
                g.expression(depth);
                if g.odds(20) {
                    g.fixed("AS");
                    g.name(COLUMNS);
                }
            });
        }
        self.fixed("FROM");
        self.source(depth);
        if self.odds(40) {
            let join = self.words(&[
                "JOIN",
                "INNER JOIN",
                "LEFT JOIN",
                "LEFT OUTER JOIN",
                "CROSS JOIN",
                "NATURAL JOIN",
            ]);
            self.fixed(join);
            self.source(depth);
            if !join.starts_with('C') && !join.starts_with('N') {
                self.fixed("ON");
                self.expression(depth);
            }
        }
        if self.odds(70) {
            self.fixed("WHERE");
            self.expression(depth);
            while self.odds(40) {
                self.one_of(&["AND", "OR", "AND NOT"]);
                self.operand(depth);
            }
        }
        if self.odds(20) {
            self.fixed("GROUP BY");
            self.column();
            if self.odds(40) {
                self.fixed("HAVING");
                self.expression(depth.min(1));
            }
        }
        if self.odds(10) {
            self.one_of(&["UNION", "UNION ALL", "EXCEPT"]);
            self.fixed("SELECT");
            self.expression(depth.min(1));
            self.fixed("FROM");
            self.name(TABLES);
        }
        if self.odds(30) {
            self.fixed("ORDER BY");
            self.column();
            self.one_of(&["ASC", "DESC", "NULLS LAST"]);
        }
        if self.odds(30) {
            self.fixed("LIMIT");
            self.value();
            if self.odds(40) {
                self.fixed("OFFSET");
                self.value();
            }
        }
    }

    pub fn source(&mut self, depth: u32) {
        match self.shape.u8(..10) {
            0 if depth > 0 => {
                self.fixed("(");
                self.select(depth - 1);
                self.fixed(") AS x");
            }
            1 => {
                self.fixed("( VALUES");
                self.rows();
                self.fixed(") AS v");
            }
            2 => {
                self.name(FUNCTIONS);
                self.fixed("(");
                self.value();
                self.fixed(") AS g");
            }
            3 => {
                self.name(TABLES);
                self.fixed("AS");
                self.name(&["x", "y", "z"]);
            }
            _ => self.name(TABLES),
        }
    }
}
