//! What the files say that the configuration names: users, rules, user name maps, certificates. Read together and
//! replaced together.

use std::path::Path;

use crate::auth::hba::Rules;
use crate::auth::ident::Maps;
use crate::auth::userlist::Userlist;
use crate::config::Settings;

/// The files' contents.
#[derive(Debug, Default)]
pub struct Files {
    /// `auth_file`.
    pub users: Userlist,
    /// `auth_hba_file`.
    pub rules: Option<Rules>,
    /// `auth_ident_file`.
    pub maps: Option<Maps>,
}

impl Files {
    /// Reads all that are named.
    ///
    /// # Errors
    /// What is wrong with the first that cannot be used, with the setting's name.
    pub fn load(settings: &Settings) -> Result<Self, String> {
        fn read<T, E: std::fmt::Display>(
            name: &str,
            path: Option<&Path>,
            load: impl FnOnce(&Path) -> Result<T, E>,
        ) -> Result<Option<T>, String> {
            path.map(|path| load(path).map_err(|error| format!("{name}: {error}"))).transpose()
        }
        let maps = read("auth_ident_file", settings.auth_ident_file.as_deref(), Maps::load)?;
        let rules = read("auth_hba_file", settings.auth_hba_file.as_deref(), |path| {
            Rules::load(path, maps.as_ref())
        })?;
        let users = read("auth_file", settings.auth_file.as_deref(), Userlist::load)?;
        Ok(Self {
            users: users.unwrap_or_default(),
            rules,
            maps,
        })
    }
}
