//! `auth_hba_file`: rules that say how a client must prove itself, by where it comes from and what it wants.
//!
//! The format is `pg_hba.conf`'s, as far as pgbouncer supports it: `local`, `host`, `hostssl` and `hostnossl`; the
//! databases `all`, `sameuser` and `replication`; `@file`; addresses as CIDR, as address and mask, or `all`; the methods
//! `trust`, `reject`, `md5`, `scram-sha-256`, `password`, `cert` and `peer`; `map=` with the last two. A file with
//! anything else in it is refused as a whole: a rule that is left out might be the one that keeps somebody out.

mod address;
mod parse;

use std::path::Path;

use super::client::{ClientLogin, Origin};
use super::file::FileError;
use super::{Method, ident};
use address::Addresses;

/// The rules of a file, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its line, from 1.
    pub line: usize,
    /// How the client must prove itself.
    pub method: Method,
    /// The user name map that `cert` and `peer` go through.
    pub map: Option<String>,
    connection: Connection,
    databases: Vec<Database>,
    /// `None`: all.
    users: Option<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Connection {
    Local,
    Host { tls: Option<bool>, from: Addresses },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Database {
    All,
    /// The one that is called like the user.
    SameUser,
    /// Physical replication, which is of no database.
    Replication,
    Named(String),
}

impl Rules {
    /// Reads a file and those it names with `@`. The maps are the ones of `auth_ident_file`, if it is set.
    ///
    /// # Errors
    /// When it cannot be read, a line of it is not understood, or a map is named that is not there: all such lines.
    pub fn load(path: &Path, maps: Option<&ident::Maps>) -> Result<Self, FileError> {
        Self::parse(path, &FileError::read(path)?, maps)
    }

    /// Reads the text of a file. The path is for errors, and for finding files named with `@`.
    ///
    /// # Errors
    /// When a line is not understood or a map is named that is not there: all such lines.
    pub fn parse(path: &Path, text: &str, maps: Option<&ident::Maps>) -> Result<Self, FileError> {
        parse::rules(path, text, maps)
    }

    /// The first rule for a client.
    pub fn first_match(&self, login: &ClientLogin<'_>) -> Option<&Rule> {
        self.0.iter().find(|rule| rule.matches(login))
    }

    /// All rules, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }
}

impl Rule {
    fn matches(&self, login: &ClientLogin<'_>) -> bool {
        let comes_so = match (&self.connection, login.origin) {
            (Connection::Local, Origin::Unix { .. }) => true,
            (Connection::Host { tls, from }, Origin::Tcp(address)) => {
                tls.is_none_or(|tls| tls == login.tls.is_some()) && from.contain(address)
            }
            _ => false,
        };
        let wants_this = self.databases.iter().any(|database| match database {
            Database::Replication => login.physical_replication,
            _ if login.physical_replication => false,
            Database::All => true,
            Database::SameUser => login.database == login.user,
            Database::Named(name) => login.database == name,
        });
        let is_this = self
            .users
            .as_ref()
            .is_none_or(|users| users.iter().any(|user| user == login.user));
        comes_so && wants_this && is_this
    }
}

#[cfg(test)]
mod tests;
