//! What people do with the suite, from their first message on, over gRPC.

mod accounts;
mod choices;
mod events;
mod messages;
mod moderation;
mod people;
mod requests;
mod sessions;
