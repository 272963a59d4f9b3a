//! What must hold between settings.

use super::assign::shown;
use super::values::{AuthType, SslMode};
use super::{Config, ServerCap};

/// What was found, one sentence each.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What contradicts itself.
    pub(super) problems: Vec<String>,
    /// What is in vain.
    pub(super) warnings: Vec<String>,
}

/// Looks at everything together.
pub(super) fn check(config: &Config) -> Found {
    let settings = &config.settings;
    let mut found = Found::default();
    let mut require = |holds: bool, problem: &str| {
        if !holds {
            found.problems.push(problem.to_owned());
        }
    };
    require(
        settings.client_tls_sslmode == SslMode::Disable
            || (settings.client_tls_cert_file.is_some() && settings.client_tls_key_file.is_some()),
        "client_tls_sslmode lets clients use TLS, which needs client_tls_cert_file and client_tls_key_file: set both, \
         or client_tls_sslmode = disable",
    );
    require(
        settings.client_tls_sslmode != SslMode::VerifyFull || settings.client_tls_ca_file.is_some(),
        "client_tls_sslmode = verify-full needs client_tls_ca_file: set it to the certificates that sign clients'",
    );
    require(
        settings.auth_type != AuthType::Cert || settings.client_tls_sslmode == SslMode::VerifyFull,
        "auth_type = cert needs client_tls_sslmode = verify-full",
    );
    require(
        settings.auth_type != AuthType::Hba || settings.auth_hba_file.is_some(),
        "auth_type = hba needs auth_hba_file: set it to the file with the rules",
    );
    require(
        settings.server_tls_cert_file.is_some() == settings.server_tls_key_file.is_some(),
        "server_tls_cert_file and server_tls_key_file belong together: set both or neither",
    );
    require(
        settings.auth_user.is_none() || !settings.auth_query.is_empty(),
        "auth_user needs auth_query: remove the empty auth_query for the default one",
    );
    require(
        settings.auth_dbname.as_deref() != Some("pgbouncer"),
        "auth_dbname = pgbouncer: the console knows no passwords; name a database",
    );
    if let ServerCap::At(cap) = config.canvass.max_server_connections {
        require(
            settings.min_pool_size <= cap,
            "max_server_connections is less than min_pool_size: no pool could ever be filled",
        );
    }
    for database in config.databases.values().chain(&config.any_database) {
        let name = shown(&database.name);
        if database.auth_dbname.as_deref() == Some("pgbouncer") {
            found.problems.push(format!(
                "database {name}: auth_dbname=pgbouncer is the console; name a database"
            ));
        }
        if database.password.is_some() && database.user.is_none() {
            found
                .warnings
                .push(format!("database {name}: password= has no effect without user="));
        }
    }
    found
}
