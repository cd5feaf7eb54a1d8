use galley_atol::{emulator::*, local_time::LocalDateTime};
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let a: Vec<String> = std::env::args().collect();
    let start = LocalDateTime::new(2026, 11, 22, 12, 0, 0).unwrap();
    let mut c = EmulatorConfig {
        durations: Durations::none(),
        ..EmulatorConfig::default()
    };
    if let Ok(f) = std::env::var("FFD") {
        c.format = f.parse().unwrap();
    }
    let e = AtolEmulator::open(
        Some(a[2].clone().into()),
        c,
        std::sync::Arc::new(TokioClock::starting(start)),
    )
    .unwrap();
    let l = galley_link::Listener::tcp(a[1].parse().unwrap())
        .await
        .unwrap();
    e.listen(l).await;
}
