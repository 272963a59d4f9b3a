//! TLS with clients: those that begin with it without asking first, and those that cannot.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use canvass_testkit::{PATIENCE, Place, eventually};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::support::database::OWNER;
use crate::support::{Database, Message, Pooler, Wire, build};

/// A pooler with a certificate for `localhost`, and the certificate.
fn start() -> (Database, Pooler, CertificateDer<'static>) {
    let database = Database::new();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let place = Place::new();
    let (certificate, key) = (place.path().join("crt"), place.path().join("key"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let settings = [
        ("client_tls_sslmode", "allow"),
        ("client_tls_cert_file", certificate.to_str().unwrap()),
        ("client_tls_key_file", key.to_str().unwrap()),
    ];
    let pooler = Pooler::start(&database, &settings);
    (database, pooler, made.cert.der().clone())
}

#[test]
fn a_client_may_take_its_time_before_it_begins_tls() {
    // Given a client that the pooler has accepted, and that has said nothing yet.
    let (database, pooler, certificate) = start();
    let mut console = pooler.console();
    let socket = TcpStream::connect(pooler.address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    eventually("the client to be accepted", || {
        let lists = console.run("SHOW LISTS").rows();
        lists
            .contains(&vec!["login_clients".to_owned(), "1".to_owned()])
            .then_some(())
    });

    // When it begins TLS at once, as with sslnegotiation=direct.
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut client = StreamOwned::new(connection, socket);
    let startup = build::startup(&[("user", OWNER), ("database", &database.name)]);
    client.write_all(&startup).unwrap();

    // Then it is let in.
    let mut reply = [0; 9];
    client.read_exact(&mut reply).unwrap();
    let (message, _) = Message::first(&reply).unwrap();
    assert_eq!(
        (message.kind, message.body),
        (b'R', vec![0; 4]),
        "AuthenticationOk"
    );
}

#[test]
fn a_handshake_that_fails_is_logged_in_plain_words() {
    let (_database, pooler, _certificate) = start();
    let mut client = Wire::connect(pooler.address);
    client.send(&build::ssl_request()).unwrap();
    assert_eq!(client.read_bytes(1), b"S");

    client.send(b"this is no handshake").unwrap();
    client.finish_sending();
    let log = eventually("the end to be logged", || {
        let log = pooler.log();
        log.contains("closing because: TLS handshake failed")
            .then_some(log)
    });

    assert_eq!(log.matches(" WARNING C-").count(), 1, "{log}");
    let is_twice = |line: &str| line.matches("handshake").count() > 1;
    assert!(!log.lines().any(is_twice), "{log}");
}
