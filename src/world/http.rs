//! One HTTP request, one answer.

use async_trait::async_trait;
use bytes::Bytes;
use std::time::Duration;

/// Sends requests. The only door to services on the network.
#[async_trait]
pub trait Http: Send + Sync {
    /// Sends one request and reads the whole answer, within `deadline`. Follows no redirects.
    async fn send(
        &self,
        request: http::Request<Bytes>,
        deadline: Duration,
    ) -> Result<http::Response<Bytes>, HttpError>;
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
pub struct ReqwestHttp(reqwest::Client);

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
            .map(Self)
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
            let mut answer = self.0.execute(request).await.map_err(|e| {
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
