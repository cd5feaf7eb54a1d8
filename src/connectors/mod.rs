//! One folder an outside service. A connector never names another.

pub mod alfa_bank;
pub mod one_c;
pub mod reach;
pub mod sms_ru;
pub mod webhooks;
