//! The emulators' side: where connections come in.

use crate::BoxStream;
use std::{
    fs::{File, OpenOptions},
    io,
    net::SocketAddr,
    os::{fd::AsRawFd as _, unix::fs::OpenOptionsExt as _},
    path::PathBuf,
};
use tokio::{io::DuplexStream, net::TcpListener, sync::mpsc};
use tokio_serial::{SerialPort as _, SerialStream};

/// Where an emulator takes connections.
#[derive(Debug)]
pub enum Listener {
    /// A TCP port.
    Tcp(TcpListener),
    /// The far ends of pipes in memory.
    Memory(mpsc::UnboundedReceiver<DuplexStream>),
}

impl Listener {
    /// Listens on a TCP address; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address can't be bound.
    pub async fn tcp(address: SocketAddr) -> io::Result<Self> {
        Ok(Self::Tcp(TcpListener::bind(address).await?))
    }

    /// The bound TCP address, where there is one.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(l) => l.local_addr().ok(),
            Self::Memory(_) => None,
        }
    }

    /// The next connection; `None` when no more can come.
    pub async fn accept(&mut self) -> Option<BoxStream> {
        match self {
            Self::Tcp(listener) => loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        if stream.set_nodelay(true).is_ok() {
                            return Some(Box::new(stream));
                        }
                    }
                    // Out of descriptors, or a peer gone before we looked: others may still come.
                    Err(_) => tokio::task::yield_now().await,
                }
            },
            Self::Memory(rx) => rx.recv().await.map(|s| Box::new(s) as BoxStream),
        }
    }
}

/// `O_NOCTTY` of Linux on ARM and x86: the pty must not become the terminal of a daemon that has none.
const O_NOCTTY: i32 = 0o400;

/// A pty pair: an emulator serves `stream`, a driver opens `path` as a serial line.
pub struct PtyPort {
    /// The emulator's end.
    pub stream: BoxStream,
    /// The device file of the driver's end, `/dev/pts/N`.
    pub path: PathBuf,
    // Kept open: the kernel hangs the pty up when its last slave closes, and a driver reconnects.
    // A plain file, because a serial port holds a lock on the line, which the driver needs for itself.
    _slave: File,
}

impl PtyPort {
    /// Opens a new pty pair.
    ///
    /// # Errors
    /// When the machine has no more ptys.
    pub fn open() -> io::Result<Self> {
        let (master, mut slave) = SerialStream::pair()?;
        slave.set_exclusive(false)?;
        let path = match slave.name() {
            Some(name) => PathBuf::from(name),
            None => std::fs::read_link(format!("/proc/self/fd/{}", slave.as_raw_fd()))?,
        };
        let held = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(O_NOCTTY)
            .open(&path)?;
        drop(slave);
        Ok(Self {
            stream: Box::new(master),
            path,
            _slave: held,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Address, Dialer as _, SystemDialer};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn a_driver_opens_the_pty_again_and_again() {
        let mut port = PtyPort::open().unwrap();
        let address: Address = format!("serial://{}", port.path.display()).parse().unwrap();
        for byte in [0xFE, 0x03, 0x0D] {
            let mut near = SystemDialer::default().open(&address).await.unwrap();
            near.write_all(&[byte]).await.unwrap();
            assert_eq!(port.stream.read_u8().await.unwrap(), byte);
            port.stream.write_all(&[byte ^ 0xFF]).await.unwrap();
            assert_eq!(near.read_u8().await.unwrap(), byte ^ 0xFF);
        }
    }
}
