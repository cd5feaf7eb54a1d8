//! Talking to the daemon: over its Unix socket, or from afar over HTTP with a token.

use super::exit::Misuse;
use crate::world::{Entropy as _, Http as _, HttpError, ReqwestHttp, Secret, SystemEntropy};
use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::Value;
use std::{fmt, path::PathBuf, time::Duration};
use tokio::net::UnixStream;
use uuid::Uuid;

/// Where the daemon listens when nobody says otherwise.
pub const SOCKET: &str = "/run/galley/galley.sock";
/// How long an answer may take. A printer that is asked for its status is slow.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of an answer.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// Which daemon, and how to show its answer. The same for every command that asks one.
#[derive(Clone, Debug, clap::Args)]
pub struct Door {
    /// The daemon's Unix socket; needs root or the group galley, and no token
    #[arg(long, global = true, value_name = "PATH", env = "GALLEY_SOCKET", default_value = SOCKET)]
    pub socket: PathBuf,
    /// A store from afar, such as https://box.example:8443 (then --token too)
    #[arg(long, global = true, value_name = "URL")]
    pub store: Option<String>,
    /// Access token for --store
    #[arg(
        long,
        global = true,
        value_name = "T",
        env = "GALLEY_TOKEN",
        hide_env_values = true
    )]
    pub token: Option<String>,
    /// Print the daemon's answer as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Do not ask before what can't be taken back
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// Repeat an act whose answer was lost, by the key it was given then
    #[arg(long, global = true, value_name = "UUID")]
    pub key: Option<Uuid>,
}

/// A connection to be: one request, one answer each.
#[derive(Debug)]
pub struct Client {
    transport: Transport,
    key: Option<Uuid>,
    patience: Duration,
}

#[derive(Debug)]
enum Transport {
    Socket(PathBuf),
    Network {
        base: String,
        token: Secret,
        http: ReqwestHttp,
    },
}

impl Door {
    /// Says what will happen and lets a person decide, unless `--yes` has.
    ///
    /// # Errors
    /// When the answer is no, or nobody can be asked.
    pub fn confirm(&self, what: &str) -> anyhow::Result<()> {
        super::ask::confirm(self.yes, what)
    }

    /// Gets ready to ask the daemon.
    ///
    /// # Errors
    /// When address or token are missing or make no sense.
    pub fn client(&self) -> anyhow::Result<Client> {
        let transport = match &self.store {
            None => Transport::Socket(self.socket.clone()),
            Some(url) => {
                let uri: http::Uri = url
                    .parse()
                    .map_err(|_| Misuse(format!("--store {url}: this is no address")))?;
                if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
                    return Err(Misuse(format!(
                        "--store {url}: it must look like https://box.example:8443"
                    ))
                    .into());
                }
                let token = self.token.clone().ok_or_else(|| {
                    Misuse("--store needs --token, or GALLEY_TOKEN in the environment".into())
                })?;
                Transport::Network {
                    base: url.trim_end_matches('/').to_owned(),
                    token: Secret::new(token),
                    http: ReqwestHttp::new()?,
                }
            }
        };
        Ok(Client {
            transport,
            key: self.key,
            patience: PATIENCE,
        })
    }
}

impl Client {
    /// Waits longer for answers, for long work.
    #[must_use]
    pub fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Reads `/api/v1` + `path`.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn get(&self, path: &str) -> Result<Value, CallError> {
        self.call(Method::GET, &format!("/api/v1{path}"), None)
            .await
    }

    /// Reads a path outside `/api/v1`, such as `/ready`.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn get_root(&self, path: &str) -> Result<Value, CallError> {
        self.call(Method::GET, path, None).await
    }

    /// Asks for an act, with an idempotency key of its own.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        self.call(Method::POST, &format!("/api/v1{path}"), Some(body))
            .await
    }

    /// Asks for an act at a path outside `/api/v1`.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn post_root(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Who is asked, for people.
    #[must_use]
    pub fn door(&self) -> String {
        match &self.transport {
            Transport::Socket(path) => path.display().to_string(),
            Transport::Network { base, .. } => base.clone(),
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CallError> {
        let key = body.map(|_| {
            self.key.unwrap_or_else(|| {
                uuid::Builder::from_random_bytes(SystemEntropy.next_u128().to_be_bytes())
                    .into_uuid()
            })
        });
        let mut request = Request::builder()
            .method(method)
            .header(header::ACCEPT, "application/json");
        request = match &self.transport {
            Transport::Socket(_) => request.uri(path).header(header::HOST, "galley"),
            Transport::Network { base, token, .. } => request
                .uri(format!("{base}{path}"))
                .header(header::AUTHORIZATION, format!("Bearer {}", token.reveal())),
        };
        if let Some(key) = key {
            request = request
                .header("Idempotency-Key", key.to_string())
                .header(header::CONTENT_TYPE, "application/json");
        }
        let odd = |what: String| CallError::Odd {
            door: self.door(),
            what,
        };
        let body = Bytes::from(body.map(ToString::to_string).unwrap_or_default());
        let request = request.body(body).map_err(|e| odd(e.to_string()))?;
        let answer = match &self.transport {
            Transport::Socket(path) => self.over_socket(path, request, key).await?,
            Transport::Network { http, .. } => {
                http.send(request, self.patience)
                    .await
                    .map_err(|e| match e {
                        HttpError::NotSent(why) => CallError::Unreachable {
                            door: self.door(),
                            why,
                            advice: "Check the address, and that the store is online.",
                        },
                        HttpError::Unknown(why) => self.lost(why, key),
                    })?
            }
        };
        let status = answer.status();
        let value = serde_json::from_slice::<Value>(answer.body());
        if status.is_success() {
            if answer.body().is_empty() {
                return Ok(Value::Null);
            }
            return value.map_err(|_| odd("it answered with something that is no JSON".into()));
        }
        match value.ok().and_then(|v| {
            Problem::deserialize(&v)
                .ok()
                .map(|p| Problem { whole: v, ..p })
        }) {
            Some(problem) => Err(CallError::Refused(Box::new(Problem {
                status: status.as_u16(),
                ..problem
            }))),
            None => Err(odd(format!("it answered with status {status}"))),
        }
    }

    fn lost(&self, why: String, key: Option<Uuid>) -> CallError {
        CallError::AnswerLost {
            door: self.door(),
            why,
            key,
        }
    }

    async fn over_socket(
        &self,
        path: &PathBuf,
        request: Request<Bytes>,
        key: Option<Uuid>,
    ) -> Result<Response<Bytes>, CallError> {
        let stream = UnixStream::connect(path)
            .await
            .map_err(|e| match e.kind() {
                std::io::ErrorKind::PermissionDenied => CallError::NotAllowed { door: self.door() },
                _ => CallError::Unreachable {
                    door: self.door(),
                    advice: "Is it running? See: systemctl status galley; galley doctor",
                    why: e.to_string(),
                },
            })?;
        let exchange = async {
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            // The connection lives as long as the exchange that awaits its answer.
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "the connection to the daemon ended");
                }
            });
            let answer = sender.send_request(request.map(Full::new)).await?;
            let (parts, body) = answer.into_parts();
            Ok::<_, hyper::Error>((parts, Limited::new(body, MAX_ANSWER).collect().await))
        };
        let (parts, body) = tokio::time::timeout(self.patience, exchange)
            .await
            .map_err(|_| self.lost(format!("nothing came within {:?}", self.patience), key))?
            .map_err(|e| self.lost(e.to_string(), key))?;
        let body = body.map_err(|e| self.lost(e.to_string(), key))?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }
}

/// One segment of a path, from what a person typed.
#[must_use]
pub fn segment(text: &str) -> String {
    // Query encoding also covers everything a path segment may not hold; a space must not become a plus.
    form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

/// A query from its pairs, with its question mark; empty when there are none.
#[must_use]
pub fn query(pairs: &[(&str, Option<String>)]) -> String {
    let mut text = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        if let Some(value) = value {
            text.append_pair(name, value);
        }
    }
    let text = text.finish();
    if text.is_empty() {
        text
    } else {
        format!("?{text}")
    }
}

/// Why there is no answer to use.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The daemon said no, and nothing changed.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// What was named does not exist.
    #[error("there is no {0}")]
    NoSuch(String),
    /// The socket is not for whoever asks.
    #[error(
        "{door} may not be opened by you\nOnly root and the group galley may: use sudo, or join the group."
    )]
    NotAllowed {
        /// Where.
        door: String,
    },
    /// Nobody took the request.
    #[error("no daemon answers at {door} ({why})\n{advice}")]
    Unreachable {
        /// Where.
        door: String,
        /// What the system said.
        why: String,
        /// What a person can do.
        advice: &'static str,
    },
    /// The request went out and its answer did not come back.
    #[error("the answer of {door} was lost ({why}){}", repeat(*.key))]
    AnswerLost {
        /// Where.
        door: String,
        /// What was seen.
        why: String,
        /// The act's key; none when it only read.
        key: Option<Uuid>,
    },
    /// Something answers that is no Galley of this kind.
    #[error("{door} is not understood: {what}")]
    Odd {
        /// Where.
        door: String,
        /// What came.
        what: String,
    },
}

fn repeat(key: Option<Uuid>) -> String {
    key.map_or_else(String::new, |key| {
        format!("\nIt may have been done. The same command with --key {key} does it once at most.")
    })
}

/// A refusal as the daemon words it (`application/problem+json`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// Stable word.
    pub slug: String,
    /// What kind of refusal.
    pub title: String,
    /// This one.
    #[serde(alias = "why")]
    pub detail: String,
    /// What is wrong in which field.
    pub errors: Vec<FieldFault>,
    /// The document as it came.
    #[serde(skip)]
    pub whole: Value,
}

/// What is wrong in one field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct FieldFault {
    /// Its name.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [&self.detail, &self.title, &self.slug]
            .into_iter()
            .find(|text| !text.is_empty());
        match words {
            Some(words) => f.write_str(&super::output::clean(words))?,
            None => write!(f, "refused with status {}", self.status)?,
        }
        if !self.slug.is_empty() && words != Some(&self.slug) {
            write!(f, " [{}]", super::output::clean(&self.slug))?;
        }
        for fault in &self.errors {
            let (field, message) = (&fault.field, &fault.message);
            write!(f, "\n  {field}: {message}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_types_stays_one_segment() {
        assert_eq!(segment("refund:../a b?c"), "refund%3A..%2Fa%20b%3Fc");
        assert_eq!(query(&[("a", None)]), "");
        assert_eq!(
            query(&[
                ("state", Some("ready&x".into())),
                ("limit", Some("5".into()))
            ]),
            "?state=ready%26x&limit=5"
        );
    }

    #[test]
    fn a_refusal_is_told_in_the_daemons_words() {
        let problem = Problem {
            status: 409,
            slug: "refund_too_large".into(),
            detail: "only 450.00 can be refunded".into(),
            ..Problem::default()
        };
        assert_eq!(
            problem.to_string(),
            "only 450.00 can be refunded [refund_too_large]"
        );
        assert_eq!(
            Problem {
                status: 500,
                ..Problem::default()
            }
            .to_string(),
            "refused with status 500"
        );
    }
}
