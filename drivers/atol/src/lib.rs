//! atol
