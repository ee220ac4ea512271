//! Everything that is tried from outside a single crate, in one target so that it links once.
//! Each module says what it tries; `tests/README.md` says how to run one of them.

// `cfg(test)` changes nothing in a test target: it tells clippy that helpers are tests as well.
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod consent;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod journeys;
#[cfg(test)]
mod k8s;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod telemetry;
#[cfg(test)]
mod tidy;
