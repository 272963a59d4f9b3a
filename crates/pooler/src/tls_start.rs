//! TLS with clients: as they ask for it, or from the first byte.

use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsStream;

use crate::client::ClientInfo;
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
pub(crate) async fn direct(
    hub: &Arc<Hub>,
    slot: &mut Option<Stream>,
    info: &ClientInfo,
) -> Result<(), Refusal> {
    let Some(Stream::Plain(socket)) = slot.as_ref() else {
        return Ok(());
    };
    if socket.is_unix() || hub.files.load().client_tls.is_none() {
        return Ok(());
    }
    if socket.first_byte().await.map_err(gone)? != Some(HANDSHAKE) {
        return Ok(());
    }
    begin(hub, slot, info).await?;
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
pub(crate) async fn answer(
    hub: &Arc<Hub>,
    slot: &mut Option<Stream>,
    info: &ClientInfo,
) -> Result<(), Refusal> {
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
    begin(hub, slot, info).await
}

async fn begin(hub: &Arc<Hub>, slot: &mut Option<Stream>, info: &ClientInfo) -> Result<(), Refusal> {
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
            // The reason stands in this line alone: `closing because` is off where connections come and go.
            hub.log.client(Level::Warning, info, &error.to_string());
            Err(Refusal::silent("TLS handshake failed"))
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
    /// Waits for the next byte and leaves it to be read; `None` when the other end has closed, and on a Unix socket, which
    /// never has TLS.
    ///
    /// # Errors
    /// The kernel's.
    async fn first_byte(&self) -> std::io::Result<Option<u8>> {
        let Self::Tcp(socket) = self else {
            return Ok(None);
        };
        // A socket that is new to its event loop is taken for readable before anything has come: only a look at the bytes
        // tells.
        let mut first = [0];
        let seen = socket.peek(&mut first).await?;
        Ok((seen == 1).then_some(first[0]))
    }
}
