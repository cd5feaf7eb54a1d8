//! Ways to people: one file each.

mod email;
mod sms;
mod telegram;
mod webhook;

use super::{
    case::What,
    config::{Channel, ChannelKind},
    words::Message,
};
use crate::{
    domain::time::Timestamp,
    world::{Http, Secret},
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// Patience with one message.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is handed to a channel.
pub(super) struct Parcel<'a> {
    pub(super) id: Uuid,
    pub(super) at: Timestamp,
    pub(super) what: &'a What,
    pub(super) message: &'a Message,
}

/// Why a message was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SendError {
    /// It may go better later.
    #[error("{0}")]
    Later(String),
    /// It never will.
    #[error("{0}")]
    Never(String),
}

/// A way to people.
#[async_trait]
pub(super) trait Send: std::marker::Send + Sync {
    async fn send(&self, parcel: &Parcel<'_>) -> Result<(), SendError>;
}

/// Makes a channel; `credential` opens secrets by name.
///
/// # Errors
/// A sentence that says what is wrong.
pub(super) fn channel(
    channel: &Channel,
    http: &Arc<dyn Http>,
    credential: &dyn Fn(&str) -> Result<Secret, String>,
) -> Result<Box<dyn Send>, String> {
    let http = Arc::clone(http);
    let made: Result<Box<dyn Send>, String> = match &channel.kind {
        ChannelKind::Telegram {
            base_url,
            chat,
            token_credential,
        } => credential(token_credential).map(|token| {
            Box::new(telegram::Telegram::new(http, base_url, chat.clone(), token)) as Box<dyn Send>
        }),
        ChannelKind::Webhook {
            url,
            secret_credential,
        } => credential(secret_credential)
            .and_then(|secret| webhook::Webhook::new(http, url, secret))
            .map(|w| Box::new(w) as Box<dyn Send>),
        ChannelKind::Sms { phones, provider } => credential(&provider.api_id_credential)
            .and_then(|api_id| sms::Sms::new(http, phones, provider, api_id))
            .map(|s| Box::new(s) as Box<dyn Send>),
        ChannelKind::Email {
            server,
            user,
            password_credential,
            from,
            to,
        } => {
            let password = password_credential.as_deref().map(credential).transpose();
            password
                .and_then(|password| {
                    let login = match (user, password) {
                        (Some(user), Some(password)) => Some((user.clone(), password)),
                        (None, None) => None,
                        _ => {
                            return Err(
                                "\"user\" and \"password_credential\" go together".to_owned()
                            );
                        }
                    };
                    email::Email::new(server, login, from, to)
                })
                .map(|e| Box::new(e) as Box<dyn Send>)
        }
    };
    made.map_err(|e| format!("channel {:?}: {e}", channel.name))
}

/// What an answer's status means for a message.
fn judge(status: http::StatusCode, words: String) -> Result<(), SendError> {
    if status.is_success() {
        Ok(())
    } else if status.is_client_error()
        && status != http::StatusCode::TOO_MANY_REQUESTS
        && status != http::StatusCode::REQUEST_TIMEOUT
    {
        Err(SendError::Never(format!("{status}{words}")))
    } else {
        Err(SendError::Later(format!("{status}{words}")))
    }
}
