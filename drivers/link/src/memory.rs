//! Pipes in memory between drivers and the emulators' cores, for tests and the simulator.

use crate::{Address, BoxStream, Dialer, LinkError, Listener};
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{io::DuplexStream, sync::mpsc};

/// Bytes a pipe holds before the writer waits.
const PIPE: usize = 64 * 1024;

/// A network of named pipes. Clones share it.
#[derive(Clone, Default, Debug)]
pub struct MemoryNet {
    doors: Arc<Mutex<BTreeMap<String, mpsc::UnboundedSender<DuplexStream>>>>,
}

impl MemoryNet {
    /// An empty network.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the door `mem://name`; a second call replaces the first door.
    #[must_use]
    pub fn listen(&self, name: &str) -> Listener {
        let (tx, rx) = mpsc::unbounded_channel();
        self.doors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_owned(), tx);
        Listener::Memory(rx)
    }
}

#[async_trait]
impl Dialer for MemoryNet {
    async fn open(&self, address: &Address) -> Result<BoxStream, LinkError> {
        let Address::Memory(name) = address else {
            return Err(LinkError::Unsupported(address.clone()));
        };
        let refused = || LinkError::Unreachable {
            address: address.clone(),
            source: io::ErrorKind::ConnectionRefused.into(),
        };
        let door = self
            .doors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
            .ok_or_else(refused)?;
        let (near, far) = tokio::io::duplex(PIPE);
        door.send(far).map_err(|_| refused())?;
        Ok(Box::new(near))
    }
}
