//! A fleet of stores.

use super::super::output::print;
use crate::{
    sync::{
        Authority, Brokers, Mqtt,
        emulator::{Fleet, FleetConfig, Mix, ids, token_of},
    },
    world::{Clock, Http, ReqwestHttp, SystemClock},
};
use anyhow::Context as _;
use axum::{Json, Router, routing::get};
use clap::{Args, ValueEnum};
use std::{fmt::Write as _, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

/// Thousands of stores that send their logs to headquarters as real ones do
#[derive(Args, Debug)]
pub(super) struct FleetArgs {
    /// How many stores
    #[arg(long, value_name = "N", default_value_t = 100)]
    stores: usize,
    /// Events a store has in the end
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    events_per_store: u64,
    /// Events a second and store; all of them are there at once without it
    #[arg(long, value_name = "EVENTS")]
    rate: Option<f64>,
    /// Through this MQTT broker
    #[arg(long, value_name = "URL")]
    broker: Option<String>,
    /// Certificates, in PEM, of who vouches for the broker
    #[arg(long, value_name = "FILE")]
    broker_ca: Option<PathBuf>,
    /// So many connections at the broker, shared by the stores; one each without it
    #[arg(long, value_name = "N")]
    connections: Option<usize>,
    /// Straight to headquarters, or where the broker does not carry
    #[arg(long, value_name = "URL")]
    hq: Option<String>,
    /// What the logs follow from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Their ids are this and a number
    #[arg(long, value_name = "TEXT", default_value = "fleet-")]
    prefix: String,
    /// Each store's token is this, a hyphen and its id
    #[arg(long, value_name = "TEXT", default_value = "fleet-token")]
    token: String,
    /// What happens in them
    #[arg(long, value_enum, default_value_t = Happens::Sales)]
    mix: Happens,
    /// Bytes of a body where all are alike
    #[arg(long, value_name = "BYTES", default_value_t = 256)]
    body: usize,
    /// Events in a batch before it grows
    #[arg(long, value_name = "EVENTS", default_value_t = 100)]
    batch: usize,
    /// Pack all events before the first store connects, as the stores' own machines would
    #[arg(long, conflicts_with = "rate")]
    ahead: bool,
    /// Seconds between two signs of life
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    heartbeat: u64,
    /// Tell how far the stores are on this address: /heads, /report
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Write at the end how far each store is, for `galley hq verify --fleet`
    #[arg(long, value_name = "FILE")]
    heads: Option<PathBuf>,
    /// Write the stores and their tokens, for `galley hq --stores-file`, and end
    #[arg(long, value_name = "FILE")]
    write_stores: Option<PathBuf>,
    /// End when headquarters has all, and tell the figures
    #[arg(long)]
    until_drained: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Happens {
    /// Events of one size that follow nothing
    Plain,
    /// Orders, ten events each
    Sales,
}

pub(super) async fn execute(args: FleetArgs) -> anyhow::Result<()> {
    if let Some(file) = &args.write_stores {
        let mut text = String::new();
        for id in ids(&args.prefix, args.stores)? {
            writeln!(text, "{id}={}", token_of(&args.token, &id).reveal())?;
        }
        return std::fs::write(file, text).with_context(|| file.display().to_string());
    }
    if args.broker.is_none() && args.hq.is_none() {
        anyhow::bail!("give --broker, --hq or both");
    }
    let broker = args.broker.as_deref().map(str::parse).transpose();
    let config = FleetConfig {
        stores: args.stores,
        prefix: args.prefix.clone(),
        seed: args.seed,
        mix: match args.mix {
            Happens::Plain => Mix::Plain,
            Happens::Sales => Mix::Sales,
        },
        body_bytes: args.body,
        events: args.events_per_store,
        rate: args.rate,
        batch: args.batch.max(1),
        ahead: args.ahead,
        heartbeat: Duration::from_secs(args.heartbeat.max(1)),
        token: args.token.clone(),
        broker: broker.map_err(anyhow::Error::msg).context("--broker")?,
        ca: Authority::load(args.broker_ca.as_deref())
            .map_err(anyhow::Error::msg)
            .context("--broker-ca")?,
        connections: args.connections,
        url: args.hq.clone(),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let brokers: Arc<dyn Brokers> = Arc::new(Mqtt);
    let http: Arc<dyn Http> = Arc::new(ReqwestHttp::new()?);
    let mut fleet = Fleet::start(&config, &clock, &brokers, &http)?;
    if let Some(rate) = config.rate {
        fleet.live(rate, config.events);
    }
    let fleet = Arc::new(fleet);
    if let Some(listen) = args.listen {
        let listener = tokio::net::TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot listen on {listen}"))?;
        print(&format!("fleet: http://{}\n", listener.local_addr()?))?;
        let (heads, report) = (Arc::clone(&fleet), Arc::clone(&fleet));
        let router = Router::new()
            .route("/heads", get(async move || Json(heads.heads())))
            .route("/report", get(async move || Json(report.report())));
        tokio::spawn(async move { axum::serve(listener, router).await });
    }
    tokio::select! {
        biased;
        stopped = super::stop() => stopped?,
        () = drained(&fleet, args.events_per_store, args.until_drained) => {}
    }
    print(&format!("{}\n", serde_json::to_string(&fleet.report())?))?;
    if let Some(file) = &args.heads {
        let heads = serde_json::to_vec(&fleet.heads())?;
        std::fs::write(file, heads).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

async fn drained(fleet: &Fleet, events: u64, wanted: bool) {
    if !wanted {
        return std::future::pending().await;
    }
    fleet.answered().await;
    fleet.drained_to(events).await;
}
