//! The tables of moderation: actions, roles, and who did what.

use postern_shared::{
    caller::Role,
    clock::Timestamp,
    id::{ActionId, UserId},
};

use super::{value, word};
use crate::{
    domain::{Action, Rule, SanctionKind},
    error::Error,
    store::audit::{Deed, Stamp},
};

/// One row an action.
pub mod action {
    use sea_orm::entity::prelude::*;

    /// A row.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "action")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub action_id: Uuid,
        pub kind: String,
        pub rule: String,
        pub explanation: String,
        pub start_at_ms: i64,
        pub end_at_ms: Option<i64>,
        pub lifted_at_ms: Option<i64>,
        pub over_at_ms: Option<i64>,
        pub moderator_id: Option<Uuid>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// One row a role that somebody has.
pub mod role_grant {
    use sea_orm::entity::prelude::*;

    /// A row.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "role_grant")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub role: String,
        pub granted_at_ms: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// One row a deed; rows are only added.
pub mod audit {
    use sea_orm::entity::prelude::*;

    /// A row.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub audit_id: Uuid,
        pub who_id: Option<Uuid>,
        pub act: String,
        pub detail: String,
        pub at_ms: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

const KINDS: [(&str, SanctionKind); 3] = [
    ("SEND_RESTRICTED", SanctionKind::SendRestricted),
    ("SUSPENDED", SanctionKind::Suspended),
    ("BANNED", SanctionKind::Banned),
];

/// The row of an action.
pub fn action_row(action: &Action) -> action::Model {
    action::Model {
        user_id: action.user.uuid(),
        action_id: action.id.uuid(),
        kind: word(&KINDS, action.kind),
        rule: action.rule.as_str().to_owned(),
        explanation: action.explanation.clone(),
        start_at_ms: action.start.unix_millis(),
        end_at_ms: action.end.map(Timestamp::unix_millis),
        lifted_at_ms: action.lifted_at.map(Timestamp::unix_millis),
        over_at_ms: action.over_at.map(Timestamp::unix_millis),
        moderator_id: action.moderator.map(UserId::uuid),
    }
}

/// The action of a row.
pub fn action_of(row: action::Model) -> Result<Action, Error> {
    let read = || {
        Some(Action {
            id: ActionId::from_uuid(row.action_id),
            user: UserId::from_uuid(row.user_id),
            kind: value(&KINDS, &row.kind)?,
            rule: Rule::parse(&row.rule).ok()?,
            explanation: row.explanation,
            start: Timestamp::from_unix_millis(row.start_at_ms),
            end: row.end_at_ms.map(Timestamp::from_unix_millis),
            lifted_at: row.lifted_at_ms.map(Timestamp::from_unix_millis),
            over_at: row.over_at_ms.map(Timestamp::from_unix_millis),
            moderator: row.moderator_id.map(UserId::from_uuid),
        })
    };
    read().ok_or(Error::Corrupt("action"))
}

/// The role of a row. One that this version does not know opens nothing.
pub fn role_of(row: &role_grant::Model) -> Option<Role> {
    Role::parse(&row.role)
}

/// The row of a deed.
pub fn audit_row(user: UserId, who: Option<UserId>, stamp: Stamp, deed: &Deed<'_>) -> audit::Model {
    let (act, detail) = match deed {
        Deed::Act(action) => {
            let kind = word(&KINDS, action.kind);
            (
                "ACT",
                format!("{kind} {} {}", action.id, action.rule.as_str()),
            )
        }
        Deed::Lift(action) => ("LIFT", action.to_string()),
        Deed::Grant(role) => ("GRANT", role.as_str().to_owned()),
        Deed::Revoke(role) => ("REVOKE", role.as_str().to_owned()),
        Deed::Deactivate => ("DEACTIVATE", String::new()),
        Deed::Reactivate => ("REACTIVATE", String::new()),
        Deed::CorrectBirthDate { before, after } => {
            let (before, after) = (before.to_text(), after.to_text());
            ("CORRECT_BIRTH_DATE", format!("{before} {after}"))
        }
    };
    audit::Model {
        user_id: user.uuid(),
        audit_id: stamp.audit.uuid(),
        who_id: who.map(UserId::uuid),
        act: act.to_owned(),
        detail,
        at_ms: stamp.now.unix_millis(),
    }
}
