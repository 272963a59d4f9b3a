//! ErrorResponse (`E`): read as far as the pooler must know it, and our own ones.

use super::{HEADER, cstr, put, put_cstr};

/// A field's code in ErrorResponse: the SQLSTATE.
const SQLSTATE: u8 = b'C';
/// A field's code in ErrorResponse: the message.
const MESSAGE: u8 = b'M';

/// The fields of an ErrorResponse that the pooler looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// Five characters.
    pub sqlstate: String,
    /// The primary message.
    pub message: String,
}

impl ServerError {
    /// Reads a whole ErrorResponse; missing fields are empty.
    pub fn read(message: &[u8]) -> Self {
        let field = |code| {
            fields(message)
                .find(|(c, _)| *c == code)
                .map(|(_, text)| String::from_utf8_lossy(text).into_owned())
                .unwrap_or_default()
        };
        Self {
            sqlstate: field(SQLSTATE),
            message: field(MESSAGE),
        }
    }
}

/// The fields of a whole ErrorResponse or NoticeResponse, each a code and its text.
pub fn fields(message: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = message.get(HEADER..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (&code, behind) = rest.split_first()?;
        if code == 0 {
            return None;
        }
        let (text, behind) = cstr(behind)?;
        rest = behind;
        Some((code, text))
    })
}

/// How bad an error of ours is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The request failed, the connection goes on.
    Error,
    /// The connection ends.
    Fatal,
}

/// Appends an ErrorResponse of ours.
pub fn put_error(severity: Severity, sqlstate: &str, message: &str, hint: Option<&str>, out: &mut Vec<u8>) {
    put(out, b'E', |body| {
        let severity: &[u8] = match severity {
            Severity::Error => b"ERROR",
            Severity::Fatal => b"FATAL",
        };
        for (code, text) in [
            (b'S', severity),
            (b'V', severity),
            (SQLSTATE, sqlstate.as_bytes()),
            (MESSAGE, message.as_bytes()),
        ] {
            body.push(code);
            put_cstr(body, text);
        }
        if let Some(hint) = hint {
            body.push(b'H');
            put_cstr(body, hint.as_bytes());
        }
        body.push(0);
    });
}

/// Appends a NoticeResponse of ours.
pub fn put_notice(message: &str, out: &mut Vec<u8>) {
    put(out, b'N', |body| {
        for (code, text) in [
            (b'S', "NOTICE"),
            (b'V', "NOTICE"),
            (SQLSTATE, "00000"),
            (MESSAGE, message),
        ] {
            body.push(code);
            put_cstr(body, text.as_bytes());
        }
        body.push(0);
    });
}

/// Appends `message`, an ErrorResponse, with `from` replaced by `to` in its primary message: statements carry other
/// names on the server than their client gave them.
pub fn put_with_name(message: &[u8], from: &[u8], to: &[u8], out: &mut Vec<u8>) {
    put(out, message[0], |body| {
        for (code, text) in fields(message) {
            body.push(code);
            match memchr::memmem::find(text, from) {
                Some(at) if code == MESSAGE => {
                    body.extend_from_slice(&text[..at]);
                    body.extend_from_slice(to);
                    put_cstr(body, &text[at + from.len()..]);
                }
                _ => put_cstr(body, text),
            }
        }
        body.push(0);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_errors_can_be_read_and_renamed() {
        let mut message = Vec::new();
        put_error(
            Severity::Error,
            "42P05",
            "statement \"CANVASS_1\" already exists",
            None,
            &mut message,
        );
        let mut renamed = Vec::new();
        put_with_name(&message, b"CANVASS_1", b"mine", &mut renamed);
        let error = ServerError::read(&renamed);
        assert_eq!(error.sqlstate, "42P05");
        assert_eq!(error.message, "statement \"mine\" already exists");
    }
}
