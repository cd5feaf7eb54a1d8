//! Seeing what goes over the wire: a tap that hands every chunk of bytes to an observer.

use crate::BoxStream;
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Which way bytes went, seen from the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the box to the device.
    Out,
    /// From the device to the box.
    In,
}

/// Takes copies of the bytes. Called on the driver's task: it must be quick and never block.
pub trait WireTap: Send + Sync {
    /// Some bytes went by.
    fn bytes(&self, direction: Direction, bytes: &[u8]);
}

/// A stream whose bytes are shown to a [`WireTap`].
pub struct Tapped {
    inner: BoxStream,
    tap: Arc<dyn WireTap>,
}

impl Tapped {
    /// Shows the bytes of `inner` to `tap`.
    #[must_use]
    pub fn new(inner: BoxStream, tap: Arc<dyn WireTap>) -> Self {
        Self { inner, tap }
    }
}

impl AsyncRead for Tapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.tap.bytes(Direction::In, &buf.filled()[before..]);
        }
        polled
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(cx, buf);
        if let Poll::Ready(Ok(n)) = polled {
            self.tap.bytes(Direction::Out, &buf[..n]);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
