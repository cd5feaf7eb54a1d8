//! The core: plain functions of values. No clock, no chance, no database, no network; time and ids come in
//! as arguments. It imports nothing else of ours.

pub mod time;
