//! The tables as sea-orm sees them, and the way between rows and domain types.

mod moderation;

use postern_shared::{
    clock::Timestamp,
    id::{SessionId, UserId},
};

use crate::{
    domain::{
        Account, AgeBand, BirthDate, Handle, Kind, Lifecycle, PasswordHash, Session, StoredToken,
        Used,
    },
    error::Error,
};

pub use moderation::{action, action_of, action_row, audit, audit_row, role_grant, role_of};

/// One row an account.
pub mod account {
    use sea_orm::entity::prelude::*;

    /// A row.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "account")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        pub handle: String,
        pub display_name: String,
        pub kind: String,
        pub birth_date: String,
        pub created_at_ms: i64,
        pub band_at_creation: String,
        pub lifecycle: String,
        pub password_hash: String,
        pub version: i64,
        pub revision: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// One row a handle that is taken.
pub mod handle {
    use sea_orm::entity::prelude::*;

    /// A row.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "handle")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub handle: String,
        pub user_id: Uuid,
        pub created_at_ms: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// One row a sign-in.
pub mod session {
    use sea_orm::entity::prelude::*;

    /// A row.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "session")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub session_id: Uuid,
        pub device_name: String,
        pub created_at_ms: i64,
        pub refreshed_at_ms: i64,
        pub expires_at_ms: i64,
        pub revoked_at_ms: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// One row a refresh token, by its hash.
pub mod refresh_token {
    use sea_orm::entity::prelude::*;

    /// A row.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "refresh_token")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub token_hash: String,
        pub user_id: Uuid,
        pub session_id: Uuid,
        pub expires_at_ms: i64,
        pub used_at_ms: Option<i64>,
        /// 16 random bytes, kept as what has 16 bytes in both engines.
        pub successor_salt: Option<Uuid>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

const KINDS: [(&str, Kind); 2] = [("PERSONAL", Kind::Personal), ("BUSINESS", Kind::Business)];
const BANDS: [(&str, AgeBand); 3] = [
    ("UNDER_16", AgeBand::Under16),
    ("16_TO_17", AgeBand::From16To17),
    ("ADULT", AgeBand::Adult),
];
const LIFECYCLES: [(&str, Lifecycle); 4] = [
    ("ACTIVE", Lifecycle::Active),
    ("DEACTIVATED", Lifecycle::Deactivated),
    ("ERASING", Lifecycle::Erasing),
    ("ERASED", Lifecycle::Erased),
];

fn word<T: Copy + PartialEq>(words: &[(&'static str, T)], value: T) -> String {
    let found = words.iter().find(|(_, listed)| *listed == value);
    let (word, _) = found.expect("every value of the type stands in its list");
    (*word).to_owned()
}

fn value<T: Copy>(words: &[(&str, T)], word: &str) -> Option<T> {
    let found = words.iter().find(|(listed, _)| *listed == word);
    found.map(|(_, value)| *value)
}

/// The word that is stored for a state.
pub fn lifecycle_word(lifecycle: Lifecycle) -> String {
    word(&LIFECYCLES, lifecycle)
}

/// The word that is stored for an age band.
pub fn band_word(band: AgeBand) -> String {
    word(&BANDS, band)
}

/// The row of an account.
pub fn account_row(account: &Account, password: &PasswordHash) -> Result<account::Model, Error> {
    let number = |number| i64::try_from(number).map_err(|_| Error::Corrupt("account"));
    Ok(account::Model {
        user_id: account.id.uuid(),
        handle: account.handle.as_str().to_owned(),
        display_name: account.display_name.clone(),
        kind: word(&KINDS, account.kind),
        birth_date: account.birth_date.to_text(),
        created_at_ms: account.created_at.unix_millis(),
        band_at_creation: word(&BANDS, account.band_at_creation),
        lifecycle: word(&LIFECYCLES, account.lifecycle),
        password_hash: password.as_str().to_owned(),
        version: number(account.version)?,
        revision: number(account.revision)?,
    })
}

/// The account of a row.
pub fn account_of(row: account::Model) -> Result<(Account, PasswordHash), Error> {
    let read = || {
        Some(Account {
            id: UserId::from_uuid(row.user_id),
            handle: Handle::parse(&row.handle).ok()?,
            kind: value(&KINDS, &row.kind)?,
            birth_date: BirthDate::from_text(&row.birth_date)?,
            created_at: Timestamp::from_unix_millis(row.created_at_ms),
            band_at_creation: value(&BANDS, &row.band_at_creation)?,
            lifecycle: value(&LIFECYCLES, &row.lifecycle)?,
            version: u64::try_from(row.version).ok()?,
            revision: u64::try_from(row.revision).ok()?,
            display_name: row.display_name,
        })
    };
    let account = read().ok_or(Error::Corrupt("account"))?;
    Ok((account, PasswordHash::new(row.password_hash)))
}

/// The session of a row.
pub fn session_of(row: session::Model) -> Session {
    Session {
        user: UserId::from_uuid(row.user_id),
        id: SessionId::from_uuid(row.session_id),
        device_name: row.device_name,
        created_at: Timestamp::from_unix_millis(row.created_at_ms),
        refreshed_at: Timestamp::from_unix_millis(row.refreshed_at_ms),
        expires_at: Timestamp::from_unix_millis(row.expires_at_ms),
    }
}

/// The refresh token of a row.
pub fn token_of(row: &refresh_token::Model) -> Result<StoredToken, Error> {
    let used = match (row.used_at_ms, row.successor_salt) {
        (None, None) => None,
        (Some(at), Some(salt)) => Some(Used {
            at: Timestamp::from_unix_millis(at),
            salt: salt.into_bytes(),
        }),
        _ => return Err(Error::Corrupt("refresh token")),
    };
    Ok(StoredToken {
        user: UserId::from_uuid(row.user_id),
        session: SessionId::from_uuid(row.session_id),
        expires_at: Timestamp::from_unix_millis(row.expires_at_ms),
        used,
    })
}
