use std::fs;

use canvass_testkit::eventually;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpgid, getsid, getuid};

use super::Pool;
use super::pool::Setting;

#[test]
fn a_pooler_says_what_it_listens_on_and_leaves_nothing_behind() {
    let mut pool = Pool::start("");

    let log = pool.log();
    for words in [
        format!("LOG listening on 127.0.0.1:{}", pool.port),
        format!("LOG listening on unix:{}", pool.socket().display()),
        "LOG process up: PgBouncer 1.25.".to_owned(),
        "LOG kernel file descriptor limit: ".to_owned(),
    ] {
        assert!(log.contains(&words), "{words} is missing in {log}");
    }
    assert_eq!(pool.client().run("SELECT 1"), "SELECT 1");
    assert_eq!(pool.pid(), i32::try_from(pool.process.id()).unwrap());

    pool.signal(Signal::SIGQUIT);
    assert!(pool.until_ended().success());
    assert!(!pool.file("pid").exists() && !pool.socket().exists());
    assert!(pool.log().contains("LOG got SIGQUIT, fast exit"));
}

#[test]
fn nobody_runs_it_as_root() {
    if !getuid().is_root() {
        return;
    }
    let setting = Setting::new("", "");

    let (status, words) = setting.run("r");

    assert_eq!(status.code(), Some(1));
    assert!(
        words.contains("does not run as root: name a user with -u"),
        "{words}"
    );

    // Given the user in the configuration, it is that user's.
    setting.write("user = nobody", "");
    let mut process = setting.command("r").spawn().unwrap();
    let status = format!("/proc/{}/status", setting.pid());
    let uid = nix::unistd::User::from_name("nobody").unwrap().unwrap().uid;
    let text = fs::read_to_string(status).unwrap();
    let expected = format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}");
    let groups = text.lines().find(|line| line.starts_with("Groups:")).unwrap();
    assert!(text.contains(&expected), "{text}");
    assert!(
        !groups.split_whitespace().any(|group| group == "0"),
        "root's groups are gone: {groups}"
    );
    kill(
        Pid::from_raw(i32::try_from(process.id()).unwrap()),
        Signal::SIGQUIT,
    )
    .unwrap();
    process.wait().unwrap();
}

#[test]
fn a_living_pooler_keeps_others_out_and_a_dead_one_does_not() {
    let mut pool = Pool::start("");

    let (status, words) = pool.run("");
    assert_eq!(status.code(), Some(1));
    assert!(words.contains("exists, another instance running?"), "{words}");

    pool.process.kill().unwrap();
    pool.process.wait().unwrap();
    assert!(
        pool.file("pid").exists() && pool.socket().exists(),
        "it could not tidy up"
    );
    fs::remove_file(pool.file("log")).unwrap();
    pool.process = pool.command("").spawn().unwrap();
    pool.until_logged("process up");
    assert!(pool.log().contains("LOG stale pidfile, removing"));
    assert_eq!(pool.client().run("SELECT 1"), "SELECT 1");
}

#[test]
fn in_the_background_it_returns_when_it_serves_clients() {
    let setting = Setting::new("", "");

    let (status, words) = setting.run("d");

    assert!(status.success(), "{words}");
    assert_eq!(setting.client().run("SELECT 1"), "SELECT 1", "at once");
    let pid = setting.pid();
    let process = Pid::from_raw(pid);
    assert_eq!(getsid(Some(process)).unwrap(), process, "a session of its own");
    assert_eq!(getpgid(Some(process)).unwrap(), process);
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    let program = std::env::current_exe().unwrap();
    let program = program.file_name().unwrap().to_str().unwrap();
    // The kernel keeps 15 bytes of it.
    assert_eq!(name.trim(), &program[..program.len().min(15)]);
    for stream in [0, 1, 2] {
        let target = fs::read_link(format!("/proc/{pid}/fd/{stream}")).unwrap();
        assert_eq!(target.to_str(), Some("/dev/null"), "stream {stream}");
    }
    kill(process, Signal::SIGQUIT).unwrap();
    eventually("its end", || (!setting.file("pid").exists()).then_some(()));
}

#[test]
fn in_the_background_it_says_why_it_does_not_start() {
    let setting = Setting::new("auth_hba_file = /nowhere/hba\nauth_type = hba", "");
    let (status, words) = setting.run("d");
    assert_eq!(status.code(), Some(1));
    assert!(words.contains("/nowhere/hba"), "{words}");

    setting.write("pidfile =", "");
    let (status, words) = setting.run("d");
    assert_eq!(status.code(), Some(1));
    assert!(words.contains("daemon needs pidfile configured"), "{words}");

    setting.write("logfile =", "");
    let (status, words) = setting.run("d");
    assert_eq!(status.code(), Some(1));
    assert!(
        words.contains("daemon needs logfile or syslog configured"),
        "{words}"
    );
}
