//! `galley hq`: headquarters.

use super::exit::help;
use crate::world::Secret;
use clap::Args;
use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

/// Run headquarters: takes in the logs of all stores and shows them.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley hq --store S001=\"$TOKEN1\" --store S002=\"$TOKEN2\"",
    "galley hq --listen 0.0.0.0:8443 --data /var/lib/galley-hq",
    "galley hq --broker mqtt://broker:1883",
    "systemctl start galley-hq"
))]
pub struct HqArgs {
    /// Where the dashboard and the stores come in
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "GALLEY_HQ_LISTEN",
        default_value = "127.0.0.1:8090"
    )]
    pub listen: SocketAddr,
    /// Where its database lives
    #[arg(
        long,
        value_name = "DIR",
        env = "GALLEY_HQ_DATA",
        default_value = "/var/lib/galley-hq"
    )]
    pub data: PathBuf,
    /// Also take in over this MQTT broker
    #[arg(long, value_name = "URL", env = "GALLEY_HQ_BROKER")]
    pub broker: Option<String>,
    /// A store and its token; as often as there are stores. In the environment: separated by commas
    #[arg(long = "store", value_name = "ID=TOKEN", env = "GALLEY_HQ_STORES", hide_env_values = true, value_delimiter = ',', value_parser = store)]
    pub stores: Vec<StoreToken>,
}

/// A store that may send, and the token it proves that with.
#[derive(Clone, Debug)]
pub struct StoreToken {
    /// The store.
    pub store_id: String,
    /// Its token.
    pub token: Secret,
}

fn store(text: &str) -> Result<StoreToken, String> {
    match text.split_once('=') {
        Some((id, token)) if !id.is_empty() && !token.is_empty() => Ok(StoreToken {
            store_id: id.to_owned(),
            token: Secret::new(token),
        }),
        // The text is not repeated: it may be a token.
        _ => Err("write it as ID=TOKEN".to_owned()),
    }
}

/// Runs it until it is told to stop.
///
/// # Errors
/// When it can't start.
pub async fn execute(args: HqArgs) -> anyhow::Result<ExitCode> {
    anyhow::bail!("headquarters is not wired yet ({})", args.listen)
}

#[cfg(test)]
mod tests {
    use super::store;

    #[test]
    fn a_stores_token_is_not_shown_when_it_is_mistyped() {
        assert_eq!(store("S001=s=cret").unwrap().token.reveal(), "s=cret");
        let error = store("s3cret").unwrap_err();
        assert!(!error.contains("s3cret"));
    }
}
