//! What people do with the suite, from their first message on, over gRPC.

mod messages;
mod requests;
