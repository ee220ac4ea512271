//! The outbox on real databases, with a broker that remembers, fails and refuses as it is told.

mod append;
mod dropped;
mod operator;
mod relay;
mod two;
pub(crate) mod world;
