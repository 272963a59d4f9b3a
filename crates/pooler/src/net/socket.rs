//! A TCP or Unix socket, registered with the event loop of one thread.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A connected socket.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
    /// Between two event loops; only while it moves.
    Moving,
}

impl Socket {
    /// Takes the socket off its event loop and registers it with the calling thread's.
    ///
    /// # Errors
    /// When the kernel refuses the registration.
    pub fn rehome(&mut self) -> io::Result<()> {
        *self = match std::mem::replace(self, Self::Moving) {
            Self::Tcp(socket) => Self::Tcp(TcpStream::from_std(socket.into_std()?)?),
            Self::Unix(socket) => Self::Unix(UnixStream::from_std(socket.into_std()?)?),
            Self::Moving => Self::Moving,
        };
        Ok(())
    }

    /// Reads what there is; [`io::ErrorKind::WouldBlock`] when nothing is.
    ///
    /// # Errors
    /// The kernel's.
    pub fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.try_read(into),
            Self::Unix(socket) => socket.try_read(into),
            Self::Moving => Err(moving()),
        }
    }

    /// The process at the other end of a Unix socket.
    pub fn peer_pid(&self) -> Option<u32> {
        match self {
            Self::Unix(socket) => u32::try_from(socket.peer_cred().ok()?.pid()?).ok(),
            _ => None,
        }
    }

    /// True for a Unix socket.
    pub fn is_unix(&self) -> bool {
        matches!(self, Self::Unix(_))
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(socket) => socket.as_fd(),
            Self::Unix(socket) => socket.as_fd(),
            Self::Moving => unreachable!("a socket is used only after its move has ended"),
        }
    }
}

fn moving() -> io::Error {
    io::Error::other("the socket is between two event loops")
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Unix(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Moving => Poll::Ready(Err(moving())),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Unix(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Moving => Poll::Ready(Err(moving())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Unix(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Moving => Poll::Ready(Err(moving())),
        }
    }
}
