//! A person's cookies, as RFC 6265, section 5, says; where its successor (draft-ietf-httpbis-rfc6265bis, "6265bis")
//! writes down what browsers do instead, as that says: cookies without a name, the name prefixes `__Host-` and
//! `__Secure-`, the limits of size.
//!
//! Ten thousand people hold a jar each, so that it is compact, and it reads no clock: the caller says when now is, in
//! seconds since 1970. A host is given without its port, an IPv6 address in its brackets.
//!
//! Not done, because no request of a rehearsal depends on it: the list of public suffixes (only names of one label,
//! such as `com`, are refused as a Domain; `co.uk` is not), SameSite, HttpOnly, the cap of 400 days on lifetimes, and
//! the time of last access (a full jar drops its oldest cookie).

mod date;

use std::net::IpAddr;
use std::ops::Range;

/// Name and value together, in bytes (6265bis, 5.6): a larger cookie is ignored.
const LARGEST_COOKIE: usize = 4096;
/// Value of one attribute, in bytes (6265bis, 5.6): a larger attribute is ignored.
const LARGEST_ATTRIBUTE: usize = 1024;
/// Cookies in a jar; RFC 6265, 6.1, asks for at least 50 a domain, Chromium keeps 180.
const MOST_COOKIES: usize = 180;

/// The cookies of one person.
#[derive(Debug, Clone, Default)]
pub struct Jar {
    /// In the order in which they are sent: longer paths first, then earlier creation.
    cookies: Vec<Cookie>,
    /// How many cookies were ever created.
    created: u32,
}

#[derive(Debug, Clone)]
struct Cookie {
    /// `name=value` (only the value when there is no name), domain and path, one behind the other.
    text: Box<str>,
    /// Seconds since 1970; `i64::MAX` for a session's cookie.
    expires: i64,
    created: u32,
    name: u16,
    pair: u16,
    domain: u16,
    host_only: bool,
    secure: bool,
}

/// A Set-Cookie header, read (section 5.2) and judged (5.3), before it is stored.
struct New<'a> {
    name: &'a str,
    value: &'a str,
    domain: &'a str,
    path: &'a str,
    expires: i64,
    host_only: bool,
    secure: bool,
}

/// The attributes of a Set-Cookie header, section 5.2: the last of each kind counts.
#[derive(Default)]
struct Attributes<'a> {
    domain: &'a str,
    path: &'a str,
    max_age: Option<i64>,
    expires: Option<i64>,
    secure: bool,
}

impl Jar {
    /// Takes the value of a Set-Cookie header that came with the reply to a request for `path` (a query may follow)
    /// on `host`; `secure` when the request went over TLS. What a browser would ignore is ignored.
    ///
    /// On loopback plain HTTP counts as secure, as in Chromium and Firefox: an application whose session cookie is
    /// Secure can be recorded there, so that it must be replayed alike.
    pub fn set(&mut self, host: &str, path: &str, secure: bool, header: &str, now: i64) {
        let secure = secure || is_loopback(host);
        self.cookies.retain(|cookie| cookie.expires > now);
        let Some(new) = New::read(host, path, secure, header, now) else {
            return;
        };
        if !secure && !new.secure && self.cookies.iter().any(|cookie| cookie.is_guarded_from(&new)) {
            return;
        }
        let known = self.cookies.iter().position(|cookie| cookie.is_same(&new));
        match known {
            Some(at) if new.expires <= now => drop(self.cookies.remove(at)),
            Some(at) => self.cookies[at].replace(&new),
            None if new.expires <= now => {}
            None => self.insert(&new),
        }
    }

    /// Appends to `out` what the Cookie header of a request holds, such as `a=b; c=d` (section 5.4); false when there
    /// is nothing to send.
    pub fn header(&self, host: &str, path: &str, secure: bool, now: i64, out: &mut String) -> bool {
        let mut any = false;
        for cookie in self.sent(host, path, secure, now) {
            if any {
                out.push_str("; ");
            }
            out.push_str(cookie.pair());
            any = true;
        }
        any
    }

    /// The value of the first cookie with this name that a request would send.
    pub fn get(&self, host: &str, path: &str, secure: bool, now: i64, name: &str) -> Option<&str> {
        self.sent(host, path, secure, now)
            .find(|cookie| cookie.name() == name)
            .map(Cookie::value)
    }

    /// Forgets every cookie, as a new session of the browser's private mode does.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// How many cookies there are; those that expired since the last [`Jar::set`] are among them.
    pub fn len(&self) -> usize {
        self.cookies.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.cookies.is_empty()
    }

    /// Section 5.4, step 1; the order of step 2 is kept by [`Jar::insert`].
    fn sent<'a, 'b>(
        &'a self,
        host: &'b str,
        path: &'b str,
        secure: bool,
        now: i64,
    ) -> impl Iterator<Item = &'a Cookie> + use<'a, 'b> {
        let path = without_query(path);
        let secure = secure || (!self.cookies.is_empty() && is_loopback(host));
        self.cookies.iter().filter(move |cookie| {
            cookie.expires > now
                && (secure || !cookie.secure)
                && cookie.is_for_host(host)
                && path_matches(path, cookie.path())
        })
    }

    fn insert(&mut self, new: &New<'_>) {
        let place = self.cookies.partition_point(|c| c.path().len() >= new.path.len());
        self.cookies.insert(place, Cookie::of(new, self.created));
        self.created = self.created.wrapping_add(1);
        if self.cookies.len() > MOST_COOKIES {
            let oldest = (0..self.cookies.len()).min_by_key(|&at| self.cookies[at].created);
            oldest.map(|at| self.cookies.remove(at));
        }
    }
}

impl Cookie {
    fn of(new: &New<'_>, created: u32) -> Self {
        let equals = if new.name.is_empty() { "" } else { "=" };
        let mut text = [new.name, equals, new.value, new.domain, new.path].concat();
        let pair = new.name.len() + equals.len() + new.value.len();
        text[pair..pair + new.domain.len()].make_ascii_lowercase();
        Self {
            text: text.into_boxed_str(),
            expires: new.expires,
            created,
            name: short(new.name),
            pair: u16::try_from(pair).unwrap_or(u16::MAX),
            domain: short(new.domain),
            host_only: new.host_only,
            secure: new.secure,
        }
    }

    /// Section 5.3, step 11: the newer one takes the older one's place and its creation time.
    fn replace(&mut self, new: &New<'_>) {
        if self.value() == new.value {
            (self.expires, self.secure) = (new.expires, new.secure);
        } else {
            *self = Self::of(new, self.created);
        }
    }

    fn part(&self, range: Range<usize>) -> &str {
        &self.text[range]
    }

    fn name(&self) -> &str {
        self.part(0..self.name.into())
    }

    fn pair(&self) -> &str {
        self.part(0..self.pair.into())
    }

    fn value(&self) -> &str {
        let start = usize::from(self.name) + usize::from(self.name > 0);
        self.part(start..self.pair.into())
    }

    fn domain(&self) -> &str {
        self.part(self.pair.into()..usize::from(self.pair) + usize::from(self.domain))
    }

    fn path(&self) -> &str {
        self.part(usize::from(self.pair) + usize::from(self.domain)..self.text.len())
    }

    /// 6265bis, 5.7: cookies differ by name, domain, host-only flag and path.
    fn is_same(&self, new: &New<'_>) -> bool {
        self.host_only == new.host_only
            && self.name() == new.name
            && self.path() == new.path
            && self.domain().eq_ignore_ascii_case(new.domain)
    }

    /// 6265bis, 5.7, "leave secure cookies alone": what came without TLS does not cover what came with it.
    fn is_guarded_from(&self, new: &New<'_>) -> bool {
        self.secure
            && self.name() == new.name
            && (domain_matches(self.domain(), new.domain) || domain_matches(new.domain, self.domain()))
            && path_matches(new.path, self.path())
    }

    fn is_for_host(&self, host: &str) -> bool {
        if self.host_only {
            self.domain().eq_ignore_ascii_case(host)
        } else {
            domain_matches(host, self.domain())
        }
    }
}

impl<'a> New<'a> {
    /// Sections 5.2 and 5.3, steps 1 to 10; None when the whole cookie is ignored.
    fn read(host: &'a str, path: &'a str, secure: bool, header: &'a str, now: i64) -> Option<Self> {
        if header.bytes().any(|b| b.is_ascii_control() && b != b'\t') {
            return None;
        }
        let (pair, rest) = header.split_once(';').unwrap_or((header, ""));
        // Without an equals sign it is all value (6265bis, 5.6; RFC 6265 would ignore it, browsers do not).
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        let (name, value) = (trim(name), trim(value));
        if name.len() + value.len() > LARGEST_COOKIE || (name.is_empty() && value.is_empty()) {
            return None;
        }
        let attributes = Attributes::read(rest, now);
        let (domain, host_only) = attributes.domain_for(host)?;
        let new = Self {
            name,
            value,
            domain,
            path: attributes.path_for(path),
            expires: attributes.max_age.or(attributes.expires).unwrap_or(i64::MAX),
            host_only,
            secure: attributes.secure,
        };
        let allowed = (secure || !new.secure) && new.prefix_is_kept();
        // Lengths are kept in 16 bits.
        let fits = new.domain.len() <= usize::from(u16::MAX);
        (allowed && fits).then_some(new)
    }

    /// The promises in names, 6265bis 5.7: `__Secure-` is Secure; `__Host-` besides has no Domain and the path `/`.
    fn prefix_is_kept(&self) -> bool {
        let starts = |text: &str, prefix: &str| {
            text.get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        if self.name.is_empty() {
            // Sent, the value would look like such a name.
            return !starts(self.value, "__Secure-") && !starts(self.value, "__Host-");
        }
        let host = starts(self.name, "__Host-");
        let promised = host || starts(self.name, "__Secure-");
        (!promised || self.secure) && (!host || (self.host_only && self.path == "/"))
    }
}

impl<'a> Attributes<'a> {
    fn read(text: &'a str, now: i64) -> Self {
        let mut all = Self::default();
        for attribute in text.split(';') {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            let (name, value) = (trim(name), trim(value));
            if value.len() > LARGEST_ATTRIBUTE {
                continue;
            }
            if name.eq_ignore_ascii_case("Expires") {
                all.expires = date::seconds(value).or(all.expires);
            } else if name.eq_ignore_ascii_case("Max-Age") {
                all.max_age = max_age(value, now).or(all.max_age);
            } else if name.eq_ignore_ascii_case("Domain") {
                all.domain = value.strip_prefix('.').unwrap_or(value);
            } else if name.eq_ignore_ascii_case("Path") {
                all.path = value;
            } else if name.eq_ignore_ascii_case("Secure") {
                all.secure = true;
            }
        }
        all
    }

    /// Section 5.3, steps 4 to 6: the domain and the host-only flag; None when the Domain does not cover the host.
    fn domain_for(&self, host: &'a str) -> Option<(&'a str, bool)> {
        if self.domain.is_empty() {
            return Some((host, true));
        }
        if !self.domain.contains('.') {
            // A public suffix, as far as we know them.
            return self.domain.eq_ignore_ascii_case(host).then_some((host, true));
        }
        domain_matches(host, self.domain).then_some((self.domain, false))
    }

    /// Section 5.2.4, and the default path of 5.1.4.
    fn path_for(&self, request: &'a str) -> &'a str {
        if self.path.starts_with('/') {
            return self.path;
        }
        let request = without_query(request);
        match request.rfind('/') {
            Some(last) if last > 0 && request.starts_with('/') => &request[..last],
            _ => "/",
        }
    }
}

/// Section 5.2.2: when a cookie with this Max-Age expires; None when it is no number.
fn max_age(text: &str, now: i64) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if text.starts_with('-') {
        return Some(i64::MIN);
    }
    // More digits than a number has room for are a long time.
    let seconds = digits.parse().unwrap_or(i64::MAX);
    Some(if seconds == 0 {
        i64::MIN
    } else {
        now.saturating_add(seconds)
    })
}

/// Section 5.1.3. An address has no subdomains.
fn domain_matches(host: &str, domain: &str) -> bool {
    if host.eq_ignore_ascii_case(domain) {
        return true;
    }
    let Some(dot) = host.len().checked_sub(domain.len() + 1) else {
        return false;
    };
    let bytes = host.as_bytes();
    !domain.is_empty()
        && bytes[dot] == b'.'
        && bytes[dot + 1..].eq_ignore_ascii_case(domain.as_bytes())
        && address(host).is_none()
}

/// Section 5.1.4.
fn path_matches(path: &str, cookie: &str) -> bool {
    path.strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || cookie.ends_with('/'))
}

fn is_loopback(host: &str) -> bool {
    let name = host.len().checked_sub("localhost".len());
    let named = name.is_some_and(|start| {
        host.as_bytes()[start..].eq_ignore_ascii_case(b"localhost")
            && (start == 0 || host.as_bytes()[start - 1] == b'.')
    });
    named || address(host).is_some_and(|ip| ip.is_loopback())
}

fn address(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

fn without_query(path: &str) -> &str {
    let path = path.split(['?', '#']).next().unwrap_or("");
    if path.is_empty() { "/" } else { path }
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn short(text: &str) -> u16 {
    u16::try_from(text.len()).unwrap_or(u16::MAX)
}
