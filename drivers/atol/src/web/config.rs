//! Settings of the web server back end.

use galley_fiscal::Operator;
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// How to talk to one printer behind the vendor's web server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AtolWebConfig {
    /// Which of the server's interfaces: the second knows several devices.
    pub api: Api,
    /// Which device of the server; its default one when absent. Sent in the body and as a header, because clients
    /// were seen to do either.
    pub device_id: Option<String>,
    /// Who is named when a document names nobody. `None` for a printer registered in an automatic device.
    pub operator: Option<Operator>,
    /// Whether receipts come out on paper at all; `false` makes every receipt electronic.
    pub print_receipts: bool,
    /// Whether the drawer's counters are read before every document: the only evidence of money put in or taken out whose
    /// answer was lost. The vendor's driver asks the printer some sixty registers for them; without them such money
    /// needs a person.
    pub count_cash: bool,
    /// Whether requests that only read are deleted from the server's base once they are answered. The vendor's page on
    /// DELETE is known from memory only, hence off by default; a server that keeps every answer grows without it.
    pub forget_reads: bool,
    /// Intervals and limits.
    pub timeouts: WebTimeouts,
}

impl Default for AtolWebConfig {
    fn default() -> Self {
        Self {
            api: Api::default(),
            device_id: None,
            operator: None,
            print_receipts: true,
            count_cash: true,
            forget_reads: false,
            timeouts: WebTimeouts::default(),
        }
    }
}

/// The server's interfaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// `/requests`: one device.
    V1,
    /// `/api/v2/requests`.
    #[default]
    V2,
}

impl Api {
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::V1 => "/requests",
            Self::V2 => "/api/v2/requests",
        }
    }
}

/// User and password of HTTP Basic authentication. Its `Debug` shows no password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User.
    pub user: String,
    /// Password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Intervals and limits, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebTimeouts {
    /// How long connecting may take.
    pub connect_ms: u64,
    /// How long the answer to one HTTP request may take.
    pub http_ms: u64,
    /// Pause before a task's result is asked for the first time.
    pub first_poll_ms: u64,
    /// Pause between two questions for a task's result. Clients were seen with 300, 700 and 1000 ms.
    pub poll_ms: u64,
    /// Limit of a task that only reads, its time in the queue included.
    pub read_ms: u64,
    /// Limit of a task that registers or prints.
    pub act_ms: u64,
    /// Limit of a Z report. \[inferred\]: 40 s is the vendor's timer for it.
    pub z_ms: u64,
    /// Pause before a second look that must confirm "not registered": what the driver of the web server sent to the
    /// printer before it lost its link may still run. \[inferred\]: a close takes up to 3 s.
    pub settle_ms: u64,
    /// Pause between two looks at the check of a marked unit: without one the printer is overloaded (atol.md 3.5, 8).
    pub marking_poll_ms: u64,
    /// Limit of the check of a marked unit.
    pub marking_ms: u64,
}

impl Default for WebTimeouts {
    fn default() -> Self {
        Self {
            connect_ms: 3000,
            http_ms: 5000,
            first_poll_ms: 50,
            poll_ms: 300,
            read_ms: 10_000,
            act_ms: 30_000,
            z_ms: 90_000,
            settle_ms: 3000,
            marking_poll_ms: 100,
            marking_ms: 15_000,
        }
    }
}

macro_rules! durations {
    ($($name:ident: $field:ident,)+) => {
        impl WebTimeouts {
            $(pub(crate) fn $name(&self) -> Duration {
                Duration::from_millis(self.$field)
            })+
        }
    };
}

durations! {
    connect: connect_ms,
    http: http_ms,
    first_poll: first_poll_ms,
    poll: poll_ms,
    read: read_ms,
    act: act_ms,
    z: z_ms,
    settle: settle_ms,
    marking_poll: marking_poll_ms,
    marking: marking_ms,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_read_back_and_an_unknown_key_is_refused() {
        let config: AtolWebConfig = serde_json::from_str(
            r#"{"api":"v1","device_id":"kkt-1","operator":{"name":"Робот 1"},"timeouts":{"poll_ms":700}}"#,
        )
        .unwrap();
        assert_eq!(config.api, Api::V1);
        assert_eq!(config.timeouts.poll(), Duration::from_millis(700));
        assert_eq!(config.timeouts.act_ms, 30_000);
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(
            serde_json::from_str::<AtolWebConfig>(&text).unwrap(),
            config
        );
        for wrong in [
            r#"{"apy":"v1"}"#,
            r#"{"timeouts":{"poll":1}}"#,
            r#"{"api":"v3"}"#,
        ] {
            assert!(
                serde_json::from_str::<AtolWebConfig>(wrong).is_err(),
                "{wrong}"
            );
        }
    }
}
