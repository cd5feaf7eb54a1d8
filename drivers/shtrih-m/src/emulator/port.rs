//! The device's side of both protocols on one connection, without a wire: bytes in, bytes out, time handed in.

use super::{
    device::{Began, Device},
    fault::Fault,
};
use crate::{
    config::ProtocolChoice,
    frame1::{self, ACK, Collector, ENQ, NAK, STRAY, STX},
    frame2::{self, Decoder, Frame},
};
use std::time::Duration;
use tokio::time::Instant;

/// Pause within a frame that makes it broken (1).
const BYTE_LIMIT: Duration = Duration::from_millis(100);
/// How long ACK behind a reply is waited for.
const CONFIRM_LIMIT: Duration = Duration::from_millis(300);

enum State {
    /// Waits for a command; it may owe a reply.
    Idle,
    /// Inside a frame of protocol 1.
    Frame(Collector, Instant),
    /// A reply is to be sent when it is ready.
    Owing,
    /// A reply was sent.
    Confirm(Instant),
}

/// One connection.
pub(super) struct Port {
    state: State,
    /// The protocol, once it is known.
    protocol: ProtocolChoice,
    decoder: Decoder,
    decoder_limit: Option<Instant>,
    /// Protocol 2: a reply is to be sent when it is ready.
    owing_number: bool,
    out: Vec<u8>,
}

impl Port {
    pub(super) fn new(protocol: ProtocolChoice) -> Self {
        Self {
            state: State::Idle,
            protocol,
            decoder: Decoder::default(),
            decoder_limit: None,
            owing_number: false,
            out: Vec::new(),
        }
    }

    /// Bytes to send.
    pub(super) fn take_out(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// When it must be looked at again.
    pub(super) fn due(&self) -> Option<Instant> {
        match &self.state {
            State::Frame(_, limit) | State::Confirm(limit) => Some(*limit),
            _ => self.decoder_limit,
        }
    }

    /// Takes a byte.
    pub(super) fn take(&mut self, device: &mut Device, byte: u8, now: Instant) {
        if self.protocol == ProtocolChoice::Auto {
            self.protocol = match byte {
                ENQ | STX => ProtocolChoice::One,
                frame2::START => ProtocolChoice::Two,
                _ => ProtocolChoice::Auto,
            };
        }
        if self.protocol == ProtocolChoice::Two {
            self.take_two(device, byte, now);
        } else {
            self.take_one(device, byte, now);
        }
        self.tick(device, now);
    }

    /// Lets time pass.
    pub(super) fn tick(&mut self, device: &mut Device, now: Instant) {
        match &self.state {
            State::Frame(_, limit) if now >= *limit => {
                self.state = State::Idle;
                self.out.push(NAK);
            }
            State::Confirm(limit) if now >= *limit => self.state = State::Idle,
            State::Owing if !device.is_busy() => self.send_one(device, now),
            _ => {}
        }
        if self.decoder_limit.is_some_and(|limit| now >= limit) {
            self.decoder.reset();
            self.decoder_limit = None;
        }
        if self.owing_number && !device.is_busy() {
            self.owing_number = false;
            self.send_two(device);
        }
    }

    fn take_one(&mut self, device: &mut Device, byte: u8, now: Instant) {
        match &mut self.state {
            State::Idle => self.idle(device, byte, now),
            State::Frame(collector, limit) => {
                *limit = now + BYTE_LIMIT;
                match collector.push(byte) {
                    frame1::Taken::More => {}
                    frame1::Taken::Damaged => {
                        self.state = State::Idle;
                        self.out.push(NAK);
                    }
                    frame1::Taken::Whole(body) => {
                        self.state = State::Idle;
                        self.command(device, body, now);
                    }
                }
            }
            State::Owing if byte == ENQ => self.out.push(ACK),
            State::Owing => {}
            State::Confirm(_) => match byte {
                ACK => {
                    device.previous = device.pending.take().map(|p| p.body);
                    self.state = State::Idle;
                }
                ENQ if !device.machine.config.strict_confirm => {
                    self.state = State::Idle;
                    self.idle(device, byte, now);
                }
                // A host that begins the next command at once has the reply: its ACK was lost.
                STX => {
                    self.state = State::Idle;
                    self.idle(device, byte, now);
                }
                _ => self.state = State::Idle,
            },
        }
    }

    fn idle(&mut self, device: &mut Device, byte: u8, now: Instant) {
        match byte {
            ENQ if device.is_busy() || device.pending.is_some() => {
                self.out.push(ACK);
                self.state = State::Owing;
            }
            ENQ => self.out.push(NAK),
            STX => self.state = State::Frame(Collector::default(), now + BYTE_LIMIT),
            _ if device.machine.config.nak_garbage && byte != ACK && byte != NAK => {
                self.out.push(NAK);
            }
            _ => {}
        }
    }

    fn command(&mut self, device: &mut Device, body: Vec<u8>, now: Instant) {
        if device.is_busy() {
            return;
        }
        match device.begin(body, None, now) {
            Began::Unseen => {}
            Began::NotTaken => self.out.push(NAK),
            Began::Taken { ack, stray } => {
                if stray {
                    self.out.push(STRAY);
                }
                if ack {
                    self.out.push(ACK);
                }
                self.state = State::Owing;
            }
        }
    }

    fn send_one(&mut self, device: &mut Device, now: Instant) {
        let Some(pending) = &mut device.pending else {
            // It was not carried out, and nothing will come.
            self.state = State::Idle;
            return;
        };
        let frame = frame1::encode(&pending.body).unwrap_or_default();
        let faults = std::mem::take(&mut pending.faults);
        let before = device
            .previous
            .as_ref()
            .and_then(|body| frame1::encode(body));
        self.send(frame, &faults, before);
        self.state = State::Confirm(now + CONFIRM_LIMIT);
    }

    fn send(&mut self, mut frame: Vec<u8>, faults: &[Fault], before: Option<Vec<u8>>) {
        for fault in faults {
            match fault {
                Fault::ReplyLost => return,
                Fault::WrongSum => {
                    if let Some(last) = frame.last_mut() {
                        *last ^= 0x55;
                    }
                }
                Fault::ReplyCut => frame.truncate(frame.len() / 2),
                Fault::ReplyTwice => frame.extend(frame.clone()),
                Fault::ReplyOfBefore => self.out.extend(before.clone().unwrap_or_default()),
                Fault::StrayByte => self.out.push(STRAY),
                Fault::Garbage => self.out.extend([0x41, 0x00, 0x42]),
                _ => {}
            }
        }
        self.out.extend(frame);
    }

    fn take_two(&mut self, device: &mut Device, byte: u8, now: Instant) {
        let taken = self.decoder.push(byte);
        self.decoder_limit = self.decoder.is_inside().then_some(now + BYTE_LIMIT);
        match taken {
            frame2::Taken::Whole(Frame::Sync) => {
                if device.is_busy() {
                    self.owing_number = true;
                } else {
                    self.send_two(device);
                }
            }
            frame2::Taken::Whole(Frame::Numbered(number, body)) => {
                self.numbered(device, number, body, now);
            }
            frame2::Taken::More | frame2::Taken::Damaged => {}
        }
    }

    fn numbered(&mut self, device: &mut Device, number: u16, body: Vec<u8>, now: Instant) {
        if device.is_busy() {
            self.owing_number |= device.runs_number() == Some(number);
        } else if number == device.last.0.wrapping_add(1) && !body.is_empty() {
            if let Began::Taken { .. } = device.begin(body, Some(number), now) {
                self.owing_number = true;
            }
        } else {
            self.send_two(device);
        }
    }

    fn send_two(&mut self, device: &mut Device) {
        let faults = match &mut device.pending {
            Some(pending) => std::mem::take(&mut pending.faults),
            None => Vec::new(),
        };
        let (number, body) = device.last.clone();
        let frame = frame2::encode(&Frame::Numbered(number, body)).unwrap_or_default();
        let before = device.previous.as_ref().and_then(|body| {
            frame2::encode(&Frame::Numbered(number.wrapping_sub(1), body.clone()))
        });
        self.send(frame, &faults, before);
        if let Some(pending) = device.pending.take() {
            device.previous = Some(pending.body);
        }
    }
}
