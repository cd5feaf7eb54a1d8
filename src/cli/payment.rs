//! `galley payment`: money that comes in.

use super::{
    client::{Client, Door, query, segment},
    complete,
    exit::{Exit, help},
    order::{ANY_PAYMENT, PAYMENTS, called_off, part},
    output::{Lean, Table, View, facts_of, print, print_json},
    when,
};
use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Payments.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley payment list              of the newest orders",
    "galley payment list --waiting    those whose money is still to come",
    "galley payment show A17          one that waits, else the paid one",
    "galley payment confirm A17       the cashier has the money in hand",
    "galley payment cancel A17        give it up; the order stays"
))]
pub struct PaymentArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Payments of the newest orders
    List {
        /// Only those whose money is still to come
        #[arg(long)]
        waiting: bool,
        /// How many orders are looked through
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// One payment
    Show {
        /// Number of its order, such as A17, or its id
        #[arg(add = ArgValueCompleter::new(complete::orders))]
        payment: String,
    },
    /// Say that the money is there: cash in hand, or a card at the terminal
    Confirm {
        /// Number of its order, such as A17, or its id
        #[arg(add = ArgValueCompleter::new(complete::orders))]
        payment: String,
    },
    /// Give up one that waits for its money; the order stays and can be paid otherwise
    Cancel {
        /// Number of its order, such as A17, or its id
        #[arg(add = ArgValueCompleter::new(complete::orders))]
        payment: String,
    },
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: PaymentArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    let (answer, text) = match &args.act {
        Act::List { waiting, limit } => {
            let answer = list(&client, *waiting, *limit).await?;
            let text = table(&answer);
            (answer, text)
        }
        Act::Show { payment } => {
            let id = part(&client, payment, &ANY_PAYMENT).await?;
            let answer = client.get(&format!("/payments/{}", segment(&id))).await?;
            when::told(&client).await;
            let text = facts_of(&answer);
            (answer, text)
        }
        Act::Confirm { payment } => {
            let id = part(&client, payment, &PAYMENTS).await?;
            let path = format!("/payments/{}", segment(&id));
            if !args.door.yes {
                let now = client.get(&path).await?;
                let view = View(&now);
                args.door.confirm(&format!(
                    "{} by {} counts as received. A receipt is printed, and the dishes are cooked.",
                    view.money("amount_minor"),
                    view.text("tender")
                ))?;
            }
            let answer = client.post(&format!("{path}/confirm"), &json!({})).await?;
            let text = called_off(View(&answer));
            (answer, text)
        }
        Act::Cancel { payment } => {
            let id = part(&client, payment, &PAYMENTS).await?;
            args.door.confirm("The payment is given up. Should its money come all the same, it goes back or counts, as it can.")?;
            let path = format!("/payments/{}/cancel", segment(&id));
            let answer = client.post(&path, &json!({})).await?;
            let text = called_off(View(&answer));
            (answer, text)
        }
    };
    if args.door.json {
        print_json(&answer)?;
    } else {
        print(&text)?;
    }
    Ok(Exit::Done.into())
}

async fn list(client: &Client, waiting: bool, limit: u32) -> anyhow::Result<Value> {
    let query = query(&[("limit", Some(limit.to_string()))]);
    let orders = client.get(&format!("/orders{query}")).await?;
    let mut payments = Vec::new();
    for order in View(&orders).each("orders") {
        for payment in order.each("payments") {
            if waiting && !PAYMENTS.states.contains(&payment.text("state").as_str()) {
                continue;
            }
            let mut payment = payment.0.clone();
            payment["order_number"] = order.text("number").into();
            payment["order_id"] = order.text("id").into();
            payments.push(payment);
        }
    }
    Ok(json!({ "payments": payments }))
}

fn table(answer: &Value) -> String {
    let mut table = Table::new(&[
        ("ORDER", Lean::Left),
        ("TENDER", Lean::Left),
        ("STATE", Lean::Left),
        ("AMOUNT", Lean::Right),
        ("REFUNDED", Lean::Right),
        ("ID", Lean::Left),
    ]);
    for p in View(answer).each("payments") {
        table.row([
            p.text("order_number"),
            p.text("tender"),
            p.text("state"),
            p.money("amount_minor"),
            p.money("refunded_minor"),
            p.text("id"),
        ]);
    }
    if table.is_empty() {
        return "no payments\n".to_owned();
    }
    table.render_whole()
}
