//! The SQL of the write path: one INSERT over arrays for each (wave, table), and nothing else.

use std::error::Error as StdError;

use postgres_types::private::BytesMut;
use postgres_types::{IsNull, ToSql, Type, to_sql_checked};

use super::fact::{Fact, Table, What};
use crate::WaveId;

/// The INSERT for a table of a wave; its parameters are arrays, one element a row.
pub(super) fn sql(wave: WaveId, table: Table) -> String {
    let schema = wave.schema();
    match table {
        Table::Response => format!(
            "INSERT INTO {schema}.response (response_id, unit_id, language) \
             SELECT * FROM unnest($1::bigint[], $2::integer[], $3::text[]) ON CONFLICT DO NOTHING"
        ),
        Table::Save => format!(
            "INSERT INTO {schema}.save (response_id, stamp, digest, page, language, answers) \
             SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::jsonb[]) \
             ON CONFLICT DO NOTHING"
        ),
        Table::Submission => format!(
            "INSERT INTO {schema}.submission (response_id, stamp, kind) \
             SELECT *, 'submitted' FROM unnest($1::bigint[], $2::bigint[]) ON CONFLICT DO NOTHING"
        ),
    }
}

/// The rows of one INSERT, column by column.
pub(super) enum Columns<'a> {
    Response {
        ids: Vec<i64>,
        units: Vec<Option<i32>>,
        languages: Vec<Option<&'a str>>,
    },
    Save(SaveColumns<'a>),
    Submission {
        ids: Vec<i64>,
        stamps: Vec<i64>,
    },
}

#[derive(Default)]
pub(super) struct SaveColumns<'a> {
    ids: Vec<i64>,
    stamps: Vec<i64>,
    digests: Vec<i64>,
    pages: Vec<&'a str>,
    languages: Vec<Option<&'a str>>,
    answers: Vec<Jsonb<'a>>,
}

impl<'a> Columns<'a> {
    /// The columns of rows that all belong to `table`.
    pub(super) fn of(table: Table, rows: &'a [Fact]) -> Self {
        let ids = || rows.iter().map(|w| w.response.0).collect();
        match table {
            Table::Response => {
                let starts = || {
                    rows.iter().filter_map(|w| match &w.what {
                        What::Start { unit, language } => Some((*unit, language.as_deref())),
                        _ => None,
                    })
                };
                let (units, languages) = starts().unzip();
                Self::Response {
                    ids: ids(),
                    units,
                    languages,
                }
            }
            Table::Submission => {
                let stamps = rows.iter().filter_map(|w| match &w.what {
                    What::Submission { stamp } => Some(stamp.micros()),
                    _ => None,
                });
                Self::Submission {
                    ids: ids(),
                    stamps: stamps.collect(),
                }
            }
            Table::Save => {
                let mut columns = SaveColumns {
                    ids: ids(),
                    ..SaveColumns::default()
                };
                for row in rows {
                    let What::Save { save, language } = &row.what else {
                        continue;
                    };
                    columns.stamps.push(save.stamp.micros());
                    columns.digests.push(save.digest);
                    columns.pages.push(&save.page);
                    columns.languages.push(language.as_deref());
                    columns.answers.push(Jsonb(&save.answers));
                }
                Self::Save(columns)
            }
        }
    }

    /// In the order of [`sql`]'s parameters.
    pub(super) fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        match self {
            Self::Response {
                ids,
                units,
                languages,
            } => vec![ids, units, languages],
            Self::Save(c) => vec![&c.ids, &c.stamps, &c.digests, &c.pages, &c.languages, &c.answers],
            Self::Submission { ids, stamps } => vec![ids, stamps],
        }
    }
}

/// JSON text sent as `jsonb` without being parsed here: a version byte (1) and the text
/// (PostgreSQL, `jsonb_recv`).
pub(super) struct Jsonb<'a>(&'a str);

impl std::fmt::Debug for Jsonb<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Jsonb(..)")
    }
}

impl ToSql for Jsonb<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        out.extend_from_slice(&[1]);
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::JSONB
    }

    to_sql_checked!();
}
