//! `galley fiscal-gateway`: the printers as a service of their own.

use super::{
    exit::help,
    printers,
    run::{bind_socket, stopped, tell_systemd},
};
use crate::{
    config::credential,
    gateway::{DeviceSettings, Gateway, GatewayConfig, JournalOptions, Parts, Role, Service},
    world::World,
};
use anyhow::Context as _;
use axum::{Router, serve::ListenerExt as _};
use clap::Args;
use galley_fiscal::Operator;
use jiff::tz::TimeZone;
use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// How long clients that hang on to their connections are waited for.
const HANGING_ON: Duration = Duration::from_secs(5);

/// Run the fiscal printers as a service for other tills.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley fiscal-gateway --config ./gateway.toml",
    "galley fiscal-gateway --config ./gateway.toml --check",
    "systemctl start galley-fiscal-gateway"
))]
pub struct FiscalGatewayArgs {
    /// The configuration
    #[arg(
        long,
        value_name = "FILE",
        env = "GALLEY_GATEWAY_CONFIG",
        default_value = "/etc/galley/fiscal-gateway.toml"
    )]
    pub config: PathBuf,
    /// Check the configuration and start nothing
    #[arg(long)]
    pub check: bool,
}

/// Runs it until it is told to stop.
///
/// # Errors
/// When it can't start, or a part of it has died.
pub async fn execute(args: FiscalGatewayArgs) -> anyhow::Result<ExitCode> {
    let config = GatewayConfig::load(&args.config)?;
    if args.check {
        super::output::print(&format!("{} can be used\n", args.config.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut service = Service::start(parts(&config)?)
        .await
        .context("cannot open the gateway's journal")?;
    let closing = service.closing();
    let mut doors = JoinSet::new();
    let section = &config.gateway;
    let mut listen = vec![section.listen];
    listen.extend(section.vendor_listen);
    for address in listen {
        serve(&mut doors, address, service.gateway.router(), &closing).await?;
    }
    let local = bind_socket(&section.socket)?;
    let served = axum::serve(local, service.gateway.local_router())
        .with_graceful_shutdown(closing.clone().cancelled_owned());
    doors.spawn(served.into_future());
    tracing::info!(
        address = %section.listen,
        printers = section.printers.len(),
        "the fiscal gateway is open"
    );
    tell_systemd(&[
        sd_notify::NotifyState::Ready,
        sd_notify::NotifyState::Status("open"),
    ]);
    let watchdog = tokio::spawn(watchdog(service.gateway.clone()));
    let ended = tokio::select! {
        biased;
        stopped = stopped() => stopped,
        why = service.broken() => Err(anyhow::anyhow!("a printer's worker has died: {why}")),
    };
    tell_systemd(&[sd_notify::NotifyState::Stopping]);
    watchdog.abort();
    service.stop().await;
    let all = async { while doors.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(HANGING_ON, all).await;
    // It is ours, and a file without a listener only misleads.
    let _ = std::fs::remove_file(&section.socket);
    ended?;
    Ok(ExitCode::SUCCESS)
}

/// Serves a door until `closing`, and tells where.
async fn serve(
    doors: &mut JoinSet<std::io::Result<()>>,
    address: SocketAddr,
    router: Router,
    closing: &CancellationToken,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    // Answers are small: none waits for the next.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let served =
        axum::serve(listener, router).with_graceful_shutdown(closing.clone().cancelled_owned());
    doors.spawn(served.into_future());
    Ok(())
}

fn parts(config: &GatewayConfig) -> anyhow::Result<Parts> {
    let section = &config.gateway;
    let world = World::system().context("cannot set up HTTP")?;
    let secret = |name: &str| {
        credential(section.credentials.as_deref(), "gateway.credentials", name)
            .map_err(anyhow::Error::msg)
    };
    let printers = section
        .printers
        .iter()
        .map(|p| {
            let factory = printers::open(&p.printer, &world, &secret)
                .with_context(|| format!("[[gateway.printers]] {}", p.id))?;
            let receipt = &p.printer.receipt;
            let settings = DeviceSettings {
                id: p.id.clone(),
                open_shift: p.open_shift,
                close_expired_shift: p.close_expired_shift,
                operator: receipt.cashier.as_ref().map(|name| Operator {
                    name: name.clone(),
                    inn: receipt.cashier_inn.clone(),
                }),
                tax_system: receipt.tax_system,
            };
            Ok((settings, factory))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let tokens = section
        .tokens
        .iter()
        .map(|t| {
            let role = Role::from_word(&t.role).context("gateway.tokens.role")?;
            Ok((secret(&t.credential)?, role, t.name.clone()))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    for file in [&section.journal, &section.socket] {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
    }
    Ok(Parts {
        world,
        journal: JournalOptions::at(&section.journal),
        printers,
        tokens,
        keep: section.keep,
        vendor_without_token: section.vendor_without_token,
        vendor_origins: section.vendor_origins.clone(),
        zone: TimeZone::system(),
    })
}

/// Tells systemd that the gateway lives, as long as its journal answers.
async fn watchdog(gateway: Gateway) {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return;
    };
    let mut every = tokio::time::interval(limit / 3);
    loop {
        every.tick().await;
        // A full disk is no reason to be killed: what is printed is found out afterwards.
        if !matches!(
            gateway.ping().await,
            Err(crate::gateway::JournalError::Closed)
        ) {
            tell_systemd(&[sd_notify::NotifyState::Watchdog]);
        }
    }
}
