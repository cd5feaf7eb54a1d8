//! Breaks things while the day goes on: which and when follows from the seed.

use super::door::{Door, Switch};
use crate::world::{Entropy as _, SeededEntropy};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Pause between two troubles, at the least and how much more, ms.
const PAUSE_MS: (u64, u64) = (500, 4_000);
/// How long a trouble lasts, at the least and how much more, ms.
const LAST_MS: (u64, u64) = (300, 6_000);

/// Breaks things until `stop`, then mends all of them. Answers how many troubles there were.
pub(super) async fn make(door: Door, seed: u64, stop: CancellationToken) -> u32 {
    let chance = SeededEntropy::new(seed);
    let mut troubles = 0;
    while !stop.is_cancelled() {
        pause(&chance, PAUSE_MS, &stop).await;
        if stop.is_cancelled() {
            break;
        }
        troubles += 1;
        let which = chance.below(11);
        tracing::debug!(which, troubles, "trouble");
        match which {
            0 => door.break_off(Switch::Internet).await,
            1 => door.break_off(Switch::Bank).await,
            2 | 3 => door.break_off(Switch::PrinterCable).await,
            4 => door.break_off(Switch::Paper).await,
            5 => door.break_off(Switch::RobotLink).await,
            6 => door.break_off(Switch::RobotJam).await,
            7 => door.printer_fault(chance.below(6)),
            8 => door.lose_bank_answers(1 + u32::try_from(chance.below(3)).unwrap_or(0)),
            9 => door.robot_fault(chance.below(5)),
            _ => door.break_off(Switch::Power).await,
        }
        pause(&chance, LAST_MS, &stop).await;
        door.mend_all().await;
    }
    door.mend_all().await;
    troubles
}

async fn pause(chance: &SeededEntropy, (least, more): (u64, u64), stop: &CancellationToken) {
    let nap = Duration::from_millis(least + chance.below(more));
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = tokio::time::sleep(nap) => {}
    }
}
