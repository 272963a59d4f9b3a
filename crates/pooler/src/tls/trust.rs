//! Whose certificates are accepted, and whether a handshake was signed by the key in one.
//!
//! Chains are checked by webpki. Beyond it, for what OpenSSL accepts and installations have: a certificate that stands
//! itself in the file of trusted ones, as self-signed ones do; the CommonName where there is no alternative name; and,
//! where nothing is checked, certificates of any version.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate};

use super::names::{common_name, common_name_is, has_alternative_names};

/// Certificates that vouch for others, and for themselves.
#[derive(Debug, Clone)]
pub(super) struct Trust {
    roots: Arc<RootCertStore>,
    themselves: Arc<[CertificateDer<'static>]>,
    clients: Arc<dyn ClientCertVerifier>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Trust {
    /// Trusts these, and whom they sign.
    pub fn new(
        certificates: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for (i, certificate) in certificates.iter().enumerate() {
            let added = roots.add(certificate.clone());
            added.map_err(|error| format!("certificate {} cannot vouch for others: {error}", i + 1))?;
        }
        let roots = Arc::new(roots);
        let clients = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone());
        Ok(Self {
            clients: clients.build().map_err(|error| error.to_string())?,
            roots,
            themselves: certificates.into(),
            algorithms: provider.signature_verification_algorithms,
        })
    }

    /// Trusts whom the operating system trusts. Certificates of its that cannot be read are left out.
    pub fn of_system(provider: &Arc<CryptoProvider>) -> Result<Self, String> {
        let found = rustls_native_certs::load_native_certs();
        let usable =
            |certificate: &CertificateDer<'static>| RootCertStore::empty().add(certificate.clone()).is_ok();
        let certificates: Vec<_> = found.certs.into_iter().filter(usable).collect();
        if certificates.is_empty() {
            return Err("the system has no certificates to trust".to_owned());
        }
        Self::new(certificates, provider)
    }

    /// Checks a client's certificate.
    pub fn check_client(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Error> {
        let (first, others) = chain.split_first().ok_or(Error::NoCertificatesPresented)?;
        if self.has(first) {
            return in_time(first, now);
        }
        self.clients.verify_client_cert(first, others, now).map(drop)
    }

    fn check_server(
        &self,
        first: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        if self.has(first) {
            return in_time(first, now);
        }
        let parsed = ParsedCertificate::try_from(first)?;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, others, now, self.algorithms.all)
    }

    fn has(&self, certificate: &CertificateDer<'_>) -> bool {
        self.themselves
            .iter()
            .any(|trusted| trusted.as_ref() == certificate.as_ref())
    }
}

fn in_time(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let moment = |time: ASN1Time| {
        UnixTime::since_unix_epoch(Duration::from_secs(time.timestamp().try_into().unwrap_or(0)))
    };
    let (not_before, not_after) = (
        moment(parsed.validity().not_before),
        moment(parsed.validity().not_after),
    );
    if now < not_before {
        Err(CertificateError::NotValidYetContext {
            time: now,
            not_before,
        }
        .into())
    } else if now > not_after {
        Err(CertificateError::ExpiredContext { time: now, not_after }.into())
    } else {
        Ok(())
    }
}

/// What is demanded of a server's certificate.
#[derive(Debug)]
pub(super) enum ServerCheck {
    /// Only that the server has its key.
    Nothing,
    /// That it is vouched for.
    Chain(Trust),
    /// And that it is for the host.
    ChainAndName(Trust),
}

/// Checks servers.
#[derive(Debug)]
pub(super) struct ServerVerifier {
    pub check: ServerCheck,
    pub algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.check {
            ServerCheck::Nothing => {}
            ServerCheck::Chain(trust) => trust.check_server(end_entity, intermediates, now)?,
            ServerCheck::ChainAndName(trust) => {
                trust.check_server(end_entity, intermediates, now)?;
                check_name(end_entity, server_name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        check_signature(&self.algorithms, message, cert, dss, false)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        check_signature(&self.algorithms, message, cert, dss, true)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn check_name(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), Error> {
    if has_alternative_names(certificate) {
        return verify_server_name(&ParsedCertificate::try_from(certificate)?, name);
    }
    let host = name.to_str();
    match common_name(certificate) {
        Some(name) if common_name_is(&name, &host) => Ok(()),
        found => Err(CertificateError::NotValidForNameContext {
            expected: name.to_owned(),
            presented: found.into_iter().collect(),
        }
        .into()),
    }
}

/// Checks clients. Where `required` is false any certificate is let through here: whether it was vouched for is asked
/// once the login wants to know.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    pub trust: Trust,
    pub required: bool,
    pub algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.trust.clients.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.required {
            let chain: Vec<_> = std::iter::once(end_entity)
                .chain(intermediates)
                .cloned()
                .collect();
            self.trust.check_client(&chain, now)?;
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        check_signature(&self.algorithms, message, cert, dss, false)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        check_signature(&self.algorithms, message, cert, dss, true)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// That the handshake was signed with the key in the certificate, whatever else is in there. webpki would refuse to
/// read certificates of version 1, which `openssl x509 -req` made for decades.
fn check_signature(
    algorithms: &WebPkiSupportedAlgorithms,
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    tls13: bool,
) -> Result<HandshakeSignatureValid, Error> {
    let unsupported = || Error::from(rustls::PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme);
    let candidates = algorithms
        .mapping
        .iter()
        .find(|(scheme, _)| *scheme == signed.scheme);
    let (_, candidates) = candidates.ok_or_else(unsupported)?;
    // TLS 1.3 binds a scheme to one curve, and has no PKCS #1 v1.5 (RFC 8446, section 4.2.3)
    let candidates = match (tls13, signed.scheme) {
        (false, _) => candidates,
        (
            true,
            SignatureScheme::RSA_PKCS1_SHA256
            | SignatureScheme::RSA_PKCS1_SHA384
            | SignatureScheme::RSA_PKCS1_SHA512,
        ) => return Err(unsupported()),
        (true, _) => candidates.get(..1).ok_or_else(unsupported)?,
    };
    let bad = |_| Error::from(CertificateError::BadEncoding);
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(bad)?;
    let key = parsed.public_key();
    let kind = algorithm_of(key.raw).ok_or(Error::from(CertificateError::BadEncoding))?;
    let mut fitting = candidates
        .iter()
        .filter(|algorithm| algorithm.public_key_alg_id().as_ref() == kind);
    let algorithm = fitting
        .next()
        .ok_or(Error::from(CertificateError::BadSignature))?;
    match algorithm.verify_signature(&key.subject_public_key.data, message, signed.signature()) {
        Ok(()) => Ok(HandshakeSignatureValid::assertion()),
        Err(_) => Err(CertificateError::BadSignature.into()),
    }
}

/// The contents of the AlgorithmIdentifier in a SubjectPublicKeyInfo: `SEQUENCE { SEQUENCE { algorithm }, key }`.
fn algorithm_of(public_key_info: &[u8]) -> Option<&[u8]> {
    sequence(sequence(public_key_info)?)
}

/// The contents of the DER SEQUENCE at the beginning.
fn sequence(der: &[u8]) -> Option<&[u8]> {
    let [0x30, length, rest @ ..] = der else {
        return None;
    };
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        0x81 => (usize::from(*rest.first()?), &rest[1..]),
        0x82 => (
            usize::from(*rest.first()?) << 8 | usize::from(*rest.get(1)?),
            &rest[2..],
        ),
        _ => return None,
    };
    rest.get(..length)
}
