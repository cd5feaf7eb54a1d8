//! Somebody at the cable: trouble at the n-th exchange, whatever the protocol. An exchange is what the driver writes in
//! one go, and what it reads until it writes again.

use crate::Trouble;
use async_trait::async_trait;
use galley_link::{Address, BoxStream, Dialer, LinkError};
use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Strikes once, at an exchange counted over all connections. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Meddler(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Exchanges until it strikes, and what it does then.
    armed: Option<(u32, Trouble)>,
    /// It strikes at the exchange that runs now.
    striking: Option<Trouble>,
    reading: bool,
}

impl Meddler {
    /// Strikes at the `n`-th exchange from now, from 1.
    pub fn arm(&self, n: u32, trouble: Trouble) {
        let mut state = self.state();
        state.armed = Some((n, trouble));
        state.striking = None;
    }

    /// Whether it has not struck yet.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.state().armed.is_some()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new write begins: what happens to its exchange.
    fn written(&self) -> Option<Trouble> {
        let mut state = self.state();
        if state.reading || state.striking.is_none() {
            state.reading = false;
            state.striking = None;
            if let Some((n, trouble)) = state.armed.take() {
                if n <= 1 {
                    state.striking = Some(trouble);
                } else {
                    state.armed = Some((n - 1, trouble));
                }
            }
        }
        state.striking
    }

    fn reading(&self) -> Option<Trouble> {
        let mut state = self.state();
        state.reading = true;
        state.striking
    }

    /// It has done its work in this exchange.
    fn over(&self) {
        self.state().striking = None;
    }
}

/// A dialer with somebody at the cable.
pub struct MeddledDialer {
    /// The way to the printer.
    pub inner: Arc<dyn Dialer>,
    /// Who meddles.
    pub meddler: Meddler,
}

#[async_trait]
impl Dialer for MeddledDialer {
    async fn open(&self, address: &Address) -> Result<BoxStream, LinkError> {
        Ok(Box::new(Meddled {
            inner: self.inner.open(address).await?,
            meddler: self.meddler.clone(),
            broken: false,
        }))
    }
}

struct Meddled {
    inner: BoxStream,
    meddler: Meddler,
    broken: bool,
}

impl AsyncRead for Meddled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if self.broken {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let before = buf.filled().len();
            ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
            if buf.filled().len() == before {
                return Poll::Ready(Ok(()));
            }
            match self.meddler.reading() {
                // Bytes until the next write are nobody's.
                Some(Trouble::AnswerLost) => buf.set_filled(before),
                Some(Trouble::CableOut { acted: true }) => {
                    buf.set_filled(before);
                    self.broken = true;
                    self.meddler.over();
                }
                Some(Trouble::AnswerDamaged) => {
                    let last = buf.filled().len() - 1;
                    buf.filled_mut()[last] ^= 0x04;
                    self.meddler.over();
                    return Poll::Ready(Ok(()));
                }
                Some(Trouble::AnswerCut) => {
                    let half = before + (buf.filled().len() - before) / 2;
                    buf.set_filled(half);
                    self.broken = true;
                    self.meddler.over();
                    if half > before {
                        return Poll::Ready(Ok(()));
                    }
                }
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl AsyncWrite for Meddled {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.broken {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        match self.meddler.written() {
            Some(Trouble::RequestLost) => {
                self.meddler.over();
                Poll::Ready(Ok(buf.len()))
            }
            Some(Trouble::CableOut { acted: false }) => {
                self.broken = true;
                self.meddler.over();
                Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
            }
            _ => Pin::new(&mut self.inner).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
