//! The bank's answers, exactly as they are on the wire.
//!
//! The bank is loose with types: numbers come as numbers or as strings, `errorCode` also not at all on
//! success; so every number here is read leniently. Unknown fields are ignored.

use serde::{Deserialize, Deserializer};

/// What every answer may carry; not there, or 0, on success.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failure {
    #[serde(default, deserialize_with = "number")]
    pub error_code: Option<i64>,
    #[serde(default)]
    pub error_message: Option<String>,
}

/// Of `register.do`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Registered {
    pub order_id: String,
}

/// Of `sbp/c2b/qr/dynamic/get.do` and `…/status.do`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Qr {
    pub qr_id: Option<String>,
    /// The text to encode; only while the code can be paid.
    pub payload: Option<String>,
    qr_status: Option<String>,
    /// The bank's table has this name, its examples the other.
    status: Option<String>,
    /// `CREATED`, `DECLINED` or `DEPOSITED`.
    pub transaction_state: Option<String>,
}

impl Qr {
    /// The code's status, under whichever of its two names.
    pub fn status(&self) -> &str {
        self.qr_status
            .as_deref()
            .or(self.status.as_deref())
            .unwrap_or("")
    }
}

/// Of `getOrderStatusExtended.do`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    pub order_number: Option<String>,
    /// Absent when the bank does not know the order.
    #[serde(deserialize_with = "number")]
    pub order_status: Option<i64>,
    #[serde(deserialize_with = "number")]
    pub action_code: Option<i64>,
    #[serde(deserialize_with = "number")]
    pub amount: Option<i64>,
    #[serde(deserialize_with = "number")]
    pub currency: Option<i64>,
    pub attributes: Vec<Attribute>,
    pub auth_ref_num: Option<String>,
    pub payment_amount_info: Option<Amounts>,
    pub refunds: Vec<Refund>,
}

impl Status {
    /// The bank's `orderId`, which it gives back under another name.
    pub fn md_order(&self) -> Option<&str> {
        self.attributes
            .iter()
            .find(|a| a.name == "mdOrder")
            .map(|a| a.value.as_str())
    }
}

/// A named value.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Attribute {
    pub name: String,
    pub value: String,
}

/// From status version 3.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Amounts {
    #[serde(deserialize_with = "number")]
    pub deposited_amount: Option<i64>,
    #[serde(deserialize_with = "number")]
    pub refunded_amount: Option<i64>,
}

/// One refund, from status version 5; its id from version 21.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Refund {
    pub external_refund_id: Option<String>,
    #[serde(deserialize_with = "number")]
    pub action_code: Option<i64>,
    pub reference_number: Option<String>,
    #[serde(deserialize_with = "number")]
    pub amount: Option<i64>,
    pub sbp: Option<Sbp>,
}

/// What only SBP refunds have.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Sbp {
    pub operation_id: Option<String>,
}

/// An integer, as a number or in a string; none when empty or null.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Loose {
        Number(i64),
        Text(String),
    }
    match Option::<Loose>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Loose::Number(number)) => Ok(Some(number)),
        Some(Loose::Text(text)) => match text.trim() {
            "" => Ok(None),
            digits => digits.parse().map(Some).map_err(serde::de::Error::custom),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_from_a_number_a_string_or_nothing() {
        for (json, code) in [
            (r#"{"errorCode":"1","errorMessage":"x"}"#, Some(1)),
            (r#"{"errorCode":0}"#, Some(0)),
            (r#"{"errorCode":""}"#, None),
            (r#"{"errorCode":null}"#, None),
            (r#"{}"#, None),
        ] {
            let failure: Failure = serde_json::from_str(json).unwrap();
            assert_eq!(failure.error_code, code, "{json}");
        }
        assert!(serde_json::from_str::<Failure>(r#"{"errorCode":"x"}"#).is_err());
    }

    #[test]
    fn the_codes_status_is_read_under_either_name() {
        for json in [
            r#"{"qrStatus":"STARTED"}"#,
            r#"{"status":"STARTED"}"#,
            r#"{"qrStatus":"STARTED","status":"STARTED"}"#,
        ] {
            assert_eq!(
                serde_json::from_str::<Qr>(json).unwrap().status(),
                "STARTED"
            );
        }
    }

    #[test]
    fn the_order_id_comes_back_among_the_attributes() {
        let status: Status = serde_json::from_str(
            r#"{"errorCode":"0","orderNumber":"R17-000042-1","orderStatus":2,"actionCode":0,"amount":123456,
                "currency":"643","attributes":[{"name":"mdOrder","value":"3ff6962a-7dcc-4283-ab50-a6d7dd3386fe"}],
                "paymentAmountInfo":{"paymentState":"DEPOSITED","depositedAmount":123456,"refundedAmount":0},
                "refunds":[{"externalRefundId":"r-1","amount":"500","actionCode":"0","sbp":{"operationId":"A6"}}]}"#,
        )
        .unwrap();
        assert_eq!(
            status.md_order(),
            Some("3ff6962a-7dcc-4283-ab50-a6d7dd3386fe")
        );
        assert_eq!(status.refunds[0].amount, Some(500));
    }
}
