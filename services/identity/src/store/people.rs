//! Reading people: their account and what is in force against them, in one statement, so that a
//! version belongs to all that is read with it.

use postern_shared::{caller::Role, clock::Timestamp, db::any_of, id::UserId, person::Named};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, JoinType, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, SelectTwo,
    sea_query::{Expr, ExprTrait as _},
};
use uuid::Uuid;

use super::{
    Store,
    entity::{self, account, action, role_grant},
};
use crate::{
    domain::{Action, Person},
    error::Error,
};

/// What an access token tells of a person beyond who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Whether they are gone to others.
    pub gone: bool,
    /// What they may do beyond what everyone may.
    pub roles: Vec<Role>,
}

impl Store {
    /// Finds a person as they stand at a moment.
    pub async fn person(&self, id: UserId, now: Timestamp) -> Result<Option<Person>, Error> {
        find(self.db.reader(), id.uuid(), now).await
    }

    /// Finds a person who was named. For a handle that nobody has, as much is asked of the
    /// database as for one that somebody has.
    pub async fn named(&self, named: &Named, now: Timestamp) -> Result<Option<Person>, Error> {
        let id = match named {
            Named::Id(id) => id.uuid(),
            Named::Handle(handle) => self.owner(handle).await?.unwrap_or(Uuid::nil()),
        };
        find(self.db.reader(), id, now).await
    }

    /// Finds those people of a list who exist, in no order.
    pub async fn people(&self, ids: &[UserId], now: Timestamp) -> Result<Vec<Person>, Error> {
        let listed = ids.iter().map(|id| id.uuid());
        let rows = with_live(now)
            .filter(any_of(self.db.backend(), account::Column::UserId, listed))
            .all(self.db.reader())
            .await?;
        // Rows of one person need not follow one another.
        let mut people: Vec<(account::Model, Vec<Action>)> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for (account, live) in rows {
            let place = *places.entry(account.user_id).or_insert_with(|| {
                people.push((account, Vec::new()));
                people.len() - 1
            });
            people[place]
                .1
                .extend(live.map(entity::action_of).transpose()?);
        }
        let person = |(account, live)| Ok(Person::at(entity::account_of(account)?.0, live, now));
        people.into_iter().map(person).collect()
    }

    /// What a token tells of a person; none when there is nobody to sign in.
    pub async fn holder(&self, id: UserId, now: Timestamp) -> Result<Option<Holder>, Error> {
        let person = self.person(id, now).await?;
        let Some(person) = person.filter(|person| person.account.can_sign_in()) else {
            return Ok(None);
        };
        Ok(Some(Holder {
            gone: person.is_gone(),
            roles: roles(self.db.reader(), id).await?,
        }))
    }

    /// What a person may do beyond what everyone may.
    pub async fn roles(&self, id: UserId) -> Result<Vec<Role>, Error> {
        roles(self.db.reader(), id).await
    }
}

pub(super) async fn roles(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<Role>, Error> {
    let rows = role_grant::Entity::find()
        .filter(role_grant::Column::UserId.eq(user.uuid()))
        .order_by_asc(role_grant::Column::Role)
        .all(db)
        .await?;
    Ok(rows.iter().filter_map(entity::role_of).collect())
}

/// Finds a person on a connection, be it a transaction's.
pub(super) async fn find(
    db: &impl ConnectionTrait,
    id: Uuid,
    now: Timestamp,
) -> Result<Option<Person>, Error> {
    let rows = with_live(now)
        .filter(account::Column::UserId.eq(id))
        .all(db)
        .await?;
    let mut found = None;
    let mut live = Vec::new();
    for (account, action) in rows {
        found = Some(account);
        live.extend(action.map(entity::action_of).transpose()?);
    }
    let Some(account) = found else {
        return Ok(None);
    };
    Ok(Some(Person::at(entity::account_of(account)?.0, live, now)))
}

/// Accounts, each with every action that is in force against it.
fn with_live(now: Timestamp) -> SelectTwo<account::Entity, action::Entity> {
    let now = now.unix_millis();
    let actions = account::Entity::belongs_to(action::Entity)
        .from(account::Column::UserId)
        .to(action::Column::UserId)
        .on_condition(move |_, action| {
            let column = |column| Expr::col((action.clone(), column));
            Condition::all()
                .add(column(action::Column::OverAtMs).is_null())
                .add(
                    Condition::any()
                        .add(column(action::Column::EndAtMs).is_null())
                        .add(column(action::Column::EndAtMs).gt(now)),
                )
        })
        .into();
    account::Entity::find()
        .select_also(action::Entity)
        .join(JoinType::LeftJoin, actions)
}
