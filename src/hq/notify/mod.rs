//! Alerts out: people are told of what needs them, by mail, short message, webhook or Telegram.
//!
//! What is to be said is decided by a plain function ([`case::look`]) and written down in the same transaction as what
//! was decided; a message is sent at least once, and only by one of several headquarters.

mod case;
mod config;
mod rows;
mod send;
mod words;

#[cfg(test)]
mod tests;

pub use config::NotifyConfig;

use super::{Hq, seldom::Seldom, view::alerts};
use crate::{
    domain::{alert::Severity, time::Timestamp},
    store::StoreError,
    world::{Entropy, Http, Secret},
};
use case::{Fleet, Open};
use jiff::tz::TimeZone;
use rows::Due;
use send::{Parcel, Send, SendError};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(5);
/// How long a headquarters that fell silent keeps the others from sending.
const LEASE: Duration = Duration::from_secs(30);
/// Before the second attempt; each further one waits twice as long.
const FIRST_RETRY: Duration = Duration::from_secs(10);
/// At most between two attempts.
const LAST_RETRY: Duration = Duration::from_mins(15);
/// An old message helps nobody.
const GIVE_UP: Duration = Duration::from_hours(24);
/// How long sent ones are kept.
const KEEP: Duration = Duration::from_hours(24 * 30);

/// Tells people.
pub struct Notifier {
    hq: Hq,
    config: NotifyConfig,
    zone: TimeZone,
    channels: BTreeMap<String, Box<dyn Send>>,
    entropy: Arc<dyn Entropy>,
    /// Which headquarters this is.
    holder: Uuid,
}

impl Notifier {
    /// With its channels; `credential` opens secrets by name.
    ///
    /// # Errors
    /// A sentence that says what is wrong in the configuration.
    pub fn new(
        hq: Hq,
        config: NotifyConfig,
        http: &Arc<dyn Http>,
        entropy: Arc<dyn Entropy>,
        credential: &dyn Fn(&str) -> Result<Secret, String>,
    ) -> Result<Self, String> {
        let channels = config
            .channels
            .iter()
            .map(|c| Ok((c.name.clone(), send::channel(c, http, credential)?)))
            .collect::<Result<_, String>>()?;
        Ok(Self {
            zone: config.zone()?,
            holder: Uuid::from_u128(entropy.next_u128()),
            hq,
            config,
            channels,
            entropy,
        })
    }

    /// Looks and sends until told to stop.
    pub async fn run(self, shutdown: CancellationToken) {
        let failing = Seldom::new();
        loop {
            match self.turn().await {
                Ok(()) => failing.over(),
                Err(error) => {
                    if let Some(unsaid) = failing.trouble() {
                        tracing::warn!(%error, unsaid, "nobody could be told of alerts");
                    }
                }
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Looks once, and sends what is due.
    async fn turn(&self) -> Result<(), StoreError> {
        let now = self.hq.0.clock.now();
        let holder = self.holder;
        let ours = self
            .hq
            .0
            .db
            .write(move |sql| rows::lease(sql, holder, now, LEASE))
            .await?;
        if !ours {
            return Ok(());
        }
        self.look(now).await?;
        let due = self.hq.0.db.read(move |sql| rows::due(sql, now)).await?;
        for notice in due {
            self.send(notice).await?;
        }
        Ok(())
    }

    async fn look(&self, now: Timestamp) -> Result<(), StoreError> {
        let (open, fleet) = self.open().await?;
        let (config, zone) = (self.config.clone(), self.zone.clone());
        let entropy = Arc::clone(&self.entropy);
        self.hq
            .0
            .db
            .write(move |sql| {
                let before = rows::cases(sql)?;
                let mut cases = before.clone();
                let notices = case::look(&config, &zone, &mut cases, &open, fleet, now);
                if cases != before {
                    rows::keep(sql, &cases)?;
                }
                for notice in &notices {
                    for channel in &notice.to {
                        let id = Uuid::from_u128(entropy.next_u128());
                        rows::put(sql, id, channel, &notice.what, now)?;
                    }
                }
                let before = now.as_millis() - i64::try_from(KEEP.as_millis()).unwrap_or(i64::MAX);
                rows::prune(sql, Timestamp::from_millis(before))
            })
            .await
    }

    async fn open(&self) -> Result<(Vec<Open>, Fleet), StoreError> {
        let cards = self.hq.fleet().await?;
        let fleet = Fleet {
            stores: cards.cards.len(),
            silent: cards.cards.iter().filter(|c| !c.online).count(),
        };
        let open = alerts::open(&self.hq)
            .await?
            .into_iter()
            .map(|line| Open {
                severity: if line.severity == "error" {
                    Severity::Error
                } else {
                    Severity::Warning
                },
                acknowledged: line.is_acknowledged(),
                store: line.store_id,
                name: line.name,
                key: line.key,
                title: line.title,
                advice: line.advice,
                since: line.since_at,
            })
            .collect();
        Ok((open, fleet))
    }

    async fn send(&self, notice: Due) -> Result<(), StoreError> {
        let Due { id, .. } = notice;
        let result = match self.channels.get(&notice.channel) {
            Some(channel) => {
                let message = words::say(
                    &notice.what,
                    self.config.language,
                    &self.zone,
                    self.config.dashboard.as_deref(),
                );
                channel
                    .send(&Parcel {
                        id,
                        at: notice.at,
                        what: &notice.what,
                        message: &message,
                    })
                    .await
            }
            None => Err(SendError::Never(
                "the channel is not in the configuration any more".to_owned(),
            )),
        };
        let now = self.hq.0.clock.now();
        let channel = notice.channel;
        match result {
            Ok(()) => {
                self.hq
                    .0
                    .db
                    .write(move |sql| rows::sent(sql, id, now))
                    .await
            }
            Err(error) => {
                tracing::warn!(channel, %error, attempts = notice.attempts, "a message about alerts was not sent");
                let wait = FIRST_RETRY
                    .saturating_mul(1 << notice.attempts.min(10))
                    .min(LAST_RETRY);
                let next = match &error {
                    SendError::Later(_) if now.since(notice.at) < GIVE_UP => {
                        Some(now.saturating_add(wait))
                    }
                    _ => None,
                };
                let error = error.to_string();
                self.hq
                    .0
                    .db
                    .write(move |sql| rows::failed(sql, id, next, &error))
                    .await
            }
        }
    }
}
