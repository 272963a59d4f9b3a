use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::postgres::find::Installation;
use crate::process::describe;
use crate::{DataDir, Error, Notices, Spec, User, files, secrets};

/// Lines of initdb's output that go into an error.
const LAST_LINES: usize = 3;

/// Makes the cluster where there is none. A run cut off leaves only `postgres.new`, which the next one makes again;
/// `postgres` appears by one rename, complete.
pub(crate) async fn initialise(
    dir: &DataDir,
    installation: &Installation,
    owner: &User,
    admin: &str,
    sync: bool,
    notices: &Notices,
) -> Result<(), Error> {
    let (new, done) = (dir.path().join("postgres.new"), dir.postgres());
    if done.exists() {
        return Ok(());
    }
    notices.say(format!(
        "making a new database cluster (PostgreSQL {})",
        installation.version
    ));
    secrets::read_or_create(&dir.secret(admin), owner)?;
    remove_half_made(&new)?;
    files::create_private_dir(&new, owner)?;
    run_initdb(dir, &new, installation, owner, admin, sync).await?;
    include_ours(&new, owner)?;
    fs::rename(&new, &done).map_err(Error::io("name", &done))?;
    files::sync_parent(&done)
}

fn remove_half_made(new: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(new) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::io("remove", new)(e)),
        _ => Ok(()),
    }
}

async fn run_initdb(
    dir: &DataDir,
    new: &Path,
    installation: &Installation,
    owner: &User,
    admin: &str,
    sync: bool,
) -> Result<(), Error> {
    let log = dir.log("initdb");
    let mut pwfile = std::ffi::OsString::from("--pwfile=");
    pwfile.push(dir.secret(admin));
    let mut spec = Spec::new("initdb", installation.bin.join("initdb"))
        .own_env_only()
        .env("LC_ALL", "C")
        .arg("-D")
        .arg(new)
        .arg(format!("--username={admin}"))
        .arg(pwfile)
        .args([
            "--data-checksums",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--lc-messages=C",
        ])
        .args(["--auth-local=scram-sha-256", "--auth-host=scram-sha-256"])
        .user(owner)
        .log(&log);
    if !sync {
        spec = spec.arg("--no-sync");
    }
    let status = spec.spawn()?.exited().await;
    if status.success() {
        return Ok(());
    }
    let last_lines = files::last_lines(&log, LAST_LINES);
    Err(Error::Failed {
        program: "initdb".into(),
        status: describe(status),
        last_lines,
    })
}

/// Our settings follow PostgreSQL's own; both files are read again at every start.
fn include_ours(new: &Path, owner: &User) -> Result<(), Error> {
    let path = new.join("postgresql.conf");
    let mut text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    text.push_str("\ninclude_if_exists = 'canvass.conf'\n");
    files::write_private(&path, text.as_bytes(), owner)
}
