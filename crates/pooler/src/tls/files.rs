//! Certificates and keys out of PEM files.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::trust::Trust;
use super::{Fingerprint, Settings, Side, TlsError};

/// The files of one side, read once: what is built from them and their fingerprint belong together.
pub(super) struct Files<'a> {
    side: Side,
    settings: &'a Settings,
    key: Option<Vec<u8>>,
    cert: Option<Vec<u8>>,
    ca: Option<Vec<u8>>,
}

impl<'a> Files<'a> {
    pub fn read(side: Side, settings: &'a Settings) -> Result<Self, TlsError> {
        let read = |name, path: &Option<_>| {
            path.as_deref()
                .map(|path| contents(side.setting(name), path))
                .transpose()
        };
        Ok(Self {
            side,
            settings,
            key: read("key_file", &settings.key_file)?,
            cert: read("cert_file", &settings.cert_file)?,
            ca: read("ca_file", &settings.ca_file)?,
        })
    }

    pub fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        hash.update(format!("{:?}", self.settings));
        for file in [&self.key, &self.cert, &self.ca] {
            let file = file.as_deref().unwrap_or_default();
            hash.update((file.len() as u64).to_be_bytes());
            hash.update(file);
        }
        Fingerprint(hash.finalize().into())
    }

    /// The certificate chain and key that this side shows, or `None` when neither is set.
    pub fn identity(&self, provider: &CryptoProvider) -> Result<Option<Arc<CertifiedKey>>, TlsError> {
        let other = |name: &str, has: &str| {
            TlsError::missing(
                self.side.setting(name),
                format!("it must go with {}", self.side.setting(has)),
            )
        };
        let ((key, key_path), (cert, cert_path)) = match (self.key(), self.cert()) {
            (Some(key), Some(cert)) => (key, cert),
            (None, None) => return Ok(None),
            (None, Some(_)) => return Err(other("key_file", "cert_file")),
            (Some(_), None) => return Err(other("cert_file", "key_file")),
        };
        let cert_setting = || self.side.setting("cert_file");
        let key_setting = || self.side.setting("key_file");
        let chain = certificates(cert_setting(), cert_path, cert)?;
        let key = private_key(key_setting(), key_path, key)?;
        let key = provider.key_provider.load_private_key(key).map_err(|error| {
            let problem = format!(
                "the key cannot be used: {error}; RSA of 2048 bits or more, P-256, P-384 and Ed25519 can"
            );
            TlsError::file(key_setting(), key_path, problem)
        })?;
        let (_, parsed) = X509Certificate::from_der(&chain[0]).map_err(|error| {
            TlsError::file(
                cert_setting(),
                cert_path,
                format!("its first certificate cannot be read: {error}"),
            )
        })?;
        if key
            .public_key()
            .is_some_and(|public| public.as_ref() != parsed.public_key().raw)
        {
            let problem = format!(
                "the key is not the one of the first certificate in {}",
                cert_path.display()
            );
            return Err(TlsError::file(key_setting(), key_path, problem));
        }
        Ok(Some(Arc::new(CertifiedKey::new(chain, key))))
    }

    /// Whom `*_tls_ca_file` vouches for, or `None` when it is not set.
    pub fn trust(&self, provider: &Arc<CryptoProvider>) -> Result<Option<Trust>, TlsError> {
        let Some((ca, path)) = self.ca.as_deref().zip(self.settings.ca_file.as_deref()) else {
            return Ok(None);
        };
        let setting = || self.side.setting("ca_file");
        let certificates = certificates(setting(), path, ca)?;
        let trust = Trust::new(certificates, provider);
        trust
            .map(Some)
            .map_err(|problem| TlsError::file(setting(), path, problem))
    }

    fn key(&self) -> Option<(&[u8], &Path)> {
        self.key.as_deref().zip(self.settings.key_file.as_deref())
    }

    fn cert(&self) -> Option<(&[u8], &Path)> {
        self.cert.as_deref().zip(self.settings.cert_file.as_deref())
    }
}

fn contents(setting: String, path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| TlsError::file(setting, path, error.to_string()))
}

fn certificates(setting: String, path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err(TlsError::file(
            setting,
            path,
            "there is no certificate in PEM format in it",
        )),
        Ok(found) => Ok(found),
        Err(error) => Err(TlsError::file(
            setting,
            path,
            format!("it is not in PEM format: {error}"),
        )),
    }
}

fn private_key(setting: String, path: &Path, pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        let encrypted = [&b"BEGIN ENCRYPTED PRIVATE KEY"[..], b"Proc-Type: 4,ENCRYPTED"];
        let encrypted = encrypted.iter().any(|mark| memchr::memmem::find(pem, mark).is_some());
        let problem = match error {
            _ if encrypted => {
                "the key is encrypted and nobody is there to type its passphrase: decrypt it with openssl pkey".to_owned()
            }
            rustls::pki_types::pem::Error::NoItemsFound => "there is no private key in PEM format in it".to_owned(),
            error => format!("it is not in PEM format: {error}"),
        };
        TlsError::file(setting, path, problem)
    })
}
