//! What a client is told once it is let in: settings, its key to cancel with, that it may begin.

use tokio::io::AsyncWriteExt;

use super::login::eof;
use super::wait::Waited;
use super::{Client, ClientState};
use crate::clock;
use crate::pool::{Lane, Taken};
use crate::refusal::Refusal;
use crate::session::APPLICATION_NAME;
use crate::wire::parameter_status::put_status;
use crate::wire::ready::READY_IDLE;

/// AuthenticationOk.
const AUTHENTICATION_OK: [u8; 9] = [b'R', 0, 0, 0, 8, 0, 0, 0, 0];

/// Tells the client what a server would tell it: for the first client of a pool, one has to be asked.
pub(super) async fn welcome(client: &mut Client, minor: u16) -> Result<(), Refusal> {
    let pool = client.pool.clone();
    let asked = pool.welcome.load_full();
    let told = match asked {
        Some(told) => told,
        None => {
            ask_server(client).await?;
            pool.welcome.load_full().ok_or(Refusal::SERVER_LOGIN_FAILING)?
        }
    };
    client.values.fill_from(&told.values);
    add_host(client);
    let key = client.hub.cancel_keys.give(&client.info, minor);
    let key = key.map_err(|error| Refusal::new("XX000", format!("no random numbers: {error}")))?;
    let _ = client.info.key.set(key.clone());
    let mut words = AUTHENTICATION_OK.to_vec();
    words.extend_from_slice(&told.messages);
    for (place, name) in client.hub.tracked.names().enumerate() {
        if told.values.get(place).is_some()
            && let Some(value) = client.values.get(place)
        {
            put_status(name.as_bytes(), value.as_bytes(), &mut words);
        }
    }
    key.put(&mut words);
    words.extend_from_slice(&READY_IDLE);
    client.stream.write_all(&words).await.map_err(eof)?;
    client.stream.flush().await.map_err(eof)
}

/// Has a server opened if there is none, and gives it back.
async fn ask_server(client: &mut Client) -> Result<(), Refusal> {
    client.at = clock::micros();
    client.info.set_state(ClientState::WaitingLogin, client.at);
    let terms = client.pool.terms.load_full();
    let taken = client
        .pool
        .take(client.info.thread, Lane::Read, None, client.at, &terms)?;
    let server = match taken {
        Taken::Server(server) => server,
        Taken::Wait(place) => match client.wait(place).await? {
            Waited::Server(server) => server,
            Waited::Cancelled => return Err(Refusal::CANCELLED),
        },
    };
    client.pool.give_back(server, client.info.thread, clock::micros());
    Ok(())
}

/// `application_name_add_host`: where the client comes from, behind its application's name.
fn add_host(client: &mut Client) {
    let name = client.values.get(APPLICATION_NAME).cloned();
    let value = if client.hub.config.load().settings.application_name_add_host {
        let (address, port) = &client.info.peer;
        let own = name.as_deref().filter(|name| !name.is_empty()).unwrap_or("app");
        // NAMEDATALEN: PostgreSQL cuts at 63 bytes, and the host is what must stay.
        let host = format!("{address}:{port}");
        let room = 63_usize.saturating_sub(host.len() + 3);
        let cut = own
            .char_indices()
            .map(|(at, c)| at + c.len_utf8())
            .take_while(|end| *end <= room)
            .last();
        Some(format!("{} - {host}", &own[..cut.unwrap_or(0)]).into())
    } else {
        name
    };
    client.note_value(APPLICATION_NAME, value);
}
