//! Where requests may go: loopback addresses, and hosts that the user says are theirs.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use url::Url;

use crate::Error;

/// Scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// https.
    pub tls: bool,
    /// Lower case; an IPv6 address stands in brackets.
    pub host: String,
    /// The port, the scheme's own when not given.
    pub port: u16,
}

impl Origin {
    /// Takes an http or https URL apart: its origin, and path with query (at least `/`).
    ///
    /// # Errors
    /// [`Error::Target`] when it is not such a URL.
    pub fn of(url: &str) -> Result<(Self, String), Error> {
        let bad = |why: &str| Error::Target(format!("{url:?} is no http or https URL: {why}"));
        let parsed = Url::parse(url).map_err(|e| bad(&e.to_string()))?;
        let tls = match parsed.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err(bad("write http://host:port or https://host")),
        };
        let host = parsed
            .host_str()
            .filter(|h| !h.is_empty())
            .ok_or_else(|| bad("it names no host"))?;
        let port = parsed
            .port_or_known_default()
            .ok_or_else(|| bad("it has no port"))?;
        let path = match parsed.query() {
            Some(query) => format!("{}?{query}", parsed.path()),
            None => parsed.path().to_owned(),
        };
        Ok((
            Self {
                tls,
                host: host.to_ascii_lowercase(),
                port,
            },
            path,
        ))
    }

    /// What stands in the Host header: the port only when it is not the scheme's own.
    pub fn authority(&self) -> String {
        match (self.tls, self.port) {
            (false, 80) | (true, 443) => self.host.clone(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}",
            if self.tls { "https" } else { "http" },
            self.authority()
        )
    }
}

/// The hosts that may be asked, with their addresses, resolved once before the run.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    known: HashMap<String, IpAddr>,
}

impl Hosts {
    /// Resolves `hosts`. Each must have loopback addresses only, or be named in `owned`.
    ///
    /// # Errors
    /// [`Error::Target`] for the first that has no address or is neither.
    pub fn resolve<'a>(hosts: impl IntoIterator<Item = &'a str>, owned: &'a [String]) -> Result<Self, Error> {
        let mut known = HashMap::new();
        for host in hosts.into_iter().chain(owned.iter().map(String::as_str)) {
            let host = host.to_ascii_lowercase();
            let plain = host.trim_start_matches('[').trim_end_matches(']');
            let addresses: Vec<IpAddr> = (plain, 0u16)
                .to_socket_addrs()
                .map_err(|e| Error::Target(format!("{host}: no address for this host: {e}")))?
                .map(|a| a.ip())
                .collect();
            let Some(first) = addresses.iter().find(|a| a.is_ipv4()).or(addresses.first()) else {
                return Err(Error::Target(format!("{host}: no address for this host")));
            };
            let mine = owned
                .iter()
                .any(|o| o.eq_ignore_ascii_case(&host) || o.eq_ignore_ascii_case(plain));
            if !mine && !addresses.iter().all(IpAddr::is_loopback) {
                return Err(Error::Target(format!(
                    "{host} is not this machine: a rehearsal aims at what you own; if this host is yours, add --i-own {plain}"
                )));
            }
            known.insert(host, *first);
        }
        Ok(Self { known })
    }

    /// Where to connect for this origin; None when its host may not be asked.
    pub fn address(&self, origin: &Origin) -> Option<SocketAddr> {
        self.known
            .get(&origin.host)
            .map(|ip| SocketAddr::new(*ip, origin.port))
            .or_else(|| {
                let plain = origin.host.trim_start_matches('[').trim_end_matches(']');
                let ip: IpAddr = plain.parse().ok()?;
                ip.is_loopback().then_some(SocketAddr::new(ip, origin.port))
            })
    }
}

/// Makes one connection and closes it.
///
/// # Errors
/// [`Error::Target`] when nobody answers: better before the run than as a thousand failures.
pub fn answers(origin: &Origin, hosts: &Hosts) -> Result<(), Error> {
    let address = hosts
        .address(origin)
        .ok_or_else(|| Error::Target(format!("{origin} may not be asked")))?;
    std::net::TcpStream::connect_timeout(&address, Duration::from_secs(5))
        .map(drop)
        .map_err(|e| {
            Error::Target(format!(
                "nobody answers at {origin}: {e}; start the application first, or name another --target"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let (origin, path) = Origin::of("http://127.0.0.1:8080/a/b?c=d#e").unwrap();
        assert_eq!(
            (origin.to_string().as_str(), path.as_str()),
            ("http://127.0.0.1:8080", "/a/b?c=d")
        );
        let (origin, path) = Origin::of("https://Example.ORG").unwrap();
        assert_eq!(
            (origin.authority().as_str(), origin.port, path.as_str()),
            ("example.org", 443, "/")
        );
        for bad in ["127.0.0.1:80", "ftp://localhost/", "http://", "localhost"] {
            assert!(
                Origin::of(bad)
                    .unwrap_err()
                    .to_string()
                    .contains("no http or https URL"),
                "{bad}"
            );
        }
    }

    #[test]
    fn only_loopback_and_what_is_owned_may_be_asked() {
        let hosts = Hosts::resolve(["127.0.0.1", "localhost", "[::1]"], &[]).unwrap();
        let at = |url: &str| hosts.address(&Origin::of(url).unwrap().0);
        assert_eq!(at("http://127.0.0.1:81/"), Some("127.0.0.1:81".parse().unwrap()));
        assert_eq!(at("http://127.0.0.9/"), Some("127.0.0.9:80".parse().unwrap()));
        assert!(at("http://localhost:1/").unwrap().ip().is_loopback());
        assert_eq!(at("http://192.0.2.1/"), None);

        let refused = Hosts::resolve(["192.0.2.1"], &[]).unwrap_err().to_string();
        assert!(refused.contains("--i-own 192.0.2.1"), "{refused}");
        let owned = Hosts::resolve(["192.0.2.1"], &["192.0.2.1".into()]).unwrap();
        assert!(
            owned
                .address(&Origin::of("https://192.0.2.1/").unwrap().0)
                .is_some()
        );
    }
}
