//! Short messages, through the same provider as those to guests.

use super::{Parcel, Send, SendError};
use crate::{
    connectors::sms_ru::{CallError, Client, Phone, SmsRuConfig},
    world::{Http, Secret},
};
use async_trait::async_trait;
use std::sync::Arc;

/// Characters: three parts in Cyrillic.
const LONGEST: usize = 201;

pub(super) struct Sms {
    client: Client,
    phones: Vec<Phone>,
}

impl Sms {
    pub(super) fn new(
        http: Arc<dyn Http>,
        phones: &[String],
        provider: &SmsRuConfig,
        api_id: Secret,
    ) -> Result<Self, String> {
        Ok(Self {
            client: Client::new(http, provider, api_id).map_err(|e| e.to_string())?,
            phones: phones
                .iter()
                .map(|p| Phone::parse(p).map_err(|e| e.to_string()))
                .collect::<Result<_, _>>()?,
        })
    }
}

#[async_trait]
impl Send for Sms {
    async fn send(&self, parcel: &Parcel<'_>) -> Result<(), SendError> {
        let text: String = parcel.message.text.chars().take(LONGEST).collect();
        let mut reached = false;
        let mut error = None;
        for phone in &self.phones {
            match self.client.send(phone, &text).await {
                // A lost answer may have been a message: who is on duty is not sent two.
                Ok(_) | Err(CallError::Unknown(_)) => reached = true,
                Err(CallError::NotSent(why)) => error = Some(SendError::Later(why)),
                Err(e) => error = Some(SendError::Never(e.to_string())),
            }
        }
        match error {
            // One who was reached would get it twice.
            Some(e) if !reached => Err(e),
            _ => Ok(()),
        }
    }
}
