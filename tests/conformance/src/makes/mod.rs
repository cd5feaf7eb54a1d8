//! The makes there are.

mod atol;
mod atol_web;

pub use atol::atol;
pub use atol_web::atol_web;
