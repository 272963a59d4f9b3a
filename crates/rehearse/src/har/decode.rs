//! Content-Encoding undone: gzip, deflate (with zlib's frame or, as some servers send it, without) and br.

use std::io::{self, Write};

use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// Undoes a list of codings, the last applied first (RFC 9110 section 8.4), as bytes come in.
pub struct Decoder {
    stages: Vec<Stage>,
}

enum Stage {
    Gzip(MultiGzDecoder<Vec<u8>>),
    /// Which of the two it is shows in the first two bytes.
    Deflate(Vec<u8>),
    Zlib(ZlibDecoder<Vec<u8>>),
    Raw(DeflateDecoder<Vec<u8>>),
    Brotli(Box<brotli::DecompressorWriter<Vec<u8>>>),
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Decoder({} stages)", self.stages.len())
    }
}

impl Decoder {
    /// For the value of a Content-Encoding header. None when there is nothing to undo, or a coding that is not known.
    pub fn new(content_encoding: &str) -> Option<Self> {
        let mut stages = Vec::new();
        for coding in content_encoding.rsplit(',') {
            stages.push(match coding.trim().to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Stage::Gzip(MultiGzDecoder::new(Vec::new())),
                "deflate" => Stage::Deflate(Vec::new()),
                "br" => Stage::Brotli(Box::new(brotli::DecompressorWriter::new(Vec::new(), 64 << 10))),
                _ => return None,
            });
        }
        (!stages.is_empty()).then_some(Self { stages })
    }

    /// Takes coded bytes, gives what they decode to; the end of it may come only with [`Self::finish`].
    ///
    /// # Errors
    /// The bytes are not what the header said.
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut bytes = bytes.to_vec();
        for stage in &mut self.stages {
            bytes = stage.push(&bytes)?;
        }
        Ok(bytes)
    }

    /// The rest.
    ///
    /// # Errors
    /// The body ended too early.
    pub fn finish(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for stage in &mut self.stages {
            let mut out = stage.push(&bytes)?;
            out.append(&mut stage.finish()?);
            bytes = out;
        }
        Ok(bytes)
    }
}

impl Stage {
    fn push(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        if let Self::Deflate(first) = self {
            first.extend_from_slice(bytes);
            if first.len() < 2 {
                return Ok(Vec::new());
            }
            let first = std::mem::take(first);
            *self = if is_zlib([first[0], first[1]]) {
                Self::Zlib(ZlibDecoder::new(Vec::new()))
            } else {
                Self::Raw(DeflateDecoder::new(Vec::new()))
            };
            return self.push(&first);
        }
        match self {
            Self::Gzip(d) => d.write_all(bytes).map(|()| std::mem::take(d.get_mut())),
            Self::Zlib(d) => d.write_all(bytes).map(|()| std::mem::take(d.get_mut())),
            Self::Raw(d) => d.write_all(bytes).map(|()| std::mem::take(d.get_mut())),
            Self::Brotli(d) => d.write_all(bytes).map(|()| std::mem::take(d.get_mut())),
            Self::Deflate(_) => Ok(Vec::new()),
        }
    }

    fn finish(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip(d) => d.try_finish().map(|()| std::mem::take(d.get_mut())),
            Self::Zlib(d) => d.try_finish().map(|()| std::mem::take(d.get_mut())),
            Self::Raw(d) => d.try_finish().map(|()| std::mem::take(d.get_mut())),
            Self::Brotli(d) => d.close().map(|()| std::mem::take(d.get_mut())),
            Self::Deflate(first) if first.is_empty() => Ok(Vec::new()),
            Self::Deflate(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// RFC 1950 section 2.2: method 8, and the two bytes as a number are a multiple of 31.
fn is_zlib(head: [u8; 2]) -> bool {
    head[0] & 0x0f == 8 && u16::from_be_bytes(head).is_multiple_of(31)
}

/// A whole body decoded; None when there is nothing to undo, or it is not what the header says.
pub fn whole(content_encoding: &str, body: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = Decoder::new(content_encoding)?;
    let mut out = decoder.push(body).ok()?;
    out.append(&mut decoder.finish().ok()?);
    Some(out)
}
