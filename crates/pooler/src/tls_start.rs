//! TLS with clients: as they ask for it, or from the first byte.

use std::sync::Arc;

use tokio::io::AsyncWriteExt;

use crate::hub::Hub;
use crate::net::Stream;
use crate::refusal::Refusal;

/// Begins TLS at once when the client's first byte is that of a TLS handshake.
pub(crate) async fn direct(_hub: &Arc<Hub>, _slot: &mut Option<Stream>) -> Result<(), Refusal> {
    Ok(())
}

/// Answers an SSLRequest, and begins TLS if that is agreed upon.
pub(crate) async fn answer(_hub: &Arc<Hub>, slot: &mut Option<Stream>) -> Result<(), Refusal> {
    let gone = |_| Refusal::silent("client unexpected eof");
    if let Some(stream) = slot {
        stream.write_all(b"N").await.map_err(gone)?;
    }
    Ok(())
}

/// The CommonName of the client's certificate.
pub(crate) fn common_name(_stream: &Stream) -> Option<String> {
    None
}
