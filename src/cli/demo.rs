//! `galley demo`: the store with every outside system emulated, in one process.

use super::{
    exit::{Exit, help},
    output::{print, print_json, print_json_line},
    progress::Progress,
};
use crate::demo::{Addresses, Books, Demo};
use clap::Args;
use std::{path::PathBuf, process::ExitCode};

/// Try it: a whole store, with bank, printer, robot, 1C and SMS emulated.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley demo                              prints the address to open in a browser",
    "galley demo --speed 60                   a minute of cooking takes a second",
    "galley demo --orders 200 --faults 7 --speed 600",
    "                                         200 orders among faults, then the books",
    "galley demo --data ./demo                what happened is still there next time",
    "galley demo --manual-robot               cook yourself: galley robot job ready ID"
))]
pub struct DemoArgs {
    /// Keep the data in this folder; without it, it is gone at the end
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The kitchen works so many times faster
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub speed: u32,
    /// Place that many orders by itself, wait until all is settled, print the books and end
    #[arg(long, value_name = "N")]
    pub orders: Option<u32>,
    /// Let things go wrong meanwhile; the same seed, the same faults
    #[arg(long, value_name = "SEED", requires = "orders")]
    pub faults: Option<u64>,
    /// Print the addresses, and at the end the books, as JSON
    #[arg(long)]
    pub json: bool,
    /// Send to headquarters over this MQTT broker, such as mqtt://127.0.0.1:1883, instead of over HTTP
    #[arg(long, value_name = "URL")]
    pub broker: Option<String>,
    /// Port of the store's pages on loopback; 0 takes a free one
    #[arg(long, value_name = "P", default_value_t = 8080)]
    pub port: u16,
    /// No robot: a person tells what became of each dish
    #[arg(long)]
    pub manual_robot: bool,
}

/// Runs it until it is told to stop, or the orders are settled.
///
/// # Errors
/// When it can't start.
pub async fn execute(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let running = Demo {
        data: args.data,
        speed: args.speed,
        port: if args.orders.is_some() { 0 } else { args.port },
        broker: args.broker,
        manual_robot: args.manual_robot,
        staff: true,
    }
    .start()
    .await?;
    let a = &running.addresses;
    if let Some(orders) = args.orders {
        let mut progress = Progress::of("orders");
        let books = running
            .live_a_day(orders, args.faults, |done| {
                progress.at(done as u64, Some(orders.into()));
            })
            .await?;
        drop(progress);
        if args.json {
            print_json(&serde_json::to_value(&books)?)?;
        } else {
            print(&day(&books))?;
        }
        let exact = books.exact();
        running.stop().await;
        return Ok(if exact {
            ExitCode::SUCCESS
        } else {
            Exit::Unhealthy.into()
        });
    }
    if args.json {
        print_json_line(&serde_json::json!({ "links": a }))?;
    } else {
        print(&welcome(a))?;
    }
    super::run::stopped().await?;
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

fn welcome(a: &Addresses) -> String {
    format!(
        "Galley, a robotic restaurant on this machine. Everything outside is emulated.\n\n  \
         order here     {}\n  \
         the board      {}\n  \
         staff          {}\n  \
         \u{20}              PIN 2846 cashier, 7391 manager\n  \
         shift report   {}\n  \
         break things   {}\n  \
         headquarters   {}\n\n  \
         command line   GALLEY_SOCKET={} galley status\n  \
         data           {}\n\n\
         Stop it with Ctrl-C.\n",
        a.kiosk,
        a.board,
        a.staff,
        a.shift_report,
        a.demo,
        a.hq,
        a.socket.display(),
        a.data.display()
    )
}

fn day(books: &Books) -> String {
    let money = |minor: i64| format!("{}.{:02}", minor / 100, minor % 100);
    let verdict = if books.exact() {
        "exact: one charge, one receipt, one dish, one entry for everything".to_owned()
    } else {
        let lines: Vec<String> = books
            .differences
            .iter()
            .map(|d| format!("  DIFFERS  {d}"))
            .collect();
        lines.join("\n")
    };
    format!(
        "orders {}, gone {}, troubles {}, {:.0} s\n\
         money in {}, back {}; receipts {}, returns {}; 1C {}\n\
         dishes {}, events {}, at headquarters {}, unknown {}\n{verdict}\n",
        books.orders,
        books.gone,
        books.troubles,
        books.seconds,
        money(books.captured_minor),
        money(books.refunded_minor),
        money(books.receipted_minor),
        money(books.returned_minor),
        money(books.accounting_minor),
        books.cook_jobs_done,
        books.events,
        books.hq_events,
        books.unknown_effects,
    )
}
