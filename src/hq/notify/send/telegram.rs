//! A bot. [source: core.telegram.org/bots/api#sendmessage, memory]

use super::{PATIENCE, Parcel, Send, SendError, judge};
use crate::world::{Http, Secret};
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, header};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// Characters of one message. [memory]
const LONGEST: usize = 4096;

pub(super) struct Telegram {
    http: Arc<dyn Http>,
    base_url: String,
    chat: String,
    token: Secret,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    description: String,
}

impl Telegram {
    pub(super) fn new(http: Arc<dyn Http>, base_url: &str, chat: String, token: Secret) -> Self {
        Self {
            http,
            base_url: base_url.trim_end_matches('/').to_owned(),
            chat,
            token,
        }
    }
}

#[async_trait]
impl Send for Telegram {
    async fn send(&self, parcel: &Parcel<'_>) -> Result<(), SendError> {
        let text: String = parcel.message.text.chars().take(LONGEST).collect();
        let body = json!({
            "chat_id": self.chat,
            "text": text,
            "disable_web_page_preview": true,
        });
        // The token is in the address, so no error may repeat it.
        let request = Request::post(format!(
            "{}/bot{}/sendMessage",
            self.base_url,
            self.token.reveal()
        ))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Bytes::from(body.to_string()))
        .map_err(|_| SendError::Never("the bot's address can't be used".to_owned()))?;
        let answer = self
            .http
            .send(request, PATIENCE)
            .await
            .map_err(|_| SendError::Later("the bot's server does not answer".to_owned()))?;
        let words = serde_json::from_slice::<Answer>(answer.body())
            .map(|a| format!(": {}", a.description))
            .unwrap_or_default();
        judge(answer.status(), words)
    }
}
