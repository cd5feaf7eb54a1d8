//! The settings of the bank, `[connectors.alfa_bank]`.

use http::Uri;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Settings. Durations are written with units: `"3s"`, `"1m"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AlfaBankConfig {
    /// The gateway's address with its path: `https://pay.alfabank.ru/payment/rest/` for API logins without
    /// the prefix `r-`, `https://payment.alfabank.ru/payment/rest/` for those with it, and
    /// `https://alfa.rbsuat.com/payment/rest/` for tests.
    pub base_url: String,
    /// The API login, usually `<merchant>-api`.
    pub user_name: String,
    /// Name of the credential that holds the password; never the password itself.
    pub password_credential: String,
    /// Where the bank's card form would send the payer's browser. The bank demands it of every order, also
    /// of those paid by QR code; absolute, with its scheme.
    pub return_url: String,
    /// How often a payment is asked about while the guest looks at the QR code.
    #[serde(
        default = "three_seconds",
        with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required"
    )]
    pub poll_interval: Duration,
    /// How much longer than the guest's time the order lives at the bank, so that we close it, and not its
    /// clock.
    #[serde(
        default = "one_minute",
        with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required"
    )]
    pub closing_margin: Duration,
    /// How long to wait before an order that the bank does not know is asked about again, twice, before it is
    /// taken for never registered [inferred].
    #[serde(
        default = "five_seconds",
        with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required"
    )]
    pub not_found_wait: Duration,
    /// Patience with calls that move money [inferred].
    #[serde(
        default = "one_minute",
        with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required"
    )]
    pub money_timeout: Duration,
    /// Patience with calls that read [inferred].
    #[serde(
        default = "fifteen_seconds",
        with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required"
    )]
    pub read_timeout: Duration,
}

const fn three_seconds() -> Duration {
    Duration::from_secs(3)
}

const fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

const fn fifteen_seconds() -> Duration {
    Duration::from_secs(15)
}

const fn one_minute() -> Duration {
    Duration::from_secs(60)
}

/// What is wrong with the settings, by key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not an absolute address that ends in `/`.
    #[error("{key} must be an absolute https address{hint}")]
    Address {
        /// The key.
        key: &'static str,
        /// What else it needs.
        hint: &'static str,
    },
    /// The password would travel in clear.
    #[error("{key} must begin with https://, except on this machine itself")]
    Insecure {
        /// The key.
        key: &'static str,
    },
    /// Empty, or longer than the bank takes.
    #[error("{key} must have 1 to {most} characters")]
    Length {
        /// The key.
        key: &'static str,
        /// The most characters.
        most: usize,
    },
    /// Zero.
    #[error("{key} must be longer than nothing")]
    Zero {
        /// The key.
        key: &'static str,
    },
}

impl AlfaBankConfig {
    /// Checks what types can't say.
    ///
    /// # Errors
    /// The first key that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_base_url(&self.base_url)?;
        if self.return_url.len() > 512 {
            return Err(ConfigError::Length {
                key: "return_url",
                most: 512,
            });
        }
        absolute("return_url", &self.return_url, "")?;
        for (key, text) in [
            ("user_name", &self.user_name),
            ("password_credential", &self.password_credential),
        ] {
            if text.is_empty() || text.len() > 100 {
                return Err(ConfigError::Length { key, most: 100 });
            }
        }
        for (key, duration) in [
            ("poll_interval", self.poll_interval),
            ("money_timeout", self.money_timeout),
            ("read_timeout", self.read_timeout),
        ] {
            if duration.is_zero() {
                return Err(ConfigError::Zero { key });
            }
        }
        Ok(())
    }
}

fn absolute(key: &'static str, text: &str, hint: &'static str) -> Result<Uri, ConfigError> {
    text.parse::<Uri>()
        .ok()
        .filter(|uri| uri.scheme().is_some() && uri.host().is_some())
        .ok_or(ConfigError::Address { key, hint })
}

fn check_base_url(text: &str) -> Result<(), ConfigError> {
    const KEY: &str = "base_url";
    const HINT: &str = " that ends in /";
    let uri = absolute(KEY, text, HINT)?;
    if !text.ends_with('/') || uri.query().is_some() {
        return Err(ConfigError::Address {
            key: KEY,
            hint: HINT,
        });
    }
    let here = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if uri.scheme_str() == Some("https") || (here && uri.scheme_str() == Some("http")) {
        Ok(())
    } else {
        Err(ConfigError::Insecure { key: KEY })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        base_url = "https://alfa.rbsuat.com/payment/rest/"
        user_name = "store17-api"
        password_credential = "alfa-bank"
        return_url = "https://example.com/"
        poll_interval = "4s"
    "#;

    #[test]
    fn settings_are_read_with_units_and_defaults() {
        let config: AlfaBankConfig = toml::from_str(GOOD).unwrap();
        config.check().unwrap();
        assert_eq!(config.poll_interval, Duration::from_secs(4));
        assert_eq!(config.money_timeout, Duration::from_secs(60));
        assert_eq!(config.not_found_wait, Duration::from_secs(5));
    }

    #[test]
    fn an_unknown_key_or_a_number_without_a_unit_is_refused() {
        assert!(toml::from_str::<AlfaBankConfig>(&format!("{GOOD}\npassword = 'x'")).is_err());
        assert!(toml::from_str::<AlfaBankConfig>(&GOOD.replace("\"4s\"", "4")).is_err());
    }

    #[test]
    fn a_password_does_not_travel_in_clear() {
        let mut config: AlfaBankConfig = toml::from_str(GOOD).unwrap();
        for (url, good) in [
            ("http://127.0.0.1:8080/payment/rest/", true),
            ("http://alfa.rbsuat.com/payment/rest/", false),
            ("https://alfa.rbsuat.com/payment/rest", false),
            ("/payment/rest/", false),
        ] {
            config.base_url = url.into();
            assert_eq!(config.check().is_ok(), good, "{url}");
        }
    }
}
