//! TLS for respondents: a certificate chain and its key from PEM files.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::{Config, Error};

/// The acceptor for `tls_cert` and `tls_key`; `None` when neither is set.
///
/// # Errors
/// [`Error::Tls`] names the file and what is wrong with it.
pub fn acceptor(config: &Config) -> Result<Option<TlsAcceptor>, Error> {
    match (config.tls_cert.as_str(), config.tls_key.as_str()) {
        ("", "") => return Ok(None),
        ("", _) => {
            return Err(Error::Tls(
                "tls_key is set without tls_cert: set both or neither".into(),
            ));
        }
        (_, "") => {
            return Err(Error::Tls(
                "tls_cert is set without tls_key: set both or neither".into(),
            ));
        }
        _ => {}
    }
    let failed = |path: &str, cause: String| Error::Tls(format!("{path}: {cause}"));
    let chain = CertificateDer::pem_file_iter(Path::new(&config.tls_cert))
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| failed(&config.tls_cert, format!("cannot read a PEM certificate: {e}")))?;
    if chain.is_empty() {
        return Err(failed(&config.tls_cert, "no PEM certificate in it".into()));
    }
    let key = PrivateKeyDer::from_pem_file(Path::new(&config.tls_key))
        .map_err(|e| failed(&config.tls_key, format!("cannot read a PEM private key: {e}")))?;
    let mut server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|e| {
            failed(
                &config.tls_cert,
                format!("does not go with {}: {e}", config.tls_key),
            )
        })?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(server))))
}
