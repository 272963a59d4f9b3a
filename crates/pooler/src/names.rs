//! Host names and their addresses, remembered for `dns_max_ttl`, failures for `dns_nxdomain_ttl`.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::server::Endpoint;

/// What is known of host names.
#[derive(Debug, Default)]
pub struct Names {
    known: Mutex<HashMap<String, Known>>,
    ttl: Mutex<(Duration, Duration)>,
}

#[derive(Debug, Clone)]
struct Known {
    addresses: Vec<IpAddr>,
    until: Instant,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Names {
    /// Sets how long addresses and failures are remembered.
    pub fn set_ttl(&self, found: Duration, missing: Duration) {
        *lock(&self.ttl) = (found, missing);
    }

    /// The addresses of a host.
    ///
    /// # Errors
    /// The resolver's; a name that failed fails again at once for a while.
    pub async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<IpAddr>> {
        if let Ok(address) = host.trim_matches(['[', ']']).parse() {
            return Ok(vec![address]);
        }
        let known = lock(&self.known)
            .get(host)
            .filter(|known| known.until > Instant::now())
            .cloned();
        let addresses = match known {
            Some(known) => known.addresses,
            None => self.look_up(host, port).await,
        };
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        Ok(addresses)
    }

    async fn look_up(&self, host: &str, port: u16) -> Vec<IpAddr> {
        let found = tokio::net::lookup_host((host, port)).await;
        let mut addresses: Vec<IpAddr> = found.into_iter().flatten().map(|address| address.ip()).collect();
        addresses.dedup();
        let (ttl, missing) = *lock(&self.ttl);
        let until = Instant::now() + if addresses.is_empty() { missing } else { ttl };
        let known = Known {
            addresses: addresses.clone(),
            until,
        };
        lock(&self.known).insert(host.to_owned(), known);
        addresses
    }

    /// True when `endpoint` is one of `host`'s.
    pub fn is_of(&self, host: &str, endpoint: &Endpoint) -> bool {
        match endpoint {
            Endpoint::Unix(dir, _) => dir == host,
            Endpoint::Tcp(address, _) => {
                host.parse().is_ok_and(|own: IpAddr| own == *address)
                    || lock(&self.known)
                        .get(host)
                        .is_some_and(|known| known.addresses.contains(address))
            }
        }
    }

    /// Everything known, for `SHOW DNS_HOSTS`: name, seconds until it is forgotten, addresses.
    pub fn all(&self) -> Vec<(String, u64, Vec<IpAddr>)> {
        let now = Instant::now();
        let known = lock(&self.known);
        let mut all: Vec<_> = known
            .iter()
            .map(|(name, known)| {
                let left = known.until.saturating_duration_since(now).as_secs();
                (name.clone(), left, known.addresses.clone())
            })
            .collect();
        all.sort();
        all
    }
}
