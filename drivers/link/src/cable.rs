//! A cable that can be pulled: the switch behind "someone unplugged the printer".

use crate::{Address, BoxStream, Dialer, LinkError};
use async_trait::async_trait;
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::watch,
};
use tokio_stream::{Stream as _, wrappers::WatchStream};

/// The switch of one cable. Clones move the same cable.
#[derive(Clone, Debug)]
pub struct Cable(Arc<watch::Sender<bool>>);

impl Default for Cable {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(true)))
    }
}

impl Cable {
    /// Pulls the cable: open streams break, new ones are refused.
    pub fn pull(&self) {
        self.0.send_replace(false);
    }

    /// Plugs it in again. Streams that broke stay broken.
    pub fn plug(&self) {
        self.0.send_replace(true);
    }

    /// Whether it is plugged in.
    #[must_use]
    pub fn is_plugged(&self) -> bool {
        *self.0.borrow()
    }
}

/// A dialer whose streams run through a [`Cable`].
#[derive(Clone)]
pub struct CableDialer<D> {
    inner: D,
    cable: Cable,
}

impl<D> CableDialer<D> {
    /// Runs the streams of `inner` through `cable`.
    pub fn new(inner: D, cable: Cable) -> Self {
        Self { inner, cable }
    }
}

#[async_trait]
impl<D: Dialer> Dialer for CableDialer<D> {
    async fn open(&self, address: &Address) -> Result<BoxStream, LinkError> {
        if !self.cable.is_plugged() {
            return Err(LinkError::Unreachable {
                address: address.clone(),
                source: io::ErrorKind::NotConnected.into(),
            });
        }
        let inner = self.inner.open(address).await?;
        Ok(Box::new(Cabled {
            inner,
            changes: WatchStream::from_changes(self.cable.0.subscribe()),
            cable: self.cable.clone(),
            broken: false,
        }))
    }
}

struct Cabled {
    inner: BoxStream,
    changes: WatchStream<bool>,
    cable: Cable,
    broken: bool,
}

impl Cabled {
    /// Registers for the next pull, and answers whether the stream is already dead.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while let Poll::Ready(Some(plugged)) = Pin::new(&mut self.changes).poll_next(cx) {
            self.broken |= !plugged;
        }
        self.broken |= !self.cable.is_plugged();
        if self.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }
}

impl AsyncRead for Cabled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Cabled {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryNet;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn a_pulled_cable_breaks_a_waiting_read_and_refuses_new_streams() {
        let net = MemoryNet::new();
        let mut door = net.listen("printer");
        let cable = Cable::default();
        let dialer = CableDialer::new(net, cable.clone());
        let address: Address = "mem://printer".parse().unwrap();
        let mut near = dialer.open(&address).await.unwrap();
        let mut far = door.accept().await.unwrap();
        near.write_all(b"hi").await.unwrap();
        let mut two = [0; 2];
        far.read_exact(&mut two).await.unwrap();
        let reading = tokio::spawn(async move { near.read_u8().await });
        tokio::task::yield_now().await;
        cable.pull();
        assert!(reading.await.unwrap().is_err());
        assert!(dialer.open(&address).await.is_err());
        cable.plug();
        assert!(dialer.open(&address).await.is_ok());
    }
}
