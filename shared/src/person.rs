//! How a request names people: by id or by handle, one or many.

use postern_proto::common::v1::{PersonRef, person_ref};

use crate::{error::Check, handle::Handle, id::UserId};

/// The most people that one request names.
pub const PEOPLE_MAX: usize = 100;

/// A person as a request names them. Whether there is such a person is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// By id.
    Id(UserId),
    /// By handle.
    Handle(Handle),
}

impl Named {
    /// The same in the words of the contract.
    #[must_use]
    pub fn to_proto(&self) -> PersonRef {
        let person = match self {
            Self::Id(id) => person_ref::Person::UserId(id.to_string()),
            Self::Handle(handle) => person_ref::Person::Handle(handle.as_str().to_owned()),
        };
        PersonRef {
            person: Some(person),
        }
    }
}

/// Reads the person in `field`, or notes what is wrong with it.
pub fn named(check: &mut Check, field: &str, person: Option<&PersonRef>) -> Option<Named> {
    match person.and_then(|person| person.person.as_ref()) {
        Some(person_ref::Person::UserId(id)) => check
            .take(&format!("{field}.user_id"), id.parse())
            .map(Named::Id),
        Some(person_ref::Person::Handle(handle)) => check
            .take(&format!("{field}.handle"), Handle::parse(handle))
            .map(Named::Handle),
        None => {
            check.wrong(field, "must name a person by `user_id` or `handle`");
            None
        }
    }
}

/// Reads the list of ids in `field`, 1 to [`PEOPLE_MAX`] of them, or notes what is wrong with it.
pub fn ids(check: &mut Check, field: &str, ids: &[String]) -> Vec<UserId> {
    let got = ids.len();
    if got == 0 || got > PEOPLE_MAX {
        check.wrong(
            field,
            format!("must have 1 to {PEOPLE_MAX} entries, has {got}"),
        );
        return Vec::new();
    }
    let parsed = ids.iter().enumerate();
    parsed
        .filter_map(|(at, id)| check.take(&format!("{field}[{at}]"), id.parse()))
        .collect()
}
