//! The four messages of a SCRAM exchange, read and written (RFC 5802, sections 5 and 7), as strictly as PostgreSQL.

use base64::prelude::{BASE64_STANDARD, Engine};

use super::{Key, positive};

/// Random bytes in a nonce, before base64 (PostgreSQL's `SCRAM_RAW_NONCE_LEN`).
const NONCE_BYTES: usize = 18;

/// Why a message cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScramError {
    #[error("malformed SCRAM message: {0}")]
    Malformed(&'static str),
    #[error("the client asks for {0}, which is not supported")]
    Unsupported(&'static str),
    #[error("the SCRAM nonce does not match")]
    Nonce,
    #[error("the client's channel binding does not match what it announced")]
    ChannelBinding,
    #[error("the server reports: {0}")]
    Server(String),
}

use ScramError::{Malformed, Unsupported};

/// A fresh nonce, in base64.
pub(crate) fn nonce() -> std::io::Result<String> {
    let mut bytes = [0; NONCE_BYTES];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(BASE64_STANDARD.encode(bytes))
}

/// `client-first-message`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClientFirst<'a> {
    /// `n,,` or `y,,`: without channel binding.
    pub gs2_header: &'static str,
    /// `client-first-message-bare`.
    pub bare: &'a str,
    pub nonce: &'a str,
}

impl<'a> ClientFirst<'a> {
    /// Reads it. The user name in it is ignored, as in PostgreSQL: the start-up packet has named the user.
    pub fn read(data: &'a [u8]) -> Result<Self, ScramError> {
        let text = text(data)?;
        let (gs2_header, rest) = match text.as_bytes().first() {
            Some(b'n') => ("n,", &text[1..]),
            Some(b'y') => ("y,", &text[1..]),
            Some(b'p') => return Err(Unsupported("channel binding")),
            _ => return Err(Malformed("no channel-binding flag")),
        };
        let rest = rest
            .strip_prefix(',')
            .ok_or(Malformed("no comma after the flag"))?;
        if rest.starts_with("a=") {
            return Err(Unsupported("an authorization identity"));
        }
        let bare = rest
            .strip_prefix(',')
            .ok_or(Malformed("no comma after the identity"))?;
        if bare.starts_with("m=") {
            return Err(Unsupported("a mandatory extension"));
        }
        let mut attributes = bare.split(',');
        value(attributes.next(), 'n')?;
        let nonce = value(attributes.next(), 'r')?;
        printable(nonce)?;
        attributes.try_for_each(extension)?;
        let gs2_header = if gs2_header == "n," { "n,," } else { "y,," };
        Ok(Self {
            gs2_header,
            bare,
            nonce,
        })
    }
}

/// `client-first-message-bare` as libpq writes it: without a user name, since the start-up packet has it.
pub(crate) fn client_first_bare(nonce: &str) -> String {
    format!("n=,r={nonce}")
}

/// `server-first-message`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ServerFirst<'a> {
    /// The client's nonce and the server's.
    pub nonce: &'a str,
    pub salt: Vec<u8>,
    pub iterations: u32,
}

impl<'a> ServerFirst<'a> {
    /// Reads it; `client_nonce` must be how its nonce starts.
    pub fn read(data: &'a [u8], client_nonce: &str) -> Result<Self, ScramError> {
        let text = text(data)?;
        if text.starts_with("m=") {
            return Err(Unsupported("a mandatory extension"));
        }
        let mut attributes = text.split(',');
        let nonce = value(attributes.next(), 'r')?;
        let salt = value(attributes.next(), 's')?;
        let iterations = value(attributes.next(), 'i')?;
        attributes.try_for_each(extension)?;
        printable(nonce)?;
        match nonce.strip_prefix(client_nonce) {
            Some(added) if !added.is_empty() => {}
            _ => return Err(ScramError::Nonce),
        }
        Ok(Self {
            nonce,
            salt: BASE64_STANDARD
                .decode(salt)
                .map_err(|_| Malformed("the salt is not base64"))?,
            iterations: positive(iterations).ok_or(Malformed("the iterations are not a positive number"))?,
        })
    }

    /// Writes it.
    pub fn write(&self) -> String {
        let salt = BASE64_STANDARD.encode(&self.salt);
        format!("r={},s={salt},i={}", self.nonce, self.iterations)
    }
}

/// `client-final-message`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClientFinal<'a> {
    /// `client-final-message-without-proof`.
    pub without_proof: &'a str,
    pub proof: Key,
}

impl<'a> ClientFinal<'a> {
    /// Reads it; it must repeat the header of the client's first message and the whole nonce.
    pub fn read(data: &'a [u8], gs2_header: &str, nonce: &str) -> Result<Self, ScramError> {
        let text = text(data)?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or(Malformed("no proof"))?;
        let mut attributes = without_proof.split(',');
        let binding = value(attributes.next(), 'c')?;
        let repeated = value(attributes.next(), 'r')?;
        attributes.try_for_each(extension)?;
        if binding != BASE64_STANDARD.encode(gs2_header) {
            return Err(ScramError::ChannelBinding);
        }
        if repeated != nonce {
            return Err(ScramError::Nonce);
        }
        let proof = BASE64_STANDARD
            .decode(proof)
            .ok()
            .and_then(|proof| proof.try_into().ok());
        let proof = proof.ok_or(Malformed("the proof is not 32 bytes in base64"))?;
        Ok(Self { without_proof, proof })
    }
}

/// `client-final-message-without-proof`, without channel binding.
pub(crate) fn client_final_without_proof(nonce: &str) -> String {
    format!("c=biws,r={nonce}")
}

/// `client-final-message`.
pub(crate) fn client_final(without_proof: &str, proof: &Key) -> String {
    format!("{without_proof},p={}", BASE64_STANDARD.encode(proof))
}

/// `AuthMessage`: what proof and signature are over.
pub(crate) fn auth_message(client_first_bare: &str, server_first: &str, without_proof: &str) -> Vec<u8> {
    format!("{client_first_bare},{server_first},{without_proof}").into_bytes()
}

/// `server-final-message`.
pub(crate) fn server_final(signature: &Key) -> String {
    format!("v={}", BASE64_STANDARD.encode(signature))
}

/// The signature in a `server-final-message`.
pub(crate) fn read_server_final(data: &[u8]) -> Result<Key, ScramError> {
    let mut attributes = text(data)?.split(',');
    let first = attributes.next();
    if let Some(error) = first.and_then(|first| first.strip_prefix("e=")) {
        return Err(ScramError::Server(error.to_owned()));
    }
    let signature = value(first, 'v')?;
    attributes.try_for_each(extension)?;
    let signature = BASE64_STANDARD
        .decode(signature)
        .ok()
        .and_then(|bytes| bytes.try_into().ok());
    signature.ok_or(Malformed("the signature is not 32 bytes in base64"))
}

fn text(data: &[u8]) -> Result<&str, ScramError> {
    let text = std::str::from_utf8(data).map_err(|_| Malformed("it is not UTF-8"))?;
    if text.contains('\0') {
        Err(Malformed("it contains a zero byte"))
    } else {
        Ok(text)
    }
}

fn value(attribute: Option<&str>, name: char) -> Result<&str, ScramError> {
    let value = attribute.and_then(|attribute| attribute.strip_prefix(name));
    let value = value.and_then(|value| value.strip_prefix('='));
    value.ok_or(Malformed("an attribute is missing or out of place"))
}

/// Optional extensions may follow, and are ignored; they must look like attributes.
fn extension(attribute: &str) -> Result<(), ScramError> {
    match attribute.as_bytes() {
        [name, b'=', ..] if name.is_ascii_alphabetic() => Ok(()),
        _ => Err(Malformed("an extension is not of the form x=value")),
    }
}

/// RFC 5802: a nonce is printable ASCII other than the comma. It is not empty.
fn printable(nonce: &str) -> Result<(), ScramError> {
    let printable = nonce.bytes().all(|c| matches!(c, 0x21..=0x7e) && c != b',');
    if nonce.is_empty() || !printable {
        Err(Malformed("the nonce is empty or not printable"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const PROOF: &str = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

    #[test]
    fn the_messages_of_rfc_7677_are_read() {
        let first = ClientFirst::read(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO").unwrap();
        assert_eq!(first.gs2_header, "n,,");
        assert_eq!(first.bare, "n=user,r=rOprNGfwEbeRWgbNEkqO");
        assert_eq!(first.nonce, "rOprNGfwEbeRWgbNEkqO");

        let text = format!("r={NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        let reply = ServerFirst::read(text.as_bytes(), first.nonce).unwrap();
        assert_eq!(
            (reply.nonce, reply.iterations, reply.salt.len()),
            (NONCE, 4096, 16)
        );
        assert_eq!(reply.write(), text);

        let text = format!("c=biws,r={NONCE},p={PROOF}");
        let last = ClientFinal::read(text.as_bytes(), "n,,", NONCE).unwrap();
        assert_eq!(last.without_proof, client_final_without_proof(NONCE));
        assert_eq!(client_final(last.without_proof, &last.proof), text);

        let signature = read_server_final(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
        assert_eq!(
            server_final(&signature),
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        );
    }

    #[test]
    fn a_client_that_could_bind_the_channel_is_let_in_without() {
        let first = ClientFirst::read(b"y,,n=,r=abc,x=extension").unwrap();
        assert_eq!((first.gs2_header, first.nonce), ("y,,", "abc"));
        let text = format!("c=eSws,r={NONCE},p={PROOF}");
        assert!(ClientFinal::read(text.as_bytes(), "y,,", NONCE).is_ok());
        // but not one that says something else the second time: somebody stands in between
        let changed = ClientFinal::read(text.as_bytes(), "n,,", NONCE);
        assert_eq!(changed, Err(ScramError::ChannelBinding));
    }

    #[test]
    fn a_wrong_first_message_is_refused() {
        for (text, expected) in [
            ("", Malformed("no channel-binding flag")),
            ("x,,n=,r=abc", Malformed("no channel-binding flag")),
            ("p=tls-server-end-point,,n=,r=abc", Unsupported("channel binding")),
            ("n,a=root,n=,r=abc", Unsupported("an authorization identity")),
            ("n,,m=1,n=,r=abc", Unsupported("a mandatory extension")),
            ("n", Malformed("no comma after the flag")),
            ("n,", Malformed("no comma after the identity")),
            ("n,,", Malformed("an attribute is missing or out of place")),
            ("n,,n=user", Malformed("an attribute is missing or out of place")),
            (
                "n,,r=abc,n=user",
                Malformed("an attribute is missing or out of place"),
            ),
            ("n,,n=,r=", Malformed("the nonce is empty or not printable")),
            ("n,,n=,r=a b", Malformed("the nonce is empty or not printable")),
            (
                "n,,n=,r=abc,",
                Malformed("an extension is not of the form x=value"),
            ),
            ("n,,n=,r=abc\0", Malformed("it contains a zero byte")),
        ] {
            assert_eq!(ClientFirst::read(text.as_bytes()), Err(expected), "{text}");
        }
        assert_eq!(
            ClientFirst::read(b"n,,n=\xff,r=a"),
            Err(Malformed("it is not UTF-8"))
        );
    }

    #[test]
    fn a_wrong_final_message_is_refused() {
        for text in [
            String::new(),
            format!("c=biws,r={NONCE}"),
            format!("c=biws,r={NONCE},p="),
            format!("c=biws,r={NONCE},p={PROOF},x=1"),
            format!("c=biws,r={NONCE}x,p={PROOF}"),
            format!("c=biws,r=,p={PROOF}"),
            format!("c=,r={NONCE},p={PROOF}"),
            format!("r={NONCE},c=biws,p={PROOF}"),
            format!("c=biws,r={NONCE},p=AAAA"),
        ] {
            assert!(
                ClientFinal::read(text.as_bytes(), "n,,", NONCE).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_server_cannot_leave_out_its_part_of_the_nonce() {
        for nonce in ["abc", "ab", "xabc1", ""] {
            let text = format!("r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
            assert!(ServerFirst::read(text.as_bytes(), "abc").is_err(), "{nonce}");
        }
        for text in [
            "r=abcd,s=W22Z,i=0",
            "r=abcd,s=W22Z,i=-1",
            "r=abcd,s=W2,i=1",
            "r=abcd,i=1,s=W22Z",
            "m=1,r=abcd",
        ] {
            assert!(ServerFirst::read(text.as_bytes(), "abc").is_err(), "{text}");
        }
    }

    #[test]
    fn a_servers_error_is_handed_on() {
        let refused = read_server_final(b"e=invalid-proof");
        assert_eq!(refused, Err(ScramError::Server("invalid-proof".to_owned())));
        assert!(read_server_final(b"v=AAAA").is_err());
        assert!(read_server_final(b"").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(data in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = ClientFirst::read(&data);
            let _ = ServerFirst::read(&data, "abc");
            let _ = ClientFinal::read(&data, "n,,", "abc");
            let _ = read_server_final(&data);
        }

        #[test]
        fn near_misses_are_read_or_refused(text in "[ny],,n=[a-z,=]{0,5},r=[ -~]{0,9}(,[a-z]=[a-z]{0,3}){0,3}") {
            if let Ok(first) = ClientFirst::read(text.as_bytes()) {
                let attribute = format!("r={}", first.nonce);
                prop_assert!(first.bare.split(',').any(|found| found == attribute));
            }
        }
    }
}
