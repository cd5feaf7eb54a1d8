//! What the bank's answers mean to us. Plain functions of values.

use super::{
    client::CallError,
    wire::{Refund, Status},
};
use crate::flow::{
    effects::{bank_refund, bank_register, bank_watch::Ended},
    executor::{NotNow, Outcome, Refusal, Resolution},
};

/// Longest `orderNumber`.
const ORDER_NUMBER_MOST: usize = 36;
/// Longest `externalRefundId`: the bank's newer text says 36, its older one 30.
const REFUND_ID_MOST: usize = 30;
/// Longest `description`, characters.
const DESCRIPTION_MOST: usize = 598;
/// Longest `paymentPurpose`, characters.
const PURPOSE_MOST: usize = 140;

const ASK_THE_BANK: &str =
    "Look the order up in the bank's cabinet by its number, and settle it by hand.";

/// What is surely known about an order's money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing is paid yet, but it still may be.
    Open,
    /// Paid in full, or surely closed unpaid.
    Ended(Ended),
    /// The bank's books and ours don't agree: for a person.
    Wrong(Refusal),
}

/// Reads an order's standing. `unpaid` says in words why it was closed, if it was.
pub(super) fn standing(status: &Status, amount_minor: i64, unpaid: &str) -> Standing {
    match status.order_status {
        Some(0 | 5 | 7) => Standing::Open,
        Some(2) => paid(status, amount_minor),
        Some(3 | 6) => Standing::Ended(Ended::Unpaid {
            reason: match status.action_code {
                None | Some(0) => unpaid.to_owned(),
                Some(code) => format!("{unpaid} (the bank's action code {code})"),
            },
        }),
        Some(1 | 8) => Standing::Wrong(Refusal::new(
            "held",
            "The bank holds the money, but has not taken all of it; we never ask for holds.",
            ASK_THE_BANK,
        )),
        Some(4) => Standing::Wrong(Refusal::new(
            "returned_elsewhere",
            "The order was paid and given back at the bank, but not by this store.",
            ASK_THE_BANK,
        )),
        other => Standing::Wrong(Refusal::new(
            "unknown_status",
            format!("The bank answered with the order status {other:?}, which we don't know."),
            ASK_THE_BANK,
        )),
    }
}

/// The rule for "paid": every amount that the bank names is ours.
fn paid(status: &Status, amount_minor: i64) -> Standing {
    let deposited = status
        .payment_amount_info
        .as_ref()
        .and_then(|amounts| amounts.deposited_amount);
    if status.amount != Some(amount_minor) || deposited.is_some_and(|d| d != amount_minor) {
        return Standing::Wrong(amount_mismatch(amount_minor, deposited.or(status.amount)));
    }
    // The bank shows roubles under their number of before 1998, too.
    if !matches!(status.currency, None | Some(643 | 810)) {
        return Standing::Wrong(Refusal::new(
            "currency_mismatch",
            format!("The bank took currency {:?}.", status.currency),
            ASK_THE_BANK,
        ));
    }
    Standing::Ended(Ended::Paid {
        amount_minor,
        reference: status.auth_ref_num.clone(),
    })
}

/// The bank has another amount than we asked for.
pub(super) fn amount_mismatch(ours: i64, theirs: Option<i64>) -> Refusal {
    let theirs = theirs.map_or("no amount".to_owned(), |minor| minor.to_string());
    Refusal::new(
        "amount_mismatch",
        format!("We asked for {ours} minor units, and the bank has {theirs}."),
        ASK_THE_BANK,
    )
}

/// Our refund among the order's refunds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refunded {
    /// It is there.
    Done(bank_refund::Refunded),
    /// It is not there; asking for it, again with the same id, is right.
    NotYet,
    /// It can't be.
    Refused(Refusal),
    /// The same id stands for something else.
    Wrong(Refusal),
}

/// Looks for our refund.
pub(super) fn refunded(status: &Status, request: &bank_refund::Request) -> Refunded {
    let ours = status
        .refunds
        .iter()
        .find(|r| r.external_refund_id.as_deref() == Some(request.refund_id.as_str()));
    if let Some(refund) = ours {
        return match refund.action_code {
            None | Some(0) => match refund.amount {
                Some(amount) if amount != request.amount_minor => {
                    Refunded::Wrong(amount_mismatch(request.amount_minor, refund.amount))
                }
                _ => Refunded::Done(bank_refund::Refunded {
                    amount_minor: request.amount_minor,
                    reference: reference(refund),
                }),
            },
            Some(code) => Refunded::Refused(Refusal::new(
                format!("action_{code}"),
                format!("The payer's bank did not take the money back (action code {code})."),
                "Give the money back another way, or ask the bank.",
            )),
        };
    }
    if !matches!(status.order_status, Some(2 | 4)) {
        return Refunded::Refused(Refusal::new(
            "not_paid",
            "The bank says that this order is not paid.",
            ASK_THE_BANK,
        ));
    }
    let gone = status
        .payment_amount_info
        .as_ref()
        .and_then(|amounts| amounts.refunded_amount)
        .unwrap_or(0);
    // Without this, an amount too high would be "error 7" for ever: the bank has one code for both that and
    // its own faults. Refunds without ids (status version below 21) may hide ours, so they prove nothing.
    let all_named = status
        .refunds
        .iter()
        .all(|refund| refund.external_refund_id.is_some())
        && (gone == 0 || !status.refunds.is_empty());
    let rest = status.amount.map(|amount| amount.saturating_sub(gone));
    match rest {
        Some(rest) if all_named && rest < request.amount_minor => Refunded::Refused(Refusal::new(
            "above_rest",
            format!(
                "Only {rest} minor units of this order are left to be given back, not {}.",
                request.amount_minor
            ),
            ASK_THE_BANK,
        )),
        _ => Refunded::NotYet,
    }
}

fn reference(refund: &Refund) -> Option<String> {
    refund
        .reference_number
        .clone()
        .or_else(|| refund.sbp.as_ref().and_then(|sbp| sbp.operation_id.clone()))
}

/// Refuses what the bank would refuse, and what it would misunderstand.
pub(super) fn check_register(request: &bank_register::Request) -> Result<(), Refusal> {
    let bad = |text: String| Refusal::new("bad_request", text, "Tell the makers of Galley.");
    if !(1..=ORDER_NUMBER_MOST).contains(&request.order_number.len()) {
        return Err(bad(format!(
            "An order number has 1 to {ORDER_NUMBER_MOST} characters."
        )));
    }
    if request.amount_minor <= 0 {
        return Err(bad("There is nothing to pay.".into()));
    }
    if request.currency != "RUB" {
        return Err(Refusal::new(
            "currency",
            format!("The bank takes roubles only, not {}.", request.currency),
            "Take this tender out of the store's settings.",
        ));
    }
    Ok(())
}

/// Refuses what the bank would misunderstand: 0 means "all of it" there.
pub(super) fn check_refund(request: &bank_refund::Request) -> Result<(), Refusal> {
    let bad = |text: String| Refusal::new("bad_request", text, "Tell the makers of Galley.");
    if request.amount_minor <= 0 {
        return Err(bad("There is nothing to give back.".into()));
    }
    if !(1..=REFUND_ID_MOST).contains(&request.refund_id.len()) {
        return Err(bad(format!(
            "A refund's id has 1 to {REFUND_ID_MOST} characters."
        )));
    }
    Ok(())
}

/// The description, as long as the bank takes it.
pub(super) fn description(text: &str) -> String {
    text.chars().take(DESCRIPTION_MOST).collect()
}

/// The payment's purpose, as long as SBP takes it.
pub(super) fn purpose(text: &str) -> String {
    text.chars().take(PURPOSE_MOST).collect()
}

/// A call that was to change something at the bank has failed.
pub(super) fn act_failed(error: CallError) -> Outcome {
    match error {
        CallError::NotSent(reason) => Outcome::NotSent(not_now(reason)),
        CallError::Unknown(reason) => Outcome::Unknown(not_now(reason)),
        CallError::Code { code, text } => match code {
            1 | 3..=6 | 13 | 14 => Outcome::Refused(refusal(code, text)),
            // 7 is "system error"; what we don't know may have moved money.
            _ => Outcome::Unknown(not_now(format!(
                "The bank answered with error {code}: {text}"
            ))),
        },
    }
}

/// A call that only reads has failed, and nothing was changed before. Never a refusal: that the bank does not
/// tell says nothing about the money.
pub(super) fn read_failed(error: CallError) -> Outcome {
    match error {
        CallError::Unknown(reason) => Outcome::Unknown(not_now(reason)),
        CallError::Code { code: 7, text } => {
            Outcome::Unknown(not_now(format!("The bank answered with error 7: {text}")))
        }
        other => Outcome::NotSent(cannot_ask(other)),
    }
}

/// A call that only reads has failed after something may have been changed.
pub(super) fn read_failed_after_act(error: CallError) -> Outcome {
    Outcome::Unknown(cannot_ask(error))
}

/// As [`read_failed`], while resolving.
pub(super) fn cannot_resolve(error: CallError) -> Resolution {
    Resolution::Unknown(cannot_ask(error))
}

fn cannot_ask(error: CallError) -> NotNow {
    match error {
        CallError::NotSent(reason) | CallError::Unknown(reason) => not_now(reason),
        CallError::Code { code, text } => NotNow::new(
            format!("The bank answered with error {code}: {text}"),
            code_advice(code),
        ),
    }
}

fn not_now(reason: impl Into<String>) -> NotNow {
    NotNow::new(
        reason,
        "Check the store's internet connection; if it is up, wait for the bank.",
    )
}

fn refusal(code: i64, text: String) -> Refusal {
    let text = if text.is_empty() {
        format!("The bank refused with error {code}.")
    } else {
        text
    };
    Refusal::new(code.to_string(), text, code_advice(code))
}

fn code_advice(code: i64) -> &'static str {
    match code {
        1 => "The order number is in use: look at the store's prefix of order numbers.",
        3 => "The bank does not take this currency.",
        4 => "Check return_url and the login in the bank's settings.",
        5 => {
            "Check the login and the password; a first password must be changed in the bank's cabinet, \
             and the account needs the right for this operation."
        }
        6 => "The bank does not know the order: check that base_url and the login belong together.",
        13 | 14 => "Ask the bank to switch this feature on for the shop.",
        _ => "Wait for the bank; if it lasts, call its support.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::alfa_bank::wire::Amounts;

    fn order(order_status: i64) -> Status {
        Status {
            order_status: Some(order_status),
            amount: Some(45_000),
            currency: Some(810),
            payment_amount_info: Some(Amounts {
                deposited_amount: Some(45_000),
                refunded_amount: Some(0),
            }),
            auth_ref_num: Some("123456789012".into()),
            ..Status::default()
        }
    }

    fn refund(id: Option<&str>, amount: i64, action_code: i64) -> Refund {
        Refund {
            external_refund_id: id.map(Into::into),
            action_code: Some(action_code),
            amount: Some(amount),
            ..Refund::default()
        }
    }

    fn request(amount_minor: i64) -> bank_refund::Request {
        bank_refund::Request {
            provider_id: "id".into(),
            order_number: "R17-1-1".into(),
            refund_id: "r-1".into(),
            amount_minor,
        }
    }

    #[test]
    fn an_order_is_paid_only_when_every_amount_is_ours() {
        assert_eq!(
            standing(&order(2), 45_000, ""),
            Standing::Ended(Ended::Paid {
                amount_minor: 45_000,
                reference: Some("123456789012".into())
            })
        );
        let wrong = |status: &Status, ours, code| match standing(status, ours, "") {
            Standing::Wrong(refusal) => assert_eq!(refusal.code, code),
            other => panic!("{other:?}"),
        };
        wrong(&order(2), 45_001, "amount_mismatch");
        let mut less = order(2);
        less.payment_amount_info = Some(Amounts {
            deposited_amount: Some(44_999),
            refunded_amount: None,
        });
        wrong(&less, 45_000, "amount_mismatch");
        let mut dollars = order(2);
        dollars.currency = Some(840);
        wrong(&dollars, 45_000, "currency_mismatch");
        wrong(&order(1), 45_000, "held");
        wrong(&order(4), 45_000, "returned_elsewhere");
        wrong(&order(99), 45_000, "unknown_status");
    }

    #[test]
    fn only_a_final_status_closes_an_order() {
        for open in [0, 5, 7] {
            assert_eq!(standing(&order(open), 45_000, "x"), Standing::Open);
        }
        for closed in [3, 6] {
            assert!(matches!(
                standing(&order(closed), 45_000, "x"),
                Standing::Ended(Ended::Unpaid { .. })
            ));
        }
    }

    #[test]
    fn a_refund_is_known_by_its_id_and_amount() {
        let mut status = order(4);
        assert_eq!(refunded(&order(2), &request(100)), Refunded::NotYet);
        status.refunds = vec![refund(Some("r-1"), 100, 0)];
        assert!(matches!(
            refunded(&status, &request(100)),
            Refunded::Done(_)
        ));
        assert!(matches!(
            refunded(&status, &request(99)),
            Refunded::Wrong(_)
        ));
        status.refunds = vec![refund(Some("r-1"), 100, 116)];
        assert!(matches!(
            refunded(&status, &request(100)),
            Refunded::Refused(_)
        ));
    }

    #[test]
    fn a_refund_above_the_rest_is_refused_only_when_all_refunds_have_ids() {
        let mut status = order(4);
        status.payment_amount_info = Some(Amounts {
            deposited_amount: Some(5_000),
            refunded_amount: Some(40_000),
        });
        status.refunds = vec![refund(Some("r-0"), 40_000, 0)];
        assert!(matches!(
            refunded(&status, &request(5_001)),
            Refunded::Refused(_)
        ));
        assert_eq!(refunded(&status, &request(5_000)), Refunded::NotYet);
        status.refunds = vec![refund(None, 40_000, 0)];
        assert_eq!(refunded(&status, &request(40_000)), Refunded::NotYet);
        status.refunds.clear();
        assert_eq!(refunded(&status, &request(40_000)), Refunded::NotYet);
        assert!(matches!(
            refunded(&order(6), &request(1)),
            Refunded::Refused(_)
        ));
    }

    #[test]
    fn error_seven_and_unknown_codes_prove_nothing_about_an_act() {
        let code = |code| CallError::Code {
            code,
            text: String::new(),
        };
        for refused in [1, 3, 4, 5, 6, 13, 14] {
            assert!(matches!(act_failed(code(refused)), Outcome::Refused(_)));
        }
        for open in [2, 7, 8, 99] {
            assert!(matches!(act_failed(code(open)), Outcome::Unknown(_)));
        }
        for any in [1, 5, 6, 7, 8, 99] {
            assert!(!matches!(read_failed(code(any)), Outcome::Refused(_)));
        }
    }
}
