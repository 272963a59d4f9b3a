//! RELOAD and SET: the configuration and the files that it names are replaced as a whole while everybody stays
//! connected, or not at all.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use crate::auth::Credentials;
use crate::client::Order;
use crate::config::Config;
use crate::files::Files;
use crate::hub::Hub;
use crate::log::{Level, LogConfig};
use crate::pool::{Pool, Terms};
use crate::refusal::Refusal;

/// The SQLSTATE of a RELOAD that failed (`config_file_error`).
pub(crate) const RELOAD_FAILED: &str = "F0000";

/// RELOAD on the console. Files are read, and secrets in them prepared, off the event loop.
///
/// # Errors
/// When the configuration or a file that it names cannot be used; nothing has changed then, and the log says why.
pub(crate) async fn reload(hub: &Arc<Hub>) -> Result<(), Refusal> {
    hub.log.line(Level::Log, "RELOAD command issued");
    let hub = hub.clone();
    let done = tokio::task::spawn_blocking(move || reload_now(&hub)).await;
    if done.unwrap_or(false) {
        return Ok(());
    }
    Err(Refusal::new(
        RELOAD_FAILED,
        "RELOAD failed, see logs for additional details",
    ))
}

/// The same without a console; false when nothing has changed, and the log says why.
pub(crate) fn reload_now(hub: &Arc<Hub>) -> bool {
    let _changing = hub
        .control
        .changing
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let in_effect = hub.config.load_full();
    match read(hub, &in_effect) {
        Ok((config, files)) => {
            apply(hub, &in_effect, config, files);
            true
        }
        Err(problems) => {
            for problem in problems {
                hub.log.line(Level::Error, &problem);
            }
            hub.log
                .line(Level::Error, "RELOAD Failed, see logs for more details");
            false
        }
    }
}

/// Reads the configuration's file, and what it names.
fn read(hub: &Hub, in_effect: &Config) -> Result<(Config, Files), Vec<String>> {
    let path: Option<&PathBuf> = in_effect.settings.conffile.as_ref().or(in_effect.path.as_ref());
    let path = path.ok_or_else(|| vec!["there is no configuration file to read again".to_owned()])?;
    let loaded = Config::load(path).map_err(|error| error.problems().to_vec())?;
    let mut config = loaded.config;
    for warning in &loaded.warnings {
        hub.log.line(Level::Warning, warning);
    }
    for name in config.keep_until_restart(in_effect) {
        hub.log.line(
            Level::Warning,
            &format!("{name} was changed in the file: it needs a restart to take effect"),
        );
    }
    let files = files(hub, &config).map_err(|problem| vec![problem])?;
    Ok((config, files))
}

/// Reads the files that a configuration names, and opens its log.
fn files(hub: &Hub, config: &Config) -> Result<Files, String> {
    let files = Files::load(&config.settings)?;
    let log = LogConfig::new(&config.settings, hub.log.is_quiet());
    hub.log.reopen(log).map_err(|error| error.to_string())?;
    Ok(files)
}

/// SET on the console.
///
/// # Errors
/// When there is no such setting, when only a restart changes it, when the value is wrong.
pub(crate) async fn set(hub: &Arc<Hub>, key: &str, value: &str) -> Result<(), Refusal> {
    let (hub, key, value) = (hub.clone(), key.to_owned(), value.to_owned());
    let done = tokio::task::spawn_blocking(move || set_now(&hub, &key, &value)).await;
    let done = done.unwrap_or_else(|error| Err(error.to_string()));
    done.map_err(|problem| Refusal::new("22023", "SET failed").with_hint(problem))
}

fn set_now(hub: &Arc<Hub>, key: &str, value: &str) -> Result<(), String> {
    let _changing = hub
        .control
        .changing
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let in_effect = hub.config.load_full();
    let mut config = Config::clone(&in_effect);
    config
        .set(key, value)
        .map_err(|error| error.problems().join("; "))?;
    let files = files(hub, &config)?;
    apply(hub, &in_effect, config, files);
    Ok(())
}

/// Puts a configuration in the place of the one that was in effect.
fn apply(hub: &Arc<Hub>, before: &Config, config: Config, files: Files) {
    let settings = &config.settings;
    hub.names.set_ttl(settings.dns_max_ttl, settings.dns_nxdomain_ttl);
    hub.log.set_verbose(settings.verbose);
    let fingerprint = |files: &Files| files.server_tls.as_ref().map(crate::tls::ServerSide::fingerprint);
    let other_tls = fingerprint(&files) != fingerprint(&hub.files.load());
    let config = Arc::new(config);
    hub.config.store(config.clone());
    hub.files.store(Arc::new(files));
    for pool in hub.pools() {
        renew(hub, before, &config, &pool, other_tls);
    }
    forget_removed(hub);
    hub.upkeep.notify_one();
}

/// Gives a pool its new terms; its servers leave when they are not what would be opened now.
fn renew(hub: &Arc<Hub>, before: &Config, config: &Config, pool: &Pool, other_tls: bool) {
    let Some(database) = hub.database(&pool.key.database) else {
        return;
    };
    let old = pool.terms.load_full();
    let resolved = Terms::resolve(config, &database, config.users.get(&*pool.key.user));
    let terms = if hub.is_auth_pool(pool) {
        Terms {
            mode: old.mode,
            ..resolved
        }
    } else {
        resolved
    };
    let user = terms.server_user.as_deref().unwrap_or(&pool.key.user);
    match hub.stored_credentials(&database, user) {
        // What a client showed at its login stays.
        Credentials::Nothing => {}
        stored => pool.credentials.store(Arc::new(stored)),
    }
    let password = |config: &Config| {
        let own = config
            .databases
            .get(&*pool.key.database)
            .or(config.any_database.as_ref());
        own.and_then(|database| database.password.clone())
    };
    let is_other = terms.needs_other_servers(&old) || password(config) != password(before) || other_tls;
    pool.terms.store(Arc::new(terms));
    if is_other {
        pool.reconnect();
    }
}

/// Drops the clients and servers of databases that have gone from the configuration.
fn forget_removed(hub: &Arc<Hub>) {
    let is_gone = |pool: &Pool| hub.database(&pool.key.database).is_none();
    for client in hub.clients() {
        if client.pool.get().is_some_and(|pool| is_gone(pool)) {
            client.order(Order::End(Refusal::DATABASE_REMOVED));
        }
    }
    hub.forget_pools(is_gone);
}
