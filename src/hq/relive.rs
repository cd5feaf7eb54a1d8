//! Several headquarters on one PostgreSQL: each tells the others which stores have changed, so that the live page of one
//! shows what another has taken in.

use super::{Hq, Place, db::cells};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// The channel's name.
const CHANNEL: &str = "galley_stores";
/// Changes within this time are told together.
const TOGETHER: Duration = Duration::from_millis(300);
/// Stores in one notice; it may have 8,000 bytes.
const MOST: usize = 100;

/// Starts telling and listening, where the database is PostgreSQL.
pub(super) fn start(hq: &Hq, shutdown: &CancellationToken) {
    let Place::Postgres(url) = hq.0.config.database.clone() else {
        return;
    };
    tokio::spawn(tell(hq.clone(), shutdown.clone()));
    let (hq, stopping) = (Arc::downgrade(&hq.0), shutdown.clone());
    let listening = std::thread::Builder::new()
        .name("hq-listener".to_owned())
        .spawn(move || {
            super::db::listen(
                &url,
                CHANNEL,
                |notice| {
                    let Some(hq) = hq.upgrade() else { return };
                    let mut words = notice.split(' ');
                    if words.next() != Some(hq.config.instance.as_str()) {
                        for store in words {
                            // Nobody looks at the page when this fails.
                            let _ = hq.changes.send(store.to_owned());
                        }
                    }
                },
                || stopping.is_cancelled(),
            );
        });
    if let Err(error) = listening {
        tracing::error!(%error, "what other headquarters take in is not shown live");
    }
}

async fn tell(hq: Hq, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(TOGETHER) => {}
        }
        let changed: Vec<String> = std::mem::take(&mut *hq.changed_here())
            .into_iter()
            .collect();
        for some in changed.chunks(MOST) {
            let notice = format!("{} {}", hq.0.config.instance, some.join(" "));
            let told = hq
                .db()
                .write(move |sql| {
                    sql.rows(
                        "SELECT CAST(pg_notify(?1, ?2) AS text)",
                        &cells![CHANNEL, notice],
                        |_| Ok(()),
                    )
                })
                .await;
            if let Err(error) = told {
                tracing::debug!(%error, "other headquarters are not told");
            }
        }
    }
}
