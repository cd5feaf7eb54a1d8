//! The straight route: one batch a request to headquarters, its acknowledgement in the answer.

use super::{
    Ack, Limits, Message, Uplink, UplinkError,
    down::{Inbox, Incoming, Signed, WAITING},
};
use crate::world::{Http, HttpError, Secret};
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use serde::Deserialize;
use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

/// Where batches go, after the configured address.
pub const INGEST_PATH: &str = "/v1/ingest";
/// Patience with a sign of life.
const SHORT: Duration = Duration::from_secs(5);
/// Patience with a batch of events: at 32 kbit/s some 80 KB get through.
const LONG: Duration = Duration::from_secs(20);
/// Longest pause we let headquarters ask for.
const LONGEST_PAUSE_S: u64 = 300;

type Exchange = Pin<Box<dyn Future<Output = Result<Ack, UplinkError>> + Send>>;

/// The straight route.
pub struct HttpUplink {
    url: String,
    token: Secret,
    http: Arc<dyn Http>,
    inbox: Option<Inbox>,
    under_way: Option<Exchange>,
}

impl HttpUplink {
    /// A route to headquarters at `url` for the store with this token.
    #[must_use]
    pub fn new(url: &str, token: Secret, http: Arc<dyn Http>) -> Self {
        Self {
            url: format!("{}{INGEST_PATH}", url.trim_end_matches('/')),
            token,
            http,
            inbox: None,
            under_way: None,
        }
    }

    /// Brings what headquarters tells the store, too.
    #[must_use]
    pub fn bringing(mut self, inbox: Option<Inbox>) -> Self {
        self.inbox = inbox;
        self
    }
}

#[async_trait]
impl Uplink for HttpUplink {
    fn name(&self) -> &'static str {
        "http"
    }

    fn limits(&self) -> Limits {
        // One at a time: requests side by side overtake each other, and headquarters takes events in order.
        Limits {
            in_flight: 1,
            beside: 0,
            growth: 10,
            patience: LONG + SHORT,
            lossy: false,
        }
    }

    async fn connect(&mut self) -> Result<(), UplinkError> {
        self.under_way = None;
        Ok(())
    }

    async fn send(&mut self, message: Message) -> Result<(), UplinkError> {
        let request = Request::post(&self.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONTENT_ENCODING, "zstd")
            .header(
                header::AUTHORIZATION,
                format!("Bearer {}", self.token.reveal()),
            )
            .body(Bytes::from(message.bytes))
            .map_err(|_| UplinkError::Refused {
                reason: "the address or the token can't be sent".to_owned(),
                retry_after: None,
            })?;
        let patience = if message.events == 0 { SHORT } else { LONG };
        let http = Arc::clone(&self.http);
        let inbox = self.inbox.clone();
        self.under_way = Some(Box::pin(async move {
            let answer = http.send(request, patience).await;
            if let (Ok(answer), Some(inbox)) = (&answer, &inbox) {
                look_for_messages(answer, inbox);
            }
            read(answer)
        }));
        Ok(())
    }

    async fn answer(&mut self) -> Result<Ack, UplinkError> {
        let Some(exchange) = &mut self.under_way else {
            return std::future::pending().await;
        };
        let answer = exchange.await;
        self.under_way = None;
        answer
    }

    async fn close(&mut self) {
        self.under_way = None;
    }
}

/// A good answer tells whether something waits; a refusal may bring a message with it.
fn look_for_messages(answer: &http::Response<Bytes>, inbox: &Inbox) {
    #[derive(Deserialize)]
    struct Refusal {
        message: Signed,
    }
    if answer.headers().contains_key(WAITING) {
        inbox.put(Incoming::Waiting);
    }
    if answer.status() == StatusCode::FORBIDDEN
        && let Ok(refusal) = serde_json::from_slice::<Refusal>(answer.body())
    {
        inbox.put(Incoming::Signed(Box::new(refusal.message)));
    }
}

fn read(answer: Result<http::Response<Bytes>, HttpError>) -> Result<Ack, UplinkError> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(HttpError::NotSent(why)) => return Err(UplinkError::Unreachable(why)),
        Err(HttpError::Unknown(why)) => return Err(UplinkError::Silent(why)),
    };
    let status = answer.status();
    if status == StatusCode::OK {
        // A page of something in between (a captive portal) is no acknowledgement.
        return Ack::decode(answer.body())
            .map_err(|_| UplinkError::Silent("the answer is not headquarters'".to_owned()));
    }
    let words = title(answer.body()).unwrap_or_else(|| format!("headquarters answers {status}"));
    if matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT
    ) {
        return Err(UplinkError::Silent(words));
    }
    let retry_after = answer
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|v| v.to_str().ok()?.parse::<u64>().ok())
        .map(|s| Duration::from_secs(s.min(LONGEST_PAUSE_S)));
    if status == StatusCode::SERVICE_UNAVAILABLE && retry_after.is_none() {
        return Err(UplinkError::Silent(words));
    }
    Err(UplinkError::Refused {
        reason: words,
        retry_after,
    })
}

/// The title of an `application/problem+json`.
fn title(body: &[u8]) -> Option<String> {
    let problem: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(problem.get("title")?.as_str()?.chars().take(200).collect())
}
