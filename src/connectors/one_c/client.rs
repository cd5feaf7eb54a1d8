//! Calls of the standard OData interface, and what their failures mean.

use super::{
    config::Config,
    wire::{ErrorPage, Names, Object, Page},
};
use crate::world::{Http, HttpError, Secret};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use std::{fmt::Write as _, sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// `$metadata` of a real infobase has tens of megabytes and is made on the fly.
const METADATA_PATIENCE: u32 = 10;

/// Why a call brought nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Surely nothing reached 1C.
    #[error("1C can't be reached: {0}")]
    NotSent(String),
    /// 1C may have done it.
    #[error("no answer from 1C: {0}")]
    NoAnswer(String),
    /// User, password or rights; nothing was done.
    #[error("1C does not let the user in (HTTP {0})")]
    Denied(u16),
    /// 1C said what is wrong, in its own words and codes.
    #[error("1C answered HTTP {status}, code {code}: {message}")]
    Said {
        /// HTTP status.
        status: u16,
        /// Internal code of the platform.
        code: i32,
        /// Its words.
        message: String,
    },
    /// Something that is not the OData interface answered.
    #[error("not 1C's OData interface answered (HTTP {0})")]
    Stranger(u16),
}

/// "Instance not found".
pub const NOT_FOUND: i32 = 9;
/// "Entity with this key already exists".
pub const EXISTS: i32 = 15;
/// "Access rights".
pub const ACCESS: i32 = 20;
/// Internal error; also a refusal to post.
pub const INTERNAL: i32 = -1;

impl CallError {
    /// Whether a write that ended so may have been done. An internal error may have struck after the act.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        match self {
            Self::NoAnswer(_) | Self::Said { code: INTERNAL, .. } => true,
            Self::Stranger(status) => *status < 400 || *status >= 500 || *status == 408,
            Self::NotSent(_) | Self::Denied(_) | Self::Said { .. } => false,
        }
    }

    /// Whether 1C understood the request and will never accept it as it is.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Said { code, .. } if !matches!(*code, INTERNAL | NOT_FOUND | EXISTS))
    }

    /// The platform's code, when it said one.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        match self {
            Self::Said { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::NotSent(_) | Self::NoAnswer(_) => {
                "Check the network and that the 1C server and its web server run; the report goes on by itself."
            }
            Self::Denied(_) => {
                "Check one_c.user and its credential, and that the user may sign in to the infobase."
            }
            Self::Stranger(_) => {
                "Check one_c.base_url, and that the publication has the standard OData interface switched on."
            }
            Self::Said { code: ACCESS, .. } => {
                "Give the user the role for remote OData access and rights to the documents named in the guide."
            }
            Self::Said { code: 8 | 10, .. } => {
                "Add the objects to the composition of the OData interface in 1C; `galley doctor` lists them."
            }
            Self::Said { .. } => {
                "Show 1C's words to the accountant; `galley doctor` checks fields and references."
            }
        }
    }
}

/// A client of one infobase.
pub struct Client {
    http: Arc<dyn Http>,
    base: String,
    authorization: HeaderValue,
    timeout: Duration,
    allowed_only: bool,
    names: Names,
    in_flight: Semaphore,
}

impl Client {
    /// A client with these settings; `password` is the secret that [`Config::password`] names.
    #[must_use]
    pub fn new(config: &Config, password: &Secret, http: Arc<dyn Http>) -> Self {
        let pair = format!("{}:{}", config.user, password.reveal());
        let mut authorization =
            HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair.as_bytes())))
                .expect("Base64 is a valid header");
        authorization.set_sensitive(true);
        Self {
            http,
            base: format!("{}/", config.base_url.trim_end_matches('/')),
            authorization,
            timeout: config.timeout(),
            allowed_only: config.allowed_only,
            names: config.names(),
            in_flight: Semaphore::new(usize::from(config.max_in_flight.max(1))),
        }
    }

    /// The installation's names.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Whether the interface exposes anything at all.
    ///
    /// # Errors
    /// When it can't be asked.
    pub async fn is_anything_exposed(&self) -> Result<bool, CallError> {
        let url = self.base.clone();
        let page = self
            .send(Method::GET, url, None, "application/atom+xml", None)
            .await?;
        let text = String::from_utf8_lossy(page.body());
        if !text.contains("<service") {
            return Err(CallError::Stranger(page.status().as_u16()));
        }
        Ok(text.contains("<collection"))
    }

    /// The page that describes all sets and properties.
    ///
    /// # Errors
    /// When it can't be got.
    pub async fn metadata(&self) -> Result<Bytes, CallError> {
        let url = format!("{}$metadata", self.base);
        let page = self
            .send(Method::GET, url, None, "application/xml", None)
            .await?;
        Ok(page.into_body())
    }

    /// One object, or `None` when there is none with that key. Rows that the user may not see are an
    /// error here (never `allowedOnly`): hidden must not look like absent.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn read(
        &self,
        set: &str,
        key: Uuid,
        properties: &[&str],
    ) -> Result<Option<Object>, CallError> {
        let url = format!(
            "{}?$format=json&$select={}",
            self.address(set, key),
            self.select(properties)
        );
        match self.json(Method::GET, url, None, None).await {
            Ok(answer) => parse(&answer).map(Some),
            Err(CallError::Said {
                code: NOT_FOUND, ..
            }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The first `top` objects that a filter lets through.
    ///
    /// # Errors
    /// When they can't be read.
    pub async fn list(
        &self,
        set: &str,
        properties: &[&str],
        filter: &str,
        top: u16,
    ) -> Result<Vec<Object>, CallError> {
        let allowed = if self.allowed_only {
            "&allowedOnly=true"
        } else {
            ""
        };
        let url = format!(
            "{}{}?$format=json&$select={}&$filter={}&$orderby=Ref_Key&$top={top}{allowed}",
            self.base,
            encode(self.names.of(set)),
            self.select(properties),
            encode(filter)
        );
        let answer = self.json(Method::GET, url, None, None).await?;
        parse::<Page>(&answer).map(|page| page.value)
    }

    /// Creates an object.
    ///
    /// # Errors
    /// [`EXISTS`] when there is one with its key already.
    pub async fn create(&self, set: &str, json: &str) -> Result<(), CallError> {
        let url = format!("{}{}?$format=json", self.base, encode(self.names.of(set)));
        let answer = self.json(Method::POST, url, Some(json), None).await?;
        if answer.status() == StatusCode::CREATED {
            Ok(())
        } else {
            Err(CallError::Stranger(answer.status().as_u16()))
        }
    }

    /// Replaces what `json` lists, if the object is still of that version.
    ///
    /// # Errors
    /// HTTP 412 when somebody has changed it since.
    pub async fn change(
        &self,
        set: &str,
        key: Uuid,
        json: &str,
        version: &str,
    ) -> Result<(), CallError> {
        let url = format!("{}?$format=json", self.address(set, key));
        self.json(Method::PATCH, url, Some(json), Some(version))
            .await?;
        Ok(())
    }

    /// Posts a document. Posting again changes nothing.
    ///
    /// # Errors
    /// [`INTERNAL`] when 1C refuses, with its reason in words.
    pub async fn post(&self, set: &str, key: Uuid) -> Result<(), CallError> {
        // The documents forbid operational posting (RealTimePosting = Deny).
        let url = format!(
            "{}/Post?PostingModeOperational=false",
            self.address(set, key)
        );
        self.json(Method::POST, url, Some(""), None).await?;
        Ok(())
    }

    fn address(&self, set: &str, key: Uuid) -> String {
        let set = encode(self.names.of(set));
        format!("{}{set}(guid'{}')", self.base, key.hyphenated())
    }

    fn select(&self, properties: &[&str]) -> String {
        let names: Vec<_> = properties
            .iter()
            .map(|name| encode(self.names.of(name)))
            .collect();
        names.join(",")
    }

    async fn json(
        &self,
        method: Method,
        url: String,
        body: Option<&str>,
        version: Option<&str>,
    ) -> Result<Response<Bytes>, CallError> {
        self.send(method, url, body, "application/json", version)
            .await
    }

    async fn send(
        &self,
        method: Method,
        url: String,
        body: Option<&str>,
        accept: &'static str,
        version: Option<&str>,
    ) -> Result<Response<Bytes>, CallError> {
        let mut request = Request::builder()
            .method(method)
            .uri(&url)
            .header(header::AUTHORIZATION, self.authorization.clone())
            .header(header::ACCEPT, accept);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json;charset=utf-8");
        }
        if let Some(version) = version {
            request = request.header(header::IF_MATCH, version);
        }
        let request = request
            .body(Bytes::from(body.unwrap_or_default().to_owned()))
            .map_err(|e| CallError::NotSent(format!("not a valid request: {e}")))?;
        let patience = if url.ends_with("$metadata") {
            self.timeout.saturating_mul(METADATA_PATIENCE)
        } else {
            self.timeout
        };
        let _turn = self
            .in_flight
            .acquire()
            .await
            .map_err(|e| CallError::NotSent(e.to_string()))?;
        let answer = self
            .http
            .send(request, patience)
            .await
            .map_err(|e| match e {
                HttpError::NotSent(reason) => CallError::NotSent(reason),
                HttpError::Unknown(reason) => CallError::NoAnswer(reason),
            })?;
        tracing::debug!(
            http.status = answer.status().as_u16(),
            http.bytes = answer.body().len(),
            "1C answered"
        );
        if answer.status().is_success() {
            Ok(answer)
        } else {
            Err(failure(answer.status(), answer.body()))
        }
    }
}

/// An answer of 2xx that is not what was asked for comes from something in between.
fn parse<T: serde::de::DeserializeOwned>(answer: &Response<Bytes>) -> Result<T, CallError> {
    serde_json::from_slice(answer.body()).map_err(|_| CallError::Stranger(answer.status().as_u16()))
}

/// Characters of 1C's words that are kept.
const MAX_WORDS: usize = 500;

fn failure(status: StatusCode, body: &[u8]) -> CallError {
    let number = status.as_u16();
    if let Some((code, message)) = said(body) {
        return CallError::Said {
            status: number,
            code,
            message: message.chars().take(MAX_WORDS).collect(),
        };
    }
    match number {
        401 | 403 => CallError::Denied(number),
        429 | 502..=504 => CallError::NoAnswer(format!("HTTP {number}")),
        _ => CallError::Stranger(number),
    }
}

/// Code and words of an error page, JSON or Atom.
fn said(body: &[u8]) -> Option<(i32, String)> {
    if let Ok(page) = serde_json::from_slice::<ErrorPage>(body) {
        let code = match &page.error.code {
            serde_json::Value::String(text) => text.trim().parse().ok()?,
            other => i32::try_from(other.as_i64()?).ok()?,
        };
        return Some((code, page.error.message.value));
    }
    let text = std::str::from_utf8(body).ok()?;
    let inside = |tag: &str| {
        let (_, rest) = text.split_once(&format!("<m:{tag}"))?;
        let (_, rest) = rest.split_once('>')?;
        rest.split_once('<')
            .map(|(inside, _)| inside.trim().to_owned())
    };
    let code = inside("code")?.parse().ok()?;
    Some((code, inside("message").unwrap_or_default()))
}

/// Percent-encoding for paths and queries; leaves raw what 1C's examples leave raw.
fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~()'$,=/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// A string in a filter.
#[must_use]
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_as_in_the_worked_example() {
        assert_eq!(
            encode("Document_ОтчетОРозничныхПродажах"),
            "Document_%D0%9E%D1%82%D1%87%D0%B5%D1%82%D0%9E%D0%A0%D0%BE%D0%B7%D0%BD%D0%B8%D1%87%D0%BD%D1%8B%D1%85%D0%9F%D1%80%D0%BE%D0%B4%D0%B0%D0%B6%D0%B0%D1%85"
        );
        assert_eq!(encode("Code eq '50.01'"), "Code%20eq%20'50.01'");
        assert_eq!(encode("a+b&c"), "a%2Bb%26c");
        assert_eq!(literal("O'Hara"), "'O''Hara'");
    }

    #[test]
    fn errors_are_read_in_both_forms() {
        let json = r#"{"odata.error":{"code":"9","message":{"lang":"ru","value":"не найден"}}}"#;
        let atom = "<m:error xmlns:m=\"x\"><m:code>9</m:code><m:message xml:lang=\"ru\">не найден</m:message></m:error>";
        for page in [json, atom] {
            assert_eq!(said(page.as_bytes()), Some((9, "не найден".to_owned())));
        }
        assert_eq!(said(b"<html>404</html>"), None);
        assert_eq!(said(b"\xff\xfe"), None);
    }

    #[test]
    fn only_failures_that_may_hide_an_act_are_ambiguous() {
        let said = |status, code| CallError::Said {
            status,
            code,
            message: String::new(),
        };
        for (error, ambiguous, is_final) in [
            (CallError::NotSent(String::new()), false, false),
            (CallError::NoAnswer(String::new()), true, false),
            (CallError::Denied(401), false, false),
            (CallError::Stranger(200), true, false),
            (CallError::Stranger(404), false, false),
            (CallError::Stranger(500), true, false),
            (said(500, INTERNAL), true, false),
            (said(400, EXISTS), false, false),
            (said(400, 4), false, true),
            (said(500, 16), false, true),
        ] {
            assert_eq!(error.is_ambiguous(), ambiguous, "{error:?}");
            assert_eq!(error.is_final(), is_final, "{error:?}");
        }
    }
}
