//! Where a request comes from, and what a trusted proxy says of it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;

/// The address of the connection's other end, put into every request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// Addresses of proxies that are believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<(IpAddr, u8)>);

impl TrustedProxies {
    /// From addresses (`10.0.0.5`) and networks (`10.0.0.0/8`).
    ///
    /// # Errors
    /// The entry that is neither.
    pub fn parse(entries: &[String]) -> Result<Self, String> {
        let parse = |entry: &String| {
            let (address, length) = match entry.split_once('/') {
                Some((address, length)) => (address, Some(length)),
                None => (entry.as_str(), None),
            };
            let address: IpAddr = address.trim().parse().map_err(|_| entry.clone())?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            let length = length.map_or(Ok(most), |l| l.parse().map_err(|_| entry.clone()))?;
            if length > most {
                Err(entry.clone())
            } else {
                Ok((address, length))
            }
        };
        entries.iter().map(parse).collect::<Result<_, _>>().map(Self)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0
            .iter()
            .any(|(network, length)| match (network, address.to_canonical()) {
                (IpAddr::V4(n), IpAddr::V4(a)) => same(
                    u128::from(n.to_bits()) << 96,
                    u128::from(a.to_bits()) << 96,
                    *length,
                ),
                (IpAddr::V6(n), IpAddr::V6(a)) => same(n.to_bits(), a.to_bits(), *length),
                _ => false,
            })
    }

    /// The client's address: the connection's other end, or, as long as that is a trusted proxy, what it says in
    /// `X-Forwarded-For`, read from the right.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|v| v.to_str().ok())
            .collect();
        let mut hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
        while self.trusts(client) {
            let Some(hop) = hops.next().and_then(address) else {
                break;
            };
            client = hop.to_canonical();
        }
        client
    }
}

/// A hop as proxies write it: an address, or an address with a port.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    hop.parse()
        .or_else(|_| hop.parse::<SocketAddr>().map(|with_port| with_port.ip()))
        .ok()
}

fn same(a: u128, b: u128, length: u8) -> bool {
    length == 0 || (a ^ b) >> (128 - u32::from(length)) == 0
}

/// What counts as one place: an IPv4 address, an IPv6 network of 64 bits.
pub fn place(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let trusted =
            TrustedProxies::parse(&trusted.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        trusted.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(client(&[], "1.2.3.4", &["9.9.9.9"]), "1.2.3.4");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.1.1", &["9.9.9.9"]), "9.9.9.9");
        assert_eq!(
            client(&["10.0.0.0/8"], "10.1.1.1", &["6.6.6.6, 9.9.9.9"]),
            "9.9.9.9"
        );
        assert_eq!(
            client(&["10.0.0.0/8"], "10.1.1.1", &["6.6.6.6", "9.9.9.9, 10.2.2.2"]),
            "9.9.9.9"
        );
        assert_eq!(client(&["10.0.0.0/8"], "10.1.1.1", &["junk"]), "10.1.1.1");
        assert_eq!(
            client(&["10.0.0.0/8"], "::ffff:10.1.1.1", &["2001:db8::1"]),
            "2001:db8::1"
        );
        assert_eq!(client(&["::1"], "::1", &["9.9.9.9"]), "9.9.9.9");
        assert_eq!(client(&["::1"], "::1", &["9.9.9.9:5012"]), "9.9.9.9");
        assert_eq!(client(&["::1"], "::1", &["[2001:db8::1]:443"]), "2001:db8::1");
    }

    #[test]
    fn wrong_entries_are_named() {
        for wrong in ["10.0.0.0/33", "proxy", "::1/129", "10.0.0.1/x"] {
            assert_eq!(TrustedProxies::parse(&[wrong.to_owned()]).unwrap_err(), wrong);
        }
    }
}
