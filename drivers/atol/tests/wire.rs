//! What the driver puts on the wire, frame by frame.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;

use async_trait::async_trait;
use bench::{Bench, noon, sale, shift_open};
use galley_atol::{
    AtolConfig,
    buffer::HostCommand,
    emulator::{AtolEmulator, EmulatorConfig, Fault, Times, TokioClock},
    frame::{Decoder, Found},
};
use galley_fiscal::{FiscalError, Recovered};
use galley_link::{
    Address, BoxStream, Dialer, Direction, LinkError, Listener, MemoryNet, Tapped, WireTap,
};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

/// Keeps the bytes that left.
#[derive(Clone, Default)]
struct Sent(Arc<Mutex<Vec<u8>>>);

impl WireTap for Sent {
    fn bytes(&self, direction: Direction, bytes: &[u8]) {
        if direction == Direction::Out {
            self.0.lock().unwrap().extend(bytes);
        }
    }
}

impl Sent {
    /// The commands since the last look.
    fn take(&self) -> Vec<HostCommand> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        Decoder::default()
            .push_all(&bytes)
            .into_iter()
            .map(|found| match found {
                Found::Frame(f) => HostCommand::decode(&f.data).unwrap(),
                Found::Damaged => panic!("the driver sent a damaged frame"),
            })
            .collect()
    }
}

struct TappedDialer(MemoryNet, Sent);

#[async_trait]
impl Dialer for TappedDialer {
    async fn open(&self, address: &Address) -> Result<BoxStream, LinkError> {
        let stream = self.0.open(address).await?;
        Ok(Box::new(Tapped::new(stream, Arc::new(self.1.clone()))))
    }
}

/// A bench whose wire is seen; on a line, a power cut does not hang up.
async fn watched(line: bool) -> (Bench, Sent) {
    let clock = TokioClock::starting(noon());
    let config = EmulatorConfig::default();
    let emulator = AtolEmulator::open(None, config, Arc::new(clock.clone())).unwrap();
    let net = MemoryNet::new();
    let mut door = net.listen("atol");
    let serving = emulator.clone();
    tokio::spawn(async move {
        if line {
            while let Some(stream) = Listener::accept(&mut door).await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.serve_line(stream).await });
            }
        } else {
            serving.listen(door).await;
        }
    });
    let sent = Sent::default();
    let dialer = Arc::new(TappedDialer(net, sent.clone()));
    let mut bench = Bench::at(emulator, clock, dialer, "mem://atol", AtolConfig::default());
    bench.carry_out(&shift_open(), false).await;
    sent.take();
    (bench, sent)
}

fn adds_of(commands: &[HostCommand], code: u8) -> usize {
    let adds = commands.iter().filter(|c| match c {
        HostCommand::Add { task, .. } => task.get(2) == Some(&code),
        _ => false,
    });
    adds.count()
}

#[tokio::test(start_paused = true)]
async fn a_task_id_is_used_once_between_two_aborts() {
    let (bench, sent) = watched(false).await;
    let mut printer = bench.open().await;
    for _ in 0..150 {
        printer.status().await.unwrap();
    }
    let mut used = BTreeSet::new();
    let mut most = 0;
    for command in sent.take() {
        match command {
            HostCommand::Add { tid, .. } => assert!(used.insert(tid), "{tid} twice"),
            HostCommand::Abort => used.clear(),
            _ => {}
        }
        most = most.max(used.len());
    }
    assert!(most > 200, "the ids went round: {most}");
}

#[tokio::test(start_paused = true)]
async fn an_act_that_the_printer_forgot_is_unknown_and_not_sent_again() {
    for (code, carried_out) in [(0x4A, true), (0x4A, false), (0xEB, true), (0x92, false)] {
        let (bench, sent) = watched(true).await;
        let mut printer = bench.open().await;
        let baseline = printer.baseline().await.unwrap();
        let fault = Fault::PowerCut { carried_out };
        let at = galley_atol::emulator::At::Command(code);
        bench.emulator.set_fault_at(fault, at, Times::Once);
        sent.take();
        let document = sale("k-1");
        let back = async {
            tokio::time::sleep(Duration::from_secs(4)).await;
            bench.emulator.restart();
        };
        let (unknown, ()) = tokio::join!(printer.register(&document, &baseline), back);
        assert!(
            matches!(unknown, Err(FiscalError::Unknown { .. })),
            "{unknown:?}"
        );
        let commands = sent.take();
        assert_eq!(adds_of(&commands, code), 1, "{code:#04x}");
        assert!(matches!(commands.last(), Some(HostCommand::Req(_))));
        let recovered = bench
            .open()
            .await
            .recover(&document, &baseline)
            .await
            .unwrap();
        let expected = code == 0x4A && carried_out;
        assert_eq!(matches!(recovered, Recovered::Registered(_)), expected);
        assert_eq!(adds_of(&sent.take(), 0x4A), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_by_its_id_on_the_same_link() {
    for fault in [Fault::AnswerLost, Fault::FrameCut, Fault::WrongCrc] {
        let (bench, sent) = watched(false).await;
        let mut printer = bench.open().await;
        let baseline = printer.baseline().await.unwrap();
        sent.take();
        bench.emulator.set_fault(fault, Times::Once);
        printer.register(&sale("k-1"), &baseline).await.unwrap();
        let commands = sent.take();
        let asked = commands.iter().any(|c| matches!(c, HostCommand::Req(_)));
        assert!(asked, "{fault:?}");
        assert_eq!(adds_of(&commands, 0x4A), 1, "{fault:?}");
        assert!(!commands.contains(&HostCommand::Abort), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_link_the_running_task_is_asked_for_before_the_buffer_is_cleared() {
    let (bench, sent) = watched(false).await;
    let mut printer = bench.open().await;
    let baseline = printer.baseline().await.unwrap();
    bench
        .emulator
        .set_fault(Fault::AnswerDelayed { ms: 30_000 }, Times::Once);
    let document = sale("k-1");
    let cut = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        bench.emulator.drop_link();
    };
    let (unknown, ()) = tokio::join!(printer.register(&document, &baseline), cut);
    assert!(
        matches!(unknown, Err(FiscalError::Unknown { .. })),
        "{unknown:?}"
    );
    drop(printer);
    sent.take();
    let mut printer = bench.open().await;
    let commands = sent.take();
    assert!(
        matches!(commands.first(), Some(HostCommand::Req(_))),
        "{commands:?}"
    );
    let abort = commands.iter().position(|c| *c == HostCommand::Abort);
    let asks = commands
        .iter()
        .filter(|c| matches!(c, HostCommand::Req(_)))
        .count();
    assert!(abort >= Some(asks), "{commands:?}");
    assert_eq!(bench.emulator.receipts().len(), 1);
    let recovered = printer.recover(&document, &baseline).await.unwrap();
    assert!(matches!(recovered, Recovered::Registered(_)));
}

#[tokio::test(start_paused = true)]
async fn the_same_day_gives_the_same_bytes() {
    let mut days = Vec::new();
    for _ in 0..2 {
        let (mut bench, sent) = watched(false).await;
        bench
            .emulator
            .set_fault(Fault::LinkLost { carried_out: true }, Times::Once);
        bench.carry_out(&sale("k-1"), true).await;
        bench
            .emulator
            .set_fault(Fault::PowerCut { carried_out: false }, Times::Once);
        bench.carry_out(&sale("k-2"), false).await;
        days.push((
            sent.take(),
            bench.emulator.documents(),
            bench.emulator.paper(200),
        ));
    }
    assert_eq!(days[0], days[1]);
}
