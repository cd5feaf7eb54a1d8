//! Looking after the database while it is in use.

use super::{
    FlowError, Site,
    commands::{clear_alert, raise_alert},
};
use crate::{
    domain::{
        alert::{Alert, Severity},
        event::Actor,
    },
    store::StoreError,
};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// The alert of a damaged database.
const KEY: &str = "store:damaged";
/// After a start, guests come first.
const FIRST: Duration = Duration::from_mins(1);
/// From then on.
const EVERY: Duration = Duration::from_hours(24);

/// Walks the whole database once a day, and soon after a start that could not afford it; damage becomes an alert.
pub async fn look_after(site: Arc<Site>, shutdown: CancellationToken) {
    // One that can't be read is looked at soon, too.
    let soon = site.store.is_large().unwrap_or(true);
    let mut pause = if soon { FIRST } else { EVERY };
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = EVERY;
        let found = match site.store.check().await {
            Ok(()) => None,
            Err(StoreError::Damaged(what)) => Some(what),
            // A busy or failing disk says nothing of the pages.
            Err(error) => {
                tracing::warn!(%error, "the database can't be checked");
                continue;
            }
        };
        let told = match found {
            Some(what) => {
                tracing::error!(what, "the database is damaged");
                tell_of_damage(&site, what).await
            }
            None => all_is_well(&site).await,
        };
        if let Err(error) = told {
            tracing::error!(%error, "the database's alert can't be written");
        }
    }
}

async fn is_told(site: &Site) -> Result<bool, FlowError> {
    Ok(site.store.read(|s| s.alert(KEY)).await?.is_some())
}

async fn all_is_well(site: &Site) -> Result<(), FlowError> {
    if is_told(site).await? {
        site.command(Actor::system(), |tx, cx| clear_alert(tx, cx, KEY))
            .await?;
    }
    Ok(())
}

/// Somebody is told that the database is damaged, once until it is well again, in however many places it is.
pub(super) async fn tell_of_damage(site: &Site, detail: String) -> Result<(), FlowError> {
    if is_told(site).await? {
        return Ok(());
    }
    site.command(Actor::system(), move |tx, cx| {
        raise_alert(
            tx,
            cx,
            Alert {
                key: KEY.to_owned(),
                severity: Severity::Error,
                title: "The store's database is damaged".to_owned(),
                detail,
                advice: "Take a copy of the data folder, check the disk, and restore the last backup; what headquarters \
                         has is not lost."
                    .to_owned(),
                since_at: cx.now,
            },
        )
    })
    .await
}
