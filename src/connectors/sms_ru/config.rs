//! The settings of the provider, `[connectors.sms_ru]`.

use super::phone::Country;
use http::Uri;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Settings. Durations are written with units: `"60s"`, `"2h"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SmsRuConfig {
    /// The provider's address, without a path.
    #[serde(default = "sms_ru")]
    pub base_url: String,
    /// Name of the credential that holds the `api_id`; never the id itself.
    pub api_id_credential: String,
    /// The sender that the guest sees; it must be approved by the provider. Without one, the account's own.
    #[serde(default)]
    pub sender: Option<String>,
    /// Countries that messages are sent to.
    #[serde(default = "russia")]
    pub countries: Vec<Country>,
    /// How long after a send whose answer was lost the message is taken for sent. It is never sent again.
    #[serde(
        default = "one_minute",
        with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required"
    )]
    pub assume_sent_after: Duration,
    /// Patience with one call.
    #[serde(
        default = "fifteen_seconds",
        with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required"
    )]
    pub timeout: Duration,
    /// How long the network tries to reach the handset: 1 minute to 24 hours. Without it, the provider's own.
    #[serde(
        default,
        with = "jiff::fmt::serde::unsigned_duration::friendly::compact::optional"
    )]
    pub message_ttl: Option<Duration>,
    /// Let the provider do everything but send.
    #[serde(default)]
    pub test_mode: bool,
}

fn sms_ru() -> String {
    "https://sms.ru".into()
}

fn russia() -> Vec<Country> {
    vec![Country::Ru]
}

const fn one_minute() -> Duration {
    Duration::from_secs(60)
}

const fn fifteen_seconds() -> Duration {
    Duration::from_secs(15)
}

/// What is wrong with the settings, by key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not an address.
    #[error("base_url must be like https://sms.ru, without a path")]
    Address,
    /// The key would travel in clear.
    #[error("base_url must begin with https://, except on this machine itself")]
    Insecure,
    /// Empty.
    #[error("{0} must not be empty")]
    Empty(&'static str),
    /// Zero.
    #[error("{0} must be longer than nothing")]
    Zero(&'static str),
    /// Out of the provider's range.
    #[error("message_ttl must be 1 minute to 24 hours")]
    Ttl,
}

impl SmsRuConfig {
    /// Checks what types can't say.
    ///
    /// # Errors
    /// The first key that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_base_url(&self.base_url)?;
        if self.api_id_credential.is_empty() {
            return Err(ConfigError::Empty("api_id_credential"));
        }
        if self.sender.as_deref() == Some("") {
            return Err(ConfigError::Empty("sender"));
        }
        if self.countries.is_empty() {
            return Err(ConfigError::Empty("countries"));
        }
        if self.timeout.is_zero() {
            return Err(ConfigError::Zero("timeout"));
        }
        let day = Duration::from_secs(24 * 3600);
        match self.message_ttl {
            Some(ttl) if !(one_minute()..=day).contains(&ttl) => Err(ConfigError::Ttl),
            _ => Ok(()),
        }
    }
}

fn check_base_url(text: &str) -> Result<(), ConfigError> {
    let uri: Uri = text.parse().map_err(|_| ConfigError::Address)?;
    let host = uri.host().ok_or(ConfigError::Address)?;
    if uri.path().len() > 1 || text.ends_with('/') || uri.query().is_some() {
        return Err(ConfigError::Address);
    }
    let here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if here => Ok(()),
        Some("http") => Err(ConfigError::Insecure),
        _ => Err(ConfigError::Address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_with_units_and_defaults() {
        let config: SmsRuConfig = toml::from_str(
            "api_id_credential = 'sms-ru'\ncountries = ['ru', 'uz']\nmessage_ttl = '2h'",
        )
        .unwrap();
        config.check().unwrap();
        assert_eq!(config.base_url, "https://sms.ru");
        assert_eq!(config.countries, [Country::Ru, Country::Uz]);
        assert_eq!(config.assume_sent_after, Duration::from_secs(60));
        assert_eq!(config.message_ttl, Some(Duration::from_secs(7200)));
    }

    #[test]
    fn wrong_settings_are_named() {
        for (line, error) in [
            ("base_url = 'http://sms.ru'", ConfigError::Insecure),
            ("base_url = 'https://sms.ru/'", ConfigError::Address),
            ("base_url = 'sms'", ConfigError::Address),
            ("message_ttl = '25h'", ConfigError::Ttl),
            ("timeout = '0s'", ConfigError::Zero("timeout")),
            ("countries = []", ConfigError::Empty("countries")),
        ] {
            let config: SmsRuConfig =
                toml::from_str(&format!("api_id_credential = 'sms-ru'\n{line}")).unwrap();
            assert_eq!(config.check(), Err(error), "{line}");
        }
        assert!(toml::from_str::<SmsRuConfig>("api_id_credential = 'x'\napi_id = 'y'").is_err());
    }
}
