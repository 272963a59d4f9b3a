//! Cookies of the target, such that a browser keeps them for a proxy on plain http.

/// A name with one of these prefixes is refused by browsers over http (RFC 6265bis section 4.1.3), so the browser gets
/// another one, which is put right again on the way to the target.
const PREFIXES: [(&str, &str); 2] = [("__Host-", "canvass-host-"), ("__Secure-", "canvass-secure-")];

/// A Set-Cookie for the browser: without Domain (the target's is not the proxy's), Secure (the proxy speaks http), and
/// what browsers allow only with Secure (SameSite=None, Partitioned). Gives the value, and the cookie's name when it had
/// to be changed.
pub fn for_browser(set_cookie: &str) -> (String, Option<String>) {
    let mut parts = set_cookie.split(';');
    let pair = parts.next().unwrap_or("").trim();
    let renamed = PREFIXES
        .iter()
        .find_map(|(real, shown)| strip(pair, real).map(|rest| format!("{shown}{rest}")));
    let name = pair.split('=').next().unwrap_or("");
    let changed = renamed.is_some().then(|| name.to_owned());
    let mut value = renamed.unwrap_or_else(|| pair.to_owned());
    for part in parts.filter(|part| !part.trim().is_empty()) {
        let (key, setting) = part.split_once('=').unwrap_or((part, ""));
        let dropped = match key.trim().to_ascii_lowercase().as_str() {
            "domain" | "secure" | "partitioned" => true,
            "samesite" => setting.trim().eq_ignore_ascii_case("none"),
            _ => false,
        };
        if !dropped {
            value.push_str("; ");
            value.push_str(part.trim());
        }
    }
    (value, changed)
}

/// A Cookie header for the target: changed names are put right.
pub fn for_target(cookie: &str) -> String {
    let right = |pair: &str| {
        let pair = pair.trim();
        let real = |(real, shown): &(&str, &str)| strip(pair, shown).map(|rest| format!("{real}{rest}"));
        PREFIXES.iter().find_map(real).unwrap_or_else(|| pair.to_owned())
    };
    cookie.split(';').map(right).collect::<Vec<_>>().join("; ")
}

/// What follows a prefix, which browsers compare without regard to case.
fn strip<'a>(pair: &'a str, prefix: &str) -> Option<&'a str> {
    let head = pair.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &pair[prefix.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_binds_a_cookie_to_the_target_is_dropped() {
        let cases = [
            (
                "a=1; Domain=.example.org; Path=/x; HttpOnly",
                "a=1; Path=/x; HttpOnly",
            ),
            ("a=1;secure;SameSite=None;Partitioned;Max-Age=5", "a=1; Max-Age=5"),
            (
                "a=\"x=y\"; SameSite=Lax; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
                "a=\"x=y\"; SameSite=Lax; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
            ),
            ("nothing", "nothing"),
            ("", ""),
        ];
        for (from, to) in cases {
            assert_eq!(for_browser(from), (to.to_owned(), None));
        }
    }

    #[test]
    fn a_name_that_browsers_refuse_is_changed_and_put_right_again() {
        let (shown, name) = for_browser("__Host-sid=abc=; Path=/; Secure; HttpOnly");
        assert_eq!(shown, "canvass-host-sid=abc=; Path=/; HttpOnly");
        assert_eq!(name.as_deref(), Some("__Host-sid"));
        assert_eq!(
            for_target("x=1; canvass-host-sid=abc=; canvass-secure-b=2"),
            "x=1; __Host-sid=abc=; __Secure-b=2"
        );
    }
}
