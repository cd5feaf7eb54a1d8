//! One HTTP exchange after the other with the web server, over streams of a [`Dialer`].

use super::config::{Credentials, WebTimeouts};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use galley_link::{Address, Dialer};
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

/// Most bytes of an answer. A document with raw data stays far below.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// An exchange without an answer.
#[derive(Debug)]
pub(crate) enum HttpError {
    /// No byte of the request left.
    NotSent(String),
    /// It may have left.
    Lost(String),
}

impl HttpError {
    pub(crate) fn into_detail(self) -> String {
        match self {
            Self::NotSent(detail) | Self::Lost(detail) => detail,
        }
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// The way to a web server. Opens a connection when there is none, and again when the server closed it.
pub(crate) struct HttpClient {
    dialer: Arc<dyn Dialer>,
    address: Address,
    host: HeaderValue,
    authorization: Option<HeaderValue>,
    device: Option<HeaderValue>,
    timeouts: WebTimeouts,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl HttpClient {
    /// Fails with a text when a setting is no header.
    pub(crate) fn new(
        dialer: Arc<dyn Dialer>,
        address: Address,
        credentials: Option<&Credentials>,
        device_id: Option<&str>,
        timeouts: WebTimeouts,
    ) -> Result<Self, String> {
        let host = match &address {
            Address::Tcp(peer) => peer.clone(),
            _ => "localhost".to_owned(),
        };
        let wrong = |what: &str| format!("{what} can't be written in an HTTP header");
        let authorization = match credentials {
            None => None,
            Some(c) => {
                let text = STANDARD.encode(format!("{}:{}", c.user, c.password));
                let mut value = HeaderValue::from_str(&format!("Basic {text}"))
                    .map_err(|_| wrong("the password"))?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let device = match device_id {
            None => None,
            Some(id) => Some(HeaderValue::from_str(id).map_err(|_| wrong("device_id"))?),
        };
        Ok(Self {
            host: HeaderValue::from_str(&host).map_err(|_| wrong("the address"))?,
            dialer,
            address,
            authorization,
            device,
            timeouts,
            sender: None,
        })
    }

    /// Drops the connection.
    pub(crate) fn renew(&mut self) {
        self.sender = None;
    }

    /// One exchange. A connection that turns out to be closed before a byte left is opened anew, once.
    pub(crate) async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<HttpAnswer, HttpError> {
        for last in [false, true] {
            let mut sender = match self.sender.take() {
                Some(sender) if !sender.is_closed() => sender,
                _ => self.connect().await.map_err(HttpError::NotSent)?,
            };
            let request = self.request(method.clone(), path, body.clone())?;
            let deadline = Instant::now() + self.timeouts.http();
            let sent = async {
                // An idle connection learns only now that the server has closed it.
                match sender.ready().await {
                    Ok(()) => sender.try_send_request(request).await,
                    Err(e) => return Err((e.to_string(), false)),
                }
                .map_err(|mut e| (e.error().to_string(), e.take_message().is_none()))
            };
            let answer = match timeout_at(deadline, sent).await {
                Err(_) => return Err(HttpError::Lost("no answer in time".to_owned())),
                Ok(Err((detail, true))) => return Err(HttpError::Lost(detail)),
                Ok(Err((detail, false))) if last => return Err(HttpError::NotSent(detail)),
                Ok(Err((_, false))) => continue,
                Ok(Ok(answer)) => answer,
            };
            let (parts, body) = answer.into_parts();
            let body = timeout_at(deadline, Limited::new(body, MAX_ANSWER).collect())
                .await
                .map_err(|_| HttpError::Lost("the answer did not end in time".to_owned()))?
                .map_err(|e| HttpError::Lost(e.to_string()))?;
            self.sender = Some(sender);
            return Ok(HttpAnswer {
                status: parts.status,
                body: body.to_bytes(),
            });
        }
        Err(HttpError::NotSent("no connection".to_owned()))
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, HttpError> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.host)
            .header(header::ACCEPT, "application/json");
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json; charset=utf-8");
        }
        if let Some(value) = &self.authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        if let Some(value) = &self.device {
            request = request.header("deviceID", value);
        }
        request
            .body(Full::new(body))
            .map_err(|e| HttpError::NotSent(e.to_string()))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let deadline = Instant::now() + self.timeouts.connect();
        let connecting = async {
            let stream = self.dialer.open(&self.address).await.map_err(|e| {
                let cause =
                    std::error::Error::source(&e).map_or(String::new(), |s| format!(": {s}"));
                format!("{e}{cause}")
            })?;
            let (sender, connection) = handshake(TokioIo::new(stream))
                .await
                .map_err(|e| e.to_string())?;
            // Lives as long as its sender.
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "the connection to the web server ended");
                }
            });
            Ok(sender)
        };
        timeout_at(deadline, connecting)
            .await
            .map_err(|_| format!("cannot connect to {} in time", self.address))?
    }
}
