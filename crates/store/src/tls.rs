//! TLS to the database, as libpq's `sslmode` and `sslrootcert` say it (PostgreSQL's documentation, 34.19).
//!
//! The driver knows `disable`, `prefer` and `require`. What it does not know is taken out of the connection string
//! here: `verify-ca`, `verify-full` and `sslrootcert`.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::Error;

/// What of a server's certificate is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// Nothing: encrypted, but to whoever answers (`prefer`, `require`).
    Anyone,
    /// Somebody trusted signed it (`verify-ca`, and `require` with `sslrootcert`).
    Signed,
    /// And it names the host (`verify-full`).
    Named,
}

/// How a connection string asks for TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsSettings {
    trust: Trust,
    /// PEM file with whom to trust; the system's when there is none.
    root_cert: Option<String>,
}

impl TlsSettings {
    /// Takes what the driver does not know out of a connection string.
    pub(crate) fn split_from(url: &str) -> (String, Self) {
        let mut settings = Self {
            trust: Trust::Anyone,
            root_cert: None,
        };
        let plain = if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            settings.take_from_url(url)
        } else {
            settings.take_from_pairs(url)
        };
        if settings.trust == Trust::Anyone && settings.root_cert.is_some() {
            settings.trust = Trust::Signed;
        }
        (plain, settings)
    }

    fn take_from_url(&mut self, url: &str) -> String {
        let Some((address, query)) = url.split_once('?') else {
            return url.to_owned();
        };
        let kept: Vec<String> = query
            .split('&')
            .filter_map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                match self.take(key, &percent_decoded(value)) {
                    Taken::Keep => Some(pair.to_owned()),
                    Taken::Instead(pair) => Some(pair.to_owned()),
                    Taken::Away => None,
                }
            })
            .collect();
        format!("{address}?{}", kept.join("&"))
    }

    /// `key = value` pairs; a value may stand in single quotes, with backslashes before quotes and backslashes.
    fn take_from_pairs(&mut self, text: &str) -> String {
        let mut kept = Vec::new();
        let mut rest = text.trim_start();
        while let Some((key, after)) = rest.split_once('=') {
            let value_at = after.trim_start();
            let length = value_length(value_at);
            let (raw, next) = value_at.split_at(length);
            match self.take(key.trim(), &unquoted(raw)) {
                Taken::Keep => kept.push(format!("{}={raw}", key.trim())),
                Taken::Instead(pair) => kept.push(pair.to_owned()),
                Taken::Away => {}
            }
            rest = next.trim_start();
        }
        // Whatever is left is no pair: the driver says so.
        kept.push(rest.to_owned());
        kept.join(" ").trim_end().to_owned()
    }

    fn take(&mut self, key: &str, value: &str) -> Taken {
        match (key, value) {
            ("sslmode", "verify-full") => {
                self.trust = Trust::Named;
                Taken::Instead("sslmode=require")
            }
            ("sslmode", "verify-ca") => {
                self.trust = Trust::Signed;
                Taken::Instead("sslmode=require")
            }
            // libpq's `allow` is plain text first: what it would encrypt, `prefer` encrypts too.
            ("sslmode", "allow") => Taken::Instead("sslmode=prefer"),
            ("sslrootcert", file) => {
                self.root_cert = (file != "system" && !file.is_empty()).then(|| file.to_owned());
                if file == "system" {
                    self.trust = Trust::Named;
                }
                Taken::Away
            }
            _ => Taken::Keep,
        }
    }

    /// What makes the connections' TLS.
    ///
    /// # Errors
    /// [`Error::Url`] when the file of `sslrootcert` cannot be read or holds no certificate.
    pub(crate) fn connector(&self) -> Result<MakeRustlsConnect, Error> {
        let provider = Arc::new(ring::default_provider());
        let inner = match self.trust {
            Trust::Anyone => None,
            Trust::Signed | Trust::Named => {
                let builder =
                    WebPkiServerVerifier::builder_with_provider(self.roots()?.into(), provider.clone());
                Some(
                    builder
                        .build()
                        .map_err(|e| Error::Url(format!("sslrootcert: {e}")))?,
                )
            }
        };
        let verifier = Verifier {
            inner,
            names: self.trust == Trust::Named,
            provider: provider.clone(),
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::Url(format!("TLS: {e}")))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(MakeRustlsConnect::new(config))
    }

    fn roots(&self) -> Result<RootCertStore, Error> {
        let mut roots = RootCertStore::empty();
        let Some(file) = &self.root_cert else {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                let help =
                    "this system has no trusted certificates: install ca-certificates or give sslrootcert";
                return Err(Error::Url(help.into()));
            }
            return Ok(roots);
        };
        let failed = |cause: String| Error::Url(format!("sslrootcert {file}: {cause}"));
        let certificates = CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|e| failed(format!("cannot read a PEM certificate: {e}")))?;
        for certificate in certificates {
            roots.add(certificate).map_err(|e| failed(e.to_string()))?;
        }
        if roots.is_empty() {
            return Err(failed("no certificate in it".into()));
        }
        Ok(roots)
    }
}

enum Taken {
    Keep,
    Instead(&'static str),
    Away,
}

/// Bytes of a value at the start of `text`.
fn value_length(text: &str) -> usize {
    let quoted = text.starts_with('\'');
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(usize::from(quoted)) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' if quoted => return at + 1,
            c if !quoted && c.is_whitespace() => return at,
            _ => {}
        }
    }
    text.len()
}

fn unquoted(raw: &str) -> String {
    let inner = raw
        .strip_prefix('\'')
        .and_then(|r| r.strip_suffix('\''))
        .unwrap_or(raw);
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        text.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    text
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.first_chunk::<2>().filter(|_| *first == b'%');
        let byte = hex.and_then(|hex| u8::from_str_radix(str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Looks at as much of a certificate as the connection string asks for.
#[derive(Debug)]
struct Verifier {
    inner: Option<Arc<WebPkiServerVerifier>>,
    names: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use CertificateError::{NotValidForName, NotValidForNameContext};
        let Some(inner) = &self.inner else {
            return Ok(ServerCertVerified::assertion());
        };
        match inner.verify_server_cert(certificate, chain, name, ocsp, now) {
            // The name is looked at last: everything else was good.
            Err(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }))
                if !self.names =>
            {
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(url: &str) -> (String, Trust, Option<String>) {
        let (plain, settings) = TlsSettings::split_from(url);
        (plain, settings.trust, settings.root_cert)
    }

    #[test]
    fn what_the_driver_does_not_know_is_taken_out_of_a_url() {
        let url = "postgres://u:p%40w@db/canvass";
        assert_eq!(split(url), (url.into(), Trust::Anyone, None));
        for mode in ["disable", "prefer", "require"] {
            let url = format!("{url}?sslmode={mode}&connect_timeout=3");
            assert_eq!(split(&url), (url.clone(), Trust::Anyone, None));
        }
        assert_eq!(
            split(&format!(
                "{url}?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem&options=-c%20a%3Db"
            )),
            (
                format!("{url}?sslmode=require&options=-c%20a%3Db"),
                Trust::Named,
                Some("/etc/ca.pem".into())
            )
        );
        assert_eq!(
            split(&format!("{url}?sslmode=verify-ca")),
            (format!("{url}?sslmode=require"), Trust::Signed, None)
        );
        assert_eq!(
            split(&format!("{url}?sslrootcert=ca.pem&sslmode=require")),
            (
                format!("{url}?sslmode=require"),
                Trust::Signed,
                Some("ca.pem".into())
            )
        );
        assert_eq!(
            split(&format!("{url}?sslmode=require&sslrootcert=system")).1,
            Trust::Named
        );
    }

    #[test]
    fn and_out_of_pairs_with_their_quotes() {
        assert_eq!(
            split(r"host=db password='a b\'c=d' sslmode = verify-full  sslrootcert='/my ca.pem' user=u"),
            (
                r"host=db password='a b\'c=d' sslmode=require user=u".into(),
                Trust::Named,
                Some("/my ca.pem".into())
            )
        );
        assert_eq!(split("host=db nonsense").0, "host=db nonsense");
        assert_eq!(split("").0, "");
        assert_eq!(split("password='unfinished").0, "password='unfinished");
    }

    #[test]
    fn a_wrong_root_certificate_is_named() {
        let (_, settings) = TlsSettings::split_from("host=db sslrootcert=/nowhere/ca.pem");
        let error = settings.connector().err().unwrap().to_string();
        assert!(error.contains("sslrootcert /nowhere/ca.pem"), "{error}");
    }
}
