//! Content codings (RFC 9110, section 8.4.1).

use std::io::{self, Read};

/// The most that a body may grow to; a reply that unpacks to more is a failure, not a reason to run out of memory.
const MOST: u64 = 256 << 20;

/// Decodes a body by its Content-Encoding: gzip, x-gzip, deflate (zlib or raw, as browsers take it), br, identity.
///
/// # Errors
/// An unknown coding, damaged data, or more than 256 MiB.
pub fn decode(coding: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    let mut decoded = body.to_vec();
    for coding in coding.split(',').rev().map(str::trim) {
        decoded = match coding.to_ascii_lowercase().as_str() {
            "" | "identity" => decoded,
            "gzip" | "x-gzip" => read(flate2::read::MultiGzDecoder::new(decoded.as_slice()))?,
            "deflate" => read(flate2::read::ZlibDecoder::new(decoded.as_slice()))
                .or_else(|_| read(flate2::read::DeflateDecoder::new(decoded.as_slice())))?,
            "br" => read(brotli::Decompressor::new(decoded.as_slice(), 16 << 10))?,
            other => return Err(io::Error::other(format!("content coding {other:?} is not known"))),
        };
    }
    Ok(decoded)
}

fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    from.take(MOST + 1).read_to_end(&mut out)?;
    if out.len() as u64 > MOST {
        return Err(io::Error::other("the reply unpacks to more than 256 MiB"));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;

    use super::*;

    #[test]
    fn every_coding_is_undone_and_damage_is_an_error() {
        let text = b"the same again, the same again".repeat(9);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&text).unwrap();
        let gzip = gzip.finish().unwrap();
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(&text).unwrap();
        let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(&text).unwrap();
        let mut br = Vec::new();
        brotli::CompressorWriter::new(&mut br, 4096, 1, 20)
            .write_all(&text)
            .unwrap();

        assert_eq!(decode("gzip", &gzip).unwrap(), text);
        assert_eq!(decode("deflate", &zlib.finish().unwrap()).unwrap(), text);
        assert_eq!(decode("deflate", &raw.finish().unwrap()).unwrap(), text);
        assert_eq!(decode("BR", &br).unwrap(), text);
        assert_eq!(decode("identity", &text).unwrap(), text);
        assert!(decode("gzip", &gzip[..gzip.len() / 2]).is_err());
        assert!(decode("zip", &text).unwrap_err().to_string().contains("\"zip\""));
    }
}
