//! A hand-over that does not come about leaves everything as it was.

use std::fs;

use crate::pool::{ADMIN, USER};
use crate::support::Wire;
use crate::world::{client, restart};
use crate::{Client, Pool, peer};

/// Says that the old one goes on with everything, and that a restart works all the same.
fn goes_on(pool: &mut Pool, client: &mut Wire) {
    assert!(pool.process.try_wait().unwrap().is_none(), "the old pooler ended");
    assert_eq!(client.value("SHOW TimeZone"), "Asia/Tokyo");
    client.run("COMMIT");
    assert_eq!(
        crate::world::client(pool).value("SELECT 1"),
        "1",
        "new ones come in"
    );
    restart(pool);
    assert_eq!(client.value("SELECT 1"), "1");
}

/// A client in a transaction.
fn in_transaction(pool: &Pool) -> Wire {
    let mut client = client(pool);
    client.run("BEGIN");
    client.run("SET LOCAL TimeZone = 'Asia/Tokyo'");
    client
}

#[test]
fn without_a_running_pooler_it_starts_as_usual() {
    let setting = crate::pool::Setting::new("", "");
    let process = setting.command("R").spawn().unwrap();
    let pool = Pool { setting, process };
    pool.until_logged("process up");
    assert!(
        pool.log()
            .contains("LOG -R: no pooler is running, starting as usual")
    );
    assert_eq!(client(&pool).value("SELECT 1"), "1");
}

#[test]
fn in_the_background_it_takes_over_too() {
    let mut pool = Pool::start("");
    let mut client = in_transaction(&pool);

    let (status, words) = pool.run("dR");

    assert!(status.success(), "{words}");
    crate::world::until_ended(&mut pool.process);
    assert_eq!(client.value("SHOW TimeZone"), "Asia/Tokyo");
    let new = nix::unistd::Pid::from_raw(pool.pid());
    nix::sys::signal::kill(new, nix::sys::signal::Signal::SIGQUIT).unwrap();
    assert!(client.until_end().ended);
    canvass_testkit::eventually("its end", || (!pool.file("pid").exists()).then_some(()));
    assert!(!pool.socket().exists(), "it has tidied up behind both");
}

#[test]
fn a_configuration_that_is_wrong_leaves_the_old_one_serving() {
    let mut pool = Pool::start("");
    let mut client = in_transaction(&pool);
    for (settings, expected) in [
        ("default_pool_size = what", "default_pool_size"),
        ("listen_addr = 192.0.2.1", "192.0.2.1"),
    ] {
        pool.setting.write(settings, "");
        let (status, words) = pool.run("R");
        assert_eq!(status.code(), Some(1), "{words}");
        assert!(words.contains(expected), "{words}");
    }
    pool.setting.write("", "");
    goes_on(&mut pool, &mut client);
}

#[test]
fn rubbish_and_death_in_the_conversation_leave_the_old_one_serving() {
    let mut pool = Pool::start("");
    let mut client = in_transaction(&pool);
    for deed in [
        "says GET / HTTP/1.1",
        "says \u{7f}\u{7f}\u{7f}\u{7f}",
        "says \u{1}",
        "dies",
        "dies when it has everything",
    ] {
        peer::run(&pool, deed);
        pool.until_logged("WARNING nothing was handed over, going on");
        assert_eq!(client.value("SHOW TimeZone"), "Asia/Tokyo", "{deed}");
        fs::write(pool.file("log"), "").unwrap();
    }
    peer::run(&pool, "speaks another version");
    assert!(!pool.log().contains("handing over"), "{}", pool.log());
    goes_on(&mut pool, &mut client);
}

#[test]
fn somebody_else_gets_nothing() {
    let pool = Pool::start("");

    // Given an administrator, over TCP.
    let mut console = Client::tcp(pool.address(), ADMIN, "pgbouncer").unwrap();
    let (code, words) = console.fail("HAND_OVER 1");
    assert_eq!(code, "42501", "{words}");
    assert_eq!(console.run("SHOW VERSION"), "SHOW", "and goes on");

    // And over the Unix socket: another user of the operating system, when this test is root.
    if nix::unistd::getuid().is_root() {
        let mut console = Client::unix(&pool.socket(), ADMIN, "pgbouncer").unwrap();
        let (code, words) = console.fail("HAND_OVER 1");
        assert_eq!(code, "42501", "{words}");
        let user = Client::unix(&pool.socket(), "pgbouncer", "pgbouncer");
        assert!(user.is_err(), "and not as the pooler itself");
    }
    let mut user = Client::tcp(pool.address(), USER, "app").unwrap();
    assert_eq!(user.run("SELECT 1"), "SELECT 1");
}
