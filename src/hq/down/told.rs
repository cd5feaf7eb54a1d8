//! What the audit says of documents, roll-outs and commands: `word: value` pairs that the page puts into its language.
//! No number of a guest is among them, and nothing that a person typed, in which one could stand.

use super::{
    super::{
        Hq,
        db::cells,
        people::audit::Detail,
        view::csv::{decimal, time},
    },
    commands::CommandRow,
    documents::Revision,
    rollouts::{RolledBack, Rollout},
};
use crate::{
    domain::{ids::OrderId, remote::Command},
    store::StoreError,
};
use axum::Extension;
use std::collections::BTreeSet;

/// A detail on its way to the door, which writes it down.
pub(super) type Told = Extension<Detail>;

/// Pairs in the making.
#[derive(Default)]
struct Pairs(Vec<String>);

impl Pairs {
    fn with(mut self, word: &str, value: impl std::fmt::Display) -> Self {
        self.0.push(format!("{word}: {value}"));
        self
    }

    fn with_if(self, has: bool, word: &str, value: impl std::fmt::Display) -> Self {
        if has { self.with(word, value) } else { self }
    }

    fn told(self) -> Told {
        Extension(Detail(self.0.join("; ")))
    }
}

/// Of a command to these stores.
pub(super) async fn of_command(
    hq: &Hq,
    command: &Command,
    stores: &BTreeSet<String>,
) -> Result<Told, StoreError> {
    let mut pairs = Pairs::default().with("command", command.word());
    match command {
        Command::Refund {
            order_id,
            amount_minor,
            ..
        } => {
            let known = order(hq, stores, *order_id).await?;
            let currency = known.as_ref().map_or("", |(_, currency)| currency.as_str());
            pairs = match &known {
                Some((number, _)) => pairs.with("order", number),
                None => pairs.with("order", order_id.0),
            };
            pairs = match amount_minor {
                Some(minor) => pairs.with(
                    "amount",
                    format!("{} {currency}", decimal(*minor)).trim_end(),
                ),
                None => pairs.with("amount", "all"),
            };
        }
        Command::LookAtPayment { order_id } => {
            pairs = match order(hq, stores, *order_id).await? {
                Some((number, _)) => pairs.with("order", number),
                None => pairs.with("order", order_id.0),
            };
        }
        Command::StopSales {
            until_at: Some(at), ..
        } => pairs = pairs.with("until", time(*at)),
        _ => {}
    }
    Ok(match (stores.len(), stores.first()) {
        (1, Some(store)) => pairs.with("store", store),
        (n, _) => pairs.with("stores", n),
    }
    .told())
}

/// An order's number and currency, where the one store that is asked has told of it.
async fn order(
    hq: &Hq,
    stores: &BTreeSet<String>,
    id: OrderId,
) -> Result<Option<(u32, String)>, StoreError> {
    let (1, Some(store)) = (stores.len(), stores.first().cloned()) else {
        return Ok(None);
    };
    hq.0.db
        .read(move |sql| {
            sql.row(
                "SELECT o.number, o.currency FROM orders o JOIN stores s ON s.id = o.store
                 WHERE s.store_id = ?1 AND o.order_id = ?2",
                &cells![store, id.0],
                |r| Ok((r.get(0)?, r.get(1)?)),
            )
        })
        .await
}

/// Of a command that is sent no more.
pub(super) fn of_cancelled(command: &CommandRow) -> Told {
    Pairs::default()
        .with("command", &command.act)
        .with("store", &command.store_id)
        .told()
}

/// Of a document that was written.
pub(super) fn of_revision(revision: &Revision, is_new: bool) -> Told {
    let word = if is_new { "revision" } else { "unchanged" };
    Pairs::default()
        .with("kind", &revision.kind)
        .with("name", &revision.name)
        .with(word, revision.revision)
        .told()
}

fn pairs_of(rollout: &Rollout) -> Pairs {
    let stores = rollout.stores.as_deref().unwrap_or_default();
    let canaries = stores.iter().filter(|s| s.canary).count();
    Pairs::default()
        .with("kind", &rollout.kind)
        .with("name", &rollout.name)
        .with("revision", rollout.revision)
        .with("stores", stores.len())
        .with_if(canaries > 0, "canaries", canaries)
}

/// Of a roll-out.
pub(super) fn of_rollout(rollout: &Rollout) -> Told {
    pairs_of(rollout).told()
}

/// Of a roll-out that went on to all, perhaps before its canaries had it.
pub(super) fn of_promoted(rollout: &Rollout, forced: bool) -> Told {
    pairs_of(rollout).with_if(forced, "forced", "yes").told()
}

/// Of a roll-out that was rolled back: to what, and how many stores had nothing before it.
pub(super) fn of_rolled_back(rollout: &Rollout, undone: &RolledBack) -> Told {
    let back: Vec<String> = undone
        .rollouts
        .iter()
        .map(|r| format!("{} {}", r.name, r.revision))
        .collect();
    pairs_of(rollout)
        .with_if(!back.is_empty(), "back", back.join(", "))
        .with_if(!undone.kept.is_empty(), "kept", undone.kept.len())
        .told()
}
