//! What is known of a user's password: its text, an MD5 hash of it, or a SCRAM verifier.

use std::fmt;
use std::sync::Arc;

use super::md5::Md5Hash;
use super::scram::{PassThrough, Verifier};

/// A clear-text password. Overwritten when dropped, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Box<[u8]>);

impl Password {
    /// Takes a password over.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// Its bytes, as typed.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Password {
    fn drop(&mut self) {
        self.0.fill(0);
        // keeps the compiler from leaving out the writes to memory that nobody reads again
        std::hint::black_box(&self.0);
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// A user's secret as it stands in `userlist.txt`, in `pg_authid.rolpassword` or in `password=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// The password itself.
    Clear(Password),
    /// `md5` and 32 hexadecimal digits.
    Md5(Md5Hash),
    /// `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`.
    Scram(Arc<Verifier>),
}

impl Secret {
    /// Reads a secret. `None` for an empty one: nobody logs in with an empty password.
    ///
    /// What has the exact form of an MD5 hash or of a SCRAM verifier is one, everything else is a clear password, as
    /// in PostgreSQL.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            None
        } else if let Some(hash) = Md5Hash::parse(text) {
            Some(Self::Md5(hash))
        } else if let Some(verifier) = Verifier::parse(text) {
            Some(Self::Scram(Arc::new(verifier)))
        } else {
            Some(Self::Clear(Password::new(text.as_bytes())))
        }
    }

    /// True for a text that starts as a hash or verifier does and is none: most likely a copy that went wrong, to be
    /// warned of.
    pub fn looks_damaged(text: &str) -> bool {
        let verifier = text.starts_with("SCRAM-SHA-256$");
        let hash = text.len() == 35 && text.starts_with("md5");
        (verifier || hash) && matches!(Self::parse(text), Some(Self::Clear(_)))
    }

    /// The kind of secret, for a log line.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Clear(_) => "clear-text password",
            Self::Md5(_) => "MD5 hash",
            Self::Scram(_) => "SCRAM verifier",
        }
    }
}

/// What the pooler has in hand to log in to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing: only a server that does not ask can be logged in to.
    Nothing,
    /// The password: good for every way of asking.
    Clear(Password),
    /// The MD5 hash: good for servers that ask for MD5.
    Md5(Md5Hash),
    /// Keys out of a client's own SCRAM exchange: good for a server that has the same SCRAM verifier.
    Scram(Arc<PassThrough>),
}

impl From<&Secret> for Credentials {
    /// What a stored secret is good for by itself. A verifier is good for nothing: it checks proofs, it cannot make one.
    fn from(secret: &Secret) -> Self {
        match secret {
            Secret::Clear(password) => Self::Clear(password.clone()),
            Secret::Md5(hash) => Self::Md5(hash.clone()),
            Secret::Scram(_) => Self::Nothing,
        }
    }
}

/// Compares without telling by its duration where the first difference is. Lengths are not secret.
pub(crate) fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let different = a
        .iter()
        .zip(b)
        .fold(0, |all, (a, b)| std::hint::black_box(all | (a ^ b)));
    different == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The verifier of password `pencil` in RFC 7677, section 3.
    const PENCIL: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
                          WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

    #[test]
    fn each_form_is_told_from_the_others() {
        assert!(matches!(Secret::parse(PENCIL), Some(Secret::Scram(_))));
        let md5 = "md545f2603610af569b6155c45067268c6b";
        assert!(matches!(Secret::parse(md5), Some(Secret::Md5(_))));
        assert!(matches!(Secret::parse("md5 is old"), Some(Secret::Clear(_))));
        assert!(matches!(Secret::parse("SCRAM-SHA-256$"), Some(Secret::Clear(_))));
        assert_eq!(Secret::parse(""), None);
    }

    #[test]
    fn what_was_cut_off_is_noticed() {
        assert!(Secret::looks_damaged(&PENCIL[..PENCIL.len() - 3]));
        assert!(Secret::looks_damaged("md545f2603610af569b6155c45067268c6G"));
        assert!(!Secret::looks_damaged(PENCIL));
        assert!(!Secret::looks_damaged("md5"));
        assert!(!Secret::looks_damaged("a password"));
    }

    #[test]
    fn nothing_shows_a_secret() {
        for text in ["hunter2hunter2", "md545f2603610af569b6155c45067268c6b", PENCIL] {
            let secret = Secret::parse(text).unwrap();
            let shown = format!("{secret:?} {:?}", Credentials::from(&secret));
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(!shown.contains("45f26036"), "{shown}");
            assert!(!shown.contains("WG5d8oPm"), "{shown}");
        }
    }

    #[test]
    fn bytes_are_the_same_or_not() {
        assert!(same_bytes(b"", b""));
        assert!(same_bytes(b"abc", b"abc"));
        assert!(!same_bytes(b"abc", b"abd"));
        assert!(!same_bytes(b"abc", b"ab"));
    }

    proptest! {
        #[test]
        fn any_text_is_some_secret(text in "\\PC{0,60}|SCRAM-SHA-256\\$[0-9]{0,5}:[A-Za-z+/=$:]{0,80}|md5[0-9a-f]{30,33}") {
            prop_assert_eq!(Secret::parse(&text).is_none(), text.is_empty());
            Secret::looks_damaged(&text);
        }
    }
}
