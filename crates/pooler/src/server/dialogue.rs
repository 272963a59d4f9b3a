//! A query of our own: settings that follow a client, checks, resets, `connect_query`, `auth_query`.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Server;
use crate::session::Tracked;
use crate::wire::error::ServerError;
use crate::wire::ready::Transaction;
use crate::wire::{self, HEADER, query};

/// The longest message in a reply to a query of ours, in bytes.
const LONGEST: usize = 1 << 20;

/// Bytes of a whole reply to a query of ours.
const LONGEST_REPLY: usize = 4 << 20;

/// Why a query of ours failed.
#[derive(Debug, thiserror::Error)]
pub enum DialogueError {
    /// The connection broke.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The server refused.
    #[error("{}", .0.message)]
    Refused(ServerError),
    /// The server said something that is no answer.
    #[error("unexpected message of type {0:?} in reply to a query of the pooler's own")]
    Unexpected(char),
}

impl Server {
    /// Runs a simple query on a clean server and throws its rows away. The server is clean again afterwards unless this
    /// fails, or the query left a transaction open.
    ///
    /// # Errors
    /// [`DialogueError`]; the server is then in doubt unless it refused in order.
    pub async fn run(&mut self, sql: &str, tracked: &Tracked) -> Result<(), DialogueError> {
        self.rows(sql, tracked).await.map(drop)
    }

    /// The same, with the DataRow messages that came.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn rows(&mut self, sql: &str, tracked: &Tracked) -> Result<Vec<Vec<u8>>, DialogueError> {
        let before = self.doubt.replace("a query of the pooler's own is under way");
        let mut request = Vec::new();
        query::put_query(sql.as_bytes(), &mut request);
        self.stream.write_all(&request).await?;
        self.stream.flush().await?;
        self.unnamed = None;
        let mut refused = None;
        let mut rows = Vec::new();
        let mut said = 0;
        loop {
            let message = read_message(&mut self.stream, LONGEST).await?;
            said += message.len();
            if said > LONGEST_REPLY {
                let words =
                    format!("more than {LONGEST_REPLY} bytes in reply to a query of the pooler's own");
                return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, words).into());
            }
            match message[0] {
                b'S' => self.note_setting(&message, tracked),
                b'E' => refused = Some(ServerError::read(&message)),
                b'D' => rows.push(message),
                b'T' | b'C' | b'I' | b'N' => {}
                b'Z' => {
                    self.transaction = Transaction::read(&message).ok_or(DialogueError::Unexpected('Z'))?;
                    break;
                }
                other => return Err(DialogueError::Unexpected(char::from(other))),
            }
        }
        self.doubt = before;
        refused.map_or(Ok(rows), |error| Err(DialogueError::Refused(error)))
    }
}

/// Reads one whole message and not a byte more.
///
/// # Errors
/// The stream's, and `InvalidData` for a message longer than `longest`.
pub(crate) async fn read_message<S: tokio::io::AsyncRead + Unpin>(
    stream: &mut S,
    longest: usize,
) -> std::io::Result<Vec<u8>> {
    let mut message = vec![0; HEADER];
    stream.read_exact(&mut message).await?;
    let head = wire::head(&message)
        .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))?
        .expect("five bytes are a head");
    if head.total > longest {
        return Err(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            format!(
                "a message of {} bytes, at most {longest} were expected",
                head.total
            ),
        ));
    }
    message.resize(head.total, 0);
    stream.read_exact(&mut message[HEADER..]).await?;
    Ok(message)
}
