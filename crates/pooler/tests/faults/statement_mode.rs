//! Transaction blocks in statement mode.

use crate::support::{Database, Pooler, Reply, build};

const MESSAGE: &str = "transaction blocks not allowed in statement pooling mode";

fn ask(request: &[u8]) -> Reply {
    let database = Database::new();
    let pooler = Pooler::start(&database, &[("pool_mode", "statement")]);
    let mut client = pooler.client();
    assert_eq!(client.value("SELECT 1"), "1");
    client.send(request).unwrap();
    client.until_end()
}

#[test]
fn who_begins_one_hears_of_nothing_but_the_refusal() {
    for request in [build::query("BEGIN"), build::extended("BEGIN", &[])] {
        let reply = ask(&request);
        assert_eq!((reply.kinds().as_str(), reply.message().as_str()), ("E", MESSAGE));
    }
}

#[test]
fn replies_to_requests_before_it_are_heard() {
    let request = [
        build::query("SELECT 1"),
        build::query("BEGIN"),
        build::query("SELECT 2"),
    ]
    .concat();

    let reply = ask(&request);

    assert_eq!(
        (reply.kinds().as_str(), reply.message().as_str()),
        ("TDCZE", MESSAGE)
    );
}
