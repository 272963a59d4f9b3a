//! One read buffer an event loop, lent for the time of one read: an idle connection holds none.

use std::cell::RefCell;

/// Bytes that one read takes at most.
pub const SCRATCH: usize = 64 * 1024;

/// Bytes of a message that has not come whole from which on it counts as long: it no longer waits for a server, and is not
/// copied into the buffer again for every read.
pub const LONG: usize = SCRATCH / 2;

thread_local! {
    static BUFFERS: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

/// Lends a buffer of [`SCRATCH`] bytes of undefined content.
pub fn with_scratch<T>(work: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut buffer = BUFFERS
        .with_borrow_mut(Vec::pop)
        .unwrap_or_else(|| vec![0; SCRATCH].into_boxed_slice());
    let result = work(&mut buffer);
    BUFFERS.with_borrow_mut(|all| all.push(buffer));
    result
}
