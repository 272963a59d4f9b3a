//! A server's messages.

/// A whole message of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its first byte.
    pub kind: u8,
    /// What follows its length.
    pub body: Vec<u8>,
}

/// Longer messages than these make no sense in a test: the framing is lost.
const LONGEST: usize = 256 << 20;

impl Message {
    /// The message at the beginning of `bytes` and its whole length; `None` while there is not enough of it.
    pub fn first(bytes: &[u8]) -> Option<(Self, usize)> {
        let length = u32::from_be_bytes(bytes.get(1..5)?.try_into().unwrap());
        let length = usize::try_from(length).unwrap();
        let kind = bytes[0];
        assert!(
            (4..LONGEST).contains(&length) && kind.is_ascii_alphanumeric(),
            "this is not a message: {:?}",
            String::from_utf8_lossy(&bytes[..bytes.len().min(60)])
        );
        let body = bytes.get(5..=length)?.to_vec();
        Some((Self { kind, body }, length + 1))
    }

    /// A field of an error or a notice, such as `b'C'` for the SQLSTATE; empty when it has none.
    pub fn field(&self, code: u8) -> String {
        let fields = self.fields();
        let found = fields.iter().find(|(c, _)| *c == code);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// All fields of an error or a notice, in their order.
    pub fn fields(&self) -> Vec<(u8, String)> {
        let parts = self.body.split(|byte| *byte == 0);
        parts
            .filter(|part| !part.is_empty())
            .map(|part| (part[0], lossy(&part[1..])))
            .collect()
    }

    /// The columns of a row.
    pub fn row(&self) -> Vec<Option<String>> {
        let mut cursor = Cursor(&self.body);
        let columns = cursor.u16();
        (0..columns)
            .map(|_| {
                let length = cursor.i32();
                (length >= 0).then(|| lossy(cursor.take(usize::try_from(length).unwrap())))
            })
            .collect()
    }

    /// The first text of the body: a command's tag, a parameter's name.
    pub fn text(&self) -> String {
        Cursor(&self.body).text()
    }

    /// A parameter's name and value.
    pub fn parameter(&self) -> (String, String) {
        let mut cursor = Cursor(&self.body);
        (cursor.text(), cursor.text())
    }
}

/// Reads a body from its beginning on.
pub struct Cursor<'a>(pub &'a [u8]);

impl<'a> Cursor<'a> {
    pub fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub fn u8(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    pub fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.take(2).try_into().unwrap())
    }

    pub fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.take(4).try_into().unwrap())
    }

    pub fn i32(&mut self) -> i32 {
        i32::from_be_bytes(self.take(4).try_into().unwrap())
    }

    pub fn text(&mut self) -> String {
        let end = self.0.iter().position(|byte| *byte == 0);
        let text = self.take(end.unwrap_or(self.0.len()));
        self.take(1);
        lossy(text)
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
