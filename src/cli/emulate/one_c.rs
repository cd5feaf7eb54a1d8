//! An infobase of 1C.

use super::{FaultText, fault, serve};
use crate::{
    cli::exit::Misuse,
    connectors::one_c::{
        Config,
        emulator::{Act, Emulator, Fault},
    },
};
use anyhow::Context as _;
use clap::Args;
use serde::Deserialize;
use std::{net::SocketAddr, path::PathBuf};

/// 1C:Accounting 3.0 behind its OData interface
#[derive(Args, Debug)]
pub(super) struct OneCArgs {
    /// On this TCP address; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8103")]
    listen: SocketAddr,
    /// The user of the infobase
    #[arg(long, value_name = "NAME", default_value = "galley")]
    user: String,
    /// Their password; nothing real is behind it
    #[arg(long, value_name = "TEXT", default_value = "galley")]
    password: String,
    /// Keep the books in this file; without it, they are gone at the end
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Fill the catalogs with all that these settings (the connector's table, as TOML) point to
    #[arg(long, value_name = "FILE")]
    stock: Option<PathBuf>,
    /// What goes wrong: act=read|create|change|post,fault=answer_lost|hang|error|error_after_act|ignored;
    /// as often as needed
    #[arg(long = "fault", value_name = "PAIRS", value_parser = fault)]
    faults: Vec<FaultText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultRequest {
    act: Act,
    fault: Fault,
}

pub(super) async fn execute(args: OneCArgs) -> anyhow::Result<()> {
    let infobase = match &args.state {
        Some(file) => Emulator::open(&args.user, &args.password, file.clone())
            .with_context(|| format!("cannot use {}", file.display()))?,
        None => Emulator::new(&args.user, &args.password),
    };
    if let Some(file) = &args.stock {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let config: Config =
            toml::from_str(&text).with_context(|| format!("cannot use {}", file.display()))?;
        infobase.stock(&config);
    }
    for text in args.faults {
        let wanted = text.0.to_string();
        let request: FaultRequest =
            serde_json::from_value(text.0).map_err(|e| Misuse(format!("--fault {wanted}: {e}")))?;
        infobase.inject(request.act, request.fault);
    }
    let path = "/base/odata/standard.odata/";
    serve("one-c", args.listen, path, infobase.router()).await
}
