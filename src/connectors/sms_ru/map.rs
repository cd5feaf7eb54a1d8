//! What the provider's codes mean to us. Plain functions of values.

use super::client::CallError;
use crate::flow::executor::{NotNow, Outcome, Refusal};

/// The most parts that the provider takes (else its code 205).
const PARTS_MOST: usize = 8;

const LATER: &str = "Check the store's internet connection; if it is up, wait for the provider.";

/// A send has failed.
pub(super) fn failed(error: CallError) -> Outcome {
    match error {
        CallError::NotSent(reason) => Outcome::NotSent(NotNow::new(reason, LATER)),
        CallError::Unknown(reason) => Outcome::Unknown(NotNow::new(reason, LATER)),
        CallError::Http(status) => Outcome::Refused(Refusal::new(
            format!("http_{status}"),
            format!("The provider's address answered with HTTP status {status}."),
            "Check base_url in the provider's settings.",
        )),
        CallError::Code { code, text } => by_code(code, text),
    }
}

fn by_code(code: i64, text: String) -> Outcome {
    let later = |advice: &str| {
        Outcome::NotSent(NotNow::new(
            format!("The provider answered with code {code}: {text}"),
            advice,
        ))
    };
    let refused = |advice: &str| {
        let text = if text.is_empty() {
            format!("The provider refused with code {code}.")
        } else {
            text.clone()
        };
        Outcome::Refused(Refusal::new(code.to_string(), text, advice))
    };
    match code {
        201 => later("Top up the account at the provider."),
        206 | 230..=233 => {
            later("A limit of the account is reached: wait, or raise it at the provider.")
        }
        220 | 500 => later("The provider is out of service: wait; if it lasts, call it."),
        200 | 300..=302 => refused("Check the api_id, and whether the account is confirmed."),
        202 | 207 | 209 => refused("This number can't be reached: call the guest's order out."),
        204 => refused("Have the sender approved by the provider, or take it out of the settings."),
        205 => refused("Shorten the message."),
        _ => refused("Look the code up in the provider's documentation."),
    }
}

/// Refuses what the provider would.
pub(super) fn check_parts(parts: usize) -> Result<(), Refusal> {
    if parts <= PARTS_MOST {
        return Ok(());
    }
    Err(Refusal::new(
        "too_long",
        format!("The message has {parts} parts; the provider takes {PARTS_MOST}."),
        "Shorten the message.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_code_that_surely_sent_nothing_and_may_pass_is_tried_again() {
        for code in -1..1000 {
            let outcome = by_code(code, String::new());
            let again = matches!(code, 201 | 206 | 220 | 230..=233 | 500);
            assert_eq!(matches!(outcome, Outcome::NotSent(_)), again, "{code}");
            assert_eq!(matches!(outcome, Outcome::Refused(_)), !again, "{code}");
        }
    }
}
