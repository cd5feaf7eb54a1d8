//! `galley user`: people who work in the store, and their PINs.

use super::{
    client::Door,
    exit::{Exit, Misuse, help},
    output::{Lean, Table, View, clean, print, print_json},
};
use crate::{
    domain::staff::check_pin,
    world::{Entropy as _, SystemEntropy},
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::{io::BufRead as _, process::ExitCode};

/// Digits of a PIN that is made up.
const DIGITS: usize = 6;

/// People who work in the store, and their PINs.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley user list",
    "galley user add 'Anna Petrova' --role cashier --language ru",
    "galley user add Dilnoza --role manager --language uz --pin -   PIN from",
    "                                                        standard input",
    "galley user set-pin 'Anna Petrova'",
    "galley user disable 'Anna Petrova'",
    "galley user unlock kiosk:front",
))]
pub struct UserArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Who works here, and who is at work
    List,
    /// Takes a person on; prints a PIN unless one is given
    Add {
        /// The name, as screens and the log show it
        name: String,
        /// What they may do: cashier, technician or manager
        #[arg(long, value_parser = ["cashier", "technician", "manager"])]
        role: String,
        /// The language of their screens
        #[arg(long, default_value = "ru", value_parser = ["ru", "uz", "en"])]
        language: String,
        /// 4 to 8 digits; - reads them from standard input
        #[arg(long)]
        pin: Option<String>,
    },
    /// Gives a person another PIN; they must come in again
    SetPin {
        /// Who
        name: String,
        /// 4 to 8 digits; - reads them from standard input
        #[arg(long)]
        pin: Option<String>,
    },
    /// Shuts a person out, at once
    Disable {
        /// Who
        name: String,
    },
    /// Lets a person in again
    Enable {
        /// Who
        name: String,
    },
    /// Removes a person; what they did stays in the log
    Remove {
        /// Who
        name: String,
    },
    /// Opens a door again that wrong PINs have shut
    Unlock {
        /// The door, as the alert names it: kiosk:front
        door: String,
    },
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: UserArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    let change = |name: &str, act: &str| format!("/users/{}/{act}", segment(name));
    let (mut answer, said) = match args.act {
        Act::List => {
            let answer = client.get("/users").await?;
            let text = list(&answer);
            (answer, text)
        }
        Act::Add {
            name,
            role,
            language,
            pin,
        } => {
            let pin = Pin::of(pin)?;
            let body = json!({"name": name, "role": role, "language": language, "pin": pin.digits});
            let mut answer = client.post("/users", &body).await?;
            pin.tell(&mut answer);
            let said = format!("{} works here now, as {role}\n{}", clean(&name), pin.said());
            (answer, said)
        }
        Act::SetPin { name, pin } => {
            let pin = Pin::of(pin)?;
            let body = json!({"pin": pin.digits});
            let mut answer = client.post(&change(&name, "pin"), &body).await?;
            pin.tell(&mut answer);
            (
                answer,
                format!("{} has another PIN\n{}", clean(&name), pin.said()),
            )
        }
        Act::Disable { name } => (
            client.post(&change(&name, "disable"), &json!({})).await?,
            format!("{} can't come in any more\n", clean(&name)),
        ),
        Act::Enable { name } => (
            client.post(&change(&name, "enable"), &json!({})).await?,
            format!("{} can come in\n", clean(&name)),
        ),
        Act::Remove { name } => (
            client.post(&change(&name, "remove"), &json!({})).await?,
            format!("{} does not work here any more\n", clean(&name)),
        ),
        Act::Unlock { door } => (
            client
                .post("/sessions/unlock", &json!({"door": door}))
                .await?,
            format!("{} is open again\n", clean(&door)),
        ),
    };
    if args.door.json {
        if answer.is_null() {
            answer = json!({});
        }
        print_json(&answer)?;
    } else {
        print(&said)?;
    }
    Ok(Exit::Done.into())
}

/// A PIN that was given, or made up here: the daemon never tells one.
struct Pin {
    digits: String,
    made_up: bool,
}

impl Pin {
    fn of(given: Option<String>) -> anyhow::Result<Self> {
        let digits = match given.as_deref() {
            None => {
                return Ok(Self {
                    digits: made_up(),
                    made_up: true,
                });
            }
            Some("-") => {
                let mut line = String::new();
                std::io::stdin().lock().read_line(&mut line)?;
                line.trim().to_owned()
            }
            Some(digits) => digits.to_owned(),
        };
        check_pin(&digits).map_err(Misuse)?;
        Ok(Self {
            digits,
            made_up: false,
        })
    }

    fn said(&self) -> String {
        if self.made_up {
            format!("PIN: {}  (shown this once)\n", self.digits)
        } else {
            String::new()
        }
    }

    fn tell(&self, answer: &mut Value) {
        if self.made_up {
            answer["pin"] = self.digits.clone().into();
        }
    }
}

fn made_up() -> String {
    loop {
        let pin: String = (0..DIGITS)
            .map(|_| char::from_digit(u32::try_from(SystemEntropy.below(10)).unwrap_or(0), 10))
            .map(|digit| digit.unwrap_or('0'))
            .collect();
        if check_pin(&pin).is_ok() {
            return pin;
        }
    }
}

/// A name as one part of an address.
pub(super) fn segment(name: &str) -> String {
    let text: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    text.replace('+', "%20")
}

fn list(answer: &Value) -> String {
    let mut table = Table::new(&[
        ("NAME", Lean::Left),
        ("ROLE", Lean::Left),
        ("LANGUAGE", Lean::Left),
        ("STATE", Lean::Left),
    ]);
    for user in View(answer).each("users") {
        let at: Vec<&str> = user.each("at").filter_map(|d| d.0.as_str()).collect();
        let state = match (user.number("disabled_at"), at.is_empty()) {
            (Some(_), _) => "disabled".to_owned(),
            (None, true) => "-".to_owned(),
            (None, false) => format!("at {}", at.join(", ")),
        };
        table.row([
            user.text("name"),
            user.text("role"),
            user.text("language"),
            state,
        ]);
    }
    if table.is_empty() {
        return "nobody works here yet: galley user add NAME --role cashier\n".to_owned();
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_part_of_an_address() {
        assert_eq!(segment("Anna Petrova/../x"), "Anna%20Petrova%2F..%2Fx");
        assert_eq!(segment("Аня"), "%D0%90%D0%BD%D1%8F");
    }

    #[test]
    fn a_pin_that_is_made_up_can_be_chosen() {
        for _ in 0..200 {
            assert_eq!(check_pin(&made_up()), Ok(()));
        }
    }
}
