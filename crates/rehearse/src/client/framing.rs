//! Where a reply ends (RFC 9112, section 6.3).

use std::io;

use super::Headers;

/// How a body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes.
    Length(u64),
    Chunked,
    /// The end of the connection is the end of the body.
    Close,
}

/// The framing of the reply to a request with this method.
///
/// # Errors
/// Content-Length is no number, or two that differ.
pub(super) fn framing(method: &str, status: u16, headers: &Headers) -> io::Result<Framing> {
    if method == "HEAD" || status == 204 || status == 304 {
        return Ok(Framing::Length(0));
    }
    let coding = headers.all("transfer-encoding").last();
    if let Some(coding) = coding {
        let last = coding.rsplit(',').next().unwrap_or_default().trim();
        return Ok(if last.eq_ignore_ascii_case("chunked") {
            Framing::Chunked
        } else {
            Framing::Close
        });
    }
    let mut length = None;
    for value in headers.all("content-length").flat_map(|v| v.split(',')) {
        let parsed = value.trim().parse::<u64>().ok();
        if parsed.is_none() || length.is_some_and(|l| Some(l) != parsed) {
            return Err(io::Error::other("the reply's Content-Length makes no sense"));
        }
        length = parsed;
    }
    Ok(length.map_or(Framing::Close, Framing::Length))
}

/// Takes chunks apart as they come (RFC 9112, section 7.1).
#[derive(Debug, Default)]
pub(super) struct Chunks {
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    /// This many bytes of data are still to come.
    Data(u64),
    /// The line break behind a chunk's data.
    DataEnd,
    Trailer,
    Done,
}

/// A chunk's size line or a trailer line may have at most this many bytes.
const LONGEST_LINE: usize = 16 << 10;

impl Chunks {
    /// Moves what is complete from the front of `raw` to `body`; true when the body is. Call again with more otherwise.
    ///
    /// # Errors
    /// The bytes are no chunks.
    pub(super) fn take(&mut self, raw: &mut Vec<u8>, body: &mut Vec<u8>) -> io::Result<bool> {
        let mut at = 0;
        while self.state != State::Done {
            let rest = &raw[at..];
            if let State::Data(left) = self.state {
                let n = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                body.extend_from_slice(&rest[..n]);
                at += n;
                if n as u64 != left {
                    self.state = State::Data(left - n as u64);
                    break;
                }
                self.state = State::DataEnd;
                continue;
            }
            let Some(end) = memchr::memchr(b'\n', rest) else {
                if rest.len() > LONGEST_LINE {
                    return Err(io::Error::other("a chunk of the reply has no end of line"));
                }
                break;
            };
            let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
            self.state = self.line(line)?;
            at += end + 1;
        }
        raw.drain(..at);
        Ok(self.state == State::Done)
    }

    fn line(&self, line: &[u8]) -> io::Result<State> {
        match self.state {
            State::DataEnd if line.is_empty() => Ok(State::Size),
            State::Trailer => Ok(if line.is_empty() {
                State::Done
            } else {
                State::Trailer
            }),
            State::Size => {
                let digits = line.split(|b| *b == b';').next().unwrap_or_default();
                let text = std::str::from_utf8(digits).unwrap_or_default().trim();
                let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
                match u64::from_str_radix(text, 16) {
                    Ok(0) if plain => Ok(State::Trailer),
                    Ok(size) if plain => Ok(State::Data(size)),
                    _ => Err(io::Error::other("a chunk of the reply has no size")),
                }
            }
            _ => Err(io::Error::other("a chunk of the reply is longer than it says")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(fields: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::default();
        for (name, value) in fields {
            headers.push(name, value.as_bytes());
        }
        headers
    }

    #[test]
    fn the_end_of_a_reply_is_found_as_rfc_9112_says() {
        let length = headers(&[("Content-Length", "5")]);
        assert_eq!(framing("GET", 200, &length).unwrap(), Framing::Length(5));
        assert_eq!(framing("HEAD", 200, &length).unwrap(), Framing::Length(0));
        assert_eq!(framing("GET", 304, &length).unwrap(), Framing::Length(0));
        let both = headers(&[("Content-Length", "5"), ("Transfer-Encoding", "gzip, Chunked")]);
        assert_eq!(framing("GET", 200, &both).unwrap(), Framing::Chunked);
        assert_eq!(framing("GET", 200, &headers(&[])).unwrap(), Framing::Close);
        assert!(
            framing(
                "GET",
                200,
                &headers(&[("Content-Length", "5"), ("Content-Length", "6")])
            )
            .is_err()
        );
        assert!(framing("GET", 200, &headers(&[("Content-Length", "-5")])).is_err());
    }

    #[test]
    fn what_is_no_chunk_is_an_error() {
        for bad in [&b"zz\r\n"[..], b"\r\n", b"3\r\nabcd\r\n", b"+3\r\nabc\r\n"] {
            assert!(
                Chunks::default()
                    .take(&mut bad.to_vec(), &mut Vec::new())
                    .is_err(),
                "{bad:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn chunks_come_together_however_they_are_cut(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
            cuts in prop::collection::vec(1_usize..17, 1..20),
        ) {
            let mut wire = Vec::new();
            for chunk in &chunks {
                wire.extend(format!("{:X};ext=1\r\n", chunk.len()).bytes());
                wire.extend(chunk);
                wire.extend(b"\r\n");
            }
            wire.extend(b"0\r\nTrailer: x\r\n\r\n");
            let (mut reader, mut raw, mut body) = (Chunks::default(), Vec::new(), Vec::new());
            let mut done = false;
            let mut cuts = cuts.iter().cycle();
            let mut rest = wire.as_slice();
            while !rest.is_empty() {
                prop_assert!(!done);
                let (now, later) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                raw.extend_from_slice(now);
                done = reader.take(&mut raw, &mut body).unwrap();
                rest = later;
            }
            prop_assert!(done && raw.is_empty());
            prop_assert_eq!(body, chunks.concat());
        }

        #[test]
        fn no_bytes_make_it_panic(mut raw in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Chunks::default().take(&mut raw, &mut Vec::new());
        }
    }
}
