//! A slip as bytes. Pure.

use crate::{EscPosConfig, command};
use galley_fiscal::{Align, Slip, SlipItem, plain, wrap};
use oem_cp::{code_table::ENCODING_TABLE_CP866, encode_string_lossy};

/// The whole slip, settings and all, so that a printer that was just switched on prints it the same.
#[must_use]
pub fn slip(slip: &Slip, config: &EscPosConfig) -> Vec<u8> {
    let columns = usize::from(config.columns);
    let mut out = Vec::new();
    out.extend(command::INITIALIZE);
    out.extend(command::code_page(config.code_page));
    for item in &slip.items {
        match item {
            SlipItem::Text { text, align, wide } => {
                out.extend(command::align(*align));
                out.extend(command::size(*wide));
                let width = if *wide { columns / 2 } else { columns };
                for line in wrap(text, width) {
                    line_of(&mut out, &line);
                }
            }
            SlipItem::Qr { data, scale, align } => {
                out.extend(command::align(*align));
                out.extend(command::qr(data.as_bytes(), *scale));
                out.push(command::LINE_FEED);
            }
            // The rest is plain lines; one way to lay them out is enough.
            other => {
                out.extend(command::align(Align::Left));
                out.extend(command::size(false));
                let plain = Slip {
                    items: vec![other.clone()],
                    cut: false,
                };
                for line in plain.text_lines(columns) {
                    line_of(&mut out, &line);
                }
            }
        }
    }
    out.extend(command::align(Align::Left));
    out.extend(command::size(false));
    if slip.cut && config.cutter {
        out.extend(command::CUT);
    } else {
        // Past the tear bar.
        out.extend([command::LINE_FEED; 4]);
    }
    out
}

/// A line in code page 866; what it lacks comes out as `?`.
fn line_of(out: &mut Vec<u8>, line: &str) {
    out.extend(encode_string_lossy(&plain(line), &ENCODING_TABLE_CP866));
    out.push(command::LINE_FEED);
}
