use std::path::PathBuf;

use canvass_testkit::{Place, block_on};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PublicKeyData, SigningKey,
    date_time_ymd,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

mod settings;

/// A certificate authority and a place for files.
struct Authority {
    place: Place,
    params: CertificateParams,
    key: KeyPair,
}

impl Authority {
    fn new(common_name: &str) -> Self {
        let place = Place::new();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let this = Self { place, params, key };
        this.write("ca.crt", &this.params.self_signed(&this.key).unwrap().pem());
        this
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// Writes `name.crt` and `name.key`, signed by this authority.
    fn issue(&self, name: &str, common_name: &str, alternative_names: &[&str]) {
        self.issue_with(name, common_name, alternative_names, |_| {});
    }

    fn issue_with(
        &self,
        name: &str,
        common_name: &str,
        alternative_names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) {
        let names: Vec<_> = alternative_names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).unwrap();
        self.write(&format!("{name}.crt"), &certificate.pem());
        self.write(&format!("{name}.key"), &key.serialize_pem());
    }

    /// Settings with a certificate, and with this authority if it is to be trusted.
    fn settings(&self, sslmode: SslMode, name: Option<&str>, trusted: bool) -> Settings {
        Settings {
            sslmode,
            cert_file: name.map(|name| self.path(&format!("{name}.crt"))),
            key_file: name.map(|name| self.path(&format!("{name}.key"))),
            ca_file: trusted.then(|| self.path("ca.crt")),
            ..Settings::default()
        }
    }

    fn client_side(&self, sslmode: SslMode, trusted: bool) -> ClientSide {
        ClientSide::load(&self.settings(sslmode, Some("pooler"), trusted))
            .unwrap()
            .unwrap()
    }
}

/// A client that is let in or not; what the pooler knows of it.
fn met(pooler: &ClientSide, client: &ServerSide, host: &str) -> Result<Option<String>, String> {
    block_on(async {
        let (ours, theirs) = duplex(1 << 16);
        let server = async {
            let mut tls = pooler
                .accept(ssl_requested(ours, b"S").await)
                .await
                .map_err(|error| error.to_string())?;
            let name = pooler.common_name(tls.get_ref().1);
            tls.write_all(b"hello").await.map_err(|error| error.to_string())?;
            tls.shutdown().await.map_err(|error| error.to_string())?;
            Ok(name)
        };
        let client = async {
            let Started::Tls(mut tls) = client
                .start(theirs, host)
                .await
                .map_err(|error| error.to_string())?
            else {
                return Err("no TLS".to_owned());
            };
            let mut read = [0; 5];
            // with TLS 1.3 a client learns only now that its certificate was refused
            tls.read_exact(&mut read)
                .await
                .map_err(|error| error.to_string())?;
            Ok(())
        };
        let (server, client) = tokio::join!(server, client);
        client.and(server)
    })
}

/// Takes an SSLRequest and answers it.
async fn ssl_requested(mut io: DuplexStream, answer: &[u8]) -> DuplexStream {
    let mut request = [0; 8];
    io.read_exact(&mut request).await.unwrap();
    assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47]);
    io.write_all(answer).await.unwrap();
    io
}

fn server_side(settings: &Settings) -> ServerSide {
    ServerSide::load(settings).unwrap()
}

#[test]
fn a_server_is_checked_as_far_as_the_mode_says() {
    // given servers with a certificate for db.example.org, from the authority that is trusted and from another one
    let (known, unknown) = (Authority::new("known"), Authority::new("unknown"));
    for authority in [&known, &unknown] {
        authority.issue("pooler", "ignored", &["db.example.org", "127.0.0.1"]);
    }
    let meets = |server: &Authority, mode, host: &str| {
        let server = server.client_side(SslMode::Require, false);
        met(&server, &server_side(&known.settings(mode, None, true)), host)
    };

    // then only the modes that verify care for the authority, and only verify-full for the name
    for mode in [SslMode::Allow, SslMode::Prefer, SslMode::Require] {
        assert!(meets(&known, mode, "elsewhere").is_ok());
        assert!(meets(&unknown, mode, "elsewhere").is_ok());
        assert!(meets(&unknown, mode, "not a name!").is_ok());
    }
    assert!(meets(&known, SslMode::VerifyCa, "elsewhere").is_ok());
    assert!(meets(&known, SslMode::VerifyFull, "db.example.org").is_ok());
    assert!(meets(&known, SslMode::VerifyFull, "127.0.0.1").is_ok());
    for (server, mode, host, word) in [
        (&unknown, SslMode::VerifyCa, "db.example.org", "UnknownIssuer"),
        (&unknown, SslMode::VerifyFull, "db.example.org", "UnknownIssuer"),
        (&known, SslMode::VerifyFull, "elsewhere", "not valid for name"),
        (&known, SslMode::VerifyFull, "127.0.0.2", "not valid for name"),
        // alternative names silence the CommonName
        (&known, SslMode::VerifyFull, "ignored", "not valid for name"),
    ] {
        let error = meets(server, mode, host).unwrap_err();
        assert!(error.contains(word), "{mode:?} {host}: {error}");
    }
}

#[test]
fn a_host_that_no_certificate_could_name_is_refused_before_anything_is_sent() {
    block_on(async {
        let authority = Authority::new("db.example.org");
        let client = server_side(&authority.settings(SslMode::VerifyFull, None, true));
        let (ours, mut theirs) = duplex(64);
        let error = client.start(ours, "not a name!").await.unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("host \"not a name!\" is not a name that a certificate could hold")
        );
        let mut sent = Vec::new();
        theirs.read_to_end(&mut sent).await.unwrap();
        assert_eq!(sent, b"");
    });
}

#[test]
fn the_common_name_counts_where_there_is_no_alternative_name() {
    let authority = Authority::new("db.example.org");
    let meets = |common_name: &str, host: &str| {
        authority.issue("pooler", common_name, &[]);
        let server = authority.client_side(SslMode::Require, false);
        met(
            &server,
            &server_side(&authority.settings(SslMode::VerifyFull, None, true)),
            host,
        )
    };
    assert!(meets("db.example.org", "db.example.org").is_ok());
    assert!(meets("*.example.org", "db.example.org").is_ok());
    assert!(meets("127.0.0.1", "127.0.0.1").is_ok());
    let error = meets("db.example.org", "other.example.org").unwrap_err();
    assert!(
        error.contains("not valid for name") && error.contains("db.example.org"),
        "{error}"
    );
}

#[test]
fn a_certificate_that_is_trusted_itself_needs_nobody_to_vouch_for_it() {
    // given a self-signed certificate, of an authority even, as `openssl req -x509` makes them
    let authority = Authority::new("db.example.org");
    authority.write(
        "pooler.crt",
        &std::fs::read_to_string(authority.path("ca.crt")).unwrap(),
    );
    authority.write("pooler.key", &authority.key.serialize_pem());
    let server = authority.client_side(SslMode::Require, false);

    for (mode, host) in [
        (SslMode::VerifyCa, "elsewhere"),
        (SslMode::VerifyFull, "db.example.org"),
    ] {
        let client = server_side(&authority.settings(mode, None, true));
        assert_eq!(met(&server, &client, host), Ok(None));
    }
    let client = server_side(&authority.settings(SslMode::VerifyFull, None, true));
    assert!(met(&server, &client, "elsewhere").is_err());
}

#[test]
fn certificates_out_of_their_time_are_refused() {
    let authority = Authority::new("db.example.org");
    authority.issue_with("pooler", "db", &["db"], |params| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    });
    let server = authority.client_side(SslMode::Require, false);
    assert!(
        met(
            &server,
            &server_side(&authority.settings(SslMode::Require, None, true)),
            "db"
        )
        .is_ok()
    );
    let error = met(
        &server,
        &server_side(&authority.settings(SslMode::VerifyCa, None, true)),
        "db",
    )
    .unwrap_err();
    assert!(error.contains("expired"), "{error}");

    // also one that is trusted itself
    authority.write(
        "ca.crt",
        &std::fs::read_to_string(authority.path("pooler.crt")).unwrap(),
    );
    let error = met(
        &server,
        &server_side(&authority.settings(SslMode::VerifyCa, None, true)),
        "db",
    )
    .unwrap_err();
    assert!(error.contains("expired"), "{error}");
}

#[test]
fn a_certificate_of_version_1_can_be_used_where_nothing_is_verified() {
    // given what `openssl x509 -req` makes without extensions
    let authority = Authority::new("db.example.org");
    let key = KeyPair::generate().unwrap();
    let der = version_1(&key, "old.example.org");
    use base64::prelude::{BASE64_STANDARD, Engine};
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        BASE64_STANDARD.encode(der)
    );
    authority.write("pooler.crt", &pem);
    authority.write("pooler.key", &key.serialize_pem());

    for protocols in ["tlsv1.2", "tlsv1.3"] {
        let settings = |mode, trusted| Settings {
            protocols: protocols.to_owned(),
            ..authority.settings(mode, None, trusted)
        };
        let server = authority.client_side(SslMode::Require, false);
        assert_eq!(
            met(
                &server,
                &server_side(&settings(SslMode::Require, false)),
                "old.example.org"
            ),
            Ok(None)
        );

        // and where it is trusted itself; but nobody can vouch for it
        assert!(
            met(
                &server,
                &server_side(&settings(SslMode::VerifyFull, true)),
                "old.example.org"
            )
            .is_err()
        );
        let itself = Settings {
            ca_file: Some(authority.path("pooler.crt")),
            ..settings(SslMode::VerifyFull, true)
        };
        assert_eq!(met(&server, &server_side(&itself), "old.example.org"), Ok(None));
    }
}

/// A self-signed X.509 certificate without version, in DER.
fn version_1(key: &KeyPair, common_name: &str) -> Vec<u8> {
    fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let contents = parts.concat();
        let mut out = vec![tag];
        match contents.len() {
            length @ 0..=127 => out.push(u8::try_from(length).unwrap()),
            length @ 128..=255 => out.extend([0x81, u8::try_from(length).unwrap()]),
            length => out.extend([
                0x82,
                u8::try_from(length >> 8).unwrap(),
                u8::try_from(length & 255).unwrap(),
            ]),
        }
        out.extend(contents);
        out
    }
    let ecdsa_with_sha256 = tlv(0x30, &[b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"]);
    let attribute = tlv(
        0x30,
        &[b"\x06\x03\x55\x04\x03", &tlv(0x0c, &[common_name.as_bytes()])],
    );
    let name = tlv(0x30, &[&tlv(0x31, &[&attribute])]);
    let validity = tlv(
        0x30,
        &[&tlv(0x17, &[b"200101000000Z"]), &tlv(0x17, &[b"491231235959Z"])],
    );
    let to_be_signed = tlv(
        0x30,
        &[
            b"\x02\x01\x01",
            &ecdsa_with_sha256,
            &name,
            &validity,
            &name,
            &key.subject_public_key_info(),
        ],
    );
    let signature = tlv(0x03, &[b"\0", &key.sign(&to_be_signed).unwrap()]);
    tlv(0x30, &[&to_be_signed, &ecdsa_with_sha256, &signature])
}

#[test]
fn a_client_is_known_only_by_a_certificate_that_is_vouched_for() {
    let (known, unknown) = (Authority::new("known"), Authority::new("unknown"));
    for authority in [&known, &unknown] {
        authority.issue("pooler", "pooler", &["localhost"]);
        authority.issue("ann", "ann", &[]);
    }
    let client =
        |authority: &Authority, name| server_side(&authority.settings(SslMode::Require, name, false));
    let (ann, impostor, nobody) = (
        client(&known, Some("ann")),
        client(&unknown, Some("ann")),
        client(&known, None),
    );

    // where nothing is verified, all are let in, and only who is vouched for is known
    for mode in [SslMode::Allow, SslMode::Prefer, SslMode::Require] {
        let pooler = known.client_side(mode, true);
        assert_eq!(met(&pooler, &ann, "localhost"), Ok(Some("ann".to_owned())));
        assert_eq!(met(&pooler, &impostor, "localhost"), Ok(None));
        assert_eq!(met(&pooler, &nobody, "localhost"), Ok(None));
        // without an authority nobody is
        assert_eq!(met(&known.client_side(mode, false), &ann, "localhost"), Ok(None));
    }
    // where it is, only who is vouched for is let in
    for mode in [SslMode::VerifyCa, SslMode::VerifyFull] {
        let pooler = known.client_side(mode, true);
        assert_eq!(met(&pooler, &ann, "localhost"), Ok(Some("ann".to_owned())));
        assert!(met(&pooler, &impostor, "localhost").is_err());
        assert!(met(&pooler, &nobody, "localhost").is_err());
    }
}

#[test]
fn protocols_and_suites_are_the_ones_that_were_set() {
    let authority = Authority::new("db.example.org");
    authority.issue("pooler", "pooler", &["localhost"]);
    let agreed = |server: &dyn Fn(&mut Settings), client: &dyn Fn(&mut Settings)| {
        let mut ours = authority.settings(SslMode::Require, Some("pooler"), false);
        let mut theirs = authority.settings(SslMode::Require, None, false);
        server(&mut ours);
        client(&mut theirs);
        let (server, client) = (ClientSide::load(&ours).unwrap().unwrap(), server_side(&theirs));
        block_on(async {
            let (ours, theirs) = duplex(1 << 16);
            let accept = async { server.accept(ssl_requested(ours, b"S").await).await };
            let (accepted, _started) = tokio::join!(accept, client.start(theirs, "localhost"));
            let tls = accepted.ok()?;
            let connection = tls.get_ref().1;
            assert!(!ClientSide::named_the_protocol(connection));
            let suite = connection.negotiated_cipher_suite()?.suite();
            Some(suite.as_str()?.to_owned())
        })
    };
    let suite = agreed(&|s| s.protocols = "tlsv1.2".into(), &|_| {}).unwrap();
    assert!(suite.starts_with("TLS_ECDHE_ECDSA"), "{suite}");
    let one = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    let suite = agreed(
        &|s| {
            s.protocols = "tlsv1.2".into();
            s.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384".into();
        },
        &|_| {},
    );
    assert_eq!(suite.as_deref(), Some(one), "the order that was set counts");
    let suite = agreed(
        &|s| s.tls13_ciphers = "TLS_CHACHA20_POLY1305_SHA256".into(),
        &|_| {},
    );
    assert_eq!(suite.as_deref(), Some("TLS13_CHACHA20_POLY1305_SHA256"));
    assert_eq!(
        agreed(&|s| s.protocols = "tlsv1.2".into(), &|s| s.protocols =
            "tlsv1.3".into()),
        None
    );
}

#[test]
fn a_client_that_begins_with_tls_names_the_protocol() {
    let authority = Authority::new("db.example.org");
    authority.issue("pooler", "pooler", &["localhost"]);
    let pooler = authority.client_side(SslMode::Allow, false);
    let named = |protocols: &[&str]| {
        block_on(async {
            let mut roots = rustls::RootCertStore::empty();
            let ca = std::fs::read(authority.path("ca.crt")).unwrap();
            use rustls::pki_types::pem::PemObject;
            roots
                .add(rustls::pki_types::CertificateDer::from_pem_slice(&ca).unwrap())
                .unwrap();
            let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
            let builder = rustls::ClientConfig::builder_with_provider(provider);
            let builder = builder.with_safe_default_protocol_versions().unwrap();
            let mut config = builder.with_root_certificates(roots).with_no_client_auth();
            config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
            let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
            let (ours, theirs) = duplex(1 << 16);
            let connect = connector.connect("localhost".try_into().unwrap(), theirs);
            let (accepted, _connected) = tokio::join!(pooler.accept(ours), connect);
            accepted
                .ok()
                .map(|tls| ClientSide::named_the_protocol(tls.get_ref().1))
        })
    };
    assert_eq!(named(&["postgresql"]), Some(true));
    assert_eq!(named(&["h2", "postgresql"]), Some(true));
    assert_eq!(named(&[]), Some(false));
    assert_eq!(named(&["h2"]), None, "another protocol's client");
}

#[test]
fn a_server_without_tls_is_left_or_taken_as_the_mode_says() {
    let authority = Authority::new("db.example.org");
    let answered = |mode, answer: &'static [u8]| {
        block_on(async {
            let client = server_side(&authority.settings(mode, None, true));
            let (ours, theirs) = duplex(1 << 16);
            let server = ssl_requested(ours, answer);
            let (_io, started) = tokio::join!(server, client.start(theirs, "localhost"));
            started
                .map(|started| matches!(started, Started::Plain(_)))
                .map_err(|error| error.to_string())
        })
    };
    for mode in [SslMode::Allow, SslMode::Prefer] {
        assert_eq!(answered(mode, b"N"), Ok(true));
    }
    for mode in [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
        let expected = format!("server refused SSL, and server_tls_sslmode is {}", name_of(mode));
        assert_eq!(answered(mode, b"N"), Err(expected));
    }
    let error = answered(SslMode::Prefer, b"E").unwrap_err();
    assert_eq!(
        error,
        "the server answered the request for TLS with byte 0x45 instead of S or N"
    );
}

/// CVE-2021-23222 and its like: what comes unencrypted behind the answer must not be taken for the server's.
#[test]
fn unencrypted_bytes_behind_the_servers_answer_break_the_handshake() {
    let authority = Authority::new("db.example.org");
    block_on(async {
        let client = server_side(&authority.settings(SslMode::Prefer, None, false));
        let (ours, theirs) = duplex(1 << 16);
        let injected = b"SR\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
        let (_io, started) = tokio::join!(ssl_requested(ours, injected), client.start(theirs, "localhost"));
        assert!(matches!(started, Err(TlsError::Handshake(_))), "{started:?}");
    });
}

#[test]
fn without_tls_nothing_is_asked() {
    block_on(async {
        let client = server_side(&Settings::default());
        let (ours, mut theirs) = duplex(64);
        let Ok(Started::Plain(ours)) = client.start(ours, "localhost").await else {
            panic!()
        };
        drop(ours);
        let mut sent = Vec::new();
        theirs.read_to_end(&mut sent).await.unwrap();
        assert_eq!(sent, b"");
    });
    assert!(ClientSide::load(&Settings::default()).unwrap().is_none());
}
