//! `galley watch`: the store, live. On a terminal a page that is drawn anew; without one, a page whenever it changes.

mod screen;

use super::{
    client::{CallError, Client, Door, query},
    exit::{Exit, help},
    output::{Lean, Paint, Table, View, paint, print, print_json_line, time},
    status,
};
use clap::Args;
use screen::{Key, Screen};
use serde_json::Value;
use std::{
    io::{self, IsTerminal as _},
    process::ExitCode,
    time::Duration,
};
use tokio::signal::unix::{SignalKind, signal};

/// Events on the page.
const EVENTS: usize = 8;
/// Orders that are looked through for those under way.
const ORDERS: u32 = 30;
/// States in which nothing more happens to an order.
const OVER: &[&str] = &["closed", "cancelled", "expired", "refunded"];

/// The store, live.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley watch                 q or Ctrl-C ends it",
    "galley watch --every 5       over a slow line",
    "galley watch --json          a line whenever something changes, for programs"
))]
pub struct WatchArgs {
    #[command(flatten)]
    pub(super) door: Door,
    /// Look again every so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1,
        value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
}

/// Runs it until it is told to stop.
///
/// # Errors
/// When the daemon refuses at once, or can't be asked.
pub async fn execute(args: WatchArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    // One that can't be asked at all is an error and no page.
    let mut last = look(&client).await?;
    let every = Duration::from_secs(args.every);
    let (mut term, mut int) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    if args.door.json || !io::stdout().is_terminal() {
        let mut told = String::new();
        loop {
            let now = match (&last, args.door.json) {
                (Seen::Store(whole), true) => steady(whole).to_string(),
                (seen, _) => page(seen, usize::MAX),
            };
            if now != told {
                match (&last, args.door.json) {
                    (Seen::Store(whole), true) => print_json_line(whole)?,
                    (_, true) => {}
                    (_, false) => print(&format!("{now}\n"))?,
                }
                told = now;
            }
            tokio::select! {
                biased;
                _ = term.recv() => return Ok(Exit::Done.into()),
                _ = int.recv() => return Ok(Exit::Done.into()),
                () = tokio::time::sleep(every) => {}
            }
            last = again(&client).await;
        }
    }
    let screen = Screen::open()?;
    loop {
        screen.draw(&page(&last, screen.rows()))?;
        tokio::select! {
            biased;
            _ = term.recv() => break,
            _ = int.recv() => break,
            key = screen.key() => match key? {
                Key::Quit => break,
                Key::Other => {}
            },
            () = tokio::time::sleep(every) => {}
        }
        last = again(&client).await;
    }
    drop(screen);
    Ok(Exit::Done.into())
}

/// What was seen at the last look.
enum Seen {
    Store(Value),
    /// The daemon is away; the page says so and goes on looking.
    Away(String),
}

async fn look(client: &Client) -> Result<Seen, CallError> {
    let mut whole = status::gather(client).await?;
    let orders = client
        .get(&format!(
            "/orders{}",
            query(&[("limit", Some(ORDERS.to_string()))])
        ))
        .await?;
    whole["orders"] = orders["orders"].clone();
    let log = query(&[("limit", Some(EVENTS.to_string()))]);
    whole["events"] = match client.get(&format!("/log{log}")).await {
        Ok(answer) => answer["events"].clone(),
        Err(CallError::Refused(p)) if p.status == 404 => Value::Null,
        Err(error) => return Err(error),
    };
    Ok(Seen::Store(whole))
}

async fn again(client: &Client) -> Seen {
    match look(client).await {
        Ok(seen) => seen,
        Err(error) => Seen::Away(error.to_string()),
    }
}

/// Without what changes by itself: the time, and how long ago things were.
fn steady(whole: &Value) -> Value {
    let mut steady = whole.clone();
    if let Some(fields) = steady.as_object_mut() {
        fields.remove("rows");
        fields.remove("box");
        fields.remove("sync");
    }
    steady
}

/// The page, in at most so many lines.
fn page(seen: &Seen, rows: usize) -> String {
    let whole = match seen {
        Seen::Store(whole) => whole,
        Seen::Away(why) => {
            return format!("{}\n{why}\n", paint(Paint::Red, "✗ THE DAEMON IS AWAY"));
        }
    };
    let mut text = status::page(whole);
    let view = View(whole);
    let mut orders = Table::new(&[
        ("ORDER", Lean::Left),
        ("STATE", Lean::Left),
        ("TOTAL", Lean::Right),
        ("DISHES", Lean::Left),
    ]);
    let under_way = view
        .each("orders")
        .filter(|o| !OVER.contains(&o.text("state").as_str()));
    for o in under_way.take(10) {
        let dishes: Vec<String> = o
            .each("lines")
            .map(|l| format!("{}× {}", l.text("quantity"), l.word("name")))
            .collect();
        orders.row([
            o.text("number"),
            o.text("state"),
            o.money("total_minor"),
            dishes.join(", "),
        ]);
    }
    if !orders.is_empty() {
        text += &format!("\n{}", orders.render());
    }
    let mut events = Table::new(&[
        ("AT", Lean::Left),
        ("WHAT", Lean::Left),
        ("WHO", Lean::Left),
    ]);
    for e in view.each("events") {
        let at = e.number("at").map(time).unwrap_or_default();
        let at = at.split_once(' ').map_or(at.clone(), |(_, t)| t.to_owned());
        events.row([at, e.text("kind"), e.text("actor")]);
    }
    if !events.is_empty() {
        text += &format!("\n{}", events.render());
    }
    text.lines()
        .take(rows)
        .map(|line| format!("{line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_page_keeps_within_the_screen_and_shows_orders_under_way_only() {
        let whole = json!({
            "store": {"store_id": "S001"},
            "orders": [
                {"number": "A17", "state": "cooking", "total_minor": 100, "lines": [{"quantity": 1, "name": {"en": "Soup"}}]},
                {"number": "A16", "state": "closed", "total_minor": 100, "lines": []},
            ],
            "events": [{"at": 0, "kind": "order.paid", "actor": "system"}],
        });
        let text = page(&Seen::Store(whole.clone()), usize::MAX);
        assert!(text.contains("A17") && !text.contains("A16"), "{text}");
        assert!(text.contains("order.paid"), "{text}");
        assert_eq!(page(&Seen::Store(whole), 5).lines().count(), 5);
        assert!(page(&Seen::Away("no daemon".into()), 5).contains("no daemon"));
    }
}
