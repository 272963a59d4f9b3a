//! Absolute links from one origin to another, in any notation that pages use: plain, without scheme, as JSON and
//! JavaScript escape slashes, as URLs and HTML encode them. What has no link comes out byte for byte.

use regex::bytes::{Captures, Regex, RegexBuilder};

use super::origin::Origin;

/// A slash and a colon: plain (after the backslashes of JSON, even in JSON), percent-encoded (even twice), `\u002F`, as
/// an HTML entity.
const SLASH: &str = r"(?:\\{0,4}/|%(?:25){0,3}2F|\\{1,4}u002F|&#x0*2F;|&#0*47;)";
const COLON: &str = r"(?::|%(?:25){0,3}3A|\\{1,4}u003A|&#x0*3A;|&#0*58;)";
/// No notation of a link is longer than this, its host aside, with the bytes that are looked at behind it.
const REACH: usize = 160;

/// Rewrites links to one origin (with http, https, ws, wss or no scheme) into links to another.
#[derive(Debug, Clone)]
pub struct Rewriter {
    links: Regex,
    colon_and_digit: Regex,
    to: Origin,
    reach: usize,
}

impl Rewriter {
    /// From one origin to another.
    pub fn new(from: &Origin, to: &Origin) -> Self {
        let (host, port) = from.host_and_port();
        let explicit = from.authority.len() > host.len();
        let port = match explicit {
            true => format!("{COLON}{port}"),
            // The scheme's own port may be written all the same.
            false => format!("(?:{COLON}(?:80|443))?"),
        };
        let host = regex::escape(host);
        let links = format!(
            "(?:(?<scheme>https?|wss?)?(?<colon>{COLON}))?(?<slashes>{SLASH}{SLASH})(?<authority>{host}{port})"
        );
        Self {
            links: build(&links),
            colon_and_digit: build(&format!("^{COLON}[0-9]")),
            to: to.clone(),
            reach: from.authority.len() + REACH,
        }
    }

    /// A whole text; None when there is nothing to rewrite.
    pub fn whole(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        self.rewrite(text, text.len(), &mut out);
        (out != text).then_some(out)
    }

    /// A header's value.
    pub fn text(&self, text: &str) -> String {
        match self.whole(text.as_bytes()) {
            Some(new) => String::from_utf8_lossy(&new).into_owned(),
            None => text.to_owned(),
        }
    }

    /// Rewrites the links that begin before `cut`; gives how many bytes were consumed, at least `cut`.
    fn rewrite(&self, text: &[u8], cut: usize, out: &mut Vec<u8>) -> usize {
        let (mut kept, mut seen) = (0, cut);
        for found in self.links.captures_iter(text) {
            let Some(whole) = found.get(0) else { continue };
            if whole.start() >= cut {
                break;
            }
            seen = seen.max(whole.end());
            if let Some(link) = self.link(&found, &text[whole.end()..]) {
                out.extend_from_slice(&text[kept..whole.start()]);
                out.extend_from_slice(&link);
                kept = whole.end();
            }
        }
        out.extend_from_slice(&text[kept..seen]);
        seen
    }

    /// The new link, in the notation of the old one; None when it only looks like one to the origin.
    fn link(&self, found: &Captures<'_>, after: &[u8]) -> Option<Vec<u8>> {
        let part = |name: &str| found.name(name).map(|m| m.as_bytes());
        let (scheme, colon, slashes) = (part("scheme"), part("colon"), part("slashes")?);
        let longer = match after {
            [b'-' | b'_' | b'@', ..] => true,
            [b'.', next, ..] => next.is_ascii_alphanumeric(),
            [next, ..] => next.is_ascii_alphanumeric() || self.colon_and_digit.is_match(after),
            [] => false,
        };
        if longer || (colon.is_some() && scheme.is_none()) {
            return None;
        }
        let mut link = Vec::new();
        if let Some(scheme) = scheme {
            let web_socket = scheme[0].eq_ignore_ascii_case(&b'w');
            let new = match (web_socket, self.to.scheme) {
                (true, "https") => "wss",
                (true, _) => "ws",
                (false, scheme) => scheme,
            };
            link.extend_from_slice(new.as_bytes());
        }
        link.extend_from_slice(colon.unwrap_or_default());
        link.extend_from_slice(slashes);
        let encoded_colon = match colon {
            Some(colon) => colon.to_vec(),
            None if slashes[0] == b'%' => {
                let one = &slashes[..slashes.len() / 2];
                [&one[..one.len() - 2], b"3A"].concat()
            }
            None => b":".to_vec(),
        };
        for byte in self.to.authority.bytes() {
            match byte {
                b':' => link.extend_from_slice(&encoded_colon),
                other => link.push(other),
            }
        }
        Some(link)
    }
}

fn build(pattern: &str) -> Regex {
    RegexBuilder::new(pattern)
        .case_insensitive(true)
        .unicode(false)
        .build()
        .expect("the pattern is ours, and the host in it is escaped")
}

/// Rewrites as the bytes come in; holds back what could be the beginning of a link.
#[derive(Debug)]
pub struct Stream {
    rewriter: std::sync::Arc<Rewriter>,
    pending: Vec<u8>,
}

impl Stream {
    /// Nothing has come in yet.
    pub fn new(rewriter: std::sync::Arc<Rewriter>) -> Self {
        Self {
            rewriter,
            pending: Vec::new(),
        }
    }

    /// Takes bytes, gives those that are done.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.pending.extend_from_slice(bytes);
        self.take(self.pending.len().saturating_sub(self.rewriter.reach))
    }

    /// The rest.
    pub fn finish(&mut self) -> Vec<u8> {
        self.take(self.pending.len())
    }

    fn take(&mut self, cut: usize) -> Vec<u8> {
        let mut out = Vec::new();
        if cut > 0 {
            let done = self.rewriter.rewrite(&self.pending, cut, &mut out);
            self.pending.drain(..done);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::origin::Target;
    use super::*;

    fn target(url: &str) -> Origin {
        url.parse::<Target>().unwrap().origin
    }

    fn to_proxy(from: &str, text: &str) -> String {
        Rewriter::new(&target(from), &Origin::of_proxy("127.0.0.1:8089")).text(text)
    }

    fn to_target(target_url: &str, text: &str) -> String {
        Rewriter::new(&Origin::of_proxy("127.0.0.1:8089"), &target(target_url)).text(text)
    }

    #[test]
    fn every_notation_of_a_link_is_found_and_kept() {
        let pairs = [
            ("https://app.example.org/a", "http://127.0.0.1:8089/a"),
            ("HTTP://APP.example.org", "http://127.0.0.1:8089"),
            ("src=\"//app.example.org/a\"", "src=\"//127.0.0.1:8089/a\""),
            ("https://app.example.org:443/", "http://127.0.0.1:8089/"),
            (
                r#""https:\/\/app.example.org\/a""#,
                r#""http:\/\/127.0.0.1:8089\/a""#,
            ),
            (
                r#"\"https:\\\/\\\/app.example.org\""#,
                r#"\"http:\\\/\\\/127.0.0.1:8089\""#,
            ),
            (
                r"https:\u002F\u002Fapp.example.org\u002F",
                r"http:\u002F\u002F127.0.0.1:8089\u002F",
            ),
            (
                "?u=https%3A%2F%2Fapp.example.org%2Fa",
                "?u=http%3A%2F%2F127.0.0.1%3A8089%2Fa",
            ),
            (
                "?u=https%253a%252f%252fapp.example.org",
                "?u=http%253a%252f%252f127.0.0.1%253a8089",
            ),
            ("?u=%2f%2fapp.example.org", "?u=%2f%2f127.0.0.1%3A8089"),
            (
                "https:&#x2F;&#x2F;app.example.org",
                "http:&#x2F;&#x2F;127.0.0.1:8089",
            ),
            ("wss://app.example.org/live", "ws://127.0.0.1:8089/live"),
            ("see https://app.example.org.", "see http://127.0.0.1:8089."),
            (r"a\nhttps://app.example.org\n", r"a\nhttp://127.0.0.1:8089\n"),
        ];
        for (from, to) in pairs {
            assert_eq!(to_proxy("https://app.example.org/", from), to);
        }
    }

    #[test]
    fn what_only_looks_like_a_link_stays() {
        for text in [
            "https://app.example.org.evil.example/",
            "https://app.example.orga",
            "https://app.example.org-b",
            "https://app.example.org@evil.example/",
            "https://www.app.example.org/",
            "https://app.example.org:8443/",
            "https://app.example.org:4430/",
            "https%3A%2F%2Fapp.example.org%3A8443",
            "ftp://app.example.org/",
            "https://appXexample.org/",
            "mail@app.example.org app.example.org",
        ] {
            assert_eq!(to_proxy("https://app.example.org/", text), text);
        }
    }

    #[test]
    fn a_port_belongs_to_the_origin() {
        assert_eq!(
            to_proxy("http://127.0.0.1:8000", "http://127.0.0.1:8000/a"),
            "http://127.0.0.1:8089/a"
        );
        for other in [
            "http://127.0.0.1:80001/",
            "http://127.0.0.1/",
            "http://127.0.0.1:80/",
        ] {
            assert_eq!(to_proxy("http://127.0.0.1:8000", other), other);
        }
    }

    #[test]
    fn and_back_again() {
        assert_eq!(
            to_target(
                "https://app.example.org",
                "next=http%3A%2F%2F127.0.0.1%3A8089%2Fa&r=//127.0.0.1:8089"
            ),
            "next=https%3A%2F%2Fapp.example.org%2Fa&r=//app.example.org"
        );
        assert_eq!(
            to_target("https://[2001:db8::1]:444/", "http://127.0.0.1:8089/"),
            "https://[2001:db8::1]:444/"
        );
    }

    proptest! {
        /// However a text is cut into pieces, it comes out as if it were whole.
        #[test]
        fn pieces_give_what_the_whole_gives(
            words in proptest::collection::vec(prop_oneof![
                Just("https://app.example.org/x"), Just("https:\\/\\/app.example.org"), Just("//app.example.org"),
                Just("http"), Just("s:"), Just("/"), Just("/app.example.org"), Just(".evil"), Just(":8443"), Just("%2F%2Fapp.example.org"),
            ], 0..40),
            filler in 0usize..300,
            sizes in proptest::collection::vec(1usize..400, 1..20),
        ) {
            let text = words.join(&"-".repeat(filler));
            let rewriter = std::sync::Arc::new(Rewriter::new(&target("https://app.example.org"), &Origin::of_proxy("localhost:1")));
            let mut stream = Stream::new(rewriter.clone());
            let (mut out, mut rest) = (Vec::new(), text.as_bytes());
            for size in sizes.iter().cycle() {
                let (piece, after) = rest.split_at((*size).min(rest.len()));
                out.extend(stream.push(piece));
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            out.extend(stream.finish());
            prop_assert_eq!(String::from_utf8(out).unwrap(), rewriter.text(&text));
        }
    }
}
