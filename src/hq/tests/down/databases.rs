//! The same over SQLite and PostgreSQL: codes, documents, roll-outs, commands, and what a log says of them.

use super::*;
use crate::hq::{
    db::tests::each_database,
    down::{Plan, Sending, note},
    record::record,
};
use serde_json::value::RawValue;
use std::collections::BTreeSet;

fn entry(body: &Body) -> Entry {
    Entry {
        seq: 1,
        at: Timestamp::from_millis(START),
        kind: body.kind().to_owned(),
        order_id: None,
        actor: "system".to_owned(),
        body: RawValue::from_string(serde_json::to_string(body).unwrap()).unwrap(),
        hash: HexHash([0; 32]),
    }
}

/// The first batch of a box of S1.
fn batch(generation: u64) -> Batch {
    let mut first = entry(&Body::AlertCleared { key: "x".into() });
    let hash = crate::domain::chain::link(
        &[0; 32],
        first.seq,
        first.at,
        None,
        &first.actor,
        first.body.get(),
    );
    first.hash = HexHash(hash);
    Batch {
        store_id: "S1".parse().unwrap(),
        generation,
        stream: 1,
        number: 1,
        first_seq: 1,
        previous: Some(HexHash([0; 32])),
        entries: vec![first],
        summary: None,
        root: None,
    }
}

async fn said(hq: &Hq, store: &str, body: Body) {
    let store = store.to_owned();
    hq.db()
        .write(move |sql| note(sql, &store, &entry(&body), Timestamp::from_millis(START)))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_roll_out_runs_its_course_in_both_databases() {
    each_database(|place| async {
        let clock = Arc::new(RuntimeClock::starting_at(Timestamp::from_millis(START)));
        let hq = Hq::open(down_config(place), clock).await.unwrap();
        let by = || "anna".to_owned();
        for (n, store) in ["S1", "S2"].into_iter().enumerate() {
            let code = hq
                .make_code(&store.parse().unwrap(), None, LIMIT, by())
                .await
                .unwrap();
            let token = [u8::try_from(n).unwrap() + 1; 32];
            let enrolled = hq.enrol_box(&code.code, Some(store), token).await.unwrap();
            assert_eq!(enrolled.generation, 1);
        }
        let kind = crate::domain::remote::DocumentKind::Menu;
        for price in [100, 200] {
            let (_, new) = hq
                .put_document(kind, "russia", menu_content(price), String::new(), by())
                .await
                .unwrap();
            assert!(new);
        }
        let (_, new) = hq
            .put_document(kind, "russia", menu_content(200), String::new(), by())
            .await
            .unwrap();
        assert!(!new);
        let changes = hq.document_diff(kind, "russia", 1, 2).await.unwrap();
        assert_eq!(changes.len(), 1);
        let stores: BTreeSet<String> = ["S1".to_owned(), "S2".to_owned()].into();
        let plan = |revision, canary: &[&str]| Plan {
            kind,
            name: "russia".to_owned(),
            revision,
            stores: stores.clone(),
            canary: canary.iter().map(|s| (*s).to_owned()).collect(),
        };
        let sent = async |store: &str| {
            hq.forget_boxes().await;
            let store = store.parse().unwrap();
            hq.messages_for(&store, Sending::Asked).await.unwrap()
        };
        let applied = async |store: &str, version: u64| {
            for message in sent(store).await {
                let envelope: Envelope = serde_json::from_str(&message.signed).unwrap();
                let body = Body::HqApplied {
                    message_id: envelope.id,
                    document: kind,
                    name: "russia".to_owned(),
                    version,
                    remark: None,
                };
                // Another store's word counts for nothing.
                said(&hq, "S9", body.clone()).await;
                said(&hq, store, body).await;
            }
        };
        let first = hq.roll_out(plan(1, &[]), by()).await.unwrap();
        applied("S1", first.version).await;
        applied("S2", first.version).await;
        let second = hq.roll_out(plan(2, &["S1"]), by()).await.unwrap();
        assert_eq!((sent("S1").await.len(), sent("S2").await.len()), (1, 0));
        assert!(hq.promote(second.id, false).await.is_err());
        applied("S1", second.version).await;
        let second = hq.promote(second.id, false).await.unwrap();
        assert_eq!(second.stage, "all");
        assert_eq!(sent("S2").await.len(), 1);
        // S2 never answered; what it was sent may be in force, so it goes back, too.
        let undone = hq.roll_back(second.id, by()).await.unwrap();
        assert_eq!(undone.rollouts.len(), 1);
        assert_eq!(undone.rollouts[0].revision, 1);
        assert!(undone.rollouts[0].version > second.version);
        assert!(undone.kept.is_empty());
        for store in ["S1", "S2"] {
            let messages = sent(store).await;
            assert_eq!(messages.len(), 1, "{store}");
            assert!(messages[0].signed.contains("\"version\":3"));
        }
        let all = hq.rollouts(10).await.unwrap();
        assert_eq!(all.len(), 3);
        assert_eq!(hq.documents().await.unwrap()[0].stores, 2);

        let told = hq
            .command(stores.clone(), Command::BackUp {}, LIMIT, by())
            .await
            .unwrap();
        said(
            &hq,
            "S1",
            Body::HqRefused {
                message_id: Some(told[0].id),
                what: "back_up".to_owned(),
                reason: "no key".to_owned(),
            },
        )
        .await;
        assert_eq!(hq.command_by(told[0].id).await.unwrap().state, "refused");
        let cancelled = hq.cancel_command(told[1].id).await.unwrap();
        assert_eq!(cancelled.state, "cancelled");
        assert!(hq.cancel_command(told[0].id).await.is_err());
        assert_eq!(hq.commands_of("S1", 10).await.unwrap().len(), 1);
        // A box in S1's place gets what the former one had; the former one's token opens nothing.
        let code = hq
            .make_code(&"S1".parse().unwrap(), None, LIMIT, by())
            .await
            .unwrap();
        assert_eq!(code.replaces, 1);
        let new = hq.enrol_box(&code.code, None, [9; 32]).await.unwrap();
        assert_eq!(new.generation, 2);
        let store = "S1".parse().unwrap();
        let former = hq.admit_box(&store, Some([1; 32]), 0).await;
        assert!(matches!(former, Err(IngestError::Fenced(2))), "{former:?}");
        assert!(
            hq.admit_box(&store, Some([9; 32]), 0)
                .await
                .unwrap()
                .is_some()
        );
        // At a broker the box says itself which it is.
        assert!(matches!(
            hq.admit_box(&store, None, 1).await,
            Err(IngestError::Fenced(2))
        ));
        // One that was let in before, and waits to be written, is not written behind the new box's back.
        let late = batch(1);
        let current = batch(2);
        let (late, current) = hq
            .db()
            .write(move |sql| {
                let now = Timestamp::from_millis(START);
                let late = record(sql, &[late], now)?.remove(0);
                let current = record(sql, &[current], now)?.remove(0);
                Ok((late, current))
            })
            .await
            .unwrap();
        assert_eq!((late.inserted, current.inserted), (0, 1));
        assert!(late.ack.refused.is_some() && current.ack.refused.is_none());
        assert_eq!(hq.fence_for(&store, 2).await.unwrap().len(), 1);
        hq.bar(&store, Some("stolen".to_owned()), by())
            .await
            .unwrap();
        assert!(matches!(
            hq.admit_box(&store, Some([9; 32]), 0).await,
            Err(IngestError::Barred)
        ));
        assert!(
            hq.keep_bundle("S1", told[0].id, vec![1])
                .await
                .is_ok_and(|kept| !kept)
        );
        let keys = hq.rotate_key().await.unwrap();
        assert_eq!(keys.public().len(), 2);
    })
    .await;
}
