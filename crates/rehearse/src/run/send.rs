//! How a request gets there and back: connections, cookies, redirects, the second try that browsers make, the click that
//! came twice.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::request::Request;
use super::thread::Desk;
use crate::client::reply::Place;
use crate::client::{Buffers, Connection, Exchanged, Origin, Trouble, decode};
use crate::person::jar::Jar;

/// Redirects that are followed in one step.
const MOST_REDIRECTS: usize = 10;
/// Idle connections that a person keeps to one origin, as browsers do.
const MOST_IDLE: usize = 6;

/// What belongs to one person on the network.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) jar: Jar,
    idle: Vec<(Origin, Connection)>,
    /// Spreads local addresses: the person's number.
    lane: u64,
}

/// What came of a step's request.
pub(super) struct Answer {
    pub(super) buffers: Box<Buffers>,
    /// Where the final reply came from.
    pub(super) place: Place,
    /// How long connecting took, all redirects together.
    pub(super) connect: Option<Duration>,
    pub(super) first_byte: Duration,
    pub(super) transfer: Duration,
}

/// Bytes over the wire, whatever came of them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Traffic {
    pub(super) bytes_out: u64,
    pub(super) bytes_in: u64,
}

/// How a request is to be sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct How {
    pub(super) follow: bool,
    pub(super) twice: bool,
    /// Whether anybody wants the body decoded.
    pub(super) decode: bool,
}

impl Lines {
    pub(super) fn new(lane: u64) -> Self {
        Self {
            lane,
            ..Self::default()
        }
    }

    /// Sends a request and follows its redirects.
    ///
    /// # Errors
    /// [`Trouble`]; `traffic` counts all the same.
    pub(super) async fn send(
        &mut self,
        desk: &Desk,
        mut request: Request,
        how: How,
        traffic: &mut Traffic,
    ) -> Result<Answer, Trouble> {
        let mut connecting = None;
        for _ in 0..=MOST_REDIRECTS {
            let (exchanged, mut buffers, took) = self.once(desk, &request, how, traffic).await?;
            if let Some(took) = took {
                connecting = Some(connecting.unwrap_or(Duration::ZERO) + took);
            }
            self.keep_cookies(&request.place, &buffers);
            let status = buffers.reply.status;
            let redirect = matches!(status, 301 | 302 | 303 | 307 | 308) && how.follow;
            if let Some(location) = buffers.reply.headers.get("location").filter(|_| redirect) {
                let place = request.place.join(location);
                buffers.give_back();
                let place = place.ok_or_else(|| Trouble::Malformed("its Location makes no URL".into()))?;
                request = request.redirected(status, place);
                continue;
            }
            let reply = &mut buffers.reply;
            if let Some(coding) = reply
                .headers
                .get("content-encoding")
                .filter(|_| (how.decode || status >= 400) && !reply.body.is_empty())
            {
                reply.body = decode(coding, &reply.body).map_err(|e| Trouble::Malformed(e.to_string()))?;
            }
            request.place.origin.to_string().clone_into(&mut reply.origin);
            reply.path.clone_from(&request.place.path);
            return Ok(Answer {
                buffers,
                place: request.place,
                connect: connecting,
                first_byte: exchanged.first.saturating_duration_since(exchanged.started),
                transfer: exchanged.last.saturating_duration_since(exchanged.first),
            });
        }
        Err(Trouble::Malformed(format!(
            "more than {MOST_REDIRECTS} redirects"
        )))
    }

    /// One exchange, on an idle connection if there is one. A connection that the server had closed while it was idle is
    /// no failure: the request goes once more on a new one, as browsers do.
    async fn once(
        &mut self,
        desk: &Desk,
        request: &Request,
        how: How,
        traffic: &mut Traffic,
    ) -> Result<(Exchanged, Box<Buffers>, Option<Duration>), Trouble> {
        let bytes = request.bytes(&self.cookies(&request.place));
        let origin = &request.place.origin;
        let mut connecting = None;
        for attempt in 0.. {
            let mut connection = match self.idle(origin) {
                Some(idle) if attempt == 0 => idle,
                _ => {
                    let begun = Instant::now();
                    let made = Box::pin(desk.shared.connector.connect(origin, self.lane)).await?;
                    connecting = Some(begun.elapsed());
                    made
                }
            };
            traffic.bytes_out += bytes.len() as u64;
            let exchanged = if how.twice && request.body.is_some() {
                Box::pin(self.clicked_twice(desk, &mut connection, request, &bytes, traffic)).await
            } else {
                connection.exchange(&request.method, &bytes, how.decode).await
            };
            match exchanged {
                Ok((exchanged, buffers)) => {
                    traffic.bytes_in += exchanged.bytes_in;
                    if exchanged.keep {
                        self.put_back(origin, connection);
                    }
                    return Ok((exchanged, buffers, connecting));
                }
                Err(trouble) if trouble.is_stale() && attempt == 0 => self.idle.clear(),
                Err(trouble) => return Err(trouble),
            }
        }
        unreachable!("the second attempt is on a new connection, which is never stale")
    }

    /// The same request on a second connection while the first is under way; as in a browser, the first reply is for
    /// nobody and the second counts.
    async fn clicked_twice(
        &self,
        desk: &Desk,
        connection: &mut Connection,
        request: &Request,
        bytes: &[u8],
        traffic: &mut Traffic,
    ) -> Result<(Exchanged, Box<Buffers>), Trouble> {
        traffic.bytes_out += bytes.len() as u64;
        let origin = &request.place.origin;
        let first = async {
            if let Ok(mut first) = desk.shared.connector.connect(origin, self.lane).await
                && let Ok((_, buffers)) = first.exchange(&request.method, bytes, false).await
            {
                buffers.give_back();
            }
        };
        let ((), second) =
            futures_util::future::join(first, connection.exchange(&request.method, bytes, true)).await;
        second
    }

    /// Fetches what belongs to a page, over as many connections as a browser would use. `each` is told of every request
    /// when it is over.
    pub(super) async fn fetch_all(
        &mut self,
        desk: &Desk,
        requests: Vec<Request>,
        mut each: impl FnMut(&Request, Instant, Traffic, Result<(u16, Exchanged, Option<Duration>), Trouble>),
    ) {
        use futures_util::StreamExt as _;
        use futures_util::stream::FuturesUnordered;
        let lane = self.lane;
        let mut waiting = requests.into_iter();
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < MOST_IDLE
                && let Some(request) = waiting.next()
            {
                let idle = self.idle(&request.place.origin);
                let bytes = request.bytes(&self.cookies(&request.place));
                under_way.push(async move {
                    let start = Instant::now();
                    let out = Traffic {
                        bytes_out: bytes.len() as u64,
                        bytes_in: 0,
                    };
                    let fetched = fetch(desk, &request, &bytes, idle, lane).await;
                    (request, start, out, fetched)
                });
            }
            let Some((request, start, mut traffic, fetched)) = under_way.next().await else {
                return;
            };
            let told = match fetched {
                Ok((exchanged, buffers, connecting, connection)) => {
                    traffic.bytes_in = exchanged.bytes_in;
                    self.keep_cookies(&request.place, &buffers);
                    let status = buffers.reply.status;
                    buffers.give_back();
                    if exchanged.keep {
                        self.put_back(&request.place.origin, connection);
                    }
                    Ok((status, exchanged, connecting))
                }
                Err(trouble) => Err(trouble),
            };
            each(&request, start, traffic, told);
        }
    }

    fn idle(&mut self, origin: &Origin) -> Option<Connection> {
        let at = self.idle.iter().rposition(|(o, _)| o == origin)?;
        Some(self.idle.swap_remove(at).1)
    }

    fn put_back(&mut self, origin: &Origin, connection: Connection) {
        if self.idle.iter().filter(|(o, _)| o == origin).count() < MOST_IDLE {
            self.idle.push((origin.clone(), connection));
        }
    }

    /// A browser closed and opened again: no cookies, no connections.
    pub(super) fn begin_again(&mut self) {
        self.jar.clear();
        self.idle.clear();
    }

    pub(super) fn cookie(&self, place: &Place, name: &str) -> Option<String> {
        let Place { origin, path } = place;
        self.jar
            .get(&origin.host, path, origin.tls, now(), name)
            .map(str::to_owned)
    }

    fn cookies(&self, place: &Place) -> String {
        let mut out = String::new();
        if !self.jar.is_empty() {
            self.jar
                .header(&place.origin.host, &place.path, place.origin.tls, now(), &mut out);
        }
        out
    }

    fn keep_cookies(&mut self, place: &Place, buffers: &Buffers) {
        for cookie in buffers.reply.headers.all("set-cookie") {
            self.jar
                .set(&place.origin.host, &place.path, place.origin.tls, cookie, now());
        }
    }
}

async fn fetch(
    desk: &Desk,
    request: &Request,
    bytes: &[u8],
    idle: Option<Connection>,
    lane: u64,
) -> Result<(Exchanged, Box<Buffers>, Option<Duration>, Connection), Trouble> {
    if let Some(mut connection) = idle {
        match connection.exchange(&request.method, bytes, false).await {
            Ok((exchanged, buffers)) => return Ok((exchanged, buffers, None, connection)),
            Err(trouble) if trouble.is_stale() => {}
            Err(trouble) => return Err(trouble),
        }
    }
    let begun = Instant::now();
    let mut connection = desk.shared.connector.connect(&request.place.origin, lane).await?;
    let connecting = begun.elapsed();
    let (exchanged, buffers) = connection.exchange(&request.method, bytes, false).await?;
    Ok((exchanged, buffers, Some(connecting), connection))
}

fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs().cast_signed())
}
