//! A store without a daemon, for tests: the demonstration's menu, an inline database, a clock that follows the runtime's.

use super::{Site, record::record};
use crate::{
    domain::{
        event::{Actor, Body},
        place::{Wish, WishLine},
        policy::Policy,
        stock::Movement,
        text::Language,
        time::Timestamp,
    },
    store::{Options, Store, Threads},
    world::{Clock, MemoryDoors, RuntimeClock, World},
};
use std::sync::Arc;

/// The store whose database lies in `folder`; it is `start` now.
pub(crate) async fn site(
    folder: &tempfile::TempDir,
    start: Timestamp,
    policy: Policy,
) -> Arc<Site> {
    let clock = Arc::new(RuntimeClock::starting_at(start));
    site_by(folder, clock, start, policy).await
}

/// The same by another clock.
pub(crate) async fn site_by(
    folder: &tempfile::TempDir,
    clock: Arc<dyn Clock>,
    start: Timestamp,
    policy: Policy,
) -> Arc<Site> {
    let store = Store::open(Options {
        threads: Threads::Inline,
        ..Options::at(folder.path().join("store.db"))
    })
    .unwrap();
    let world = World {
        clock,
        ..MemoryDoors::world(start, 1)
    };
    let catalog = toml::from_str(include_str!("../demo/menu.toml")).unwrap();
    Site::open(store, world, policy, Some(catalog), jiff::tz::TimeZone::UTC)
        .await
        .unwrap()
}

/// Plenty of every ingredient.
pub(crate) async fn stock(site: &Site) {
    site.command(Actor::system(), |tx, cx| {
        let all: Vec<_> = cx
            .catalog
            .ingredients
            .iter()
            .map(|i| i.id.clone())
            .collect();
        for ingredient in all {
            let movements = vec![Movement::receive(&ingredient, 1 << 36)?];
            record(tx, cx, None, Body::StockMoved { movements })?;
        }
        Ok(())
    })
    .await
    .unwrap();
}

/// One plov, here.
pub(crate) fn plov() -> Wish {
    Wish {
        language: Language::Ru,
        service: crate::domain::order::Service::Here,
        lines: vec![WishLine {
            dish_id: "plov".into(),
            quantity: 1,
            options: Vec::new(),
            price_minor: None,
        }],
        ..Wish::default()
    }
}
