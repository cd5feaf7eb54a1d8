//! The provider's answers, exactly as they are on the wire.

use serde::Deserialize;
use std::collections::BTreeMap;

/// Of `/sms/send`. A call may be well and its number refused.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    /// 100 when the call itself was well.
    pub status_code: i64,
    #[serde(default)]
    pub status_text: Option<String>,
    /// By number, in the provider's spelling of it.
    #[serde(default)]
    pub sms: BTreeMap<String, Message>,
}

/// What became of one number.
#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub status_code: i64,
    #[serde(default)]
    pub sms_id: Option<String>,
    #[serde(default)]
    pub status_text: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_answers_are_read() {
        let taken: Answer = serde_json::from_str(
            r#"{"status":"OK","status_code":100,"sms":{"79161234567":{"status":"OK","status_code":100,"sms_id":"000000-10000000"}},"balance":4122.56}"#,
        )
        .unwrap();
        assert_eq!(
            taken.sms["79161234567"].sms_id.as_deref(),
            Some("000000-10000000")
        );
        let refused: Answer =
            serde_json::from_str(r#"{"status":"ERROR","status_code":200,"status_text":"…"}"#)
                .unwrap();
        assert_eq!(refused.status_code, 200);
        assert!(refused.sms.is_empty());
    }
}
