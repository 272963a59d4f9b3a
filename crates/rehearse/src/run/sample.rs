//! What a failure looked like, without what is a person's own.

use super::request::Request;
use crate::client::Reply;
use crate::scenario::Values;

/// Characters of the reply that are kept.
const LONGEST: usize = 300;
/// Shorter values occur everywhere: replacing them would only garble the sample.
const SHORTEST_VALUE: usize = 3;

/// Method and path, status, and the beginning of the reply. Every value that the person has (rows of the data file, what
/// was extracted or set) is replaced by an ellipsis, and so are the cookies that the reply sets: they are in its headers,
/// of which only the type is told.
pub(super) fn sample(request: Option<&Request>, reply: Option<&Reply>, values: &Values) -> String {
    let mut text = String::new();
    if let Some(request) = request {
        text.push_str(&format!("{} {}", request.method, path(&request.place.path)));
    }
    if let Some(reply) = reply {
        text.push_str(&format!(" -> {} {}", reply.status, path(&reply.path)));
        if let Some(kind) = reply.headers.get("content-type") {
            text.push_str(&format!(" ({kind})"));
        }
        let beginning = &reply.body[..reply.body.len().min(8 * LONGEST)];
        let words = String::from_utf8_lossy(beginning);
        text.push_str(": ");
        text.push_str(&words.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    let mut private: Vec<&str> = values.texts.iter().flatten().map(AsRef::as_ref).collect();
    private.retain(|value| value.chars().count() >= SHORTEST_VALUE);
    private.sort_by_key(|value| std::cmp::Reverse(value.len()));
    for value in private {
        text = text.replace(value, "…");
        let encoded: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
        text = text
            .replace(&encoded, "…")
            .replace(&encoded.replace('+', "%20"), "…");
    }
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A path without its query, which often holds what is nobody else's business.
pub(super) fn path(path: &str) -> &str {
    path.split('?').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::reply::Place;
    use crate::client::{Headers, Origin};

    #[test]
    fn a_sample_holds_nothing_of_the_person() {
        let origin = Origin::of("http://127.0.0.1:1/").unwrap().0;
        let place = Place {
            origin,
            path: "/pupils/jo%20do?code=SECRET99".into(),
        };
        let request = Request {
            method: "POST".into(),
            place,
            headers: String::new(),
            body: None,
        };
        let mut headers = Headers::default();
        headers.push("content-type", b"text/html");
        let reply = Reply {
            status: 500,
            path: "/oops?code=SECRET99".into(),
            headers,
            body: format!("<p>\n  jo do and SECRET99 failed {}", "x".repeat(900)).into_bytes(),
            ..Reply::default()
        };
        let texts = vec![
            Some("SECRET99".into()),
            Some("jo do".into()),
            None,
            Some("p".into()),
        ];
        let told = sample(
            Some(&request),
            Some(&reply),
            &Values {
                texts,
                person: 1,
                n: 1,
            },
        );
        assert!(
            told.starts_with("POST /pupils/… -> 500 /oops (text/html): <p> … and … failed xxx"),
            "{told}"
        );
        assert_eq!(told.chars().count(), LONGEST + 1);
    }
}
