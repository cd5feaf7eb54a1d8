//! An emulated printer on a pty, for clients of other makes. Prints the pty's path, a TCP address where the printer
//! answers too, and one where the control channel takes its orders; then serves until it is killed. `--real` lets
//! commands take time.

#![allow(clippy::print_stdout, reason = "this is a program")]

use galley_link::{Listener, PtyPort};
use galley_shtrih_m::{
    emulator::{Durations, EmulatorConfig, ShtrihEmulator, TokioClock},
    local_time::LocalDateTime,
};
use std::{
    env,
    error::Error,
    io::{Write as _, stdout},
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let durations = if env::args().any(|a| a == "--real") {
        Durations::default()
    } else {
        Durations::none()
    };
    let start = LocalDateTime::new(2026, 7, 1, 12, 30, 0).ok_or("no such time")?;
    let config = EmulatorConfig {
        durations,
        ..EmulatorConfig::default()
    };
    let clock = Arc::new(TokioClock::starting(start));
    let emulator = ShtrihEmulator::open(None, config, clock)?;
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut control = Listener::tcp(any).await?;
    let printer = Listener::tcp(any).await?;
    let port = PtyPort::open()?;
    println!("{}", port.path.display());
    for listener in [&printer, &control] {
        let address = listener.local_addr().ok_or("no address")?;
        println!("{address}");
    }
    stdout().flush()?;
    let serving = emulator.clone();
    tokio::spawn(async move { serving.serve_pty(port).await });
    let serving = emulator.clone();
    tokio::spawn(async move { serving.listen(printer).await });
    while let Some(stream) = control.accept().await {
        emulator.serve_control(stream).await;
    }
    Ok(())
}
