//! Galley: the controller that runs a robotic restaurant from a small box in its back room.
//!
//! Arrows run one way: `main → cli → {api, hq, demo} → {flow, devices, connectors, sync} → store → domain`;
//! `tests/tidy.rs` holds them.

pub mod api;
pub mod body;
pub mod cli;
pub mod config;
pub mod connectors;
pub mod credentials;
#[cfg(all(feature = "emulators", feature = "hq"))]
pub mod demo;
pub mod devices;
pub mod disk;
pub mod domain;
pub mod enrolment;
pub mod flow;
pub mod gateway;
#[cfg(feature = "hq")]
pub mod hq;
pub mod protection;
pub mod run;
#[cfg(all(feature = "emulators", feature = "hq"))]
pub mod simulate;
pub mod store;
pub mod sync;
pub mod world;
