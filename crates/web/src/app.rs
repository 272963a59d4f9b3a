//! What a handler can reach.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use axum::http::HeaderMap;
use canvass_store::ingest::{DiskGate, Ingest};
use canvass_store::read::Reader;
use canvass_store::{Wave, Waves};
use canvass_survey::Folded;
use tokio::sync::OnceCell;

use crate::address::{Peer, TrustedProxies};
use crate::api::questionnaire::Document;
use crate::budget::Budget;
use crate::keys::KeyRing;
use crate::request::cookie;
use crate::token::{Right, Session, Tokens};
use crate::{Config, error::Problem};

/// What a handler can reach: this core's ends of the database, and what all cores share. Cheap to clone.
#[derive(Clone)]
pub struct App {
    core: Arc<Core>,
}

struct Core {
    ingest: Ingest,
    reader: Reader,
    shared: Arc<Shared>,
}

/// Each version in each language by its index, as one document, made when it is first asked for.
pub(crate) type Documents = HashMap<(String, usize), Arc<OnceCell<Document>>>;

/// What all cores share.
pub struct Shared {
    pub(crate) config: Config,
    pub(crate) keys: KeyRing,
    pub(crate) tokens: Tokens,
    pub(crate) waves: Waves,
    pub(crate) budget: Budget,
    pub(crate) disk: DiskGate,
    pub(crate) proxies: TrustedProxies,
    pub(crate) connections: AtomicUsize,
    pub(crate) documents: Mutex<Documents>,
}

impl App {
    pub(crate) fn new(ingest: Ingest, reader: Reader, shared: Arc<Shared>) -> Self {
        Self {
            core: Arc::new(Core {
                ingest,
                reader,
                shared,
            }),
        }
    }

    /// The write path.
    pub fn ingest(&self) -> &Ingest {
        &self.core.ingest
    }

    /// Reads from the primary.
    pub fn reader(&self) -> &Reader {
        &self.core.reader
    }

    /// The waves with their compiled questionnaires.
    pub fn waves(&self) -> &Waves {
        &self.core.shared.waves
    }

    /// Signs and verifies.
    pub fn tokens(&self) -> &Tokens {
        &self.core.shared.tokens
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.core.shared.config
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.core.shared
    }

    /// The session of a request: its cookie is ours and not older than the idle time.
    pub fn session(&self, headers: &HeaderMap) -> Option<Session> {
        let session = self
            .tokens()
            .verify_session(cookie(headers, self.session_cookie_name())?)?;
        let age = now_seconds().saturating_sub(session.issued);
        (age <= self.config().idle_minutes * 60).then_some(session)
    }

    /// The session cookie's name: `__Host-` under TLS, which binds it to this host and to TLS.
    pub fn session_cookie_name(&self) -> &'static str {
        if self.config().secure() {
            "__Host-canvass"
        } else {
            "canvass"
        }
    }

    /// The `Set-Cookie` value that gives a browser this session, counted as active now. It ends with the browser.
    pub fn session_cookie(&self, session: &Session) -> String {
        let session = Session {
            issued: now_seconds(),
            ..session.clone()
        };
        self.cookie(
            self.session_cookie_name(),
            &self.tokens().session_cookie(&session),
            "",
        )
    }

    /// The `Set-Cookie` value that ends a session.
    pub fn no_session_cookie(&self) -> String {
        self.cookie(self.session_cookie_name(), "", "; Max-Age=0")
    }

    /// A `Set-Cookie` value as all of ours are: HttpOnly, SameSite=Lax, for the whole host, under TLS Secure.
    pub fn cookie(&self, name: &str, value: &str, more: &str) -> String {
        let secure = if self.config().secure() { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}")
    }

    /// Where a request comes from, as far as it can be believed.
    pub fn client_address(&self, headers: &HeaderMap, peer: Option<&Peer>) -> IpAddr {
        let peer = peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0);
        self.core.shared.proxies.client(peer, headers)
    }

    /// The wave of a right.
    ///
    /// # Errors
    /// [`Problem::unknown_wave`].
    pub fn wave(&self, right: Right) -> Result<Arc<Wave>, Problem> {
        self.waves().get(right.wave).ok_or_else(Problem::unknown_wave)
    }

    /// The response of a right as it stands.
    ///
    /// # Errors
    /// [`Problem::unavailable`] when the database does not answer.
    pub async fn response(&self, wave: &Wave, right: Right) -> Result<Folded, Problem> {
        Ok(self
            .reader()
            .response(wave.id, right.response, wave.closes_at)
            .await?)
    }
}

/// Now: µs since the Unix epoch.
pub fn now_micros() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Now: whole seconds since the Unix epoch.
pub fn now_seconds() -> u32 {
    u32::try_from(now_micros() / 1_000_000).unwrap_or(u32::MAX)
}
