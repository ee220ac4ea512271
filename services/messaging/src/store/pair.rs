//! A pair: reading it before a decision, making its rows, and settling its requests.

use std::collections::BTreeMap;

use postern_shared::{
    clock::Timestamp,
    db::{Tx, any_of},
    id::{ConversationId, UserId},
};
use sea_orm::{
    ColumnTrait as _, DbErr, EntityTrait as _, QueryFilter as _, Set,
    prelude::Uuid,
    sea_query::{Expr, OnConflict},
};

use super::{
    Store,
    commit::Locked,
    entity::{conversation, mailbox, message, participant, user_event},
    events,
    guard::Guard,
    rows,
};
use crate::domain::{
    ClientMessageId, Conversation, Folder, Left, Message, Versions, conversation_id,
};

/// What is stored of a pair.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    /// What is known of the two; that of strangers when nothing is stored.
    pub conversation: Conversation,
    /// Whether a row that the commit needs does not exist yet.
    pub incomplete: bool,
    /// What is left of the budgets of a message from the first who was named to the second.
    pub left: Left,
    /// The fences of the first who was named and of the second, where they stand at the moment.
    pub fences: (Versions, Versions),
}

/// The end of a request: what changes, for whom, and what they see of it.
#[derive(Debug, Clone, Copy)]
pub struct Settled {
    /// The pair as it was decided upon.
    pub before: Conversation,
    /// The pair afterwards.
    pub after: Conversation,
    /// Who settles it.
    pub person: UserId,
    /// Their policy versions and the other's, where owners were asked.
    pub versions: Option<(Versions, Versions)>,
    /// How they settle it.
    pub how: Settlement,
    /// When.
    pub at: Timestamp,
}

/// How a request ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// The conversation moves to the inbox, and the other is told.
    Accepted,
    /// It leaves every list of the one who declines, and nobody else is told.
    Declined,
}

impl Settlement {
    /// Where the conversation then stands for the one who settles it.
    const fn folder(self) -> Folder {
        match self {
            Self::Accepted => Folder::Inbox,
            Self::Declined => Folder::Declined,
        }
    }

    /// The name of what happened to whoever is told.
    const fn event(self) -> &'static str {
        match self {
            Self::Accepted => "request_accepted",
            Self::Declined => "request_declined",
        }
    }
}

impl Store {
    /// Reads a pair, the budgets of `one` who would write to `other`, and the fences of both.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pair(&self, one: UserId, other: UserId) -> Result<Pair, DbErr> {
        let row = conversation::Entity::find_by_id(conversation_id(one, other).uuid())
            .one(self.db.reader())
            .await?;
        let mailboxes = mailbox::Entity::find()
            .filter(mailbox::Column::UserId.is_in([one.uuid(), other.uuid()]))
            .all(self.db.reader())
            .await?;
        let mailbox = |user: UserId| mailboxes.iter().find(|row| row.user_id == user.uuid());
        let (sender, recipient) = (mailbox(one), mailbox(other));
        let pair_ms = row.as_ref().map_or(0, |row| {
            if row.lo == one.uuid() {
                row.lo_budget_ms
            } else {
                row.hi_budget_ms
            }
        });
        let left = Left {
            attempts_ms: sender.map_or(0, |row| row.attempts_budget_ms),
            new_strangers_ms: sender.map_or(0, |row| row.strangers_budget_ms),
            inbound_strangers_ms: recipient.map_or(0, |row| row.inbound_budget_ms),
            pair_ms,
        };
        let fences = |row: Option<&mailbox::Model>| {
            row.map_or_else(Versions::default, |row| Versions {
                graph: rows::version(row.fence_graph),
                settings: rows::version(row.fence_settings),
                identity: rows::version(row.fence_identity),
            })
        };
        let fences = (fences(sender), fences(recipient));
        let incomplete = row.is_none() || sender.is_none() || recipient.is_none();
        let conversation = match row {
            Some(row) => rows::conversation(row)?,
            None => Conversation::new(one, other),
        };
        Ok(Pair {
            conversation,
            incomplete,
            left,
            fences,
        })
    }

    /// Reads several pairs, by the ids of their conversations. Where there are none, nothing is
    /// asked.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn pairs(
        &self,
        ids: impl Iterator<Item = Uuid>,
    ) -> Result<BTreeMap<Uuid, Conversation>, DbErr> {
        let ids: Vec<_> = ids.collect();
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let column = conversation::Column::ConversationId;
        let rows = conversation::Entity::find()
            .filter(any_of(self.db.backend(), column, ids))
            .all(self.db.reader())
            .await?;
        let pair = |row: conversation::Model| Ok((row.conversation_id, rows::conversation(row)?));
        rows.into_iter().map(pair).collect()
    }

    /// Reads the conversation of which a person is part.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn conversation(
        &self,
        id: ConversationId,
        person: UserId,
    ) -> Result<Option<Conversation>, DbErr> {
        let row = conversation::Entity::find_by_id(id.uuid())
            .one(self.db.reader())
            .await?;
        let pair = row.map(rows::conversation).transpose()?;
        Ok(pair.filter(|pair| pair.peer_of(person).is_some()))
    }

    /// Whether a person is gone to everybody, as far as identity has said so here.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_gone(&self, person: UserId) -> Result<bool, DbErr> {
        let row = mailbox::Entity::find_by_id(person.uuid())
            .one(self.db.reader())
            .await?;
        Ok(row.is_some_and(|row| row.gone))
    }

    /// Makes the rows that a first message needs. They hold nothing yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_pair(&self, one: UserId, other: UserId) -> Result<(), DbErr> {
        let pair = Conversation::new(one, other);
        self.db
            .write(|tx| async move {
                // In the order in which the commit locks them.
                for user in [pair.lo, pair.hi] {
                    rows::create_mailbox(&tx, user).await?;
                }
                conversation::Entity::insert(rows::conversation_row(&pair))
                    .on_conflict(OnConflict::new().do_nothing().to_owned())
                    .exec_without_returning(&*tx)
                    .await?;
                Ok(())
            })
            .await
    }

    /// Finds what a client's id was used for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_sent(
        &self,
        id: ConversationId,
        sender: UserId,
        client_message_id: &ClientMessageId,
    ) -> Result<Option<Message>, DbErr> {
        let row = message::Entity::find()
            .filter(message::Column::ConversationId.eq(id.uuid()))
            .filter(message::Column::SenderId.eq(sender.uuid()))
            .filter(message::Column::ClientMessageId.eq(client_message_id.as_str()))
            .one(self.db.reader())
            .await?;
        row.map(rows::message).transpose()
    }

    /// Settles a request. Answers false, and changes nothing, when a fence or the pair moved.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settle(&self, settled: Settled) -> Result<bool, DbErr> {
        let guard = self.guard;
        self.db
            .write(|tx| async move { settle(&tx, guard, &settled).await })
            .await
    }
}

async fn settle(tx: &Tx, guard: Guard, settled: &Settled) -> Result<bool, DbErr> {
    let (before, person) = (&settled.before, settled.person);
    let Some(other) = before.peer_of(person) else {
        return Ok(false);
    };
    let people = [person, other].into_iter();
    let locked = Locked::take(tx, people, [before.id].into_iter()).await?;
    let mut locked = locked.under(guard);
    if !stands(&locked, settled, other) {
        return Ok(false);
    }
    let event = tell(tx, &mut locked, settled, person).await?;
    move_conversation(tx, settled, event).await?;
    if settled.how == Settlement::Accepted {
        tell(tx, &mut locked, settled, other).await?;
    }
    // The number of the last message may have risen since: facts change, it does not.
    let last_seq = locked
        .pair(before.id)
        .map_or(before.last_seq, |now| now.last_seq);
    locked.replace(Conversation {
        last_seq,
        ..settled.after
    });
    locked.write_back(tx).await?;
    events::of_settlement(tx, settled).await?;
    Ok(true)
}

/// Whether what it was decided upon still holds.
fn stands(locked: &Locked, settled: &Settled, other: UserId) -> bool {
    // The other hears of it too: their no counts as much as the person's own.
    let fenced = settled.versions.is_some_and(|(own, others)| {
        !locked.fences_allow(settled.person, own) || !locked.fences_allow(other, others)
    });
    !fenced && locked.pair_is(&settled.before)
}

/// Notes it among what happened to one of the two, and answers under which number.
async fn tell(tx: &Tx, locked: &mut Locked, settled: &Settled, user: UserId) -> Result<i64, DbErr> {
    let event = locked.next_event(user);
    locked.use_event(user, event);
    let row = user_event::ActiveModel {
        user_id: Set(user.uuid()),
        event: Set(event),
        kind: Set(settled.how.event().to_owned()),
        conversation_id: Set(Some(settled.before.id.uuid())),
        seq: Set(0),
        at_ms: Set(settled.at.unix_millis()),
    };
    user_event::Entity::insert(row)
        .exec_without_returning(&**tx)
        .await?;
    Ok(event)
}

/// Puts the conversation where the one who settles the request finds it from now on.
async fn move_conversation(tx: &Tx, settled: &Settled, event: i64) -> Result<(), DbErr> {
    use participant::Column;
    participant::Entity::update_many()
        .col_expr(Column::Folder, Expr::value(settled.how.folder().as_str()))
        .col_expr(Column::LastEvent, Expr::value(event))
        .filter(Column::UserId.eq(settled.person.uuid()))
        .filter(Column::ConversationId.eq(settled.before.id.uuid()))
        .exec(&**tx)
        .await?;
    Ok(())
}
