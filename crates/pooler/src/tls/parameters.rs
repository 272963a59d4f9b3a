//! Protocol versions, cipher suites and curves out of settings that were made for OpenSSL.

use std::sync::Arc;

use rustls::SupportedProtocolVersion;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::version::{TLS12, TLS13};

use super::{Settings, Side, TlsError, ciphers};

/// What a handshake may agree on.
pub(super) struct Parameters {
    pub provider: Arc<CryptoProvider>,
    pub versions: Vec<&'static SupportedProtocolVersion>,
    /// True when the order of the cipher suites was given, so that it and not the client's counts.
    pub ordered: bool,
}

impl Parameters {
    pub fn read(side: Side, settings: &Settings) -> Result<Self, TlsError> {
        let wrong = |name: &str, value: &str, problem| TlsError::setting(side.setting(name), value, problem);
        let versions = versions(&settings.protocols)
            .map_err(|problem| wrong("protocols", &settings.protocols, problem))?;
        let tls12 = ciphers::tls12(&settings.ciphers)
            .map_err(|problem| wrong("ciphers", &settings.ciphers, problem))?;
        let tls13 = ciphers::tls13(&settings.tls13_ciphers)
            .map_err(|problem| wrong("tls13_ciphers", &settings.tls13_ciphers, problem))?;
        let groups = match side {
            Side::Server => ring::ALL_KX_GROUPS.to_vec(),
            Side::Client => {
                dheparams(&settings.dheparams)
                    .map_err(|problem| wrong("dheparams", &settings.dheparams, problem))?;
                curves(&settings.ecdhcurve)
                    .map_err(|problem| wrong("ecdhcurve", &settings.ecdhcurve, problem))?
            }
        };
        let ordered = !ciphers::is_default(&settings.ciphers) || !settings.tls13_ciphers.trim().is_empty();
        let mut provider = ring::default_provider();
        provider.cipher_suites = tls13.into_iter().chain(tls12).collect();
        provider.kx_groups = groups;
        Ok(Self {
            provider: Arc::new(provider),
            versions,
            ordered,
        })
    }
}

/// `*_tls_protocols`. Versions before 1.2 may be named among others, as in many an old file, and are never spoken.
fn versions(text: &str) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let (mut tls12, mut tls13) = (false, false);
    let words = text
        .split([',', ' ', ':'])
        .map(str::trim)
        .filter(|word| !word.is_empty());
    for word in words {
        let (word, wanted) = word.strip_prefix('!').map_or((word, true), |word| (word, false));
        match word.to_ascii_lowercase().as_str() {
            "secure" | "default" | "all" | "legacy" | "tlsv1" => (tls12, tls13) = (wanted, wanted),
            "tlsv1.2" => tls12 = wanted,
            "tlsv1.3" => tls13 = wanted,
            "tlsv1.0" | "tlsv1.1" => {}
            _ => return Err(format!("{word} is none of tlsv1.2, tlsv1.3, secure and all")),
        }
    }
    match (tls12, tls13) {
        (true, true) => Ok(vec![&TLS13, &TLS12]),
        (true, false) => Ok(vec![&TLS12]),
        (false, true) => Ok(vec![&TLS13]),
        (false, false) => {
            Err("no protocol is left that is supported: use secure, tlsv1.2 or tlsv1.3".to_owned())
        }
    }
}

/// `client_tls_ecdhcurve`.
fn curves(text: &str) -> Result<Vec<&'static dyn SupportedKxGroup>, String> {
    if text.eq_ignore_ascii_case("auto") || text.is_empty() {
        return Ok(ring::ALL_KX_GROUPS.to_vec());
    }
    let curve = |name: &str| match name.to_ascii_lowercase().as_str() {
        "prime256v1" | "secp256r1" | "p-256" => Ok(ring::kx_group::SECP256R1),
        "secp384r1" | "p-384" => Ok(ring::kx_group::SECP384R1),
        "x25519" => Ok(ring::kx_group::X25519),
        "none" => Err("none is not supported: every key exchange here is on a curve; use auto".to_owned()),
        _ => Err(format!(
            "curve {name} is not supported: prime256v1, secp384r1 and X25519 are, and auto for all"
        )),
    };
    text.split([':', ',', ' '])
        .filter(|name| !name.is_empty())
        .map(curve)
        .collect()
}

/// `client_tls_dheparams`. There is no Diffie-Hellman but on curves, so that pgbouncer's three values mean the same here.
fn dheparams(text: &str) -> Result<(), String> {
    match text.to_ascii_lowercase().as_str() {
        "auto" | "none" | "legacy" | "" => Ok(()),
        _ => {
            Err("only auto, none and legacy are known, and every key exchange here is on a curve".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn protocols_are_mapped_or_refused_by_name() {
        assert_eq!(versions("secure").unwrap(), [&TLS13, &TLS12]);
        assert_eq!(versions("all").unwrap(), [&TLS13, &TLS12]);
        assert_eq!(versions("tlsv1.2").unwrap(), [&TLS12]);
        assert_eq!(versions("tlsv1.3,tlsv1.2").unwrap(), [&TLS13, &TLS12]);
        assert_eq!(versions("all,!tlsv1.2").unwrap(), [&TLS13]);
        assert_eq!(versions("all,!tlsv1.0,!tlsv1.1").unwrap(), [&TLS13, &TLS12]);
        assert_eq!(versions("tlsv1.0,tlsv1.1,tlsv1.2").unwrap(), [&TLS12]);
        assert!(
            versions("tlsv1.0,tlsv1.1")
                .unwrap_err()
                .starts_with("no protocol is left")
        );
        assert_eq!(
            versions("sslv3").unwrap_err(),
            "sslv3 is none of tlsv1.2, tlsv1.3, secure and all"
        );
        assert!(versions("").is_err());
        assert!(versions("!all").is_err());
    }

    #[test]
    fn curves_are_mapped_or_refused_by_name() {
        let names =
            |text| curves(text).map(|found| found.iter().map(|group| group.name()).collect::<Vec<_>>());
        use rustls::NamedGroup::{X25519, secp256r1, secp384r1};
        assert_eq!(names("auto").unwrap(), [X25519, secp256r1, secp384r1]);
        assert_eq!(names("prime256v1").unwrap(), [secp256r1]);
        assert_eq!(names("X25519:P-384").unwrap(), [X25519, secp384r1]);
        assert!(
            names("secp521r1")
                .unwrap_err()
                .starts_with("curve secp521r1 is not supported")
        );
        assert!(names("none").unwrap_err().starts_with("none is not supported"));
    }

    #[test]
    fn finite_field_parameters_are_known_and_choose_nothing() {
        for text in ["auto", "none", "legacy", ""] {
            assert_eq!(dheparams(text), Ok(()));
        }
        assert!(
            dheparams("/etc/dh.pem")
                .unwrap_err()
                .starts_with("only auto, none and legacy are known")
        );
    }

    proptest! {
        #[test]
        fn any_text_is_mapped_or_refused(text in "\\PC{0,30}|([!,]|tlsv1[.][0-4]|all|secure){0,5}") {
            let _ = (versions(&text), curves(&text), dheparams(&text));
        }
    }
}
