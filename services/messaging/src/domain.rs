//! What messaging knows of a pair and of a message, and how an act changes it.
//!
//! Pure: no I/O, no clock, no contract, no database.

mod budget;
mod content;
mod conversation;
mod for_policy;
mod prepared;
mod record;
mod revoke;
mod transition;
mod verdict;

#[cfg(test)]
pub use budget::Price;
pub use budget::{Bill, Budget, Budgets, Left, Parties};
pub use content::{ClientMessageId, Content, Kind};
pub use conversation::{Consent, Conversation, How, Request, Side, conversation_id};
pub use prepared::{Listed, Marked, Message, Outcome, PreparedSend, Refusal, Versions};
pub use record::{Decided, Decision, facts_as_lines};
pub use revoke::revoke;
pub use transition::{
    Folder, Later, Owners, RequestStep, accept, block, decline, request_steps, send, withdraw,
};
pub use verdict::{Mark, MarkKey, verdict};
