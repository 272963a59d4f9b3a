//! The web part's settings: `[web]` in canvass.toml.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The web part's settings. An empty text means "not set".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address and port for respondents and API clients.
    pub listen: String,
    /// Address and port for `GET /metrics`; keep it on loopback. Empty: no metrics listener.
    pub metrics_listen: String,
    /// The address that respondents type, such as `https://survey.example.org`, when a proxy ends TLS.
    pub public_url: String,
    /// Addresses of proxies whose `X-Forwarded-For` is believed, such as `10.0.0.5` or `10.0.0.0/8`.
    pub trusted_proxies: Vec<String>,
    /// PEM file with the certificate chain; with `tls_key`, respondents are served over TLS.
    pub tls_cert: String,
    /// PEM file with the private key.
    pub tls_key: String,
    /// Event loops; 0 for one per core. Each has a listener, a write queue and a writer of its own.
    pub workers: usize,
    /// Database connections for reading, per event loop.
    pub readers: usize,
    /// Most connections per process. An idle one costs about 10 KiB, one that waits for its commit about 20 KiB.
    pub max_connections: usize,
    /// Most bytes of a request body; beyond, 413. The longest page of the longest texts fits.
    pub max_body_bytes: usize,
    /// Milliseconds in which a request's headers must arrive, and for which an idle connection is kept.
    pub header_timeout_ms: u64,
    /// Milliseconds in which a request's body must arrive; beyond, 408.
    pub body_timeout_ms: u64,
    /// Minutes without a page turn after which a session ends.
    pub idle_minutes: u32,
    /// Wrong codes from one address that are answered normally before they are delayed and, at twice as many,
    /// refused with 429. Sized for a school behind one address.
    pub wrong_codes_per_address: u32,
    /// Seconds in which an address earns one wrong code back.
    pub wrong_code_refill_seconds: u32,
    /// Wrong codes a second from everywhere together; ten seconds' worth may come at once.
    pub wrong_codes_per_second: u32,
    /// The file system whose free space decides whether writes are accepted: PostgreSQL's data when it is on this
    /// machine. Empty: not watched.
    pub disk_path: String,
    /// Bytes that must be free on `disk_path`; below, writes get 503 before PostgreSQL panics.
    pub min_free_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            metrics_listen: "127.0.0.1:9464".into(),
            public_url: String::new(),
            trusted_proxies: vec![],
            tls_cert: String::new(),
            tls_key: String::new(),
            workers: 0,
            readers: 3,
            max_connections: 15_000,
            max_body_bytes: 256 << 10,
            header_timeout_ms: 30_000,
            body_timeout_ms: 15_000,
            idle_minutes: 20,
            wrong_codes_per_address: 300,
            wrong_code_refill_seconds: 2,
            wrong_codes_per_second: 50,
            disk_path: String::new(),
            min_free_bytes: 2 << 30,
        }
    }
}

impl Config {
    /// Whether respondents reach this server over TLS: cookies are then `__Host-` and `Secure`.
    pub fn secure(&self) -> bool {
        !self.tls_cert.is_empty() || self.public_url.starts_with("https://")
    }

    /// [`Config::header_timeout_ms`] as a duration.
    pub fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }

    /// [`Config::body_timeout_ms`] as a duration.
    pub fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    /// Event loops to run.
    pub fn worker_count(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            n => n,
        }
    }
}
