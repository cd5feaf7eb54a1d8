//! Runs sessions over streams, one after another, with back-off in between.

use crate::{
    driver::{Answer, Ask, Shared},
    frame::{Decoder, FrameError, Framing, encode},
    session::{Note, Session, Start},
};
use galley_link::BoxStream;
use galley_robot::{CellInfo, Incoming, LinkState, RobotError};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::{mpsc, oneshot},
};
use uuid::Uuid;

/// Waits between attempts, ms; the last one repeats (klink 3.5).
const BACKOFF_MS: [u64; 7] = [500, 1000, 2000, 4000, 8000, 16_000, 30_000];
/// How a session came to its end.
struct Ending {
    was_up: bool,
    detail: String,
    refused: Option<RobotError>,
    closed: bool,
}

/// Connects again and again until closed or refused for good.
pub(crate) async fn keep_connected(
    shared: Arc<Shared>,
    fence: u64,
    first: oneshot::Sender<Result<CellInfo, RobotError>>,
) {
    let mut first = Some(first);
    let mut attempt = 0u32;
    let mut detail = String::new();
    loop {
        shared.link.send_replace(LinkState::Connecting {
            attempt,
            detail: detail.clone(),
        });
        let ending = match shared.dialer.open(&shared.config.address).await {
            Ok(stream) => run_session(&shared, stream, fence, &mut first).await,
            Err(e) => Ending {
                was_up: false,
                detail: chain(&e),
                refused: None,
                closed: false,
            },
        };
        if ending.closed {
            return;
        }
        if ending.was_up {
            attempt = 0;
            tracing::warn!(address = %shared.config.address, "robot link lost: {}", ending.detail);
        }
        if ending.was_up || ending.refused.is_some() {
            shared.push(Incoming::Down {
                detail: ending.detail.clone(),
                refused: ending.refused.clone(),
            });
        }
        if let Some(first) = first.take() {
            let detail = ending.detail.clone();
            let error = ending.refused.clone();
            let _ = first.send(Err(error.unwrap_or(RobotError::LinkDown { detail })));
        }
        if let Some(error) = ending.refused {
            // Whoever owns the driver tells it, and tries again.
            tracing::debug!(address = %shared.config.address, "robot refuses this box: {error}");
            shared.link.send_replace(LinkState::Refused(error));
            return;
        }
        let base = BACKOFF_MS[usize::try_from(attempt)
            .unwrap_or(0)
            .min(BACKOFF_MS.len() - 1)];
        attempt = attempt.saturating_add(1);
        detail = ending.detail;
        // ±20 %: in per mille, 800 to 1200.
        let share = 800 + u64::try_from(shared.ambient.random() % 401).unwrap_or(200);
        shared.link.send_replace(LinkState::Connecting {
            attempt,
            detail: detail.clone(),
        });
        tokio::time::sleep(Duration::from_millis(base * share / 1000)).await;
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(e) = source {
        text = format!("{text}: {e}");
        source = e.source();
    }
    text
}

/// Runs one session to its end.
async fn run_session(
    shared: &Shared,
    stream: BoxStream,
    fence: u64,
    first: &mut Option<oneshot::Sender<Result<CellInfo, RobotError>>>,
) -> Ending {
    let framing = shared.config.framing;
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut decoder = Decoder::new(framing, framing.max_frame());
    let (asks, mut inbox) = mpsc::unbounded_channel();
    let mut asks = Some(asks);
    let mut waiting: BTreeMap<Uuid, Vec<oneshot::Sender<Answer>>> = BTreeMap::new();
    let mut outgoing: Vec<u8> = Vec::new();
    if framing == Framing::Cobs {
        // Ends whatever half frame the peer has in its buffer.
        outgoing.extend([0, 0]);
    }
    let start = {
        let inner = shared.lock();
        Start {
            fence,
            acked: inner.acked,
            seen: inner.seen,
            nonce: shared.ambient.random(),
        }
    };
    let mut session = Session::new(shared.session.clone(), start, shared.now());
    let mut ending = Ending {
        was_up: false,
        detail: String::new(),
        refused: None,
        closed: false,
    };
    let mut closing: Option<oneshot::Sender<()>> = None;
    let mut epoch = Uuid::nil();
    let mut buffer = vec![0u8; 4096];
    loop {
        while let Some(note) = session.next_note() {
            match note {
                Note::Up(info) => {
                    epoch = info.epoch;
                    ending.was_up = true;
                    {
                        let mut inner = shared.lock();
                        inner.session = asks.take();
                        inner.max_frame = session.max_frame();
                    }
                    tracing::info!(address = %shared.config.address, cell.id = %info.cell_id, "robot link up");
                    shared.link.send_replace(LinkState::Up {
                        cell_id: info.cell_id.clone(),
                        clock_offset_ms: None,
                    });
                    if let Some(first) = first.take() {
                        let _ = first.send(Ok((*info).clone()));
                    }
                    shared.push(Incoming::Up(info));
                }
                Note::Event(event) => shared.push(Incoming::Event(event)),
                Note::CaughtUp(seq) => shared.push(Incoming::CaughtUp { seq }),
                Note::Telemetry(telemetry) => shared.push(Incoming::Telemetry(telemetry)),
                Note::Answered(id, answer) => {
                    for reply in waiting.remove(&id).unwrap_or_default() {
                        // The caller may have gone away.
                        let _ = reply.send(answer.clone());
                    }
                }
                Note::ClockOffset(ms) => {
                    shared.link.send_modify(|state| {
                        if let LinkState::Up {
                            clock_offset_ms, ..
                        } = state
                        {
                            *clock_offset_ms = Some(ms);
                        }
                    });
                }
                Note::Ended { detail, refused } => {
                    ending.detail = detail;
                    ending.refused = refused;
                }
            }
        }
        while let Some(payload) = session.next_payload() {
            outgoing.extend(encode(framing, &payload));
        }
        if session.is_over() {
            break;
        }
        // Not left to the select below: a chatty peer must not keep the clock from being looked at.
        if shared.now().mono_ms >= session.deadline() {
            session.on_time(shared.now());
            continue;
        }
        let wake = shared.began + Duration::from_millis(session.deadline());
        tokio::select! {
            biased;
            read = reader.read(&mut buffer) => match read {
                Ok(0) => session.on_broken("the robot closed the connection".into()),
                Err(e) => session.on_broken(format!("the link broke: {e}")),
                Ok(n) => {
                    decoder.push(&buffer[..n]);
                    session.set_unread(shared.lock().unread);
                    feed(&mut session, &mut decoder, shared);
                }
            },
            written = writer.write(&outgoing), if !outgoing.is_empty() => match written {
                Ok(0) => session.on_broken("the link takes no bytes".into()),
                Ok(n) => drop(outgoing.drain(..n)),
                Err(e) => session.on_broken(format!("the link broke: {e}")),
            },
            Some(ask) = inbox.recv() => match ask {
                Ask::Run { cmd, reads_only, reply } => {
                    waiting.entry(cmd.id).or_default().push(reply);
                    session.command(cmd, reads_only, shared.now());
                }
                Ask::Ack(cursor) if cursor.epoch == epoch => session.ack(cursor.last_seq, shared.now()),
                Ask::Ack(_) => {}
                Ask::Close(code, done) => {
                    ending.closed = true;
                    closing = Some(done);
                    session.close(code.as_str(), shared.now());
                }
            },
            () = tokio::time::sleep_until(wake) => session.on_time(shared.now()),
        }
    }
    shared.lock().session = None;
    inbox.close();
    // Asked after the last look at the inbox: never sent.
    while let Ok(ask) = inbox.try_recv() {
        if let Ask::Run { reply, .. } = ask {
            let detail = ending.detail.clone();
            let _ = reply.send(Err(RobotError::NotSent { detail }));
        }
    }
    // The farewell, if the peer still takes it.
    let farewell = async {
        writer.write_all(&outgoing).await?;
        writer.flush().await
    };
    let _ = tokio::time::timeout(Duration::from_millis(200), farewell).await;
    if let Some(done) = closing {
        let _ = done.send(());
    }
    ending
}

fn feed(session: &mut Session, decoder: &mut Decoder, shared: &Shared) {
    loop {
        match decoder.next_payload() {
            Ok(Some(payload)) => session.on_payload(&payload, shared.now()),
            Ok(None) => return,
            Err(e) => {
                let code = match e {
                    FrameError::TooLarge(_) => "FRAME_TOO_LARGE",
                    FrameError::TooShort(_) => "BAD_FRAME",
                };
                return session.on_bad_frame(code, &e.to_string(), shared.now());
            }
        }
    }
}
