//! `galley fiscal`: the printer, its fiscal drive, and what the law wants of them.

mod correct;
mod wire;

use super::{
    client::{CallError, Client, Door},
    complete,
    exit::{Exit, Misuse, help},
    order::find,
    output::{Lean, Table as Columns, View, facts, facts_of, money, print, print_json, wrap},
    when,
};
use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;
use serde_json::{Value, json};
use std::process::ExitCode;

/// The fiscal printer.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley fiscal status         paper, shift, drive, documents for the OFD",
    "galley fiscal law            what the law wants and is not so; ends with 3",
    "galley fiscal last           the last document in the fiscal drive",
    "galley fiscal document 4711  any of them, by its number",
    "galley fiscal clock set      the printer's clock; the shift must be closed",
    "galley fiscal slip pre-bill A17",
    "galley fiscal correct order A17 --who 'Anna Petrova' \\",
    "    --why 'printer was broken' --served",
    "galley fiscal status --json | jq .unsent_documents",
    "galley fiscal VERB -h        more about each, with examples"
))]
pub struct FiscalArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// How the printer and its drive do
    Status,
    /// What the law on tills wants and is not so: shift, OFD, drive, clock, receipts
    #[command(
        after_help = "Ends with 3 when something is found. Limits stand under [fiscal] in the configuration;\n\
        each names its source in docs/fiscal.md.\n\nExamples:\n  galley fiscal law\n  galley fiscal law --json | jq .blocked"
    )]
    Law,
    /// The last fiscal document
    Last,
    /// A document of the fiscal drive, by its number
    #[command(
        after_help = "Examples:\n  galley fiscal document 4711\n  galley fiscal document 4711 --json | jq .fiscal_sign"
    )]
    Document {
        /// Fiscal document number (FD)
        number: u32,
    },
    /// Who the printer is, and what it can do: FFD, rates of VAT, cutter, drawer
    Info,
    /// How the printer is registered with the tax office: INN, number, tax systems, OFD
    Registration,
    /// The fiscal drive: last day, memory, registrations left
    Drive,
    /// Documents that wait for the OFD, and since when
    Ofd,
    /// What the printer has summed up in the shift
    Totals,
    /// The printer's clock: look at it, or set it
    Clock {
        #[command(subcommand)]
        act: Option<Clock>,
    },
    /// Print a copy of the last document; paper only
    Copy,
    /// Go on printing after paper was put in (it also happens by itself)
    Continue,
    /// Cut the paper, where the printer has a knife
    Cut,
    /// Open the cash drawer; who did it goes into the log
    Drawer,
    /// Print paper that is no fiscal document
    Slip {
        #[command(subcommand)]
        what: Slip,
    },
    /// The printer's own tables, as its manual numbers them
    Table {
        #[command(subcommand)]
        act: Table,
    },
    /// Make good a sale that went without a receipt, or a receipt that is wrong
    Correct(Box<correct::CorrectArgs>),
    /// What goes over the printer's wire, byte by byte
    #[command(
        after_help = "Without FILE it is printer.wire beside the socket, if there is one (as in galley demo), or else\n/var/lib/galley/printer.wire. The log is kept while wire_log stands under [printer]. It names buyers' phones: keep it for a while only.\n\nExamples:\n  galley fiscal wire -f\n  galley fiscal wire /tmp/printer.wire --json"
    )]
    Wire(wire::WireArgs),
}

#[derive(Debug, Subcommand)]
enum Clock {
    /// The printer's clock beside the box's
    Show,
    /// Set it; printers take a time with a closed shift only
    #[command(
        after_help = "Check the box's own clock first: timedatectl.\n\nExamples:\n  galley shift close\n  galley fiscal clock set                          the box's time\n  galley fiscal clock set 2026-11-22T14:00:00      another one"
    )]
    Set {
        /// Local time, such as 2026-11-22T14:00:00; the box's own when none
        time: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum Slip {
    /// What an order costs, with a QR code to pay it by, or to find it by
    PreBill {
        /// Number, such as A17, or id
        #[arg(add = ArgValueCompleter::new(complete::orders))]
        order: String,
    },
    /// What is still to be cooked of an order, for people: the robot is down
    Kitchen {
        /// Number, such as A17, or id
        #[arg(add = ArgValueCompleter::new(complete::orders))]
        order: String,
    },
    /// Lines of text
    Text {
        /// A line each
        #[arg(required = true)]
        lines: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
enum Table {
    /// Read a field
    #[command(after_help = "Examples:\n  galley fiscal table get 2 1 3")]
    Get {
        /// Table
        table: u8,
        /// Row
        row: u16,
        /// Field
        field: u8,
    },
    /// Write a field. A wrong value can make a till unusable: read the manual first
    #[command(
        after_help = "What stood there before goes into the log.\n\nExamples:\n  galley fiscal table set 2 1 3 --hex 01"
    )]
    Set {
        /// Table
        table: u8,
        /// Row
        row: u16,
        /// Field
        field: u8,
        /// Its bytes in hexadecimal digits
        #[arg(long)]
        hex: String,
    },
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: FiscalArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    let json = args.door.json;
    let answer = match args.act {
        // A file: the daemon need not run.
        Act::Wire(wire) => return wire::execute(wire, &args.door.socket, json).await,
        Act::Law => return law(&client, json).await,
        Act::Correct(correction) => {
            return correct::execute(&client, &args.door, *correction).await;
        }
        Act::Status => client.get("/fiscal/status").await?,
        Act::Last => client.get("/fiscal/last").await?,
        Act::Document { number } => printer(&client, &format!("documents/{number}")).await?,
        Act::Info => printer(&client, "info").await?,
        Act::Registration => printer(&client, "registration").await?,
        Act::Drive => printer(&client, "drive").await?,
        Act::Ofd => printer(&client, "ofd").await?,
        Act::Totals => {
            let answer = printer(&client, "totals").await?;
            if json {
                print_json(&answer)?;
            } else {
                print(&totals(View(&answer)))?;
            }
            return Ok(Exit::Done.into());
        }
        Act::Clock { act } => match act.unwrap_or(Clock::Show) {
            Clock::Show => printer(&client, "clock").await?,
            Clock::Set { time } => {
                let to = time.as_deref().unwrap_or("the box's own time");
                args.door.confirm(&format!(
                    "The printer's clock is set to {to}; documents carry it from then on."
                ))?;
                have(&client, "clock", &json!({ "time": time })).await?
            }
        },
        Act::Copy => have(&client, "copy-last", &json!({})).await?,
        Act::Continue => have(&client, "continue-print", &json!({})).await?,
        Act::Cut => have(&client, "cut", &json!({})).await?,
        Act::Drawer => have(&client, "drawer", &json!({})).await?,
        Act::Slip { what } => {
            let body = match what {
                Slip::PreBill { order } => {
                    json!({"kind": "pre_bill", "order_id": find(&client, &order).await?})
                }
                Slip::Kitchen { order } => {
                    json!({"kind": "kitchen", "order_id": find(&client, &order).await?})
                }
                Slip::Text { lines } => json!({"kind": "text", "lines": lines}),
            };
            have(&client, "slips", &body).await?
        }
        Act::Table { act } => match act {
            Table::Get { table, row, field } => {
                printer(&client, &format!("tables/{table}/{row}/{field}")).await?
            }
            Table::Set {
                table,
                row,
                field,
                hex,
            } => {
                if !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(Misuse(format!("--hex {hex}: write it like 0a1f")).into());
                }
                args.door.confirm(&format!(
                    "Field {field} of row {row} of the printer's table {table} becomes {hex}. A wrong value can make the till unusable."
                ))?;
                let path = format!("tables/{table}/{row}/{field}");
                have(&client, &path, &json!({ "hex": hex })).await?
            }
        },
    };
    if json {
        print_json(&answer)?;
    } else if answer.is_null() {
        return Err(CallError::NoSuch("document in the fiscal drive".into()).into());
    } else {
        when::told(&client).await;
        print(&facts_of(&answer))?;
    }
    Ok(Exit::Done.into())
}

async fn printer(client: &Client, what: &str) -> Result<Value, CallError> {
    client.get(&format!("/devices/printer/{what}")).await
}

async fn have(client: &Client, act: &str, body: &Value) -> Result<Value, CallError> {
    client.post(&format!("/devices/printer/{act}"), body).await
}

async fn law(client: &Client, json: bool) -> anyhow::Result<ExitCode> {
    let answer = printer(client, "law").await?;
    let view = View(&answer);
    if json {
        print_json(&answer)?;
    } else {
        when::told(client).await;
        print(&judged(view))?;
    }
    let fine = view.each("findings").next().is_none();
    Ok(if fine { Exit::Done } else { Exit::Unhealthy }.into())
}

/// What the printer has summed up in its shift.
fn totals(view: View<'_>) -> String {
    let mut table = Columns::new(&[
        ("KIND", Lean::Left),
        ("COUNT", Lean::Right),
        ("SUM", Lean::Right),
        ("PAID BY", Lean::Left),
    ]);
    for kind in view.each("receipts") {
        let tenders = kind.each("tenders").filter_map(|pair| {
            let (form, sum) = (pair.0[0].as_str()?, pair.0[1].as_i64()?);
            Some(format!("{form} {}", money(sum)))
        });
        table.row([
            kind.text("kind"),
            kind.text("count"),
            kind.money("sum_minor"),
            tenders.collect::<Vec<_>>().join(", "),
        ]);
    }
    let drawer = |count: &str, sum: &str| {
        let (sum, count) = (format!("cash.{sum}"), format!("cash.{count}"));
        format!("{}, {} times", view.money(&sum), view.text(&count))
    };
    let pair = |name: &str, value: String| (name.to_owned(), value);
    let drawer = facts(&[
        pair("shift", view.text("shift_number")),
        pair("put in", drawer("ins", "in_minor")),
        pair("taken out", drawer("outs", "out_minor")),
        pair("in the drawer", view.money("cash.drawer_minor")),
    ]);
    if table.is_empty() {
        return format!("no receipts in this shift\n\n{drawer}");
    }
    format!("{}\n{drawer}", table.render_whole())
}

fn judged(view: View<'_>) -> String {
    let mut text = String::new();
    for finding in view.each("findings") {
        let blocks = if finding.yes("blocks_sales") {
            "  NOTHING IS SOLD"
        } else {
            ""
        };
        text += &format!(
            "{}  {}{blocks}\n",
            finding.text("severity").to_uppercase(),
            finding.text("code"),
        );
        text += &wrap(&finding.text("what"), 2);
        text += &wrap(&format!("→ {}", finding.text("advice")), 2);
    }
    if text.is_empty() {
        "all is as the law wants it\n".clone_into(&mut text);
    }
    let pair = |name: &str, value: String| (name.to_owned(), value);
    text.push('\n');
    text + &facts(&[
        pair("drive", view.text("facts.drive.number")),
        pair("drive ends", view.time("facts.drive.valid_until")),
        pair("waiting for the OFD", view.text("facts.drive.unsent")),
        pair("since", view.time("facts.drive.oldest_unsent_at")),
        pair(
            "clock ahead",
            format!("{} s", view.text("facts.clock_ahead_s")),
        ),
        pair("automatic device", view.text("facts.automatic")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printers_sums_are_told_as_money() {
        let answer = json!({"shift_number": 7, "with_corrections": false,
            "receipts": [{"kind": "sale", "count": 3, "sum_minor": 218_955,
                          "tenders": [["cash", 8_955], ["electronic", 210_000]]}],
            "cash": {"ins": 1, "in_minor": 1_000_000, "outs": 0, "out_minor": 0, "drawer_minor": 1_008_955}});
        let text = totals(View(&answer));
        for money in [
            "2189.55",
            "cash 89.55",
            "electronic 2100.00",
            "10000.00, 1 times",
            "10089.55",
        ] {
            assert!(text.contains(money), "{money}: {text}");
        }
        let raw = |digits: &str| text.split_whitespace().any(|word| word == digits);
        assert!(!raw("210000") && !raw("8955"), "{text}");
        let none = totals(View(&json!({"receipts": [], "cash": {}})));
        assert!(none.starts_with("no receipts in this shift"), "{none}");
    }

    #[test]
    fn what_blocks_sales_is_said_in_words_and_with_what_to_do() {
        let answer = json!({"findings": [{
            "code": "ofd", "severity": "error", "blocks_sales": true,
            "what": "Documents have been waiting for the OFD for 31 days.", "advice": "Check the network.",
        }], "facts": {}});
        let text = judged(View(&answer));
        assert!(text.contains("ERROR  ofd  NOTHING IS SOLD"), "{text}");
        assert!(text.contains("→ Check the network."), "{text}");
        assert!(judged(View(&json!({"findings": []}))).starts_with("all is as the law wants it"));
    }
}
