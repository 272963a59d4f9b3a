//! OpenSSL's cipher lists, as far as they can be kept to with rustls.
//!
//! rustls has six suites for TLS 1.2, all of them with ephemeral keys on curves and authenticated encryption. A list
//! may choose among them and order them by OpenSSL's rules (ciphers(1ssl)). What would take out suites that are not
//! there has no effect; what would put them in is refused by name.

use rustls::crypto::ring::cipher_suite as suites;
use rustls::{CipherSuite, SupportedCipherSuite};

/// TLS 1.2, in OpenSSL's order of strength: OpenSSL's name, key bits, the suite.
static TLS12: [(&str, u16, SupportedCipherSuite); 6] = [
    (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        256,
        suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-RSA-AES256-GCM-SHA384",
        256,
        suites::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        256,
        suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "ECDHE-RSA-CHACHA20-POLY1305",
        256,
        suites::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        128,
        suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "ECDHE-RSA-AES128-GCM-SHA256",
        128,
        suites::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
];

static TLS13: [(&str, SupportedCipherSuite); 3] = [
    ("TLS_AES_256_GCM_SHA384", suites::TLS13_AES_256_GCM_SHA384),
    (
        "TLS_CHACHA20_POLY1305_SHA256",
        suites::TLS13_CHACHA20_POLY1305_SHA256,
    ),
    ("TLS_AES_128_GCM_SHA256", suites::TLS13_AES_128_GCM_SHA256),
];

/// Words for suites that rustls does not have: to leave them out is easy, to put them in impossible.
const ABSENT: [&str; 62] = [
    "3DES",
    "ADH",
    "AECDH",
    "AES128-CCM",
    "AES256-CCM",
    "AESCCM",
    "AESCCM8",
    "ARIA",
    "ARIA128",
    "ARIA256",
    "ARIAGCM",
    "CAMELLIA",
    "CAMELLIA128",
    "CAMELLIA256",
    "CBC",
    "DES",
    "DH",
    "DHE",
    "DSS",
    "ECDH",
    "EDH",
    "EXP",
    "EXPORT",
    "EXPORT40",
    "EXPORT56",
    "GOST",
    "GOST89MAC",
    "GOST94",
    "IDEA",
    "KRB5",
    "LOW",
    "MD5",
    "NULL",
    "PSK",
    "RC2",
    "RC4",
    "RSA",
    "SEED",
    "SHA",
    "SHA1",
    "SHA256",
    "SHA384",
    "SRP",
    "SSLv2",
    "SSLv3",
    "TLSv1",
    "TLSv1.0",
    "aDH",
    "aDSS",
    "aECDH",
    "aGOST",
    "aNULL",
    "aPSK",
    "eNULL",
    "kDH",
    "kDHE",
    "kDHEPSK",
    "kECDH",
    "kEDH",
    "kGOST",
    "kPSK",
    "kRSA",
];

/// True for the shortcuts that mean the library's own choice.
pub(super) fn is_default(text: &str) -> bool {
    matches!(text.trim(), "" | "default" | "secure" | "fast" | "normal" | "all")
}

/// `*_tls13_ciphers`: names separated by colons; empty for all.
pub(super) fn tls13(text: &str) -> Result<Vec<SupportedCipherSuite>, String> {
    let names: Vec<_> = words(text).collect();
    if names.is_empty() {
        return Ok(TLS13.iter().map(|(_, suite)| *suite).collect());
    }
    let one = |name: &str| {
        let found = TLS13.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let known = TLS13.map(|(known, _)| known).join(", ");
        found
            .map(|(_, suite)| *suite)
            .ok_or_else(|| format!("{name} is not supported, only {known} are"))
    };
    names.into_iter().map(one).collect()
}

/// `*_tls_ciphers`.
pub(super) fn tls12(text: &str) -> Result<Vec<SupportedCipherSuite>, String> {
    if is_default(text) {
        return Ok(TLS12.iter().map(|(_, _, suite)| *suite).collect());
    }
    let mut list = List::default();
    for word in words(text) {
        list.apply(word)?;
    }
    if list.chosen.is_empty() {
        return Err(format!("no cipher suite is left: {}", known()));
    }
    Ok(list.chosen.into_iter().map(|i| TLS12[i].2).collect())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([':', ',', ' ', ';']).filter(|word| !word.is_empty())
}

/// Suites by their place in [`TLS12`].
#[derive(Default)]
struct List {
    chosen: Vec<usize>,
    banned: Vec<usize>,
}

impl List {
    fn apply(&mut self, word: &str) -> Result<(), String> {
        match word.split_at_checked(1) {
            Some(("!", name)) => {
                let out = excluded(name)?;
                self.chosen.retain(|suite| !out.contains(suite));
                self.banned.extend(out);
            }
            Some(("-", name)) => {
                let out = excluded(name)?;
                self.chosen.retain(|suite| !out.contains(suite));
            }
            Some(("+", name)) => {
                let moved = excluded(name)?;
                // a stable sort puts those that match behind the others
                self.chosen.sort_by_key(|suite| moved.contains(suite));
            }
            Some(("@", "STRENGTH")) => self
                .chosen
                .sort_by_key(|suite| std::cmp::Reverse(TLS12[*suite].1)),
            // these levels ask for less than rustls does anyway
            Some(("@", "SECLEVEL=0" | "SECLEVEL=1" | "SECLEVEL=2")) => {}
            Some(("@", _)) => return Err(format!("{word} is not supported: leave it out")),
            _ => self.add(word)?,
        }
        Ok(())
    }

    fn add(&mut self, word: &str) -> Result<(), String> {
        if let Some((name, command)) = word.split_once('@') {
            self.add(name)?;
            return self.apply(&format!("@{command}"));
        }
        let new = match matching(word)? {
            Some(suites) => suites,
            None => {
                return Err(format!(
                    "{word} is not supported and cannot be allowed: {}",
                    known()
                ));
            }
        };
        let new = new
            .into_iter()
            .filter(|suite| !self.banned.contains(suite) && !self.chosen.contains(suite));
        self.chosen.append(&mut new.collect());
        Ok(())
    }
}

/// What a word would take out: nothing when it is for suites that are not there.
fn excluded(word: &str) -> Result<Vec<usize>, String> {
    Ok(matching(word)?.unwrap_or_default())
}

/// The suites that a word is for; several words joined by `+` are for what all of them are for. `None` when one of
/// them is for suites that rustls does not have.
fn matching(word: &str) -> Result<Option<Vec<usize>>, String> {
    let mut all: Vec<usize> = (0..TLS12.len()).collect();
    let mut absent = false;
    for part in word.split('+') {
        match group(part) {
            Some(suites) => all.retain(|suite| suites.contains(suite)),
            None if ABSENT.contains(&part) || looks_like_a_suite(part) => absent = true,
            None => {
                return Err(format!(
                    "{part} is not a cipher suite or a group of them that is known here: {}",
                    known()
                ));
            }
        }
    }
    Ok((!absent).then_some(all))
}

fn group(word: &str) -> Option<Vec<usize>> {
    let named = |part: &str| (0..TLS12.len()).filter(|i| TLS12[*i].0.contains(part)).collect();
    Some(match word {
        "ALL" | "DEFAULT" | "HIGH" | "ECDHE" | "EECDH" | "kECDHE" | "kEECDH" | "TLSv1.2" => {
            (0..TLS12.len()).collect()
        }
        "FIPS" | "AES" | "AESGCM" => named("-AES"),
        // suites of medium strength that OpenSSL itself has not been built with for years
        "MEDIUM" | "COMPLEMENTOFDEFAULT" | "COMPLEMENTOFALL" => Vec::new(),
        "AES128" => named("-AES128"),
        "AES256" => named("-AES256"),
        "CHACHA20" => named("-CHACHA20"),
        "aECDSA" | "ECDSA" => named("-ECDSA-"),
        "aRSA" => named("-RSA-"),
        name => {
            let by_name = |(known, _, suite): &(&str, u16, SupportedCipherSuite)| {
                *known == name || iana(suite.suite()).is_some_and(|known| known == name)
            };
            vec![TLS12.iter().position(by_name)?]
        }
    })
}

fn iana(suite: CipherSuite) -> Option<&'static str> {
    suite.as_str()
}

/// `AES128-SHA`, `DHE-RSA-AES256-GCM-SHA384`, `TLS_RSA_WITH_AES_128_CBC_SHA` and the like.
fn looks_like_a_suite(word: &str) -> bool {
    let letters = word
        .bytes()
        .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, b'-' | b'_'));
    letters && (word.contains('-') || word.starts_with("TLS_") || word.starts_with("SSL_"))
}

fn known() -> String {
    format!("there are {}", TLS12.map(|(name, _, _)| name).join(", "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chosen(text: &str) -> Result<Vec<&'static str>, String> {
        let name = |suite: SupportedCipherSuite| {
            let entry = TLS12.iter().find(|(_, _, known)| *known == suite);
            entry.unwrap().0.strip_prefix("ECDHE-").unwrap()
        };
        Ok(tls12(text)?.into_iter().map(name).collect())
    }

    const EVERYTHING: [&str; 6] = [
        "ECDSA-AES256-GCM-SHA384",
        "RSA-AES256-GCM-SHA384",
        "ECDSA-CHACHA20-POLY1305",
        "RSA-CHACHA20-POLY1305",
        "ECDSA-AES128-GCM-SHA256",
        "RSA-AES128-GCM-SHA256",
    ];

    #[test]
    fn common_lists_are_mapped() {
        for text in [
            "default",
            "secure",
            "fast",
            "normal",
            "all",
            "",
            "DEFAULT",
            "HIGH",
            "ALL",
            "HIGH:!aNULL",
        ] {
            assert_eq!(chosen(text).unwrap(), EVERYTHING, "{text}");
        }
        // PostgreSQL's and older pgbouncer's defaults
        assert_eq!(chosen("HIGH:MEDIUM:+3DES:!aNULL").unwrap(), EVERYTHING);
        assert_eq!(
            chosen("HIGH:+3DES:!aNULL:!eNULL:!MD5:!RC4:!DES:!kRSA").unwrap(),
            EVERYTHING
        );
        assert_eq!(chosen("DEFAULT@SECLEVEL=1").unwrap(), EVERYTHING);
        assert_eq!(
            chosen("ECDHE-RSA-AES128-GCM-SHA256").unwrap(),
            ["RSA-AES128-GCM-SHA256"]
        );
        assert_eq!(
            chosen("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256").unwrap(),
            ["RSA-AES128-GCM-SHA256"]
        );
        assert_eq!(
            chosen("EECDH+AESGCM:EECDH+CHACHA20").unwrap(),
            [
                "ECDSA-AES256-GCM-SHA384",
                "RSA-AES256-GCM-SHA384",
                "ECDSA-AES128-GCM-SHA256",
                "RSA-AES128-GCM-SHA256",
                "ECDSA-CHACHA20-POLY1305",
                "RSA-CHACHA20-POLY1305"
            ]
        );
    }

    #[test]
    fn lists_order_take_out_and_ban() {
        assert_eq!(
            chosen("aRSA:!AES128:!CHACHA20").unwrap(),
            ["RSA-AES256-GCM-SHA384"]
        );
        assert_eq!(
            chosen("aRSA:+AES256").unwrap(),
            [
                "RSA-CHACHA20-POLY1305",
                "RSA-AES128-GCM-SHA256",
                "RSA-AES256-GCM-SHA384"
            ]
        );
        // what - took out can come back, what ! banned cannot
        assert_eq!(
            chosen("aRSA+AES:-AES256:AES256+aRSA").unwrap(),
            ["RSA-AES128-GCM-SHA256", "RSA-AES256-GCM-SHA384"]
        );
        assert_eq!(chosen("!AES256:aRSA+AES").unwrap(), ["RSA-AES128-GCM-SHA256"]);
        assert_eq!(
            chosen("AES128+aRSA:AES256+aRSA:@STRENGTH").unwrap(),
            ["RSA-AES256-GCM-SHA384", "RSA-AES128-GCM-SHA256"]
        );
    }

    #[test]
    fn what_cannot_be_had_is_refused_by_name() {
        for (text, name) in [
            ("ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA", "AES128-SHA"),
            ("DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-AES256-GCM-SHA384"),
            ("HIGH:RC4", "RC4"),
            ("kRSA+AES", "kRSA+AES"),
            ("HIGH:@SECLEVEL=5", "@SECLEVEL=5"),
            ("HIGH:!FOO", "FOO"),
            ("legacy", "legacy"),
        ] {
            let error = chosen(text).unwrap_err();
            assert!(error.starts_with(&format!("{name} is not")), "{text}: {error}");
        }
        assert!(
            chosen("HIGH:!ECDHE")
                .unwrap_err()
                .starts_with("no cipher suite is left")
        );
        assert!(
            chosen("!HIGH")
                .unwrap_err()
                .starts_with("no cipher suite is left")
        );
    }

    #[test]
    fn suites_of_tls13_are_named_or_refused() {
        assert_eq!(tls13("").unwrap().len(), 3);
        let two = tls13("TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384").unwrap();
        assert_eq!(
            two,
            [suites::TLS13_AES_128_GCM_SHA256, suites::TLS13_AES_256_GCM_SHA384]
        );
        assert!(
            tls13("TLS_AES_128_CCM_SHA256")
                .unwrap_err()
                .starts_with("TLS_AES_128_CCM_SHA256 is not supported")
        );
    }

    proptest! {
        #[test]
        fn any_text_is_mapped_or_refused(
            text in "\\PC{0,30}|([!+@:-]|HIGH|aRSA|AES128|AESGCM|STRENGTH|kRSA|ECDHE-RSA-AES128-GCM-SHA256){0,8}",
        ) {
            let _ = (tls12(&text), tls13(&text));
        }
    }
}
