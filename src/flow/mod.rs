//! What follows from an event, and how it is carried out (ideas 1 and 2).

pub mod effects;
pub mod executor;
