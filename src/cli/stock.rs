//! `galley stock`: what is there, what came in, what was counted.

use super::{
    client::{CallError, Client, Door},
    complete,
    exit::{Exit, Misuse, help},
    output::{Lean, Table, View, clean, print, print_json},
};
use crate::domain::stock::spoken;
use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;
use serde_json::{Value, json};
use std::process::ExitCode;

/// The stock of ingredients.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley stock list",
    "galley stock receive rice 25kg",
    "galley stock receive egg 90",
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
        /// How much: mg, g, kg; ul, ml, l; without a unit only pieces
        quantity: String,
    },
    /// Somebody counted: what is really there replaces what the books say
    Count {
        /// The ingredient's id, as in the list
        #[arg(add = ArgValueCompleter::new(complete::ingredients))]
        ingredient: String,
        /// How much there is, with its unit
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
        } => {
            let kept = kept(&client, &ingredient).await?;
            let amount = smallest(&quantity, &kept.unit)?;
            let body = json!({"ingredient_id": ingredient, "quantity": amount});
            let answer = client.post("/stock/receive", &body).await?;
            let text = received(&ingredient, &kept.unit, amount, View(&answer));
            (answer, text)
        }
        Act::Count {
            ingredient,
            quantity,
            reason,
        } => {
            let kept = kept(&client, &ingredient).await?;
            let amount = smallest(&quantity, &kept.unit)?;
            if takes_most(kept.on_hand, amount) {
                args.door.confirm(&taking(&ingredient, &kept, amount))?;
            }
            let body = json!({"ingredient_id": ingredient, "counted": amount, "reason": reason});
            let answer = client.post("/stock/count", &body).await?;
            let text = counted(&ingredient, &kept, amount);
            (answer, text)
        }
    };
    if args.door.json {
        print_json(&answer)?;
    } else {
        print(&said)?;
    }
    Ok(Exit::Done.into())
}

/// How the daemon keeps an ingredient.
struct Kept {
    /// `mg`, `ul` or `piece`.
    unit: String,
    /// What the books say, in that unit.
    on_hand: i64,
}

async fn kept(client: &Client, ingredient: &str) -> Result<Kept, CallError> {
    let stock = client.get("/stock").await?;
    View(&stock)
        .each("ingredients")
        .find(|i| i.is("id", ingredient))
        .map(|i| Kept {
            unit: i.text("unit"),
            on_hand: i.number("on_hand").unwrap_or(0),
        })
        .ok_or_else(|| {
            CallError::NoSuch(format!("ingredient {ingredient}; see: galley stock list"))
        })
}

/// What came in, and the levels before and after; the daemon's answer is exact though dishes are cooked meanwhile.
fn received(ingredient: &str, unit: &str, amount: i64, answer: View<'_>) -> String {
    let came = spoken(amount, unit);
    let levels = answer.number("on_hand").map_or_else(String::new, |now| {
        let was = now.saturating_sub(amount);
        format!(", {} now (was {})", spoken(now, unit), spoken(was, unit))
    });
    format!("{}: {came} received{levels}\n", clean(ingredient))
}

fn counted(ingredient: &str, kept: &Kept, amount: i64) -> String {
    format!(
        "{}: {} now (was {})\n",
        clean(ingredient),
        spoken(amount, &kept.unit),
        spoken(kept.on_hand, &kept.unit)
    )
}

/// Whether a count takes away more than half of what the books say: more often a slip of the unit than a theft.
fn takes_most(on_hand: i64, counted: i64) -> bool {
    counted.saturating_mul(2) < on_hand
}

fn taking(ingredient: &str, kept: &Kept, amount: i64) -> String {
    format!(
        "{}: the books say {}, you counted {}. That takes away more than half.",
        clean(ingredient),
        spoken(kept.on_hand, &kept.unit),
        spoken(amount, &kept.unit)
    )
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
        // Nobody weighs milligrams: a bare number was meant as something else.
        match unit {
            "mg" => return Err(wrong("say the unit: 100g, 0.1kg …")),
            "ul" => return Err(wrong("say the unit: 100ml, 0.1l …")),
            _ => 1,
        }
    } else {
        UNITS
            .iter()
            .find(|(name, of, _)| *name == suffix && *of == unit)
            .map(|(_, _, factor)| *factor)
            .ok_or_else(|| {
                wrong(match unit {
                    "mg" => "this ingredient is weighed: write g or kg",
                    "ul" => "this ingredient is poured: write ml or l",
                    _ => "this ingredient is counted: write a number of pieces, such as 12",
                })
            })?
    };
    let number = number.trim();
    if let Some((whole, part)) = number.split_once(',')
        && part.len() == 3
        && !matches!(whole, "" | "0")
    {
        return Err(wrong(&format!(
            "it can be read as {whole}{part}{suffix} or as {whole}.{part}{suffix}; write the one you mean"
        )));
    }
    let (whole, part) = number.split_once(['.', ',']).unwrap_or((number, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 6 {
        return Err(wrong("write it like 1.5kg, 200ml or 12"));
    }
    let too_large = || wrong("that is too much");
    let whole: i64 = whole.parse().map_err(|_| too_large())?;
    let millionths: i64 = format!("{part:0<6}").parse().map_err(|_| too_large())?;
    let part = millionths.checked_mul(factor).ok_or_else(too_large)?;
    if part % 1_000_000 != 0 {
        return Err(wrong(match unit {
            "mg" => "finer than a milligram can't be booked",
            "ul" => "finer than a thousandth of a millilitre can't be booked",
            _ => "a piece can't be divided",
        }));
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
            "piece" => ("pcs".to_owned(), 1),
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
    use super::*;

    #[test]
    fn quantities_come_out_exactly_or_not_at_all() {
        assert_eq!(smallest("25kg", "mg").unwrap(), 25_000_000);
        assert_eq!(smallest("1.5kg", "mg").unwrap(), 1_500_000);
        assert_eq!(smallest("0.5ml", "ul").unwrap(), 500);
        assert_eq!(smallest("12", "piece").unwrap(), 12);
        assert_eq!(smallest("7mg", "mg").unwrap(), 7);
        assert_eq!(smallest("1,5kg", "mg").unwrap(), 1_500_000);
        assert_eq!(smallest("0,250l", "ul").unwrap(), 250_000);
        for (text, unit) in [
            ("1.5", "piece"),
            ("7", "mg"),
            ("0.5", "ul"),
            ("1kg", "ul"),
            ("1l", "mg"),
            ("-1", "piece"),
            ("kg", "mg"),
            ("1.0000001kg", "mg"),
            ("99999999999999999kg", "mg"),
            ("1,5", "mg"),
            ("1,5", "piece"),
            ("1,5.5kg", "mg"),
            ("1,500kg", "mg"),
            (",5kg", "mg"),
        ] {
            assert!(smallest(text, unit).is_err(), "{text} of {unit}");
        }
    }

    #[test]
    fn what_does_not_fit_is_told_in_units_that_people_write() {
        let said = |text: &str, unit: &str| smallest(text, unit).unwrap_err().to_string();
        assert!(said("1l", "mg").ends_with("weighed: write g or kg"));
        assert!(said("1kg", "ul").ends_with("poured: write ml or l"));
        assert!(said("1kg", "piece").ends_with("a number of pieces, such as 12"));
        assert!(said("1.5", "piece").ends_with("a piece can't be divided"));
        assert!(said("1,500kg", "mg").contains("1500kg or as 1.500kg"));
    }

    #[test]
    fn a_bare_number_of_what_is_weighed_or_poured_asks_for_its_unit() {
        let said = |unit: &str| smallest("100", unit).unwrap_err().to_string();
        assert!(said("mg").ends_with("say the unit: 100g, 0.1kg …"));
        assert!(said("ul").ends_with("say the unit: 100ml, 0.1l …"));
        assert_eq!(smallest("100", "piece").unwrap(), 100);
    }

    #[test]
    fn what_came_in_is_told_with_the_levels_before_and_after() {
        let answer = json!({"on_hand": 79_400_000});
        assert_eq!(
            received("rice", "mg", 1_500_000, View(&answer)),
            "rice: 1.5 kg received, 79.4 kg now (was 77.9 kg)\n"
        );
        // A daemon that does not tell the level.
        assert_eq!(
            received("rice", "mg", 1_500_000, View(&json!({}))),
            "rice: 1.5 kg received\n"
        );
        let kept = Kept {
            unit: "piece".to_owned(),
            on_hand: 90,
        };
        assert_eq!(
            counted("eggs", &kept, 84),
            "eggs: 84 pcs now (was 90 pcs)\n"
        );
    }

    #[test]
    fn a_count_that_takes_away_more_than_half_is_asked_about() {
        assert!(takes_most(25_000_000, 5));
        assert!(takes_most(10, 4));
        assert!(takes_most(1, 0));
        assert!(!takes_most(10, 5));
        assert!(!takes_most(0, 0));
        assert!(!takes_most(-5, 0));
        assert!(!takes_most(10, i64::MAX));
    }
}
