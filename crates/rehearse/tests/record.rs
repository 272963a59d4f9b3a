//! The recorder between a client that behaves like a browser and targets that misbehave like applications.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test: a panic is its message")]

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use canvass_rehearse::har::{self, Entry, Har};
use canvass_rehearse::record::{Config, Recorder, Say, Summary};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1 as client;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use xxhash_rust::xxh3::xxh3_64;

type Reply = Response<UnsyncBoxBody<Bytes, Infallible>>;

fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::builder().status(status);
    for (name, value) in headers {
        reply = reply.header(*name, *value);
    }
    reply.body(Full::new(body.into()).boxed_unsync()).unwrap()
}

/// A target that answers as told. Gives its address and the task that is it.
async fn target<F, A>(answer: F) -> (SocketAddr, JoinHandle<()>)
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Reply> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let answer = answer.clone();
            let service = service_fn(move |request| {
                let reply = answer(request);
                async { Ok::<_, Infallible>(reply.await) }
            });
            connections.spawn(server::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    (address, task)
}

/// A recorder at work.
struct Recording {
    address: SocketAddr,
    file: PathBuf,
    lines: Arc<Mutex<Vec<String>>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<Summary, canvass_rehearse::Error>>,
    _dir: tempfile::TempDir,
}

fn config(target: &str, dir: &tempfile::TempDir) -> Config {
    Config {
        target: target.parse().unwrap(),
        listen: "127.0.0.1:0".to_owned(),
        output: dir.path().join("session.har"),
        ca: None,
    }
}

fn silent() -> Say {
    Arc::new(|_| {})
}

impl Recording {
    async fn of(target: SocketAddr) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::with(config(&format!("http://{target}/"), &dir), dir).await
    }

    async fn with(config: Config, dir: tempfile::TempDir) -> Self {
        let file = config.output.clone();
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = lines.clone();
        let say = Arc::new(move |line: &str| heard.lock().unwrap().push(line.to_owned()));
        let recorder = Recorder::bind(config, say).await.unwrap();
        let address = recorder.address();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(recorder.run(async { stopped.await.unwrap() }));
        Self {
            address,
            file,
            lines,
            stop,
            task,
            _dir: dir,
        }
    }

    fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    fn get(&self, path: &str) -> Request<Full<Bytes>> {
        self.request("GET", path, &[], "")
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Request<Full<Bytes>> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.address.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Full::new(body.into())).unwrap()
    }

    async fn try_open(&self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = client::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        sender.send_request(request).await
    }

    async fn open(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        self.try_open(request).await.unwrap()
    }

    async fn ask(&self, request: Request<Full<Bytes>>) -> Response<Bytes> {
        let (head, body) = self.open(request).await.into_parts();
        Response::from_parts(head, body.collect().await.unwrap().to_bytes())
    }

    /// Ends it, and reads what it wrote.
    async fn end(self) -> (Har, Vec<String>) {
        self.stop.send(()).unwrap();
        let summary = self.task.await.unwrap().unwrap();
        assert_eq!(summary.file.as_ref(), Some(&self.file));
        let mode = std::fs::metadata(&self.file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "a recording holds secrets");
        let har = har::read(&self.file).unwrap();
        assert_eq!(har.entries.len(), summary.requests);
        let lines = self.lines.lock().unwrap().clone();
        (har, lines)
    }
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

fn text(response: &Response<Bytes>) -> String {
    String::from_utf8(response.body().to_vec()).unwrap()
}

#[tokio::test]
async fn the_browser_stays_on_the_proxy_and_the_recording_has_the_targets_addresses() {
    let (target, _task) = target(|request: Request<Incoming>| async move {
        let own = format!("http://{}", request.headers()["host"].to_str().unwrap());
        match request.uri().path() {
            "/login" => reply(
                302,
                &[
                    ("location", &format!("{own}/home?from={own}")),
                    ("set-cookie", "sid=1; Secure; Domain=127.0.0.1"),
                ],
                "",
            ),
            _ => reply(
                200,
                &[("content-type", "text/html; charset=utf-8")],
                format!("<a href=\"{own}/next\">on</a>"),
            ),
        }
    })
    .await;
    let recording = Recording::of(target).await;
    let proxy = recording.origin();

    let login = recording.ask(recording.get("/login?next=/home")).await;
    let home = recording.ask(recording.get("/home")).await;

    assert_eq!(login.status(), 302);
    assert_eq!(header(&login, "location"), format!("{proxy}/home?from={proxy}"));
    assert_eq!(header(&login, "set-cookie"), "sid=1");
    assert_eq!(text(&home), format!("<a href=\"{proxy}/next\">on</a>"));
    let (har, lines) = recording.end().await;
    let urls: Vec<_> = har.entries.iter().map(|e| e.request.url.as_str()).collect();
    assert_eq!(
        urls,
        [
            format!("http://{target}/login?next=/home"),
            format!("http://{target}/home")
        ]
    );
    let [login, home] = &har.entries[..] else {
        panic!("two requests")
    };
    assert_eq!(
        login.response.redirect,
        format!("http://{target}/home?from=http://{target}")
    );
    assert_eq!(
        login.response.header("set-cookie"),
        Some("sid=1; Secure; Domain=127.0.0.1")
    );
    assert_eq!(login.request.header("host"), Some(target.to_string().as_str()));
    assert_eq!(
        home.response.body,
        format!("<a href=\"http://{target}/next\">on</a>").into_bytes()
    );
    assert_eq!(home.response.mime, "text/html; charset=utf-8");
    assert!(lines[0].starts_with("   1  GET  /login  302  "), "{lines:?}");
    assert!(
        !lines.join("").contains("next="),
        "a query may hold secrets: {lines:?}"
    );
}

/// What Django's CSRF check compares: Origin and Referer with Host; and hidden fields with addresses in them.
#[tokio::test]
async fn what_the_browser_sends_names_the_target() {
    let (target, _task) = target(|request: Request<Incoming>| async move {
        let (head, body) = request.into_parts();
        let header = |name: &str| {
            head.headers
                .get(name)
                .map_or("none", |value| value.to_str().unwrap())
                .to_owned()
        };
        let names = [
            "host",
            "origin",
            "referer",
            "accept-encoding",
            "content-length",
            "if-none-match",
        ];
        let mut lines: Vec<String> = names.iter().map(|name| header(name)).collect();
        lines.push(head.uri.to_string());
        lines.push(String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap());
        reply(200, &[("content-type", "text/plain")], lines.join("\n"))
    })
    .await;
    let recording = Recording::of(target).await;
    let proxy = recording.origin();
    let encoded = proxy.replace(':', "%3A").replace('/', "%2F");
    let headers = [
        ("origin", proxy.as_str()),
        ("referer", &format!("{proxy}/form?a")),
        ("accept-encoding", "gzip, br"),
        ("if-none-match", "\"1\""),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let body = format!("token=x%26y&next={encoded}%2Fdone");
    let answer = recording
        .ask(recording.request("POST", &format!("/form?u={encoded}"), &headers, body))
        .await;

    let own = format!("http://{target}");
    let own_encoded = own.replace(':', "%3A").replace('/', "%2F");
    let sent = format!("token=x%26y&next={own_encoded}%2Fdone");
    let expected = [
        target.to_string(),
        own.clone(),
        format!("{own}/form?a"),
        "identity".to_owned(),
        sent.len().to_string(),
        "none".to_owned(),
        format!("/form?u={own_encoded}"),
        sent.clone(),
    ];
    assert_eq!(text(&answer).lines().collect::<Vec<_>>(), expected);
    let (har, _) = recording.end().await;
    let request = &har.entries[0].request;
    assert_eq!(
        request.header("accept-encoding"),
        Some("gzip, br"),
        "what a browser says to the target"
    );
    let body = request.body.as_ref().unwrap();
    assert_eq!(body.bytes, sent.as_bytes());
    let params: Vec<_> = body
        .params
        .as_ref()
        .unwrap()
        .iter()
        .map(|p| (p.name.as_str(), p.value.as_str()))
        .collect();
    assert_eq!(params, [("token", "x&y"), ("next", &format!("{own}/done"))]);
}

fn random(bytes: usize) -> Bytes {
    let mut dice = fastrand::Rng::with_seed(7);
    let mut out = vec![0; bytes];
    dice.fill(&mut out);
    out.into()
}

/// JMeter hangs on an upload (apache/jmeter#6089), Gatling's recorder breaks large ones (gatling/gatling#2317) and kept
/// no bodies for a while (#3561).
#[tokio::test]
async fn sixty_four_megabytes_pass_byte_for_byte_both_ways_and_are_kept() {
    let big = random(64 << 20);
    let sent = big.clone();
    let (target, _task) = target(move |request: Request<Incoming>| {
        let big = big.clone();
        async move {
            if request.method() == "GET" {
                return reply(200, &[("content-type", "application/octet-stream")], big);
            }
            let length = request.headers()["content-length"].to_str().unwrap().to_owned();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            reply(200, &[], format!("{length} {:x}", xxh3_64(&body)))
        }
    })
    .await;
    let recording = Recording::of(target).await;
    let hash = xxh3_64(&sent);
    let binary = [("content-type", "application/octet-stream")];

    let up = recording
        .ask(recording.request("POST", "/up", &binary, sent))
        .await;
    let down = recording.ask(recording.get("/down")).await;

    assert_eq!(text(&up), format!("{} {hash:x}", 64 << 20));
    assert_eq!(header(&down, "content-length"), (64 << 20).to_string());
    assert_eq!(xxh3_64(down.body()), hash);
    let (har, lines) = recording.end().await;
    assert!(
        lines.iter().all(|line| line.ends_with(" ms")),
        "both came to their end: {lines:?}"
    );
    assert_eq!(
        xxh3_64(&har.entries[0].request.body.as_ref().unwrap().bytes),
        hash
    );
    assert_eq!(xxh3_64(&har.entries[1].response.body), hash);
}

/// grafana/k6#1227 and #984: multipart posts were dropped in silence.
#[tokio::test]
async fn a_multipart_form_with_a_file_is_recorded_whole() {
    let (target, _task) = target(|request: Request<Incoming>| async move {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        reply(200, &[], format!("{:x}", xxh3_64(&body)))
    })
    .await;
    let recording = Recording::of(target).await;
    let file = random(5000);
    let head = "--b\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--b\r\n\
                Content-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n";
    let body = Bytes::from([head.as_bytes(), &file, b"\r\n--b--\r\n"].concat());
    let multipart = [("content-type", "multipart/form-data; boundary=b")];

    let answer = recording
        .ask(recording.request("POST", "/", &multipart, body.clone()))
        .await;

    assert_eq!(text(&answer), format!("{:x}", xxh3_64(&body)));
    let (har, _) = recording.end().await;
    let kept = har.entries[0].request.body.as_ref().unwrap();
    assert_eq!(kept.bytes, body);
    let params = kept.params.as_ref().unwrap();
    assert_eq!(
        (params[0].name.as_str(), params[0].value.as_str()),
        ("note", "hello")
    );
    assert_eq!(
        (params[1].name.as_str(), params[1].file_name.as_deref()),
        ("photo", Some("a.png"))
    );
}

#[tokio::test]
async fn what_comes_compressed_all_the_same_is_decoded() {
    use std::io::Write;
    let page = "<p>page</p>".repeat(5000);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(page.as_bytes()).unwrap();
    let (gzip, mut br) = (
        gzip.finish().unwrap(),
        brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22),
    );
    br.write_all(page.as_bytes()).unwrap();
    let br = br.into_inner();
    let (target, _task) = target(move |request: Request<Incoming>| {
        let (coding, body) = match request.uri().path() {
            "/gzip" => ("gzip", gzip.clone()),
            "/br" => ("br", br.clone()),
            _ => ("gzip", gzip[..gzip.len() / 2].to_vec()),
        };
        async move {
            reply(
                200,
                &[("content-type", "text/html"), ("content-encoding", coding)],
                body,
            )
        }
    })
    .await;
    let recording = Recording::of(target).await;
    for path in ["/gzip", "/br"] {
        let answer = recording.ask(recording.get(path)).await;
        assert_eq!(header(&answer, "content-encoding"), "");
        assert_eq!(text(&answer), page);
    }
    let whole = match recording.try_open(recording.get("/half")).await {
        Ok(head) => head.into_body().collect().await.is_ok(),
        Err(_) => false,
    };
    assert!(!whole, "half a page must not look like a whole one");
    let (har, lines) = recording.end().await;
    assert_eq!(har.entries[0].response.body, page.as_bytes());
    assert_eq!(har.entries[1].response.body, page.as_bytes());
    assert!(lines[2].ends_with("left before its end"), "{lines:?}");
}

#[tokio::test]
async fn a_file_without_links_to_the_target_keeps_length_and_digest() {
    let script = "const a = 'https://elsewhere.example/';".repeat(100);
    let body = script.clone();
    let (target, _task) = target(move |request: Request<Incoming>| {
        let own = format!("http://{}/", request.headers()["host"].to_str().unwrap());
        let answer = match request.uri().path() {
            "/app.js" => reply(200, &[("content-type", "text/javascript")], body.clone()),
            _ => reply(
                200,
                &[
                    ("content-type", "text/html"),
                    ("content-disposition", "attachment; filename=a"),
                ],
                own,
            ),
        };
        async { answer }
    })
    .await;
    let recording = Recording::of(target).await;
    assert_eq!(text(&recording.ask(recording.get("/app.js")).await), script);
    assert_eq!(
        text(&recording.ask(recording.get("/saved")).await),
        format!("http://{target}/")
    );
    recording.end().await;
}

#[tokio::test]
async fn what_is_no_plain_http_is_refused_with_one_line() {
    let (target, _task) = target(|_| async { reply(200, &[], "") }).await;
    let recording = Recording::of(target).await;
    let upgrade = [("connection", "Upgrade"), ("upgrade", "websocket")];
    for _ in 0..2 {
        let answer = recording
            .ask(recording.request("GET", "/live?key=1", &upgrade, ""))
            .await;
        assert_eq!(answer.status(), 501);
    }
    let forward = Request::get("http://elsewhere.example/")
        .body(Full::default())
        .unwrap();
    assert_eq!(recording.ask(forward).await.status(), 501);
    let foreign = Request::get("/")
        .header("host", "evil.example")
        .body(Full::default())
        .unwrap();
    assert_eq!(recording.ask(foreign).await.status(), 421);
    assert_eq!(recording.ask(recording.get("/")).await.status(), 200);
    let (har, lines) = recording.end().await;
    assert_eq!(har.entries.len(), 1);
    let about = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
    assert_eq!(about("/live: WebSockets cannot be recorded"), 1, "{lines:?}");
}

/// Server-sent events: each passes when it comes, and what came is kept when the recording ends in the middle.
#[tokio::test]
async fn a_stream_passes_as_it_comes_and_does_not_hold_up_the_end() {
    let (events, source) = mpsc::channel::<&'static str>(1);
    let source = Arc::new(Mutex::new(Some(source)));
    let (target, _task) = target(move |_| {
        let source = source.lock().unwrap().take().unwrap();
        let frames = futures_util::stream::unfold(source, |mut source| async {
            let event = source.recv().await?;
            Some((Ok(Frame::data(Bytes::from(event))), source))
        });
        let body = UnsyncBoxBody::new(StreamBody::new(frames));
        async {
            Response::builder()
                .header("content-type", "text/event-stream")
                .body(body)
                .unwrap()
        }
    })
    .await;
    let recording = Recording::of(target).await;
    let mut body = recording.open(recording.get("/events")).await.into_body();
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        events.send(event).await.unwrap();
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), event);
    }
    let (har, lines) = recording.end().await;
    assert_eq!(har.entries[0].response.body, b"data: 1\n\ndata: 2\n\n");
    assert!(lines[0].ends_with("left before its end"), "{lines:?}");
}

#[tokio::test]
async fn a_target_that_goes_down_in_the_middle_is_told_and_recorded() {
    let (target, task) = target(|_| async { reply(200, &[], "up") }).await;
    let recording = Recording::of(target).await;
    assert_eq!(text(&recording.ask(recording.get("/")).await), "up");
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let down = recording.ask(recording.get("/")).await;
    assert_eq!(down.status(), 502);
    assert!(
        text(&down).contains(&format!("the target http://{target} did not answer")),
        "{}",
        text(&down)
    );
    let (har, lines) = recording.end().await;
    let statuses: Vec<_> = har.entries.iter().map(|e: &Entry| e.response.status).collect();
    assert_eq!(statuses, [200, 502]);
    assert!(lines[1].contains("502"), "{lines:?}");
}

#[tokio::test]
async fn what_keeps_it_from_starting_is_one_line_and_leaves_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (taken, up) = (
        listener.local_addr().unwrap(),
        format!("http://{}/", listener.local_addr().unwrap()),
    );
    let dir = tempfile::tempdir().unwrap();
    let bind = async |change: &dyn Fn(&mut Config)| {
        let mut config = config(&up, &dir);
        change(&mut config);
        let error = Recorder::bind(config, silent()).await.err().unwrap().to_string();
        assert!(!error.contains('\n'), "{error}");
        error
    };

    let open = bind(&|c| c.listen = "0.0.0.0:0".to_owned()).await;
    assert!(open.contains("is no loopback address"), "{open}");
    let nonsense = bind(&|c| c.listen = "8089".to_owned()).await;
    assert!(nonsense.contains("such as 127.0.0.1:8089"), "{nonsense}");
    let port = bind(&|c| c.listen = taken.to_string()).await;
    assert!(port.contains("choose another port"), "{port}");
    let folder = bind(&|c| c.output = dir.path().join("no/session.har")).await;
    assert!(folder.contains("no/session.har.part: No such file"), "{folder}");
    drop(listener);
    let down = bind(&|_| {}).await;
    assert!(
        down.starts_with(&format!("the target http://{taken} cannot be reached: ")),
        "{down}"
    );
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_recording_of_nothing_leaves_no_file() {
    let (target, _task) = target(|_| async { reply(200, &[], "") }).await;
    let recording = Recording::of(target).await;
    recording.stop.send(()).unwrap();
    let summary = recording.task.await.unwrap().unwrap();
    assert_eq!(
        summary,
        Summary {
            requests: 0,
            file: None
        }
    );
    assert!(!recording.file.exists());
}

#[tokio::test]
async fn a_target_with_a_certificate_of_its_own_is_reached_with_its_ca() {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, certified.cert.pem()).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let answer = service_fn(|request: Request<Incoming>| async move {
                    let own = format!("https://{}/", request.headers()["host"].to_str().unwrap());
                    Ok::<_, Infallible>(reply(
                        200,
                        &[("content-type", "application/json")],
                        format!("{{\"u\":\"{own}\"}}"),
                    ))
                });
                let _ = server::Builder::new()
                    .serve_connection(TokioIo::new(stream), answer)
                    .await;
            });
        }
    });
    let url = format!("https://localhost:{port}/");
    let refused = Recorder::bind(config(&url, &dir), silent())
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(
        refused.contains("certificate") && refused.contains("--ca FILE"),
        "{refused}"
    );

    let mut trusting = config(&url, &dir);
    trusting.ca = Some(ca);
    let recording = Recording::with(trusting, dir).await;
    let answer = recording.ask(recording.get("/")).await;
    assert_eq!(text(&answer), format!("{{\"u\":\"{}/\"}}", recording.origin()));
    let (har, _) = recording.end().await;
    assert_eq!(har.entries[0].request.url, url);
}
