//! The one way a message gets into the database.
//!
//! Promises: each message is stored iff, under the locks of this transaction, no fence of its two
//! people is above the versions it was decided with, the pair is as it was decided upon and every
//! budget can pay for it, which it then does; its number is the next of its conversation; a
//! `client_message_id` never stores twice; what is stored leaves its events with it.

use std::collections::BTreeMap;

use postern_shared::{
    db::{Tx, any_of},
    id::{ConversationId, UserId},
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DbErr, EntityTrait as _, ExprTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
    sea_query::{Expr, OnConflict, SimpleExpr},
};

use super::{
    Store,
    entity::{conversation, mailbox, message, participant},
    events,
    guard::Guard,
    rows, texts,
};
use crate::domain::{Conversation, Folder, Left, Outcome, PreparedSend, Versions};

impl Store {
    /// Commits messages together, each with its own guard: what becomes of one does not touch the
    /// others.
    ///
    /// # Errors
    /// When the database fails; then none of them is stored.
    pub async fn commit(&self, batch: &[PreparedSend]) -> Result<Vec<Outcome>, DbErr> {
        let guard = self.guard;
        self.db
            .write(|tx| async move { commit(&tx, guard, batch).await })
            .await
    }
}

async fn commit(tx: &Tx, guard: Guard, batch: &[PreparedSend]) -> Result<Vec<Outcome>, DbErr> {
    let mut locked = Locked::take(
        tx,
        batch.iter().flat_map(|send| [send.sender, send.recipient]),
        batch.iter().map(|send| send.before.id),
    )
    .await?
    .under(guard);
    let mut outcomes = Vec::with_capacity(batch.len());
    for send in batch {
        outcomes.push(store_one(tx, &mut locked, send).await?);
    }
    locked.write_back(tx).await?;
    events::of_batch(tx, batch, &outcomes).await?;
    Ok(outcomes)
}

async fn store_one(tx: &Tx, locked: &mut Locked, send: &PreparedSend) -> Result<Outcome, DbErr> {
    let stands = locked.fences_allow(send.sender, send.sender_versions)
        && locked.fences_allow(send.recipient, send.recipient_versions)
        && locked.pair_is(&send.before);
    let left = stands.then(|| locked.left(send)).flatten();
    let Some(paid) = left.and_then(|left| send.bill.pay(left, send.sent_at)) else {
        return Ok(Outcome::Moved);
    };
    if texts::became_spam(tx, send).await? {
        return Ok(Outcome::Moved);
    }
    let seq = locked.pair(send.before.id).map_or(0, |pair| pair.last_seq) + 1;
    let sender_event = locked.next_event(send.sender);
    let recipient_event = locked.next_event(send.recipient);
    let inserted = message::Entity::insert(message_row(send, seq, sender_event, recipient_event))
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(&**tx)
        .await?;
    if inserted == 0 {
        // The conversation is locked, so its next number is free: it is the client's id that is
        // taken. No event number was used up and nothing is paid: both are only written back after
        // a change.
        return Ok(Outcome::Duplicate);
    }
    locked.advance(send, seq, sender_event, recipient_event);
    locked.pay(send, paid);
    texts::note(tx, send).await?;
    see(tx, send.sender, send, Folder::Inbox, sender_event, 0).await?;
    see(tx, send.recipient, send, send.folder, recipient_event, 1).await?;
    Ok(Outcome::Stored { seq })
}

/// Puts the conversation where one of the two will see it.
async fn see(
    tx: &Tx,
    person: UserId,
    send: &PreparedSend,
    folder: Folder,
    event: i64,
    unread: i64,
) -> Result<(), DbErr> {
    let peer = if person == send.sender {
        send.recipient
    } else {
        send.sender
    };
    participant::Entity::insert(participant::ActiveModel {
        user_id: Set(person.uuid()),
        conversation_id: Set(send.before.id.uuid()),
        peer_id: Set(peer.uuid()),
        folder: Set(folder.as_str().to_owned()),
        last_event: Set(event),
        unread: Set(unread),
        ..participant::ActiveModel::default()
    })
    .on_conflict(
        OnConflict::columns([
            participant::Column::UserId,
            participant::Column::ConversationId,
        ])
        .value(participant::Column::Folder, moved_to(folder))
        .update_column(participant::Column::LastEvent)
        .value(
            participant::Column::Unread,
            Expr::col((participant::Entity, participant::Column::Unread)).add(unread),
        )
        .to_owned(),
    )
    .exec_without_returning(&**tx)
    .await?;
    Ok(())
}

/// Where a conversation that a person has already goes. A stranger who writes something harmless
/// after what was hidden does not lift it out of there.
fn moved_to(folder: Folder) -> SimpleExpr {
    let new = Expr::value(folder.as_str());
    if folder != Folder::Requests {
        return new;
    }
    let present = Expr::col((participant::Entity, participant::Column::Folder));
    let hidden = Folder::Hidden.as_str();
    Expr::case(present.eq(hidden), hidden).finally(new).into()
}

fn message_row(
    send: &PreparedSend,
    seq: i64,
    sender_event: i64,
    recipient_event: i64,
) -> message::ActiveModel {
    let (lo_event, hi_event) = if send.sender == send.before.lo {
        (sender_event, recipient_event)
    } else {
        (recipient_event, sender_event)
    };
    message::ActiveModel {
        conversation_id: Set(send.before.id.uuid()),
        seq: Set(seq),
        sender_id: Set(send.sender.uuid()),
        client_message_id: Set(send.client_message_id.as_str().to_owned()),
        kind: Set(send.content.kind().as_str().to_owned()),
        body: Set(Some(send.content.body().to_owned())),
        sent_at_ms: Set(send.sent_at.unix_millis()),
        placement: Set(rows::placement(send.placement).to_owned()),
        told: Set(rows::told(send.told).to_owned()),
        rule: Set(send.rule.name().to_owned()),
        sender_graph_version: Set(rows::number(send.sender_versions.graph)),
        sender_settings_version: Set(rows::number(send.sender_versions.settings)),
        sender_identity_version: Set(rows::number(send.sender_versions.identity)),
        recipient_graph_version: Set(rows::number(send.recipient_versions.graph)),
        recipient_settings_version: Set(rows::number(send.recipient_versions.settings)),
        recipient_identity_version: Set(rows::number(send.recipient_versions.identity)),
        lo_event: Set(lo_event),
        hi_event: Set(hi_event),
        ..message::ActiveModel::default()
    }
}

/// The rows that a transaction holds, and what it has made of them so far.
pub(super) struct Locked {
    guard: Guard,
    mailboxes: BTreeMap<UserId, (mailbox::Model, bool)>,
    pairs: BTreeMap<ConversationId, (Conversation, bool)>,
    /// The budgets of `lo` towards `hi` and of `hi` towards `lo`. They are written with their pair.
    pair_budgets: BTreeMap<ConversationId, (i64, i64)>,
}

impl Locked {
    /// Locks mailboxes in the order of their users, then conversations in the order of their ids:
    /// two transactions that need the same rows queue instead of waiting for each other in a ring.
    pub(super) async fn take(
        tx: &Tx,
        users: impl Iterator<Item = UserId>,
        conversations: impl Iterator<Item = ConversationId>,
    ) -> Result<Self, DbErr> {
        let backend = tx.get_database_backend();
        let mut users: Vec<_> = users.map(UserId::uuid).collect();
        users.sort_unstable();
        users.dedup();
        let mailboxes = mailbox::Entity::find()
            .filter(any_of(backend, mailbox::Column::UserId, users))
            .order_by_asc(mailbox::Column::UserId)
            .lock_exclusive()
            .all(&**tx)
            .await?;
        let mut ids: Vec<_> = conversations.map(ConversationId::uuid).collect();
        ids.sort_unstable();
        ids.dedup();
        let pairs = conversation::Entity::find()
            .filter(any_of(backend, conversation::Column::ConversationId, ids))
            .order_by_asc(conversation::Column::ConversationId)
            .lock_exclusive()
            .all(&**tx)
            .await?;
        let mut locked = Self {
            guard: Guard::default(),
            mailboxes: BTreeMap::new(),
            pairs: BTreeMap::new(),
            pair_budgets: BTreeMap::new(),
        };
        for row in mailboxes {
            locked
                .mailboxes
                .insert(UserId::from_uuid(row.user_id), (row, false));
        }
        for row in pairs {
            let budgets = (row.lo_budget_ms, row.hi_budget_ms);
            let pair = rows::conversation(row)?;
            locked.pair_budgets.insert(pair.id, budgets);
            locked.pairs.insert(pair.id, (pair, false));
        }
        Ok(locked)
    }

    /// The same rows under the guard that a store has.
    pub(super) const fn under(mut self, guard: Guard) -> Self {
        self.guard = guard;
        self
    }

    /// Whether no fence of a person is above the versions that a decision was made with. A missing
    /// row is no answer, so it is no.
    pub(super) fn fences_allow(&self, person: UserId, seen: Versions) -> bool {
        self.mailboxes
            .get(&person)
            .is_some_and(|(fences, _)| self.guard.allows(fences, seen))
    }

    /// Whether the pair is as it was decided upon.
    pub(super) fn pair_is(&self, before: &Conversation) -> bool {
        self.pairs
            .get(&before.id)
            .is_some_and(|(pair, _)| pair.state_version == before.state_version)
    }

    /// A person's row as it was locked.
    pub(super) fn mailbox(&self, person: UserId) -> Option<&mailbox::Model> {
        self.mailboxes.get(&person).map(|(row, _)| row)
    }

    /// A pair as it stands in this transaction.
    pub(super) fn pair(&self, id: ConversationId) -> Option<&Conversation> {
        self.pairs.get(&id).map(|(pair, _)| pair)
    }

    /// The number of a person's next event.
    pub(super) fn next_event(&self, person: UserId) -> i64 {
        self.mailboxes
            .get(&person)
            .map_or(0, |(row, _)| row.event_seq)
            + 1
    }

    /// Uses up an event number.
    pub(super) fn use_event(&mut self, person: UserId, event: i64) {
        if let Some((row, changed)) = self.mailboxes.get_mut(&person) {
            row.event_seq = event;
            *changed = true;
        }
    }

    /// Takes a pair's new facts.
    pub(super) fn replace(&mut self, pair: Conversation) {
        self.pairs.insert(pair.id, (pair, true));
    }

    fn advance(&mut self, send: &PreparedSend, seq: i64, sender_event: i64, recipient_event: i64) {
        self.use_event(send.sender, sender_event);
        self.use_event(send.recipient, recipient_event);
        self.replace(Conversation {
            last_seq: seq,
            ..send.after
        });
    }

    /// What is left of the budgets that a message is charged to; none where a row is missing.
    fn left(&self, send: &PreparedSend) -> Option<Left> {
        let (sender, _) = self.mailboxes.get(&send.sender)?;
        let (recipient, _) = self.mailboxes.get(&send.recipient)?;
        let (lo, hi) = self.pair_budgets.get(&send.before.id)?;
        let by_lo = send.sender == send.before.lo;
        Some(Left {
            attempts_ms: sender.attempts_budget_ms,
            new_strangers_ms: sender.strangers_budget_ms,
            inbound_strangers_ms: recipient.inbound_budget_ms,
            pair_ms: if by_lo { *lo } else { *hi },
        })
    }

    /// Takes what a stored message left. Its event numbers have its mailboxes written already.
    fn pay(&mut self, send: &PreparedSend, left: Left) {
        if let Some((sender, _)) = self.mailboxes.get_mut(&send.sender) {
            sender.attempts_budget_ms = left.attempts_ms;
            sender.strangers_budget_ms = left.new_strangers_ms;
        }
        if let Some((recipient, _)) = self.mailboxes.get_mut(&send.recipient) {
            recipient.inbound_budget_ms = left.inbound_strangers_ms;
        }
        if let Some((lo, hi)) = self.pair_budgets.get_mut(&send.before.id) {
            let of_sender = if send.sender == send.before.lo {
                lo
            } else {
                hi
            };
            *of_sender = left.pair_ms;
        }
    }

    /// Writes what changed.
    pub(super) async fn write_back(self, tx: &Tx) -> Result<(), DbErr> {
        for (row, changed) in self.mailboxes.into_values() {
            if changed {
                use mailbox::Column;
                mailbox::Entity::update_many()
                    .col_expr(Column::EventSeq, Expr::value(row.event_seq))
                    .col_expr(
                        Column::AttemptsBudgetMs,
                        Expr::value(row.attempts_budget_ms),
                    )
                    .col_expr(
                        Column::StrangersBudgetMs,
                        Expr::value(row.strangers_budget_ms),
                    )
                    .col_expr(Column::InboundBudgetMs, Expr::value(row.inbound_budget_ms))
                    .filter(mailbox::Column::UserId.eq(row.user_id))
                    .exec(&**tx)
                    .await?;
            }
        }
        for (pair, changed) in self.pairs.into_values() {
            if changed {
                let mut row = rows::conversation_row(&pair);
                if let Some((lo, hi)) = self.pair_budgets.get(&pair.id) {
                    row.lo_budget_ms = Set(*lo);
                    row.hi_budget_ms = Set(*hi);
                }
                conversation::Entity::update(row)
                    .exec_without_returning(&**tx)
                    .await?;
            }
        }
        Ok(())
    }
}
