//! The web server's queue: putting a request into it under a uuid, and asking what became of it. [source: atol.md 4.1]

use super::{
    config::Api,
    http::{HttpAnswer, HttpClient, HttpError},
};
use crate::json::{Task, answer::DriverError, code};
use bytes::Bytes;
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// The body of a request.
#[derive(Debug, Serialize)]
struct Envelope<'a> {
    uuid: Uuid,
    request: &'a [Task],
    #[serde(rename = "deviceID", skip_serializing_if = "Option::is_none")]
    device_id: Option<&'a str>,
}

/// What the server knows of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Known {
    /// Nothing: it has never come, or was forgotten.
    Absent,
    /// It waits, runs, or is blocked.
    Pending {
        /// The queue stands still: what became of an earlier task is not known.
        blocked: bool,
    },
    /// It is over: one end a task of the request.
    Final(Vec<End>),
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    /// Done, with its answer.
    Ready(Value),
    /// Failed.
    Failed(DriverError),
    /// Never begun: an earlier task of the request failed, or it was taken out of the queue.
    NotRun,
}

/// How the server took a request.
#[derive(Debug)]
pub(crate) enum Posted {
    /// It is in the queue.
    Accepted,
    /// The uuid is known already; nothing was added.
    Duplicate,
    /// The server will not have it, and keeps nothing of it.
    Rejected(StatusCode, String),
}

/// A question without an answer.
#[derive(Debug)]
pub(crate) enum QueueError {
    /// Nothing left.
    NotSent(String),
    /// Something left; its fate is not known.
    Lost(String),
}

impl QueueError {
    pub(crate) fn into_detail(self) -> String {
        match self {
            Self::NotSent(detail) | Self::Lost(detail) => detail,
        }
    }
}

impl From<HttpError> for QueueError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::NotSent(detail) => Self::NotSent(detail),
            HttpError::Lost(detail) => Self::Lost(detail),
        }
    }
}

/// Results as they come: v2 has `error`, v1 `errorCode` and `errorDescription`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Results {
    results: Vec<ResultItem>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ResultItem {
    status: String,
    error: Option<DriverError>,
    error_code: Option<u16>,
    error_description: Option<String>,
    result: Value,
}

/// The queue of one server.
pub(crate) struct Queue {
    http: HttpClient,
    api: Api,
    device_id: Option<String>,
}

impl Queue {
    pub(crate) fn new(http: HttpClient, api: Api, device_id: Option<String>) -> Self {
        Self {
            http,
            api,
            device_id,
        }
    }

    /// Has the next request go over a new connection.
    pub(crate) fn renew(&mut self) {
        self.http.renew();
    }

    /// Puts a request into the queue.
    pub(crate) async fn post(&mut self, uuid: Uuid, tasks: &[Task]) -> Result<Posted, QueueError> {
        let envelope = Envelope {
            uuid,
            request: tasks,
            device_id: self.device_id.as_deref(),
        };
        let body = serde_json::to_vec(&envelope).map_err(|e| QueueError::NotSent(e.to_string()))?;
        let path = self.api.path();
        let answer = self
            .http
            .exchange(Method::POST, path, Bytes::from(body))
            .await?;
        Ok(match answer.status {
            StatusCode::CREATED | StatusCode::OK => Posted::Accepted,
            StatusCode::CONFLICT => Posted::Duplicate,
            // 420 is a blocked queue [memory]; whether it took the request is not known. Nor is it after a 5xx or 408.
            status if status.as_u16() == 420 || status == StatusCode::REQUEST_TIMEOUT => {
                return Err(QueueError::Lost(format!(
                    "the web server answered {status}"
                )));
            }
            status if status.is_client_error() => Posted::Rejected(status, said(&answer)),
            status => {
                return Err(QueueError::Lost(format!(
                    "the web server answered {status}"
                )));
            }
        })
    }

    /// What the server knows of a request. Asked again once when the answer is lost: it changes nothing.
    pub(crate) async fn look(&mut self, uuid: Uuid) -> Result<Known, QueueError> {
        let path = format!("{}/{uuid}", self.api.path());
        let answer = match self.http.exchange(Method::GET, &path, Bytes::new()).await {
            Ok(answer) => answer,
            Err(_) => self.http.exchange(Method::GET, &path, Bytes::new()).await?,
        };
        match answer.status {
            StatusCode::NOT_FOUND => Ok(Known::Absent),
            StatusCode::OK => known(&answer.body),
            status => Err(QueueError::Lost(format!(
                "the web server answered {status} to a question: {}",
                said(&answer)
            ))),
        }
    }

    /// Has the server forget a request that is over. What it says to that does not matter.
    pub(crate) async fn forget(&mut self, uuid: Uuid) {
        let path = format!("{}/{uuid}", self.api.path());
        let forgotten = self
            .http
            .exchange(Method::DELETE, &path, Bytes::new())
            .await;
        if let Err(e) = forgotten {
            tracing::debug!(error = e.into_detail(), "a request was not forgotten");
        }
    }

    /// Asks until the request is over, or `limit` has passed; then [`Known::Pending`]. Answers that are lost are asked
    /// for again within the limit.
    pub(crate) async fn wait(
        &mut self,
        uuid: Uuid,
        pauses: (Duration, Duration),
        limit: Duration,
    ) -> Result<Known, QueueError> {
        let deadline = Instant::now() + limit;
        let mut pause = pauses.0;
        loop {
            sleep(pause).await;
            pause = pauses.1;
            match self.look(uuid).await {
                Ok(Known::Pending { .. }) | Err(_) if Instant::now() < deadline => {}
                other => return other,
            }
        }
    }
}

fn known(body: &[u8]) -> Result<Known, QueueError> {
    let results: Results = serde_json::from_slice(body)
        .map_err(|e| QueueError::Lost(format!("the web server's answer can't be read: {e}")))?;
    if results.results.is_empty() {
        return Ok(Known::Pending { blocked: false });
    }
    let mut ends = Vec::new();
    for item in results.results {
        let code = |given: Option<u16>| given.filter(|c| *c != 0);
        ends.push(match item.status.as_str() {
            "ready" => End::Ready(item.result),
            "error" => {
                let mut error = item.error.unwrap_or_default();
                error.code = code(item.error_code).unwrap_or(error.code);
                if let Some(text) = item.error_description {
                    error.description = text;
                }
                End::Failed(error)
            }
            "interrupted" | "canceled" => End::NotRun,
            "blocked" => return Ok(Known::Pending { blocked: true }),
            // `wait`, `inProgress`, and words of other versions: not over.
            _ => return Ok(Known::Pending { blocked: false }),
        });
    }
    Ok(Known::Final(ends))
}

/// What a server says beside a status: its error, in short. Nothing else of its words, which may repeat the request
/// with a guest's address in it.
fn said(answer: &HttpAnswer) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let error = &body["error"];
    let text = error.as_str().or_else(|| error["description"].as_str());
    text.unwrap_or("no reason given")
        .chars()
        .filter(|c| !c.is_control())
        .take(100)
        .collect()
}

/// The answer of a task, as its type.
pub(crate) fn typed<T: DeserializeOwned>(value: &Value, what: &str) -> Result<T, QueueError> {
    T::deserialize(value)
        .map_err(|e| QueueError::Lost(format!("the answer to {what} can't be read: {e}")))
}

/// The error that a task not run stands for.
pub(crate) fn not_run() -> DriverError {
    DriverError {
        code: code::INTERRUPTED,
        description: "not run".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_both_versions_are_read() {
        let v2 = r#"{"results":[{"status":"ready","error":{"code":0,"description":"Ошибок нет"},"result":{"fiscalParams":{}}}]}"#;
        assert!(
            matches!(known(v2.as_bytes()), Ok(Known::Final(e)) if matches!(e[0], End::Ready(_)))
        );
        let v1 = r#"{"results":[{"status":"error","errorCode":44,"errorDescription":"Нет бумаги","result":null}]}"#;
        let Ok(Known::Final(ends)) = known(v1.as_bytes()) else {
            panic!("not final");
        };
        assert!(matches!(&ends[0], End::Failed(e) if e.code == 44));
        for (status, blocked) in [
            ("wait", false),
            ("inProgress", false),
            ("blocked", true),
            ("new", false),
        ] {
            let body = format!(r#"{{"results":[{{"status":"{status}"}}]}}"#);
            assert_eq!(
                known(body.as_bytes()).unwrap(),
                Known::Pending { blocked },
                "{status}"
            );
        }
        for status in ["interrupted", "canceled"] {
            let body = format!(r#"{{"results":[{{"status":"{status}"}}]}}"#);
            assert_eq!(
                known(body.as_bytes()).unwrap(),
                Known::Final(vec![End::NotRun])
            );
        }
        assert!(known(b"<html>").is_err());
    }
}
