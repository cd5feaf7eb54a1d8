//! The makes there are.

mod atol;
mod atol_web;
mod shtrih;

pub use atol::atol;
pub use atol_web::atol_web;
pub use shtrih::{shtrih_one, shtrih_two};
