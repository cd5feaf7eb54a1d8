//! `galley webhook`: other systems that are told of events.

use super::{
    ask,
    client::Door,
    exit::{Exit, help},
    logs,
    output::{Lean, Table, View, ago, clean, print, print_json, time},
    user::segment,
    when,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Other systems that are told of events.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley webhook list",
    "galley webhook create --name erp --url https://erp.example/galley \\",
    "    --event 'order.*' --event stock.moved",
    "galley webhook ping erp",
    "galley webhook redeliver erp --from 1200    that event and all behind it",
    "galley webhook redeliver erp --seq 1200     that event alone",
    "galley webhook rotate erp                   another secret",
    "galley webhook resume erp                   after it was suspended",
))]
pub struct WebhookArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Subscriptions, and how their deliveries go
    List,
    /// The events that can be asked for
    Events,
    /// Subscribes another system, and shows the secret this once
    Create {
        /// Its name
        #[arg(long)]
        name: String,
        /// Where deliveries go
        #[arg(long)]
        url: String,
        /// Which events: order.placed, order.*, * (several times for several)
        #[arg(long = "event", required = true, value_name = "KIND")]
        events: Vec<String>,
        /// Ask for the secret (or read it from standard input) instead of making one up
        #[arg(long)]
        own_secret: bool,
    },
    /// Sends a test now, and tells what came of it
    Ping {
        /// Which
        name: String,
    },
    /// Delivers again, with the same ids
    Redeliver {
        /// Which
        name: String,
        #[command(flatten)]
        again: Again,
    },
    /// Another secret; the former signs beside it for a while
    Rotate {
        /// Which
        name: String,
        /// How long the former secret signs too: 24h, 0s
        #[arg(long, default_value = "24h", value_name = "TIME")]
        grace: String,
    },
    /// Stops deliveries; they wait
    Pause {
        /// Which
        name: String,
    },
    /// Goes on where deliveries stopped
    Resume {
        /// Which
        name: String,
    },
    /// Ends a subscription
    Remove {
        /// Which
        name: String,
    },
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Again {
    /// This event alone, now
    #[arg(long, value_name = "SEQ")]
    seq: Option<u64>,
    /// This event and all behind it, in order
    #[arg(long, value_name = "SEQ")]
    from: Option<u64>,
    /// All from this moment on: 2h, 2027-01-31
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: WebhookArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    let at = |name: &str, act: &str| format!("/webhooks/{}/{act}", segment(name));
    let mut exit = Exit::Done;
    let (answer, said) = match args.act {
        Act::List => {
            let answer = client.get("/webhooks").await?;
            let text = list(&answer);
            (answer, text)
        }
        Act::Events => {
            let answer = client.get("/webhooks").await?;
            let kinds = View(&answer).each("kinds");
            let text = kinds
                .filter_map(|k| Some(format!("{}\n", k.0.as_str()?)))
                .collect();
            (answer, text)
        }
        Act::Create {
            name,
            url,
            events,
            own_secret,
        } => {
            let mut body = json!({"name": name, "url": url, "kinds": events});
            if own_secret {
                body["secret"] = ask::secret(&format!("secret for {name}"))?.into();
            }
            let answer = client.post("/webhooks", &body).await?;
            let said = format!(
                "{} is told from now on. Its deliveries are signed with this secret, shown this once:\n{}\n",
                clean(&name),
                View(&answer).text("secret")
            );
            (answer, said)
        }
        Act::Ping { name } => {
            let answer = client.post(&at(&name, "ping"), &json!({})).await?;
            let (text, arrived) = arrived(View(&answer));
            if !arrived {
                exit = Exit::Unhealthy;
            }
            (answer, text)
        }
        Act::Redeliver { name, again } => {
            let mut body = json!({});
            if let Some(seq) = again.seq {
                body["seq"] = seq.into();
            }
            if let Some(from) = again.from {
                body["from"] = from.into();
            }
            if let Some(since) = again.since {
                body["since"] = logs::moment(&since, &when::now(&client, &since).await?)?.into();
            }
            let answer = client.post(&at(&name, "redeliver"), &body).await?;
            let view = View(&answer);
            let text = match view.number("cursor") {
                Some(cursor) => format!("what is behind event {cursor} is delivered again\n"),
                None => {
                    let (text, arrived) = arrived(view.at("delivered"));
                    if !arrived {
                        exit = Exit::Unhealthy;
                    }
                    text
                }
            };
            (answer, text)
        }
        Act::Rotate { name, grace } => {
            let body = json!({"grace_s": when::span(&grace)?.as_secs()});
            let answer = client.post(&at(&name, "rotate"), &body).await?;
            when::told(&client).await;
            let view = View(&answer);
            let former = match view.number("former_until") {
                Some(at) => format!("the former signs too until {}", time(at)),
                None => "the former signs no more".to_owned(),
            };
            let said = format!(
                "{} has another secret, and {former}; it is shown this once:\n{}\n",
                clean(&name),
                view.text("secret")
            );
            (answer, said)
        }
        Act::Pause { name } => (
            client.post(&at(&name, "pause"), &json!({})).await?,
            format!(
                "{} is told nothing for now; deliveries wait\n",
                clean(&name)
            ),
        ),
        Act::Resume { name } => (
            client.post(&at(&name, "resume"), &json!({})).await?,
            format!("{} is told again, from where it stopped\n", clean(&name)),
        ),
        Act::Remove { name } => {
            args.door.confirm(&format!(
                "{} is told nothing any more, and its secrets are forgotten.",
                clean(&name)
            ))?;
            let answer = client.post(&at(&name, "remove"), &json!({})).await?;
            (
                answer,
                format!("{} is told nothing any more\n", clean(&name)),
            )
        }
    };
    if args.door.json {
        print_json(&answer)?;
    } else {
        print(&said)?;
    }
    Ok(exit.into())
}

/// What came of one delivery, in words, and whether it arrived.
fn arrived(view: View<'_>) -> (String, bool) {
    let status = view.number("status").unwrap_or_default();
    match view.yes("arrived") {
        true => (format!("it arrived: {status}\n"), true),
        false => (
            format!("it did not arrive: {}\n", view.text("error")),
            false,
        ),
    }
}

fn list(answer: &Value) -> String {
    let mut table = Table::new(&[
        ("NAME", Lean::Left),
        ("STATE", Lean::Left),
        ("BEHIND", Lean::Right),
        ("LAST", Lean::Left),
        ("EVENTS", Lean::Left),
        ("TO", Lean::Left),
    ]);
    let mut troubles = String::new();
    for w in View(answer).each("webhooks") {
        let kinds: Vec<&str> = w.each("kinds").filter_map(|k| k.0.as_str()).collect();
        let behind = w.number("head").unwrap_or_default() - w.number("cursor").unwrap_or_default();
        table.row([
            w.text("name"),
            w.text("state"),
            behind.to_string(),
            w.number("delivered_at")
                .map_or_else(|| "never".to_owned(), ago),
            kinds.join(" "),
            w.text("url"),
        ]);
        if let Some(since) = w.number("failing_since") {
            troubles += &format!(
                "{} fails since {} ({} tries): {}\n",
                w.text("name"),
                ago(since),
                w.text("attempts"),
                w.text("last_error")
            );
        }
    }
    if table.is_empty() {
        return "nobody is told of events: galley webhook create -h\n".to_owned();
    }
    table.render() + &troubles
}
