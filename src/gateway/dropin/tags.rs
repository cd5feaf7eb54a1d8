//! A document's tags as the vendor's driver writes them in JSON: by number, money in roubles, containers as objects.
//! [source of the form: atol.md 3.7, `getFnDocument`; kinds of tags by the format of fiscal documents: memory]

use super::answers::Zone;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use galley_atol::json::Kopecks;
use galley_fiscal::tlv;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// How a tag's value is written.
enum Kind {
    /// A number, the lowest byte first.
    Number,
    /// Kopecks.
    Money,
    /// Decimals, then a number.
    Decimal,
    /// Seconds since 1970, in the printer's zone.
    Time,
    /// The same, of which only the day counts.
    Day,
    /// Text in code page 866.
    Text,
    /// Tags within.
    Container,
    /// Octets as hexadecimal digits.
    Hex,
    /// Octets.
    Bytes,
}

/// Deepest containers: a line with its agent's data is two.
const DEEPEST: usize = 4;

fn kind(tag: u16) -> Kind {
    match tag {
        1012 | 1098 | 1206 => Kind::Time,
        1178 => Kind::Day,
        1020
        | 1031
        | 1043
        | 1079
        | 1081
        | 1102..=1107
        | 1136
        | 1138
        | 1140
        | 1141
        | 1198
        | 1200
        | 1201
        | 1215..=1219
        | 1229 => Kind::Money,
        1023 => Kind::Decimal,
        1059
        | 1084
        | 1129..=1135
        | 1145
        | 1146
        | 1157
        | 1158
        | 1163
        | 1174
        | 1194
        | 1223
        | 1224
        | 1232
        | 1233
        | 1256
        | 1260
        | 1261
        | 1270
        | 1291 => Kind::Container,
        1077 => Kind::Hex,
        1078 | 1162 => Kind::Bytes,
        1005
        | 1008
        | 1009
        | 1013
        | 1016..=1018
        | 1021
        | 1026
        | 1030
        | 1036
        | 1037
        | 1041
        | 1044
        | 1046
        | 1048
        | 1060
        | 1073..=1075
        | 1085
        | 1086
        | 1117
        | 1119
        | 1171
        | 1177
        | 1179
        | 1187
        | 1188
        | 1191
        | 1192
        | 1195
        | 1197
        | 1203
        | 1225..=1228
        | 1230
        | 1231
        | 1243
        | 1244
        | 1246
        | 1254
        | 1262..=1265
        | 1273
        | 1292
        | 1300..=1309
        | 1320..=1325
        | 2000
        | 2101 => Kind::Text,
        _ => Kind::Number,
    }
}

/// Tags that a document has once for each of its lines or codes: a list, however many there are.
fn many(tag: u16) -> bool {
    matches!(tag, 1059 | 1260 | 1261)
}

/// The tags of a document, or of a container in it.
pub(super) fn told(bytes: &[u8], zone: &Zone) -> Map<String, Value> {
    within(bytes, zone, DEEPEST)
}

fn within(bytes: &[u8], zone: &Zone, deep: usize) -> Map<String, Value> {
    let mut all = Map::new();
    for (tag, bytes) in tlv::walk(bytes) {
        let value = value(tag, bytes, zone, deep);
        let place = all.entry(tag.to_string());
        match place {
            serde_json::map::Entry::Vacant(place) => {
                place.insert(if many(tag) { json!([value]) } else { value });
            }
            serde_json::map::Entry::Occupied(mut place) => match place.get_mut() {
                Value::Array(list) => list.push(value),
                first => *first = json!([first.take(), value]),
            },
        }
    }
    all
}

fn value(tag: u16, bytes: &[u8], zone: &Zone, deep: usize) -> Value {
    let number = || tlv::number(bytes);
    let told = match kind(tag) {
        Kind::Number => number().map(|n| json!(n)),
        Kind::Money => money(bytes),
        Kind::Decimal => decimal(bytes),
        Kind::Time => seconds(bytes).map(|at| json!(zone.time(&at.to_string()))),
        Kind::Day => seconds(bytes).map(|at| json!(at.date().strftime("%Y.%m.%d").to_string())),
        Kind::Text => Some(json!(galley_atol::text::decode(bytes))),
        Kind::Container if deep > 0 => Some(Value::Object(within(bytes, zone, deep - 1))),
        Kind::Hex => Some(json!(
            bytes.iter().map(|b| format!("{b:02X}")).collect::<String>()
        )),
        Kind::Container | Kind::Bytes => None,
    };
    // What does not read as its kind is handed on as it is.
    told.unwrap_or_else(|| json!(STANDARD.encode(bytes)))
}

fn money(bytes: &[u8]) -> Option<Value> {
    let sum = i64::try_from(tlv::number(bytes)?).ok()?;
    Some(json!(Kopecks(sum)))
}

fn decimal(bytes: &[u8]) -> Option<Value> {
    let (decimals, rest) = bytes.split_first()?;
    let number = tlv::number(rest)?;
    // A quantity has at most six decimals; more are no number that anybody wrote.
    let scale = 10_u64.checked_pow(u32::from(*decimals).min(9))?;
    let (whole, part) = (number / scale, number % scale);
    match part {
        0 => Some(json!(whole)),
        part => {
            let width = usize::from(*decimals).min(9);
            let text = format!("{whole}.{part:0width$}");
            serde_json::from_str(text.trim_end_matches('0')).ok()
        }
    }
}

/// The printer's local time: its seconds are counted as if it went by UTC. [source: atol.md 2.1]
fn seconds(bytes: &[u8]) -> Option<jiff::civil::DateTime> {
    let seconds = i64::try_from(tlv::number(bytes)?).ok()?;
    let at = Timestamp::from_second(seconds).ok()?;
    Some(at.to_zoned(jiff::tz::TimeZone::UTC).datetime())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_documents_tags_are_told_as_the_vendor_tells_them() {
        let zone = Zone(jiff::tz::TimeZone::fixed(jiff::tz::offset(3)));
        let tlv = tlv::encode;
        let line = [
            tlv(1023, &tlv::fvln(3, 2000)),
            tlv(1030, &[0x91, 0xE3, 0xAF]),
            tlv(1079, &tlv::vln(35_000)),
        ]
        .concat();
        let bytes = [
            tlv(1020, &tlv::vln(79_950)),
            tlv(1040, &121_u32.to_le_bytes()),
            tlv(1041, b"9999078902004312"),
            tlv(1054, &[1]),
            tlv(1012, &1_795_348_800_u32.to_le_bytes()),
            tlv(1077, &[0x21, 4, 0x62, 0xEE, 3, 0x8D]),
            tlv(1059, &line),
            tlv(1059, &tlv(1023, &tlv::fvln(6, 1_500_000))),
        ]
        .concat();
        // Source: atol.md 3.7.
        let told = Value::Object(told(&bytes, &zone));
        assert_eq!(
            told,
            json!({
                "1020": 799.5, "1040": 121, "1041": "9999078902004312", "1054": 1,
                "1012": "2026-11-22T12:00:00+03:00", "1077": "210462EE038D",
                "1059": [{"1023": 2, "1030": "Суп", "1079": 350}, {"1023": 1.5}],
            })
        );
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_told(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = told(&bytes, &Zone(jiff::tz::TimeZone::UTC));
        }
    }
}
