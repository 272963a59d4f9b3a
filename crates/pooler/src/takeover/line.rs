//! The conversation's framing: a length of four bytes, JSON, and file descriptors beside the first byte.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes of a message at most: a client's prepared statements may be as long as `prepared_statement_max_bytes` says, and
/// its present request besides.
pub(super) const LONGEST: usize = 256 << 20;
/// File descriptors beside a message at most: a client and its server.
const MOST_FDS: usize = 2;
/// A process that says or takes nothing for so long is taken for dead.
const PATIENCE: Duration = Duration::from_secs(30);

/// One end of the conversation; blocking.
#[derive(Debug)]
pub(crate) struct Line(UnixStream);

fn invalid(words: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, words.into())
}

impl Line {
    /// Over a connected socket.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn new(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(socket))
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The other side has gone, or takes nothing any more; or the message is too long.
    pub(super) fn send(&mut self, message: &impl Serialize, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let body = serde_json::to_vec(message)?;
        self.send_bytes(&body, fds)
    }

    fn send_bytes(&mut self, body: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let length = u32::try_from(body.len())
            .ok()
            .filter(|_| body.len() <= LONGEST)
            .ok_or_else(|| invalid(format!("a message of {} bytes", body.len())))?;
        let head = length.to_be_bytes();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
            return Err(invalid(format!("{} file descriptors for one message", fds.len())));
        }
        let sent = sendmsg(&self.0, &[IoSlice::new(&head)], &mut control, SendFlags::NOSIGNAL)?;
        self.0.write_all(&head[sent..])?;
        self.0.write_all(body)
    }

    /// Reads a message, which must bring as many file descriptors as `count` says of it.
    ///
    /// # Errors
    /// The other side has gone, or says nothing; or this is no message.
    pub(super) fn receive<T: DeserializeOwned>(
        &mut self,
        count: impl FnOnce(&T) -> usize,
    ) -> io::Result<(T, Vec<OwnedFd>)> {
        let mut fds = Vec::new();
        let mut head = [0; 4];
        let mut have = 0;
        while have < head.len() {
            have += self.receive_some(&mut head[have..], &mut fds)?;
        }
        let length = u32::from_be_bytes(head) as usize;
        if length > LONGEST {
            return Err(invalid(format!("a message of {length} bytes, {LONGEST} at most")));
        }
        // Grows as bytes come: a length is a claim.
        let mut body = Vec::new();
        (&self.0).take(length as u64).read_to_end(&mut body)?;
        if body.len() < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let message: T = serde_json::from_slice(&body)?;
        let expected = count(&message);
        if fds.len() != expected {
            return Err(invalid(format!(
                "{} file descriptors where {expected} belong",
                fds.len()
            )));
        }
        Ok((message, fds))
    }

    fn receive_some(&self, into: &mut [u8], fds: &mut Vec<OwnedFd>) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut slices = [IoSliceMut::new(into)];
        let came = recvmsg(&self.0, &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC)?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                fds.extend(rights);
            }
        }
        if came.flags.contains(ReturnFlags::CTRUNC) {
            return Err(invalid("more file descriptors than belong to a message"));
        }
        match came.bytes {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            bytes => Ok(bytes),
        }
    }

    /// Ends the conversation: from now on nothing that the other side says arrives. What arrived before can still be read.
    pub(super) fn hang_up(&self) {
        // It fails when the other side has done so already.
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    fn pair() -> (Line, Line) {
        let (a, b) = UnixStream::pair().unwrap();
        (Line::new(a).unwrap(), Line::new(b).unwrap())
    }

    #[test]
    fn messages_arrive_with_their_file_descriptors() {
        let (mut here, mut there) = pair();
        let file = tempfile::tempfile().unwrap();
        here.send(&"one", &[]).unwrap();
        here.send(&"two", &[file.as_fd(), file.as_fd()]).unwrap();
        here.send(&"three", &[]).unwrap();

        let (one, fds): (String, _) = there.receive(|_| 0).unwrap();
        assert_eq!((one.as_str(), fds.len()), ("one", 0));
        let (two, fds): (String, _) = there.receive(|_| 2).unwrap();
        assert_eq!((two.as_str(), fds.len()), ("two", 2));
        let (three, _): (String, _) = there.receive(|_| 0).unwrap();
        assert_eq!(three, "three");
    }

    #[test]
    fn file_descriptors_that_are_missing_or_too_many_are_noticed() {
        let (mut here, mut there) = pair();
        let file = tempfile::tempfile().unwrap();
        here.send(&1, &[]).unwrap();
        assert!(there.receive::<u32>(|_| 1).is_err());
        here.send(&1, &[file.as_fd()]).unwrap();
        assert!(there.receive::<u32>(|_| 0).is_err());
    }

    #[test]
    fn rubbish_is_no_message() {
        for rubbish in [
            &b"\xff\xff\xff\xff"[..],
            b"GET / HTTP/1.1\r\n\r\n",
            b"\0\0\0\x02{]",
            b"\0\0",
        ] {
            let (here, mut there) = pair();
            (&here.0).write_all(rubbish).unwrap();
            drop(here);
            assert!(there.receive::<String>(|_| 0).is_err(), "{rubbish:?}");
        }
    }

    #[test]
    fn behind_a_hanging_up_nothing_arrives_and_what_came_before_stays() {
        let (mut here, mut there) = pair();
        there.send(&"before", &[]).unwrap();
        here.hang_up();
        assert!(there.send(&"behind", &[]).is_err());
        let (word, _): (String, _) = here.receive(|_| 0).unwrap();
        assert_eq!(word, "before");
        assert!(here.receive::<String>(|_| 0).is_err());
    }
}
