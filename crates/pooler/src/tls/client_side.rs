//! TLS with clients.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::UnixTime;
use rustls::server::{NoClientAuth, NoServerSessionStorage};
use rustls::sign::SingleCertAndKey;
use rustls::{ServerConfig, ServerConnection};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::files::Files;
use super::names::common_name;
use super::parameters::Parameters;
use super::trust::{ClientVerifier, Trust};
use super::{Fingerprint, Settings, Side, SslMode, TlsError, name_of};

/// The protocol a client names when it begins with TLS at once, without asking first (PostgreSQL 17,
/// `sslnegotiation=direct`).
const ALPN: &[u8] = b"postgresql";

/// Accepts TLS connections of clients.
#[derive(Debug, Clone)]
pub struct ClientSide {
    sslmode: SslMode,
    config: Arc<ServerConfig>,
    trust: Option<Trust>,
    fingerprint: Fingerprint,
}

impl ClientSide {
    /// Builds it from settings and the files they name. `None` for `client_tls_sslmode=disable`.
    ///
    /// Client certificates are asked for when `client_tls_ca_file` is set. With `verify-ca` and `verify-full` a
    /// connection without one that the file vouches for is refused; with the other modes it is let through, and
    /// [`ClientSide::common_name`] gives no name.
    ///
    /// # Errors
    /// When a setting asks for what cannot be had, or a file is missing, unreadable or does not fit.
    pub fn load(settings: &Settings) -> Result<Option<Self>, TlsError> {
        if settings.sslmode == SslMode::Disable {
            return Ok(None);
        }
        let side = Side::Client;
        let needed = |name: &str| {
            let mode = name_of(settings.sslmode);
            TlsError::missing(side.setting(name), format!("client_tls_sslmode={mode} needs it"))
        };
        let files = Files::read(side, settings)?;
        let Parameters {
            provider,
            versions,
            ordered,
        } = Parameters::read(side, settings)?;
        let identity = files.identity(&provider)?.ok_or_else(|| needed("cert_file"))?;
        let trust = files.trust(&provider)?;
        if settings.sslmode.verifies() && trust.is_none() {
            return Err(needed("ca_file"));
        }
        let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&versions);
        let builder = builder.map_err(|error| {
            TlsError::setting(side.setting("protocols"), &settings.protocols, error.to_string())
        })?;
        let builder = match &trust {
            None => builder.with_client_cert_verifier(Arc::new(NoClientAuth)),
            Some(trust) => builder.with_client_cert_verifier(Arc::new(ClientVerifier {
                trust: trust.clone(),
                required: settings.sslmode.verifies(),
                algorithms: ring::default_provider().signature_verification_algorithms,
            })),
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.ignore_client_order = ordered;
        // PostgreSQL does not resume sessions either: a session that outlives a reload would keep the old trust
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Some(Self {
            sslmode: settings.sslmode,
            config: Arc::new(config),
            trust,
            fingerprint: files.fingerprint(),
        }))
    }

    /// The mode. Over TCP, one that [requires](SslMode::is_required) TLS refuses start-up packets without.
    pub fn sslmode(&self) -> SslMode {
        self.sslmode
    }

    /// Equal for what was built from equal settings and files.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// For connections that are not driven by [`ClientSide::accept`].
    pub fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }

    /// Runs the handshake, after an SSLRequest was answered with `S` or on a connection that begins with TLS. Nothing
    /// that was sent unencrypted may have been read before.
    ///
    /// # Errors
    /// When it fails.
    pub async fn accept<S>(&self, io: S) -> Result<Box<TlsStream<S>>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let accepted = Box::pin(TlsAcceptor::from(self.config()).accept(io)).await;
        accepted.map(Box::new).map_err(TlsError::Handshake)
    }

    /// The CommonName of the client's certificate, if it showed one and `client_tls_ca_file` vouches for it.
    pub fn common_name(&self, connection: &ServerConnection) -> Option<String> {
        let chain = connection.peer_certificates()?;
        self.trust.as_ref()?.check_client(chain, UnixTime::now()).ok()?;
        common_name(chain.first()?)
    }

    /// True when the client named the protocol in the handshake. One that begins with TLS at once must: it might
    /// otherwise be another protocol's client that somebody led here (PostgreSQL refuses it too).
    pub fn named_the_protocol(connection: &ServerConnection) -> bool {
        connection.alpn_protocol() == Some(ALPN)
    }
}
