//! The rules of the product against the running suite: who may write to whom, what each party is
//! told, and that nobody learns more. Another implementation of the policy, made from its text
//! alone, says what must come out.

mod acting;
mod blinks;
mod calls;
mod matrix;
pub mod oracle;
mod promises;
mod races;
mod reach;
mod transcript;
mod twins;
mod worlds;
mod writes;

pub use writes::suspend_for_a_day;
