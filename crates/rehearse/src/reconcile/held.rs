//! Reads what the application holds: CSV, from a file or from PostgreSQL's COPY.

use std::fs::File;
use std::io::Read;

use csv::ByteRecord;

use super::{Held, Options, database};
use crate::Error;
use crate::person::data::place;

/// Gives every row's values of `columns` to `take`.
///
/// # Errors
/// [`Error::File`], [`Error::Target`] for the database, [`Error::Bad`] for what is no such CSV and for a missing column.
pub(super) fn read(
    options: &Options,
    columns: &[String],
    take: &mut dyn FnMut(&[String]),
) -> Result<(), Error> {
    match &options.held {
        Held::Csv(path) => {
            let mut file = File::open(path).map_err(|e| Error::file(path, e))?;
            read_csv(&mut file, columns, take).map_err(|complaint| match complaint {
                Complaint::Io(cause) => Error::file(path, cause),
                Complaint::Text(text) => Error::bad(format!("{}: {text}", path.display())),
            })
        }
        Held::Database { url, query } => database::read(url, query, |copy| {
            read_csv(copy, columns, take).map_err(|complaint| match complaint {
                Complaint::Io(cause) => Error::bad(format!("the query: {cause}")),
                Complaint::Text(text) => Error::bad(format!("the query: {text}")),
            })
        }),
    }
}

enum Complaint {
    Io(std::io::Error),
    Text(String),
}

impl From<csv::Error> for Complaint {
    fn from(error: csv::Error) -> Self {
        let line = error.position().map(csv::Position::line);
        match error.into_kind() {
            csv::ErrorKind::Io(cause) => Self::Io(cause),
            csv::ErrorKind::UnequalLengths {
                expected_len, len, ..
            } => Self::Text(format!(
                "the row near line {} has {len} fields, the first line names {expected_len}",
                line.unwrap_or(0)
            )),
            _ => Self::Text(format!("the row near line {} cannot be read", line.unwrap_or(0))),
        }
    }
}

fn read_csv(
    source: &mut dyn Read,
    columns: &[String],
    take: &mut dyn FnMut(&[String]),
) -> Result<(), Complaint> {
    let mut reader = csv::ReaderBuilder::new()
        .buffer_capacity(1 << 18)
        .from_reader(source);
    let header = csv::StringRecord::from_byte_record_lossy(reader.byte_headers()?.clone());
    if header.is_empty() {
        let names = columns.join(",");
        return Err(Complaint::Text(format!(
            "it is empty; the first line names the columns, here: {names}"
        )));
    }
    let places: Vec<usize> = columns
        .iter()
        .map(|column| place(&header, column).map_err(Complaint::Text))
        .collect::<Result<_, _>>()?;
    let mut row = vec![String::new(); columns.len()];
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record)? {
        for (value, &place) in row.iter_mut().zip(&places) {
            value.clear();
            value.push_str(str::from_utf8(&record[place]).map_err(|_| {
                let line = record.position().map_or(0, csv::Position::line);
                Complaint::Text(format!("the row near line {line} is not UTF-8; save it as UTF-8"))
            })?);
        }
        take(&row);
    }
    Ok(())
}
