//! Actions: taking, lifting and listing them, and seeing that they are over.

use postern_shared::{
    caller::Role,
    clock::Timestamp,
    db::Tx,
    fence::{self, Raise},
    id::{ActionId, UserId},
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
    sea_query::{Expr, ExprTrait as _},
};

use super::{
    Store,
    audit::{self, Deed, Stamp},
    change::{self, Held},
    entity::{self, action},
    people,
};
use crate::{
    domain::{Action, Person},
    error::Error,
};

/// Actions whose end is looked for at once.
const DUE_ROWS: u64 = 256;

/// What became of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acted {
    /// As it is stored.
    pub action: Action,
    /// What to raise; none when nothing was changed, or nothing that has to be told.
    pub raise: Option<Raise>,
}

impl Store {
    /// Takes a moderator's action. One that says the same as one in force changes nothing.
    ///
    /// # Errors
    /// When the moderator is none any more, or there is no such person, or they are protected.
    pub async fn act(&self, new: &Action, stamp: Stamp) -> Result<Acted, Error> {
        self.db
            .write(|tx| async move {
                let moderator = new.moderator.ok_or(Error::NotAModerator)?;
                let held = hold_as(&tx, moderator, new.user, stamp.now).await?;
                take(&tx, &held, new, stamp, |live| live.says_the_same(new)).await
            })
            .await
    }

    /// Takes an automatic restriction. While one of the same rule is in force nothing is changed.
    ///
    /// # Errors
    /// When there is no such person.
    pub async fn act_automatically(&self, new: &Action, stamp: Stamp) -> Result<Acted, Error> {
        self.db
            .write(|tx| async move {
                let held = change::hold(&tx, new.user).await?;
                take(&tx, &held, new, stamp, |live| {
                    live.moderator.is_none() && live.rule == new.rule && live.kind == new.kind
                })
                .await
            })
            .await
    }

    /// Lifts one action. One that is not in force any more stays as it is.
    ///
    /// # Errors
    /// When the moderator is none any more, or there is no such person or action, or the person
    /// is protected.
    pub async fn lift(
        &self,
        moderator: UserId,
        user: UserId,
        id: ActionId,
        stamp: Stamp,
    ) -> Result<Acted, Error> {
        let now = stamp.now;
        self.db
            .write(|tx| async move {
                let held = hold_as(&tx, moderator, user, now).await?;
                let row = action::Entity::find_by_id((user.uuid(), id.uuid()))
                    .one(&*tx)
                    .await?;
                let mut action = entity::action_of(row.ok_or(Error::ActionNotFound)?)?;
                if !action.is_live(now) {
                    return Ok(Acted {
                        action,
                        raise: None,
                    });
                }
                (action.lifted_at, action.over_at) = (Some(now), Some(now));
                end(&tx, &action).await?;
                let left = held.open.iter().filter(|open| open.id != id).cloned();
                let mut after = Person::at(held.account.clone(), left.collect(), now);
                let before = held.at(now);
                let by = Some(moderator);
                let raise = change::save(&tx, now, by, &before, &mut after, false).await?;
                audit::record(&tx, user, by, stamp, &Deed::Lift(id)).await?;
                Ok(Acted { action, raise })
            })
            .await
    }

    /// The actions about a person, newest first, from the one after `after` on.
    pub async fn actions(
        &self,
        user: UserId,
        after: Option<ActionId>,
        count_max: u64,
    ) -> Result<Vec<Action>, Error> {
        let mut query = action::Entity::find().filter(action::Column::UserId.eq(user.uuid()));
        if let Some(after) = after {
            query = query.filter(action::Column::ActionId.lt(after.uuid()));
        }
        let rows = query
            .order_by_desc(action::Column::ActionId)
            .limit(count_max)
            .all(self.db.reader())
            .await?;
        rows.into_iter().map(entity::action_of).collect()
    }

    /// Whether all that was done about a person has arrived wherever it must be known. What they
    /// did themselves does not count: a change has one moment, and actions begin and are over at
    /// those of their changes.
    pub async fn actions_hold(&self, user: UserId) -> Result<bool, Error> {
        let waiting = fence::moments_waiting(user);
        let begun = action::Column::StartAtMs.in_subquery(waiting.clone());
        let over = action::Column::OverAtMs.in_subquery(waiting);
        let one = action::Entity::find()
            .filter(action::Column::UserId.eq(user.uuid()))
            .filter(begun.or(over))
            .one(self.db.reader())
            .await?;
        Ok(one.is_none())
    }

    /// Whether somebody acts as a moderator at this moment, whatever their token says.
    ///
    /// # Errors
    /// When they do not.
    pub async fn require_moderator(&self, who: UserId, now: Timestamp) -> Result<(), Error> {
        let roles = self.roles(who).await?;
        moderates(&roles, self.person(who, now).await?)
    }

    /// Sees to it that actions at their end are over for everybody; tells how many there were.
    pub async fn settle(&self, now: Timestamp) -> Result<u64, Error> {
        let mut settled = 0;
        loop {
            let due = action::Entity::find()
                .filter(action::Column::OverAtMs.is_null())
                .filter(action::Column::EndAtMs.lte(now.unix_millis()))
                .order_by_asc(action::Column::OverAtMs)
                .order_by_asc(action::Column::EndAtMs)
                .limit(DUE_ROWS)
                .all(self.db.reader())
                .await?;
            let rows = due.len();
            let mut people: Vec<_> = due.iter().map(|row| row.user_id).collect();
            people.sort_unstable();
            people.dedup();
            let (mut done, mut failed) = (0, None);
            for user in people {
                // One person's trouble must not keep the others from returning.
                match self.settle_one(UserId::from_uuid(user), now).await {
                    Ok(count) => done += count,
                    Err(error) => failed = Some(error),
                }
            }
            settled += done;
            match failed {
                Some(error) => return Err(error),
                None if u64::try_from(rows).unwrap_or(0) < DUE_ROWS => return Ok(settled),
                None => {}
            }
        }
    }

    async fn settle_one(&self, user: UserId, now: Timestamp) -> Result<u64, Error> {
        self.db
            .write(|tx| async move {
                let held = change::hold_even_erased(&tx, user).await?;
                let mut ended = 0;
                for open in held.open.iter().filter(|open| !open.is_live(now)) {
                    let over = Action {
                        over_at: Some(now),
                        ..open.clone()
                    };
                    end(&tx, &over).await?;
                    ended += 1;
                }
                if ended > 0 {
                    // What was told to others counts what nobody has seen to be over.
                    let before = Person::of(held.account.clone(), held.open.clone());
                    let mut after = held.at(now);
                    change::save(&tx, now, None, &before, &mut after, false).await?;
                }
                Ok(ended)
            })
            .await
    }
}

/// Locks a person on whom a moderator acts.
async fn hold_as(tx: &Tx, moderator: UserId, user: UserId, now: Timestamp) -> Result<Held, Error> {
    let roles = people::roles(&**tx, moderator).await?;
    moderates(&roles, people::find(&**tx, moderator.uuid(), now).await?)?;
    let held = change::hold(tx, user).await?;
    let protected = user == moderator || !people::roles(&**tx, user).await?.is_empty();
    if protected {
        return Err(Error::SubjectProtected);
    }
    Ok(held)
}

/// A token tells what was so when it was made: a role may have been taken since, or the account.
fn moderates(roles: &[Role], person: Option<Person>) -> Result<(), Error> {
    if !roles.contains(&Role::Moderator) {
        return Err(Error::NotAModerator);
    }
    if person.is_none_or(|person| person.is_gone()) {
        return Err(Error::AccountRestricted);
    }
    Ok(())
}

async fn take(
    tx: &Tx,
    held: &Held,
    new: &Action,
    stamp: Stamp,
    stands_for: impl Fn(&Action) -> bool,
) -> Result<Acted, Error> {
    let before = held.at(stamp.now);
    if let Some(live) = before.live().iter().find(|live| stands_for(live)) {
        return Ok(Acted {
            action: live.clone(),
            raise: None,
        });
    }
    action::Entity::insert(entity::action_row(new).into_active_model())
        .exec_without_returning(&**tx)
        .await?;
    let open = held.open.iter().chain([new]).cloned();
    let mut after = Person::at(held.account.clone(), open.collect(), stamp.now);
    let by = new.moderator;
    let raise = change::save(tx, stamp.now, by, &before, &mut after, true).await?;
    audit::record(tx, new.user, by, stamp, &Deed::Act(new)).await?;
    if new.kind.hides() {
        change::end_sessions(tx, new.user, stamp.now).await?;
    }
    Ok(Acted {
        action: new.clone(),
        raise,
    })
}

/// Stores when an action ended.
async fn end(tx: &Tx, over: &Action) -> Result<(), Error> {
    let millis = |at: Option<Timestamp>| Expr::value(at.map(Timestamp::unix_millis));
    action::Entity::update_many()
        .col_expr(action::Column::LiftedAtMs, millis(over.lifted_at))
        .col_expr(action::Column::OverAtMs, millis(over.over_at))
        .filter(action::Column::UserId.eq(over.user.uuid()))
        .filter(action::Column::ActionId.eq(over.id.uuid()))
        .exec(&**tx)
        .await?;
    Ok(())
}
