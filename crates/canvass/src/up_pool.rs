//! The connection pool as a process: for whatever else works with the database, on pgbouncer's port.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use canvass_stack::{Cluster, CommandService, Role, Spec, write_private};
use nix::sys::signal::Signal;

use crate::up_plan::{Plan, reachable};

/// The application's database, and the role that owns it.
const DATABASE: &str = "canvass";
/// Server connections of one user; PostgreSQL's own limit is asked for besides.
const POOL_SIZE: usize = 20;

/// `canvass pool` in front of the cluster. `None`: no address is set.
///
/// # Errors
/// Its files cannot be written.
pub(crate) fn service(
    plan: &Plan,
    cluster: &Cluster,
    program: &Path,
) -> anyhow::Result<Option<CommandService>> {
    let Some(listen) = plan.pool else {
        // The address of an earlier run leads nowhere.
        let _ = std::fs::remove_file(cluster.dir().secret("pool-url"));
        return Ok(None);
    };
    let (dir, user) = (cluster.dir(), cluster.user());
    let settings = write_files(listen, cluster)?;
    let spec = Spec::new("pool", program)
        .arg("pool")
        .arg(settings)
        .own_env_only()
        .cwd(dir.path());
    // What SIGINT means to a pooler: transactions end, clients are not waited for.
    Ok(Some(
        CommandService::new("pool", spec, dir, user).ended_by(Signal::SIGINT),
    ))
}

/// Settings, who may log in, and the connection string that people use.
fn write_files(listen: SocketAddr, cluster: &Cluster) -> anyhow::Result<PathBuf> {
    let (dir, user) = (cluster.dir(), cluster.user());
    let role = cluster.role_name(Role::Application);
    let password = cluster.password(Role::Application)?;
    let users = dir.secret("pool-users");
    write_private(&users, format!("\"{role}\" \"{password}\"\n").as_bytes(), user)?;
    let url = format!(
        "postgresql://{role}:{password}@{}/{DATABASE}\n",
        reachable(listen)
    );
    write_private(&dir.secret("pool-url"), url.as_bytes(), user)?;
    let path = dir.run().join("pool.ini");
    write_private(&path, settings(listen, cluster, &role, &users).as_bytes(), user)?;
    Ok(path)
}

fn settings(listen: SocketAddr, cluster: &Cluster, role: &str, users: &Path) -> String {
    format!(
        "\
;; Written by canvass up at every start; not to be edited. docs/pool-settings.md explains every setting.

[databases]
{DATABASE} = host={host} port={port} dbname={DATABASE}

[pgbouncer]
listen_addr = {ip}
listen_port = {listen_port}
unix_socket_dir = {sockets}
auth_type = scram-sha-256
auth_file = {users}
admin_users = {role}
pool_mode = transaction
default_pool_size = {POOL_SIZE}
max_client_conn = 1000

[canvass]
; what a session leaves behind stays with its client
session_state = pin
; never more than PostgreSQL gives out
max_server_connections = auto
; an answer that would come too late is refused at once
refuse_early = 1
; reads do not wait behind writes, nor writes behind reads
lanes = 1
; a restart of PostgreSQL is waited for
wait_for_restart = 60
",
        host = quoted(&cluster.socket_dir()),
        port = cluster.port(),
        ip = listen.ip(),
        listen_port = listen.port(),
        sockets = cluster.socket_dir().display(),
        users = users.display(),
    )
}

/// A path as a value of a connection string.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "''"))
}
