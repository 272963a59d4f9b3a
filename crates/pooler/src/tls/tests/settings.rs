//! What settings and files may say.

use super::*;

#[test]
fn what_is_wrong_is_named_with_setting_and_file() {
    let authority = Authority::new("db.example.org");
    authority.issue("pooler", "pooler", &["localhost"]);
    authority.issue("other", "other", &[]);
    authority.write("text", "not PEM\n");
    authority.write(
        "broken",
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
    );
    authority.write(
        "locked",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let place = authority.place.path().display().to_string();
    let good = authority.settings(SslMode::Require, Some("pooler"), true);
    let with = |change: &dyn Fn(&mut Settings)| {
        let mut settings = good.clone();
        change(&mut settings);
        let error = ClientSide::load(&settings).err();
        error.map_or_else(
            || "none".to_owned(),
            |error| error.to_string().replace(&place, "P"),
        )
    };
    type Change<'a> = &'a dyn Fn(&mut Settings);
    let cases: [(Change<'_>, &str); 14] = [
        (
            &|s| s.cert_file = None,
            "client_tls_cert_file is not set: it must go with client_tls_key_file",
        ),
        (
            &|s| s.key_file = None,
            "client_tls_key_file is not set: it must go with client_tls_cert_file",
        ),
        (
            &|s| (s.key_file, s.cert_file) = (None, None),
            "client_tls_cert_file is not set: client_tls_sslmode=require needs it",
        ),
        (
            &|s| (s.sslmode, s.ca_file) = (SslMode::VerifyCa, None),
            "client_tls_ca_file is not set: client_tls_sslmode=verify-ca needs it",
        ),
        (
            &|s| s.key_file = Some(authority.path("nowhere")),
            "client_tls_key_file = P/nowhere: No such file or directory (os error 2)",
        ),
        (
            &|s| s.key_file = Some(authority.path("other.key")),
            "client_tls_key_file = P/other.key: the key is not the one of the first certificate in P/pooler.crt",
        ),
        (
            &|s| s.key_file = Some(authority.path("locked")),
            "client_tls_key_file = P/locked: the key is encrypted and nobody is there to type its passphrase",
        ),
        (
            &|s| s.key_file = Some(authority.path("text")),
            "client_tls_key_file = P/text: there is no private key in PEM format in it",
        ),
        (
            &|s| s.cert_file = Some(authority.path("text")),
            "client_tls_cert_file = P/text: there is no certificate in PEM format in it",
        ),
        (
            &|s| s.ca_file = Some(authority.path("broken")),
            "client_tls_ca_file = P/broken: it is not in PEM format: ",
        ),
        (
            &|s| s.ciphers = "HIGH:RC4".into(),
            "client_tls_ciphers = HIGH:RC4: RC4 is not supported",
        ),
        (
            &|s| s.tls13_ciphers = "X".into(),
            "client_tls13_ciphers = X: X is not supported, only TLS_AES_256",
        ),
        (
            &|s| s.protocols = "tlsv1.0".into(),
            "client_tls_protocols = tlsv1.0: no protocol is left",
        ),
        (
            &|s| s.dheparams = "2048".into(),
            "client_tls_dheparams = 2048: only auto, none and legacy are known",
        ),
    ];
    for (change, expected) in cases {
        let error = with(change);
        assert!(error.starts_with(expected), "{error}");
    }
    let settings = Settings {
        ciphers: "RC4".into(),
        sslmode: SslMode::Prefer,
        ..Settings::default()
    };
    let error = ServerSide::load(&settings).unwrap_err().to_string();
    assert!(
        error.starts_with("server_tls_ciphers = RC4: RC4 is not supported"),
        "{error}"
    );
}

#[test]
fn a_fingerprint_changes_with_settings_and_with_the_contents_of_files() {
    let authority = Authority::new("db.example.org");
    authority.issue("pooler", "pooler", &["localhost"]);
    let settings = authority.settings(SslMode::VerifyCa, Some("pooler"), true);
    let server = |settings: &Settings| ServerSide::load(settings).unwrap().fingerprint();
    let client = |settings: &Settings| ClientSide::load(settings).unwrap().unwrap().fingerprint();
    let first = server(&settings);

    // the same files and settings: nothing to do
    assert_eq!(server(&settings), first);
    assert_eq!(client(&settings), client(&settings));
    assert_ne!(
        server(&Settings {
            sslmode: SslMode::Require,
            ..settings.clone()
        }),
        first
    );

    // a new certificate under the old name
    authority.issue("pooler", "pooler", &["localhost"]);
    assert_ne!(server(&settings), first);
    let second = server(&settings);
    let ca = std::fs::read_to_string(authority.path("ca.crt")).unwrap();
    authority.write("ca.crt", &format!("{ca}{ca}"));
    assert_ne!(server(&settings), second);
}
