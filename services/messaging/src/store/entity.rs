//! The tables as sea-orm sees them. Nothing outside `store` does.

pub mod conversation;
pub mod mailbox;
pub mod message;
pub mod participant;
pub mod refusal;
pub mod user_event;
