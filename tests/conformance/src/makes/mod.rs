//! The makes there are.

mod atol;

pub use atol::atol;
