//! Wires between the store's box and its devices, with the faults of wires.

use super::{
    heart::Heart,
    steps::{Passing, Steps},
};
use async_trait::async_trait;
use galley_link::{Address, BoxStream, Dialer, LinkError, MemoryNet};
use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::watch,
};

/// What happens to one wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WireFault {
    /// It breaks after so many further bytes, in either direction.
    CutAfter(u32),
    /// A bit of the byte after so many further bytes from the device is flipped.
    FlipAfter(u32, u8),
}

/// One wire. Clones are the same wire.
#[derive(Clone)]
pub(super) struct Wire(Arc<State>);

struct State {
    fault: Mutex<Option<WireFault>>,
    /// Goes up whenever every stream on it must break or look again.
    generation: watch::Sender<Condition>,
    steps: Steps,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Condition {
    /// Streams of older lives are broken.
    life: u64,
    plugged: bool,
    /// Half open: what is sent vanishes, nothing comes, nothing breaks.
    hole: bool,
    /// It leads to another device of the same kind.
    swapped: bool,
}

impl Default for Wire {
    fn default() -> Self {
        Self(Arc::new(State {
            fault: Mutex::new(None),
            generation: watch::Sender::new(Condition {
                life: 0,
                plugged: true,
                hole: false,
                swapped: false,
            }),
            steps: Steps::default(),
        }))
    }
}

impl Wire {
    fn fault(&self) -> MutexGuard<'_, Option<WireFault>> {
        self.0.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a fault strike the bytes to come.
    pub(super) fn set_fault(&self, fault: WireFault) {
        *self.fault() = Some(fault);
    }

    /// Pulls the plug, or puts it in.
    pub(super) fn plug(&self, plugged: bool) {
        self.0.generation.send_modify(|c| {
            c.plugged = plugged;
            c.life += 1;
        });
    }

    /// Half open from now on, or whole again. What was half open never wakes again.
    pub(super) fn hole(&self, on: bool) {
        self.0.generation.send_modify(|c| {
            c.hole = on;
        });
    }

    /// Leads to the other device, or back.
    pub(super) fn swap(&self, swapped: bool) {
        self.0.generation.send_modify(|c| {
            c.swapped = swapped;
            c.life += 1;
        });
    }

    /// Whole and plugged in.
    pub(super) fn mend(&self) {
        *self.fault() = None;
        self.0.generation.send_if_modified(|c| {
            let was = (c.plugged, c.hole);
            c.plugged = true;
            c.hole = false;
            was != (true, false)
        });
    }

    /// What passes on it, step by step.
    pub(super) fn steps(&self) -> &Steps {
        &self.0.steps
    }

    /// Every stream on it breaks; new ones can be opened at once.
    pub(super) fn break_streams(&self) {
        self.0.generation.send_modify(|c| c.life += 1);
    }

    /// Counts `n` bytes; answers how many of them pass before a cut, and which of them is flipped.
    fn pass(&self, n: usize, from_device: bool) -> (usize, Option<(usize, u8)>) {
        let mut slot = self.fault();
        let (left, flip) = match slot.as_mut() {
            None => return (n, None),
            Some(WireFault::CutAfter(left)) => (left, None),
            Some(WireFault::FlipAfter(left, bit)) if from_device => {
                let bit = *bit;
                (left, Some(bit))
            }
            Some(WireFault::FlipAfter(..)) => return (n, None),
        };
        let at = *left as usize;
        if at >= n {
            *left -= u32::try_from(n).unwrap_or(u32::MAX);
            return (n, None);
        }
        *slot = None;
        match flip {
            Some(bit) => (n, Some((at, bit))),
            None => (at, None),
        }
    }
}

/// Dials devices over wires that can break, for as long as the process lives.
#[derive(Clone)]
pub(super) struct SimDialer {
    net: MemoryNet,
    heart: Heart,
    printer: Wire,
    robot: Wire,
}

impl SimDialer {
    pub(super) fn new(net: MemoryNet, heart: Heart, printer: Wire, robot: Wire) -> Self {
        Self {
            net,
            heart,
            printer,
            robot,
        }
    }
}

#[async_trait]
impl Dialer for SimDialer {
    async fn open(&self, address: &Address) -> Result<BoxStream, LinkError> {
        let wire = match address {
            Address::Memory(name) if name == "printer" => &self.printer,
            _ => &self.robot,
        };
        let gone = || LinkError::Unreachable {
            address: address.clone(),
            source: io::ErrorKind::NotConnected.into(),
        };
        if !self.heart.beat() {
            return Err(gone());
        }
        let mut conditions = wire.0.generation.subscribe();
        loop {
            let now = *conditions.borrow_and_update();
            if !now.plugged {
                return Err(gone());
            }
            if !now.hole {
                break;
            }
            // Nothing answers: the driver's own deadline ends this.
            if conditions.changed().await.is_err() {
                return Err(gone());
            }
        }
        let (life, swapped) = {
            let now = wire.0.generation.borrow();
            (now.life, now.swapped)
        };
        let inner = match address {
            Address::Memory(name) if swapped => {
                let other = Address::Memory(format!("other-{name}"));
                self.net.open(&other).await?
            }
            address => self.net.open(address).await?,
        };
        Ok(Box::new(Wired {
            inner,
            heart: self.heart.clone(),
            changes: tokio_stream::wrappers::WatchStream::from_changes(
                wire.0.generation.subscribe(),
            ),
            wire: wire.clone(),
            life,
            vanished: false,
        }))
    }
}

struct Wired {
    inner: BoxStream,
    heart: Heart,
    wire: Wire,
    changes: tokio_stream::wrappers::WatchStream<Condition>,
    life: u64,
    /// It was half open once: nothing passes any more.
    vanished: bool,
}

impl Wired {
    /// Registers for changes; an error when the stream is broken, true when it is half open.
    fn look(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        use tokio_stream::Stream as _;
        while let Poll::Ready(Some(condition)) = Pin::new(&mut self.changes).poll_next(cx) {
            self.vanished |= condition.hole;
        }
        let now = *self.wire.0.generation.borrow();
        self.vanished |= now.hole;
        if !self.heart.is_alive() || now.life != self.life || !now.plugged {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(self.vanished)
    }
}

impl AsyncRead for Wired {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.look(cx)? {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        match Pin::new(&mut self.inner).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {}
            other => return other,
        }
        let n = buf.filled().len() - before;
        if n > 0 {
            if !self.heart.beat() {
                buf.set_filled(before);
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let passing = self.wire.0.steps.step(n);
            if passing == Passing::Lost || self.look(cx).inspect_err(|_| buf.set_filled(before))? {
                buf.set_filled(before);
                // Nothing else would ask for what comes next.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let (passed, flip) = self.wire.pass(n, true);
            if let Some((at, bit)) = flip
                && let Some(byte) = buf.filled_mut().get_mut(before + at)
            {
                *byte ^= 1 << (bit % 8);
            }
            if passed < n {
                buf.set_filled(before + passed);
                self.wire.break_streams();
                if passed == 0 {
                    return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wired {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.look(cx)? {
            // A half-open link takes what the kernel's buffer holds.
            return Poll::Ready(Ok(buf.len()));
        }
        if !self.heart.beat() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.wire.0.steps.step(buf.len()) == Passing::Lost || self.look(cx)? {
            return Poll::Ready(Ok(buf.len()));
        }
        let (passed, _) = self.wire.pass(buf.len(), false);
        if passed == buf.len() {
            return Pin::new(&mut self.inner).poll_write(cx, buf);
        }
        let head = buf.get(..passed).unwrap_or_default();
        if !head.is_empty() {
            let _ = Pin::new(&mut self.inner).poll_write(cx, head);
        }
        self.wire.break_streams();
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.look(cx)? {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
