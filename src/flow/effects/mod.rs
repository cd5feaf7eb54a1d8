//! The kinds of effect, one file each: what is asked, what comes back, and what follows from it.

pub mod accounting;
pub mod bank_close;
pub mod bank_refund;
pub mod bank_register;
pub mod bank_watch;
pub mod sms;
