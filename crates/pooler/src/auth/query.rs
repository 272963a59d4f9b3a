//! `auth_query`: users that are looked up in a database.
//!
//! The connection is the caller's: of `auth_user`, to `auth_dbname` or the client's database, and on it nothing of the
//! client's — no parameter of its start-up packet — has ever been set. That is what keeps a client from choosing the
//! `search_path` with which its own password is looked up (CVE-2025-12819); the default query names every object and
//! operator with its schema besides.
//!
//! [`request`] makes the bytes to send, [`Reply`] takes the messages that come back, one by one, until it has an
//! [`Answer`], and [`found`] says what the answer means.

use super::client::{Found, Lookup, LookupError, Usual};
use super::message::{encode, split_number};
use super::secret::Secret;
use super::server::ServerError;
use super::userlist::Userlist;

/// pgbouncer's defaults, as its releases since 1.24.1 have written them. [`effective`] puts [`QUALIFIED`] in their place.
pub const DEFAULTS: [&str; 2] = [
    "SELECT rolname, CASE WHEN rolvaliduntil < now() THEN NULL ELSE rolpassword END \
     FROM pg_authid WHERE rolname=$1 AND rolcanlogin",
    "SELECT rolname, CASE WHEN rolvaliduntil < pg_catalog.now() THEN NULL ELSE rolpassword END \
     FROM pg_authid WHERE rolname=$1 AND rolcanlogin",
];

/// The default with everything in it qualified: an expired password counts as none.
pub const QUALIFIED: &str = "SELECT rolname, \
     CASE WHEN rolvaliduntil OPERATOR(pg_catalog.<) pg_catalog.now() THEN NULL ELSE rolpassword END \
     FROM pg_catalog.pg_authid WHERE rolname OPERATOR(pg_catalog.=) $1 AND rolcanlogin";

/// The greatest row that is kept, in bytes: a name and a secret.
const MAX_ROW: usize = 8192;

/// The query that is run for what `auth_query` says.
pub fn effective(configured: &str) -> &str {
    let is = |text: &str| configured.split_whitespace().eq(text.split_whitespace());
    if is("") || DEFAULTS.into_iter().any(is) {
        QUALIFIED
    } else {
        configured
    }
}

/// Parse, Bind, Describe, Execute and Sync of a query with one parameter, the user name, as unnamed statement and in
/// text format.
pub fn request(query: &str, user: &str) -> Vec<u8> {
    let length = u32::try_from(user.len()).unwrap_or(0).to_be_bytes();
    let mut request = encode(b'P', &[b"\0", query.as_bytes(), b"\0\0\0"]);
    // unnamed portal and statement, all formats text, one value, results in text
    request.extend(encode(
        b'B',
        &[b"\0\0\0\0\0\x01", &length, user.as_bytes(), b"\0\0"],
    ));
    request.extend(encode(b'D', &[b"P\0"]));
    request.extend(encode(b'E', &[b"\0\0\0\0\0"]));
    request.extend(encode(b'S', &[]));
    request
}

/// Why a user could not be looked up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The database refused the query.
    #[error("auth_query failed: {0}")]
    Server(ServerError),
    /// The answer has not the shape that is needed.
    #[error("{0}")]
    Shape(String),
    /// The server broke the protocol; the connection must be closed.
    #[error("unexpected response from auth_query: {0}")]
    Protocol(&'static str),
    /// No connection could be had; clients are told what is in it.
    #[error("{0}")]
    Unavailable(LookupError),
}

impl From<QueryError> for LookupError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Unavailable(error) => error,
            error => Self {
                message: "bouncer config error".to_owned(),
                sqlstate: "F0000",
                reason: error.to_string(),
            },
        }
    }
}

/// What came back: the rows, of two columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    rows: Vec<[Option<String>; 2]>,
}

impl Answer {
    /// An answer of these rows: user name and secret, `None` for NULL.
    pub fn of_rows(rows: Vec<[Option<String>; 2]>) -> Self {
        Self { rows }
    }
}

/// Takes the messages that answer a [`request`].
#[derive(Debug, Default)]
pub struct Reply {
    answer: Answer,
    failed: Option<QueryError>,
}

impl Reply {
    /// Takes the next message: its type byte and its body. `Some` at ReadyForQuery, after which nothing more comes and
    /// the connection can be used again.
    ///
    /// # Errors
    /// When the connection must be closed.
    pub fn take(&mut self, kind: u8, body: &[u8]) -> Result<Option<Result<Answer, QueryError>>, QueryError> {
        match kind {
            b'T' => self.columns(body),
            b'D' => self.row(body),
            b'E' => self.fail(QueryError::Server(ServerError::read(body))),
            // ParseComplete, BindComplete, NoData, CommandComplete, EmptyQueryResponse, NoticeResponse,
            // ParameterStatus, NotificationResponse
            b'1' | b'2' | b'n' | b'C' | b'I' | b'N' | b'S' | b'A' => Ok(()),
            b'Z' if body == b"I" => {
                let answer = std::mem::take(&mut self.answer);
                return Ok(Some(self.failed.take().map_or(Ok(answer), Err)));
            }
            b'Z' => Err(QueryError::Protocol("auth_query left a transaction open")),
            _ => Err(QueryError::Protocol("a message of an unexpected type")),
        }?;
        Ok(None)
    }

    /// The first failure counts, and what follows is read to its end.
    fn fail(&mut self, error: QueryError) -> Result<(), QueryError> {
        self.failed.get_or_insert(error);
        Ok(())
    }

    fn columns(&mut self, body: &[u8]) -> Result<(), QueryError> {
        let (count, _) = count(body)?;
        if count == 2 {
            Ok(())
        } else {
            self.fail(wrong_columns(count))
        }
    }

    fn row(&mut self, body: &[u8]) -> Result<(), QueryError> {
        let (count, values) = count(body)?;
        if count != 2 {
            return self.fail(wrong_columns(count));
        }
        if body.len() > MAX_ROW {
            return self.fail(QueryError::Shape(format!(
                "auth_query returned a row of more than {MAX_ROW} bytes"
            )));
        }
        let (user, rest) = value(values)?;
        let (secret, rest) = value(rest)?;
        if !rest.is_empty() {
            return Err(QueryError::Protocol("a row that is longer than it says"));
        }
        if self.answer.rows.len() > 1 {
            return self.fail(QueryError::Shape(
                "auth_query returned more than one row".to_owned(),
            ));
        }
        self.answer.rows.push([user, secret]);
        Ok(())
    }
}

fn wrong_columns(count: u16) -> QueryError {
    QueryError::Shape(format!("expected 2 columns from auth_query, not {count}"))
}

fn count(body: &[u8]) -> Result<(u16, &[u8]), QueryError> {
    let (count, rest) = body
        .split_first_chunk()
        .ok_or(QueryError::Protocol("a row that is too short"))?;
    Ok((u16::from_be_bytes(*count), rest))
}

fn value(body: &[u8]) -> Result<(Option<String>, &[u8]), QueryError> {
    let short = QueryError::Protocol("a row that is too short");
    let (length, rest) = split_number(body).ok_or(short.clone())?;
    if length == -1 {
        return Ok((None, rest));
    }
    let length = usize::try_from(length).map_err(|_| QueryError::Protocol("a value of negative length"))?;
    let (value, rest) = rest.split_at_checked(length).ok_or(short)?;
    let value = String::from_utf8(value.to_vec())
        .map_err(|_| QueryError::Shape("auth_query returned a value that is not UTF-8".to_owned()))?;
    Ok((Some(value), rest))
}

/// What an answer says of a user: no row, or one whose first column is NULL, means that there is no such user; NULL in
/// the second that no password fits.
///
/// # Errors
/// When there are several rows, or one for another user: a query like that would mix up whose password is checked.
pub fn found(user: &str, answer: Answer) -> Result<Found, QueryError> {
    let shape = |problem: String| Err(QueryError::Shape(problem));
    let mut rows = answer.rows.into_iter();
    let (Some([name, secret]), further) = (rows.next(), rows.next()) else {
        return Ok(Found::Unknown);
    };
    if further.is_some() {
        return shape("auth_query returned more than one row".to_owned());
    }
    match name {
        None => Ok(Found::Unknown),
        Some(name) if name != user => shape(format!(
            "auth_query was asked for user {user} and returned user {name}"
        )),
        Some(_) => {
            let secret = secret.as_deref().and_then(Secret::parse);
            Ok(secret.map_or(Found::NoPassword, Found::Secret))
        }
    }
}

/// Runs `auth_query` for a user on a connection of its own.
///
/// One who asks for a user whom others ask for at the same time may be given the same answer. Answers must not be kept
/// longer than that: a password that was changed or a user who was dropped counts from the next login on.
pub trait AuthQuery {
    /// Runs it.
    fn run(&self, user: &str) -> impl Future<Output = Result<Answer, QueryError>>;
}

/// `auth_file` first, then, where `auth_user` is set, `auth_query`.
#[derive(Debug)]
pub struct Users<'a, Q> {
    /// The users of `auth_file`.
    pub list: &'a Userlist,
    /// Where others are looked up.
    pub query: Option<Q>,
}

impl<Q: AuthQuery> Lookup for Users<'_, Q> {
    async fn find(&self, user: &str) -> Result<Found, LookupError> {
        match (self.list.get(user), &self.query) {
            (Found::Unknown, Some(query)) => Ok(found(user, query.run(user).await?)?),
            (found, _) => Ok(found),
        }
    }

    /// Users who do not exist have been asked for in the database, where most have verifiers.
    fn usual(&self) -> Usual {
        if self.query.is_some() {
            Usual::Scram
        } else {
            self.list.usual()
        }
    }
}

#[cfg(test)]
mod tests;
