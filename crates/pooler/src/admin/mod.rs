//! The administrator's console: the database `pgbouncer`.

use std::sync::Arc;

use crate::client::ClientInfo;
use crate::hub::Hub;
use crate::net::Stream;
use crate::refusal::Refusal;

/// Lets an administrator in.
///
/// # Errors
/// When it is none.
pub(crate) async fn authenticate(
    _hub: &Arc<Hub>,
    _stream: &mut Stream,
    _info: &ClientInfo,
    _user: &str,
) -> Result<(), Refusal> {
    Err(Refusal::no_such_database("pgbouncer"))
}

/// Serves the console.
pub(crate) async fn serve(_hub: &Arc<Hub>, _info: &Arc<ClientInfo>, _stream: Stream) {}
