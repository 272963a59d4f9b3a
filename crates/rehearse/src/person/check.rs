//! What must be true of a reply. What is not is a cause for the report: countable, so without anything of the reply.

use memchr::memmem;

use super::extract::json_value;
use crate::client::Reply;
use crate::scenario::{Check, Template};

/// All of a step's checks, in order, and, when none of them is of the status, that it is below 400. `render` gives the
/// text of a template.
///
/// # Errors
/// The first one that is not met, or what `render` said.
pub fn check_all(
    checks: &[Check],
    reply: &Reply,
    mut render: impl FnMut(&Template) -> Result<String, String>,
) -> Result<(), String> {
    let of_status = |check: &Check| matches!(check, Check::Status(_));
    if reply.status >= 400 && !checks.iter().any(of_status) {
        return Err(format!("status {}", reply.status));
    }
    checks.iter().try_for_each(|one| {
        let equals = match one {
            Check::Json {
                equals: Some(template),
                ..
            } => Some(render(template)?),
            _ => None,
        };
        check(one, reply, equals.as_deref())
    })
}

/// One check; `equals` is what the template of a [`Check::Json`] gave.
///
/// # Errors
/// What is not so: `check status: 503, not 200`, `check text "Thank you": not in the reply`.
pub fn check(check: &Check, reply: &Reply, equals: Option<&str>) -> Result<(), String> {
    let body = &reply.body;
    match check {
        Check::Status(wanted) if wanted.contains(&reply.status) => Ok(()),
        Check::Status(wanted) => Err(format!("check status: {}, not {}", reply.status, either(wanted))),
        Check::Text(text) if has(body, text) => Ok(()),
        Check::Text(text) => Err(format!("check text {text:?}: not in the reply")),
        Check::NoText(text) if has(body, text) => Err(format!("check no_text {text:?}: it is in the reply")),
        Check::NoText(_) => Ok(()),
        Check::Json { pointer, .. } => {
            let problem = match (json_value(body, pointer), equals) {
                (Err(()), _) => "the reply is not JSON",
                (Ok(None), _) => "not in the reply",
                (Ok(Some(value)), Some(wanted)) if value != wanted => "another value",
                (Ok(Some(_)), _) => return Ok(()),
            };
            Err(format!("check json {pointer:?}: {problem}"))
        }
        Check::Redirect(wanted) if wanted.is_match(destination(reply).as_bytes()) => Ok(()),
        Check::Redirect(wanted) => Err(format!("check redirect {:?}: elsewhere", wanted.as_str())),
    }
}

fn has(body: &[u8], text: &str) -> bool {
    memmem::find(body, text.as_bytes()).is_some()
}

fn either(statuses: &[u16]) -> String {
    let statuses: Vec<String> = statuses.iter().map(u16::to_string).collect();
    statuses.join(" or ")
}

/// Path and query of where the reply is, or, of a redirect that was not followed, of where it leads.
fn destination(reply: &Reply) -> String {
    let location = reply
        .headers
        .get("location")
        .filter(|_| (300..400).contains(&reply.status));
    let Some(location) = location else {
        return reply.path.clone();
    };
    let here = url::Url::parse(&format!("{}{}", reply.origin, reply.path));
    match here.and_then(|here| here.join(location)) {
        Ok(there) => there[url::Position::BeforePath..url::Position::AfterQuery].to_owned(),
        Err(_) => location.to_owned(),
    }
}
