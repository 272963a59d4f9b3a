//! A connection's first packets: requests for encryption, to cancel, to start.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::ClientInfo;
use super::login::eof;
use crate::cancel;
use crate::hub::Hub;
use crate::log::Level;
use crate::net::Stream;
use crate::refusal::Refusal;
use crate::wire::startup::{BadOpening, MAX_STARTUP, Opening, Startup};

/// Packets before the start-up packet at most: requests for GSSAPI and for TLS.
const MAX_OPENINGS: usize = 4;

/// Reads until there is a start-up packet, over TLS where that is agreed upon. `None`: it was a cancel request.
pub(super) async fn opening(
    hub: &Arc<Hub>,
    slot: &mut Option<Stream>,
    info: &ClientInfo,
) -> Result<Option<Startup>, Refusal> {
    crate::tls_start::direct(hub, slot, info).await?;
    for _ in 0..MAX_OPENINGS {
        let stream = slot.as_mut().ok_or(Refusal::BAD_PACKET)?;
        match read_opening(stream).await? {
            Opening::Ssl if !stream.is_tls() => crate::tls_start::answer(hub, slot, info).await?,
            Opening::Gssenc if !stream.is_tls() => {
                if !hub.nothing_unencrypted(stream.socket()).map_err(eof)? {
                    return Err(Refusal::new(
                        "08P01",
                        "received unencrypted data after GSSAPI encryption request",
                    ));
                }
                stream.write_all(b"N").await.map_err(eof)?;
            }
            Opening::Ssl | Opening::Gssenc => return Err(Refusal::BAD_PACKET),
            Opening::Cancel(key) => {
                hub.log.client(Level::Debug, info, "cancel request");
                cancel::cancel(hub, info, &key).await;
                return Ok(None);
            }
            Opening::Startup(startup) => {
                let mode = hub.config.load().settings.client_tls_sslmode;
                if mode.is_required() && !stream.is_tls() && !stream.socket().is_unix() {
                    return Err(Refusal::SSL_REQUIRED);
                }
                if stream.is_tls() {
                    let _ = info.tls.set(stream.tls_words());
                }
                return Ok(Some(startup));
            }
        }
    }
    Err(Refusal::BAD_PACKET)
}

async fn read_opening(stream: &mut Stream) -> Result<Opening, Refusal> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await.map_err(eof)?;
    let length = u32::from_be_bytes(length) as usize;
    // PostgreSQL counts the length field in, and closes without a word.
    if !(8..=MAX_STARTUP + 4).contains(&length) {
        return Err(Refusal::silent(BadOpening::Length.to_string()));
    }
    let mut packet = vec![0; length - 4];
    stream.read_exact(&mut packet).await.map_err(eof)?;
    Opening::read(&packet).map_err(|error| match error {
        BadOpening::Length => Refusal::silent(error.to_string()),
        BadOpening::Version { .. } => Refusal::new("0A000", error.to_string()),
        BadOpening::Layout => Refusal::new("08P01", error.to_string()),
    })
}
