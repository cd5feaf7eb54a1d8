//! `galley stock`: what is there, what came in, what was counted.

use super::{
    client::{CallError, Client, Door},
    complete,
    exit::{Exit, Misuse, help},
    output::{Lean, Table, View, print, print_json},
};
use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;
use serde_json::{Value, json};
use std::process::ExitCode;

/// The stock of ingredients.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley stock list",
    "galley stock receive rice 25kg --lot L-117 --expires 2027-03-01",
    "galley stock receive eggs 90",
    "galley stock count rice 11.4kg --reason 'weekly count'"
))]
pub struct StockArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// What is there
    List,
    /// Goods came in
    Receive {
        /// The ingredient's id, as in the list
        #[arg(add = ArgValueCompleter::new(complete::ingredients))]
        ingredient: String,
        /// How much: mg, g, kg; ul, ml, l; without a unit pieces (or the smallest unit)
        quantity: String,
        /// Their lot
        #[arg(long)]
        lot: Option<String>,
        /// Use-by date, YYYY-MM-DD
        #[arg(long, value_name = "DATE")]
        expires: Option<jiff::civil::Date>,
    },
    /// Somebody counted: what is really there replaces what the books say
    Count {
        /// The ingredient's id, as in the list
        #[arg(add = ArgValueCompleter::new(complete::ingredients))]
        ingredient: String,
        /// How much there is
        quantity: String,
        /// Why, for the books
        #[arg(long)]
        reason: String,
    },
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: StockArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    let (answer, said) = match args.act {
        Act::List => {
            let answer = client.get("/stock").await?;
            let text = list(&answer);
            (answer, text)
        }
        Act::Receive {
            ingredient,
            quantity,
            lot,
            expires,
        } => {
            let amount = amount(&client, &ingredient, &quantity).await?;
            let mut body = json!({"ingredient_id": ingredient, "quantity": amount});
            if let Some(lot) = lot {
                body["lot"] = lot.into();
            }
            if let Some(date) = expires {
                // Good to the end of that day.
                let end = date.tomorrow()?.to_zoned(jiff::tz::TimeZone::system())?;
                body["expires_at"] = end.timestamp().as_millisecond().into();
            }
            (
                client.post("/stock/receive", &body).await?,
                format!("{ingredient}: {quantity} received\n"),
            )
        }
        Act::Count {
            ingredient,
            quantity,
            reason,
        } => {
            let amount = amount(&client, &ingredient, &quantity).await?;
            let body = json!({"ingredient_id": ingredient, "counted": amount, "reason": reason});
            (
                client.post("/stock/count", &body).await?,
                format!("{ingredient}: {quantity} are there now\n"),
            )
        }
    };
    if args.door.json {
        print_json(&answer)?;
    } else {
        print(&said)?;
    }
    Ok(Exit::Done.into())
}

/// In the ingredient's smallest unit, which the daemon knows.
async fn amount(client: &Client, ingredient: &str, quantity: &str) -> anyhow::Result<i64> {
    let stock = client.get("/stock").await?;
    let unit = View(&stock)
        .each("ingredients")
        .find(|i| i.is("id", ingredient))
        .map(|i| i.text("unit"))
        .ok_or_else(|| {
            CallError::NoSuch(format!("ingredient {ingredient}; see: galley stock list"))
        })?;
    Ok(smallest(quantity, &unit)?)
}

/// Units a person may write, the ingredient's unit each is for, and its size in that.
const UNITS: &[(&str, &str, i64)] = &[
    ("mg", "mg", 1),
    ("g", "mg", 1_000),
    ("kg", "mg", 1_000_000),
    ("ul", "ul", 1),
    ("ml", "ul", 1_000),
    ("l", "ul", 1_000_000),
    ("pcs", "piece", 1),
    ("piece", "piece", 1),
];

/// `1.5kg` of something in mg is 1 500 000; what is no whole number of the smallest unit is refused.
fn smallest(text: &str, unit: &str) -> Result<i64, Misuse> {
    let wrong = |why: &str| Misuse(format!("quantity {text}: {why}"));
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(split);
    let factor = if suffix.is_empty() {
        1
    } else {
        UNITS
            .iter()
            .find(|(name, of, _)| *name == suffix && *of == unit)
            .map(|(_, _, factor)| *factor)
            .ok_or_else(|| wrong(&format!("this ingredient is kept in {unit}")))?
    };
    let (whole, part) = number.trim().split_once('.').unwrap_or((number.trim(), ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 6 {
        return Err(wrong("write it like 1.5kg, 200ml or 12"));
    }
    let too_large = || wrong("that is too much");
    let whole: i64 = whole.parse().map_err(|_| too_large())?;
    let millionths: i64 = format!("{part:0<6}").parse().map_err(|_| too_large())?;
    let part = millionths.checked_mul(factor).ok_or_else(too_large)?;
    if part % 1_000_000 != 0 {
        return Err(wrong(&format!("that is no whole number of {unit}")));
    }
    whole
        .checked_mul(factor)
        .and_then(|w| w.checked_add(part / 1_000_000))
        .ok_or_else(too_large)
}

fn list(answer: &Value) -> String {
    let mut table = Table::new(&[
        ("ID", Lean::Left),
        ("AVAILABLE", Lean::Right),
        ("RESERVED", Lean::Right),
        ("ON HAND", Lean::Right),
        ("UNIT", Lean::Left),
        ("", Lean::Left),
        ("NAME", Lean::Left),
    ]);
    for i in View(answer).each("ingredients") {
        let (unit, divisor) = match i.text("unit").as_str() {
            "mg" => ("g".to_owned(), 1_000),
            "ul" => ("ml".to_owned(), 1_000),
            other => (other.to_owned(), 1),
        };
        let whole = |name: &str| {
            i.number(name)
                .map_or_else(|| "-".to_owned(), |n| (n / divisor).to_string())
        };
        table.row([
            i.text("id"),
            whole("available"),
            whole("reserved"),
            whole("on_hand"),
            unit,
            if i.yes("low") { "LOW" } else { "" }.to_owned(),
            i.word("name"),
        ]);
    }
    if table.is_empty() {
        return "no ingredients\n".to_owned();
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::smallest;

    #[test]
    fn quantities_come_out_exactly_or_not_at_all() {
        assert_eq!(smallest("25kg", "mg").unwrap(), 25_000_000);
        assert_eq!(smallest("1.5kg", "mg").unwrap(), 1_500_000);
        assert_eq!(smallest("0.5ml", "ul").unwrap(), 500);
        assert_eq!(smallest("12", "piece").unwrap(), 12);
        assert_eq!(smallest("7", "mg").unwrap(), 7);
        for (text, unit) in [
            ("1.5", "piece"),
            ("1kg", "ul"),
            ("1l", "mg"),
            ("-1", "piece"),
            ("kg", "mg"),
            ("1.0000001kg", "mg"),
            ("99999999999999999kg", "mg"),
            ("1,5kg", "mg"),
        ] {
            assert!(smallest(text, unit).is_err(), "{text} of {unit}");
        }
    }
}
