//! Paper that is no fiscal document.

use super::{ShtrihPrinter, calls::CallError, is_missing};
use crate::{
    command::{Command, op},
    text,
};
use galley_fiscal::{Align, FiscalError, Slip, SlipItem, aligned, wrap};

/// Flags of a line: on the receipt's roll (4.4).
const ON_RECEIPT: u8 = 0x02;
/// Least characters of a line's text (4.4).
const MIN_TEXT: usize = 40;
/// Bytes of one block of DDh. \[memory\]
const BLOCK: usize = 64;
/// Most bytes of a QR code that are sent. \[inferred\] from the byte that numbers its blocks.
const MAX_QR: usize = 7 * BLOCK;
/// 2-D code type "QR" in DEh (4.4).
const QR: u8 = 3;
/// Correction level M (4.4).
const LEVEL_M: u8 = 1;

impl ShtrihPrinter {
    pub(super) async fn print_slip(&mut self, slip: &Slip) -> Result<(), FiscalError> {
        self.paper_ready().await?;
        for command in self.slip_commands(slip)? {
            self.act(&command).await?;
        }
        if slip.cut && self.config.cut {
            let cut = self.operator(op::CUT).bytes(&[1]);
            match self.act(&cut).await {
                Ok(_) => {}
                Err(CallError::Device(code)) if is_missing(code) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }

    fn slip_commands(&self, slip: &Slip) -> Result<Vec<Command>, FiscalError> {
        let mut out = Vec::new();
        for item in &slip.items {
            match item {
                SlipItem::Text {
                    text,
                    align,
                    wide: true,
                } => {
                    let width = self.columns / 2;
                    for line in wrap(text, width) {
                        out.push(self.wide_line(&aligned(&line, *align, width)));
                    }
                }
                SlipItem::Qr { data, scale, align } => out.extend(self.qr(data, *scale, *align)?),
                SlipItem::Feed { lines } => {
                    out.push(self.operator(op::FEED).bytes(&[ON_RECEIPT, *lines]));
                }
                other => {
                    let one = Slip {
                        items: vec![other.clone()],
                        cut: false,
                    };
                    out.extend(one.text_lines(self.columns).iter().map(|l| self.line(l)));
                }
            }
        }
        Ok(out)
    }

    fn padded(&self, line: &str) -> Vec<u8> {
        let mut bytes = text::cp1251(line, self.columns);
        bytes.resize(self.columns.max(MIN_TEXT), 0);
        bytes
    }

    fn line(&self, line: &str) -> Command {
        let command = self.operator(op::PRINT_LINE).bytes(&[ON_RECEIPT]);
        command.bytes(&self.padded(line))
    }

    fn wide_line(&self, line: &str) -> Command {
        let command = self.operator(op::PRINT_FONT_LINE);
        let command = command.bytes(&[ON_RECEIPT, self.config.wide_font]);
        command.bytes(&self.padded(line))
    }

    /// DDh loads blocks of 64 bytes: type 0, number of the block. DEh prints: type, length, first block, five parameters,
    /// alignment. Parameters and values are stated (4.4); the places of the others are \[memory\], and agree with the
    /// lengths of 71 and 15 bytes.
    fn qr(&self, data: &str, scale: u8, align: Align) -> Result<Vec<Command>, FiscalError> {
        let bytes = data.as_bytes();
        if bytes.is_empty() || bytes.len() > MAX_QR {
            return Err(FiscalError::Unsupported(format!(
                "a QR code must have 1 to {MAX_QR} bytes"
            )));
        }
        let mut out = Vec::new();
        for (i, block) in bytes.chunks(BLOCK).enumerate() {
            let mut block = block.to_vec();
            block.resize(BLOCK, 0);
            let number = u8::try_from(i).unwrap_or(u8::MAX);
            let load = self.operator(op::LOAD_DATA).bytes(&[0, number]);
            out.push(load.bytes(&block));
        }
        let align = match align {
            Align::Left => 0,
            Align::Center => 1,
            Align::Right => 2,
        };
        let print = self.operator(op::PRINT_2D).bytes(&[QR]);
        let print = print.number(bytes.len() as u64, 2).bytes(&[0]);
        out.push(print.bytes(&[0, 0, scale.clamp(3, 8), 0, LEVEL_M, align]));
        Ok(out)
    }
}
