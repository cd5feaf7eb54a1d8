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

/// Walks the logs, and tells what was found.
///
/// # Errors
/// When the database, or the fleet, can't be read.
pub async fn execute(place: Place, args: VerifyArgs) -> anyhow::Result<ExitCode> {
    let claims = match &args.fleet {
        None => None,
        Some(url) if url.starts_with("http://") => {
            let request = http::Request::get(format!("{}/heads", url.trim_end_matches('/')))
                .body(bytes::Bytes::new())?;
            let answer = ReqwestHttp::new()?.send(request, FLEET).await?;
            Some(answer.into_body())
        }
        Some(file) => Some(std::fs::read(file).with_context(|| file.clone())?.into()),
    };
    let claims: Option<Vec<Claim>> = claims
        .map(|text| serde_json::from_slice(&text))
        .transpose()
        .context("--fleet")?;
    let only = args.only.as_ref().map(StoreId::as_str);
    let verdict = Hq::verify(place, only, claims.as_deref()).await?;
    if args.json {
        print(&format!("{}\n", serde_json::to_string(&verdict)?))?;
    } else {
        for words in &verdict.told {
            print(&format!("{words}\n"))?;
        }
        print(&format!(
            "{}: {} stores, {} events, {} still in the stores, {} set aside, {} faults\n",
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
