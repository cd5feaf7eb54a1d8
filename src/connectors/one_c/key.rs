//! The identity of our documents in 1C.
//!
//! Every document has a business key in words; its `Ref_Key` is UUID v5 of that key in [`NAMESPACE`]. 1C
//! refuses a second object with the same `Ref_Key` (code 15), which makes a repeat harmless.

use uuid::{Uuid, uuid};

/// UUID v5 of `https://edge-controller.invalid/1c/v1` in the URL namespace. An installation may choose
/// another one before it sends its first document, never later.
pub const NAMESPACE: Uuid = uuid!("a90a28db-bd14-5532-8e00-72ca8086b26b");

/// Key of the retail report of a closed shift.
#[must_use]
pub fn retail_report(store: &str, registration_number: &str, shift: u32) -> String {
    shift_document(store, registration_number, shift, "retail-report")
}

/// Key of the cash-book order for the money of a closed shift.
#[must_use]
pub fn cash_in(store: &str, registration_number: &str, shift: u32, seq: u32) -> String {
    let kind = format!("cash-in;seq={seq}");
    shift_document(store, registration_number, shift, &kind)
}

fn shift_document(store: &str, registration_number: &str, shift: u32, kind: &str) -> String {
    format!("store={store};kkt={registration_number};shift={shift};doc={kind}")
}

/// The `Ref_Key` of a document.
#[must_use]
pub fn ref_key(namespace: Uuid, key: &str) -> Uuid {
    Uuid::new_v5(&namespace, key.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_is_derived_from_its_address() {
        let address = b"https://edge-controller.invalid/1c/v1";
        assert_eq!(NAMESPACE, Uuid::new_v5(&Uuid::NAMESPACE_URL, address));
    }

    #[test]
    fn keys_in_words_lead_to_the_agreed_references() {
        let kkt = "0000000001012345";
        for (key, expected) in [
            (
                retail_report("S001", kkt, 57),
                "3cedd443-409d-5fd2-b959-4a18871cbd4d",
            ),
            (
                cash_in("S001", kkt, 57, 1),
                "4310a880-bd60-57c8-ac60-ac1a06719239",
            ),
            (
                "store=S001;kkt=0000000001012345;shift=57;doc=cash-out;seq=1".into(),
                "883faf0d-2c03-5d19-8762-b9a2dd196193",
            ),
            (
                "store=S001;order=01J9Z3K6Q8T5W2;doc=buyer-return;seq=1".into(),
                "62286af8-7dc5-57bd-ab43-352e9695ac9c",
            ),
            (
                "store=S001;order=01J9Z3K6Q8T5W2;doc=order-export".into(),
                "1a10571f-bd25-5581-a83e-11984e9e4340",
            ),
            (
                "store=S001;kkt=0000000001012345;shift=57;receipt=1203;doc=receipt".into(),
                "06223f07-ef52-58d6-bf04-2ad1c88d64a1",
            ),
        ] {
            assert_eq!(ref_key(NAMESPACE, &key).to_string(), expected, "{key}");
        }
    }
}
