//! A robot that is ready, has dishes to cook and does nothing: after a stop or a power failure it begins only when a
//! person says so, and somebody must be told. [source: robot.md, recovery: nothing restarts by itself]

use super::{CHECK, Known, Robot};
use crate::{
    domain::{
        alert::{Alert, Severity},
        event::Actor,
    },
    flow::commands::{clear_alert, raise_alert},
};
use futures_util::FutureExt as _;
use galley_robot::MachineState;
use std::time::Duration;

/// A robot goes to work by itself within this time, where it does so at all.
const PATIENCE: Duration = Duration::from_mins(1);
/// Cause of the alert.
const IDLE: &str = "robot:idle";

/// It is between two states, and will be in the next one by itself.
pub(super) fn is_passing(k: &Known) -> bool {
    matches!(
        k.machine,
        Some(
            MachineState::Resetting
                | MachineState::Clearing
                | MachineState::Stopping
                | MachineState::Aborting
                | MachineState::Holding
        )
    )
}

/// How people bring a robot back that does not work.
pub(super) fn way_back(k: &Known) -> &'static str {
    match k.machine {
        Some(MachineState::Aborted | MachineState::Aborting) if k.ready => {
            "Look into the cell; then: galley robot clear --inspected, galley robot reset, galley robot start."
        }
        Some(MachineState::Stopped | MachineState::Stopping | MachineState::Clearing)
            if k.ready =>
        {
            "Look into the cell; then: galley robot reset, galley robot start."
        }
        Some(MachineState::Idle | MachineState::Resetting) if k.ready => {
            "Look into the cell; then: galley robot start."
        }
        Some(MachineState::Held | MachineState::Holding) if k.ready => {
            "See what the robot's panel asks; then: galley robot resume."
        }
        _ => CHECK,
    }
}

/// It has dishes and does not begin.
fn idles(k: &Known) -> bool {
    let rests = matches!(
        k.machine,
        Some(MachineState::Idle | MachineState::Stopped | MachineState::Aborted)
    );
    k.ready && rests && !k.at_work.is_empty()
}

impl Robot {
    /// Watches for ever.
    pub(super) async fn watch_idleness(&self) {
        let mut known = self.known.subscribe();
        // What the last run of the daemon told may be over.
        let mut told = known.wait_for(|k| k.ready).await.is_ok();
        loop {
            if told && !idles(&known.borrow_and_update()) {
                self.tell_idleness(None).await;
                told = false;
            }
            let _ = known.wait_for(idles).await;
            let begun = known.wait_for(|k| !idles(k)).map(drop);
            if tokio::time::timeout(PATIENCE, begun).await.is_err() {
                let seen = self.known.borrow().clone();
                self.tell_idleness(Some(seen)).await;
                told = true;
                let _ = known.wait_for(|k| !idles(k)).await;
            }
        }
    }

    async fn tell_idleness(&self, seen: Option<Known>) {
        let told = self
            .site
            .command(Actor(String::from("robot")), move |tx, cx| match seen {
                None => clear_alert(tx, cx, IDLE),
                Some(seen) => raise_alert(
                    tx,
                    cx,
                    Alert {
                        key: IDLE.to_owned(),
                        severity: Severity::Error,
                        title: "The robot does not begin to cook".to_owned(),
                        detail: format!(
                            "{} dishes wait in the robot, and it stands still",
                            seen.at_work.len()
                        ),
                        advice: way_back(&seen).to_owned(),
                        since_at: cx.now,
                    },
                ),
            })
            .await;
        if let Err(error) = told {
            tracing::error!(%error, "an alert about the idle robot can't be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_robot_between_two_states_is_left_alone() {
        for (machine, passing) in [
            (MachineState::Resetting, true),
            (MachineState::Stopping, true),
            (MachineState::Idle, false),
            (MachineState::Stopped, false),
            (MachineState::Aborted, false),
            (MachineState::Held, false),
        ] {
            let known = Known {
                ready: true,
                machine: Some(machine.clone()),
                ..Known::default()
            };
            assert_eq!(is_passing(&known), passing, "{machine:?}");
        }
    }
}
