//! `galley loyalty`: a member's account, and putting it right.

use super::{
    client::{Client, Door, segment},
    exit::{Exit, help},
    output::{Lean, Table, View, facts, print, print_json, time},
    when,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Members of the loyalty programme and their points.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley loyalty show '+7 916 123-45-67'",
    "galley loyalty show 2000000000015          by card",
    "galley loyalty adjust 2000000000015 50 --reason 'the dish came late'",
    "galley loyalty adjust 2000000000015 -50 --reason 'given twice' --yes",
))]
pub struct LoyaltyArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// A member's points, and what moved them
    Show {
        /// Phone number, card number, or the member's id
        who: String,
    },
    /// Gives a member points, or takes them
    Adjust {
        /// Phone number, card number, or the member's id
        who: String,
        /// How many more; fewer with a minus
        #[arg(allow_negative_numbers = true)]
        points: i64,
        /// Why, for the books
        #[arg(long)]
        reason: String,
    },
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: LoyaltyArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    let (answer, said) = match args.act {
        Act::Show { who } => {
            let account = account(&client, &who).await?;
            let text = shown(&account);
            (account, text)
        }
        Act::Adjust {
            who,
            points,
            reason,
        } => {
            let before = account(&client, &who).await?;
            let balance = before["balance"].as_i64().unwrap_or(0);
            let after = balance.saturating_add(points);
            let debt = match after < 0 {
                true => " That is below zero: nothing can be spent until it is made good.",
                false => "",
            };
            args.door.confirm(&format!(
                "The member has {balance} points and will have {after}.{debt}"
            ))?;
            let member = before["member"].as_str().unwrap_or_default();
            let path = format!("/loyalty/members/{}/adjust", segment(member));
            let body = json!({"points": points, "reason": reason});
            let account = client.post(&path, &body).await?;
            let now = View(&account).number("balance").unwrap_or(0);
            (account, format!("the member has {now} points now\n"))
        }
    };
    match args.door.json {
        true => print_json(&answer)?,
        false => print(&said)?,
    }
    Ok(Exit::Done.into())
}

/// The account of whom `who` names: an id, a phone number or a card.
async fn account(client: &Client, who: &str) -> anyhow::Result<Value> {
    let id = match who.parse::<uuid::Uuid>() {
        Ok(id) => id.to_string(),
        Err(_) => {
            let found = client.post("/loyalty/lookup", &by(who)).await?;
            found["member"].as_str().unwrap_or_default().to_owned()
        }
    };
    when::told(client).await;
    let path = format!("/loyalty/members/{}", segment(&id));
    Ok(client.get(&path).await?)
}

/// A plus, or the look of a number that is dialled, is a phone; all else is a card.
fn by(who: &str) -> Value {
    let digits = who.chars().filter(char::is_ascii_digit).count();
    let spelled = who
        .chars()
        .all(|c| c.is_ascii_digit() || " +()-".contains(c));
    match who.starts_with('+') || (spelled && (9..=12).contains(&digits)) {
        true => json!({"phone": who}),
        false => json!({"card": who}),
    }
}

fn shown(account: &Value) -> String {
    let v = View(account);
    let number = |path: &str| v.number(path).unwrap_or(0).to_string();
    let mut pairs = vec![
        ("member".to_owned(), v.text("member")),
        ("points".to_owned(), number("balance")),
        ("can be spent".to_owned(), number("spendable")),
    ];
    for (path, word) in [("held", "held by open orders"), ("owed", "owed")] {
        if v.number(path).unwrap_or(0) != 0 {
            pairs.push((word.to_owned(), number(path)));
        }
    }
    pairs.push(("paid in money".to_owned(), v.money("spent_minor")));
    let bp = v.number("earn_bp").unwrap_or(0);
    pairs.push((
        "comes back".to_owned(),
        format!("{}.{:02} %", bp / 100, bp % 100),
    ));
    pairs.push(("agreed to terms".to_owned(), v.text("terms")));
    pairs.push(("joined".to_owned(), v.time("joined_at")));
    let mut text = facts(&pairs);
    let mut table = Table::new(&[
        ("WHEN", Lean::Left),
        ("WHAT", Lean::Left),
        ("POINTS", Lean::Right),
        ("HELD", Lean::Right),
        ("BALANCE", Lean::Right),
        ("WHY", Lean::Left),
    ]);
    for m in v.each("moves") {
        let signed = |path: &str| match m.number(path).unwrap_or(0) {
            0 => String::new(),
            n => format!("{n:+}"),
        };
        table.row([
            time(m.number("at").unwrap_or(0)),
            m.word("act"),
            signed("points"),
            signed("held"),
            m.number("balance").unwrap_or(0).to_string(),
            m.0["reason"].as_str().unwrap_or_default().to_owned(),
        ]);
    }
    if !table.is_empty() {
        text.push('\n');
        text.push_str(&table.render());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_dialled_is_a_phone_and_any_other_a_card() {
        for phone in ["+7 916 123-45-67", "89161234567", "998901234567"] {
            assert_eq!(by(phone), json!({"phone": phone}));
        }
        for card in ["2000000000015", "AB-1234", "12345678"] {
            assert_eq!(by(card), json!({"card": card}));
        }
    }
}
