//! The driver: sends a slip, and learns whether there was paper for it.

use crate::{EscPosConfig, command, encode};
use async_trait::async_trait;
use galley_fiscal::{FiscalError, PlainPrinter, Slip, SlipPrinter};
use galley_link::{Address, BoxStream, Dialer};
use std::{io, sync::Arc};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

/// A plain receipt printer. It connects for each slip: such printers drop idle connections, and another till may want
/// its turn.
pub struct EscPosPrinter {
    dialer: Arc<dyn Dialer>,
    address: Address,
    config: EscPosConfig,
}

impl EscPosPrinter {
    /// The printer at `address`, reached through `dialer`.
    #[must_use]
    pub fn new(dialer: Arc<dyn Dialer>, address: Address, config: EscPosConfig) -> Self {
        Self {
            dialer,
            address,
            config,
        }
    }

    async fn open(&self) -> Result<BoxStream, FiscalError> {
        self.dialer
            .open(&self.address)
            .await
            .map_err(|e| FiscalError::Unreachable {
                detail: e.to_string(),
            })
    }

    /// One question, one byte; `None` when the printer doesn't say.
    async fn ask(
        &self,
        stream: &mut BoxStream,
        question: &[u8],
    ) -> Result<Option<u8>, FiscalError> {
        if !self.config.status {
            return Ok(None);
        }
        send(stream, question).await?;
        let answer = timeout(self.config.answer(), async {
            loop {
                let byte = stream.read_u8().await?;
                // A printer may send what it was asked by somebody else before.
                if byte & command::ANSWER_MASK == command::ANSWER {
                    return Ok::<u8, io::Error>(byte);
                }
            }
        })
        .await;
        match answer {
            Ok(Ok(byte)) => Ok(Some(byte)),
            Ok(Err(e)) => Err(broken(&e)),
            Err(_) => Err(FiscalError::Unreachable {
                detail: "the printer doesn't answer".to_owned(),
            }),
        }
    }

    /// Whether it can print, told before and after the bytes went out.
    async fn can_print(&self, stream: &mut BoxStream) -> Result<(), FiscalError> {
        let refused = |text: &str, advice: &str| FiscalError::Refused {
            code: 0,
            text: text.to_owned(),
            advice: advice.to_owned(),
            retry: true,
        };
        let offline = self.ask(stream, &command::ASK_OFFLINE).await?;
        if offline.is_some_and(|b| b & command::COVER_OPEN != 0) {
            return Err(refused("the cover is open", "Close the printer's cover."));
        }
        let paper = self.ask(stream, &command::ASK_PAPER).await?;
        if paper.is_some_and(|b| b & command::PAPER_END != 0) {
            return Err(refused("there is no paper", "Put a new roll in."));
        }
        Ok(())
    }

    /// Sends what is to be printed. After the first byte of it nobody knows how much came out, until the printer says
    /// that it still can print.
    async fn say(&self, bytes: &[u8]) -> Result<(), FiscalError> {
        let mut stream = self.open().await?;
        self.can_print(&mut stream).await?;
        let sent = match send(&mut stream, bytes).await {
            Ok(()) => self.can_print(&mut stream).await,
            Err(e) => Err(e),
        };
        sent.map_err(|e| FiscalError::Unknown {
            detail: match e {
                FiscalError::Refused { text, .. } => text,
                FiscalError::Unreachable { detail } => detail,
                e => e.to_string(),
            },
        })
    }
}

async fn send(stream: &mut BoxStream, bytes: &[u8]) -> Result<(), FiscalError> {
    stream.write_all(bytes).await.map_err(|e| broken(&e))?;
    stream.flush().await.map_err(|e| broken(&e))
}

fn broken(e: &io::Error) -> FiscalError {
    FiscalError::Unreachable {
        detail: format!("the link broke: {e}"),
    }
}

#[async_trait]
impl SlipPrinter for EscPosPrinter {
    fn columns(&self) -> usize {
        usize::from(self.config.columns)
    }

    async fn slip(&mut self, slip: &Slip) -> Result<(), FiscalError> {
        self.say(&encode::slip(slip, &self.config)).await
    }

    async fn open_drawer(&mut self) -> Result<(), FiscalError> {
        self.say(&command::DRAWER).await
    }
}

#[async_trait]
impl PlainPrinter for EscPosPrinter {
    async fn ready(&mut self) -> Result<(), FiscalError> {
        let mut stream = self.open().await?;
        self.can_print(&mut stream).await
    }
}
