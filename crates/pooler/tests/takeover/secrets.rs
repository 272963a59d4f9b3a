//! Connections with TLS, and logins with SCRAM.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use canvass_testkit::{Place, eventually, shared_cluster};

use crate::Pool;
use crate::pool::{Setting, USER};
use crate::psql::Psql;
use crate::world::{client, restart};

/// `name.crt` and `name.key` that everybody may read.
fn make_certificate(place: &Path, name: &str) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    for (ending, text) in [
        ("crt", made.cert.pem()),
        ("key", made.signing_key.serialize_pem()),
    ] {
        let path = place.join(format!("{name}.{ending}"));
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }
}

/// A pooler that speaks TLS with those who want it.
fn tls_setting() -> Setting {
    let setting = Setting::new("", "");
    make_certificate(setting.file("pid").parent().unwrap(), "pooler");
    let (key, certificate) = (setting.file("pooler.key"), setting.file("pooler.crt"));
    let settings = format!(
        "client_tls_sslmode = allow\nclient_tls_key_file = {}\nclient_tls_cert_file = {}",
        key.display(),
        certificate.display()
    );
    setting.write(&settings, "");
    setting
}

#[test]
fn clients_with_tls_are_told_and_counted() {
    let setting = tls_setting();
    let mut pool = Pool::start_in(setting);
    let mut with: Vec<_> = (0..2)
        .map(|_| Psql::connect(&pool, USER, "sslmode=require"))
        .collect();
    let mut without = client(&pool);
    without.run("BEGIN");
    assert_eq!(with[0].value("BEGIN; SELECT 1"), "1");

    restart(&mut pool);

    assert_eq!(without.run("COMMIT").tags(), ["COMMIT"]);
    for psql in with {
        let words = psql.last_words("SELECT 2");
        let expected = "FATAL:  pooler is restarted, connections with TLS are not taken over";
        assert!(words.contains(expected), "{words}");
    }
    let words = "took over 1 clients, 1 servers; 2 TLS clients and 0 others";
    assert!(pool.log().contains(words), "{}", pool.log());
    assert_eq!(
        Psql::connect(&pool, USER, "sslmode=require").value("SELECT 3"),
        "3"
    );
}

/// Has the cluster speak TLS, too.
fn tls_on() -> Place {
    let place = Place::new();
    make_certificate(place.path(), "server");
    let cluster = shared_cluster();
    let owner = fs::metadata(cluster.dir()).unwrap();
    use std::os::unix::fs::MetadataExt;
    for name in ["server.key", "server.crt"] {
        let path = place.path().join(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        let setting = format!("ssl_{}_file", if name.ends_with("key") { "key" } else { "cert" });
        cluster.execute(
            "postgres",
            &format!("ALTER SYSTEM SET {setting} = '{}'", path.display()),
        );
    }
    cluster.execute("postgres", "ALTER SYSTEM SET ssl = on");
    cluster.execute("postgres", "SELECT pg_reload_conf()");
    place
}

#[test]
fn a_query_of_a_client_with_tls_is_answered_first() {
    let setting = tls_setting();
    let mut pool = Pool::start_in(setting);
    let mut psql = Psql::connect(&pool, USER, "sslmode=require");
    let mut without = client(&pool);
    without.run("CREATE TABLE said (so bool)");
    let wait = "DO $$ BEGIN LOOP PERFORM FROM said; EXIT WHEN FOUND; PERFORM pg_sleep(0.01); END LOOP; END $$; \
                SELECT 'answered'";
    psql.ask(wait);
    eventually("the query", || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'DO %'";
        (pool.database.value(sql) == "1").then_some(())
    });

    let new = pool.command("R").spawn().unwrap();
    pool.until_logged("took over 1 clients");
    assert_eq!(without.value("SELECT 1"), "1", "nobody waits for that");
    shared_cluster().execute(&pool.database.name, "INSERT INTO said VALUES (true)");

    crate::world::until_ended(&mut pool.process);
    pool.process = new;
    assert!(psql.last_words("SELECT 2").contains("pooler is restarted"));
}

#[test]
fn servers_with_tls_stay_behind_with_those_who_have_one() {
    let _place = tls_on();
    let mut pool = eventually("servers with TLS", || {
        let pool = Pool::start("server_tls_sslmode = prefer");
        let mut console = pool.console();
        assert_eq!(client(&pool).value("SELECT 1"), "1");
        let servers = console.query("SHOW SERVERS");
        (servers.column("tls") != [""]).then_some(pool)
    });
    let (mut busy, mut idle) = (client(&pool), client(&pool));
    busy.run("BEGIN");
    assert_eq!(idle.value("SELECT 1"), "1");

    restart(&mut pool);

    assert_eq!(busy.until_end().code().as_deref(), Some("57P01"));
    assert_eq!(
        idle.value("SELECT 2"),
        "2",
        "over a server of the new process's own"
    );
    assert!(
        pool.log()
            .contains("took over 1 clients, 0 servers; 1 TLS clients"),
        "{}",
        pool.log()
    );
}

#[test]
fn keys_of_a_scram_login_go_over_so_that_new_servers_can_be_opened() {
    // Given a user of whom the pooler knows a verifier and no password.
    let setting = Setting::new("", "");
    let name = format!("scram_{}", setting.port);
    let cluster = shared_cluster();
    cluster.execute(
        &setting.database.name,
        &format!(
            "CREATE ROLE {name} LOGIN PASSWORD 'hunter2'; GRANT CONNECT ON DATABASE {} TO {name}",
            setting.database.name
        ),
    );
    let verifier = setting.database.value(&format!(
        "SELECT rolpassword FROM pg_authid WHERE rolname = '{name}'"
    ));
    fs::write(
        setting.file("verifiers"),
        format!("\"{name}\" \"{verifier}\"\n\"boss\" \"x\"\n"),
    )
    .unwrap();
    let settings = format!(
        "auth_type = scram-sha-256\nauth_file = {}\n[databases]\napp = host=127.0.0.1 port={} dbname={}",
        setting.file("verifiers").display(),
        cluster.port(),
        setting.database.name
    );
    setting.write(&settings, "");
    let mut pool = Pool::start_in(setting);
    let mut psql = Psql::connect(&pool, &name, "password=hunter2");
    let before = psql.value("SELECT pg_backend_pid()");

    restart(&mut pool);
    cluster.execute("postgres", &format!("SELECT pg_terminate_backend({before})"));
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {before}");
    eventually("the server's end", || {
        (pool.database.value(&sql) == "0").then_some(())
    });

    let after = psql.value("SELECT pg_backend_pid()");
    assert!(!after.is_empty() && after != before, "{after:?}, {}", pool.log());
}
