//! A network that cuts connections at every byte, on both sides of the pooler.

use crate::Between;
use crate::conversation::{self, Pieces, Step};
use crate::support::{Flow, Way, Wire, build};

/// The bytes of the replies of PostgreSQL itself.
fn expected(between: &Between, steps: &[Step]) -> Vec<Vec<u8>> {
    let mut direct = between.database.direct();
    steps
        .iter()
        .map(|step| step.ask_for_pieces(&mut direct).bytes)
        .collect()
}

/// What a client is told when its server is lost, by what it was doing: connecting, or working.
const LOST: [&str; 2] = ["08001", "08006"];

/// What came is the beginning of the answer. Where it breaks off, the client is told why, unless that would end up inside
/// a message that came in part.
fn check(pieces: &Pieces, expected: &[u8], what: &str) {
    assert!(
        expected.starts_with(&pieces.bytes),
        "{what}: this is not the beginning of the answer: {:?}, but {:?} {pieces:?}",
        String::from_utf8_lossy(&pieces.bytes),
        String::from_utf8_lossy(expected),
    );
    match &pieces.farewell {
        Some((code, _)) => {
            assert!(pieces.ended && !pieces.is_torn, "{what}: {pieces:?}");
            assert!(LOST.contains(&code.as_str()), "{what}: {pieces:?}");
        }
        None if pieces.ended => assert!(pieces.is_torn, "{what}: ended without a word: {pieces:?}"),
        None => assert_eq!(pieces.bytes.len(), expected.len(), "{what}"),
    }
}

/// Has the whole conversation until something ends it; whether something did.
fn converse(client: &mut Wire, steps: &[Step], expected: &[Vec<u8>], what: &str) -> bool {
    for (step, expected) in steps.iter().zip(expected) {
        let pieces = step.ask_for_pieces(client);
        check(&pieces, expected, &format!("{}, {what}", step.name));
        if pieces.ended {
            return true;
        }
    }
    false
}

/// Bytes from one place of a cut to the next; prime, so that every kind of place is met.
const STRIDE: usize = 5;

fn server_is_cut_everywhere(way: Way) {
    let between = Between::start(&[], "");
    let steps = conversation::steps();
    let expected = expected(&between, &steps);
    // Given how much goes over a server's connection, from its login on.
    let mut client = between.client();
    between.far.cut_all();
    between.far.set(way, Flow::Whole);
    assert!(!converse(&mut client, &steps, &expected, "uncut"));
    let length = between.far.passed(way);
    let mut ended = 0;
    for at in (0..length).step_by(STRIDE) {
        // When it is cut after so many bytes.
        let mut client = between.client();
        between.far.cut_all();
        between.far.set(way, Flow::CutAt(at));
        let what = format!("{way:?}, cut at {at}");
        ended += usize::from(converse(&mut client, &steps, &expected, &what));

        // Then its client learns it, and the next one is served.
        between.far.set(way, Flow::Whole);
        assert_eq!(between.client().value("SELECT 'next'"), "next", "{what}");
    }
    assert!(
        ended > length / STRIDE / 2,
        "{ended} of {length} cuts were noticed"
    );
    between.check_whole();
}

#[test]
fn a_server_that_is_cut_off_while_it_answers_is_an_error_at_once() {
    server_is_cut_everywhere(Way::Down);
}

#[test]
fn a_server_that_is_cut_off_while_it_listens_is_an_error_at_once() {
    server_is_cut_everywhere(Way::Up);
}

#[test]
fn nothing_is_said_inside_a_message_that_was_cut() {
    // Given a long row, of which the client has half when its server is lost.
    let between = Between::start(&[], "");
    let question = build::query("SELECT repeat('x', 100000)");
    let mut client = between.client();
    assert!(client.ask(&question).is_ready());
    between.far.set(Way::Down, Flow::CutAt(60_000));
    client.send(&question).unwrap();

    let received = client.read_bytes(1 << 20);

    // Then it ends there: words of ours would be taken for a part of the row.
    let text = String::from_utf8_lossy(&received);
    assert!(
        !text.contains("server conn crashed"),
        "{}",
        &text[text.len() - 100..]
    );
    assert_eq!(received.len(), 60_000);
}

/// A client that is sent away in the middle of a row is told nothing inside that row.
#[test]
fn nobody_is_sent_away_with_words_inside_a_message() {
    let between = Between::start(&[], "");
    let mut client = between.client();
    client.run("SELECT 1");
    between.far.set(Way::Down, Flow::HoldAt(60_000));
    client.send(&build::query("SELECT repeat('x', 100000)")).unwrap();
    between.far.until_held(Way::Down);
    let begun = client.read_bytes(50_000).len();

    between.console().run("KILL");

    let received = client.read_bytes(1 << 20);
    let text = String::from_utf8_lossy(&received);
    assert!(!text.contains("admin"), "{}", &text[text.len() - 100..]);
    assert!(begun + received.len() <= 60_000);
}

/// A server that is away for the time of a restart is waited for, at whatever byte its login broke off.
#[test]
fn with_wait_for_restart_a_login_that_was_cut_is_tried_again() {
    for way in [Way::Up, Way::Down] {
        // By default a server is first asked whether it speaks TLS.
        let settings = [("server_tls_sslmode", "prefer")];
        let between = Between::start(&settings, "[canvass]\nwait_for_restart = 600\n");
        let mut client = between.client();
        between.far.cut_all();
        between.far.set(way, Flow::Whole);
        let question = build::query("SELECT 'served'");
        let reply = client.ask(&question);
        let request = match way {
            Way::Up => question.len(),
            Way::Down => reply.messages.iter().map(|message| message.body.len() + 5).sum(),
        };
        let login = between.far.passed(way) - request;
        for at in (0..login).step_by(STRIDE) {
            between.far.cut_all();
            between.far.set(way, Flow::CutAt(at));
            let reply = client.ask(&question);
            assert!(reply.error().is_none(), "{way:?}, cut at {at}:\n{}", reply.show());
            assert_eq!(reply.rows(), [["served"]]);
        }
    }
}

#[test]
fn clients_that_are_cut_off_anywhere_leave_the_pool_whole() {
    let between = Between::start(&[("default_pool_size", "2")], "");
    let steps = conversation::steps();
    for way in [Way::Up, Way::Down] {
        // Given how much a client says or hears, from its login on.
        between.near.set(way, Flow::Whole);
        let mut client = between.client();
        for step in &steps {
            step.ask(&mut client);
        }
        let length = between.near.passed(way);
        for at in (0..length).step_by(STRIDE) {
            // When it is cut off after so many bytes.
            between.near.set(way, Flow::CutAt(at));
            if let (Some(mut client), _) = between.login() {
                for step in &steps {
                    if step.ask(&mut client).ended {
                        break;
                    }
                }
            }
            between.near.set(way, Flow::Whole);
        }

        // Then nothing is left in use.
        let mut both = [between.client(), between.client()];
        for client in &mut both {
            client.run("BEGIN");
        }
        assert!(between.database.backends() <= 2);
        for client in &mut both {
            assert_eq!(client.value("SELECT 'right'"), "right");
            client.run("COMMIT");
        }
        let used = "SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'scrammed' \
                    AND datname = current_database() AND state <> 'idle'";
        between.database.until("servers to be idle", used);
    }
}
