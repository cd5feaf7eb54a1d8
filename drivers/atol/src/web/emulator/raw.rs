//! A document as the drive's own bytes: what the server hands out as `rawData`.

use super::drive::{Printer, WebDocument};
use crate::{text, tlv};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use galley_fiscal::tlv::fvln;
use serde_json::Value;

impl Printer {
    /// The document's TLVs, in Base64.
    pub(super) fn raw(&self, d: &WebDocument, registration_number: &str) -> String {
        let words = |text: &str| text::encode(text, 256);
        let seconds = u32::try_from(d.time.seconds()).unwrap_or(u32::MAX);
        let mut out = vec![
            tlv::encode(1037, &words(&format!("{registration_number:<20}"))),
            tlv::encode(1041, &words(&self.drive_number)),
            tlv::encode(1040, &d.number.to_le_bytes()),
            tlv::encode(1012, &seconds.to_le_bytes()),
            tlv::encode(1038, &d.shift.to_le_bytes()),
            // Two bytes of the archive's kind, then the sign, the highest byte first. [memory]
            tlv::encode(1077, &[&[0x21, 0x04], &d.sign.to_be_bytes()[..]].concat()),
        ];
        if let Some(receipt) = d.receipt {
            out.push(tlv::encode(1042, &receipt.to_le_bytes()));
        }
        if let Some(operation) = d.operation {
            out.push(tlv::encode(1054, &[operation]));
            out.push(tlv::encode(1020, &tlv::vln(units(d.total))));
        }
        if let Some(key) = &d.key {
            out.push(tlv::encode(1192, &words(key)));
        }
        let items = d.task["items"].as_array().into_iter().flatten();
        out.extend(items.filter(|item| item["type"] == "position").map(line));
        STANDARD.encode(out.concat())
    }
}

fn units(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A number of the task in its smallest units.
#[allow(clippy::cast_possible_truncation, reason = "sums of a test fit")]
fn scaled(value: &Value, times: f64) -> u64 {
    units((value.as_f64().unwrap_or(0.0) * times).round() as i64)
}

fn line(item: &Value) -> Vec<u8> {
    let name = item["name"].as_str().unwrap_or_default();
    let mut inner = vec![
        tlv::encode(1030, &text::encode(name, 128)),
        tlv::encode(1079, &tlv::vln(scaled(&item["price"], 100.0))),
        tlv::encode(1023, &fvln(3, scaled(&item["quantity"], 1000.0))),
        tlv::encode(1043, &tlv::vln(scaled(&item["amount"], 100.0))),
    ];
    let code = item["imcParams"]["imc"].as_str();
    if let Some(code) = code.and_then(|c| STANDARD.decode(c).ok()) {
        inner.push(tlv::encode(2000, &code));
    }
    tlv::encode(1059, &inner.concat())
}
