//! What these tests have in common: a site with a wave, a browser that keeps cookies, and a bare connection.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use canvass_testkit::{
    Api, Reply, Respondent, SMALL_SURVEY, Server, TestDb, TestWave, WaveTimes, eventually, make_wave,
    now_micros, shared_cluster,
};
use serde_json::{Value, json};

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_canvass");

/// A server on a database with one wave.
pub struct Site {
    pub db: TestDb,
    pub wave: TestWave,
    pub server: Server,
}

impl Site {
    /// An open wave with ten codes.
    pub fn open() -> Self {
        Self::with(WaveTimes::default(), &[])
    }

    /// A wave of these times with ten codes; `settings` are environment variables.
    pub fn with(times: WaveTimes, settings: &[(&str, &str)]) -> Self {
        let db = shared_cluster().database();
        let wave = make_wave(&db.url, "w", SMALL_SURVEY, times, 10);
        let server = Server::start(BINARY, &db.url, settings);
        Self { db, wave, server }
    }

    /// Moves the wave's closing (seconds from now, in the past) and sets its late period; returns when the server knows
    /// that it is closed.
    pub fn close(&self, seconds_ago: i64, late: i64) {
        let sql = format!(
            "UPDATE canvass.wave SET opens_at = now() - interval '1 day', \
             closes_at = now() - interval '{seconds_ago} s', late_seconds = {late} WHERE wave_id = {}",
            self.wave.id
        );
        shared_cluster().execute(&self.db.name, &sql);
        let (api, code) = (self.server.api(), self.wave.codes.last().unwrap());
        eventually("the server to know that the wave is closed", || {
            let reply = api.post("/api/v1/enter", &[], &json!({ "code": code }));
            (reply.status == 409).then_some(())
        });
    }

    /// Somebody who has entered with the n-th code.
    pub fn enter(&self, n: usize) -> Respondent {
        self.server.api().enter(&self.wave.codes[n])
    }

    /// A browser without cookies.
    pub fn browser(&self) -> Browser {
        Browser::at(self.server.address(), self.server.api())
    }

    /// A browser that has entered with the n-th code.
    pub fn browser_of(&self, n: usize) -> Browser {
        let browser = self.browser();
        let reply = browser.post("/enter", &[("code", &self.wave.codes[n])]);
        assert_eq!(
            (reply.status, reply.header("location")),
            (303, "/take"),
            "{}",
            reply.text
        );
        browser
    }

    /// A bare connection.
    pub fn connect(&self) -> Bare {
        Bare::to(self.server.address())
    }

    /// That the service goes on: the same process takes a good save.
    pub fn still_serves(&self, pid: i32) {
        assert_eq!(self.server.pid(), pid);
        let pupil = self.enter(self.wave.codes.len() - 1);
        let reply = pupil.save(now_micros(), "p01", &json!({ "single01": "a" }));
        assert_eq!(reply.status, 200, "{}", reply.text);
    }

    /// How many saves are in the database.
    pub fn saves(&self) -> i64 {
        let sql = format!("SELECT count(*) FROM wave_{}.save", self.wave.id);
        self.db.value(&sql).parse().unwrap()
    }
}

/// A browser without JavaScript: cookies and forms, redirects by hand.
pub struct Browser {
    pub api: Api,
    pub jar: RefCell<BTreeMap<String, String>>,
    address: SocketAddr,
}

impl Browser {
    pub fn at(address: SocketAddr, api: Api) -> Self {
        Self {
            api,
            jar: RefCell::default(),
            address,
        }
    }

    pub fn get(&self, path: &str) -> Reply {
        let cookies = self.cookies();
        self.keep(self.api.get(path, &[("cookie", &cookies)]))
    }

    /// A form of the page itself.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.post_with(path, &[], fields)
    }

    pub fn post_with(&self, path: &str, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Reply {
        let (cookies, origin) = (self.cookies(), format!("http://{}", self.address));
        let mut all = vec![("cookie", cookies.as_str())];
        if !headers.iter().any(|(n, _)| *n == "origin") {
            all.push(("origin", &origin));
        }
        all.extend(headers);
        self.keep(self.api.post_form(path, &all, fields))
    }

    /// Fills in a page as it stands and sends it: `changes` replace what its form has in it.
    pub fn turn(&self, page: &str, action: &str, changes: &[(&str, &str)]) -> Reply {
        let html = self.get(&format!("/take/{page}")).text;
        self.turn_from(&html, page, action, changes)
    }

    /// The same from a page that was loaded before.
    pub fn turn_from(&self, html: &str, page: &str, action: &str, changes: &[(&str, &str)]) -> Reply {
        let hidden: Vec<(&str, String)> = ["token", "stamp", "was"]
            .into_iter()
            .map(|name| (name, hidden(html, name)))
            .collect();
        let mut fields: Vec<(&str, &str)> = hidden.iter().map(|(n, v)| (*n, v.as_str())).collect();
        fields.push(("action", action));
        fields.extend(changes);
        self.post(&format!("/take/{page}"), &fields)
    }

    /// Submits from the review page.
    pub fn submit(&self) -> Reply {
        let html = self.get("/review").text;
        let (token, stamp) = (hidden(&html, "token"), hidden(&html, "stamp"));
        self.post("/take/submit", &[("token", &token), ("stamp", &stamp)])
    }

    pub fn cookies(&self) -> String {
        let jar = self.jar.borrow();
        let pairs: Vec<String> = jar.iter().map(|(n, v)| format!("{n}={v}")).collect();
        pairs.join("; ")
    }

    fn keep(&self, reply: Reply) -> Reply {
        let mut jar = self.jar.borrow_mut();
        for cookie in set_cookies(&reply) {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
        drop(jar);
        reply
    }
}

/// Every `Set-Cookie` of a reply.
pub fn set_cookies(reply: &Reply) -> Vec<&str> {
    let named = reply.headers.iter().filter(|(n, _)| n == "set-cookie");
    named.map(|(_, v)| v.as_str()).collect()
}

/// The value of a page's hidden field, as the browser would send it.
pub fn hidden(html: &str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let rest = html
        .split_once(&start)
        .unwrap_or_else(|| panic!("no field {name} in:\n{html}"))
        .1;
    unescaped(rest.split_once('"').unwrap().0)
}

fn unescaped(html: &str) -> String {
    html.replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#38;", "&")
        .replace("&amp;", "&")
}

/// A connection on which anything can be sent.
pub struct Bare(TcpStream);

impl Bare {
    pub fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    /// Sends; the other side may have closed already.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).is_ok()
    }

    /// Everything until the other side closes.
    pub fn rest(mut self) -> String {
        let mut bytes = Vec::new();
        match self.0.read_to_end(&mut bytes) {
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::ConnectionReset => {}
            Err(e) => panic!(
                "the connection was not closed: {e}; read so far: {:?}",
                String::from_utf8_lossy(&bytes)
            ),
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// One reply with a `Content-Length`: its status and body.
    pub fn reply(&mut self) -> (u16, String) {
        let mut bytes = Vec::new();
        let mut byte = [0];
        while !bytes.ends_with(b"\r\n\r\n") {
            match self.0.read(&mut byte) {
                Ok(1) => bytes.push(byte[0]),
                other => panic!("no reply: {other:?} after {:?}", String::from_utf8_lossy(&bytes)),
            }
        }
        let head = String::from_utf8(bytes).unwrap().to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1);
        let length = length.map_or(0, |l| l.split("\r\n").next().unwrap().parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        (status(&head), String::from_utf8(body).unwrap())
    }
}

/// The status of a reply's text; 0 when there is none.
pub fn status(text: &str) -> u16 {
    text.get(9..12).and_then(|s| s.parse().ok()).unwrap_or(0)
}

/// A save as it is sent on a bare connection.
pub fn save_request(pupil: &Respondent, stamp: i64, answers: &Value) -> String {
    let body = json!({ "stamp": stamp, "page": "p01", "answers": answers }).to_string();
    format!(
        "POST /api/v1/saves HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nContent-Length: {}\r\n\r\n{body}",
        pupil.bearer(),
        body.len()
    )
}
