//! Supervisors: each owns a driver, keeps it connected, tells its health, and serves its queue of effects.

pub mod fiscal;
pub mod manual;
pub mod robot;
pub mod slip_printer;

use crate::{
    domain::event::{Actor, Body},
    flow::{Site, record::record},
};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Tells the log when a device comes or goes, once a change; what it says of itself meanwhile is known here only.
pub(crate) struct Health {
    device: &'static str,
    now: Mutex<Option<(&'static str, String)>>,
}

impl Health {
    pub(crate) fn of(device: &'static str) -> Self {
        Self {
            device,
            now: Mutex::new(None),
        }
    }

    /// What was noted last: the state, and the words to it.
    pub(crate) fn now(&self) -> Option<(&'static str, String)> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<(&'static str, String)>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the state; answers whether it changed.
    pub(crate) async fn set(&self, site: &Site, state: &'static str, detail: &str) -> bool {
        let before = self.lock().replace((state, detail.to_owned()));
        if before.is_some_and(|(before, _)| before == state) {
            return false;
        }
        match state {
            "up" => tracing::info!(device.id = self.device, detail, "the device is there"),
            _ => tracing::warn!(device.id = self.device, state, detail, "the device is away"),
        }
        let body = Body::DeviceChanged {
            device: self.device.to_owned(),
            state: state.to_owned(),
            detail: detail.to_owned(),
        };
        let written = site
            .command(Actor::system(), move |tx, cx| record(tx, cx, None, body))
            .await;
        if let Err(error) = written {
            // Forget it, so that the next look notes it again.
            *self.lock() = None;
            tracing::error!(%error, device.id = self.device, "the device's state can't be written");
        }
        true
    }
}
