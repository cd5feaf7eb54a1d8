//! The bank's account book: orders, and what may be done with each.

use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, io, time::Duration};
use uuid::Uuid;

/// The gateway's own error.
#[derive(Debug)]
pub(super) enum Denied {
    Code(i64, &'static str),
    /// The book can't be written.
    Broken(io::Error),
}

impl From<io::Error> for Denied {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// Why the payer can't.
#[derive(Debug, thiserror::Error)]
pub enum PayError {
    /// There is no such order, or none that can be paid.
    #[error("there is no such order")]
    NoOrder,
    /// It is paid, closed or expired, or its code was never asked for.
    #[error("the order can't be paid")]
    NotPayable,
    /// The book can't be written.
    #[error(transparent)]
    Book(#[from] io::Error),
}

/// An order as the bank has it, for tests and people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BankOrder {
    /// The shop's `orderNumber`.
    pub order_number: String,
    /// The bank's `orderId`.
    pub provider_id: String,
    /// Minor units.
    pub amount_minor: i64,
    /// `orderStatus` of the wire: 0 open, 1 held, 2 paid, 3 reversed, 4 given back, 6 closed.
    pub status: i64,
    /// `qrStatus` of the wire; none when no code was asked for.
    pub qr_status: Option<String>,
    /// How many times the payer was charged.
    pub charges: u32,
    /// What the payer was charged, before refunds; minor units.
    pub deposited_minor: i64,
    /// What was given back; minor units.
    pub refunded_minor: i64,
    /// How many refunds were carried out by `externalRefundId` (empty: without one).
    pub refunds: BTreeMap<String, u32>,
}

#[derive(Clone, Debug)]
pub(super) enum Payment {
    InFull,
    Of(i64),
}

/// A new order.
#[derive(Debug)]
pub(super) struct New<'a> {
    pub number: &'a str,
    pub amount: i64,
    pub currency: &'a str,
    pub description: &'a str,
    pub life: Duration,
    pub hold: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Open,
    Held,
    Paid,
    Reversed,
    Closed,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Refund {
    external_id: Option<String>,
    amount: i64,
    /// Carried out then.
    at: Timestamp,
    reference: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Order {
    serial: u64,
    number: String,
    md_order: String,
    amount: i64,
    currency: String,
    description: String,
    hold: bool,
    registered: Timestamp,
    expires: Timestamp,
    state: State,
    action_code: i64,
    qr_status: Option<String>,
    charges: u32,
    deposited: i64,
    paid_at: Option<Timestamp>,
    refunds: Vec<Refund>,
    reverse_failed: bool,
}

/// Everything the bank knows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Book {
    orders: BTreeMap<String, Order>,
    numbers: BTreeMap<String, String>,
}

const STARTED: &str = "STARTED";
const UNKNOWN_ORDER: Denied = Denied::Code(6, "Unknown order id");
const WRONG_STATE: Denied = Denied::Code(7, "Payment must be in a correct state");

impl Book {
    pub fn register(&mut self, new: &New<'_>, now: Timestamp) -> Result<String, Denied> {
        if self.orders.contains_key(new.number) {
            return Err(Denied::Code(
                1,
                "Order number is duplicated, order with given order number is processed already",
            ));
        }
        let serial = u64::try_from(self.orders.len()).unwrap_or(u64::MAX);
        let md_order = Uuid::new_v5(&Uuid::NAMESPACE_OID, new.number.as_bytes()).to_string();
        self.numbers.insert(md_order.clone(), new.number.to_owned());
        self.orders.insert(
            new.number.to_owned(),
            Order {
                serial,
                number: new.number.to_owned(),
                md_order: md_order.clone(),
                amount: new.amount,
                currency: new.currency.to_owned(),
                description: new.description.to_owned(),
                hold: new.hold,
                registered: now,
                expires: now.saturating_add(new.life),
                state: State::Open,
                action_code: -100,
                qr_status: None,
                charges: 0,
                deposited: 0,
                paid_at: None,
                refunds: Vec::new(),
                reverse_failed: false,
            },
        );
        Ok(md_order)
    }

    /// The order's QR code, made at the first call.
    pub fn qr(&mut self, md_order: &str, now: Timestamp) -> Result<Value, Denied> {
        let order = self.by_id(md_order, now)?;
        if order.qr_status.is_none() {
            if order.state != State::Open {
                return Err(WRONG_STATE);
            }
            order.qr_status = Some(STARTED.into());
        }
        let mut answer = json!({"qrId": order.qr_id(), "qrStatus": order.qr_status});
        if order.state == State::Open && order.qr_status.as_deref() == Some(STARTED) {
            answer["payload"] = order.payload().into();
        }
        Ok(answer)
    }

    pub fn qr_status(
        &mut self,
        md_order: &str,
        qr_id: Option<&str>,
        now: Timestamp,
    ) -> Result<Value, Denied> {
        let order = self.by_code(md_order, qr_id, now)?;
        let state = match order.state {
            State::Open | State::Held => "CREATED",
            State::Paid => "DEPOSITED",
            State::Reversed | State::Closed => "DECLINED",
        };
        Ok(json!({"qrStatus": order.qr_status, "qrType": "DYNAMIC", "transactionState": state}))
    }

    pub fn reject(
        &mut self,
        md_order: &str,
        qr_id: Option<&str>,
        refuse: bool,
        now: Timestamp,
    ) -> Result<Value, Denied> {
        let order = self.by_code(md_order, qr_id, now)?;
        let rejected = !refuse && order.qr_status.as_deref() == Some(STARTED);
        if rejected {
            order.qr_status = Some("REJECTED_BY_USER".into());
        }
        Ok(json!({"rejected": rejected}))
    }

    pub fn close(
        &mut self,
        md_order: &str,
        number: &str,
        refuse: bool,
        now: Timestamp,
    ) -> Result<(), Denied> {
        let order = self.by_id(md_order, now)?;
        if order.number != number {
            return Err(UNKNOWN_ORDER);
        }
        if refuse || order.state != State::Open {
            return Err(WRONG_STATE);
        }
        order.state = State::Closed;
        order.action_code = 0;
        Ok(())
    }

    pub fn deposit(&mut self, md_order: &str, amount: i64, now: Timestamp) -> Result<(), Denied> {
        let order = self.by_id(md_order, now)?;
        let amount = if amount == 0 { order.amount } else { amount };
        if order.state != State::Held || amount > order.amount {
            return Err(WRONG_STATE);
        }
        order.charge(amount, now);
        Ok(())
    }

    /// Its first failure is for ever.
    pub fn reverse(&mut self, md_order: &str, now: Timestamp) -> Result<(), Denied> {
        let order = self.by_id(md_order, now)?;
        if order.state != State::Held || order.reverse_failed {
            order.reverse_failed = true;
            return Err(WRONG_STATE);
        }
        order.state = State::Reversed;
        Ok(())
    }

    /// Refunds; a known id is success without a second refund.
    pub fn refund(
        &mut self,
        md_order: &str,
        amount: i64,
        external_id: Option<&str>,
        expected: Option<i64>,
        slow: Duration,
        now: Timestamp,
    ) -> Result<Value, Denied> {
        let order = self.by_id(md_order, now)?;
        let known = external_id.and_then(|id| {
            order
                .refunds
                .iter()
                .find(|r| r.external_id.as_deref() == Some(id))
        });
        if let Some(refund) = known {
            if refund.at > now {
                return Err(Denied::Code(7, "The refund is being processed"));
            }
            return Ok(refund.success());
        }
        let taken: i64 = order.refunds.iter().map(|r| r.amount).sum();
        let rest = order.deposited.saturating_sub(taken);
        let amount = if amount == 0 { rest } else { amount };
        if order.state != State::Paid {
            return Err(WRONG_STATE);
        }
        if amount <= 0 || amount > rest || expected.is_some_and(|e| e != rest) {
            return Err(Denied::Code(7, "Refund amount exceeds deposited amount"));
        }
        let refund = Refund {
            external_id: external_id.map(ToOwned::to_owned),
            amount,
            at: now.saturating_add(slow),
            reference: format!("{:06}{:06}", order.serial, order.refunds.len() + 1),
        };
        let answer = refund.success();
        order.refunds.push(refund);
        if slow.is_zero() {
            Ok(answer)
        } else {
            // The refund is on the book although the call is denied; so this may not undo anything.
            Ok(json!({"errorCode": "7", "errorMessage": "The refund is being processed"}))
        }
    }

    pub fn status(
        &mut self,
        md_order: Option<&str>,
        number: Option<&str>,
        now: Timestamp,
    ) -> Result<Value, Denied> {
        let order = match (md_order, number) {
            (Some(id), _) => self.by_id(id, now)?,
            (None, Some(number)) => {
                let order = self.orders.get_mut(number).ok_or(UNKNOWN_ORDER)?;
                order.settle(now);
                order
            }
            (None, None) => {
                return Err(Denied::Code(1, "[orderId] or [orderNumber] is empty"));
            }
        };
        Ok(order.extended(now))
    }

    pub fn between(&mut self, from: Timestamp, to: Timestamp, now: Timestamp) -> Vec<Value> {
        let mut found: Vec<&mut Order> = self
            .orders
            .values_mut()
            .filter(|o| (from..=to).contains(&o.registered))
            .collect();
        found.sort_by_key(|o| std::cmp::Reverse(o.serial));
        found
            .into_iter()
            .map(|order| {
                order.settle(now);
                order.extended(now)
            })
            .collect()
    }

    pub fn pay(&mut self, number: &str, payment: Payment, now: Timestamp) -> Result<(), PayError> {
        let order = self.orders.get_mut(number).ok_or(PayError::NoOrder)?;
        order.settle(now);
        if !order.payable() {
            return Err(PayError::NotPayable);
        }
        order.qr_status = Some("ACCEPTED".into());
        if order.hold {
            order.state = State::Held;
            return Ok(());
        }
        let amount = match payment {
            Payment::InFull => order.amount,
            Payment::Of(minor) => minor,
        };
        order.charge(amount, now);
        Ok(())
    }

    pub fn refuse_payer(&mut self, number: &str, now: Timestamp) -> Result<(), PayError> {
        let order = self.orders.get_mut(number).ok_or(PayError::NoOrder)?;
        order.settle(now);
        if !order.payable() {
            return Err(PayError::NotPayable);
        }
        order.qr_status = Some("REJECTED".into());
        order.action_code = 116;
        Ok(())
    }

    pub fn newest_payable(&mut self, now: Timestamp) -> Option<String> {
        self.orders
            .values_mut()
            .filter_map(|order| {
                order.settle(now);
                order.payable().then_some(&*order)
            })
            .max_by_key(|order| order.serial)
            .map(|order| order.number.clone())
    }

    /// The number of the order with that `orderId`.
    pub fn number_of(&self, md_order: &str) -> Option<String> {
        self.numbers.get(md_order).cloned()
    }

    pub fn snapshot(&mut self, now: Timestamp) -> Vec<BankOrder> {
        let numbers: Vec<String> = self.orders.keys().cloned().collect();
        numbers
            .iter()
            .filter_map(|number| self.snapshot_of(number, now))
            .collect()
    }

    pub fn snapshot_of(&mut self, number: &str, now: Timestamp) -> Option<BankOrder> {
        let order = self.orders.get_mut(number)?;
        order.settle(now);
        let mut refunds = BTreeMap::new();
        for refund in order.refunds.iter().filter(|r| r.at <= now) {
            let id = refund.external_id.clone().unwrap_or_default();
            let count: &mut u32 = refunds.entry(id).or_default();
            *count = count.saturating_add(1);
        }
        Some(BankOrder {
            order_number: order.number.clone(),
            provider_id: order.md_order.clone(),
            amount_minor: order.amount,
            status: order.status(now),
            qr_status: order.qr_status.clone(),
            charges: order.charges,
            deposited_minor: order.deposited,
            refunded_minor: order.refunded(now),
            refunds,
        })
    }

    fn by_id(&mut self, md_order: &str, now: Timestamp) -> Result<&mut Order, Denied> {
        let number = self.numbers.get(md_order).ok_or(UNKNOWN_ORDER)?;
        let order = self.orders.get_mut(number).ok_or(UNKNOWN_ORDER)?;
        order.settle(now);
        Ok(order)
    }

    fn by_code(
        &mut self,
        md_order: &str,
        qr_id: Option<&str>,
        now: Timestamp,
    ) -> Result<&mut Order, Denied> {
        let order = self.by_id(md_order, now)?;
        if order.qr_status.is_none() || qr_id.is_some_and(|id| id != order.qr_id()) {
            return Err(Denied::Code(6, "Unknown QR code"));
        }
        Ok(order)
    }
}

impl Order {
    /// Lets an unpaid order run out.
    fn settle(&mut self, now: Timestamp) {
        if self.state == State::Open && now >= self.expires {
            self.state = State::Closed;
            self.action_code = -2007;
        }
    }

    fn payable(&self) -> bool {
        self.state == State::Open && self.qr_status.as_deref() == Some(STARTED)
    }

    fn charge(&mut self, amount: i64, now: Timestamp) {
        self.state = State::Paid;
        self.action_code = 0;
        self.charges = self.charges.saturating_add(1);
        self.deposited = self.deposited.saturating_add(amount);
        self.paid_at = Some(now);
    }

    fn refunded(&self, now: Timestamp) -> i64 {
        self.refunds
            .iter()
            .filter(|r| r.at <= now)
            .map(|r| r.amount)
            .sum()
    }

    fn status(&self, now: Timestamp) -> i64 {
        match self.state {
            State::Open => 0,
            State::Held => 1,
            State::Paid if self.refunded(now) > 0 => 4,
            State::Paid => 2,
            State::Reversed => 3,
            State::Closed => 6,
        }
    }

    /// 32 hexadecimal characters, as in the bank's examples.
    fn qr_id(&self) -> String {
        Uuid::new_v5(&Uuid::NAMESPACE_URL, self.md_order.as_bytes())
            .simple()
            .to_string()
            .to_uppercase()
    }

    fn payload(&self) -> String {
        format!("https://qr.nspk.ru/{}", self.qr_id())
    }

    fn extended(&self, now: Timestamp) -> Value {
        let refunded = self.refunded(now);
        let state = match self.status(now) {
            0 => "CREATED",
            1 => "APPROVED",
            2 => "DEPOSITED",
            3 => "REVERSED",
            4 => "REFUNDED",
            _ => "DECLINED",
        };
        // That `depositedAmount` goes down with refunds follows from `expectedDepositedAmount`, of which only
        // one of two refunds with the same value runs [inferred].
        let mut answer = json!({
            "errorCode": "0",
            "errorMessage": "Success",
            "orderNumber": self.number,
            "orderDescription": self.description,
            "orderStatus": self.status(now),
            "actionCode": self.action_code,
            "actionCodeDescription": "",
            "amount": self.amount,
            "currency": self.currency,
            "date": self.registered.as_millis(),
            "attributes": [{"name": "mdOrder", "value": self.md_order}],
            "terminalId": "20000001",
            "paymentAmountInfo": {
                "paymentState": state,
                "approvedAmount": self.deposited,
                "depositedAmount": self.deposited.saturating_sub(refunded),
                "refundedAmount": refunded,
                "feeAmount": 0,
                "totalAmount": self.amount,
            },
        });
        if let Some(paid_at) = self.paid_at {
            answer["authRefNum"] = format!("{:012}", self.serial.saturating_add(1)).into();
            answer["authDateTime"] = paid_at.as_millis().into();
            answer["depositedDate"] = paid_at.as_millis().into();
            answer["paymentWay"] = "SBP_C2B".into();
        }
        let refunds: Vec<Value> = self
            .refunds
            .iter()
            .filter(|r| r.at <= now)
            .map(Refund::extended)
            .collect();
        if !refunds.is_empty() {
            answer["refunds"] = refunds.into();
        }
        answer
    }
}

impl Refund {
    fn success(&self) -> Value {
        json!({"errorCode": 0, "errorMessage": "Success"})
    }

    fn extended(&self) -> Value {
        let mut entry = json!({
            "date": self.at.as_millis(),
            "actionCode": 0,
            "approvalCode": "000000",
            "referenceNumber": self.reference,
            "amount": self.amount,
        });
        if let Some(id) = &self.external_id {
            entry["externalRefundId"] = id.as_str().into();
        }
        entry
    }
}
