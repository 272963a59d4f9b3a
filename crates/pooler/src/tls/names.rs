//! Names in certificates.

use std::net::IpAddr;

use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// The first CommonName of a certificate's subject.
pub(super) fn common_name(der: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let name = certificate.subject().iter_common_name().next()?;
    let name = name.as_str().ok()?;
    // a name with a zero in it is an old trick to be taken for somebody else
    (!name.is_empty() && !name.contains('\0')).then(|| name.to_owned())
}

/// True when a certificate says by subject alternative names which hosts it is for, so that its CommonName does not
/// count (RFC 6125, section 6.4.4).
pub(super) fn has_alternative_names(der: &[u8]) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return false;
    };
    match certificate.subject_alternative_name() {
        Ok(Some(names)) => {
            let of_hosts =
                |name: &GeneralName<'_>| matches!(name, GeneralName::DNSName(_) | GeneralName::IPAddress(_));
            names.value.general_names.iter().any(of_hosts)
        }
        Ok(None) => false,
        // two of them, or one that cannot be read: the CommonName must not stand in for it
        Err(_) => true,
    }
}

/// True when a CommonName is a host's: the same but for case, or `*.` in the place of its first label. An address must
/// be the same.
pub(super) fn common_name_is(name: &str, host: &str) -> bool {
    if name.eq_ignore_ascii_case(host) {
        return true;
    }
    let (Some(of_all), Some((label, rest))) = (name.strip_prefix("*."), host.split_once('.')) else {
        return false;
    };
    !label.is_empty()
        && host.parse::<IpAddr>().is_err()
        && of_all.contains('.')
        && of_all.eq_ignore_ascii_case(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_name_is_a_host_or_stands_for_its_first_label() {
        for (name, host) in [
            ("db.example.org", "db.example.org"),
            ("DB.example.org", "db.EXAMPLE.org"),
            ("*.example.org", "db.example.org"),
            ("localhost", "localhost"),
            ("127.0.0.1", "127.0.0.1"),
        ] {
            assert!(common_name_is(name, host), "{name} {host}");
        }
        for (name, host) in [
            ("db.example.org", "db2.example.org"),
            ("*.example.org", "a.db.example.org"),
            ("*.example.org", "example.org"),
            ("*.example.org", ".example.org"),
            ("*.org", "example.org"),
            ("d*.example.org", "db.example.org"),
            ("*.0.0.1", "127.0.0.1"),
            ("*", "localhost"),
            ("", "localhost"),
        ] {
            assert!(!common_name_is(name, host), "{name} {host}");
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_names() {
        assert_eq!(common_name(b"x"), None);
        assert!(!has_alternative_names(b"x"));
    }
}
