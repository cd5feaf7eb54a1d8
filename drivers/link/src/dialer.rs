//! Opening a stream to an address.

use crate::{Address, BoxStream};
use async_trait::async_trait;
use std::{io, time::Duration};
use tokio_serial::SerialPortBuilderExt;

/// Opens streams. Handed in where the daemon is wired together, so that the simulator can hand in pipes.
#[async_trait]
pub trait Dialer: Send + Sync {
    /// Opens a new stream. No byte has left the box when this fails.
    async fn open(&self, address: &Address) -> Result<BoxStream, LinkError>;
}

/// Why no stream could be opened.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Nobody answers there, the device file is missing or may not be opened.
    #[error("cannot open {address}")]
    Unreachable {
        /// What was asked for.
        address: Address,
        /// What the system said.
        source: io::Error,
    },
    /// This dialer doesn't serve that kind of address.
    #[error("{0} can't be opened here")]
    Unsupported(Address),
}

/// The real thing: TCP sockets and serial lines of this machine.
#[derive(Clone, Debug)]
pub struct SystemDialer {
    /// How long a TCP connection may take to come up.
    pub connect_timeout: Duration,
}

impl Default for SystemDialer {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
        }
    }
}

#[async_trait]
impl Dialer for SystemDialer {
    async fn open(&self, address: &Address) -> Result<BoxStream, LinkError> {
        let unreachable = |source| LinkError::Unreachable {
            address: address.clone(),
            source,
        };
        match address {
            Address::Tcp(peer) => {
                let connect = tokio::net::TcpStream::connect(peer.as_str());
                let stream = tokio::time::timeout(self.connect_timeout, connect)
                    .await
                    .map_err(|_| unreachable(io::ErrorKind::TimedOut.into()))?
                    .map_err(unreachable)?;
                stream.set_nodelay(true).map_err(unreachable)?;
                Ok(Box::new(stream))
            }
            Address::Serial { path, baud } => {
                let port = tokio_serial::new(path, *baud)
                    .open_native_async()
                    .map_err(|e| unreachable(e.into()))?;
                Ok(Box::new(port))
            }
            Address::Memory(_) => Err(LinkError::Unsupported(address.clone())),
        }
    }
}
