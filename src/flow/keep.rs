//! Keeping copies of the store, and its secrets: what they need, and the schedule.

use super::{
    Site,
    commands::{clear_alert, raise_alert},
};
use crate::{
    domain::{
        alert::{Alert, Severity},
        event::Actor,
    },
    store::{
        backup::{self, BackupError, Listed, Occasion, Plan},
        vault::{Key, SALT},
    },
    world::Entropy,
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// The alert of a backup that can't be made.
const KEY: &str = "backup";
/// After a start, guests come first.
const FIRST: Duration = Duration::from_mins(5);
/// After a failure.
const AGAIN: Duration = Duration::from_hours(1);

/// What a store keeps, and with what.
#[derive(Clone, Debug, Default)]
pub struct Keeping {
    /// The box's keys, the one in force first; without any there are neither backups nor secrets.
    pub keys: Vec<Key>,
    /// How backups are made; none without a key.
    pub plan: Option<Plan>,
    /// How often.
    pub every: Duration,
    /// Folder of the credentials: a file there comes before a secret of the same name.
    pub credentials: Option<PathBuf>,
}

/// Random bytes.
#[must_use]
pub fn salt(entropy: &dyn Entropy) -> [u8; SALT] {
    let mut salt = [0; SALT];
    for half in salt.chunks_mut(16) {
        half.copy_from_slice(&entropy.next_u128().to_be_bytes()[..half.len()]);
    }
    salt
}

/// Makes a backup now.
///
/// # Errors
/// Why there is none.
pub async fn back_up(site: &Site, plan: &Plan, reason: &str) -> Result<Listed, BackupError> {
    let occasion = Occasion {
        at: site.world.clock.now(),
        reason: reason.to_owned(),
        salt: salt(site.world.entropy.as_ref()),
    };
    let made = site.store.make_backup(plan.clone(), occasion).await?;
    tracing::info!(
        file = %made.file.display(),
        seq = made.header.seq,
        "a backup was made and opened again"
    );
    Ok(made)
}

/// Makes a backup whenever the last one is old enough; one that fails is an alert.
pub async fn keep(site: Arc<Site>, plan: Plan, every: Duration, shutdown: CancellationToken) {
    let mut pause = due(&site, &plan, every).max(FIRST);
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        // Somebody may have made one by hand meanwhile.
        let left = due(&site, &plan, every);
        if !left.is_zero() {
            pause = left;
            continue;
        }
        // A long copy does not keep the store from stopping: what it leaves is swept away by the next.
        let made = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            made = back_up(&site, &plan, "schedule") => made,
        };
        pause = if made.is_ok() { every } else { AGAIN };
        if let Err(error) = tell(&site, made.err()).await {
            tracing::error!(%error, "the backup's alert can't be written");
        }
    }
}

/// How long until the next is due; nothing when it is.
fn due(site: &Site, plan: &Plan, every: Duration) -> Duration {
    let last = backup::list(&plan.folder)
        .ok()
        .and_then(|all| Some(all.last()?.header.at));
    let Some(last) = last else {
        return Duration::ZERO;
    };
    every.saturating_sub(site.world.clock.now().since(last))
}

async fn tell(site: &Site, failed: Option<BackupError>) -> Result<(), super::FlowError> {
    let open = site.store.read(|s| s.alert(KEY)).await?.is_some();
    let Some(error) = failed else {
        if open {
            site.command(Actor::system(), |tx, cx| clear_alert(tx, cx, KEY))
                .await?;
        }
        return Ok(());
    };
    tracing::warn!(%error, "a backup can't be made");
    site.command(Actor::system(), move |tx, cx| {
        raise_alert(
            tx,
            cx,
            Alert {
                key: KEY.to_owned(),
                severity: Severity::Warning,
                title: "The backup can't be made".to_owned(),
                detail: error.to_string(),
                advice: "The store goes on. Mend it, then: galley backup now".to_owned(),
                since_at: cx.now,
            },
        )
    })
    .await
}
