//! Paper that is no fiscal document (2.3, 2.8).

use super::{AtolPrinter, calls::CallError, plan::Step};
use crate::{
    command::{mode, op},
    session::Nature,
    text,
};
use galley_fiscal::{Align, FiscalError, Slip, SlipItem, aligned, wrap};

/// Before a character: twice as wide. (captured)
const WIDE: u8 = 0x09;
/// The data of a barcode go in parts of as many bytes, the last filled with zeros. (captured)
const BARCODE_DATA: usize = 100;
/// In the first byte of a part: another follows. (captured)
const MORE_FOLLOWS: u8 = 0x80;
/// Most bytes of a QR code: what the standard holds at the lowest correction is 2953; a receipt's paper ends earlier.
/// \[inferred\]
const MAX_QR: usize = 700;

/// What is sent for a slip on paper of `columns` characters.
///
/// # Errors
/// [`FiscalError::Unsupported`] for a QR code that the printer can't draw.
pub(super) fn steps(slip: &Slip, columns: usize) -> Result<Vec<Step>, FiscalError> {
    let mut steps = Vec::new();
    for item in &slip.items {
        match item {
            SlipItem::Text {
                text,
                align,
                wide: true,
            } => {
                let width = (columns / 2).max(1);
                for line in wrap(text, width) {
                    let bytes = text::encode(&aligned(&line, *align, width), width);
                    let wide: Vec<u8> = bytes.into_iter().flat_map(|b| [WIDE, b]).collect();
                    steps.push(Step::new(op::PRINT_LINE, wide));
                }
            }
            SlipItem::Qr { data, scale, align } => steps.extend(qr(data, *scale, *align)?),
            // The rest is plain lines, laid out as for any printer.
            plain => {
                let one = Slip {
                    items: vec![plain.clone()],
                    cut: false,
                };
                for line in one.text_lines(columns) {
                    steps.push(Step::new(op::PRINT_LINE, text::encode(&line, columns)));
                }
            }
        }
    }
    Ok(steps)
}

/// `TYPE ALIGN SCALE VER(2) OPT(2) ECC ROWS COLS PROP(2) PIXPROP(2) DATA`, as the vendor's host writes it, and what doesn't fit by
/// [`op::BARCODE_MORE`]. (captured)
fn qr(data: &str, scale: u8, align: Align) -> Result<Vec<Step>, FiscalError> {
    if data.is_empty() || data.len() > MAX_QR {
        return Err(FiscalError::Unsupported(format!(
            "a QR code must have 1 to {MAX_QR} bytes"
        )));
    }
    let align = match align {
        Align::Left => 1,
        Align::Center => 2,
        Align::Right => 3,
    };
    let parts = data.as_bytes().chunks(BARCODE_DATA);
    let last = parts.len() - 1;
    Ok(parts
        .enumerate()
        .map(|(i, part)| {
            let more = if i < last { MORE_FOLLOWS } else { 0 };
            let (code, mut bytes) = if i == 0 {
                let head = [
                    more,
                    align,
                    scale.clamp(1, 10),
                    0,
                    0,
                    1,
                    1,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                ];
                (op::BARCODE, head.to_vec())
            } else {
                (op::BARCODE_MORE, vec![more])
            };
            let filled = bytes.len() + BARCODE_DATA;
            bytes.extend_from_slice(part);
            bytes.resize(filled, 0);
            Step::new(code, bytes)
        })
        .collect())
}

impl AtolPrinter {
    pub(super) async fn print_slip(&mut self, slip: &Slip) -> Result<(), FiscalError> {
        let columns = usize::from(self.info.capabilities.columns);
        let steps = steps(slip, columns)?;
        self.refuse_open_receipt().await?;
        self.enter_mode(mode::REGISTRATION).await?;
        let limit = self.config.timeouts.act();
        for step in &steps {
            self.command(step.command, &step.parameters, Nature::Act, limit)
                .await?;
        }
        // The footer of a document: header of the next one, and the cut where there is a knife.
        self.enter_mode(mode::X_REPORTS).await?;
        self.command(op::FOOTER, &[], Nature::Act, limit).await?;
        Ok(self.wait_idle(limit).await?)
    }

    /// A receipt that is open belongs to an attempt that is to be recovered first; nothing may come between.
    async fn refuse_open_receipt(&mut self) -> Result<(), FiscalError> {
        let open = self.full_status().await?.receipt_type != 0;
        if open {
            let error = crate::command::DeviceError {
                err: crate::error_table::RECEIPT_OPEN,
                ext: 0,
            };
            return Err(CallError::Device(error).into());
        }
        Ok(())
    }

    pub(super) async fn pulse_drawer(&mut self) -> Result<(), FiscalError> {
        if !self.info.capabilities.drawer {
            return Err(FiscalError::Unsupported(format!(
                "{} has no socket for a cash drawer",
                self.info.model
            )));
        }
        let limit = self.config.timeouts.act();
        self.command(op::DRAWER, &[], Nature::Act, limit).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_laid_out_as_the_vendors_host_does_it() {
        let slip = Slip {
            items: vec![
                SlipItem::Text {
                    text: "Заказ 42".into(),
                    align: Align::Center,
                    wide: true,
                },
                SlipItem::Text {
                    text: "очень длинная строка которая не помещается в ширину бумаги".into(),
                    align: Align::Left,
                    wide: false,
                },
                SlipItem::Qr {
                    data: "https://example.org/42".into(),
                    scale: 4,
                    align: Align::Center,
                },
            ],
            cut: false,
        };
        let steps = steps(&slip, 32).unwrap();
        // Source: the vendor's host 10.8.0.0, the same slip as a JSON task.
        let wide = [
            0x09, 0x20, 0x09, 0x20, 0x09, 0x20, 0x09, 0x20, 0x09, 0x87, 0x09, 0xA0, 0x09, 0xAA,
            0x09, 0xA0, 0x09, 0xA7, 0x09, 0x20, 0x09, 0x34, 0x09, 0x32,
        ];
        assert_eq!(
            (steps[0].command, &steps[0].parameters[..]),
            (0x4C, &wide[..])
        );
        assert_eq!(
            text::decode(&steps[1].parameters),
            "очень длинная строка которая не"
        );
        assert_eq!(
            text::decode(&steps[2].parameters),
            "помещается в ширину бумаги"
        );
        let qr = &steps[3];
        let head = [0x00, 0x02, 0x04, 0, 0, 0x01, 0x01, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!((qr.command, qr.parameters.len()), (0xC1, 114));
        assert_eq!(qr.parameters[..14], head);
        assert!(qr.parameters[14..].starts_with(b"https://example.org/42\0\0"));
    }

    #[test]
    fn a_long_code_goes_in_parts() {
        // Source: the vendor's host, a code of 250 bytes: C1 80, C2 80, C2 00, each with 100 bytes of data.
        let steps = qr(&"A".repeat(250), 3, Align::Left).unwrap();
        let seen: Vec<(u8, u8, usize)> = steps
            .iter()
            .map(|s| (s.command, s.parameters[0], s.parameters.len()))
            .collect();
        assert_eq!(seen, [(0xC1, 0x80, 114), (0xC2, 0x80, 101), (0xC2, 0, 101)]);
        assert_eq!(steps[2].parameters[50..52], [b'A', 0]);
    }

    #[test]
    fn a_code_that_no_paper_holds_is_refused() {
        for data in [String::new(), "x".repeat(701)] {
            let slip = Slip {
                items: vec![SlipItem::Qr {
                    data,
                    scale: 4,
                    align: Align::Left,
                }],
                cut: false,
            };
            assert!(steps(&slip, 32).is_err());
        }
    }
}
