//! The manual robot of a store: its memory in the store's database, its buttons at the door.

use super::robot::Press;
use crate::{store::Store, world::World};
use async_trait::async_trait;
use galley_robot::{
    Ambient,
    manual::{BookAt, ManualDriver, ManualState, ManualStore, Press as Button},
};
use std::sync::Arc;

/// Document with the manual driver's memory.
const STATE: &str = "robot-manual";

struct Memory(Store);

#[async_trait]
impl ManualStore for Memory {
    async fn save(&self, state: &ManualState) -> Result<(), String> {
        let state = state.clone();
        self.0
            .write(move |tx| tx.put_document(STATE, &state))
            .await
            .map_err(|e| e.to_string())
    }
}

/// The manual driver of a store, and its buttons.
///
/// # Errors
/// When its memory can't be read; in words.
pub async fn open(store: Store, world: &World) -> Result<(Arc<ManualDriver>, Press), String> {
    let ambient = ambient(world);
    let stored: Option<ManualState> = store
        .read(|s| s.document(STATE))
        .await
        .map_err(|e: crate::store::StoreError| e.to_string())?;
    let state = stored.unwrap_or_else(|| ManualState::new(ambient.uuid()));
    let driver = Arc::new(ManualDriver::new(
        state,
        Arc::new(Memory(store)),
        BookAt::Ready,
        ambient,
    ));
    let buttons = driver.clone();
    let press: Press = Arc::new(move |job, button| {
        let buttons = buttons.clone();
        Box::pin(async move {
            let button = match button.as_str() {
                "started" => Button::Started,
                "ready" => Button::Ready,
                "problem" => Button::Problem {
                    reason: "UNKNOWN".to_owned(),
                    used: true,
                },
                other => {
                    return Err(format!(
                        "{other:?} is no button; there are started, ready and problem"
                    ));
                }
            };
            buttons.press(&job, button).await.map_err(|e| e.to_string())
        })
    });
    Ok((driver, press))
}

/// Time and chance of a robot driver, out of the store's world.
#[must_use]
pub fn ambient(world: &World) -> Ambient {
    let (clock, entropy) = (world.clock.clone(), world.entropy.clone());
    Ambient::new(move || clock.now().as_millis(), move || entropy.next_u128())
}
