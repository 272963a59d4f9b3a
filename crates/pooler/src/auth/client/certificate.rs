//! The two methods that ask the client nothing: its TLS certificate, and its operating system's user.

use super::{ClientLogin, Found, Origin, Refused};

/// The name of an operating system's user, for [`Origin::Unix`]. Reads the system's user database, which may be on
/// the network: call it on a blocking thread.
///
/// # Errors
/// When the database cannot be read. `Ok(None)` when the number has no name.
pub fn unix_user(uid: u32) -> std::io::Result<Option<String>> {
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid))?;
    Ok(user.map(|user| user.name))
}

/// `cert`: the certificate's CommonName is the user, or a map says it may be.
pub(super) fn by_certificate(
    login: &ClientLogin<'_>,
    map: Option<&str>,
    found: &Found,
) -> Result<(), Refused> {
    let user = login.user;
    let tls = login
        .tls
        .ok_or_else(|| Refused::certificate(format!("user {user}: TLS connection required")))?;
    let name = tls.common_name.ok_or_else(|| {
        Refused::certificate(format!(
            "user {user}: TLS client certificate required, with a CommonName and vouched for by client_tls_ca_file"
        ))
    })?;
    exists(login, found).map_err(Refused::certificate)?;
    may_be(login, name, map)
        .map_err(|why| Refused::certificate(format!("TLS certificate name mismatch: {why}")))
}

/// `peer`: the operating system's user at the other end of the Unix socket is the user, or a map says it may be.
pub(super) fn by_unix_user(login: &ClientLogin<'_>, map: Option<&str>, found: &Found) -> Result<(), Refused> {
    let user = login.user;
    let name = match login.origin {
        Origin::Tcp(_) => {
            return Err(Refused::unix_user(format!(
                "user {user}: peer needs a Unix socket"
            )));
        }
        Origin::Unix { user: None } => {
            return Err(Refused::unix_user(format!(
                "user {user}: the other end of the Unix socket has no user name"
            )));
        }
        Origin::Unix { user: Some(name) } => name,
    };
    exists(login, found).map_err(Refused::unix_user)?;
    may_be(login, name, map).map_err(Refused::unix_user)
}

fn exists(login: &ClientLogin<'_>, found: &Found) -> Result<(), String> {
    match found {
        Found::Unknown => Err(format!("no such user: {}", login.user)),
        Found::NoPassword | Found::Secret(_) => Ok(()),
    }
}

fn may_be(login: &ClientLogin<'_>, name: &str, map: Option<&str>) -> Result<(), String> {
    let user = login.user;
    match map {
        None if name == user => Ok(()),
        None => Err(format!("{name} wants to be user {user}, and no map is set")),
        Some(map) if login.maps.is_some_and(|maps| maps.allows(map, name, user)) => Ok(()),
        Some(map) => Err(format!("ident map {map} does not let {name} be user {user}")),
    }
}
