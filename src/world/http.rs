//! One HTTP request, one answer.

use super::reach::{Reach, refused};
use async_trait::async_trait;
use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};

/// Sends requests. The only door to services on the network.
#[async_trait]
pub trait Http: Send + Sync {
    /// Sends one request and reads the whole answer, within `deadline`. Follows no redirects.
    async fn send(
        &self,
        request: http::Request<Bytes>,
        deadline: Duration,
    ) -> Result<http::Response<Bytes>, HttpError>;

    /// Sends one request to an address that a stranger has named: nowhere but where `reach` allows, whatever the
    /// name resolves to. The answer comes without its body, which nobody wants.
    async fn deliver(
        &self,
        request: http::Request<Bytes>,
        _reach: Reach,
        deadline: Duration,
    ) -> Result<http::Response<Bytes>, HttpError> {
        let answer = self.send(request, deadline).await?;
        Ok(answer.map(|_| Bytes::new()))
    }
}

/// Why there is no answer, by what the caller must distinguish.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum HttpError {
    /// Surely nothing reached the other side (no route, connection refused, name not found).
    #[error("not sent: {0}")]
    NotSent(String),
    /// The request may have been carried out (time-out, reset, cut answer).
    #[error("no answer: {0}")]
    Unknown(String),
}

/// Bytes an answer may have; none of the services we call answers with more.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// The real client: reqwest on rustls.
#[derive(Clone, Debug)]
pub struct ReqwestHttp {
    open: reqwest::Client,
    /// For deliveries: one for each reach, made when it is needed first.
    guarded: Arc<[OnceLock<reqwest::Client>; 3]>,
}

impl ReqwestHttp {
    /// A client with our limits: 10 s to connect, no redirects.
    ///
    /// A box without any certificates of authorities must still sell: there the client trusts nobody, so that every
    /// HTTPS request fails as not sent while plain HTTP and everything else works.
    ///
    /// # Errors
    /// When TLS can't be set up at all.
    pub fn new() -> Result<Self, HttpError> {
        match Self::build(limits()) {
            Ok(client) => Ok(client),
            Err(error) => {
                let client = Self::build(limits().tls_certs_only([]))?;
                tracing::warn!(%error, "no HTTPS until the system has certificates of authorities: install ca-certificates and restart");
                Ok(client)
            }
        }
    }

    /// Whether the system has certificates of authorities that HTTPS can be judged by.
    ///
    /// # Errors
    /// Why it has not.
    pub fn check_trust() -> Result<(), HttpError> {
        Self::build(limits()).map(drop)
    }

    fn build(builder: reqwest::ClientBuilder) -> Result<Self, HttpError> {
        builder
            .build()
            .map(|open| Self {
                open,
                guarded: Arc::default(),
            })
            .map_err(|e| HttpError::NotSent(chain(&e)))
    }
}

fn limits() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("galley/", env!("CARGO_PKG_VERSION")))
}

#[async_trait]
impl Http for ReqwestHttp {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        deadline: Duration,
    ) -> Result<http::Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request.map(reqwest::Body::from))
            .map_err(|e| HttpError::NotSent(chain(&e)))?;
        let exchange = async {
            let mut answer = self.open.execute(request).await.map_err(|e| {
                if e.is_connect() || e.is_builder() {
                    HttpError::NotSent(chain(&e))
                } else {
                    HttpError::Unknown(chain(&e))
                }
            })?;
            let mut whole = http::Response::builder().status(answer.status());
            if let Some(headers) = whole.headers_mut() {
                headers.extend(answer.headers().clone());
            }
            let mut body = Vec::new();
            while let Some(chunk) = answer
                .chunk()
                .await
                .map_err(|e| HttpError::Unknown(chain(&e)))?
            {
                if body.len() + chunk.len() > MAX_ANSWER {
                    return Err(HttpError::Unknown("the answer is too long".into()));
                }
                body.extend_from_slice(&chunk);
            }
            whole
                .body(Bytes::from(body))
                .map_err(|e| HttpError::Unknown(chain(&e)))
        };
        tokio::time::timeout(deadline, exchange)
            .await
            .unwrap_or_else(|_| Err(HttpError::Unknown(format!("nothing within {deadline:?}"))))
    }

    async fn deliver(
        &self,
        request: http::Request<Bytes>,
        reach: Reach,
        deadline: Duration,
    ) -> Result<http::Response<Bytes>, HttpError> {
        // A number in the address is not resolved.
        let host = request.uri().host().unwrap_or_default();
        let number = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = number.parse::<IpAddr>()
            && !reach.allows(ip)
        {
            return Err(HttpError::NotSent(refused(ip)));
        }
        let client = self.guarded(reach)?;
        let request = reqwest::Request::try_from(request.map(reqwest::Body::from))
            .map_err(|e| HttpError::NotSent(chain(&e)))?;
        let exchange = async {
            let answer = client.execute(request).await.map_err(|e| {
                if e.is_connect() || e.is_builder() {
                    HttpError::NotSent(chain(&e))
                } else {
                    HttpError::Unknown(chain(&e))
                }
            })?;
            let mut bare = http::Response::new(Bytes::new());
            *bare.status_mut() = answer.status();
            *bare.headers_mut() = answer.headers().clone();
            Ok(bare)
        };
        tokio::time::timeout(deadline, exchange)
            .await
            .unwrap_or_else(|_| Err(HttpError::Unknown(format!("nothing within {deadline:?}"))))
    }
}

/// Resolves names to addresses that deliveries may go to, and to no others.
struct Guard(Reach);

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let (fit, unfit): (Vec<SocketAddr>, Vec<_>) = found.partition(|a| reach.allows(a.ip()));
            match unfit.first() {
                Some(bad) if fit.is_empty() => Err(refused(bad.ip()).into()),
                _ => Ok(Box::new(fit.into_iter()) as Addrs),
            }
        })
    }
}

impl ReqwestHttp {
    fn guarded(&self, reach: Reach) -> Result<&reqwest::Client, HttpError> {
        let slot = match reach {
            Reach::Public => &self.guarded[0],
            Reach::Any => &self.guarded[1],
            Reach::Lan => &self.guarded[2],
        };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = limits()
            .dns_resolver(Guard(reach))
            .build()
            .map_err(|e| HttpError::NotSent(chain(&e)))?;
        Ok(slot.get_or_init(|| client))
    }
}

/// An error and its causes, without the URL (it may carry a token).
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut texts = Vec::new();
    let mut next = Some(error);
    while let Some(e) = next {
        let text = match e.downcast_ref::<reqwest::Error>() {
            Some(e) => describe(e).to_owned(),
            None => e.to_string(),
        };
        texts.push(text);
        next = e.source();
    }
    texts.join(": ")
}

fn describe(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "time-out"
    } else if error.is_connect() {
        "cannot connect"
    } else if error.is_builder() {
        "not a valid request"
    } else if error.is_body() || error.is_decode() {
        "the answer was cut"
    } else {
        "the exchange failed"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, routing::post};

    const PATIENCE: Duration = Duration::from_secs(10);

    fn request(url: &str) -> http::Request<Bytes> {
        http::Request::post(url).body(Bytes::new()).unwrap()
    }

    #[tokio::test]
    async fn a_delivery_goes_nowhere_but_where_it_may_whatever_the_name_says() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = Router::new()
            .route("/", post(async || "a body that nobody wants"))
            .route(
                "/away",
                post(async || axum::response::Redirect::temporary("/")),
            );
        tokio::spawn(async move { axum::serve(listener, router).await });
        let http = ReqwestHttp::new().unwrap();
        let to = |host: &str, path: &str| request(&format!("http://{host}:{port}{path}"));
        for host in ["localhost", "127.0.0.1"] {
            for reach in [Reach::Lan, Reach::Any] {
                let answer = http.deliver(to(host, "/"), reach, PATIENCE).await.unwrap();
                assert_eq!(answer.status(), 200);
                assert!(answer.body().is_empty());
            }
            let refused = http.deliver(to(host, "/"), Reach::Public, PATIENCE).await;
            let Err(HttpError::NotSent(why)) = refused else {
                panic!("{host}: {refused:?}");
            };
            assert!(why.contains("webhooks.lan"), "{why}");
        }
        let away = http
            .deliver(to("localhost", "/away"), Reach::Lan, PATIENCE)
            .await;
        assert_eq!(away.unwrap().status(), 307, "no redirects");
        for never in [
            "http://169.254.169.254/",
            "http://[fe80::1]/",
            "http://0.0.0.0/",
        ] {
            for reach in [Reach::Public, Reach::Any, Reach::Lan] {
                let refused = http.deliver(request(never), reach, PATIENCE).await;
                assert!(matches!(refused, Err(HttpError::NotSent(_))), "{never}");
            }
        }
    }
}
