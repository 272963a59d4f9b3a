//! Clients that disappear at every byte, and requests that arrive in any two pieces.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::ask::{KINDS, Question};
use crate::judge::{Judge, Verdict, marker};
use crate::support::{Pooler, Wire, build, database};
use crate::{check_whole, with_sink};

/// Does `work` while somebody else asks all the time, and gets nothing but right answers. Nothing that happens to
/// others may end their conversation.
fn while_somebody_asks(pooler: &Pooler, work: impl FnOnce()) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let witness = scope.spawn(|| {
            let mut client = pooler.client();
            let mut asked = 0;
            while !over.load(Ordering::SeqCst) || asked < KINDS.len() {
                let question = Question::of(KINDS[asked % KINDS.len()], &marker(0, asked));
                asked += 1;
                let mut judge = Judge::of(&question);
                client.send(&question.bytes()).unwrap();
                assert_eq!(judge.read(&mut client), Ok(Verdict::Answered));
            }
        });
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        over.store(true, Ordering::SeqCst);
        witness.join().unwrap();
        done.unwrap();
    });
}

/// Kinds of requests that differ in how they end: simple, extended, with data of the client, in a transaction.
fn requests() -> Vec<Question> {
    [0, 4, 8, 10, 12, 13]
        .iter()
        .map(|kind| Question::of(KINDS[*kind], &marker(1, *kind)))
        .collect()
}

fn leave(wire: Wire, at: usize) {
    if at.is_multiple_of(2) {
        wire.reset();
    }
}

#[test]
fn clients_that_disappear_at_every_byte_of_a_request_disturb_nobody() {
    let database = with_sink();
    let pooler = Pooler::start(
        &database,
        &[("pool_mode", "transaction"), ("default_pool_size", "2")],
    );
    while_somebody_asks(&pooler, || {
        for question in requests() {
            let bytes = question.bytes();
            for at in 0..=bytes.len() {
                let mut client = pooler.client();
                let _ = client.send(&bytes[..at]);
                leave(client, at);
            }
        }
    });
    check_whole(&database, &pooler, 2);
}

#[test]
fn clients_that_disappear_at_every_byte_of_an_answer_disturb_nobody() {
    let database = with_sink();
    let pooler = Pooler::start(
        &database,
        &[("pool_mode", "transaction"), ("default_pool_size", "2")],
    );
    while_somebody_asks(&pooler, || {
        for question in requests() {
            // Given how long the whole answer is.
            let mut client = pooler.client();
            client.send(&question.bytes()).unwrap();
            let parts = question.parts.len();
            let mut ready = 0;
            let reply = client.until(|message| {
                ready += usize::from(message.kind == b'Z');
                ready == parts
            });
            let length: usize = reply.messages.iter().map(|message| message.body.len() + 5).sum();

            // When somebody reads so much of it and leaves.
            for at in 0..=length {
                let mut client = pooler.client();
                client.send(&question.bytes()).unwrap();
                let received = client.read_bytes(at);
                leave(client, at);

                // Then it was the beginning of the answer.
                assert!(received.len() >= at);
                let mut judge = Judge::of(&question);
                assert_eq!(judge.take_beginning(&received), Ok(()));
            }
        }
    });
    check_whole(&database, &pooler, 2);
}

#[test]
fn clients_that_disappear_at_every_byte_of_the_login_disturb_nobody() {
    let database = with_sink();
    let pooler = Pooler::start(
        &database,
        &[("pool_mode", "transaction"), ("default_pool_size", "2")],
    );
    let login = [("user", database::OWNER), ("database", database.name.as_str())];
    while_somebody_asks(&pooler, || {
        let bytes = [build::ssl_request(), build::startup(&login)].concat();
        for at in 0..=bytes.len() {
            let mut client = Wire::connect(pooler.address);
            let _ = client.send(&bytes[..at.min(8)]);
            if at >= 8 {
                assert_eq!(client.read_bytes(1), b"N");
                let _ = client.send(&bytes[8..at]);
            }
            leave(client, at);
        }
    });
    check_whole(&database, &pooler, 2);
}

#[test]
fn a_request_in_any_two_pieces_is_answered() {
    let database = with_sink();
    let pooler = Pooler::start(
        &database,
        &[("pool_mode", "transaction"), ("default_pool_size", "2")],
    );
    let mut client = pooler.client();
    let mut other = pooler.client();
    let mut asked = 0;
    for make in KINDS {
        let length = Question::of(make, &marker(2, 1000)).bytes().len();
        for at in 1..length {
            asked += 1;
            let question = Question::of(make, &marker(2, 1000 + asked));
            let bytes = question.bytes();
            let (first, second) = bytes.split_at(at.min(bytes.len() - 1));
            let mut judge = Judge::of(&question);
            client.send(first).unwrap();
            // Somebody else in between: the first piece has a server by now, or it has not.
            assert_eq!(other.value("SELECT 'between'"), "between");
            client.send(second).unwrap();
            assert_eq!(
                judge.read(&mut client),
                Ok(Verdict::Answered),
                "cut after {at} bytes"
            );
        }
    }
}
