//! Who is told of what, and how: the file of `galley hq --notify FILE`.
//!
//! ```toml
//! language = "ru"
//! zone = "Europe/Moscow"
//!
//! [[channel]]
//! name = "duty"
//! kind = "telegram"
//! chat = "-100123"
//! token_credential = "telegram"
//!
//! [[route]]
//! severity = "error"
//! to = ["duty"]
//! escalate = [{ after = "15m", to = ["boss"] }]
//! ```

use crate::{
    connectors::sms_ru::SmsRuConfig,
    domain::{alert::Severity, text::Language},
};
use jiff::{civil::Time, tz::TimeZone};
use serde::Deserialize;
use std::{collections::BTreeSet, time::Duration};

/// The file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotifyConfig {
    /// Which language messages are in.
    #[serde(default = "russian")]
    pub language: Language,
    /// Whose clock quiet hours and digests go by.
    pub zone: String,
    /// Where the dashboard is, for links in messages.
    #[serde(default)]
    pub dashboard: Option<String>,
    /// Ways to people.
    #[serde(default, rename = "channel")]
    pub channels: Vec<Channel>,
    /// Which alerts go which way.
    #[serde(default, rename = "route")]
    pub routes: Vec<Route>,
    /// A summary once a day.
    #[serde(default)]
    pub digest: Option<Digest>,
}

/// A way to people.
#[derive(Clone, Debug, Deserialize)]
pub struct Channel {
    /// Its name in routes.
    pub name: String,
    /// What it is.
    #[serde(flatten)]
    pub kind: ChannelKind,
}

/// What a channel is. Secrets are named, never written here.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ChannelKind {
    /// A bot of Telegram, or of whatever speaks its bot interface.
    Telegram {
        /// Its address; elsewhere where Telegram can't be reached directly.
        #[serde(default = "telegram")]
        base_url: String,
        /// The chat's id.
        chat: String,
        /// Credential with the bot's token.
        token_credential: String,
    },
    /// A POST of JSON, signed.
    Webhook {
        /// Where to.
        url: String,
        /// Credential with the key of the signature.
        secret_credential: String,
    },
    /// Short messages through SMS.RU.
    Sms {
        /// To whom.
        phones: Vec<String>,
        /// The provider's settings.
        provider: SmsRuConfig,
    },
    /// Mail through a server that takes it from us.
    Email {
        /// `smtps://mail.example:465` (TLS at once), `smtp://mail.example:587` (TLS after STARTTLS, which must be there)
        /// or, within one machine only, `smtp+plain://127.0.0.1:25`.
        server: String,
        /// Name at the server; without one nobody is asked.
        #[serde(default)]
        user: Option<String>,
        /// Credential with the password.
        #[serde(default)]
        password_credential: Option<String>,
        /// From whom.
        from: String,
        /// To whom.
        to: Vec<String>,
    },
}

/// Which alerts go which way.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The least severity.
    #[serde(default = "error")]
    pub severity: Severity,
    /// Stores, by id; `*` at the end stands for anything. All when empty.
    #[serde(default)]
    pub stores: Vec<String>,
    /// Causes, such as `device:printer` or `hq:*`. All when empty.
    #[serde(default)]
    pub causes: Vec<String>,
    /// Channels.
    pub to: Vec<String>,
    /// An alert that is gone again within this time is not worth a message.
    #[serde(default = "one_minute", with = "span")]
    pub after: Duration,
    /// Who is told when nobody has acknowledged it for so long, counted from its beginning.
    #[serde(default)]
    pub escalate: Vec<Escalation>,
    /// When nobody is to be woken.
    #[serde(default)]
    pub quiet: Option<Quiet>,
}

/// The next ones to be told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// Since the alert's beginning.
    #[serde(with = "span")]
    pub after: Duration,
    /// Channels.
    pub to: Vec<String>,
}

/// Hours in which messages wait.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// First minute.
    pub from: Time,
    /// First minute that is not quiet any more; the next day's when it is not later than `from`.
    pub to: Time,
    /// Alerts of this severity and worse don't wait.
    #[serde(default)]
    pub except: Option<Severity>,
}

impl Quiet {
    /// Whether it is quiet at this time of day.
    #[must_use]
    pub fn holds(&self, at: Time) -> bool {
        if self.from < self.to {
            self.from <= at && at < self.to
        } else {
            at >= self.from || at < self.to
        }
    }
}

/// A summary once a day.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digest {
    /// When.
    pub at: Time,
    /// Channels.
    pub to: Vec<String>,
}

use jiff::fmt::serde::unsigned_duration::friendly::compact::required as span;

fn russian() -> Language {
    Language::Ru
}

fn telegram() -> String {
    "https://api.telegram.org".to_owned()
}

fn error() -> Severity {
    Severity::Error
}

const fn one_minute() -> Duration {
    Duration::from_secs(60)
}

impl NotifyConfig {
    /// Reads and checks the file's text.
    ///
    /// # Errors
    /// A sentence that says what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|e| e.to_string())?;
        config.zone()?;
        let mut names = BTreeSet::new();
        for channel in &config.channels {
            if !names.insert(channel.name.as_str()) {
                return Err(format!("there are two channels named {:?}", channel.name));
            }
        }
        let digest = config.digest.iter().flat_map(|d| &d.to);
        let routes = config
            .routes
            .iter()
            .flat_map(|r| r.to.iter().chain(r.escalate.iter().flat_map(|e| &e.to)));
        for name in routes.chain(digest) {
            if !names.contains(name.as_str()) {
                return Err(format!("no [[channel]] is named {name:?}"));
            }
        }
        for route in &config.routes {
            if route.to.is_empty() {
                return Err("a [[route]] goes to nobody".to_owned());
            }
            if route.escalate.windows(2).any(|e| e[0].after >= e[1].after) {
                return Err("the steps of \"escalate\" must come one after another".to_owned());
            }
        }
        Ok(config)
    }

    /// Its time zone.
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn zone(&self) -> Result<TimeZone, String> {
        TimeZone::get(&self.zone).map_err(|_| format!("there is no time zone {:?}", self.zone))
    }
}

impl Route {
    /// Whether an alert goes this way.
    #[must_use]
    pub fn takes(&self, store: &str, cause: &str, severity: Severity) -> bool {
        let any = |patterns: &[String], text: &str| {
            patterns.is_empty() || patterns.iter().any(|p| fits(p, text))
        };
        severity >= self.severity && any(&self.stores, store) && any(&self.causes, cause)
    }
}

fn fits(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(begin) => text.starts_with(begin),
        None => pattern == text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_a_way_to_nobody_is_refused() {
        let head = "zone = \"Europe/Moscow\"\n";
        let bot = "[[channel]]\nname = \"duty\"\nkind = \"telegram\"\nchat = \"1\"\ntoken_credential = \"t\"\n";
        let good = format!("{head}{bot}[[route]]\nto = [\"duty\"]\n");
        assert_eq!(NotifyConfig::parse(&good).unwrap().routes.len(), 1);
        for (text, why) in [
            (format!("{head}[[route]]\nto = [\"duty\"]\n"), "\"duty\""),
            (format!("{head}{bot}{bot}"), "two channels"),
            (format!("{head}{bot}[[route]]\nto = []\n"), "nobody"),
            ("zone = \"Mars/Base\"\n".to_owned(), "Mars/Base"),
            (
                format!(
                    "{good}escalate = [{{after = \"5m\", to = [\"duty\"]}}, {{after = \"5m\", to = [\"duty\"]}}]\n"
                ),
                "one after another",
            ),
            (format!("{good}colour = 1\n"), "colour"),
        ] {
            let error = NotifyConfig::parse(&text).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn quiet_hours_may_go_over_midnight() {
        let quiet = |from: &str, to: &str| Quiet {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            except: None,
        };
        let night = quiet("22:00", "08:00");
        let at = |t: &str| -> Time { t.parse().unwrap() };
        assert!(night.holds(at("23:59")) && night.holds(at("00:00")) && night.holds(at("07:59")));
        assert!(!night.holds(at("08:00")) && !night.holds(at("21:59")));
        let noon = quiet("12:00", "13:00");
        assert!(noon.holds(at("12:00")) && !noon.holds(at("13:00")) && !noon.holds(at("03:00")));
    }
}
