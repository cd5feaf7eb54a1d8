//! `galley status`: the store at a glance.

use super::{
    alert,
    client::Door,
    exit::{Exit, help},
    output::{Lean, Table, View, ago, facts, print, print_json},
};
use clap::Args;
use serde_json::{Value, json};
use std::process::ExitCode;

/// The store at a glance.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley status                ends with 5 when the store takes no orders,",
    "                             a device is away, or an error is open",
    "galley status --json | jq .store.accepting",
    "galley status --store https://box.example:8443 --token \"$TOKEN\""
))]
pub struct StatusArgs {
    #[command(flatten)]
    pub(super) door: Door,
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: StatusArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    let mut whole = json!({});
    for part in ["store", "shift", "devices", "sync", "alerts"] {
        whole[part] = client.get(&format!("/{part}")).await?;
    }
    if args.door.json {
        print_json(&whole)?;
    } else {
        print(&show(&whole))?;
    }
    Ok(if healthy(View(&whole)) {
        Exit::Done
    } else {
        Exit::Unhealthy
    }
    .into())
}

fn healthy(whole: View<'_>) -> bool {
    let open_error = |a: &View<'_>| a.is("severity", "error") && a.number("cleared_at").is_none();
    whole.yes("store.accepting.ok")
        && whole.each("devices.devices").all(|d| d.is("state", "up"))
        && !whole.each("alerts.alerts").any(|a| open_error(&a))
}

fn show(whole: &Value) -> String {
    let view = View(whole);
    let orders = if view.yes("store.accepting.ok") {
        "accepted".to_owned()
    } else {
        format!("REFUSED: {}", view.word("store.accepting.reason"))
    };
    let shift = match view.text("shift.number").as_str() {
        "-" => view.text("shift.state"),
        number => format!(
            "{} (number {number}, {} receipts, {})",
            view.text("shift.state"),
            view.text("shift.receipts"),
            view.money("shift.sales_minor")
        ),
    };
    let backlog: i64 = view
        .each("sync.readers")
        .filter_map(|r| r.number("backlog"))
        .sum();
    let tenders: Vec<String> = view
        .each("store.tenders")
        .map(|t| {
            let off = if t.yes("available") { "" } else { " (off)" };
            format!("{}{off}", t.text("tender"))
        })
        .collect();
    let pair = |name: &str, value: String| (name.to_owned(), value);
    let mut text = facts(&[
        pair(
            "store",
            format!(
                "{} {}",
                view.text("store.store_id"),
                view.word("store.name")
            ),
        ),
        pair("orders", orders),
        pair("tenders", tenders.join(", ")),
        pair("shift", shift),
        pair(
            "uplink",
            format!("{}, {backlog} events wait", view.text("store.uplink")),
        ),
    ]);
    let mut devices = Table::new(&[
        ("DEVICE", Lean::Left),
        ("STATE", Lean::Left),
        ("SINCE", Lean::Left),
        ("DETAIL", Lean::Left),
    ]);
    for d in view.each("devices.devices") {
        devices.row([
            d.text("id"),
            d.text("state"),
            d.number("since_at").map(ago).unwrap_or_default(),
            d.text("detail"),
        ]);
    }
    if !devices.is_empty() {
        text += &format!("\n{}", devices.render());
    }
    text + "\n" + &alert::list(view.at("alerts").0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_sign_is_enough_to_be_unhealthy() {
        let well = json!({
            "store": {"accepting": {"ok": true}},
            "devices": {"devices": [{"state": "up"}]},
            "alerts": {"alerts": [
                {"severity": "warning"},
                {"severity": "error", "cleared_at": 5}
            ]},
        });
        assert!(healthy(View(&well)));
        for (pointer, value) in [
            ("/store/accepting/ok", json!(false)),
            ("/devices/devices/0/state", json!("down")),
            ("/alerts/alerts/0/severity", json!("error")),
        ] {
            let mut ill = well.clone();
            *ill.pointer_mut(pointer).unwrap() = value;
            assert!(!healthy(View(&ill)), "{pointer}");
        }
    }
}
