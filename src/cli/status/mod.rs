//! `galley status`: the store at a glance: what is wrong first, then one row each.

mod rows;

pub(super) use rows::{DISK_LOW, DISK_OUT, size};
use rows::{Level, rows};

use super::{
    alert,
    client::{CallError, Client, Door},
    exit::{Exit, help},
    output::{
        Paint, View, WIDTH, ago, clean, paint, print, print_json, print_json_line, shorten, width,
    },
    when,
};
use clap::Args;
use serde_json::{Value, json};
use std::{process::ExitCode, time::Duration};

/// The store at a glance.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley status                ends with 3 when the store takes no orders,",
    "                             a device is away, or an error is open",
    "galley status --json | jq .store.accepting",
    "galley status --watch 5 --json | jq -c '.rows[] | select(.level==\"error\")'",
    "galley status --store https://box.example:8443 --token \"$TOKEN\""
))]
pub struct StatusArgs {
    #[command(flatten)]
    pub(super) door: Door,
    /// Look again every so many seconds; with --json a line each
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2",
        value_parser = clap::value_parser!(u64).range(1..=3600))]
    watch: Option<u64>,
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: StatusArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    loop {
        let whole = gather(&client).await?;
        match (args.door.json, args.watch) {
            (true, Some(_)) => print_json_line(&whole)?,
            (true, None) => print_json(&whole)?,
            (false, _) => print(&page(&whole))?,
        }
        let Some(seconds) = args.watch else {
            let well = healthy(View(&whole));
            return Ok(if well { Exit::Done } else { Exit::Unhealthy }.into());
        };
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        if !args.door.json {
            print(&format!("{}\n", "-".repeat(WIDTH)))?;
        }
    }
}

/// All that the daemon says of itself, and the rows of it.
pub(super) async fn gather(client: &Client) -> Result<Value, CallError> {
    let mut whole = json!({});
    for part in ["store", "shift", "devices", "sync", "alerts"] {
        whole[part] = client.get(&format!("/{part}")).await?;
    }
    when::told_by(&whole["store"]);
    whole["box"] = match client.get("/box").await {
        Ok(answer) => answer,
        // An older daemon does not know it.
        Err(CallError::Refused(p)) if p.status == 404 => Value::Null,
        Err(error) => return Err(error),
    };
    let rows: Vec<Value> = rows(View(&whole))
        .iter()
        .map(|r| json!({"row": r.name, "level": r.level.word(), "text": r.text}))
        .collect();
    whole["rows"] = rows.into();
    Ok(whole)
}

fn healthy(whole: View<'_>) -> bool {
    let open_error = |a: &View<'_>| a.is("severity", "error") && a.number("cleared_at").is_none();
    rows(whole).iter().all(|r| r.level != Level::Error)
        && down(whole).next().is_none()
        && !whole.each("alerts.alerts").any(|a| open_error(&a))
}

/// Devices that are away, whichever they are.
fn down(whole: View<'_>) -> impl Iterator<Item = View<'_>> {
    whole
        .each("devices.devices")
        .filter(|d| !d.is("state", "up"))
}

/// What can be seen at once to be wrong, besides alerts: nothing is sold, a device is away.
fn wrong(whole: View<'_>) -> String {
    let mut text = String::new();
    if !whole.yes("store.accepting.ok") {
        let why = whole.word("store.accepting.reason");
        let line = format!("NO NEW ORDERS ARE TAKEN: {}", clean(&why));
        text += &format!("{}\n", paint(Paint::Red, &shorten(&line, WIDTH)));
    }
    for d in down(whole) {
        let since = d.number("since_at").map(ago).unwrap_or_default();
        let line = format!(
            "ERROR  {} is {} ({since}): {}",
            clean(&d.text("id")),
            clean(&d.text("state")),
            clean(&d.text("detail"))
        );
        text += &format!("{}\n", shorten(&line, WIDTH));
        text += &format!("  galley logs -f --device {}\n", clean(&d.text("id")));
    }
    text
}

/// Warnings first, then the rows.
pub(super) fn page(whole: &Value) -> String {
    let view = View(whole);
    let open = view
        .each("alerts.alerts")
        .any(|a| a.number("cleared_at").is_none());
    let mut text = wrong(view);
    if open {
        text += &alert::list(view.at("alerts").0);
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let title = format!(
        "{} {}",
        view.text("store.store_id"),
        view.word("store.name")
    );
    text += &format!("{}\n", paint(Paint::Bold, &shorten(&title, WIDTH)));
    let rows = rows(view);
    let names = rows.iter().map(|r| width(r.name)).max().unwrap_or(0);
    for row in &rows {
        let room = WIDTH.saturating_sub(names + 4);
        let gap = " ".repeat(names - width(row.name));
        text += &format!(
            "{} {}{gap}  {}\n",
            row.level.mark(),
            row.name,
            shorten(&row.text, room)
        );
    }
    if !open {
        text += "\nno alerts\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Value {
        json!({
            "store": {"accepting": {"ok": true}, "uplink": "online"},
            "shift": {"state": "open"},
            "devices": {"devices": [{"id": "printer", "state": "up"}]},
            "alerts": {"alerts": [
                {"severity": "warning"},
                {"severity": "error", "cleared_at": 5}
            ]},
            "box": {"outbox": {"person": 0}, "bank": {"configured": true, "online": true},
                "disk": {"free_bytes": 9_000_000_000_u64, "total_bytes": 30_000_000_000_u64},
                "drive": {"number": "1", "broken": false}},
        })
    }

    #[test]
    fn one_bad_sign_is_enough_to_be_unhealthy() {
        assert!(healthy(View(&well())));
        for (pointer, value) in [
            ("/store/accepting/ok", json!(false)),
            ("/devices/devices/0/state", json!("down")),
            ("/alerts/alerts/0/severity", json!("error")),
            ("/box/outbox/person", json!(1)),
            ("/box/disk/free_bytes", json!(1000)),
            ("/box/drive/broken", json!(true)),
        ] {
            let mut ill = well();
            *ill.pointer_mut(pointer).unwrap() = value;
            assert!(!healthy(View(&ill)), "{pointer}");
        }
    }

    #[test]
    fn a_daemon_that_knows_less_is_no_ill_one() {
        let mut old = well();
        old["box"] = Value::Null;
        assert!(healthy(View(&old)));
        let text = page(&old);
        assert!(text.contains("outbox") && text.contains('-'), "{text}");
    }

    #[test]
    fn warnings_stand_before_everything_else() {
        let mut ill = well();
        ill["alerts"] = json!({"alerts": [{"id": "x", "severity": "error", "title": "A receipt is in doubt", "since_at": 1}]});
        let text = page(&ill);
        assert!(text.starts_with("ERROR  A receipt is in doubt"), "{text}");
        let mut alert = json!({"id": "x", "severity": "error", "title": "t", "since_at": 1, "order": "17", "effect_id": 9});
        for (state, words) in [
            (
                "refused",
                "order 17, effect 9 was refused for good (galley effect settle 9 -h)",
            ),
            ("waiting", "order 17, effect 9 is tried again by itself"),
        ] {
            alert["effect_state"] = state.into();
            ill["alerts"] = json!({"alerts": [alert]});
            assert!(page(&ill).contains(words), "{}", page(&ill));
        }
        ill["store"]["accepting"] = json!({"ok": false, "reason": {"en": "The robot is away"}});
        ill["devices"]["devices"] =
            json!([{"id": "slip_kitchen", "state": "down", "since_at": 1, "detail": "no route"}]);
        let text = page(&ill);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "NO NEW ORDERS ARE TAKEN: The robot is away");
        assert!(
            lines[1].starts_with("ERROR  slip_kitchen is down"),
            "{text}"
        );
        assert_eq!(lines[2], "  galley logs -f --device slip_kitchen");
        assert!(!healthy(View(&ill)));
        assert!(text.lines().all(|l| width(l) <= WIDTH), "{text}");
    }
}
