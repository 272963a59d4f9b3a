use std::net::IpAddr;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::auth::Keyring;
use crate::auth::client::TlsPeer;

fn rules(text: &str) -> Result<Rules, String> {
    let maps = ident::Maps::parse(Path::new("ident.conf"), "m a b\n").unwrap();
    Rules::parse(Path::new("hba.conf"), text, Some(&maps)).map_err(|error| error.to_string())
}

struct Client {
    user: &'static str,
    database: &'static str,
    address: Option<&'static str>,
    tls: bool,
    replication: bool,
}

/// `ann` to `shop` from 10.1.2.3 without TLS.
const ANN: Client = Client {
    user: "ann",
    database: "shop",
    address: Some("10.1.2.3"),
    tls: false,
    replication: false,
};

/// The line of the rule that decides about a client.
fn line_for(rules: &Rules, client: &Client) -> Option<usize> {
    let keyring = Keyring::with_secret([0; 32]);
    let address = client.address.map(|text| text.parse::<IpAddr>().unwrap());
    let login = ClientLogin {
        user: client.user,
        database: client.database,
        physical_replication: client.replication,
        method: Method::Hba,
        rules: None,
        maps: None,
        origin: address.map_or(Origin::Unix { user: None }, Origin::Tcp),
        tls: client.tls.then_some(TlsPeer { common_name: None }),
        forced_user: false,
        scram_iterations: 4096,
        keyring: &keyring,
    };
    rules.first_match(&login).map(|rule| rule.line)
}

#[test]
fn the_connection_decides() {
    let rules = rules(
        "local   all all               peer\n\
         hostssl all all 0.0.0.0/0     scram-sha-256\n\
         host    all all 10.1.0.0/16   md5\n\
         hostnossl all all ::1/128     trust\n",
    )
    .unwrap();
    assert_eq!(line_for(&rules, &Client { address: None, ..ANN }), Some(1));
    assert_eq!(line_for(&rules, &Client { tls: true, ..ANN }), Some(2));
    assert_eq!(line_for(&rules, &ANN), Some(3));
    assert_eq!(
        line_for(
            &rules,
            &Client {
                address: Some("10.2.0.1"),
                ..ANN
            }
        ),
        None
    );
    assert_eq!(
        line_for(
            &rules,
            &Client {
                address: Some("::1"),
                ..ANN
            }
        ),
        Some(4)
    );
    assert_eq!(
        line_for(
            &rules,
            &Client {
                address: Some("::1"),
                tls: true,
                ..ANN
            }
        ),
        None
    );
    // IPv4 through a socket for both
    assert_eq!(
        line_for(
            &rules,
            &Client {
                address: Some("::ffff:10.1.9.9"),
                ..ANN
            }
        ),
        Some(3)
    );
}

#[test]
fn database_and_user_decide() {
    let rules = rules(
        "host sameuser all all trust\n\
         host shop,\"all\" bob,\"ann b\" all md5\n\
         host replication all all reject\n\
         host all root all scram-sha-256\n",
    )
    .unwrap();
    assert_eq!(
        line_for(
            &rules,
            &Client {
                database: "ann",
                ..ANN
            }
        ),
        Some(1)
    );
    assert_eq!(line_for(&rules, &Client { user: "bob", ..ANN }), Some(2));
    assert_eq!(line_for(&rules, &Client { user: "ann b", ..ANN }), Some(2));
    assert_eq!(
        line_for(
            &rules,
            &Client {
                user: "bob",
                database: "all",
                ..ANN
            }
        ),
        Some(2)
    );
    assert_eq!(
        line_for(
            &rules,
            &Client {
                user: "bob",
                database: "other",
                ..ANN
            }
        ),
        None
    );
    assert_eq!(line_for(&rules, &ANN), None);
    assert_eq!(line_for(&rules, &Client { user: "root", ..ANN }), Some(4));
    // physical replication is of no database, so neither `all` nor the name of one covers it
    assert_eq!(
        line_for(
            &rules,
            &Client {
                user: "root",
                replication: true,
                ..ANN
            }
        ),
        Some(3)
    );
    assert_eq!(
        line_for(
            &rules,
            &Client {
                database: "replication",
                ..ANN
            }
        ),
        None
    );
}

#[test]
fn addresses_come_with_a_length_or_a_mask() {
    let rules = rules(
        "host all all 10.1.2.0 255.255.255.0 trust\n\
         host all all 10.1.0.0/16 md5\n\
         host all all fe80:: ffff:: reject\n\
         host all all 2001:db8::/33 trust\n\
         host all all 192.168.1.77/24 trust\n\
         host all all 0.0.0.0/0 reject\n",
    )
    .unwrap();
    for (address, line) in [
        ("10.1.2.3", Some(1)),
        ("10.1.3.3", Some(2)),
        ("fe80::1", Some(3)),
        ("2001:db8:7fff::1", Some(4)),
        ("2001:db8:8000::1", None),
        ("192.168.1.1", Some(5)),
        ("11.0.0.1", Some(6)),
    ] {
        assert_eq!(
            line_for(
                &rules,
                &Client {
                    address: Some(address),
                    ..ANN
                }
            ),
            line,
            "{address}"
        );
    }
}

#[test]
fn every_method_is_known_and_maps_go_with_two() {
    let rules = rules(
        "host a all all trust\nhost a all all reject\nhost a all all md5\nhost a all all scram-sha-256\n\
         host a all all password\nhost a all all cert\nlocal a all peer\nhostssl a all all cert map=m\n\
         local a all peer map=\"m\" # comment\n",
    )
    .unwrap();
    use Method::{Cert, Md5, Peer, Plain, Reject, ScramSha256, Trust};
    let methods: Vec<_> = rules
        .iter()
        .map(|rule| (rule.method, rule.map.as_deref()))
        .collect();
    assert_eq!(
        methods,
        [
            (Trust, None),
            (Reject, None),
            (Md5, None),
            (ScramSha256, None),
            (Plain, None),
            (Cert, None),
            (Peer, None),
            (Cert, Some("m")),
            (Peer, Some("m"))
        ]
    );
}

#[test]
fn what_is_not_supported_is_refused_by_name_and_line() {
    for (line, problem) in [
        (
            "host all all all ldap ldapserver=x",
            "method ldap is not supported in rules",
        ),
        ("host all all all pam", "method pam is not supported in rules"),
        ("host all all all gss", "method gss is not supported in rules"),
        ("host all all all any", "method any is not supported in rules"),
        ("host all all all magic", "there is no method magic"),
        ("host all all all", "the method is missing"),
        ("host all all", "the address is missing"),
        ("host all", "the user is missing"),
        ("local", "the database is missing"),
        (
            "hostgssenc all all all md5",
            "hostgssenc is not supported: there is no GSSAPI encryption",
        ),
        (
            "include other.conf x",
            "include is not supported: put the rules into this file",
        ),
        (
            "hosts all all all md5",
            "hosts is not local, host, hostssl or hostnossl",
        ),
        (
            "host samerole all all md5",
            "database samerole is not supported: name the databases",
        ),
        (
            "host all +admins all md5",
            "user +admins is a group, which is not supported: name the users, or use @file",
        ),
        (
            "host all /^a all md5",
            "user /^a is a regular expression, which is not supported: write the names",
        ),
        (
            "host all all samenet md5",
            "address samenet is not supported: write the network",
        ),
        (
            "host all all db.example.org md5",
            "address db.example.org is not an IP address or network",
        ),
        (
            "host all all 10.0.0.0/33 md5",
            "10.0.0.0/33: the length of the prefix is not 0 to 32",
        ),
        (
            "host all all 10.0.0.1 md5",
            "address 10.0.0.1 needs a length, as in 10.0.0.1/32, or a mask after it, not md5",
        ),
        (
            "host all all 10.0.0.1 ffff:: md5",
            "address 10.0.0.1 and mask ffff:: are not of one family",
        ),
        (
            "host all all 10.0.0.1 255.0.255.0 md5",
            "255.0.255.0 is not a mask: its ones are not all in front",
        ),
        (
            "host all all all md5 map=m",
            "map= goes with cert and peer, not with md5",
        ),
        (
            "host all all all cert map=x",
            "there is no map x: auth_ident_file must have a line for it",
        ),
        (
            "host all all all cert clientcert=verify-full",
            "option clientcert=verify-full is not supported, only map= is",
        ),
        ("host all all all md5,trust", "the method is a list"),
        (
            "host all @nowhere all md5",
            "nowhere: No such file or directory (os error 2)",
        ),
    ] {
        let error = rules(&format!("# first\n{line}\n")).unwrap_err();
        assert!(
            error.starts_with(&format!("hba.conf, line 2: {problem}")),
            "{line}: {error}"
        );
    }
    // and all at once
    let error = rules("host all all all ldap\nhost all all all md5\nhost all all all pam\n").unwrap_err();
    assert!(
        error.contains("line 1: ") && error.contains("line 3: "),
        "{error}"
    );
}

#[test]
fn names_can_stand_in_a_file_beside() {
    // given a file of names that names another one, and one that names itself
    let place = canvass_testkit::Place::new();
    let write = |name: &str, text: &str| std::fs::write(place.path().join(name), text).unwrap();
    write("staff", "ann, bob # both\n@more\n");
    write("more", "eve\n\"all\"\n");
    write("circle", "@circle\n");
    write("hba.conf", "host @staff,x @staff all trust\n");

    let rules = Rules::load(&place.path().join("hba.conf"), None).unwrap();
    let to = |user, database| {
        line_for(
            &rules,
            &Client {
                user,
                database,
                ..ANN
            },
        )
    };
    assert_eq!(to("eve", "bob"), Some(1));
    assert_eq!(to("all", "x"), Some(1));
    assert_eq!(to("zoe", "x"), None);

    write("hba.conf", "host all @circle all trust\n");
    let error = Rules::load(&place.path().join("hba.conf"), None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("line 1: @circle is named by itself"), "{error}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Rules::load(Path::new("/nowhere/hba.conf"), None)
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("/nowhere/hba.conf: No such file"), "{error}");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(
        text in "(\\PC|\n){0,80}|((local|host|all|md5|cert|10[.]0[.]0[.]0/8|::/0|map=m|@x|[\",#])[ ,\n]){0,20}",
    ) {
        let _ = rules(&text);
    }

    #[test]
    fn a_network_contains_what_has_its_bits(address: u32, other: u32, length in 0..=32_u32) {
        let [network, other] = [address, other].map(std::net::Ipv4Addr::from);
        let rules = rules(&format!("host all all {network}/{length} trust\n")).unwrap();
        let contained = address.checked_shr(32 - length) == u32::from(other).checked_shr(32 - length);
        let expected = (length == 0 || contained).then_some(1);
        let keyring = Keyring::with_secret([0; 32]);
        let login = ClientLogin {
            user: "ann",
            database: "shop",
            physical_replication: false,
            method: Method::Hba,
            rules: None,
            maps: None,
            origin: Origin::Tcp(other.into()),
            tls: None,
            forced_user: false,
            scram_iterations: 4096,
            keyring: &keyring,
        };
        prop_assert_eq!(rules.first_match(&login).map(|rule| rule.line), expected);
    }
}
