//! The settings of the way to headquarters, `[sync]`.

use super::broker::{Authority, BrokerAddress};
use http::Uri;
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, time::Duration};

/// Events a batch may be set to have.
const MOST_EVENTS: usize = 500;

/// Settings. Durations are written with units: `"15s"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SyncConfig {
    /// Headquarters' address for the straight route: `https://hq.example`. Without `https` only on this machine.
    pub url: Option<String>,
    /// The broker's address: `mqtts://broker.example:8883`. Preferred where both are given. Without `mqtts` only
    /// on this machine.
    pub broker: Option<String>,
    /// Certificates, in PEM, of who vouches for the broker, instead of those that the system trusts.
    pub broker_ca: Option<PathBuf>,
    /// Name of the credential that holds this store's token at headquarters, which is also its password at the
    /// broker; never the token itself.
    pub token_credential: String,
    /// Events in a batch.
    pub batch: usize,
    /// How often the store tells its state when nothing happens.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")]
    pub heartbeat: Duration,
}

impl Default for SyncConfig {
    fn default() -> Self {
        Self {
            url: None,
            broker: None,
            broker_ca: None,
            token_credential: "hq_token".to_owned(),
            batch: 100,
            heartbeat: Duration::from_secs(15),
        }
    }
}

/// What is wrong with the settings, by key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not an address of headquarters.
    #[error("url must be an address such as https://hq.example (http only for this machine)")]
    Url,
    /// Not an address of a broker.
    #[error("broker: {0}")]
    Broker(String),
    /// The authority's file is of no use.
    #[error("broker_ca: {0}")]
    BrokerCa(String),
    /// Out of range.
    #[error("batch must be between 1 and {MOST_EVENTS}")]
    Batch,
    /// Out of range.
    #[error("heartbeat must be between 1 second and 10 minutes")]
    Heartbeat,
}

impl SyncConfig {
    /// Whether any route is configured; without one the store runs on its own.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.url.is_some() || self.broker.is_some()
    }

    /// Who vouches for the broker.
    ///
    /// # Errors
    /// When the file can't be read or holds no certificate.
    pub fn authority(&self) -> Result<Authority, ConfigError> {
        Authority::load(self.broker_ca.as_deref()).map_err(ConfigError::BrokerCa)
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// The first setting that can't be.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if let Some(url) = &self.url {
            let uri: Uri = url.parse().map_err(|_| ConfigError::Url)?;
            let host = uri.host().ok_or(ConfigError::Url)?;
            let safe = match uri.scheme_str() {
                Some("https") => true,
                Some("http") => is_this_machine(host),
                _ => false,
            };
            if !safe || uri.query().is_some() {
                return Err(ConfigError::Url);
            }
        }
        if let Some(broker) = &self.broker {
            broker
                .parse::<BrokerAddress>()
                .map_err(ConfigError::Broker)?;
            self.authority()?;
        }
        if !(1..=MOST_EVENTS).contains(&self.batch) {
            return Err(ConfigError::Batch);
        }
        if !(Duration::from_secs(1)..=Duration::from_mins(10)).contains(&self.heartbeat) {
            return Err(ConfigError::Heartbeat);
        }
        Ok(())
    }
}

/// Whether a host name surely is this machine, so that a token on the wire leaves it not.
pub(super) fn is_this_machine(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> SyncConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn the_defaults_are_a_store_on_its_own() {
        let config = read("");
        assert!(!config.is_enabled());
        assert_eq!(config, SyncConfig::default());
        assert_eq!(config.validate(), Ok(()));
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(toml::from_str::<SyncConfig>("tokn = 'x'").is_err());
    }

    #[test]
    fn a_token_does_not_travel_in_the_clear() {
        for (text, verdict) in [
            ("url = 'https://hq.example'", Ok(())),
            ("url = 'http://127.0.0.1:9000'", Ok(())),
            ("url = 'http://[::1]:9000'", Ok(())),
            ("url = 'http://hq.example'", Err(ConfigError::Url)),
            ("url = 'hq.example'", Err(ConfigError::Url)),
            ("broker = 'mqtts://b.example'", Ok(())),
            ("broker = 'mqtt://localhost:1883'", Ok(())),
            ("heartbeat = '0s'", Err(ConfigError::Heartbeat)),
            ("batch = 0", Err(ConfigError::Batch)),
        ] {
            assert_eq!(read(text).validate(), verdict, "{text}");
        }
        for text in [
            "broker = 'mqtt://b.example'",
            "broker = 'b.example:1883'",
            "broker = 'mqtts://'",
        ] {
            assert!(
                matches!(read(text).validate(), Err(ConfigError::Broker(_))),
                "{text}"
            );
        }
    }
}
