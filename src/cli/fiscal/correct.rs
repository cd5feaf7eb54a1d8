//! `galley fiscal correct`: a correction receipt for a sale that went without one.

use crate::cli::{
    client::{Client, Door},
    complete,
    exit::Exit,
    order::{find, minor},
    output::{View, money, print, print_json},
};
use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;
use serde_json::json;
use std::process::ExitCode;

/// Make good a sale that went without a receipt.
#[derive(Args, Debug)]
#[command(
    after_help = "A correction has the date of the settlement and the rates of VAT of that day. Who and why go into the log\n\
    and stay there. An order gets one correction at most, and only while its own receipt can't come any more.\n\
    galley reconcile names the orders that need one.\n\n\
    Examples:\n\
    \x20 galley fiscal correct order A17 --who 'Anna Petrova' \\\n\
    \x20     --why 'printer was broken' --served\n\
    \x20 galley fiscal correct sale --sum 450 --tender cash --vat none \\\n\
    \x20     --date 2026-11-21 --name 'Plov' --who 'Anna Petrova' \\\n\
    \x20     --why 'sold by hand in a power cut'"
)]
pub(super) struct CorrectArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// An order that was paid and has no receipt
    Order {
        /// Number, such as A17, or id
        #[arg(add = ArgValueCompleter::new(complete::orders))]
        order: String,
        #[command(flatten)]
        by: By,
        /// Day of the settlement, YYYY-MM-DD; the order's own when none
        #[arg(long)]
        date: Option<String>,
        /// The guest has the dishes; without it, those that wait are cooked now
        #[arg(long)]
        served: bool,
    },
    /// A sale that Galley knows no order of
    Sale {
        /// Sum, such as 450.50
        #[arg(long)]
        sum: String,
        /// How it was paid: cash, card_terminal or sbp_qr
        #[arg(long)]
        tender: String,
        /// Class of VAT, as in the catalog, such as none or standard
        #[arg(long)]
        vat: String,
        /// Day of the settlement, YYYY-MM-DD
        #[arg(long)]
        date: String,
        /// What was sold, in words
        #[arg(long)]
        name: String,
        /// It was a service, no goods
        #[arg(long)]
        service: bool,
        #[command(flatten)]
        by: By,
    },
}

/// Who answers for it.
#[derive(Args, Debug)]
struct By {
    /// Who decides it
    #[arg(long)]
    who: String,
    /// Why the sale went without a receipt
    #[arg(long)]
    why: String,
}

pub(super) async fn execute(
    client: &Client,
    door: &Door,
    args: CorrectArgs,
) -> anyhow::Result<ExitCode> {
    let (path, body) = match args.what {
        What::Order {
            order,
            by,
            date,
            served,
        } => (
            format!("/orders/{}/correction", find(client, &order).await?),
            json!({"who": by.who, "why": by.why, "date": date, "served": served}),
        ),
        What::Sale {
            sum,
            tender,
            vat,
            date,
            name,
            service,
            by,
        } => (
            "/shift/correction".to_owned(),
            json!({
                "sum_minor": minor("--sum", &sum)?, "tender": tender, "vat": vat, "date": date, "name": name,
                "subject": if service { "service" } else { "commodity" }, "who": by.who, "why": by.why,
            }),
        ),
    };
    let sum = match body["sum_minor"].as_i64() {
        Some(sum) => format!("over {}", money(sum)),
        None => "over what was paid and has no receipt".to_owned(),
    };
    door.confirm(&format!(
        "The printer registers a correction {sum}. It goes to the tax office and can't be taken back."
    ))?;
    let answer = client.post(&path, &body).await?;
    if door.json {
        print_json(&answer)?;
    } else {
        print(&format!(
            "the printer registers a correction over {}; see: galley fiscal last\n",
            View(&answer).money("total_minor")
        ))?;
    }
    Ok(Exit::Done.into())
}
