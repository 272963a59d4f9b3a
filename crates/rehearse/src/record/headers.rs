//! Headers between browser and target.

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::cookies;
use super::origin::Origin;
use super::rewrite::Rewriter;

/// Meant for one connection only (RFC 9110 section 7.6.1); hyper writes its own.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Would make the target answer 304 without a body, of which nothing could be recorded; or ask the proxy for a say.
const NOT_SENT: [&str; 3] = ["if-none-match", "if-modified-since", "expect"];

/// Would send the browser past the proxy, now or next time.
const NOT_SHOWN: [&str; 5] = [
    "strict-transport-security",
    "alt-svc",
    "expect-ct",
    "public-key-pins",
    "public-key-pins-report-only",
];

/// Both ways between the target's origin and the proxy's.
#[derive(Debug)]
pub struct Ways {
    /// As the browser names the proxy.
    pub proxy: Origin,
    /// What is recorded.
    pub target: Origin,
    /// For what the browser sends.
    pub to_target: std::sync::Arc<Rewriter>,
    /// For what the target sends.
    pub to_proxy: std::sync::Arc<Rewriter>,
}

impl Ways {
    /// Between these two.
    pub fn new(proxy: Origin, target: Origin) -> Self {
        let to_target = Rewriter::new(&proxy, &target).into();
        let to_proxy = Rewriter::new(&target, &proxy).into();
        Self {
            proxy,
            target,
            to_target,
            to_proxy,
        }
    }

    /// The request's headers as the target gets them: its own Host, Origin and Referer (which Django's CSRF check and
    /// others compare with Host), cookies under their names, bodies asked for uncompressed.
    pub fn request(&self, from: &HeaderMap) -> HeaderMap {
        let mut to = HeaderMap::with_capacity(from.len());
        put(&mut to, header::HOST, &self.target.authority);
        for (name, value) in from {
            if *name == header::HOST || is_hop_by_hop(from, name) || NOT_SENT.contains(&name.as_str()) {
                continue;
            }
            let value = match *name {
                header::ACCEPT_ENCODING => HeaderValue::from_static("identity"),
                header::COOKIE => changed(value, cookies::for_target),
                _ => rewritten(value, &self.to_target),
            };
            to.append(name.clone(), value);
        }
        to
    }

    /// The response's headers as the browser gets them, and the names of cookies that had to be changed.
    pub fn response(&self, from: &HeaderMap) -> (HeaderMap, Vec<String>) {
        let mut to = HeaderMap::with_capacity(from.len());
        let mut renamed = Vec::new();
        for (name, value) in from {
            if is_hop_by_hop(from, name) || NOT_SHOWN.contains(&name.as_str()) {
                continue;
            }
            let value = match *name {
                header::SET_COOKIE => changed(value, |text| {
                    let (text, name) = cookies::for_browser(text);
                    renamed.extend(name);
                    text
                }),
                header::CONTENT_SECURITY_POLICY | header::CONTENT_SECURITY_POLICY_REPORT_ONLY => {
                    changed(value, |text| self.policy(text))
                }
                _ => rewritten(value, &self.to_proxy),
            };
            let gone = value.is_empty() && name.as_str().starts_with("content-security-policy");
            if !gone {
                to.append(name.clone(), value);
            }
        }
        (to, renamed)
    }

    /// A Content-Security-Policy that allows of the proxy what it allowed of the target, and does not ask for https.
    fn policy(&self, text: &str) -> String {
        let (host, _) = self.target.host_and_port();
        let source = |word: &str| {
            let own = word.eq_ignore_ascii_case(&self.target.authority) || word.eq_ignore_ascii_case(host);
            if own {
                self.proxy.authority.clone()
            } else {
                self.to_proxy.text(word)
            }
        };
        let directive = |text: &str| {
            let name = text.split_ascii_whitespace().next()?.to_ascii_lowercase();
            let https = ["upgrade-insecure-requests", "block-all-mixed-content"].contains(&name.as_str());
            (!https).then(|| {
                text.split_ascii_whitespace()
                    .map(source)
                    .collect::<Vec<_>>()
                    .join(" ")
            })
        };
        let policy = |text: &str| {
            text.split(';')
                .filter_map(directive)
                .collect::<Vec<_>>()
                .join("; ")
        };
        let policies = text.split(',').map(policy).filter(|policy| !policy.is_empty());
        policies.collect::<Vec<_>>().join(", ")
    }
}

fn is_hop_by_hop(headers: &HeaderMap, name: &HeaderName) -> bool {
    let listed = || {
        let values = headers.get_all(header::CONNECTION).iter();
        values
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(','))
            .any(|n| n.trim().eq_ignore_ascii_case(name.as_str()))
    };
    HOP_BY_HOP.contains(&name.as_str()) || listed()
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Values that are not UTF-8 stay as they are.
fn changed(value: &HeaderValue, change: impl FnOnce(&str) -> String) -> HeaderValue {
    let new = std::str::from_utf8(value.as_bytes()).ok().map(change);
    new.and_then(|text| HeaderValue::from_bytes(text.as_bytes()).ok())
        .unwrap_or_else(|| value.clone())
}

fn rewritten(value: &HeaderValue, rewriter: &Rewriter) -> HeaderValue {
    let new = rewriter.whole(value.as_bytes());
    new.and_then(|bytes| HeaderValue::from_bytes(&bytes).ok())
        .unwrap_or_else(|| value.clone())
}

/// As a recording keeps them.
pub fn listed(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}

/// A header as text; empty when it is not there.
pub fn text(headers: &HeaderMap, name: HeaderName) -> &str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::super::origin::Target;
    use super::*;

    fn ways(target: &str) -> Ways {
        Ways::new(
            Origin::of_proxy("127.0.0.1:8089"),
            target.parse::<Target>().unwrap().origin,
        )
    }

    fn map(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        headers.iter().map(header).collect()
    }

    fn text_of(headers: &HeaderMap) -> Vec<String> {
        listed(headers)
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect()
    }

    #[test]
    fn the_target_sees_its_own_names() {
        let sent = ways("https://app.example.org").request(&map(&[
            ("host", "127.0.0.1:8089"),
            ("origin", "http://127.0.0.1:8089"),
            ("referer", "http://127.0.0.1:8089/a?b"),
            ("accept-encoding", "gzip, br"),
            ("cookie", "canvass-host-sid=1"),
            ("connection", "keep-alive, X-Private"),
            ("x-private", "1"),
            ("if-none-match", "\"1\""),
            ("if-match", "\"2\""),
        ]));
        assert_eq!(
            text_of(&sent),
            [
                "host: app.example.org",
                "origin: https://app.example.org",
                "referer: https://app.example.org/a?b",
                "accept-encoding: identity",
                "cookie: __Host-sid=1",
                "if-match: \"2\"",
            ]
        );
    }

    #[test]
    fn the_browser_stays_on_the_proxy() {
        let (shown, renamed) = ways("https://app.example.org").response(&map(&[
            (
                "location",
                "https://app.example.org/next?u=https%3A%2F%2Fapp.example.org",
            ),
            ("refresh", "3; url=https://app.example.org/"),
            ("link", "<//app.example.org/a.css>; rel=preload"),
            ("strict-transport-security", "max-age=1"),
            ("alt-svc", "h3=\":443\""),
            ("set-cookie", "__Host-a=1; Secure; Path=/"),
            ("set-cookie", "b=2; Domain=example.org"),
            (
                "content-security-policy",
                "default-src 'self' app.example.org https://app.example.org; upgrade-insecure-requests",
            ),
            ("content-security-policy", "upgrade-insecure-requests"),
            ("x-frame-options", "DENY"),
        ]));
        assert_eq!(
            text_of(&shown),
            [
                "location: http://127.0.0.1:8089/next?u=http%3A%2F%2F127.0.0.1%3A8089",
                "refresh: 3; url=http://127.0.0.1:8089/",
                "link: <//127.0.0.1:8089/a.css>; rel=preload",
                "set-cookie: canvass-host-a=1; Path=/",
                "set-cookie: b=2",
                "content-security-policy: default-src 'self' 127.0.0.1:8089 http://127.0.0.1:8089",
                "x-frame-options: DENY",
            ]
        );
        assert_eq!(renamed, ["__Host-a"]);
    }
}
