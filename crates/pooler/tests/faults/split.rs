//! A network that splits what is said, at every boundary, in both directions, on both sides of the pooler.

use crate::conversation::{self, Step};
use crate::support::{Flow, Network, Way, transcript};
use crate::{Between, SCRAMMED};

/// The replies of PostgreSQL itself.
fn expected(between: &Between, steps: &[Step]) -> Vec<Vec<String>> {
    let mut direct = between.database.direct();
    steps.iter().map(|step| step.lines(&mut direct)).collect()
}

/// Every boundary of a short message, and of a long one those near its ends and near the ends of buffers.
fn boundaries(length: usize) -> Vec<usize> {
    let near = |at: usize, n: usize| at.saturating_sub(n)..=at + n;
    let mut all: Vec<usize> = match length {
        0..2_000 => (1..length).collect(),
        _ => (1..60)
            .chain(
                [4 << 10, 8 << 10, 32 << 10, 64 << 10]
                    .into_iter()
                    .flat_map(|at| near(at, 3)),
            )
            .chain(near(length - 40, 40))
            .collect(),
    };
    all.retain(|at| *at < length);
    all
}

/// Splits every step at every boundary on one network, both ways.
fn split_every_step(network: fn(&Between) -> &Network) {
    let between = Between::start(&[], "");
    let mut steps = conversation::steps();
    steps.push(conversation::large());
    let expected = expected(&between, &steps);
    let mut client = between.client();
    for (step, expected) in steps.iter().zip(&expected) {
        for way in [Way::Up, Way::Down] {
            // Given how much goes this way.
            network(&between).set(way, Flow::Whole);
            assert_eq!(&step.lines(&mut client), expected, "{}", step.name);
            let length = network(&between).passed(way);
            assert!(length > 5, "{}: nothing was carried", step.name);
            for at in boundaries(length) {
                // When it comes in two pieces.
                network(&between).set(way, Flow::SplitAt(at));
                let lines = step.lines(&mut client);

                // Then the reply is the same.
                assert_eq!(&lines, expected, "{}, {way:?}, split at {at}", step.name);
            }
            network(&between).set(way, Flow::Whole);
        }
    }
    between.check_whole();
}

#[test]
fn between_client_and_pooler_a_request_may_be_split_anywhere() {
    split_every_step(|between| &between.near);
}

#[test]
fn between_pooler_and_postgresql_a_request_may_be_split_anywhere() {
    split_every_step(|between| &between.far);
}

#[test]
fn one_byte_at_a_time_everything_is_answered() {
    let between = Between::start(&[], "");
    let steps = conversation::steps();
    let expected = expected(&between, &steps);
    for way in [Way::Up, Way::Down] {
        for network in [&between.near, &between.far] {
            between.far.cut_all();
            network.set(way, Flow::Pieces(1));
            let mut client = between.client();
            for (step, expected) in steps.iter().zip(&expected) {
                assert_eq!(&step.lines(&mut client), expected, "{}, {way:?}", step.name);
            }
            network.set(way, Flow::Whole);
        }
    }
    between.check_whole();
}

/// Splits a login at every boundary on one network, both ways. `before`: what makes the login happen on this network.
fn split_every_login(network: fn(&Between) -> &Network, before: fn(&Between)) {
    let between = Between::start(&[], "");
    let lines = || {
        let (wire, reply) = between.login();
        let mut wire = wire.unwrap_or_else(|| panic!("is not let in:\n{}", reply.show()));
        assert_eq!(wire.value("SELECT current_user::text"), SCRAMMED);
        transcript::lines(&reply.messages)
    };
    let expected = lines();
    for way in [Way::Up, Way::Down] {
        before(&between);
        network(&between).set(way, Flow::Whole);
        lines();
        let length = network(&between).passed(way);
        assert!(length > 200, "no login was carried");
        for at in 1..length {
            before(&between);
            network(&between).set(way, Flow::SplitAt(at));
            assert_eq!(lines(), expected, "{way:?}, split at {at}");
        }
        network(&between).set(way, Flow::Whole);
    }
    between.check_whole();
}

#[test]
fn a_client_s_login_may_be_split_anywhere() {
    split_every_login(|between| &between.near, |_| {});
}

#[test]
fn the_login_at_postgresql_may_be_split_anywhere() {
    split_every_login(|between| &between.far, |between| between.far.cut_all());
}

#[test]
fn what_is_held_back_holds_up_nobody_else() {
    // Given a client half of whose request has come, and one half of whose answer has.
    let between = Between::start(&[("default_pool_size", "3")], "");
    let steps = conversation::steps();
    let (mut slow, mut other) = (between.client(), between.client());
    for way in [Way::Up, Way::Down] {
        between.near.set(way, Flow::HoldAt(12));
        std::thread::scope(|scope| {
            let held = scope.spawn(|| steps[0].lines(&mut slow));
            between.near.until_held(way);

            // When somebody else asks, on another way to the pooler.
            let mut direct = crate::scram::login(
                between.pooler.address,
                SCRAMMED,
                crate::PASSWORD,
                &between.database.name,
            );
            let asker = direct.0.as_mut().unwrap();
            for asked in 0..50 {
                // Then they are answered.
                assert_eq!(asker.value(&format!("SELECT {asked}")), asked.to_string());
            }

            // And what was held back is answered when it comes.
            between.near.set(way, Flow::Whole);
            assert_eq!(held.join().unwrap(), steps[0].lines(&mut other));
        });
    }
}
