//! alfa_bank
