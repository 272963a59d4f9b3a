//! A connection, with or without TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream;

use super::Socket;

/// A connection to a client or a server.
#[derive(Debug)]
pub enum Stream {
    /// As it is.
    Plain(Socket),
    /// Inside TLS.
    Tls(Box<TlsStream<Socket>>),
}

impl Stream {
    /// The socket below.
    pub fn socket(&self) -> &Socket {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(tls) => tls.get_ref().0,
        }
    }

    /// Registers the connection with the calling thread's event loop.
    ///
    /// # Errors
    /// When the kernel refuses the registration.
    pub fn rehome(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.rehome(),
            Self::Tls(tls) => tls.get_mut().0.rehome(),
        }
    }

    /// True inside TLS.
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Protocol and cipher, as `SHOW CLIENTS` has them: `TLSv1.3/TLS_AES_256_GCM_SHA384`; empty without TLS.
    pub fn tls_words(&self) -> String {
        let Self::Tls(tls) = self else {
            return String::new();
        };
        let (_, connection) = tls.get_ref();
        let version = connection
            .protocol_version()
            .and_then(|v| v.as_str().map(str::to_owned));
        let cipher = connection
            .negotiated_cipher_suite()
            .and_then(|s| s.suite().as_str());
        let version = version.map(|v| v.replace("TLSv1_", "TLSv1.")).unwrap_or_default();
        let cipher = cipher.unwrap_or_default().replace("TLS13_", "TLS_");
        format!("{version}/{cipher}")
    }

    /// Reads what there is into `into` without waiting for more: nobody is woken when more comes. `None`: nothing is there.
    pub fn take_now(&mut self, into: &mut [u8]) -> Option<io::Result<usize>> {
        let taken = match self {
            Self::Plain(socket) => socket.try_read(into),
            Self::Tls(_) => match self.poll_take(&mut Context::from_waker(Waker::noop()), into) {
                Poll::Ready(taken) => taken,
                Poll::Pending => return None,
            },
        };
        match taken {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            taken => Some(taken),
        }
    }

    /// Reads what there is into `into`; 0 bytes is the end of the stream.
    pub fn poll_take(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(into);
        match Pin::new(self).poll_read(cx, &mut buf) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(buf.filled().len())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_shutdown(cx),
        }
    }
}
