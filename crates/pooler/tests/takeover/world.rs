//! Poolers that take over from one another.

use std::process::Child;

use canvass_testkit::eventually;

use crate::Pool;
use crate::pool::USER;
use crate::support::Wire;

/// A client that says anything.
pub fn client(pool: &Pool) -> Wire {
    Wire::login(pool.address(), USER, "app")
}

/// Starts a process that takes over, and waits until it has, and the old one has ended by itself.
pub fn restart(pool: &mut Pool) {
    let new = pool.command("R").spawn().unwrap();
    let mut old = std::mem::replace(&mut pool.process, new);
    until_ended(&mut old);
    let pid = i32::try_from(pool.process.id()).unwrap();
    eventually("the new pidfile", || (pool.pid() == pid).then_some(()));
    assert!(pool.socket().exists(), "the Unix socket stays");
}

/// Waits until a process ends in order.
pub fn until_ended(process: &mut Child) {
    let status = eventually("the old pooler's end", || process.try_wait().unwrap());
    assert!(status.success(), "{status}");
}
