//! Reading rules.

use std::path::Path;

use super::address::Addresses;
use super::{Connection, Database, Rule, Rules};
use crate::auth::file::{Fields, FileError, Token, lines};
use crate::auth::{Method, ident};

/// Files named with `@` inside files named with `@`: more is a circle.
const MAX_DEPTH: usize = 10;

/// Methods of `pg_hba.conf` that are not spoken here.
const UNSUPPORTED: [&str; 9] = [
    "ldap", "pam", "gss", "sspi", "ident", "radius", "bsd", "oauth", "any",
];

pub(super) fn rules(path: &Path, text: &str, maps: Option<&ident::Maps>) -> Result<Rules, FileError> {
    let (mut rules, mut problems) = (Vec::new(), Vec::new());
    for (line, fields) in lines(text) {
        let rule = fields.and_then(|fields| Reader { path, maps, line }.rule(&fields));
        match rule {
            Ok(rule) => rules.push(rule),
            Err(problem) => problems.push((line, problem)),
        }
    }
    FileError::unless_none(path, problems)?;
    Ok(Rules(rules))
}

struct Reader<'a> {
    path: &'a Path,
    maps: Option<&'a ident::Maps>,
    line: usize,
}

impl Reader<'_> {
    fn rule(&self, fields: &Fields) -> Result<Rule, String> {
        let mut fields = fields.iter();
        let kind = one(fields.next(), "type")?;
        let databases = fields.next().ok_or("the database is missing")?;
        let users = fields.next().ok_or("the user is missing")?;
        let tls = match kind.text.as_str() {
            "local" => None,
            "host" => Some(None),
            "hostssl" => Some(Some(true)),
            "hostnossl" => Some(Some(false)),
            "hostgssenc" | "hostnogssenc" => {
                return Err(format!(
                    "{} is not supported: there is no GSSAPI encryption",
                    kind.text
                ));
            }
            "include" | "include_if_exists" | "include_dir" => {
                return Err(format!(
                    "{} is not supported: put the rules into this file",
                    kind.text
                ));
            }
            other => return Err(format!("{other} is not local, host, hostssl or hostnossl")),
        };
        let connection = match tls {
            None => Connection::Local,
            Some(tls) => {
                let address = one(fields.next(), "address")?;
                let from = Addresses::parse(address, || one(fields.next(), "mask").ok())?;
                Connection::Host { tls, from }
            }
        };
        let method = method(one(fields.next(), "method")?)?;
        let map = self.map(method, fields)?;
        Ok(Rule {
            line: self.line,
            method,
            map,
            connection,
            databases: self.databases(databases)?,
            users: self.users(users)?,
        })
    }

    fn databases(&self, field: &[Token]) -> Result<Vec<Database>, String> {
        let mut databases = Vec::new();
        for name in self.expanded(field, self.path, 0)? {
            databases.push(match name {
                name if name.is("all") => Database::All,
                name if name.is("sameuser") => Database::SameUser,
                name if name.is("replication") => Database::Replication,
                name if name.is("samerole") || name.is("samegroup") => {
                    return Err(format!(
                        "database {} is not supported: name the databases",
                        name.text
                    ));
                }
                name => Database::Named(plain(name, "database")?),
            });
        }
        Ok(databases)
    }

    fn users(&self, field: &[Token]) -> Result<Option<Vec<String>>, String> {
        let mut users = Vec::new();
        for name in self.expanded(field, self.path, 0)? {
            if name.is("all") {
                return Ok(None);
            }
            if !name.quoted && name.text.starts_with('+') {
                return Err(format!(
                    "user {} is a group, which is not supported: name the users, or use @file",
                    name.text
                ));
            }
            users.push(plain(name, "user")?);
        }
        Ok(Some(users))
    }

    /// The names of a list, those of files named with `@` in their place.
    fn expanded(&self, field: &[Token], from: &Path, depth: usize) -> Result<Vec<Token>, String> {
        let mut names = Vec::new();
        for name in field {
            match name
                .text
                .strip_prefix('@')
                .filter(|file| !name.quoted && !file.is_empty())
            {
                None => names.push(name.clone()),
                Some(file) => names.extend(self.of_file(file, from, depth)?),
            }
        }
        Ok(names)
    }

    fn of_file(&self, file: &str, from: &Path, depth: usize) -> Result<Vec<Token>, String> {
        if depth >= MAX_DEPTH {
            return Err(format!(
                "@{file} is named by itself, or files are nested more than {MAX_DEPTH} deep"
            ));
        }
        let path = from.parent().unwrap_or(Path::new("")).join(file);
        let text = FileError::read(&path).map_err(|error| error.to_string())?;
        let mut names = Vec::new();
        for (line, fields) in lines(&text) {
            let fields = fields.map_err(|problem| format!("{}, line {line}: {problem}", path.display()))?;
            for field in fields {
                names.extend(self.expanded(&field, &path, depth + 1)?);
            }
        }
        Ok(names)
    }

    /// The options after the method: `map=` is the only one.
    fn map<'f>(
        &self,
        method: Method,
        options: impl Iterator<Item = &'f Vec<Token>>,
    ) -> Result<Option<String>, String> {
        let mut map = None;
        for option in options {
            let option = one(Some(option), "option")?;
            let Some(name) = option.text.strip_prefix("map=") else {
                return Err(format!("option {} is not supported, only map= is", option.text));
            };
            if !matches!(method, Method::Cert | Method::Peer) {
                return Err(format!(
                    "map= goes with cert and peer, not with {}",
                    method.name()
                ));
            }
            if !self.maps.is_some_and(|maps| maps.contains(name)) {
                return Err(format!(
                    "there is no map {name}: auth_ident_file must have a line for it"
                ));
            }
            map = Some(name.to_owned());
        }
        Ok(map)
    }
}

fn method(token: &Token) -> Result<Method, String> {
    Ok(match token.text.as_str() {
        "trust" => Method::Trust,
        "reject" => Method::Reject,
        "md5" => Method::Md5,
        "scram-sha-256" => Method::ScramSha256,
        "password" | "plain" => Method::Plain,
        "cert" => Method::Cert,
        "peer" => Method::Peer,
        name if UNSUPPORTED.contains(&name) => {
            return Err(format!("method {name} is not supported in rules"));
        }
        name => return Err(format!("there is no method {name}")),
    })
}

fn one<'a>(field: Option<&'a Vec<Token>>, what: &str) -> Result<&'a Token, String> {
    match field.map(Vec::as_slice) {
        Some([token]) => Ok(token),
        Some(_) => Err(format!("the {what} is a list")),
        None => Err(format!("the {what} is missing")),
    }
}

fn plain(name: Token, what: &str) -> Result<String, String> {
    if !name.quoted && name.text.starts_with('/') {
        return Err(format!(
            "{what} {} is a regular expression, which is not supported: write the names",
            name.text
        ));
    }
    Ok(name.text)
}
