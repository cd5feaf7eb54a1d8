//! HTTP without a network: authorities lead to routers in the same process, and faults come by script.
//!
//! Tests, the demo and the simulator drive connectors against emulators through it. It keeps no time of its
//! own and takes no chances: the same requests and the same script give the same answers.

use super::{Http, HttpError};
use async_trait::async_trait;
use axum::{Router, body::Body};
use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt as _;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tower::ServiceExt as _;

/// What happens to a request on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpFault {
    /// The connection is refused: the other side sees nothing, and the caller knows that.
    Refused,
    /// The request is lost on its way: the other side sees nothing, and the caller can't know.
    RequestLost,
    /// The other side acts and answers, but the answer is lost (a reset).
    AnswerLost,
    /// The other side acts, but nothing comes back until the caller's patience is over.
    Hang,
    /// The connection stands, but the other side sees nothing, and nothing comes back until the caller's patience
    /// is over.
    RequestHangs,
    /// The other side acts at once; its answer takes that long (lost when the deadline is shorter).
    Slow(Duration),
    /// The other side acts, but something in between answers with this status and no body.
    Status(StatusCode),
    /// Something in between refuses with this status and no body; the other side sees nothing.
    Blocked(StatusCode),
    /// The other side acts, but its answer arrives as a page of something else.
    Garbage,
}

/// How often a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// The next that many requests.
    Next(u32),
    /// The one request after that many others: `After(0)` is `Next(1)`.
    After(u32),
    /// Every request until [`RouterHttp::heal`].
    Always,
}

impl Times {
    /// The next request only.
    pub const ONCE: Self = Self::Next(1);
}

/// Routers by authority (`host` or `host:port`), and the faults on the way to them.
#[derive(Clone, Debug)]
pub struct RouterHttp(Arc<Mutex<Network>>);

#[derive(Debug)]
struct Network {
    online: bool,
    routes: BTreeMap<String, Router>,
    faults: BTreeMap<String, VecDeque<(HttpFault, Times)>>,
    requests: BTreeMap<String, u64>,
}

impl Default for RouterHttp {
    fn default() -> Self {
        Self::new()
    }
}

impl RouterHttp {
    /// Online, and leading nowhere yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Network {
            online: true,
            routes: BTreeMap::new(),
            faults: BTreeMap::new(),
            requests: BTreeMap::new(),
        })))
    }

    /// Leads requests for `authority` to `router`, instead of any before. The scheme doesn't matter.
    #[must_use]
    pub fn route(self, authority: &str, router: Router) -> Self {
        self.set_route(authority, router);
        self
    }

    /// As [`RouterHttp::route`], later on.
    pub fn set_route(&self, authority: &str, router: Router) {
        self.network().routes.insert(authority.to_owned(), router);
    }

    /// Lets a fault strike requests for `authority`. Several faults wait for one another.
    pub fn set_fault(&self, authority: &str, fault: HttpFault, times: Times) {
        self.network()
            .faults
            .entry(authority.to_owned())
            .or_default()
            .push_back((fault, times));
    }

    /// Forgets all faults of `authority`.
    pub fn heal(&self, authority: &str) {
        self.network().faults.remove(authority);
    }

    /// Pulls the cable (nothing is sent, and answers under way are lost) or puts it back.
    pub fn set_online(&self, online: bool) {
        self.network().online = online;
    }

    /// How many requests set out for `authority`, with those that a fault struck; for tests.
    #[must_use]
    pub fn requests(&self, authority: &str) -> u64 {
        self.network()
            .requests
            .get(authority)
            .copied()
            .unwrap_or_default()
    }

    fn network(&self) -> MutexGuard<'_, Network> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_out(&self, authority: &str) -> Result<(Router, Option<HttpFault>), HttpError> {
        let mut network = self.network();
        let seen = network.requests.entry(authority.to_owned()).or_default();
        *seen = seen.saturating_add(1);
        if !network.online {
            return Err(HttpError::NotSent("no route to the host".into()));
        }
        let router = network
            .routes
            .get(authority)
            .cloned()
            .ok_or_else(|| HttpError::NotSent(format!("name not found: {authority}")))?;
        let fault = network.faults.get_mut(authority).and_then(next_fault);
        Ok((router, fault))
    }
}

fn next_fault(queue: &mut VecDeque<(HttpFault, Times)>) -> Option<HttpFault> {
    while let Some((fault, times)) = queue.front_mut() {
        match times {
            Times::Always => return Some(fault.clone()),
            Times::Next(0) => {
                queue.pop_front();
            }
            Times::Next(left) => {
                *left = left.saturating_sub(1);
                return Some(fault.clone());
            }
            Times::After(0) => *times = Times::Next(1),
            Times::After(left) => {
                *left = left.saturating_sub(1);
                return None;
            }
        }
    }
    None
}

/// What an HTTP client sends in the first line: the path, with the authority in `Host`.
fn as_a_server_sees_it(request: Request<Bytes>, authority: &str) -> Request<Body> {
    let (mut parts, body) = request.into_parts();
    if let Some(path) = parts.uri.path_and_query() {
        parts.uri = Uri::from(path.clone());
    }
    if let Ok(host) = authority.parse() {
        parts.headers.insert(header::HOST, host);
    }
    Request::from_parts(parts, Body::from(body))
}

async fn call(
    router: Router,
    request: Request<Bytes>,
    authority: &str,
) -> Result<Response<Bytes>, HttpError> {
    let answer = match router
        .oneshot(as_a_server_sees_it(request, authority))
        .await
    {
        Ok(answer) => answer,
        Err(never) => match never {},
    };
    let (parts, body) = answer.into_parts();
    let body = body
        .collect()
        .await
        .map_err(|e| HttpError::Unknown(format!("the answer was cut: {e}")))?
        .to_bytes();
    Ok(Response::from_parts(parts, body))
}

fn bare(status: StatusCode, body: &'static [u8]) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from_static(body));
    *answer.status_mut() = status;
    answer
}

const GARBAGE: &[u8] = b"<html><body><h1>It works!</h1></body></html>";

#[async_trait]
impl Http for RouterHttp {
    async fn send(
        &self,
        request: Request<Bytes>,
        deadline: Duration,
    ) -> Result<Response<Bytes>, HttpError> {
        let authority = request
            .uri()
            .authority()
            .map(ToString::to_string)
            .ok_or_else(|| HttpError::NotSent("the address has no host".into()))?;
        let (router, fault) = self.set_out(&authority)?;
        let lost = || Err(HttpError::Unknown("the connection was reset".into()));
        let exchange = async {
            match fault {
                None => call(router, request, &authority).await,
                Some(HttpFault::Refused) => Err(HttpError::NotSent("connection refused".into())),
                Some(HttpFault::RequestLost) => lost(),
                Some(HttpFault::RequestHangs) => std::future::pending().await,
                Some(HttpFault::Blocked(status)) => Ok(bare(status, b"")),
                Some(fault) => {
                    let answer = call(router, request, &authority).await;
                    match fault {
                        HttpFault::AnswerLost => lost(),
                        HttpFault::Hang => std::future::pending().await,
                        HttpFault::Slow(by) => {
                            tokio::time::sleep(by).await;
                            answer
                        }
                        HttpFault::Status(status) => Ok(bare(status, b"")),
                        _ => Ok(bare(StatusCode::OK, GARBAGE)),
                    }
                }
            }
        };
        let answer = tokio::time::timeout(deadline, exchange)
            .await
            .unwrap_or_else(|_| Err(HttpError::Unknown(format!("nothing within {deadline:?}"))))?;
        if self.network().online {
            Ok(answer)
        } else {
            lost()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::post;
    use std::sync::atomic::{AtomicU32, Ordering};

    const LONG: Duration = Duration::from_secs(15);

    fn rig() -> (RouterHttp, Arc<AtomicU32>) {
        let acts = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&acts);
        let router = Router::new().route(
            "/act",
            post(move |body: String| async move {
                counter.fetch_add(1, Ordering::Relaxed);
                format!("did {body}")
            }),
        );
        (RouterHttp::new().route("bank.test", router), acts)
    }

    async fn act(http: &RouterHttp) -> Result<Response<Bytes>, HttpError> {
        let request = Request::post("https://bank.test/act?x=1")
            .body(Bytes::from_static(b"it"))
            .unwrap();
        http.send(request, LONG).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_reaches_the_router_of_its_authority() {
        let (http, acts) = rig();
        assert_eq!(act(&http).await.unwrap().body().as_ref(), b"did it");
        assert_eq!(acts.load(Ordering::Relaxed), 1);
        assert_eq!(http.requests("bank.test"), 1);
        let elsewhere = Request::post("https://other.test/act")
            .body(Bytes::new())
            .unwrap();
        assert!(matches!(
            http.send(elsewhere, LONG).await,
            Err(HttpError::NotSent(_))
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn each_fault_tells_whether_the_other_side_acted() {
        let slow = HttpFault::Slow(LONG * 2);
        for (fault, acted, unknown) in [
            (HttpFault::Refused, 0, false),
            (HttpFault::RequestLost, 0, true),
            (HttpFault::AnswerLost, 1, true),
            (HttpFault::Hang, 1, true),
            (slow, 1, true),
        ] {
            let (http, acts) = rig();
            http.set_fault("bank.test", fault.clone(), Times::ONCE);
            let error = act(&http).await.unwrap_err();
            assert_eq!(matches!(error, HttpError::Unknown(_)), unknown, "{fault:?}");
            assert_eq!(acts.load(Ordering::Relaxed), acted, "{fault:?}");
            assert!(act(&http).await.is_ok(), "{fault:?} is over");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn faults_strike_as_often_as_told() {
        let (http, acts) = rig();
        http.set_fault("bank.test", HttpFault::Refused, Times::After(2));
        http.set_fault(
            "bank.test",
            HttpFault::Status(StatusCode::BAD_GATEWAY),
            Times::Always,
        );
        assert!(act(&http).await.is_ok());
        assert!(act(&http).await.is_ok());
        assert!(act(&http).await.is_err());
        for _ in 0..3 {
            assert_eq!(act(&http).await.unwrap().status(), StatusCode::BAD_GATEWAY);
        }
        http.heal("bank.test");
        assert_eq!(act(&http).await.unwrap().status(), StatusCode::OK);
        assert_eq!(acts.load(Ordering::Relaxed), 6);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pulled_cable_sends_nothing_and_loses_answers_under_way() {
        let (http, acts) = rig();
        http.set_online(false);
        assert!(matches!(act(&http).await, Err(HttpError::NotSent(_))));
        http.set_online(true);
        http.set_fault(
            "bank.test",
            HttpFault::Slow(Duration::from_secs(5)),
            Times::ONCE,
        );
        let (answer, ()) = tokio::join!(act(&http), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            http.set_online(false);
        });
        assert!(matches!(answer, Err(HttpError::Unknown(_))));
        assert_eq!(acts.load(Ordering::Relaxed), 1);
    }
}
