//! The vendor's JSON: the tasks that its driver and its web server take, and what they answer.
//!
//! Every type goes both ways, so that a till's task can be read by the same types that a driver sends. Two rules of
//! the vendor shape them: money and quantities are JSON numbers ([`Kopecks`], [`Thousandths`]), and a field nobody
//! knows is ignored in silence, so a typo loses data; hence typed structs only.
//! [source: atol.md 3; names and types tried against the vendor's validator]
//!
//! Setup tasks (registration, archive closing, change of the drive, firmware) are left out on purpose: what has no
//! type here can't be sent.
//!
//! * [`Task`] and its parts: `task`, `receipt`;
//! * [`answer`]: what comes back;
//! * [`words`]: the vendor's words for the law's closed lists;
//! * `from`, `into`: between tasks and [`galley_fiscal::Document`];
//! * [`code`]: error codes.

pub mod answer;
pub mod code;
mod decimal;
mod from;
mod into;
mod receipt;
mod slips;
mod task;
pub mod words;

pub use decimal::{Kopecks, Thousandths};
pub use from::{Style, from_date_time, from_document, imc_params};
pub use into::{Fault, Taken, marking_of_params, to_document};
pub use receipt::*;
pub use slips::{slip_task, task_slip};
pub use task::*;
