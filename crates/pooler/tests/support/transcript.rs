//! Messages as lines that are the same wherever they come from: process ids, cancel keys, names of prepared statements
//! and the places in PostgreSQL's source are left out; everything else, positions too, stays.

use super::Message;
use super::message::Cursor;

/// Longer values are shown by their beginning, length and checksum.
const SHOWN: usize = 60;

/// One line for each message.
pub fn lines(messages: &[Message]) -> Vec<String> {
    messages.iter().map(line).collect()
}

/// One message as a line.
pub fn line(message: &Message) -> String {
    let mut cursor = Cursor(&message.body);
    match message.kind {
        b'R' => authentication(&mut cursor),
        b'S' => format!("ParameterStatus {}={}", cursor.text(), cursor.text()),
        b'K' => "BackendKeyData *".into(),
        b'Z' => format!("ReadyForQuery {}", char::from(cursor.u8())),
        b'T' => row_description(&mut cursor),
        b't' => format!("ParameterDescription {}", list(&mut cursor, |c| c.u32())),
        b'D' => data_row(message),
        b'C' => format!("CommandComplete {}", cursor.text()),
        b'E' => fields("ErrorResponse", message),
        b'N' => fields("NoticeResponse", message),
        b'A' => {
            cursor.u32();
            format!("NotificationResponse * {} {}", cursor.text(), cursor.text())
        }
        b'G' => copy("CopyInResponse", &mut cursor),
        b'H' => copy("CopyOutResponse", &mut cursor),
        b'W' => copy("CopyBothResponse", &mut cursor),
        b'd' => format!("CopyData {}", value(&message.body)),
        b'V' => match cursor.i32() {
            -1 => "FunctionCallResponse NULL".into(),
            _ => format!("FunctionCallResponse {}", value(cursor.0)),
        },
        b'v' => format!("NegotiateProtocolVersion {} {}", cursor.u32(), value(cursor.0)),
        kind => match bare(kind) {
            Some(name) if message.body.is_empty() => name.into(),
            _ => format!("{:?} {}", char::from(kind), value(&message.body)),
        },
    }
}

/// Messages that are nothing but their name.
fn bare(kind: u8) -> Option<&'static str> {
    Some(match kind {
        b'1' => "ParseComplete",
        b'2' => "BindComplete",
        b'3' => "CloseComplete",
        b'I' => "EmptyQueryResponse",
        b'n' => "NoData",
        b's' => "PortalSuspended",
        b'c' => "CopyDone",
        _ => return None,
    })
}

fn authentication(cursor: &mut Cursor<'_>) -> String {
    match cursor.u32() {
        0 => "AuthenticationOk".into(),
        method => format!("Authentication {method}"),
    }
}

fn row_description(cursor: &mut Cursor<'_>) -> String {
    let columns = cursor.u16();
    let columns: Vec<String> = (0..columns)
        .map(|_| {
            let name = cursor.text();
            let (table, column, kind) = (cursor.u32(), cursor.u16(), cursor.u32());
            let (size, modifier, format) = (cursor.u16(), cursor.i32(), cursor.u16());
            format!("{name}({table}.{column} type {kind} {size} {modifier} format {format})")
        })
        .collect();
    format!("RowDescription {}", columns.join(", "))
}

fn data_row(message: &Message) -> String {
    let columns: Vec<String> = message
        .row()
        .iter()
        .map(|column| {
            column
                .as_ref()
                .map_or("NULL".into(), |text| value(text.as_bytes()))
        })
        .collect();
    format!("DataRow {}", columns.join(", "))
}

fn copy(name: &str, cursor: &mut Cursor<'_>) -> String {
    let format = cursor.u8();
    format!(
        "{name} format {format} columns {}",
        list(cursor, |c| u32::from(c.u16()))
    )
}

fn list(cursor: &mut Cursor<'_>, mut read: impl FnMut(&mut Cursor<'_>) -> u32) -> String {
    let n = cursor.u16();
    let items: Vec<String> = (0..n).map(|_| read(cursor).to_string()).collect();
    format!("[{}]", items.join(" "))
}

/// All fields but file, line and routine; texts without the name of a prepared statement.
fn fields(name: &str, message: &Message) -> String {
    let fields: Vec<String> = message
        .fields()
        .iter()
        .filter(|(code, _)| !matches!(code, b'F' | b'L' | b'R'))
        .map(|(code, text)| format!("{}={}", char::from(*code), nameless(text)))
        .collect();
    format!("{name} {}", fields.join(" | "))
}

/// Without the name in `prepared statement "name"`: a pooler has names of its own for what it prepares.
fn nameless(text: &str) -> String {
    const BEFORE: &str = "prepared statement \"";
    match text.split_once(BEFORE) {
        Some((before, rest)) => {
            let after = rest.split_once('"').map_or("", |(_, after)| after);
            format!("{before}prepared statement *{after}")
        }
        None => text.to_owned(),
    }
}

/// A value, shortened by rule: equal values stay equal, different ones different.
pub fn value(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if bytes.len() <= SHOWN {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(SHOWN / 2).collect();
    // FNV-1a.
    let sum = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{start:?}... {} bytes {sum:016x}", bytes.len())
}
