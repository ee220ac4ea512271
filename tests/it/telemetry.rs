//! What a process tells of itself, seen by a collector of the test: one trace from end to end, and
//! nothing in logs, traces and metrics that people keep to themselves.

mod canary;
mod collector;
mod trace;
