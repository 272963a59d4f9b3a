//! Measurements, for `GET /metrics` on a listener of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::response::Response;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tower::{Layer, Service};

/// Upper bounds in seconds: from a commit on a fast disk to the deadline of a save.
const SECONDS: &[f64] = &[
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 8.0, 10.0,
];
const ROWS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

/// Installs the recorder for the whole process; a second call gives `None`.
pub fn install() -> Option<PrometheusHandle> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)
        .and_then(|b| b.set_buckets_for_metric(Matcher::Full("canvass_batch_rows".into()), ROWS));
    let handle = builder.ok()?.install_recorder().ok()?;
    describe();
    Some(handle)
}

/// Answers every request on the metrics listener with the measurements; keeps the recorder's memory bounded. Never
/// ends.
pub async fn serve(listener: Option<std::net::TcpListener>, handle: Option<PrometheusHandle>) {
    let upkeep = async {
        let mut every = tokio::time::interval(Duration::from_secs(5));
        loop {
            every.tick().await;
            if let Some(handle) = &handle {
                handle.run_upkeep();
            }
        }
    };
    let listener = listener.and_then(|l| tokio::net::TcpListener::from_std(l).ok());
    let answer = async {
        let (Some(listener), Some(handle)) = (listener, &handle) else {
            return std::future::pending().await;
        };
        let (handle, most) = (handle.clone(), Arc::new(tokio::sync::Semaphore::new(16)));
        let text = axum::routing::get(move || std::future::ready(handle.render()));
        let routes = axum::Router::new().route("/metrics", text);
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // No file descriptors, most likely.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let Ok(permit) = most.clone().try_acquire_owned() else {
                continue;
            };
            let service = hyper_util::service::TowerToHyperService::new(routes.clone());
            tokio::spawn(async move {
                let _permit = permit;
                let mut builder = hyper::server::conn::http1::Builder::new();
                builder
                    .timer(hyper_util::rt::TokioTimer::new())
                    .header_read_timeout(Duration::from_secs(10));
                let _ = builder
                    .serve_connection(hyper_util::rt::TokioIo::new(stream), service)
                    .await;
            });
        }
    };
    tokio::join!(upkeep, answer);
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_histogram!(
        "canvass_request_seconds",
        "Time from a request's headers to its response's, by route."
    );
    describe_histogram!("canvass_batch_rows", "Rows in one transaction of the write path.");
    describe_histogram!(
        "canvass_commit_seconds",
        "Time from sending a batch to its COMMIT's reply."
    );
    describe_gauge!(
        "canvass_queue_depth",
        "Facts waiting or being committed, by core."
    );
    describe_counter!("canvass_refused_total", "Requests refused, by reason.");
    describe_counter!(
        "canvass_commit_retries_total",
        "Batches sent again after a broken connection."
    );
    describe_counter!(
        "canvass_wave_broken_total",
        "Batches that a wave's tables could not take: an alarm."
    );
    describe_gauge!("canvass_connections", "Open connections.");
    describe_gauge!(
        "canvass_disk_free_bytes",
        "Bytes free where PostgreSQL's data are, when watched."
    );
}

/// Counts a refused request.
pub fn refused(reason: &'static str) {
    metrics::counter!("canvass_refused_total", "reason" => reason).increment(1);
}

/// Measures the time of one route. Its handle is looked up once, not at every request.
#[derive(Clone)]
pub struct Timed(metrics::Histogram);

impl Timed {
    /// For the route of this name, such as `POST /api/v1/saves`.
    pub fn route(name: &'static str) -> Self {
        Self(metrics::histogram!("canvass_request_seconds", "route" => name))
    }
}

impl<S> Layer<S> for Timed {
    type Service = TimedService<S>;
    fn layer(&self, inner: S) -> Self::Service {
        TimedService {
            inner,
            histogram: self.0.clone(),
        }
    }
}

/// A service whose time is measured.
#[derive(Clone)]
pub struct TimedService<S> {
    inner: S,
    histogram: metrics::Histogram,
}

impl<S> Service<Request> for TimedService<S>
where
    S: Service<Request, Response = Response>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (began, histogram) = (Instant::now(), self.histogram.clone());
        let response = self.inner.call(request);
        Box::pin(async move {
            let response = response.await;
            histogram.record(began.elapsed().as_secs_f64());
            response
        })
    }
}
