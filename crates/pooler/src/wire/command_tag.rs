//! CommandComplete (`C`): the tag of a command that is done, which tells what it may have left in the session.

use super::{HEADER, cstr};

/// What a command may have left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    /// Nothing that outlives its transaction.
    Nothing,
    /// `SET` or `RESET`: a setting, unless a ParameterStatus follows that says which.
    Setting,
    /// `PREPARE`, `LISTEN`, `LOAD`, `DECLARE CURSOR` (which may be WITH HOLD): something of the session.
    Session,
    /// `DEALLOCATE ALL`: the session's prepared statements are gone.
    StatementsGone,
    /// `DISCARD ALL`: everything of the session is gone.
    AllGone,
}

/// Reads a whole CommandComplete. Temporary tables, advisory locks and `set_config()` leave no trace in a tag.
pub fn trace(message: &[u8]) -> Trace {
    let Some((tag, _)) = message.get(HEADER..).and_then(cstr) else {
        return Trace::Nothing;
    };
    match tag.first() {
        // Nearly every tag begins with one of these and is none of those below.
        Some(b'I' | b'B' | b'C' | b'M') => Trace::Nothing,
        Some(b'S') if tag != b"SET" => Trace::Nothing,
        _ => match tag {
            b"SET" | b"RESET" => Trace::Setting,
            b"PREPARE" | b"LISTEN" | b"LOAD" | b"DECLARE CURSOR" => Trace::Session,
            b"DEALLOCATE ALL" => Trace::StatementsGone,
            b"DISCARD ALL" => Trace::AllGone,
            _ => Trace::Nothing,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_tell_what_stays() {
        let of = |tag: &str| {
            let mut message = Vec::new();
            super::super::put(&mut message, b'C', |body| {
                super::super::put_cstr(body, tag.as_bytes())
            });
            trace(&message)
        };
        assert_eq!(of("SELECT 1"), Trace::Nothing);
        assert_eq!(of("SET"), Trace::Setting);
        assert_eq!(of("SET CONSTRAINTS"), Trace::Nothing);
        assert_eq!(of("DISCARD ALL"), Trace::AllGone);
        assert_eq!(of("DISCARD TEMP"), Trace::Nothing);
        assert_eq!(of("DEALLOCATE ALL"), Trace::StatementsGone);
        assert_eq!(of("LISTEN"), Trace::Session);
    }
}
