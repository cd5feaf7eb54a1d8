//! `galley hq verify`: walks every store's log as it is stored.

use super::{
    exit::{Exit, help},
    output::print,
};
use crate::{
    hq::{Hq, Place, verify::Claim},
    sync::StoreId,
    world::{Http as _, ReqwestHttp},
};
use anyhow::Context as _;
use clap::Args;
use std::{process::ExitCode, time::Duration};

/// What a fleet may take to say how far it is.
const FLEET: Duration = Duration::from_secs(10);

/// Walk every store's log as it is stored: is anything missing, doubled or changed?
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley hq verify",
    "galley hq verify --postgres postgres://galley@/galley --only S001 --json",
    "galley hq verify --fleet http://127.0.0.1:8190      an emulated fleet, event by event",
))]
pub struct VerifyArgs {
    /// Only this store
    #[arg(long, value_name = "ID")]
    only: Option<StoreId>,
    /// Compare with a fleet of `galley emulate fleet`: its address, or the file it wrote at its end
    #[arg(long, value_name = "URL|FILE")]
    fleet: Option<String>,
    /// Tell it as JSON
    #[arg(long)]
    json: bool,
}

fn is_url(fleet: &str) -> bool {
    fleet.starts_with("http://")
}

/// How far the stores of a fleet are, as they say or have written.
async fn heads(fleet: &str) -> anyhow::Result<Vec<Claim>> {
    let text = if is_url(fleet) {
        let url = format!("{}/heads", fleet.trim_end_matches('/'));
        let request = http::Request::get(url).body(bytes::Bytes::new())?;
        let answer = ReqwestHttp::new()?.send(request, FLEET).await?;
        answer.into_body()
    } else {
        std::fs::read(fleet)
            .with_context(|| fleet.to_owned())?
            .into()
    };
    Ok(serde_json::from_slice(&text)?)
}

/// Walks the logs, and tells what was found.
///
/// # Errors
/// When the database, or the fleet, can't be read.
pub async fn execute(place: Place, args: VerifyArgs) -> anyhow::Result<ExitCode> {
    let claims = match &args.fleet {
        None => None,
        Some(fleet) => Some(heads(fleet).await.context("--fleet")?),
    };
    let only = args.only.as_ref().map(StoreId::as_str);
    let running = args.fleet.as_deref().filter(|fleet| is_url(fleet));
    let mut verdict = Hq::verify(place, only, claims.as_deref(), running.is_some()).await?;
    if let Some(fleet) = running {
        verdict.settle(&heads(fleet).await.context("--fleet")?);
    }
    if args.json {
        print(&format!("{}\n", serde_json::to_string(&verdict)?))?;
    } else {
        for words in &verdict.told {
            print(&format!("{words}\n"))?;
        }
        print(&format!(
            "{}: {} stores, {} events, {} still on their way, {} set aside, {} faults\n",
            if verdict.clean { "clean" } else { "NOT CLEAN" },
            verdict.stores,
            verdict.events,
            verdict.behind,
            verdict.unproven,
            verdict.faults
        ))?;
    }
    Ok(if verdict.clean {
        ExitCode::SUCCESS
    } else {
        Exit::Unhealthy.into()
    })
}
