//! `canvass serve`: the web part alone, on any PostgreSQL.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use canvass_web::Stop;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, ConfigArgs};
use crate::{log, open_files};

/// Run the web part alone, on any PostgreSQL 14 or newer
///
/// Holds no state: run as many as you like, on as many machines, with the same database and keys file, behind any
/// balancer. SIGTERM or Ctrl-C: finishes what was accepted, then ends.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  canvass keys new keys.toml\n  export CANVASS_DATABASE_URL=postgres://canvass@db/canvass\n  \
                        canvass migrate\n  canvass serve --keys keys.toml --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem"
)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    settings: ConfigArgs,
    /// Address and port for respondents
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Certificate chain, PEM
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Private key, PEM
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// The address that respondents type, when a proxy ends TLS
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// End when the process that started this one ends
    #[arg(long, hide = true)]
    supervised: bool,
}

/// Runs `canvass serve` until it is told to stop.
///
/// # Errors
/// What keeps it from starting, in one line.
pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    log::start();
    let config = with_arguments(args.settings.load()?, args);
    let (database, keys) = (config.database()?, config.key_ring()?);
    let config = with_room_for_connections(config);
    let stop = Stop::default();
    stop_on_signal(stop.clone(), args.supervised)?;
    let tls = config.web.tls_cert.is_empty();
    canvass_web::serve(config.web, database, keys, config.ingest, &stop, |address| {
        let scheme = if tls { "http" } else { "https" };
        tracing::info!("listening on {scheme}://{address}");
    })?;
    tracing::info!("stopped; everything that was accepted is committed or answered with 503");
    Ok(ExitCode::SUCCESS)
}

fn with_arguments(mut config: Config, args: &ServeArgs) -> Config {
    let path = |p: &PathBuf| p.display().to_string();
    let web = &mut config.web;
    if let Some(listen) = &args.listen {
        web.listen.clone_from(listen);
    }
    if let Some(cert) = &args.tls_cert {
        web.tls_cert = path(cert);
    }
    if let Some(key) = &args.tls_key {
        web.tls_key = path(key);
    }
    if let Some(url) = &args.public_url {
        web.public_url.clone_from(url);
    }
    config
}

/// Raises the limit of open files as far as allowed, and takes no more connections than that leaves room for.
fn with_room_for_connections(mut config: Config) -> Config {
    let wanted = config.web.max_connections.saturating_add(open_files::OTHERS);
    if let Some(limit) = open_files::raise(wanted) {
        let room = limit.saturating_sub(open_files::OTHERS);
        if room < config.web.max_connections {
            tracing::warn!(
                room,
                "fewer open files are allowed than web.max_connections: raise `ulimit -n`"
            );
            config.web.max_connections = room;
        }
    }
    config
}

/// Stops the server at SIGTERM, SIGINT, or when the parent process has gone.
fn stop_on_signal(stop: Stop, supervised: bool) -> anyhow::Result<()> {
    let parent = nix::unistd::getppid();
    let wait = move || -> anyhow::Result<()> {
        block_on(async {
            let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
            let orphaned = async {
                while !supervised || nix::unistd::getppid() == parent {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            };
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
                () = orphaned => tracing::warn!("the process that started this one has gone"),
            }
            stop.stop();
            Ok(())
        })?
    };
    let watch = move || {
        if let Err(cause) = wait() {
            tracing::error!(%cause, "signals cannot be watched");
        }
    };
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(watch)
        .context("starting a thread")?;
    Ok(())
}

/// Runs a future on a runtime of its own.
///
/// # Errors
/// The runtime cannot be made.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    Ok(runtime.block_on(future))
}
