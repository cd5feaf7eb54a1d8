//! Faults by script.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// What goes wrong with one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BankFault {
    /// Trouble, and the bank has done nothing.
    Before(Trouble),
    /// The bank has done it, then trouble: the answer is lost after the act.
    After(Trouble),
    /// The bank thinks that long before it acts and answers.
    Delay(Duration),
    /// `reject.do` and `decline.do` refuse to close the order, which stays open: it may be paid late.
    RefuseClose,
    /// The bank takes a refund on, answers error 7, and has carried it out only after that time.
    SlowRefund(Duration),
}

/// How a call goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The connection is cut.
    Drop,
    /// Nothing ever comes.
    Hang,
    /// An HTTP status without a body, such as 500, 502 or 429.
    Status(u16),
    /// A page of something else.
    Garbage,
    /// The gateway's own error.
    ErrorCode(i64),
}

/// Faults that wait for calls, by method.
#[derive(Debug, Default)]
pub(super) struct Faults(BTreeMap<String, VecDeque<(BankFault, u32)>>);

impl Faults {
    pub fn add(&mut self, method: &str, fault: BankFault, count: u32) {
        if count > 0 {
            self.0
                .entry(method.to_owned())
                .or_default()
                .push_back((fault, count));
        }
    }

    /// The fault that strikes this call: one of its method's, else one of any method's.
    pub fn strike(&mut self, method: &str) -> Option<BankFault> {
        [method, super::BankEmulator::ANY]
            .into_iter()
            .find_map(|key| {
                let queue = self.0.get_mut(key)?;
                let (fault, left) = queue.front_mut()?;
                let fault = fault.clone();
                *left = left.saturating_sub(1);
                if *left == 0 {
                    queue.pop_front();
                }
                Some(fault)
            })
    }
}
