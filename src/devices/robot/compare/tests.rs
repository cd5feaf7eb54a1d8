use super::*;
use crate::{
    domain::{
        event::{Actor, Body},
        ids::{DishId, OrderId},
        order::{Order, Service},
        place::{Situation, Wish, WishLine, place},
        policy::Policy,
        promotion::Known,
        stock::Level,
        stops::Stops,
        text::Language,
        time::Timestamp,
    },
    flow::{Site, record::record},
    store::{Options, Store, Threads},
    world::MemoryDoors,
};
use jiff::tz::TimeZone;
use serde_json::json;
use std::{sync::Arc, time::Duration};
use uuid::Uuid;

/// A store with one order of one dish.
struct Rig {
    site: Arc<Site>,
    job: JobId,
    _folder: tempfile::TempDir,
}

const ORDER: OrderId = OrderId(Uuid::from_u128(7));

impl Rig {
    /// The dish is as far as `stage`: requested, or taken by the robot.
    async fn new(taken: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Options {
            threads: Threads::Inline,
            ..Options::at(folder.path().join("store.db"))
        })
        .unwrap();
        let site = Site::open(
            store,
            MemoryDoors::world(Timestamp::from_millis(1_795_338_000_000), 1),
            Policy::default(),
            Some(toml::from_str(include_str!("../../../demo/menu.toml")).unwrap()),
            jiff::tz::TimeZone::UTC,
        )
        .await
        .unwrap();
        let job = site
            .command(Actor::system(), move |tx, cx| {
                let order = order(cx);
                let job_id = order.pieces[0].job_id;
                let order = Box::new(order);
                record(tx, cx, None, Body::OrderPlaced { order })?;
                let asked = Body::CookRequested {
                    piece: 0,
                    job_id,
                    attempt: 1,
                };
                record(tx, cx, Some(ORDER), asked)?;
                if taken {
                    record(tx, cx, Some(ORDER), Body::CookSubmitted { job_id })?;
                }
                Ok(job_id)
            })
            .await
            .unwrap();
        Self {
            site,
            job,
            _folder: folder,
        }
    }

    /// The robot says where its jobs stand; how many events followed.
    async fn settle(&self, jobs: &[(&str, &str)], lost: bool) -> u64 {
        let jobs: Vec<JobView> = jobs
            .iter()
            .map(|(job, state)| serde_json::from_value(json!({"job_id": job, "state": state})))
            .collect::<Result<_, _>>()
            .unwrap();
        let before = self.site.store.read_here(|s| s.head()).unwrap().seq;
        self.site
            .command(Actor::system(), move |tx, cx| {
                let records = records(&tx.snapshot())?;
                settle(tx, cx, &records, &jobs, lost)
            })
            .await
            .unwrap();
        self.site.store.read_here(|s| s.head()).unwrap().seq - before
    }

    fn stage(&self) -> JobStage {
        let order = self.site.store.read_here(|s| s.order(ORDER)).unwrap();
        order.unwrap().pieces[0].stage
    }

    fn alert(&self, job: &str) -> Option<String> {
        let key = format!("robot:job:{job}");
        let alert = self.site.store.read_here(|s| s.alert(&key)).unwrap();
        alert.map(|a| a.detail)
    }
}

fn order(cx: &Context) -> Order {
    let plenty = Level {
        on_hand: 1_000_000_000,
        reserved: 0,
    };
    let wish = Wish {
        language: Language::En,
        service: Service::Here,
        lines: vec![WishLine {
            dish_id: DishId("mors".to_owned()),
            quantity: 1,
            options: Vec::new(),
            price_minor: None,
        }],
        ..Wish::default()
    };
    let ingredients = cx.catalog.ingredients.iter();
    let levels = ingredients.map(|i| (i.id.clone(), plenty)).collect();
    let situation = Situation {
        catalog: &cx.catalog,
        levels: &levels,
        policy: &cx.policy,
        ahead: Duration::ZERO,
        now: cx.now,
        day: "2026-11-22",
        id: ORDER,
        number: 1,
        by: "test",
        has_contact: false,
        printer_vat: &[],
        stops: &Stops::default(),
        zone: &TimeZone::UTC,
        known: &Known::default(),
        closes_at: None,
    };
    place(&wish, &situation).unwrap().order
}

#[tokio::test(start_paused = true)]
async fn the_robots_word_on_a_dish_that_it_took_is_taken_in_once() {
    let rig = Rig::new(true).await;
    let job = rig.job.to_string();
    assert!(rig.settle(&[(&job, "cooking")], false).await > 0);
    assert_eq!(rig.stage(), JobStage::Cooking);
    assert_eq!(rig.settle(&[(&job, "cooking")], false).await, 0);
    assert_eq!(rig.alert(&job), None);
}

#[tokio::test(start_paused = true)]
async fn a_dish_that_the_robot_took_and_does_not_know_is_a_persons_matter_and_not_cooked_again() {
    for (lost, words) in [
        (false, "does not know it any more"),
        (true, "memory was lost"),
    ] {
        let rig = Rig::new(true).await;
        rig.settle(&[], lost).await;
        let told = rig.alert(&rig.job.to_string()).unwrap();
        assert!(told.contains(words), "{told}");
        assert_eq!(rig.stage(), JobStage::Queued);
        assert_eq!(rig.settle(&[], lost).await, 0, "told twice");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dish_that_never_left_the_store_needs_nobody() {
    let rig = Rig::new(false).await;
    assert_eq!(rig.settle(&[], false).await, 0);
    assert_eq!(rig.stage(), JobStage::Requested);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_at_the_robot_is_told_and_left_alone() {
    let rig = Rig::new(true).await;
    let job = rig.job.to_string();
    let jobs = [(job.as_str(), "queued"), ("not-ours", "cooking")];
    rig.settle(&jobs, false).await;
    assert!(rig.alert("not-ours").is_some());
    assert_eq!(rig.alert(&job), None);
}
