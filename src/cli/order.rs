//! `galley order`: look at orders, give money back.

mod codes;

use super::{
    client::{CallError, Client, Door, query, segment},
    complete,
    exit::{Exit, Misuse, Stop, help},
    output::{Lean, Table, View, facts, print, print_json, time},
    when,
};
use crate::domain::order::OrderState;
use clap::{Args, Subcommand, builder::PossibleValuesParser};
use clap_complete::ArgValueCompleter;
use serde_json::{Value, json};
use std::process::ExitCode;
use uuid::Uuid;

/// How many orders are looked through for a number.
const LOOK_BACK: u32 = 200;

/// Orders.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley order list --state cooking",
    "galley order show A17            by its number, the newest of that number",
    "galley order show A17 --json | jq .receipts",
    "galley order log A17             what happened, step by step",
    "galley order refund A17 --reason 'dish was cold'           all of it",
    "galley order refund A17 --amount 120.50 --reason 'no drink'",
    "galley order refund A17 --unit 010460701035024621kRdG1 --reason 'warm'   one marked bottle",
    "galley order refunded A17        the money was given back by hand",
    "galley order call-off A17        give up the payment that waits; the order stays",
    "galley order slip A17            what is still to be cooked of it, on paper",
    "galley order slip A17 --pre-bill what it costs, with a QR code to pay it by",
    "galley order cancel A17          give the whole order up, while it is unpaid",
    "galley order hand-over A17       the guest has the dishes"
))]
pub struct OrderArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// The newest orders
    List {
        /// Only those in this state
        #[arg(long, value_parser = PossibleValuesParser::new(OrderState::ALL.map(OrderState::word)))]
        state: Option<String>,
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// One order: its dishes, payments, receipts and refunds
    Show {
        /// Number, such as A17, or id
        #[arg(add = ArgValueCompleter::new(complete::orders))]
        order: String,
    },
    /// What happened to one order, and every attempt at every act for it
    Log {
        /// Number, such as A17, or id
        #[arg(add = ArgValueCompleter::new(complete::orders))]
        order: String,
    },
    /// Give money back: through the bank, or by a cashier's hand
    Refund {
        /// Number, such as A17, or id
        #[arg(add = ArgValueCompleter::new(complete::orders))]
        order: String,
        /// How much, such as 120.50; all of it when neither this nor dishes are named
        #[arg(long)]
        amount: Option<String>,
        #[command(flatten)]
        back: codes::BackArgs,
        /// Why, for the books
        #[arg(long)]
        reason: String,
    },
    /// Confirm that a refund was given back by hand: cash, a card at the terminal, or one the bank refused
    Refunded {
        /// Number of its order, such as A17, or id of the refund, as `order show` and the alert tell it
        #[arg(add = ArgValueCompleter::new(complete::orders))]
        refund: String,
        /// The terminal's reference (RRN), if there is one
        #[arg(long)]
        reference: Option<String>,
    },
    /// Put the codes of marked goods into an unpaid order; the printer checks them
    Scan(codes::ScanArgs),
    /// Take a unit out of an unpaid order again: the wrong package was scanned
    Unscan(codes::UnscanArgs),
    /// Give up one payment that waits for its money; the order stays and can be paid otherwise
    CallOff {
        /// Number of its order, such as A17, or id of the payment, as `order show --json` tells it
        #[arg(add = ArgValueCompleter::new(complete::orders))]
        payment: String,
    },
    /// Print paper about an order: the kitchen's slip, or a pre-bill. No receipt
    Slip {
        /// Number, such as A17, or id
        #[arg(add = ArgValueCompleter::new(complete::orders))]
        order: String,
        /// What it costs, for the guest, instead of what is to be cooked
        #[arg(long)]
        pre_bill: bool,
    },
    /// Give an unpaid order up
    Cancel {
        /// Number, such as A17, or id
        #[arg(add = ArgValueCompleter::new(complete::orders))]
        order: String,
    },
    /// Say that the dishes went over the counter
    HandOver {
        /// Number, such as A17, or id
        #[arg(add = ArgValueCompleter::new(complete::orders))]
        order: String,
    },
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: OrderArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    match args.act {
        Act::List { state, limit } => {
            let query = query(&[("state", state), ("limit", Some(limit.to_string()))]);
            let answer = client.get(&format!("/orders{query}")).await?;
            if args.door.json {
                print_json(&answer)?;
            } else {
                when::told(&client).await;
                print(&list(&answer))?;
            }
        }
        Act::Show { order } => {
            let id = find(&client, &order).await?;
            let answer = client.get(&format!("/orders/{}", segment(&id))).await?;
            if args.door.json {
                print_json(&answer)?;
            } else {
                when::told(&client).await;
                print(&show(View(&answer)))?;
            }
        }
        Act::Scan(scan) => codes::scan(&client, scan, args.door.json).await?,
        Act::Unscan(unit) => codes::unscan(&client, unit, args.door.json).await?,
        Act::Slip { order, pre_bill } => {
            let kind = if pre_bill { "pre_bill" } else { "kitchen" };
            let body = json!({"kind": kind, "order_id": find(&client, &order).await?});
            let answer = client.post("/devices/printer/slips", &body).await?;
            if args.door.json {
                print_json(&answer)?;
            } else {
                print("it is printed\n")?;
            }
        }
        Act::Log { order } => {
            let id = find(&client, &order).await?;
            let path = format!("/orders/{}/timeline", segment(&id));
            let answer = client.get(&path).await?;
            if args.door.json {
                print_json(&answer)?;
            } else {
                when::told(&client).await;
                print(&log(View(&answer)))?;
            }
        }
        Act::Refund {
            order,
            amount,
            back,
            reason,
        } => {
            let amount_minor = amount
                .as_deref()
                .map(|text| minor("--amount", text))
                .transpose()?;
            let id = find(&client, &order).await?;
            if !args.door.yes {
                let now = client.get(&format!("/orders/{}", segment(&id))).await?;
                let what = match amount_minor {
                    Some(amount) => super::output::money(amount),
                    None => back.what(),
                };
                args.door.confirm(&refunding(View(&now), &what))?;
            }
            let mut body = back.body(&reason)?;
            if let Some(amount) = amount_minor {
                body["amount_minor"] = amount.into();
            }
            let path = format!("/orders/{}/refunds", segment(&id));
            let answer = client.post(&path, &body).await?;
            if args.door.json {
                print_json(&answer)?;
            } else {
                for id in answer["refunds"].as_array().into_iter().flatten() {
                    let made = View(&answer)
                        .each("order.refunds")
                        .find(|r| Some(r.text("id").as_str()) == id.as_str());
                    if let Some(made) = made {
                        print(&refunded(made))?;
                    }
                }
            }
        }
        Act::Refunded { refund, reference } => {
            let body = reference.map_or_else(|| json!({}), |r| json!({"reference": r}));
            let refund = part(&client, &refund, &REFUNDS).await?;
            args.door.confirm(
                "The money counts as given back by hand, and the return receipt is printed. Only if the guest has it.",
            )?;
            let path = format!("/refunds/{}/confirm", segment(&refund));
            let answer = client.post(&path, &body).await?;
            if args.door.json {
                print_json(&answer)?;
            } else {
                when::told(&client).await;
                print(&show(View(&answer)))?;
            }
        }
        Act::CallOff { payment } => {
            let payment = part(&client, &payment, &PAYMENTS).await?;
            args.door.confirm(
                "The payment is given up. Should its money come all the same, it goes back or counts, as it can.",
            )?;
            let path = format!("/payments/{}/cancel", segment(&payment));
            let answer = client.post(&path, &json!({})).await?;
            if args.door.json {
                print_json(&answer)?;
            } else {
                print(&called_off(View(&answer)))?;
            }
        }
        Act::Cancel { order } => {
            let id = find(&client, &order).await?;
            args.door.confirm(&format!(
                "Order {order} is given up; its dishes won't be cooked."
            ))?;
            let path = format!("/orders/{}/cancel", segment(&id));
            let answer = client.post(&path, &json!({})).await?;
            if args.door.json {
                print_json(&answer)?;
            } else {
                when::told(&client).await;
                print(&show(View(&answer)))?;
            }
        }
        Act::HandOver { order } => {
            let id = find(&client, &order).await?;
            let path = format!("/orders/{}", segment(&id));
            still_there(&order, View(&client.get(&path).await?))?;
            let answer = client
                .post(&format!("{path}/hand-over"), &json!({}))
                .await?;
            if args.door.json {
                print_json(&answer)?;
            } else {
                print(&format!("{order}: {}\n", View(&answer).text("state")))?;
            }
        }
    }
    Ok(Exit::Done.into())
}

/// States of orders whose dishes nobody waits for.
const GONE: &[&str] = &["cancelled", "expired", "refunding", "refunded"];

/// Refuses to hand over what was given up or paid back.
fn still_there(typed: &str, order: View<'_>) -> Result<(), Stop> {
    let state = order.text("state");
    match GONE.contains(&state.as_str()) {
        true => Err(Stop::refused(format!(
            "order {typed} is {state}: there is nothing to hand over; see: galley order show {typed}"
        ))),
        false => Ok(()),
    }
}

/// What a refund will do, before it is done.
fn refunding(order: View<'_>, what: &str) -> String {
    let tenders: Vec<String> = order
        .each("payments")
        .filter(|p| p.is("state", "captured"))
        .map(|p| {
            let back = match p.number("refunded_minor") {
                Some(n) if n > 0 => format!(", of which {} went back", super::output::money(n)),
                _ => String::new(),
            };
            format!("{} by {}{back}", p.money("amount_minor"), p.text("tender"))
        })
        .collect();
    format!(
        "Order {} over {}: {what} goes back to the guest, with a return receipt. Paid: {}.",
        order.text("number"),
        order.money("total_minor"),
        tenders.join("; ")
    )
}

/// How a payment stands after somebody has decided about it.
pub(super) fn called_off(payment: View<'_>) -> String {
    let (tender, amount) = (payment.text("tender"), payment.money("amount_minor"));
    let end = match payment.text("state").as_str() {
        "closed" => "closed; its order stays and can be paid otherwise".to_owned(),
        "waiting" | "registering" => "being closed; until then its money may still come".to_owned(),
        other => other.to_owned(),
    };
    format!("{tender} payment of {amount}: {end}\n")
}

/// The id behind what a person typed.
pub(super) async fn find(client: &Client, order: &str) -> Result<String, CallError> {
    if order.parse::<Uuid>().is_ok() {
        return Ok(order.to_owned());
    }
    let answer = client.get(&format!("/orders?limit={LOOK_BACK}")).await?;
    let orders = || View(&answer).each("orders");
    orders()
        .find(|o| o.text("number").eq_ignore_ascii_case(order))
        .map(|o| o.text("id"))
        .ok_or_else(|| {
            // Of more orders than are looked through, an older one may have the number.
            CallError::NoSuch(match orders().count() < LOOK_BACK as usize {
                true => format!("order {order}"),
                false => {
                    format!("order {order} among the last {LOOK_BACK}; older ones are found by id")
                }
            })
        })
}

/// Parts of an order that an act is about, and the states in which it makes sense.
pub(super) struct Parts {
    list: &'static str,
    one: &'static str,
    pub(super) states: &'static [&'static str],
    /// Where none is in those: other states, the likeliest first.
    otherwise: &'static [&'static [&'static str]],
}

pub(super) const PAYMENTS: Parts = Parts {
    list: "payments",
    one: "payment that waits for its money",
    states: &["registering", "waiting"],
    otherwise: &[],
};

/// To look at, a payment makes sense in any state.
pub(super) const ANY_PAYMENT: Parts = Parts {
    list: "payments",
    one: "payment",
    states: PAYMENTS.states,
    otherwise: &[&["captured"], &["declined", "closed"]],
};

const REFUNDS: Parts = Parts {
    list: "refunds",
    one: "refund that waits to be given back by hand",
    states: &["awaiting_person", "refused"],
    otherwise: &[],
};

/// The id behind what a person typed: that of the part itself, or of the only one of an order.
pub(super) async fn part(client: &Client, typed: &str, parts: &Parts) -> anyhow::Result<String> {
    if typed.parse::<Uuid>().is_ok() {
        return Ok(typed.to_owned());
    }
    let id = find(client, typed).await?;
    let order = client.get(&format!("/orders/{}", segment(&id))).await?;
    match fitting(View(&order), parts).as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(CallError::NoSuch(format!("{} in order {typed}", parts.one)).into()),
        several => Err(Misuse(format!(
            "order {typed} has several of them; name one:\n{}",
            several.join("\n")
        ))
        .into()),
    }
}

/// The ids of those parts that are in the likeliest states that any is in.
fn fitting(order: View<'_>, parts: &Parts) -> Vec<String> {
    let within = |states: &[&str]| -> Vec<String> {
        order
            .each(parts.list)
            .filter(|p| states.contains(&p.text("state").as_str()))
            .map(|p| p.text("id"))
            .collect()
    };
    [parts.states]
        .iter()
        .chain(parts.otherwise)
        .map(|states| within(states))
        .find(|fit| !fit.is_empty())
        .unwrap_or_default()
}

fn list(answer: &Value) -> String {
    let mut table = Table::new(&[
        ("NUMBER", Lean::Left),
        ("STATE", Lean::Left),
        ("TOTAL", Lean::Right),
        ("PLACED", Lean::Left),
        ("DISHES", Lean::Left),
    ]);
    for order in View(answer).each("orders") {
        let dishes: Vec<String> = order
            .each("lines")
            .map(|l| format!("{}× {}", l.text("quantity"), l.word("name")))
            .collect();
        table.row([
            order.text("number"),
            order.text("state"),
            order.money("total_minor"),
            order.time("placed_at"),
            dishes.join(", "),
        ]);
    }
    if table.is_empty() {
        return "no orders\n".to_owned();
    }
    table.render()
}

fn show(order: View<'_>) -> String {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    let mut text = facts(&[
        pair("order", order.text("number")),
        pair("id", order.text("id")),
        pair("state", order.text("state")),
        pair("total", order.money("total_minor")),
        pair("due", order.money("due_minor")),
        pair("placed", order.time("placed_at")),
        pair("promised", order.time("promised_at")),
    ]);
    if let Some(note) = order.at("note").0.as_str() {
        text += &facts(&[pair("note", note.to_owned())]);
    }
    let mut part = |title: &str, table: Table| {
        if !table.is_empty() {
            text += &format!("\n{title}\n{}", table.render());
        }
    };
    let mut dishes = Table::new(&[
        ("STATE", Lean::Left),
        ("PLACE", Lean::Left),
        ("DISH", Lean::Left),
    ]);
    for dish in order.each("dishes") {
        dishes.row([dish.text("state"), dish.text("slot"), dish.word("name")]);
    }
    part("Dishes", dishes);
    let mut payments = Table::new(&[
        ("TENDER", Lean::Left),
        ("STATE", Lean::Left),
        ("AMOUNT", Lean::Right),
        ("REFUNDED", Lean::Right),
        ("REASON", Lean::Left),
    ]);
    for p in order.each("payments") {
        payments.row([
            p.text("tender"),
            p.text("state"),
            p.money("amount_minor"),
            p.money("refunded_minor"),
            p.word("reason"),
        ]);
    }
    part("Payments", payments);
    let mut receipts = Table::new(&[
        ("RECEIPT", Lean::Left),
        ("STATE", Lean::Left),
        ("TOTAL", Lean::Right),
        ("DOCUMENT", Lean::Right),
        ("FISCAL SIGN", Lean::Left),
    ]);
    for r in order.each("receipts") {
        receipts.row([
            match r.at("correction").0 {
                Value::Null => r.text("kind"),
                _ => "correction".to_owned(),
            },
            r.text("state"),
            r.money("total_minor"),
            r.text("document_number"),
            r.text("fiscal_sign"),
        ]);
    }
    part("Receipts", receipts);
    let mut refunds = Table::new(&[
        ("REFUND", Lean::Left),
        ("STATE", Lean::Left),
        ("AMOUNT", Lean::Right),
        ("REASON", Lean::Left),
    ]);
    for r in order.each("refunds") {
        refunds.row([
            r.text("id"),
            r.text("state"),
            r.money("amount_minor"),
            r.text("reason"),
        ]);
    }
    part("Refunds", refunds);
    text
}

/// Events and attempts in one table, by time; events of one moment keep their order.
fn log(timeline: View<'_>) -> String {
    let mut rows: Vec<(i64, [String; 3])> = Vec::new();
    for e in timeline.each("events") {
        let at = e.number("at").unwrap_or(0);
        rows.push((at, [e.text("body.kind"), String::new(), e.text("actor")]));
    }
    for e in timeline.each("effects") {
        for a in e.each("attempts") {
            let what = format!("  {} {}", a.text("verb"), e.text("kind"));
            let note = match a.text("note").as_str() {
                "-" => String::new(),
                note => note.to_owned(),
            };
            let at = a.number("at").unwrap_or(0);
            rows.push((at, [what, a.text("outcome"), note]));
        }
    }
    rows.sort_by_key(|(at, _)| *at);
    let mut table = Table::new(&[
        ("AT", Lean::Left),
        ("WHAT", Lean::Left),
        ("OUTCOME", Lean::Left),
        ("WHO, OR WHAT WAS SEEN", Lean::Left),
    ]);
    for (at, [what, outcome, note]) in rows {
        table.row([time(at), what, outcome, note]);
    }
    table.render()
}

fn refunded(refund: View<'_>) -> String {
    let id = refund.text("id");
    let what = match refund.text("state").as_str() {
        "awaiting_person" => format!("give it back by hand, then: galley order refunded {id}"),
        "done" => "it is done".to_owned(),
        "refused" => "the other side refused it".to_owned(),
        _ => "it is on its way".to_owned(),
    };
    format!("refund {id}: {}; {what}\n", refund.money("amount_minor"))
}

/// Minor units from what a person types: `120`, `120.5`, `120,50`.
pub(super) fn minor(name: &str, text: &str) -> Result<i64, Misuse> {
    let wrong = || Misuse(format!("{name} {text}: write it like 120.50"));
    if let Some((whole, part)) = text.split_once(',')
        && part.len() == 3
        && [whole, part].concat().bytes().all(|b| b.is_ascii_digit())
    {
        return Err(Misuse(format!(
            "{name} {text} can be read as {whole}{part} or as {whole} and a part: write {whole}{part} or {whole}.{}",
            part.get(..2).unwrap_or_default()
        )));
    }
    let (whole, part) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 2 {
        return Err(wrong());
    }
    let part: i64 = format!("{part:0<2}").parse().map_err(|_| wrong())?;
    let whole: i64 = whole.parse().map_err(|_| wrong())?;
    let minor = whole.checked_mul(100).and_then(|w| w.checked_add(part));
    minor.filter(|m| *m > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_to_look_at_is_the_one_that_waits_or_else_the_paid_one() {
        let order = |states: &[&str]| {
            let payments: Vec<Value> = states
                .iter()
                .map(|s| json!({"id": s, "state": s}))
                .collect();
            json!({ "payments": payments })
        };
        let fit = |states: &[&str], parts| fitting(View(&order(states)), parts);
        assert_eq!(fit(&["captured", "waiting"], &ANY_PAYMENT), ["waiting"]);
        assert_eq!(fit(&["declined", "captured"], &ANY_PAYMENT), ["captured"]);
        assert_eq!(fit(&["declined"], &ANY_PAYMENT), ["declined"]);
        assert!(fit(&["captured"], &PAYMENTS).is_empty());
        assert!(fit(&[], &ANY_PAYMENT).is_empty());
    }

    #[test]
    fn what_was_paid_back_or_given_up_is_not_handed_over() {
        let check = |state: &str| still_there("A17", View(&json!({ "state": state })));
        for state in ["refunded", "refunding", "cancelled", "expired"] {
            let why = check(state).unwrap_err();
            assert_eq!(why.exit, Exit::Refused);
            assert!(why.text.contains(state), "{}", why.text);
        }
        for state in ["ready", "closed", "cooking"] {
            assert!(check(state).is_ok(), "{state}");
        }
    }

    #[test]
    fn money_is_read_as_people_write_it_and_never_guessed() {
        assert_eq!(minor("--amount", "120").unwrap(), 12_000);
        assert_eq!(minor("--amount", "120.5").unwrap(), 12_050);
        assert_eq!(minor("--amount", "0,05").unwrap(), 5);
        let either = minor("--amount", "1,500").unwrap_err().to_string();
        assert!(
            either.contains("1500") && either.contains("1.50"),
            "{either}"
        );
        for wrong in [
            "",
            ".",
            "1.",
            "1.234",
            "-1",
            "0",
            "1 000",
            "99999999999999999999",
        ] {
            assert!(minor("--amount", wrong).is_err(), "{wrong}");
        }
    }
}
