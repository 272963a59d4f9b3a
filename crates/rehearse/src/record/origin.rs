//! Scheme and authority: of the target, and of the proxy as the browser names it.

use url::{Host, Url};

use crate::Error;

/// Where requests go, or where the browser believes to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// `http` or `https`.
    pub scheme: &'static str,
    /// As in URLs and in the Host header: without the port when it is the scheme's own; IPv6 in brackets.
    pub authority: String,
}

impl Origin {
    /// The origin of the proxy, from the Host header that the browser sent.
    pub fn of_proxy(host: &str) -> Self {
        Self {
            scheme: "http",
            authority: host.to_ascii_lowercase(),
        }
    }

    /// Host without the port, and the port.
    pub fn host_and_port(&self) -> (&str, u16) {
        let own = if self.scheme == "https" { 443 } else { 80 };
        split_port(&self.authority).map_or((&self.authority, own), |(host, port)| (host, port))
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

fn split_port(authority: &str) -> Option<(&str, u16)> {
    let (host, port) = authority.rsplit_once(':')?;
    Some((host, port.parse().ok()?)).filter(|(host, _)| !host.contains(':') || host.ends_with(']'))
}

/// What is recorded: an origin, and the page where the person begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// All of it is recorded.
    pub origin: Origin,
    /// Path and query; at least `/`.
    pub start: String,
}

impl std::str::FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let example = "such as https://app.example.org/ or http://127.0.0.1:8000";
        let url = Url::parse(text).map_err(|e| match e {
            url::ParseError::RelativeUrlWithoutBase => Error::bad(format!(
                "--target {text}: http:// or https:// is missing in front: give a URL, {example}"
            )),
            other => Error::bad(format!("--target {text}: {other}: give a URL, {example}")),
        })?;
        let scheme = match url.scheme() {
            "http" => "http",
            "https" => "https",
            other => {
                let what =
                    format!("--target {text}: {other}: is neither http: nor https: (give a URL, {example})");
                return Err(Error::bad(what));
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::bad(
                "--target: leave name and password out of the URL; the browser asks for them",
            ));
        }
        let host = url.host_str().unwrap_or("");
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let mut start = url.path().to_owned();
        if let Some(query) = url.query() {
            start = format!("{start}?{query}");
        }
        Ok(Self {
            origin: Origin { scheme, authority },
            start,
        })
    }
}

/// Whether a Host header names this machine. Others are refused, so that no web page can reach the recorder by giving
/// its own name this machine's address.
pub fn is_loopback(host_header: &str) -> bool {
    let host = split_port(host_header).map_or(host_header, |(host, _)| host);
    match Host::parse(host) {
        Ok(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_an_origin_and_a_page_to_begin_with() {
        let target: Target = "HTTPS://App.Example.org:443/course/?id=7#top".parse().unwrap();
        assert_eq!(target.origin.to_string(), "https://app.example.org");
        assert_eq!(target.origin.host_and_port(), ("app.example.org", 443));
        assert_eq!(target.start, "/course/?id=7");
        let local: Target = "http://[::1]:8000".parse().unwrap();
        assert_eq!(local.origin.host_and_port(), ("[::1]", 8000));
        assert_eq!(local.start, "/");
        let digit: Target = "https://1und1.example/".parse().unwrap();
        assert_eq!(digit.origin.to_string(), "https://1und1.example");
    }

    #[test]
    fn what_is_no_target_says_what_one_is() {
        for bad in [
            "app.example.org",
            "ftp://app.example.org/",
            "http://",
            "http://me:secret@app.example.org/",
        ] {
            let error = bad.parse::<Target>().unwrap_err().to_string();
            assert!(error.starts_with("--target"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn only_names_of_this_machine_are_served() {
        for good in [
            "127.0.0.1:8089",
            "127.9.9.9",
            "localhost:1",
            "LOCALHOST",
            "[::1]:80",
            "shop.localhost:80",
        ] {
            assert!(is_loopback(good), "{good}");
        }
        for bad in [
            "evil.example:8089",
            "10.0.0.1:80",
            "localhost.evil.example",
            "[::2]:80",
            "",
        ] {
            assert!(!is_loopback(bad), "{bad}");
        }
    }
}
