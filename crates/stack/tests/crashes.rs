//! What kill -9 leaves behind, and how the next start deals with it.

#![allow(clippy::unwrap_used)] // helpers too: a panic there is the failure's message

mod support;

use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use canvass_stack::{
    CommandService, Error, Keeper, Mode, PostgresService, Process, RestartPolicy, Role, Service, Spec, User,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{Place, connect, is_alive, processes_in, until};

fn sigkill(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}

fn quick() -> RestartPolicy {
    let (first_pause, longest_pause) = (Duration::from_millis(5), Duration::from_millis(20));
    RestartPolicy {
        first_pause,
        longest_pause,
        ..RestartPolicy::default()
    }
}

#[tokio::test]
async fn a_postmaster_that_is_killed_is_started_again_and_nothing_committed_is_lost() {
    let place = Place::new();
    let cluster = Arc::new(place.open().await);
    let mut keeper = Keeper::new(
        PostgresService::new(Arc::clone(&cluster)),
        quick(),
        place.notices(),
    );
    let first = keeper.start().await.unwrap();
    cluster.ready().await.unwrap();
    let client = connect(&cluster, Role::Application).await;
    client
        .batch_execute("CREATE TABLE kept AS SELECT 7 AS n")
        .await
        .unwrap();

    sigkill(first.pid());
    let restarted = async {
        until("a new postmaster", || {
            cluster.postmaster_pid().is_some_and(|pid| pid != first.pid())
        })
        .await;
        cluster.ready().await.unwrap();
    };
    tokio::select! {
        gave_up = keeper.keep() => panic!("{gave_up}"),
        () = restarted => {}
    }

    let client = connect(&cluster, Role::Application).await;
    let kept: i32 = client.query_one("SELECT n FROM kept", &[]).await.unwrap().get(0);
    assert_eq!(kept, 7);
    assert!(
        place
            .said
            .lock()
            .unwrap()
            .iter()
            .any(|line| line.contains("was ended by SIGKILL"))
    );
    cluster.stop(Mode::Fast).await.unwrap();
    assert!(processes_in(&place.dir()).is_empty());
}

#[tokio::test]
async fn a_postmaster_killed_beside_a_long_query_starts_again_too() {
    let place = Place::new();
    let cluster = place.started().await;
    let client = connect(&cluster, Role::Application).await;
    // Busy without waiting on anything, so that the backend does not notice the death of its postmaster.
    let busy = tokio::spawn(async move { client.batch_execute("DO $$ BEGIN LOOP END LOOP; END $$").await });
    let admin = connect(&cluster, Role::Admin).await;
    let mut seen = 0;
    while seen == 0 {
        let running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active'";
        seen = admin.query_one(running, &[]).await.unwrap().get::<_, i64>(0);
    }
    sigkill(cluster.postmaster_pid().unwrap());
    until("its death", || cluster.postmaster_pid().is_none()).await;

    cluster.start_ready().await.unwrap();

    busy.await.unwrap().unwrap_err();

    connect(&cluster, Role::Application).await;
    cluster.stop(Mode::Fast).await.unwrap();
}

#[tokio::test]
async fn a_postmaster_that_outlived_its_run_is_stopped_by_the_next_one() {
    let place = Place::new();
    let cluster = place.started().await;
    cluster.stop(Mode::Fast).await.unwrap();
    let bin = cluster.bin_dir().join("postgres");
    let user = cluster.user().clone();
    drop(cluster);
    // Started by someone who does not lock the directory, as after a kill -9 without a parent-death signal.
    let spec = Spec::new("leftover", bin)
        .arg("-D")
        .arg(place.dir().join("postgres"));
    let leftover = spec
        .user(&user)
        .log(place.dir().join("log/leftover.log"))
        .spawn()
        .unwrap();
    let pid_file = place.dir().join("postgres/postmaster.pid");
    until("the leftover to be ready", || {
        fs::read_to_string(&pid_file)
            .unwrap_or_default()
            .contains("ready")
    })
    .await;

    let cluster = place.started().await;

    assert!(leftover.ended().is_some());
    assert!(
        place
            .said
            .lock()
            .unwrap()
            .iter()
            .any(|line| line.contains("of an earlier run"))
    );
    cluster.stop(Mode::Fast).await.unwrap();
}

#[tokio::test]
async fn a_stale_pid_file_with_a_number_that_is_now_another_programs_does_not_matter() {
    let place = Place::new();
    let cluster = place.started().await;
    let pid_file = place.dir().join("postgres/postmaster.pid");
    let text = fs::read_to_string(&pid_file).unwrap();
    let user = cluster.user().clone();
    cluster.stop(Mode::Immediate).await.unwrap();
    drop(cluster);
    let stranger = Spec::new("stranger", "sleep")
        .arg("600")
        .user(&user)
        .spawn()
        .unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    fs::write(&pid_file, format!("{}\n{rest}", stranger.pid())).unwrap();

    let cluster = place.started().await;

    assert!(stranger.ended().is_none(), "the stranger is left alone");
    cluster.stop(Mode::Fast).await.unwrap();
    stranger.terminate(Signal::SIGTERM, Duration::from_secs(5)).await;
}

fn service(place: &Place, script: &str) -> (CommandService, User) {
    let dir = canvass_stack::DataDir::at(&place.dir()).unwrap();
    let user = User::choose(None, dir.path()).unwrap();
    let spec = Spec::new("serve", "sh").arg("-c").arg(script);
    (CommandService::new("serve", spec, &dir, &user), user)
}

#[tokio::test]
async fn a_service_that_dies_again_and_again_is_given_up_with_its_last_words() {
    let place = Place::new();
    drop(place.open().await);
    let (service, _) = service(&place, "echo cannot open the flux capacitor; exit 3");
    let mut keeper = Keeper::new(service, quick(), place.notices());
    keeper.start().await.unwrap();

    let gave_up = keeper.keep().await;

    assert!(matches!(gave_up, Error::GaveUp { failures: 5, .. }), "{gave_up}");
    let text = gave_up.to_string();
    assert!(
        text.contains("serve failed 5 times in a row; last it ended with exit code 3"),
        "{text}"
    );
    assert!(text.contains("    cannot open the flux capacitor"), "{text}");
    assert_eq!(
        place
            .said
            .lock()
            .unwrap()
            .iter()
            .filter(|line| line.contains("starting it again"))
            .count(),
        4
    );
}

#[tokio::test]
async fn a_service_that_will_not_finish_is_ended() {
    let place = Place::new();
    drop(place.open().await);
    let (mut service, _) = service(&place, "trap '' TERM; echo deaf; while :; do sleep 1; done");
    let process = service.start().await.unwrap();
    let log = place.dir().join("log/serve.log");
    until("it to be deaf", || {
        fs::read_to_string(&log).unwrap_or_default().contains("deaf")
    })
    .await;

    service.stop(&process, Duration::from_millis(200)).await;

    assert!(process.ended().is_some());
    assert!(!place.dir().join("run/serve.pid").exists());
}

#[tokio::test]
async fn a_service_left_over_from_an_earlier_run_is_ended_and_a_stranger_is_not() {
    let place = Place::new();
    drop(place.open().await);
    let (mut service, user) = service(&place, "exec sleep 600");
    let leftover = service.start().await.unwrap();
    // A number that is in use again, but by a process that started at another time.
    let stranger = Spec::new("stranger", "sleep")
        .arg("600")
        .user(&user)
        .spawn()
        .unwrap();
    fs::write(
        place.dir().join("run/other.pid"),
        format!("{} 1\n", stranger.pid()),
    )
    .unwrap();

    drop(place.open().await);

    assert!(leftover.exited().await.code().is_none());
    assert!(stranger.ended().is_none());
    assert!(!place.dir().join("run/serve.pid").exists());
    stranger.terminate(Signal::SIGTERM, Duration::from_secs(5)).await;
}

/// Run by the next test as a process of its own: starts a cluster and a service, then waits to be killed.
#[tokio::test]
#[ignore = "a helper process"]
async fn helper_that_is_killed() {
    let Some(root) = std::env::var_os("STACK_TEST_DATA") else {
        return;
    };
    let config = canvass_stack::ClusterConfig {
        profile: canvass_stack::Profile::Test,
        min_free: 0,
        ..canvass_stack::ClusterConfig::new(root)
    };
    let cluster = canvass_stack::Cluster::create_or_open(config).await.unwrap();
    cluster.start_ready().await.unwrap();
    let spec = Spec::new("serve", "sleep").arg("600");
    let mut service = CommandService::new("serve", spec, cluster.dir(), cluster.user());
    let _process: Process = service.start().await.unwrap();
    fs::write(cluster.dir().path().join("helper-ready"), "").unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn children_end_when_their_parent_is_killed_and_the_next_run_starts_at_once() {
    let place = Place::new();
    let mut helper = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "helper_that_is_killed", "--ignored"])
        .env("STACK_TEST_DATA", place.dir())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("the helper", || place.dir().join("helper-ready").exists()).await;
    let serve = fs::read_to_string(place.dir().join("run/serve.pid")).unwrap();
    let serve = serve.split_whitespace().next().unwrap().to_owned();

    helper.kill().unwrap();
    helper.wait().unwrap();

    let cluster = place.started().await;
    assert!(!is_alive(&serve), "the service has ended too");
    cluster.stop(Mode::Fast).await.unwrap();
    assert!(processes_in(&place.dir()).is_empty());
}

#[tokio::test]
async fn a_second_wish_to_stop_is_immediate() {
    let place = Place::new();
    let cluster = place.started().await;
    cluster
        .stop_unless_hurried(Mode::Fast, std::future::ready(()))
        .await
        .unwrap();
    assert!(
        place.logs().contains("received immediate shutdown request"),
        "{}",
        place.logs()
    );
}
