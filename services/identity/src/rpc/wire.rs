//! Between the contract's words and the domain's.

use std::collections::HashSet;

use postern_proto::{
    common::v1::{PersonRef, person_ref},
    identity::v1 as proto,
    policy::v1 as policy,
};
use postern_shared::{error::Check, id::UserId};
use time::Date;

use crate::domain::{Account, AgeBand, Handle, Kind, Lifecycle, Session};

/// The most people of one batch.
const BATCH_MAX: usize = 100;

/// A person as a request names them.
#[derive(Debug, Clone)]
pub enum Named {
    /// By id.
    Id(UserId),
    /// By handle.
    Handle(Handle),
}

/// Reads `person`.
pub fn person(check: &mut Check, person: Option<&PersonRef>) -> Option<Named> {
    match person.and_then(|person| person.person.as_ref()) {
        Some(person_ref::Person::UserId(id)) => {
            check.take("person.user_id", id.parse()).map(Named::Id)
        }
        Some(person_ref::Person::Handle(handle)) => {
            let handle = check.take("person.handle", Handle::parse(handle));
            handle.map(Named::Handle)
        }
        None => {
            check.wrong("person", "must have a `user_id` or a `handle`");
            None
        }
    }
}

/// Reads `user_ids`: each once, in their order.
pub fn user_ids(check: &mut Check, user_ids: &[String]) -> Vec<UserId> {
    if !(1..=BATCH_MAX).contains(&user_ids.len()) {
        let got = user_ids.len();
        check.wrong(
            "user_ids",
            format!("must have 1 to {BATCH_MAX} entries, has {got}"),
        );
        return Vec::new();
    }
    let mut seen = HashSet::new();
    let parsed = user_ids
        .iter()
        .enumerate()
        .filter_map(|(index, id)| check.take(&format!("user_ids[{index}]"), id.parse::<UserId>()));
    parsed.filter(|id| seen.insert(*id)).collect()
}

/// Reads an account's kind; left out it is PERSONAL.
pub fn kind(check: &mut Check, field: &str, kind: i32) -> Option<Kind> {
    match policy::AccountKind::try_from(kind) {
        Ok(policy::AccountKind::Unspecified | policy::AccountKind::Personal) => {
            Some(Kind::Personal)
        }
        Ok(policy::AccountKind::Business) => Some(Kind::Business),
        Err(_) => {
            check.wrong(
                field,
                "must be ACCOUNT_KIND_PERSONAL or ACCOUNT_KIND_BUSINESS",
            );
            None
        }
    }
}

/// An account as others see it.
pub fn account(account: &Account) -> proto::Account {
    proto::Account {
        user_id: account.id.to_string(),
        handle: account.handle.as_str().to_owned(),
        display_name: account.display_name.clone(),
        kind: account_kind(account.kind).into(),
        own: None,
    }
}

/// An account as its owner sees it.
pub fn own_account(own: &Account, today: Date) -> proto::Account {
    let details = proto::OwnAccountDetails {
        birth_date: own.birth_date.to_text(),
        age_band: age_band(own.birth_date.band_on(today)).into(),
        create_time: Some(own.created_at.to_proto()),
        etag: own.etag(),
    };
    proto::Account {
        own: Some(details),
        ..account(own)
    }
}

/// What the other services learn of a person.
pub fn standing(account: &Account, today: Date) -> proto::Standing {
    proto::Standing {
        user_id: account.id.to_string(),
        lifecycle: lifecycle(account.lifecycle).into(),
        sanction: None,
        age_band: age_band(account.birth_date.band_on(today)).into(),
        age_band_at_creation: age_band(account.band_at_creation).into(),
        kind: account_kind(account.kind).into(),
        create_time: Some(account.created_at.to_proto()),
        version: account.version,
    }
}

/// A session as its owner sees it.
pub fn session(session: &Session, current: bool) -> proto::Session {
    proto::Session {
        session_id: session.id.to_string(),
        device_name: session.device_name.clone(),
        create_time: Some(session.created_at.to_proto()),
        refresh_time: Some(session.refreshed_at.to_proto()),
        expire_time: Some(session.expires_at.to_proto()),
        current,
    }
}

/// The contract's word for a kind.
pub const fn account_kind(kind: Kind) -> policy::AccountKind {
    match kind {
        Kind::Personal => policy::AccountKind::Personal,
        Kind::Business => policy::AccountKind::Business,
    }
}

const fn age_band(band: AgeBand) -> policy::AgeBand {
    match band {
        AgeBand::Under16 => policy::AgeBand::Under16,
        AgeBand::From16To17 => policy::AgeBand::AgeBand16To17,
        AgeBand::Adult => policy::AgeBand::Adult,
    }
}

const fn lifecycle(lifecycle: Lifecycle) -> policy::Lifecycle {
    match lifecycle {
        Lifecycle::Active => policy::Lifecycle::Active,
        Lifecycle::Deactivated => policy::Lifecycle::Deactivated,
        Lifecycle::Erasing => policy::Lifecycle::Erasing,
        Lifecycle::Erased => policy::Lifecycle::Erased,
    }
}
