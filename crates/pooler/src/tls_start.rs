//! TLS with clients: as they ask for it, or from the first byte.

use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::net::{RecvFlags, recv};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsStream;

use crate::hub::Hub;
use crate::log::Level;
use crate::net::{Socket, Stream};
use crate::refusal::Refusal;
use crate::tls::ClientSide;

/// The first byte of a TLS handshake record; no start-up packet is long enough to begin with it.
const HANDSHAKE: u8 = 0x16;

fn gone(_: std::io::Error) -> Refusal {
    Refusal::silent("client unexpected eof")
}

/// Begins TLS at once when the client's first byte is that of a TLS handshake.
pub(crate) async fn direct(hub: &Arc<Hub>, slot: &mut Option<Stream>) -> Result<(), Refusal> {
    let Some(Stream::Plain(socket)) = slot.as_ref() else {
        return Ok(());
    };
    if socket.is_unix() || hub.files.load().client_tls.is_none() {
        return Ok(());
    }
    socket.readable().await.map_err(gone)?;
    let mut first = [0_u8; 1];
    let peeked = recv(socket.as_fd(), &mut first, RecvFlags::PEEK | RecvFlags::DONTWAIT);
    if !matches!(peeked, Ok((_, 1))) || first[0] != HANDSHAKE {
        return Ok(());
    }
    begin(hub, slot).await?;
    match slot.as_ref() {
        Some(Stream::Tls(tls)) => match tls.as_ref() {
            TlsStream::Server(stream) if ClientSide::named_the_protocol(stream.get_ref().1) => Ok(()),
            _ => Err(Refusal::new(
                "08P01",
                "received direct SSL connection request without ALPN protocol negotiation extension",
            )),
        },
        _ => Err(Refusal::BAD_PACKET),
    }
}

/// Answers an SSLRequest, and begins TLS if that is agreed upon.
pub(crate) async fn answer(hub: &Arc<Hub>, slot: &mut Option<Stream>) -> Result<(), Refusal> {
    let Some(Stream::Plain(socket)) = slot.as_mut() else {
        return Err(Refusal::BAD_PACKET);
    };
    if !hub.nothing_unencrypted(socket).map_err(gone)? {
        return Err(Refusal::UNENCRYPTED_BYTES);
    }
    if socket.is_unix() || hub.files.load().client_tls.is_none() {
        return socket.write_all(b"N").await.map_err(gone);
    }
    socket.write_all(b"S").await.map_err(gone)?;
    begin(hub, slot).await
}

async fn begin(hub: &Arc<Hub>, slot: &mut Option<Stream>) -> Result<(), Refusal> {
    let files = hub.files.load_full();
    let (Some(side), Some(Stream::Plain(socket))) = (files.client_tls.as_ref(), slot.take()) else {
        return Err(Refusal::BAD_PACKET);
    };
    match side.accept(socket).await {
        Ok(mut stream) => {
            // Session tickets go out now: waiting for the first reply they would hold up a client that waits for them to
            // be acknowledged before it sends its start-up packet.
            stream.flush().await.map_err(gone)?;
            *slot = Some(Stream::Tls(Box::new(TlsStream::Server(*stream))));
            Ok(())
        }
        Err(error) => {
            hub.log.line(
                Level::Warning,
                &format!("TLS handshake with a client failed: {error}"),
            );
            Err(Refusal::silent(format!("TLS handshake failed: {error}")))
        }
    }
}

/// The CommonName of the client's certificate.
pub(crate) fn common_name(hub: &Hub, stream: &Stream) -> Option<String> {
    let Stream::Tls(tls) = stream else {
        return None;
    };
    match tls.as_ref() {
        TlsStream::Server(tls) => hub.files.load().client_tls.as_ref()?.common_name(tls.get_ref().1),
        TlsStream::Client(_) => None,
    }
}

impl Socket {
    /// Waits until something can be read.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn readable(&self) -> std::io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.readable().await,
            Self::Unix(socket) => socket.readable().await,
            Self::Moving => Ok(()),
        }
    }
}
