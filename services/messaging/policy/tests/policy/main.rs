//! What holds the policy to its words.
//!
//! For: comparing `decide` with a second implementation written from the same text, with the
//! matrix as it is printed there, and with what must hold whatever the rows say.
//!
//! Promises: every row is reached, and every value of every input meets every row.
//!
//! Must not: use anything of the crate that its callers could not use.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where its own assumption fails"
)]

mod age;
mod disguise;
mod golden;
mod inputs;
mod matrix;
mod oracle;
mod product;
mod properties;
mod receiving;
mod remedies;
mod rows;
