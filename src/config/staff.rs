//! `[staff]`, and how everybody comes in.

use super::Config;
use crate::world::Secret;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// `[staff]`: how people come in with their PINs, and where guests follow their orders.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct StaffSection {
    /// Name of the credential with the store's own secret, on which PINs, paired screens and the addresses of guests'
    /// pages hang. When none, it is the file `door.key` in the data folder, made at the first start.
    pub secret_credential: Option<String>,
    /// People may come in with their PIN from any screen on the LAN, paired or not; no.
    pub pin_without_screen: bool,
    /// A session lasts so long at most; 12 hours.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::optional")]
    pub session: Option<Duration>,
    /// A session ends after so long without anything done; 15 minutes.
    #[serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::optional")]
    pub idle: Option<Duration>,
    /// Where guests' phones find the store, `"http://192.168.1.5:8080"`; when none, as the kiosk does.
    pub follow_base_url: Option<String>,
}

impl StaffSection {
    /// What is wrong with it.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (key, value) in [("session", self.session), ("idle", self.idle)] {
            if value.is_some_and(|d| d < Duration::from_mins(1) || d > Duration::from_hours(24)) {
                faults.push(format!("staff.{key}: from 1 minute to 24 hours"));
            }
        }
        let address = |url: &String| match url.parse::<http::Uri>() {
            Ok(uri) => {
                matches!(uri.scheme_str(), Some("http" | "https"))
                    && uri.host().is_some()
                    && uri.query().is_none()
            }
            Err(_) => false,
        };
        if !self.follow_base_url.as_ref().is_none_or(address) {
            faults.push(
                "staff.follow_base_url: it must look like http://192.168.1.5:8080".to_owned(),
            );
        }
        faults
    }
}

impl Config {
    /// How people, screens and other systems come in, with the store's own secret.
    #[must_use]
    pub fn doors(&self, secret: Secret) -> crate::api::Doors {
        let usual = crate::api::Doors::new(secret);
        let staff = &self.staff;
        crate::api::Doors {
            pin_without_screen: staff.pin_without_screen,
            session: staff.session.unwrap_or(usual.session),
            idle: staff.idle.unwrap_or(usual.idle),
            follow_base: staff.follow_base_url.clone(),
            limits: self.limits,
            webhooks: self.webhooks.clone(),
            plain: Some(self.store.listen),
            tls: self.api.tls.clone(),
            announced: self.api.discovery.enabled,
            ..usual
        }
    }
}
