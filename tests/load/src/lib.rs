//! Replays a recorded trace of who wrote to whom against running services, and reads back what
//! they kept; makes up such traces; measures the one internal call that each message costs; proves
//! from outside that nothing lands after an acknowledged "no"; shows what people meet while
//! services are away.
//!
//! It promises that what was acknowledged is looked for where its receiver would look, and that
//! the same trace is the same replay every time: handles, passwords, message ids and texts follow
//! from the trace alone. But for `relationships` it speaks the public contract only, and it must
//! not know how the services work. Those who know the trace know its passwords: replay against
//! services for trials only.

pub mod accounts;
pub mod args;
mod calls;
pub mod connect;
pub mod digest;
pub mod error;
pub mod names;
pub mod operator;
pub mod outages;
pub mod pairs;
pub mod plan;
pub mod prepare;
pub mod progress;
pub mod prove;
pub mod read;
pub mod relationships;
pub mod replay;
pub mod replicas;
pub mod report;
pub mod retry;
pub mod schedule;
pub mod send;
pub mod session;
pub mod synthetic;
pub mod trace;
pub mod verify;
