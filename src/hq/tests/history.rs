//! A store and headquarters that do not have the same past.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_store_with_another_history_is_noticed() {
    let rig = Rig::new().await;
    rig.happen(10).await;
    rig.drained().await;
    rig.store
        .write(|tx: &mut Tx<'_>| {
            tx.execute("UPDATE events SET hash = zeroblob(32) WHERE seq = 10", [])?;
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    rig.sync.poke();
    rig.status(|s| s.refused).await;
    assert_eq!(rig.store.read_here(|db| db.cursor(CURSOR)).unwrap(), 10);
}

/// As after `galley restore`: the store has forgotten events that headquarters has, and sold on.
#[tokio::test(start_paused = true)]
async fn a_log_that_has_gone_back_and_on_is_told_at_headquarters_as_well() {
    let rig = Rig::new().await;
    rig.happen(10).await;
    rig.drained().await;
    assert!(rig.row().await.refused.is_none());
    rig.store
        .write(|tx: &mut Tx<'_>| {
            tx.execute("UPDATE events SET hash = zeroblob(32) WHERE seq = 7", [])?;
            tx.execute("DELETE FROM events WHERE seq > 7", [])?;
            tx.execute("UPDATE cursors SET seq = 5 WHERE reader = ?1", [CURSOR])?;
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    rig.sync.poke();
    rig.status(|s| s.refused).await;
    let told = async {
        loop {
            if let Some(refused) = rig.row().await.refused {
                return refused;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let told = tokio::time::timeout(Duration::from_mins(2), told).await;
    assert_eq!(told.unwrap().refusal.seq, 7);
}
