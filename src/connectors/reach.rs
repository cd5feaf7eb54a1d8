//! Whether a service answers at all: what a guest must know before they choose how to pay.

use crate::world::Http;
use bytes::Bytes;
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(3);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Keeps `reachable` true while something answers at `url`, whatever it says; calls `back` when it comes back.
pub async fn watch(
    http: Arc<dyn Http>,
    url: String,
    reachable: watch::Sender<bool>,
    back: impl Fn() + Send,
    shutdown: CancellationToken,
) {
    loop {
        let request = http::Request::head(&url).body(Bytes::new());
        let answers = match request {
            Ok(request) => http.send(request, PATIENCE).await.is_ok(),
            Err(_) => false,
        };
        let before = reachable.send_replace(answers);
        if answers && !before {
            back();
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
