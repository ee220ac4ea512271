//! Who may message whom: the consent policy as one function.
//!
//! For: turning the facts of one send into one decision. [`Facts`] is everything a decision may
//! look at, [`decide`] is the order of precedence (rows 2 to 21 of the policy; rows 0 and 1 belong
//! to the RPC, row 22 to the commit), [`Decision`] is what comes of it, and [`decision_table`]
//! prints all of it so that a change of policy is reviewed as a diff.
//!
//! Promises: pure, total and deterministic. Facts that depend on time arrive already evaluated. A
//! fact that could not be had is a value of its own and never leads to a delivery.
//!
//! Must not: do I/O, read a clock, draw a random number, panic, log, depend on another crate, or
//! give any fact a default.
//!
//! `A` is the sender and `B` the recipient throughout. `A→B` says that A follows B.

mod age;
mod decide;
mod decision;
mod facts;
mod receive;
mod remedies;
mod table;

pub use age::clamped;
pub use decide::{accept_allowed, decide, trust_of};
pub use decision::{Decision, Placement, Refusal, Rule, Told, Trust};
pub use facts::{
    AgeBand, Answer, Budget, Budgets, Class, Consent, ConsentState, ContentKind, Edges, Facts,
    Filters, Lifecycle, Person, REQUEST_MESSAGES_MAX, Request, Sanction, Settings, Verdict,
    WhoCanMessage,
};
pub use receive::{Cause, Received, Receiving, Reception, closes, receive};
pub use remedies::{Own, Remedy, remedies};
pub use table::decision_table;
