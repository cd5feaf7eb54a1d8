//! `galley menu`: what is sold, what is off sale, what makes it cheaper; and the catalog's file before it is used.

#[cfg(feature = "pictures")]
mod pictures;

use super::{
    client::{Client, Door},
    exit::{Exit, Misuse, help},
    output::{Lean, Table, View, clean, print, print_json, time},
    when,
};
use crate::config::load_catalog;
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Zoned, civil::Time};
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode};

/// The menu: dishes, the stop-list, promotions, pictures.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley menu list                         dishes, prices, what is sold out",
    "galley menu stop borscht --why 'no beet' --until 18:00",
    "galley menu stop milk --ingredient --why 'not delivered' --until 2d",
    "galley menu stops                        what is off sale",
    "galley menu lift borscht --why 'delivered'",
    "galley menu promotions                   what holds now",
    "galley menu check menu.toml              faults of a catalog's file"
))]
pub struct MenuArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Dishes with their prices, and what is sold out
    List,
    /// What is wrong with a catalog's file, all of it at once
    Check {
        /// The file (TOML)
        file: PathBuf,
    },
    /// What staff took off sale
    Stops,
    /// Take a dish or an ingredient off sale
    Stop {
        /// The dish's id, as in the list
        id: String,
        /// It is an ingredient: every dish that needs it is off sale
        #[arg(long)]
        ingredient: bool,
        /// On sale again by itself: store time (18:00) or after so long (2h, 3d)
        #[arg(long, value_name = "WHEN")]
        until: Option<String>,
        /// Why, for the books
        #[arg(long)]
        why: String,
    },
    /// Put it on sale again
    Lift {
        /// Its id, as in `galley menu stops`
        id: String,
        /// It is an ingredient
        #[arg(long)]
        ingredient: bool,
        /// Why, for the books
        #[arg(long)]
        why: Option<String>,
    },
    /// Promotions that hold now
    Promotions,
    /// Make WebP files in three sizes of photos (PNG, JPEG, WebP), named by
    /// their content, and say what to write into the catalog
    #[cfg(feature = "pictures")]
    #[command(after_help = help!(
        "galley menu pictures photos/ --out /var/lib/galley/pictures"
    ))]
    Pictures {
        /// Folder of the photos, each named by its dish's id: borscht.jpg
        photos: PathBuf,
        /// Folder for the files: `[catalog] pictures` of the configuration
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
    },
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked; when a file can't be read.
pub async fn execute(args: MenuArgs) -> anyhow::Result<ExitCode> {
    let (answer, said) = match args.act {
        Act::Check { file } => return check(&file, args.door.json),
        #[cfg(feature = "pictures")]
        Act::Pictures { photos, out } => return pictures::make(&photos, &out, args.door.json),
        act => ask(&args.door.client()?, act).await?,
    };
    if args.door.json {
        print_json(&answer)?;
    } else {
        print(&said)?;
    }
    Ok(Exit::Done.into())
}

async fn ask(client: &Client, act: Act) -> anyhow::Result<(Value, String)> {
    Ok(match act {
        Act::Stops => {
            let answer = client.get("/menu/stops").await?;
            when::told(client).await;
            let text = stops(&answer);
            (answer, text)
        }
        Act::Stop {
            id,
            ingredient,
            until,
            why,
        } => {
            let mut body = json!({"why": why});
            body[key(ingredient)] = id.as_str().into();
            if let Some(until) = &until {
                body["until_at"] = moment(until, &when::now(client, until).await?)?.into();
            }
            let answer = client.post("/menu/stops", &body).await?;
            (answer, stopped(&id, ingredient))
        }
        Act::Lift {
            id,
            ingredient,
            why,
        } => {
            let mut body = why.map_or_else(|| json!({}), |why| json!({"why": why}));
            body[key(ingredient)] = id.as_str().into();
            let answer = client.post("/menu/stops/lift", &body).await?;
            (answer, format!("{} is on sale again\n", clean(&id)))
        }
        Act::Promotions => {
            let answer = client.get("/menu").await?;
            when::told(client).await;
            let text = promotions(&answer);
            (answer["promotions"].clone(), text)
        }
        // The two that need no daemon are done before.
        _ => {
            let answer = client.get("/menu").await?;
            when::told(client).await;
            let text = list(&answer);
            (answer, text)
        }
    })
}

/// What is said of a stop: the command goes as it stands.
fn stopped(id: &str, ingredient: bool) -> String {
    let id = clean(id);
    let flag = if ingredient { " --ingredient" } else { "" };
    format!("{id} is off sale; to sell it again: galley menu lift {id}{flag}\n")
}

fn key(ingredient: bool) -> &'static str {
    if ingredient {
        "ingredient_id"
    } else {
        "dish_id"
    }
}

/// `18:00`: the next time that the clock shows it; `2h`, `3d`: after so long. Milliseconds since 1970, UTC.
pub(super) fn moment(text: &str, now: &Zoned) -> Result<i64, Misuse> {
    let wrong = || {
        Misuse(format!(
            "{text}: write a time (18:00) or how long (30m, 2h, 3d)"
        ))
    };
    if let Ok(time) = text.parse::<Time>() {
        let today = now.with().time(time).build().map_err(|_| wrong())?;
        let at = if &today > now {
            today
        } else {
            now.tomorrow()
                .and_then(|t| t.with().time(time).build())
                .map_err(|_| wrong())?
        };
        return Ok(at.timestamp().as_millisecond());
    }
    let long: SignedDuration = match text.strip_suffix('d').map(str::parse::<i64>) {
        Some(Ok(days)) => SignedDuration::from_hours(days.clamp(0, 400) * 24),
        _ => text.parse().map_err(|_| wrong())?,
    };
    if long <= SignedDuration::ZERO || long > SignedDuration::from_hours(24 * 366) {
        return Err(wrong());
    }
    let at = now.checked_add(long).map_err(|_| wrong())?;
    Ok(at.timestamp().as_millisecond())
}

fn check(file: &std::path::Path, json: bool) -> anyhow::Result<ExitCode> {
    let read = load_catalog(file);
    let faults = read.as_ref().err().map_or(&[][..], |f| f.0.as_slice());
    if json {
        print_json(&json!({"file": file.display().to_string(), "faults": faults}))?;
    } else if let Ok(catalog) = &read {
        print(&format!(
            "{} can be used: version {}, {} dishes, {} promotions\n",
            file.display(),
            clean(&catalog.version),
            catalog.dishes.len(),
            catalog.promotions.len()
        ))?;
    } else {
        let lines: String = faults.iter().map(|f| format!("{f}\n")).collect();
        print(&lines)?;
    }
    Ok(if faults.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    }
    .into())
}

fn list(answer: &Value) -> String {
    let mut table = Table::new(&[
        ("ID", Lean::Left),
        ("PRICE", Lean::Right),
        ("CHOICES", Lean::Right),
        ("", Lean::Left),
        ("NAME", Lean::Left),
    ]);
    for d in View(answer).each("dishes") {
        let choices: usize = d.each("options").map(|o| o.each("choices").count()).sum();
        let state = match (d.yes("available"), d.yes("stopped")) {
            (true, _) => String::new(),
            (false, true) => match d.number("back_at") {
                Some(back) => format!("OFF SALE until {}", time(back)),
                None => "OFF SALE".to_owned(),
            },
            (false, false) => "SOLD OUT".to_owned(),
        };
        table.row([
            d.text("id"),
            d.money("price_minor"),
            choices.to_string(),
            state,
            d.word("name"),
        ]);
    }
    if table.is_empty() {
        return "no dishes\n".to_owned();
    }
    table.render()
}

fn stops(answer: &Value) -> String {
    let mut text = String::new();
    let pause = View(answer).at("pause");
    if pause.number("since_at").is_some() {
        text += &format!(
            "SALES ARE PAUSED ({}) since {}, until {}: {}\n",
            pause.text("kind"),
            pause.time("since_at"),
            until(pause),
            clean(&pause.text("why"))
        );
    }
    let mut table = Table::new(&[
        ("OFF SALE", Lean::Left),
        ("", Lean::Left),
        ("SINCE", Lean::Left),
        ("UNTIL", Lean::Left),
        ("WHO", Lean::Left),
        ("WHY", Lean::Left),
    ]);
    for s in View(answer).each("stops") {
        let dish = s.at("dish_id").0.as_str();
        table.row([
            dish.map_or_else(|| s.text("ingredient_id"), str::to_owned),
            dish.map_or("ingredient", |_| "dish").to_owned(),
            s.time("since_at"),
            until(s),
            s.text("who"),
            s.text("why"),
        ]);
    }
    if table.is_empty() {
        return text + "everything is on sale\n";
    }
    text + &table.render()
}

fn until(view: View<'_>) -> String {
    view.number("until_at")
        .map_or_else(|| "lifted".to_owned(), time)
}

fn promotions(answer: &Value) -> String {
    let mut table = Table::new(&[
        ("ID", Lean::Left),
        ("KIND", Lean::Left),
        ("DISHES", Lean::Right),
        ("UNTIL", Lean::Left),
        ("NAME", Lean::Left),
    ]);
    for p in View(answer).each("promotions") {
        table.row([
            p.text("id"),
            p.text("kind"),
            p.each("dishes").count().to_string(),
            p.number("until_at").map_or_else(|| "-".to_owned(), time),
            p.word("name"),
        ]);
    }
    if table.is_empty() {
        return "no promotion holds now\n".to_owned();
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn until_when_is_a_time_or_how_long() {
        let now: Zoned = "2026-11-22T17:30[Europe/Moscow]".parse().unwrap();
        let at = |text: &str| moment(text, &now).map(|ms| ms - now.timestamp().as_millisecond());
        assert_eq!(at("18:00").unwrap(), 30 * 60_000);
        assert_eq!(at("17:00").unwrap(), (23 * 60 + 30) * 60_000);
        assert_eq!(at("2h").unwrap(), 7_200_000);
        assert_eq!(at("90m").unwrap(), 5_400_000);
        assert_eq!(at("3d").unwrap(), 259_200_000);
        for wrong in ["", "soon", "-1h", "25:00", "0m", "999999d"] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }
}
