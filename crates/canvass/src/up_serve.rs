//! serve as a process of its own: what it is given, and when it is ready.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use canvass_stack::{Cluster, CommandService, Error, Spec, write_private};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::open_files;
use crate::up_plan::Plan;

/// serve reads its waves and connects before it listens.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// One question to a server that may be hanging.
const ASK_LIMIT: Duration = Duration::from_secs(2);
const ASK_EVERY: Duration = Duration::from_millis(50);

/// serve with the plan's settings. Its secrets go through the environment and a private file, never its arguments.
///
/// # Errors
/// The settings file cannot be written.
pub(crate) fn service(
    plan: &Plan,
    cluster: &Cluster,
    program: &Path,
    url: &str,
) -> anyhow::Result<CommandService> {
    let (dir, user) = (cluster.dir(), cluster.user());
    let settings = write_settings(plan, cluster)?;
    // serve runs as somebody who may not raise the limit.
    open_files::raise(plan.config.web.max_connections.saturating_add(open_files::OTHERS));
    let spec = Spec::new("serve", program)
        .arg("serve")
        .arg("--supervised")
        .arg("--listen")
        .arg(plan.listen.to_string())
        .arg("--config")
        .arg(settings)
        .env("CANVASS_DATABASE_URL", url)
        .env("CANVASS_KEYS", plan.keys())
        .env("CANVASS_WEB_DISK_PATH", dir.postgres())
        .env("CANVASS_DATA_DIR", dir.path())
        .cwd(dir.path());
    Ok(CommandService::new("serve", spec, dir, user))
}

/// serve's user may not be able to read the settings file that we were given: it gets a copy with everything in.
fn write_settings(plan: &Plan, cluster: &Cluster) -> anyhow::Result<PathBuf> {
    let path = cluster.dir().run().join("serve.toml");
    let text = toml::to_string(&plan.config).context("writing serve's settings")?;
    write_private(&path, text.as_bytes(), cluster.user())?;
    Ok(path)
}

/// Waits until serve says that it can save.
///
/// # Errors
/// It has not said so in time.
pub(crate) async fn ready(plan: &Plan) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !answers(plan.reach(), plan.tls()).await {
        if begun.elapsed() > READY_LIMIT {
            let (name, seconds) = ("serve".into(), READY_LIMIT.as_secs());
            return Err(Error::NotReady {
                name,
                seconds,
                log: plan.dir.log("serve"),
            }
            .into());
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    Ok(())
}

/// `GET /readyz` says 200. Under TLS an open port has to do: serve opens it once it has reached the database.
async fn answers(address: SocketAddr, tls: bool) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        if tls {
            return Ok(true);
        }
        let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut status = String::new();
        BufReader::new(stream).read_line(&mut status).await?;
        Ok::<_, std::io::Error>(status.split(' ').nth(1) == Some("200"))
    };
    matches!(timeout(ASK_LIMIT, ask).await, Ok(Ok(true)))
}
