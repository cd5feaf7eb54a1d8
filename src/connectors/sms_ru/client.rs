//! The one call that sends, and what a missing or bad answer means.

use super::{
    config::{ConfigError, SmsRuConfig},
    phone::Phone,
    wire::Answer,
};
use crate::world::{Http, HttpError, Secret};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use std::{sync::Arc, time::Duration};

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The provider has surely not looked at it.
    #[error("{0}")]
    NotSent(String),
    /// The provider may have taken it.
    #[error("{0}")]
    Unknown(String),
    /// Something in between, not the provider, says that this will never work.
    #[error("HTTP status {0}")]
    Http(u16),
    /// The provider's code, other than 100 to 102.
    #[error("the provider answered with code {code}: {text}")]
    Code {
        /// The code. [source: sms.ru/api/status]
        code: i64,
        /// Its words.
        text: String,
    },
}

/// The provider.
pub struct Client {
    http: Arc<dyn Http>,
    url: String,
    api_id: Secret,
    sender: Option<String>,
    ttl_minutes: Option<String>,
    test_mode: bool,
    timeout: Duration,
}

impl Client {
    /// With checked settings and the key that `api_id_credential` names.
    ///
    /// # Errors
    /// When a setting is wrong.
    pub fn new(
        http: Arc<dyn Http>,
        config: &SmsRuConfig,
        api_id: Secret,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            http,
            url: format!("{}/sms/send", config.base_url),
            api_id,
            sender: config.sender.clone(),
            ttl_minutes: config
                .message_ttl
                .map(|ttl| (ttl.as_secs() / 60).to_string()),
            test_mode: config.test_mode,
            timeout: config.timeout,
        })
    }

    /// Sends; answers with the provider's id of the message.
    ///
    /// # Errors
    /// When it was not taken, or nobody knows.
    pub async fn send(&self, phone: &Phone, text: &str) -> Result<String, CallError> {
        let request = Request::post(&self.url)
            .header(
                header::CONTENT_TYPE,
                "application/x-www-form-urlencoded; charset=utf-8",
            )
            .body(self.form(phone, text))
            .map_err(|_| CallError::NotSent("the provider's address can't be used".into()))?;
        let answer = self
            .http
            .send(request, self.timeout)
            .await
            .map_err(|e| match e {
                HttpError::NotSent(text) => CallError::NotSent(text),
                HttpError::Unknown(text) => CallError::Unknown(text),
            })?;
        self.read(&answer, phone)
    }

    fn form(&self, phone: &Phone, text: &str) -> Bytes {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("api_id", self.api_id.reveal())
            .append_pair("json", "1")
            .append_pair("to", phone.digits())
            .append_pair("msg", text);
        if let Some(sender) = &self.sender {
            form.append_pair("from", sender);
        }
        if let Some(ttl) = &self.ttl_minutes {
            form.append_pair("ttl", ttl);
        }
        if self.test_mode {
            form.append_pair("test", "1");
        }
        Bytes::from(form.finish())
    }

    fn read(&self, answer: &Response<Bytes>, phone: &Phone) -> Result<String, CallError> {
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::TOO_MANY_REQUESTS => {
                return Err(CallError::NotSent("the provider asks to come later".into()));
            }
            // "Never like this": taking it for perhaps sent would hide a wrong address behind guesses.
            status
                if (status.is_redirection() || status.is_client_error())
                    && status != StatusCode::REQUEST_TIMEOUT =>
            {
                return Err(CallError::Http(status.as_u16()));
            }
            status => {
                return Err(CallError::Unknown(format!(
                    "the provider answered {status}"
                )));
            }
        }
        let answer: Answer = serde_json::from_slice(answer.body())
            .map_err(|_| CallError::Unknown("the answer is not what it should be".into()))?;
        let refused = |code, text: Option<String>| CallError::Code {
            code,
            text: self.words(&text.unwrap_or_default(), phone),
        };
        if answer.status_code != 100 {
            return Err(refused(answer.status_code, answer.status_text));
        }
        match answer.sms.into_values().next() {
            Some(message) if (100..=102).contains(&message.status_code) => {
                Ok(message.sms_id.unwrap_or_default())
            }
            Some(message) => Err(refused(message.status_code, message.status_text)),
            None => Err(CallError::Unknown("the answer names no message".into())),
        }
    }

    /// The provider's words, short, and without our key or the guest's number should it repeat them.
    fn words(&self, text: &str, phone: &Phone) -> String {
        let national = phone.digits().get(1..).unwrap_or("");
        let text = [self.api_id.reveal(), phone.digits(), national]
            .into_iter()
            .filter(|secret| !secret.is_empty())
            .fold(text.to_owned(), |text, secret| text.replace(secret, "…"));
        text.chars().take(200).collect()
    }
}
