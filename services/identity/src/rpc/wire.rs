//! Between the contract's words and the domain's.

use std::collections::HashSet;

use postern_proto::{identity::v1 as proto, policy::v1 as policy};
use postern_shared::{error::Check, id::UserId, person};
use time::Date;

use crate::domain::{Account, AgeBand, Kind, Lifecycle, Session};

/// Reads `user_ids`: each once, in their order.
pub fn user_ids(check: &mut Check, user_ids: &[String]) -> Vec<UserId> {
    let mut seen = HashSet::new();
    let ids = person::ids(check, "user_ids", user_ids);
    ids.into_iter().filter(|id| seen.insert(*id)).collect()
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
