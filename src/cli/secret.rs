//! `galley secret`: passwords, tokens and keys, kept sealed in the store.

use super::{
    ask,
    client::{Door, segment},
    exit::{Exit, Misuse, help},
    output::{Lean, Table, View, print, print_json},
    when,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Passwords, tokens and keys: put in, never shown.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley secret set alfa-bank              asks for it; nothing is shown",
    "galley secret set sms-ru < key.txt       or from a pipe",
    "galley secret list",
    "galley secret remove alfa-bank",
    "galley secret rotate                     seal all with the box's new key",
    "",
    "The name is what the configuration calls the credential. A file of that",
    "name in the credentials folder comes first. Secrets are read at the start:",
    "systemctl restart galley"
))]
pub struct SecretArgs {
    #[command(flatten)]
    pub(super) door: Door,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Keep a secret under a name; one that is there is replaced
    Set {
        /// What the configuration calls the credential
        name: String,
    },
    /// The names; never what is behind them
    List,
    /// Forget one
    Remove {
        /// Its name
        name: String,
    },
    /// Seal all secrets with the box's present key, so that the former one can go
    #[command(
        after_help = "1. galley backup key | systemd-creds encrypt --name=galley-key - NEW\n2. keep the former credential as galley-key-old, the new one as galley-key\n3. systemctl restart galley; galley secret rotate\n4. take galley-key-old away when no backup is left that it sealed"
    )]
    Rotate,
}

/// Runs it.
///
/// # Errors
/// When the daemon refuses, or can't be asked.
pub async fn execute(args: SecretArgs) -> anyhow::Result<ExitCode> {
    let client = args.door.client()?;
    let (answer, text) = match args.act {
        Act::Set { name } => {
            if let Some(url) = &args.door.store
                && !is_private(url)
            {
                return Err(Misuse(format!(
                    "--store {url}: a secret does not travel in the clear; take https, or set it on the box itself"
                ))
                .into());
            }
            let value = ask::secret(&format!("secret for {name}"))?;
            let answer = client
                .post("/secrets", &json!({"name": name, "value": value}))
                .await?;
            let text = done(&answer, &format!("{name} is kept"));
            (answer, text)
        }
        Act::List => {
            let answer = client.get("/secrets").await?;
            when::told(&client).await;
            let text = list(&answer);
            (answer, text)
        }
        Act::Remove { name } => {
            args.door.confirm(&format!(
                "The secret {name} is forgotten. Whatever needs it won't work after the next start of the daemon."
            ))?;
            let path = format!("/secrets/{}/remove", segment(&name));
            let answer = client.post(&path, &json!({})).await?;
            let text = done(&answer, &format!("{name} is forgotten"));
            (answer, text)
        }
        Act::Rotate => {
            args.door.confirm(
                "Every secret is sealed with the box's present key. The former key opens none of them afterwards.",
            )?;
            let answer = client.post("/secrets/rotate", &json!({})).await?;
            let text = format!("{} sealed anew\n", View(&answer).text("resealed"));
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

/// Whether nobody on the way can read along.
fn is_private(url: &str) -> bool {
    url.parse::<http::Uri>().is_ok_and(|uri| {
        uri.scheme_str() == Some("https")
            || matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"))
    })
}

fn done(answer: &Value, what: &str) -> String {
    let view = View(answer);
    let mut text = format!("{what}; it is read at the next start: systemctl restart galley\n");
    if view.yes("shadowed") {
        text += "A credential file of the same name is there and comes first.\n";
    }
    text
}

fn list(answer: &Value) -> String {
    let view = View(answer);
    if !view.yes("enabled") {
        return "this box has no key to seal secrets with; see: galley backup key -h\n".to_owned();
    }
    let mut table = Table::new(&[
        ("NAME", Lean::Left),
        ("SET", Lean::Left),
        ("KEY", Lean::Left),
        ("", Lean::Left),
    ]);
    for s in view.each("secrets") {
        table.row([
            s.text("name"),
            s.time("set_at"),
            s.text("sealed_with"),
            match s.yes("shadowed") {
                true => "a file comes first".to_owned(),
                false => String::new(),
            },
        ]);
    }
    if table.is_empty() {
        return "no secrets\n".to_owned();
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::is_private;

    #[test]
    fn a_secret_does_not_travel_in_the_clear() {
        assert!(is_private("https://box.example:8443"));
        assert!(is_private("http://127.0.0.1:8080"));
        assert!(!is_private("http://box.example"));
    }
}
