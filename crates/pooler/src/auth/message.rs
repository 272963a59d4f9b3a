//! Messages of a login, one at a time: a login reads no byte beyond the message it waits for.
//!
//! <https://www.postgresql.org/docs/15/protocol-message-formats.html>

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A type byte and a body, without the length between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub kind: u8,
    pub body: Vec<u8>,
}

/// Why no message came.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The other end has gone, or the connection broke.
    Io(io::Error),
    /// A type that is not accepted now. Its body was not read.
    Unexpected(u8),
    /// A length that cannot be, or is more than is accepted. The body was not read.
    Length {
        /// The type byte.
        kind: u8,
        /// As it stands in the message, with its own four bytes.
        length: u32,
    },
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads exactly one message. `limit` gives the greatest body, in bytes, of a type, or `None` when the type is not
/// accepted; nothing is allocated before it has been asked.
pub(crate) async fn read<S>(io: &mut S, limit: impl Fn(u8) -> Option<usize>) -> Result<Message, ReadError>
where
    S: AsyncRead + Unpin,
{
    let mut head = [0; 5];
    io.read_exact(&mut head).await?;
    let [kind, length @ ..] = head;
    let length = u32::from_be_bytes(length);
    let limit = limit(kind).ok_or(ReadError::Unexpected(kind))?;
    let size = length.checked_sub(4).and_then(|size| usize::try_from(size).ok());
    let size = size
        .filter(|size| *size <= limit)
        .ok_or(ReadError::Length { kind, length })?;
    let mut body = vec![0; size];
    io.read_exact(&mut body).await?;
    Ok(Message { kind, body })
}

/// Writes one message and sees it off.
pub(crate) async fn write<S>(io: &mut S, kind: u8, parts: &[&[u8]]) -> io::Result<()>
where
    S: AsyncWrite + Unpin,
{
    io.write_all(&encode(kind, parts)).await?;
    io.flush().await
}

/// A message with its type byte and length.
pub(crate) fn encode(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let size: usize = parts.iter().map(|part| part.len()).sum();
    let length = u32::try_from(size + 4).unwrap_or(u32::MAX);
    let mut message = Vec::with_capacity(size + 5);
    message.push(kind);
    message.extend_from_slice(&length.to_be_bytes());
    for part in parts {
        message.extend_from_slice(part);
    }
    message
}

/// Splits a zero-terminated string off. `None` when there is no zero.
pub(crate) fn split_string(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(0, body)?;
    Some((&body[..end], &body[end + 1..]))
}

/// Splits a big-endian 32-bit number off.
pub(crate) fn split_number(body: &[u8]) -> Option<(i32, &[u8])> {
    let (number, rest) = body.split_first_chunk()?;
    Some((i32::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use canvass_testkit::block_on;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn not_a_byte_more_is_read_than_the_message() {
        block_on(async {
            // given two messages in one go
            let mut input = encode(b'p', &[b"one"]);
            input.extend(encode(b'p', &[b"two"]));
            let mut reader = &input[..];

            // then reading the first leaves all of the second
            let message = read(&mut reader, |_| Some(10)).await.unwrap();
            assert_eq!(
                message,
                Message {
                    kind: b'p',
                    body: b"one".to_vec()
                }
            );
            assert_eq!(reader, encode(b'p', &[b"two"]));
        });
    }

    #[test]
    fn lengths_that_cannot_be_are_refused_before_anything_is_allocated() {
        block_on(async {
            for length in [
                0_u32,
                1,
                3,
                15,
                1 << 16,
                i32::MAX as u32,
                1 << 31,
                u32::MAX - 3,
                u32::MAX,
            ] {
                let mut input = vec![b'p'];
                input.extend(length.to_be_bytes());
                input.extend([b'x'; 40]);
                let refused = read(&mut &input[..], |_| Some(10)).await;
                assert!(
                    matches!(refused, Err(ReadError::Length { length: l, .. }) if l == length),
                    "{length}"
                );
            }
        });
    }

    #[test]
    fn an_unexpected_type_is_refused_by_its_first_byte() {
        block_on(async {
            let refused = read(&mut &b"Q\0\0\0\x05\0"[..], |kind| (kind == b'p').then_some(10)).await;
            assert!(matches!(refused, Err(ReadError::Unexpected(b'Q'))));
        });
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_an_error(input: Vec<u8>) {
            let mut reader = &input[..];
            if let Ok(message) = block_on(read(&mut reader, |_| Some(100))) {
                let mut whole = encode(message.kind, &[&message.body]);
                whole.extend_from_slice(reader);
                prop_assert_eq!(whole, input);
            }
        }
    }
}
