//! What at least two services need, once.
//!
//! A service is handed to [`run`] as a [`run::Service`]; what it gets in return stands in
//! [`run::Context`]. Nothing here knows what any service is for.

pub mod access;
pub mod auth;
mod bus;
pub mod caller;
pub mod clock;
pub mod config;
pub mod db;
pub mod error;
pub mod fence;
pub mod handle;
pub mod id;
pub mod middleware;
pub mod outbox;
pub mod page;
pub mod peer;
pub mod person;
pub mod random;
pub mod run;
pub mod telemetry;
pub mod testing;
pub mod text;
