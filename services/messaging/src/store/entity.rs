//! The tables as sea-orm sees them. Nothing outside `store` does.

pub mod attempts_refused;
pub mod conversation;
pub mod mailbox;
pub mod message;
pub mod overrun;
pub mod participant;
pub mod refusal;
pub mod stranger_text;
pub mod user_event;
