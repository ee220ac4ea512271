//! Switching an account off and on, and correcting its birth date.

use postern_shared::{fence::Raise, id::UserId};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _,
    sea_query::{Expr, ExprTrait as _},
};

use super::{
    Store,
    audit::{self, Deed, Stamp},
    change,
    entity::{self, account},
};
use crate::{
    domain::{Account, BirthDate, Ineligible, Person},
    error::Error,
};

/// What became of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switched {
    /// As it is stored.
    pub account: Account,
    /// What to raise; none when nothing was changed, or nothing that has to be told.
    pub raise: Option<Raise>,
}

impl Store {
    /// Switches a person's account off and ends every session. One that is not in use stays as it
    /// is.
    ///
    /// # Errors
    /// When there is no such account.
    pub async fn deactivate(&self, user: UserId, stamp: Stamp) -> Result<Switched, Error> {
        let now = stamp.now;
        self.db
            .write(|tx| async move {
                let held = change::hold(&tx, user).await?;
                let Some(off) = held.account.deactivated() else {
                    return Ok(unchanged(held.account));
                };
                let before = held.at(now);
                let mut after = Person::at(off, held.open, now);
                let by = Some(user);
                let raise = change::save(&tx, now, by, &before, &mut after, true).await?;
                audit::record(&tx, user, by, stamp, &Deed::Deactivate).await?;
                change::end_sessions(&tx, user, now).await?;
                Ok(Switched {
                    account: after.account,
                    raise,
                })
            })
            .await
    }

    /// Switches a person's account on again. One that is in use stays as it is; what moderation
    /// did stays in any case.
    ///
    /// # Errors
    /// When there is no such account.
    pub async fn reactivate(&self, user: UserId, stamp: Stamp) -> Result<Switched, Error> {
        let now = stamp.now;
        self.db
            .write(|tx| async move {
                let held = change::hold(&tx, user).await?;
                let Some(on) = held.account.reactivated() else {
                    return Ok(unchanged(held.account));
                };
                let before = held.at(now);
                let mut after = Person::at(on, held.open, now);
                let by = Some(user);
                let raise = change::save(&tx, now, by, &before, &mut after, false).await?;
                audit::record(&tx, user, by, stamp, &Deed::Reactivate).await?;
                Ok(Switched {
                    account: after.account,
                    raise,
                })
            })
            .await
    }

    /// Corrects a person's birth date. It may make them younger, so it counts as a change that
    /// narrows. Tells whether it was another one.
    ///
    /// # Errors
    /// When there is no such account, or its kind is not for people of that age.
    pub async fn correct_birth_date(
        &self,
        user: UserId,
        birth_date: BirthDate,
        stamp: Stamp,
    ) -> Result<bool, Error> {
        let now = stamp.now;
        self.db
            .write(|tx| async move {
                let held = change::hold(&tx, user).await?;
                let old = held.account.birth_date;
                if old == birth_date {
                    return Ok(false);
                }
                let corrected = held.account.corrected(birth_date, now).map_err(|why| {
                    match why {
                        // Only opening an account asks for an age.
                        Ineligible::TooYoung | Ineligible::BusinessRequiresAdult => {
                            Error::BusinessRequiresAdult
                        }
                    }
                })?;
                let band = entity::band_word(corrected.band_at_creation);
                account::Entity::update_many()
                    .col_expr(
                        account::Column::BirthDate,
                        Expr::value(birth_date.to_text()),
                    )
                    .col_expr(account::Column::BandAtCreation, Expr::value(band))
                    .col_expr(
                        account::Column::Revision,
                        Expr::col(account::Column::Revision).add(1_i64),
                    )
                    .filter(account::Column::UserId.eq(user.uuid()))
                    .exec(&*tx)
                    .await?;
                let before = held.at(now);
                let mut after = Person::at(corrected, held.open, now);
                change::save(&tx, now, None, &before, &mut after, true).await?;
                let deed = Deed::CorrectBirthDate {
                    before: old,
                    after: birth_date,
                };
                audit::record(&tx, user, None, stamp, &deed).await?;
                Ok(true)
            })
            .await
    }
}

const fn unchanged(account: Account) -> Switched {
    Switched {
        account,
        raise: None,
    }
}
