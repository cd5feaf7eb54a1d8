//! Every target over a bounded number of cases: bytes of no meaning, and bytes that nearly have one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use galley_fuzz::TARGETS;
use proptest::{prelude::*, sample::Index};

/// Real things to start from: frames, answers, tasks.
fn seeds() -> Vec<Vec<u8>> {
    let hex = |text: &str| -> Vec<u8> {
        text.split_whitespace()
            .map(|b| u8::from_str_radix(b, 16).unwrap())
            .collect()
    };
    vec![
        // ATOL: device type, register 52, a position with an escaped byte.
        hex("FE 14 00 00 A3 00 03 01 52 00 00 05 08 00 76 71 80 92 8E 8B 20 39 31 94 2A"),
        hex("FE 12 00 06 A3 55 00 00 00 00 01 21 22 11 26 12 00 26 35 03 63 95 E3"),
        hex("FE 13 00 0A C1 01 05 00 00 E8 01 01 00 FD ED 03 06 00 88 A2 A0 AD AE A2 CE"),
        hex("03 00 1A 0B 16 0C 00 7A 00 00 00 8D 03 EE 62 02 DC 05 00 00 00"),
        hex("96 04 12 00 99 04 01 00 78 9A 04 04 00 80 8D FF 6A 9B 04 01 00 31"),
        // Shtrikh-M: a status, the drive, frames of protocol 2.
        hex("02 10 10 00 1E 92 02 04 00 00 9D D7 00 00 00 00 00 00 C0"),
        hex("02 21 FF 01 00 03 00 00 00 00 1A 07 01 0C 1E 39 39 39 39 30 37 38 39 30 32 30 31 39 30 39 37 A3 00 00 00 73"),
        hex("8F 03 00 9F 81 00 FC 26 C6 8F 05 00 1C 00 1F 00 01 6B 78"),
        // Tasks.
        br#"{"type":"openShift","operator":{"name":"Robot","vatin":"123456789047"}}"#.to_vec(),
        br#"{"type":"sell","taxationType":"osn","items":[{"type":"position","name":"Soup","price":350.0,"quantity":2,"amount":700.0,"paymentMethod":"fullPayment","paymentObject":"commodity","tax":{"type":"vat22"}}],"payments":[{"type":"electronically","sum":700}],"total":700}"#.to_vec(),
        br#"{"type":"cashIn","cashSum":1000.5}"#.to_vec(),
        br#"{"type":"nonFiscal","items":[{"type":"text","text":"42"},{"type":"barcode","barcode":"x","barcodeType":"QR"}]}"#.to_vec(),
    ]
}

/// What happens to a seed: a byte changes, goes, comes, or the rest is cut off.
#[derive(Clone, Debug)]
enum Damage {
    Set(Index, u8),
    Take(Index),
    Put(Index, u8),
    Cut(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(i, b)| Damage::Set(i, b)),
        any::<Index>().prop_map(Damage::Take),
        (any::<Index>(), any::<u8>()).prop_map(|(i, b)| Damage::Put(i, b)),
        any::<Index>().prop_map(Damage::Cut),
    ]
}

fn damaged(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        if bytes.is_empty() {
            break;
        }
        match damage {
            Damage::Set(i, b) => {
                let i = i.index(bytes.len());
                bytes[i] = *b;
            }
            Damage::Take(i) => {
                bytes.remove(i.index(bytes.len()));
            }
            Damage::Put(i, b) => bytes.insert(i.index(bytes.len()), *b),
            Damage::Cut(i) => bytes.truncate(i.index(bytes.len())),
        }
    }
    bytes
}

#[test]
fn every_seed_is_taken_by_every_target() {
    for (_, target) in TARGETS {
        seeds().iter().for_each(|seed| target(seed));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(data in proptest::collection::vec(any::<u8>(), 0..300)) {
        for (_, target) in TARGETS {
            target(&data);
        }
    }

    #[test]
    fn nearly_right_bytes(
        seed in any::<Index>(),
        damages in proptest::collection::vec(damage(), 0..8),
        twice in any::<bool>(),
    ) {
        let seeds = seeds();
        let mut data = damaged(seeds[seed.index(seeds.len())].clone(), &damages);
        if twice {
            data.extend(seeds[seed.index(seeds.len())].clone());
        }
        for (_, target) in TARGETS {
            target(&data);
        }
    }
}
