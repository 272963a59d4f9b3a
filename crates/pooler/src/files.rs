//! What the files say that the configuration names: users, rules, user name maps, certificates. Read together and
//! replaced together.

use std::path::Path;

use crate::auth::hba::Rules;
use crate::auth::ident::Maps;
use crate::auth::userlist::Userlist;
use crate::config::Settings;
use crate::tls;

/// The files' contents.
#[derive(Debug, Default)]
pub struct Files {
    /// `auth_file`.
    pub users: Userlist,
    /// `auth_hba_file`.
    pub rules: Option<Rules>,
    /// `auth_ident_file`.
    pub maps: Option<Maps>,
    /// TLS with clients; `None` when `client_tls_sslmode` is off.
    pub client_tls: Option<tls::ClientSide>,
    /// TLS with servers; `None` when `server_tls_sslmode` is off.
    pub server_tls: Option<tls::ServerSide>,
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
            path.map(|path| load(path).map_err(|error| format!("{name}: {error}")))
                .transpose()
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
            client_tls: tls::ClientSide::load(&client_side(settings)).map_err(|error| error.to_string())?,
            server_tls: Some(
                tls::ServerSide::load(&server_side(settings)).map_err(|error| error.to_string())?,
            )
            .filter(|side| side.sslmode() != tls::SslMode::Disable),
        })
    }
}

fn client_side(settings: &Settings) -> tls::Settings {
    tls::Settings {
        sslmode: settings.client_tls_sslmode,
        key_file: settings.client_tls_key_file.clone(),
        cert_file: settings.client_tls_cert_file.clone(),
        ca_file: settings.client_tls_ca_file.clone(),
        protocols: settings.client_tls_protocols.written().to_owned(),
        ciphers: settings.client_tls_ciphers.clone(),
        tls13_ciphers: settings.client_tls13_ciphers.clone(),
        ecdhcurve: settings.client_tls_ecdhcurve.clone(),
        dheparams: settings.client_tls_dheparams.clone(),
    }
}

fn server_side(settings: &Settings) -> tls::Settings {
    tls::Settings {
        sslmode: settings.server_tls_sslmode,
        key_file: settings.server_tls_key_file.clone(),
        cert_file: settings.server_tls_cert_file.clone(),
        ca_file: settings.server_tls_ca_file.clone(),
        protocols: settings.server_tls_protocols.written().to_owned(),
        ciphers: settings.server_tls_ciphers.clone(),
        tls13_ciphers: settings.server_tls13_ciphers.clone(),
        ..tls::Settings::default()
    }
}
