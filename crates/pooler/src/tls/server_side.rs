//! TLS with PostgreSQL servers.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::files::Files;
use super::parameters::Parameters;
use super::trust::{ServerCheck, ServerVerifier, Trust};
use super::{Fingerprint, Settings, Side, SslMode, TlsError, name_of};

/// SSLRequest, <https://www.postgresql.org/docs/15/protocol-message-formats.html>.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Makes TLS connections to servers.
#[derive(Debug, Clone)]
pub struct ServerSide {
    sslmode: SslMode,
    config: Option<Arc<ClientConfig>>,
    fingerprint: Fingerprint,
}

/// A connection to a server that is ready for the start-up packet.
#[derive(Debug)]
pub enum Started<S> {
    /// Without TLS.
    Plain(S),
    /// With it.
    Tls(Box<TlsStream<S>>),
}

impl ServerSide {
    /// Builds it from settings and the files they name.
    ///
    /// `verify-ca` and `verify-full` without `server_tls_ca_file` trust whom the operating system trusts.
    ///
    /// # Errors
    /// When a setting asks for what cannot be had, or a file is missing, unreadable or does not fit.
    pub fn load(settings: &Settings) -> Result<Self, TlsError> {
        let side = Side::Server;
        let files = Files::read(side, settings)?;
        let fingerprint = files.fingerprint();
        if settings.sslmode == SslMode::Disable {
            return Ok(Self {
                sslmode: SslMode::Disable,
                config: None,
                fingerprint,
            });
        }
        let Parameters {
            provider, versions, ..
        } = Parameters::read(side, settings)?;
        let identity = files.identity(&provider)?;
        let trust = files.trust(&provider)?;
        let trust = || match trust {
            Some(trust) => Ok(trust),
            None => Trust::of_system(&provider)
                .map_err(|problem| TlsError::missing(side.setting("ca_file"), problem)),
        };
        let check = match settings.sslmode {
            SslMode::Disable | SslMode::Allow | SslMode::Prefer | SslMode::Require => ServerCheck::Nothing,
            SslMode::VerifyCa => ServerCheck::Chain(trust()?),
            SslMode::VerifyFull => ServerCheck::ChainAndName(trust()?),
        };
        let verifier = ServerVerifier {
            check,
            algorithms: ring::default_provider().signature_verification_algorithms,
        };
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&versions);
        let builder = builder.map_err(|error| {
            TlsError::setting(side.setting("protocols"), &settings.protocols, error.to_string())
        })?;
        let builder = builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity))),
        };
        // PostgreSQL resumes no sessions
        config.resumption = Resumption::disabled();
        Ok(Self {
            sslmode: settings.sslmode,
            config: Some(Arc::new(config)),
            fingerprint,
        })
    }

    /// The mode.
    pub fn sslmode(&self) -> SslMode {
        self.sslmode
    }

    /// Equal for what was built from equal settings and files: connections made with one of them need no replacing.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Asks a server for TLS and, if it has it, runs the handshake. Over a Unix socket there is none: do not call this.
    ///
    /// The answer is one byte, and no more is read before the handshake begins, so that nothing unencrypted gets past
    /// it. `allow` is taken as `prefer`, as in pgbouncer. `host` is what the configuration calls the server.
    ///
    /// # Errors
    /// When the server has no TLS and the mode requires it, or the handshake fails, certificates included.
    pub async fn start<S>(&self, mut io: S, host: &str) -> Result<Started<S>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(config) = &self.config else {
            return Ok(Started::Plain(io));
        };
        let name = self.name(host)?;
        io.write_all(&SSL_REQUEST).await.map_err(TlsError::Io)?;
        io.flush().await.map_err(TlsError::Io)?;
        match io.read_u8().await.map_err(TlsError::Io)? {
            b'S' => {
                let connector = TlsConnector::from(config.clone());
                let connected = Box::pin(connector.connect(name, io)).await;
                Ok(Started::Tls(Box::new(connected.map_err(TlsError::Handshake)?)))
            }
            b'N' if self.sslmode.is_required() => Err(TlsError::Refused(name_of(self.sslmode))),
            // The server has been asked nothing else yet.
            b'N' if says_more(&mut io).await => Err(TlsError::Early),
            b'N' => Ok(Started::Plain(io)),
            byte => Err(TlsError::Answer(byte)),
        }
    }

    /// The name to check and to announce (SNI). Where it is not checked, a host that cannot be one is not announced.
    fn name(&self, host: &str) -> Result<ServerName<'static>, TlsError> {
        match ServerName::try_from(host.to_owned()) {
            Ok(name) => Ok(name),
            Err(_) if self.sslmode == SslMode::VerifyFull => Err(TlsError::HostName(host.to_owned())),
            Err(_) => Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED).into()),
        }
    }
}

/// True when there is a byte to be read already, which is lost.
async fn says_more(io: &mut (impl AsyncRead + Unpin)) -> bool {
    let mut byte = [0];
    std::future::poll_fn(|cx| {
        let mut byte = tokio::io::ReadBuf::new(&mut byte);
        let read = std::pin::Pin::new(&mut *io).poll_read(cx, &mut byte);
        std::task::Poll::Ready(read.is_ready() && !byte.filled().is_empty())
    })
    .await
}
