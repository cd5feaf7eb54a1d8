//! The printer's local time.

pub use galley_fiscal::LocalDateTime;
