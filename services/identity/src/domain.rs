//! What identity is about: types, invariants and state changes.
//!
//! Pure: no async, no I/O, no clock reads. Time and chance are arguments.

mod account;
mod action;
mod age;
mod password;
mod session;

pub use account::{Account, Ineligible, Kind, Lifecycle, NewAccount, PasswordHash, display_name};
pub use action::{Action, Person, Rule, SanctionKind, explanation};
pub use age::{AgeBand, BirthDate};
pub use password::Password;
pub use postern_shared::handle::{HANDLE_CHARS_MAX, Handle};
pub use session::{Judgement, RefreshToken, SALT_BYTES, Session, StoredToken, Used, device_name};
