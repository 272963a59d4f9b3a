//! Prepared statements in transaction mode: they follow their client, and nobody meets another's.

use crate::support::{Database, Pooler, Reply, Wire, build, transcript};

fn start(most: &str, size: &str) -> (Database, Pooler) {
    start_with(most, size, "")
}

fn start_with(most: &str, size: &str, sections: &str) -> (Database, Pooler) {
    let database = Database::new();
    let settings = [
        ("pool_mode", "transaction"),
        ("default_pool_size", size),
        ("max_prepared_statements", most),
    ];
    let pooler = Pooler::start_with(&database, "", &settings, sections);
    (database, pooler)
}

fn prepare(client: &mut Wire, name: &str, sql: &str) -> Reply {
    client.ask(&[build::parse(name, sql, &[]), build::sync()].concat())
}

fn execute(client: &mut Wire, name: &str) -> Reply {
    client.ask(&build::execute_prepared(name, &[]))
}

/// The names of all statements that a server has, sorted; asked of the server that is free.
fn on_server(client: &mut Wire) -> Vec<String> {
    let rows = client
        .query("SELECT name FROM pg_prepared_statements ORDER BY name")
        .rows();
    rows.into_iter().flatten().collect()
}

#[test]
fn a_statement_is_prepared_again_on_every_server_under_a_name_of_its_own() {
    // Given a statement that was prepared on one server.
    let (_database, pooler) = start("10", "2");
    let mut client = pooler.client();
    assert_eq!(prepare(&mut client, "mine", "SELECT 'of mine'").kinds(), "1Z");
    let first = client.value("SELECT pg_backend_pid()");

    // When that server is taken, and another one must be used.
    let mut holder = pooler.client();
    holder.run("BEGIN");
    let held = holder.value("SELECT pg_backend_pid()");
    let second = client.value("SELECT pg_backend_pid()");

    // Then it is there, and the client hears nothing of it.
    assert_ne!(held, second);
    let reply = execute(&mut client, "mine");
    assert_eq!(reply.kinds(), "2DCZ", "{}", reply.show());
    assert_eq!(reply.rows(), [["of mine"]]);
    assert!([held, second].contains(&first));
    let names = on_server(&mut client);
    assert!(names.len() == 1 && names[0] != "mine", "{names:?}");
}

#[test]
fn the_same_name_may_stand_for_different_things_and_the_same_text_is_one_statement() {
    let (_database, pooler) = start("10", "1");
    let mut clients = [pooler.client(), pooler.client(), pooler.client()];
    for (client, text) in clients.iter_mut().zip(["a", "b", "a"]) {
        prepare(client, "s", &format!("SELECT '{text}'"));
    }
    for (client, text) in clients.iter_mut().zip(["a", "b", "a"]) {
        assert_eq!(execute(client, "s").rows(), [[text]]);
    }
    assert_eq!(on_server(&mut clients[0]).len(), 2);
}

#[test]
fn a_server_keeps_so_many_and_the_least_recently_used_goes() {
    let (_database, pooler) = start("3", "1");
    let mut client = pooler.client();
    for n in 0..3 {
        prepare(&mut client, &format!("s{n}"), &format!("SELECT {n}"));
    }
    let before = on_server(&mut client);
    assert_eq!(before.len(), 3);
    // Given that the oldest has just been used, when a fourth one comes.
    assert_eq!(execute(&mut client, "s0").rows(), [["0"]]);
    prepare(&mut client, "s3", "SELECT 3");

    // Then the second one has gone from the server.
    let after = on_server(&mut client);
    assert_eq!(after.len(), 3);
    let gone: Vec<&String> = before.iter().filter(|name| !after.contains(name)).collect();
    let texts = client
        .query("SELECT statement FROM pg_prepared_statements ORDER BY 1")
        .rows();
    assert_eq!(
        texts.concat(),
        ["SELECT 0", "SELECT 2", "SELECT 3"],
        "{gone:?} has gone"
    );

    // But not from its client.
    for n in 0..4 {
        assert_eq!(execute(&mut client, &format!("s{n}")).rows(), [[n.to_string()]]);
        assert_eq!(on_server(&mut client).len(), 3);
    }
}

#[test]
fn a_name_that_is_taken_is_an_error_and_the_first_statement_stands() {
    let (_database, pooler) = start("10", "2");
    let mut client = pooler.client();
    prepare(&mut client, "s", "SELECT 'first'");
    let reply = prepare(&mut client, "s", "SELECT 'second'");
    assert_eq!(reply.kinds(), "EZ");
    assert_eq!(reply.code().as_deref(), Some("42P05"));
    assert_eq!(reply.message(), "prepared statement \"s\" already exists");
    assert_eq!(execute(&mut client, "s").rows(), [["first"]]);
}

#[test]
fn a_close_frees_the_name_and_one_of_nothing_succeeds() {
    let (_database, pooler) = start("10", "2");
    let mut client = pooler.client();
    let close = |name: &str| [build::close_statement(name), build::sync()].concat();
    assert_eq!(client.ask(&close("nothing")).kinds(), "3Z");
    prepare(&mut client, "s", "SELECT 'first'");
    assert_eq!(client.ask(&close("s")).kinds(), "3Z");
    let reply = execute(&mut client, "s");
    assert_eq!(reply.code().as_deref(), Some("26000"), "{}", reply.show());
    assert_eq!(reply.message(), "prepared statement \"s\" does not exist");
    assert_eq!(client.ask(&close("s")).kinds(), "3Z");
    prepare(&mut client, "s", "SELECT 'second'");
    assert_eq!(execute(&mut client, "s").rows(), [["second"]]);
}

#[test]
fn what_clears_a_session_clears_this_client_only() {
    for sql in ["DEALLOCATE ALL", "DISCARD ALL"] {
        let (_database, pooler) = start("10", "1");
        let [mut clears, mut keeps] = [pooler.client(), pooler.client()];
        for client in [&mut clears, &mut keeps] {
            prepare(client, "s", "SELECT 'kept'");
        }
        clears.run(sql);
        let reply = execute(&mut clears, "s");
        assert_eq!(reply.code().as_deref(), Some("26000"), "{sql}: {}", reply.show());
        assert_eq!(execute(&mut keeps, "s").rows(), [["kept"]], "{sql}");
        prepare(&mut clears, "s", "SELECT 'anew'");
        assert_eq!(execute(&mut clears, "s").rows(), [["anew"]], "{sql}");
        assert_eq!(execute(&mut keeps, "s").rows(), [["kept"]], "{sql}");
    }
}

#[test]
fn a_parse_that_failed_is_forgotten_also_in_a_pipeline() {
    // Given a pipeline: a good statement, a bad one, one behind it that is ignored, a Sync, and all of it used.
    let (database, pooler) = start("10", "2");
    let pipeline = [
        build::parse("good", "SELECT 'good'", &[]),
        build::parse("bad", "SELECT nonsense FROM nowhere", &[]),
        build::parse("ignored", "SELECT 'ignored'", &[]),
        build::sync(),
        build::execute_prepared("good", &[]),
        build::execute_prepared("bad", &[]),
        build::execute_prepared("ignored", &[]),
        build::parse("bad", "SELECT 'better'", &[]),
        build::execute_prepared("bad", &[]),
    ]
    .concat();
    let lines = |client: &mut Wire| {
        client.send(&pipeline).unwrap();
        let mut left = 5;
        let reply = client.until(|message| {
            left -= usize::from(message.kind == b'Z');
            left == 0
        });
        transcript::lines(&reply.messages)
    };
    let expected = lines(&mut database.direct());
    assert!(expected.iter().any(|line| line.contains("26000")), "{expected:?}");
    let mut client = pooler.client();
    assert_eq!(lines(&mut client), expected);

    // Then it is the same on a server that knows nothing of it.
    let mut holder = pooler.client();
    holder.run("BEGIN");
    assert_eq!(execute(&mut client, "bad").rows(), [["better"]]);
    assert_eq!(execute(&mut client, "good").rows(), [["good"]]);
    assert_eq!(execute(&mut client, "ignored").code().as_deref(), Some("26000"));
}

#[test]
fn a_text_longer_than_any_buffer_is_a_statement_like_others() {
    let (_database, pooler) = start("10", "2");
    let mut client = pooler.client();
    for kilobytes in [30, 64, 70, 1_000, 5_000] {
        let value = "x".repeat(kilobytes << 10);
        let name = format!("of_{kilobytes}");
        let reply = prepare(&mut client, &name, &format!("SELECT length('{value}')"));
        assert_eq!(reply.kinds(), "1Z", "{kilobytes}");
        let mut holder = pooler.client();
        holder.run("BEGIN");
        for _ in 0..2 {
            assert_eq!(execute(&mut client, &name).rows(), [[value.len().to_string()]]);
        }
    }
}

#[test]
fn a_client_s_statements_are_limited_in_bytes() {
    let sections = "[canvass]\nprepared_statement_max_bytes = 100000\n";
    let (_database, pooler) = start_with("10", "2", sections);
    let sql = |n: usize| format!("SELECT '{}'", "x".repeat(n));
    // One that is too long by itself, and many that are together.
    let mut client = pooler.client();
    let reply = prepare(&mut client, "s", &sql(200_000));
    assert!(reply.ended, "{}", reply.show());
    assert_eq!(reply.code().as_deref(), Some("54000"));
    let mut client = pooler.client();
    let reply = (0..20).map(|n| prepare(&mut client, &format!("s{n}"), &sql(9_000)));
    let refused = reply.into_iter().find(|reply| reply.error().is_some()).unwrap();
    assert_eq!(refused.code().as_deref(), Some("54000"), "{}", refused.show());
    let mut client = pooler.client();
    for n in 0..100 {
        assert_eq!(prepare(&mut client, "s", &sql(9_000 + n)).kinds(), "1Z");
        client.ask(&[build::close_statement("s"), build::sync()].concat());
    }
}

#[test]
fn a_plan_that_a_migration_has_made_old_is_made_anew() {
    let (database, pooler) = start("10", "1");
    let mut migrate = database.direct();
    migrate.run("CREATE TABLE t (a int); INSERT INTO t VALUES (1)");
    let mut client = pooler.client();
    prepare(&mut client, "s", "SELECT * FROM t");
    assert_eq!(execute(&mut client, "s").rows(), [["1"]]);

    // Outside a transaction the client does not hear of it.
    migrate.run("ALTER TABLE t ADD COLUMN b int DEFAULT 2");
    assert_eq!(execute(&mut client, "s").rows(), [["1", "2"]]);

    // In one it must, as the transaction has failed.
    client.run("BEGIN");
    migrate.run("ALTER TABLE t ADD COLUMN c int DEFAULT 3");
    let reply = execute(&mut client, "s");
    assert_eq!(reply.code().as_deref(), Some("0A000"), "{}", reply.show());
    assert_eq!(reply.message(), "cached plan must not change result type");
    assert_eq!(reply.state(), 'E');
    client.run("ROLLBACK");
    assert_eq!(execute(&mut client, "s").rows(), [["1", "2", "3"]]);

    // Nor when something of the reply has been heard.
    let two = [build::bind("", "s", &[]), build::execute("", 0), build::flush()].concat();
    client.send(&two).unwrap();
    client.until(|message| message.kind == b'C');
    assert!(client.ask(&build::sync()).is_ready());
}

#[test]
fn without_tracking_statements_are_the_server_s_business() {
    let (_database, pooler) = start("0", "1");
    let mut client = pooler.client();
    assert_eq!(prepare(&mut client, "s", "SELECT 'there'").kinds(), "1Z");
    assert_eq!(on_server(&mut client), ["s"]);
}

#[test]
fn who_only_prepares_and_flushes_keeps_no_server_from_others_and_its_statement_is_there() {
    // Given a pool of one, and somebody who prepares without a Sync, as asyncpg does.
    let (_database, pooler) = start("10", "1");
    let [mut prepares, mut other] = [pooler.client(), pooler.client()];
    let request = [
        build::parse("mine", "SELECT 'of mine'", &[]),
        build::describe_statement("mine"),
        build::flush(),
    ];
    prepares.send(&request.concat()).unwrap();
    let described = prepares.until(|message| message.kind == b'T');
    assert_eq!(described.kinds(), "1tT", "{}", described.show());

    // When another wants the server, then it gets it, and no time stands still there.
    let begun = "SELECT transaction_timestamp() > pg_postmaster_start_time()";
    assert_eq!(other.value(begun), "t");
    let since = "SELECT statement_timestamp() = transaction_timestamp()";
    assert_eq!(other.value(since), "t", "the transaction is its own");

    // And the statement can be used.
    let reply = execute(&mut prepares, "mine");
    assert_eq!(reply.kinds(), "2DCZ", "{}", reply.show());

    // A portal needs its transaction: nobody else gets the server before the Sync.
    let request = [build::bind("", "mine", &[]), build::flush()];
    prepares.send(&request.concat()).unwrap();
    assert_eq!(prepares.until(|message| message.kind == b'2').kinds(), "2");
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| other.value("SELECT 1"));
        let reply = prepares.ask(&[build::execute("", 0), build::sync()].concat());
        assert_eq!(reply.rows(), [["of mine"]]);
        assert_eq!(waits.join().unwrap(), "1");
    });
}

#[test]
fn a_statement_without_a_name_may_be_longer_than_what_is_kept() {
    let (_database, pooler) = start("10", "1");
    let mut client = pooler.client();
    let long = format!("SELECT 'end' /* {} */", "x".repeat(20 << 20));
    let reply = client.ask(&build::extended(&long, &[]));
    assert_eq!(reply.rows(), [["end"]], "{}", reply.message());
    let reply = prepare(&mut client, "named", &long);
    assert_eq!(reply.code().as_deref(), Some("54000"), "{}", reply.message());
}
