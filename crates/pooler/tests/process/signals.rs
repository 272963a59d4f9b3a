use nix::sys::signal::Signal;

use super::Pool;

#[test]
fn sigterm_waits_for_clients_and_a_second_one_does_not() {
    // Given a client in a transaction.
    let mut pool = Pool::start("");
    let mut client = pool.client();
    client.run("BEGIN");

    pool.signal(Signal::SIGTERM);
    pool.until_logged("LOG got SIGTERM, shutting down, waiting for all clients disconnect");
    client.run("COMMIT");
    assert_eq!(client.run("SELECT 1"), "SELECT 1", "as long as it likes");

    pool.signal(Signal::SIGTERM);
    assert!(pool.until_ended().success());
    assert!(client.reply().ended);
    assert!(
        pool.log()
            .contains("LOG got SIGTERM while shutting down, fast exit")
    );
}

#[test]
fn sigterm_ends_with_the_last_client() {
    let mut pool = Pool::start("");
    let client = pool.client();
    pool.signal(Signal::SIGTERM);
    pool.until_logged("waiting for all clients disconnect");

    drop(client);

    assert!(pool.until_ended().success());
    assert!(pool.log().contains("LOG client connections dropped, exiting"));
    assert!(!pool.file("pid").exists() && !pool.socket().exists());
}

#[test]
fn sigint_waits_for_servers() {
    let mut pool = Pool::start("");
    let (mut busy, mut idle) = (pool.client(), pool.client());
    busy.run("BEGIN");
    idle.run("SELECT 1");

    pool.signal(Signal::SIGINT);
    pool.until_logged("LOG got SIGINT, shutting down, waiting for all servers connections to be released");
    busy.run("COMMIT");

    assert!(pool.until_ended().success());
    assert!(busy.reply().ended && idle.reply().ended);
    assert!(pool.log().contains("LOG server connections dropped, exiting"));
}

#[test]
fn sighup_reloads_and_tells_of_what_is_wrong() {
    let pool = Pool::start("default_pool_size = 4");
    let mut client = pool.client();
    pool.setting.write("default_pool_size = 6", "");

    pool.signal(Signal::SIGHUP);
    pool.until_logged("LOG got SIGHUP, re-reading config");
    let mut console = pool.console();
    canvass_testkit::eventually("the new size", || {
        let config = console.query("SHOW CONFIG");
        (config.value("key", "default_pool_size", "value") == "6").then_some(())
    });
    assert_eq!(client.run("SELECT 1"), "SELECT 1");

    pool.setting.write("default_pool_size = what", "");
    pool.signal(Signal::SIGHUP);
    pool.until_logged("ERROR RELOAD Failed, see logs for more details");
    assert_eq!(client.run("SELECT 1"), "SELECT 1");
}

#[test]
fn sigusr1_pauses_and_sigusr2_resumes() {
    let pool = Pool::start("");
    let mut client = pool.client();
    client.run("SELECT 1");

    pool.signal(Signal::SIGUSR1);
    pool.until_logged("LOG got SIGUSR1, pausing all activity");
    client.ask("SELECT 1");
    let mut console = pool.console();
    canvass_testkit::eventually("the client to wait", || {
        let pools = console.query("SHOW POOLS");
        (pools.value("database", "app", "cl_waiting") == "1").then_some(())
    });
    pool.signal(Signal::SIGUSR1);
    pool.until_logged("LOG got SIGUSR1, but already paused/suspended");

    pool.signal(Signal::SIGUSR2);
    assert_eq!(client.reply().tags, ["SELECT 1"]);
    assert!(pool.log().contains("LOG got SIGUSR2, continuing from PAUSE"));
    pool.signal(Signal::SIGUSR2);
    pool.until_logged("LOG got SIGUSR2, but not paused/suspended");
}

#[test]
fn a_suspended_pooler_ends_at_once() {
    let mut pool = Pool::start("");
    let _client = pool.client();
    let mut console = pool.console();
    console.run("SUSPEND");

    pool.signal(Signal::SIGTERM);

    assert!(pool.until_ended().success());
    assert!(
        pool.log()
            .contains("FATAL suspend was in progress, going down immediately")
    );
}
