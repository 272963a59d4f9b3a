//! The data file: one row a person, checked before anything starts.
//!
//! ```text
//! user,password
//! anna,secret
//! ```
//!
//! Commas between the fields, quotes as in RFC 4180, UTF-8 with or without byte order mark, any line ends. Values are
//! never printed, because they may be codes or passwords: complaints name lines and columns.

use std::fs;
use std::path::Path;

use csv::ByteRecord;
use xxhash_rust::xxh3::xxh3_64;

use crate::Error;

/// What of the rows must be unique.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unique {
    /// The values of the first needed column, which says who somebody is.
    #[default]
    First,
    /// The needed columns together.
    Row,
    /// Nothing.
    Nothing,
}

/// The needed columns of all rows, in memory: the texts one behind the other and four bytes a field.
#[derive(Debug, Clone, Default)]
pub struct People {
    columns: Vec<String>,
    text: String,
    /// Where each field ends.
    ends: Vec<u32>,
    rows: usize,
}

impl People {
    /// Reads a data file's `needed` columns, in their order, and checks that there are at least `rows` rows (one, if
    /// that is not said) that are `unique`.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read, [`Error::Bad`] for everything else: a column that is missing or there
    /// twice, too few rows, rows of different lengths, duplicates, not UTF-8.
    pub fn read(
        path: impl AsRef<Path>,
        needed: &[String],
        rows: Option<u64>,
        unique: Unique,
    ) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|e| Error::file(path, e))?;
        let read = || {
            let text = text_of(&bytes)?;
            let people = Self::of_text(text, needed)?;
            people.check_count(rows)?;
            people.check_unique(unique, text)?;
            Ok(people)
        };
        read().map_err(|complaint: String| Error::bad(format!("{}: {complaint}", path.display())))
    }

    /// The columns, in the order in which a row's values come.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// True when there is no row, which [`People::read`] refuses.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// A row's values, one for each column.
    ///
    /// # Panics
    /// When there is no such row: `index` must be less than [`People::len`].
    pub fn row(&self, index: usize) -> impl Iterator<Item = &str> {
        assert!(index < self.rows, "row {index} of {}", self.rows);
        let first = index * self.columns.len();
        (first..first + self.columns.len()).map(|field| self.field(field))
    }

    fn field(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start as usize..self.ends[index] as usize]
    }

    fn of_text(text: &str, needed: &[String]) -> Result<Self, String> {
        let mut reader = reader(text);
        let header = reader.headers().map_err(|e| e.to_string())?.clone();
        if header.is_empty() {
            return Err(format!(
                "it is empty; the first line names the columns, here: {}",
                needed.join(",")
            ));
        }
        let places = needed
            .iter()
            .map(|column| place(&header, column))
            .collect::<Result<Vec<_>, _>>()?;
        let mut people = Self {
            columns: needed.to_vec(),
            ..Self::default()
        };
        let mut record = ByteRecord::new();
        while reader.read_byte_record(&mut record).map_err(|e| e.to_string())? {
            if record.len() != header.len() {
                let (line, has, names) = (line_of(text, people.rows), record.len(), header.len());
                return Err(format!(
                    "line {line} has {has} fields, the first line names {names}; a comma inside a value needs quotes around it"
                ));
            }
            people.push(places.iter().map(|&place| &record[place]))?;
        }
        Ok(people)
    }

    fn push<'a>(&mut self, fields: impl Iterator<Item = &'a [u8]>) -> Result<(), String> {
        for field in fields {
            // The whole file is UTF-8, and fields are cut at commas, quotes and line ends.
            self.text.push_str(&String::from_utf8_lossy(field));
            let end = u32::try_from(self.text.len());
            self.ends
                .push(end.map_err(|_| "more than 4 GB of values; keep only columns that are needed")?);
        }
        self.rows += 1;
        Ok(())
    }

    fn check_count(&self, needed: Option<u64>) -> Result<(), String> {
        let (there, needed) = (self.rows as u64, needed.unwrap_or(1));
        match there {
            0 => Err("it has no rows behind its first line; each person needs one".into()),
            _ if there >= needed => Ok(()),
            _ => Err(format!(
                "{there} {}, {needed} needed, one a person; more rows, fewer arrivals, or --reuse-rows",
                if there == 1 { "row" } else { "rows" }
            )),
        }
    }

    fn check_unique(&self, unique: Unique, text: &str) -> Result<(), String> {
        let width = self.columns.len();
        let compared = match unique {
            _ if width == 0 => return Ok(()),
            Unique::Nothing => return Ok(()),
            Unique::First => 1,
            Unique::Row => width,
        };
        let Some((one, other)) = self.first_duplicate(compared) else {
            return Ok(());
        };
        let lines = format!("lines {} and {}", line_of(text, one), line_of(text, other));
        if self.row(one).eq(self.row(other)) {
            return Err(format!(
                "{lines} are the same row; each person needs a row of their own"
            ));
        }
        let column = &self.columns[0];
        Err(format!(
            "{lines} have the same {column:?}; each person needs one of their own (if another column says who \
             somebody is, name that one first in `columns`)"
        ))
    }

    /// The row that is the first to repeat an earlier one in its first `compared` fields, behind the latter.
    fn first_duplicate(&self, compared: usize) -> Option<(usize, usize)> {
        let fields = |row: usize| self.row(row).take(compared);
        let hash = |row: usize| fields(row).fold(0, |sum: u64, f| xxh3_64(f.as_bytes()) ^ sum.rotate_left(1));
        let mut hashes: Vec<(u64, usize)> = (0..self.rows).map(|row| (hash(row), row)).collect();
        hashes.sort_unstable();
        let mut found: Option<(usize, usize)> = None;
        for group in hashes.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
            // Nearly always equal, since their hashes are.
            let repeats = group.iter().skip(1).find_map(|&(_, other)| {
                let mut before = group.iter().take_while(|&&(_, row)| row < other);
                let one = before.find(|&&(_, row)| fields(row).eq(fields(other)))?.1;
                Some((one, other))
            });
            found = [found, repeats]
                .into_iter()
                .flatten()
                .min_by_key(|&(_, other)| other);
        }
        found
    }
}

/// The file as text, without the byte order mark.
fn text_of(bytes: &[u8]) -> Result<&str, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    str::from_utf8(bytes).map_err(|e| {
        let line = 1 + memchr::memchr_iter(b'\n', &bytes[..e.valid_up_to()]).count();
        format!("line {line} is not UTF-8; save it as UTF-8")
    })
}

fn reader(text: &str) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_bytes())
}

/// Where a column stands in a header line; else a complaint without the file.
pub(crate) fn place(header: &csv::StringRecord, column: &str) -> Result<usize, String> {
    let mut places = (0..header.len()).filter(|&at| &header[at] == column);
    match (places.next(), places.next()) {
        (Some(place), None) => Ok(place),
        (Some(_), Some(_)) => Err(format!("two columns are called {column:?}; rename one")),
        _ => Err(missing(header, column)),
    }
}

fn missing(header: &csv::StringRecord, column: &str) -> String {
    if header.len() == 1 && header[0].contains([';', '\t']) {
        return format!(
            "no column {column:?}: the fields must be separated by commas, not by semicolons or tabs"
        );
    }
    let nearest = header
        .iter()
        .map(|name| {
            (
                strsim::damerau_levenshtein(&name.to_lowercase(), &column.to_lowercase()),
                name,
            )
        })
        .filter(|(distance, name)| *distance <= 1 + name.chars().count() / 4)
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((_, name)) => format!("no column {column:?}, did you mean {name:?}?"),
        None => {
            let names: Vec<_> = header.iter().collect();
            format!("no column {column:?}; it has {}", names.join(", "))
        }
    }
}

/// The line on which a row begins, from 1; only for complaints, since it reads the file again.
fn line_of(text: &str, row: usize) -> usize {
    let mut reader = reader(text);
    let mut record = ByteRecord::new();
    for _ in 0..=row {
        let _ = reader.read_byte_record(&mut record);
    }
    let start = record
        .position()
        .map_or(0, |p| usize::try_from(p.byte()).unwrap_or(0));
    // A record's position may stand before the line ends and empty lines that precede it.
    let empty = text[start..]
        .bytes()
        .take_while(|b| matches!(b, b'\r' | b'\n'))
        .count();
    let before = text[..start + empty].bytes();
    let ends = before.clone().zip(before.skip(1).chain([b'x']));
    1 + ends
        .filter(|&(b, next)| b == b'\n' || (b == b'\r' && next != b'\n'))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: impl AsRef<[u8]>, needed: &[&str], rows: Option<u64>) -> Result<People, String> {
        read_unique(text, needed, rows, Unique::First)
    }

    fn read_unique(
        text: impl AsRef<[u8]>,
        needed: &[&str],
        rows: Option<u64>,
        unique: Unique,
    ) -> Result<People, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("people.csv");
        fs::write(&path, text).unwrap();
        let needed: Vec<String> = needed.iter().map(|&n| n.to_owned()).collect();
        People::read(&path, &needed, rows, unique).map_err(|e| {
            let (_, complaint) = e
                .to_string()
                .split_once("people.csv: ")
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
                .unwrap();
            complaint
        })
    }

    fn row(people: &People, index: usize) -> Vec<&str> {
        people.row(index).collect()
    }

    #[test]
    fn rows_come_in_the_order_of_the_needed_columns() {
        let people = read("a,b,c\n1,2,3\n4,5,6\n", &["c", "a"], Some(2)).unwrap();
        assert_eq!((people.len(), people.columns().join(" ")), (2, "c a".into()));
        assert_eq!(
            (row(&people, 0), row(&people, 1)),
            (vec!["3", "1"], vec!["6", "4"])
        );
    }

    #[test]
    fn quotes_line_ends_and_byte_order_marks_are_understood() {
        let text = "\u{feff}\"user\",note\r\nanna,\"a, \"\"b\"\"\r\nc\"\r\n\r\nbo,\r\n";
        let people = read(text, &["user", "note"], None).unwrap();
        assert_eq!(row(&people, 0), ["anna", "a, \"b\"\r\nc"]);
        assert_eq!(row(&people, 1), ["bo", ""]);
    }

    #[test]
    fn a_file_without_needed_columns_still_counts_its_rows() {
        let people = read("a\n1\n1\n", &[], Some(2)).unwrap();
        assert_eq!((people.len(), people.row(1).count()), (2, 0));
        assert!(read("a\n1\n", &[], Some(2)).is_err());
    }

    #[test]
    fn complaints_name_the_line_and_never_a_value() {
        for (text, complaint) in [
            (
                "",
                "it is empty; the first line names the columns, here: user,pass",
            ),
            ("\n\n", "it is empty"),
            ("user,pass\n", "it has no rows"),
            (
                "user,pass\r\n\r\na,1\r\nb\r\n",
                "line 4 has 1 fields, the first line names 2",
            ),
            ("user,pass\n\"a\nb\",1\nc,1,x\n", "line 4 has 3 fields"),
            ("User,pass\na,1\n", "no column \"user\", did you mean \"User\"?"),
            ("user,pas\na,1\n", "no column \"pass\", did you mean \"pas\"?"),
            ("name,code\na,1\n", "no column \"user\"; it has name, code"),
            (
                "user;pass\na;1\n",
                "no column \"user\": the fields must be separated by commas",
            ),
            ("user,pass,user\na,1,b\n", "two columns are called \"user\""),
            (
                "user,pass\na,1\n",
                "1 row, 3 needed, one a person; more rows, fewer arrivals, or --reuse-rows",
            ),
            (
                "user,pass\r\na,1\r\n\r\nSECRET,2\r\nb,1\r\nSECRET,3\r\n",
                "lines 4 and 6 have the same \"user\"; each",
            ),
            (
                "user,pass\rSECRET,1\rb,1\rSECRET,1",
                "lines 2 and 4 are the same row; each",
            ),
            (
                "user,pass\nb,1\n\"SECRET\",1\nSECRET,1\nb,1",
                "lines 3 and 4 are the same row",
            ),
        ] {
            let said = read(text, &["user", "pass"], Some(3)).unwrap_err();
            assert!(said.starts_with(complaint), "{text:?}: {said}");
            assert!(!said.contains("SECRET") && !said.contains('\n'), "{said}");
        }
        let said = read(b"user,pass\na,1\nb,\xff\n", &["user"], None).unwrap_err();
        assert_eq!(said, "line 3 is not UTF-8; save it as UTF-8");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = People::read("/nowhere/people.csv", &[], None, Unique::First).unwrap_err();
        assert!(
            error.to_string().starts_with("/nowhere/people.csv: No such file"),
            "{error}"
        );
    }

    #[test]
    fn how_unique_rows_are_can_be_chosen() {
        let text = "city,user\nBern,a\nBern,b\n";
        assert!(read_unique(text, &["city", "user"], None, Unique::First).is_err());
        assert!(read_unique(text, &["city", "user"], None, Unique::Row).is_ok());
        assert!(read_unique(text, &["city"], None, Unique::Row).is_err());
        assert!(read_unique(text, &["city"], None, Unique::Nothing).is_ok());
    }

    #[test]
    fn neighbours_that_only_look_alike_together_are_no_duplicates() {
        let text = "a,b\nxy,z\nx,yz\n,xyz\nxyz,\nz,xy\n";
        assert_eq!(
            read_unique(text, &["a", "b"], None, Unique::Row).unwrap().len(),
            5
        );
    }

    #[test]
    fn a_million_rows_are_checked_and_one_duplicate_found() {
        let mut text = String::from("user,code\n");
        for n in 0..1_000_000 {
            text.push_str(&format!("user{n},{}\n", n * 7));
        }
        let people = read(&text, &["user", "code"], Some(1_000_000)).unwrap();
        assert_eq!(row(&people, 999_999), ["user999999", "6999993"]);
        text.push_str("user123456,1\n");
        let said = read(&text, &["user", "code"], Some(1_000_000)).unwrap_err();
        assert!(said.starts_with("lines 123458 and 1000002 have"), "{said}");
    }
}
