//! `canvass up`: everything on this machine.
//!
//! `up_plan.rs` is what was asked for, `up_serve.rs` the web part as a process, `up_pool.rs` the connection pool as one,
//! `up_screen.rs` what people see.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use canvass_stack::{
    Cluster, CommandService, Keeper, Mode, PostgresService, RestartPolicy, Role, write_private,
};
use clap::Args;
use nix::sys::signal::Signal;
use tokio::signal::unix::{self, SignalKind};

use crate::up_plan::Plan;
use crate::up_program::program;
use crate::up_screen::Screen;
use crate::{demo, keys, log, up_pool, up_serve};

/// How long serve may take to finish what it accepted, and the pool to end its transactions.
const GRACE: Duration = Duration::from_secs(10);

/// Run everything on this machine: PostgreSQL, web part, connection pool, and on first use a demonstration survey
///
/// Keeps all its state under one directory and finds it again. Ctrl-C or SIGTERM stops it: what was accepted is
/// finished first. A second Ctrl-C stops at once; nothing acknowledged is lost.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  canvass up --data /var/lib/canvass --listen 0.0.0.0:8080\n\n\
                        docs/up.md explains what it makes, every refusal and the way out."
)]
pub(crate) struct UpArgs {
    /// The directory that holds everything; ./canvass-data when not set
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Address and port for respondents; 127.0.0.1:8080 when not set
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// Settings file; canvass.toml in the working directory when there is one
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// What runs, from the moment it is started.
#[derive(Default)]
struct Running {
    cluster: Option<Arc<Cluster>>,
    serve: Option<Keeper<CommandService>>,
    pool: Option<Keeper<CommandService>>,
}

/// Runs `canvass up` until it is told to stop.
///
/// # Errors
/// What keeps it from starting, in one line. When it gives up later, the reason is printed and the exit code is 1.
pub(crate) fn run(args: &UpArgs) -> anyhow::Result<ExitCode> {
    let plan = Plan::new(args)?;
    crate::serve::block_on(up(&plan))?
}

async fn up(plan: &Plan) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let screen = Screen::new();
    let mut running = Running::default();
    let trouble = tokio::select! {
        biased;
        () = signals.next() => None,
        trouble = start_and_keep(plan, &screen, &mut running) => Some(trouble),
    };
    if let Some(trouble) = &trouble {
        log::complain(trouble);
    }
    stop(running, &mut signals, &screen).await?;
    if trouble.is_some() {
        return Ok(ExitCode::FAILURE);
    }
    screen.stopped(plan);
    Ok(ExitCode::SUCCESS)
}

/// Starts everything and keeps it running; comes back only with trouble.
async fn start_and_keep(plan: &Plan, screen: &Screen, running: &mut Running) -> anyhow::Error {
    let mut postgres = match start(plan, screen, running).await {
        Ok(postgres) => postgres,
        Err(trouble) => return trouble,
    };
    let Some(serve) = &mut running.serve else {
        return anyhow::anyhow!("serve was not started");
    };
    let announced = async {
        match announce(plan, screen).await {
            Ok(()) => std::future::pending().await,
            Err(trouble) => trouble,
        }
    };
    tokio::select! {
        gave_up = postgres.keep() => gave_up.into(),
        gave_up = serve.keep() => gave_up.into(),
        gave_up = kept(running.pool.as_mut()) => gave_up,
        trouble = announced => trouble,
    }
}

/// The steps from nothing to both processes started.
async fn start(
    plan: &Plan,
    screen: &Screen,
    running: &mut Running,
) -> anyhow::Result<Keeper<PostgresService>> {
    if !plan.dir.is_made() {
        plan.check_ports()?; // before the directory is made
    }
    let cluster = Arc::new(Cluster::create_or_open(plan.cluster_config(screen.notices())).await?);
    running.cluster = Some(Arc::clone(&cluster));
    plan.check_ports()?; // a serve left over from a killed run has gone by now
    plan.check_files(cluster.user())?;

    let url = start_postgres(&cluster).await?;
    let mut postgres = Keeper::new(
        PostgresService::new(Arc::clone(&cluster)),
        RestartPolicy::default(),
        screen.notices(),
    );
    postgres.start().await?;

    canvass_store::migrate(&url).await?;
    make_keys_and_demonstration(plan, &cluster, &url).await?;

    let program = program(&cluster.dir().run(), cluster.user())?;
    if let Some(service) = up_pool::service(plan, &cluster, &program)? {
        let pool = Keeper::new(service, RestartPolicy::default(), screen.notices());
        running.pool.insert(pool).start().await?;
    }
    let service = up_serve::service(plan, &cluster, &program, &url)?;
    let serve = running
        .serve
        .insert(Keeper::new(service, RestartPolicy::default(), screen.notices()));
    serve.start().await?;
    Ok(postgres)
}

/// Starts PostgreSQL, and leaves its address where the other subcommands find it (`--data`). The address for our own processes.
async fn start_postgres(cluster: &Cluster) -> anyhow::Result<String> {
    cluster.start_ready().await?;
    let url = cluster.url(Role::Application, "canvass")?;
    write_private(
        &cluster.dir().secret("database-url"),
        format!("{url}\n").as_bytes(),
        cluster.user(),
    )?;
    Ok(cluster.logged_url(Role::Application, "canvass")?)
}

async fn make_keys_and_demonstration(plan: &Plan, cluster: &Cluster, url: &str) -> anyhow::Result<()> {
    let keys = plan.keys();
    if plan.config.keys.is_empty() {
        keys::create_if_missing(&keys)?;
        cluster.user().own(&keys)?;
    }
    if let Some(demo) = demo::load_if_empty(url, &keys).await? {
        let per_school = (demo.codes.len() / plan.codes_shown()).max(1);
        let shown: Vec<&str> = demo
            .codes
            .iter()
            .step_by(per_school)
            .take(plan.codes_shown())
            .map(String::as_str)
            .collect();
        write_private(
            &plan.demo_codes(),
            format!("{}\n", shown.join("\n")).as_bytes(),
            cluster.user(),
        )?;
    }
    Ok(())
}

/// The reason when the pool is given up; without a pool never.
async fn kept(pool: Option<&mut Keeper<CommandService>>) -> anyhow::Error {
    match pool {
        Some(pool) => pool.keep().await.into(),
        None => std::future::pending().await,
    }
}

async fn announce(plan: &Plan, screen: &Screen) -> anyhow::Result<()> {
    up_serve::ready(plan).await?;
    screen.running(plan)?;
    Ok(())
}

/// Those who use the database first, so that what serve accepted is still committed; then PostgreSQL.
async fn stop(running: Running, signals: &mut Signals, screen: &Screen) -> anyhow::Result<()> {
    let mut mode = Mode::Fast;
    let keepers = [&running.serve, &running.pool];
    let services = keepers.map(|keeper| {
        keeper
            .as_ref()
            .and_then(|keeper| Some((keeper, keeper.running()?)))
    });
    if services.iter().any(Option::is_some) {
        screen.stopping();
        let [serve, pool] = services.map(|service| async move {
            if let Some((keeper, process)) = service {
                keeper.service().stop(process, GRACE).await;
            }
        });
        tokio::select! {
            _ = async { tokio::join!(serve, pool) } => {}
            () = signals.next() => {
                mode = Mode::Immediate;
                for (_, process) in services.into_iter().flatten() {
                    process.signal(Signal::SIGKILL);
                    process.exited().await;
                }
            }
        }
    }
    if let Some(cluster) = running.cluster {
        cluster.stop_unless_hurried(mode, signals.next()).await?;
    }
    Ok(())
}

/// The wishes to stop: Ctrl-C, SIGTERM, and the terminal's end unless we were started with nohup.
struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    hangup: Option<unix::Signal>,
}

impl Signals {
    fn listen() -> std::io::Result<Signals> {
        let heeded = !ignores_hangup();
        Ok(Signals {
            interrupt: unix::signal(SignalKind::interrupt())?,
            terminate: unix::signal(SignalKind::terminate())?,
            hangup: heeded.then(|| unix::signal(SignalKind::hangup())).transpose()?,
        })
    }

    async fn next(&mut self) {
        let hung_up = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hung_up => {}
        }
    }
}

/// Listening for SIGHUP would undo what nohup did. The kernel's mask has one bit per signal, SIGHUP's the lowest.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}
