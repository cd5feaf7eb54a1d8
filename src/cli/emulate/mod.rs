//! `galley emulate`: one outside system on a port or a pty, speaking its real wire, with faults on demand.

mod atol;
mod atol_web;
mod bank;
mod escpos;
mod fleet;
mod one_c;
mod robot;
mod shtrih_m;
mod sms;
mod till;

use super::{
    exit::{Exit, Misuse, help},
    output::print,
};
use crate::world::{Http as _, RouterHttp};
use anyhow::Context as _;
use axum::Router;
use bytes::Bytes;
use clap::{Args, Subcommand};
use galley_link::{Listener, PtyPort};
use serde_json::{Map, Value};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

/// Emulate one outside system, for developers and trainers.
#[derive(Args, Debug)]
#[command(after_help = help!(
    "galley emulate bank --listen 127.0.0.1:8101 --state bank.json",
    "galley emulate bank --fault method=refund.do,mode=drop_after,count=2",
    "galley emulate atol --pty --link ./printer      then serial:./printer in galley.toml",
    "galley emulate atol --listen 127.0.0.1:5555 --fault fault=answer_lost",
    "galley emulate atol-web --listen 127.0.0.1:16732 --state web.json",
    "galley emulate shtrih-m --pty --fault fault=ack_lost",
    "galley emulate escpos --listen 127.0.0.1:9100 --fault fault=paper_ends,lines=3",
    "galley emulate robot --listen 127.0.0.1:7460 --speed 20",
    "galley emulate fleet --stores 1000 --rate 0.5 --broker mqtt://127.0.0.1:1883 --listen 127.0.0.1:8190",
    "galley emulate sms --fault mode=no_money",
    "galley emulate one-c --fault act=post,fault=answer_lost"
))]
pub struct EmulateArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Atol(atol::AtolArgs),
    AtolWeb(atol_web::AtolWebArgs),
    Bank(bank::BankArgs),
    #[command(name = "escpos")]
    EscPos(escpos::EscPosArgs),
    Fleet(fleet::FleetArgs),
    OneC(one_c::OneCArgs),
    Robot(robot::RobotArgs),
    ShtrihM(shtrih_m::ShtrihArgs),
    Sms(sms::SmsArgs),
}

/// Runs it until it is told to stop.
///
/// # Errors
/// When it can't start.
pub async fn execute(args: EmulateArgs) -> anyhow::Result<ExitCode> {
    let served = async {
        match args.what {
            What::Atol(args) => atol::execute(args).await,
            What::AtolWeb(args) => atol_web::execute(args).await,
            What::Bank(args) => bank::execute(args).await,
            What::EscPos(args) => escpos::execute(args).await,
            What::Fleet(args) => fleet::execute(args).await,
            What::OneC(args) => one_c::execute(args).await,
            What::Robot(args) => robot::execute(args).await,
            What::ShtrihM(args) => shtrih_m::execute(args).await,
            What::Sms(args) => sms::execute(args).await,
        }
    };
    tokio::select! {
        biased;
        stopped = stop() => stopped?,
        result = served => result?,
    }
    Ok(Exit::Done.into())
}

/// Waits for Ctrl-C, or for a service manager's word.
async fn stop() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate())?;
    tokio::select! {
        biased;
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = term.recv() => {}
    }
    Ok(())
}

/// What goes wrong, as `name=value` pairs with commas between; the names are the emulator's own.
#[derive(Clone, Debug)]
struct FaultText(Value);

fn fault(text: &str) -> Result<FaultText, String> {
    let mut fields = Map::new();
    for pair in text.split(',') {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("{pair}: write it as name=value"))?;
        let value = match (value.parse::<u64>(), value.parse::<bool>()) {
            (Ok(number), _) => number.into(),
            (_, Ok(flag)) => flag.into(),
            _ => value.into(),
        };
        fields.insert(name.to_owned(), value);
    }
    Ok(FaultText(Value::Object(fields)))
}

/// Hands a fault to an emulator's own control door.
async fn set_fault(router: &Router, path: &str, fault: &FaultText) -> anyhow::Result<()> {
    let request = http::Request::post(format!("http://emulator{path}"))
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Bytes::from(fault.0.to_string()))?;
    let door = RouterHttp::new().route("emulator", router.clone());
    let answer = door.send(request, Duration::from_secs(5)).await?;
    if !answer.status().is_success() {
        return Err(Misuse(format!(
            "--fault {}: this emulator knows no such fault; its README lists them",
            fault.0
        ))
        .into());
    }
    Ok(())
}

/// Serves a router on a TCP port and tells where.
async fn serve(name: &str, listen: SocketAddr, path: &str, router: Router) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}"))?;
    print(&format!(
        "{name}: http://{}{path}\n",
        listener.local_addr()?
    ))?;
    axum::serve(listener, router).await?;
    Ok(())
}

/// Where a device's emulator is reached: a TCP port, or a pty as if it were a serial line.
#[derive(Args, Clone, Debug)]
struct Line {
    /// On this TCP address; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", required_unless_present = "pty")]
    listen: Option<SocketAddr>,
    /// On a pty, as if it were a serial line
    #[arg(long, conflicts_with = "listen")]
    pty: bool,
    /// Make this symbolic link to the pty, so that its name stays the same
    #[arg(long, value_name = "FILE", requires = "pty")]
    link: Option<PathBuf>,
}

/// The other end of a device's wire.
enum Wire {
    Tcp(Listener),
    Pty(PtyPort),
}

impl Line {
    /// Opens it and tells the address to put into the configuration.
    async fn open(&self, name: &str) -> anyhow::Result<Wire> {
        if let Some(listen) = self.listen {
            let listener = Listener::tcp(listen)
                .await
                .with_context(|| format!("cannot listen on {listen}"))?;
            let at = listener.local_addr().unwrap_or(listen);
            print(&format!("{name}: tcp://{at}\n"))?;
            return Ok(Wire::Tcp(listener));
        }
        let port = PtyPort::open().context("cannot open a pty")?;
        let shown = match &self.link {
            Some(link) => {
                point(link, &port.path)?;
                std::path::absolute(link)?
            }
            None => port.path.clone(),
        };
        print(&format!("{name}: serial://{}\n", shown.display()))?;
        Ok(Wire::Pty(port))
    }
}

/// Puts a symbolic link in place of an older one, and of nothing else.
fn point(link: &Path, to: &Path) -> anyhow::Result<()> {
    if link.is_symlink() {
        std::fs::remove_file(link)?;
    }
    std::os::unix::fs::symlink(to, link)
        .with_context(|| format!("cannot make the link {}", link.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_fault_is_read_into_the_emulators_own_fields() {
        let parsed = fault("method=refund.do,mode=delay_ms,value=500,carried_out=true").unwrap();
        assert_eq!(
            parsed.0,
            json!({"method": "refund.do", "mode": "delay_ms", "value": 500, "carried_out": true})
        );
        assert!(fault("nonsense").is_err());
    }

    #[test]
    fn a_link_replaces_a_link_but_never_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("printer");
        point(&link, Path::new("/dev/pts/1")).unwrap();
        point(&link, Path::new("/dev/pts/2")).unwrap();
        assert_eq!(std::fs::read_link(&link).unwrap(), Path::new("/dev/pts/2"));
        let file = folder.path().join("file");
        std::fs::write(&file, b"keep").unwrap();
        assert!(point(&file, Path::new("/dev/pts/1")).is_err());
    }
}
