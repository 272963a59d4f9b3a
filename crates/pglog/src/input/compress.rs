//! Compressed logs, told by their first bytes and read as streams: gzip, bzip2, xz, zstd, lz4. What follows a stream's end is a
//! further stream, as concatenated files have it.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::bzip2::Bzip2;

/// Most memory that an archive may ask for, as its window or dictionary, bytes.
const WINDOW: u32 = 128 << 20;
/// Bytes by which compression is told.
const MAGIC: usize = 6;

/// The text in `reader`, and how it is compressed, if it is.
///
/// # Errors
/// The reader's.
pub fn text(mut reader: Box<dyn Read + Send>) -> io::Result<(Box<dyn Read + Send>, Option<&'static str>)> {
    let mut start = Vec::with_capacity(MAGIC);
    reader.by_ref().take(MAGIC as u64).read_to_end(&mut start)?;
    let method = match start.as_slice() {
        [0x1f, 0x8b, 8, ..] => Some("gzip"),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some("bzip2"),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Some("xz"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some("zstd"),
        [0x04, 0x22, 0x4d, 0x18, ..] => Some("lz4"),
        _ => None,
    };
    let whole = Cursor::new(start).chain(reader);
    let read: Box<dyn Read + Send> = match method {
        None => Box::new(whole),
        Some("gzip") => Box::new(flate2::read::MultiGzDecoder::new(whole)),
        Some("bzip2") => Box::new(Bzip2::new(whole)),
        Some("xz") => {
            let inner = BufReader::with_capacity(64 << 10, whole);
            Box::new(lzma_rust2::XzReader::new_mem_limit(inner, true, WINDOW / 1024))
        }
        Some("zstd") => Box::new(Zstd::new(whole)),
        Some(_) => Box::new(Lz4::new(whole)),
    };
    Ok((read, method))
}

fn bad(what: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}

/// zstd, frame after frame.
struct Zstd<R> {
    inner: BufReader<R>,
    frame: FrameDecoder,
    is_open: bool,
}

impl<R: Read> Zstd<R> {
    fn new(inner: R) -> Self {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(u64::from(WINDOW));
        Self {
            inner: BufReader::with_capacity(64 << 10, inner),
            frame,
            is_open: false,
        }
    }

    /// The next frame's head; `false`: there is none.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.inner.fill_buf()?.is_empty() {
            let mut magic = [0; 4];
            self.inner.read_exact(&mut magic)?;
            if matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18]) {
                let mut length = [0; 4];
                self.inner.read_exact(&mut length)?;
                let length = u64::from(u32::from_le_bytes(length));
                if io::copy(&mut self.inner.by_ref().take(length), &mut io::sink())? < length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                continue;
            }
            let head = (&magic[..]).chain(&mut self.inner);
            self.frame.reset(head).map_err(|e| bad(format!("zstd: {e}")))?;
            self.is_open = true;
            return Ok(true);
        }
        Ok(false)
    }
}

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.is_open && !self.next_frame()? {
                return Ok(0);
            }
            let read = self.frame.read(out)?;
            if read > 0 {
                return Ok(read);
            }
            if !self.frame.is_finished() {
                let some = BlockDecodingStrategy::UptoBytes(out.len());
                self.frame
                    .decode_blocks(&mut self.inner, some)
                    .map_err(|e| bad(format!("zstd: {e}")))?;
                continue;
            }
            self.is_open = false;
            let wanted = self.frame.get_checksum_from_data();
            if wanted.is_some() && wanted != self.frame.get_calculated_checksum() {
                return Err(bad("zstd: wrong check sum"));
            }
        }
    }
}

/// lz4, frame after frame.
struct Lz4<R: Read>(lz4_flex::frame::FrameDecoder<BufReader<Tail<R>>>);

impl<R: Read> Lz4<R> {
    fn new(inner: R) -> Self {
        let last = [0xff; 8];
        let inner = BufReader::with_capacity(64 << 10, Tail { inner, last });
        Self(lz4_flex::frame::FrameDecoder::new(inner))
    }
}

impl<R: Read> Read for Lz4<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            let read = self.0.read(out)?;
            if read > 0 {
                return Ok(read);
            }
            // A frame ends, and another may follow.
            if !self.0.get_mut().fill_buf()?.is_empty() {
                continue;
            }
            // A frame that is cut between two blocks is an end like any other to the decoder. A whole one ends with an empty
            // block, and perhaps a check sum.
            let last = self.0.get_ref().get_ref().last;
            return match last[4..] == [0; 4] || last[..4] == [0; 4] {
                true => Ok(0),
                false => Err(io::ErrorKind::UnexpectedEof.into()),
            };
        }
    }
}

/// Knows the last bytes that were read.
struct Tail<R> {
    inner: R,
    last: [u8; 8],
}

impl<R: Read> Read for Tail<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        let kept = read.min(8);
        self.last.rotate_left(kept);
        self.last[8 - kept..].copy_from_slice(&out[read - kept..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
