//! The store on a database of its own, and what must be true of it after whatever happened.

mod batch;
mod blocks;
mod budgets;
mod consents;
mod effects;
mod expiry;
mod fence;
mod guard;
mod lists;
mod plans;
mod purge;
mod rows;
mod settle;
mod unsend;
mod upgrade;

use std::collections::{BTreeMap, BTreeSet};

use postern_policy::{Placement, Rule, Told};
use postern_shared::{
    caller::ServiceName,
    clock::Timestamp,
    db::Db,
    id::UserId,
    random::Random,
    testing::{self, Guard},
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DbBackend, DbErr, EntityTrait as _, QueryFilter as _,
    sea_query::Expr,
};
use uuid::Uuid;

use super::{
    MIGRATIONS, Store,
    entity::{self, conversation, mailbox, message, participant, refusal, user_event},
};
use crate::domain::{
    self, Bill, ClientMessageId, Content, Conversation, Outcome, Owners, PreparedSend, Versions,
};

/// When everything here happens.
pub const NOW: Timestamp = Timestamp::from_unix_millis(1_700_000_000_000);
/// The versions that every decision here was made with.
pub const SEEN: Versions = Versions {
    graph: 5,
    settings: 6,
    identity: 7,
};

/// A stored message, whole.
pub type Stored = message::Model;

/// A store on a database of its own.
pub struct World {
    pub db: Db,
    pub store: Store,
    _database: Guard,
}

/// Whose version a fence is about.
#[derive(Debug, Clone, Copy)]
pub enum Owner {
    Graph,
    Settings,
    Identity,
}

impl World {
    pub async fn new() -> Self {
        let (database, db) = testing::database(ServiceName::Messaging, MIGRATIONS).await;
        Self {
            store: Store::new(db.clone()),
            db,
            _database: database,
        }
    }

    /// A pair whose rows exist.
    pub async fn pair(&self, one: UserId, other: UserId) -> Conversation {
        self.store.create_pair(one, other).await.unwrap();
        let pair = self.store.pair(one, other).await.unwrap();
        assert!(!pair.incomplete);
        pair.conversation
    }

    /// A message between people who may write to each other, decided.
    pub fn friendly(before: Conversation, sender: UserId, id: &str) -> PreparedSend {
        friendly(before, sender, id)
    }

    /// A stranger's message, decided.
    pub fn asking(before: Conversation, sender: UserId, id: &str) -> PreparedSend {
        asking(before, sender, id)
    }

    /// Stores a pair as it is, with the rows that a message needs.
    pub async fn put(&self, pair: Conversation) {
        self.store.create_pair(pair.lo, pair.hi).await.unwrap();
        let put: Result<_, DbErr> = self
            .db
            .write(|tx| async move {
                conversation::Entity::update(super::rows::conversation_row(&pair))
                    .exec_without_returning(&*tx)
                    .await
            })
            .await;
        put.unwrap();
    }

    /// Two people who wrote to nobody yet, their rows made.
    pub async fn two(&self) -> (UserId, UserId, Conversation) {
        let (one, other) = (person(), person());
        (one, other, self.pair(one, other).await)
    }

    /// A stranger's message, decided by what is stored now.
    pub async fn ask(&self, from: UserId, to: UserId, id: &str) {
        let pair = self.conversation_of(from, to).await;
        let outcome = self.commit(&[asking(pair, from, id)]).await;
        assert!(matches!(outcome[..], [Outcome::Stored { .. }]));
    }

    /// The same, decided when graph's versions of both were this.
    pub async fn ask_knowing(&self, from: UserId, to: UserId, id: &str, graph: u64) {
        let mut asked = asking(self.conversation_of(from, to).await, from, id);
        asked.sender_versions.graph = graph;
        asked.recipient_versions.graph = graph;
        let outcome = self.commit(&[asked]).await;
        assert!(matches!(outcome[..], [Outcome::Stored { .. }]));
    }

    pub async fn commit(&self, batch: &[PreparedSend]) -> Vec<Outcome> {
        self.store.commit(batch).await.unwrap()
    }

    /// Raises a fence.
    pub async fn fence(&self, user: UserId, owner: Owner, version: i64) {
        let column = match owner {
            Owner::Graph => mailbox::Column::FenceGraph,
            Owner::Settings => mailbox::Column::FenceSettings,
            Owner::Identity => mailbox::Column::FenceIdentity,
        };
        let raised: Result<u64, DbErr> = self
            .db
            .write(|tx| async move {
                let raise = mailbox::Entity::update_many()
                    .col_expr(column, Expr::value(version))
                    .filter(mailbox::Column::UserId.eq(user.uuid()))
                    .exec(&*tx)
                    .await?;
                Ok(raise.rows_affected)
            })
            .await;
        assert_eq!(raised.unwrap(), 1);
    }

    /// Runs a statement without values.
    pub async fn run(&self, sql: &str) {
        let done: Result<(), DbErr> = self
            .db
            .write(|tx| async move {
                tx.execute_unprepared(sql).await?;
                Ok(())
            })
            .await;
        done.unwrap();
    }

    /// From now on no message is stored whose client's id is like this.
    pub async fn poison(&self, like: &str) {
        let sql = match self.db.backend() {
            DbBackend::Sqlite => format!(
                "CREATE TRIGGER poison BEFORE INSERT ON message
                    WHEN NEW.client_message_id LIKE '{like}'
                    BEGIN SELECT RAISE(ABORT, 'poison'); END"
            ),
            _ => format!(
                "ALTER TABLE message ADD CONSTRAINT poison
                    CHECK (client_message_id NOT LIKE '{like}')"
            ),
        };
        self.run(&sql).await;
    }

    /// Ends what [`World::poison`] began.
    pub async fn heal(&self) {
        let sql = match self.db.backend() {
            DbBackend::Sqlite => "DROP TRIGGER poison",
            _ => "ALTER TABLE message DROP CONSTRAINT poison",
        };
        self.run(sql).await;
    }

    /// Takes away a person's mailbox, as if they had never been written to.
    pub async fn forget_mailbox(&self, user: UserId) {
        let forgotten: Result<u64, DbErr> = self
            .db
            .write(|tx| async move {
                let row = mailbox::Entity::delete_by_id(user.uuid());
                Ok(row.exec(&*tx).await?.rows_affected)
            })
            .await;
        assert_eq!(forgotten.unwrap(), 1);
    }

    pub async fn conversation_of(&self, one: UserId, other: UserId) -> Conversation {
        self.store.pair(one, other).await.unwrap().conversation
    }

    pub async fn participant(&self, user: UserId, pair: &Conversation) -> participant::Model {
        participant::Entity::find_by_id((user.uuid(), pair.id.uuid()))
            .one(self.db.reader())
            .await
            .unwrap()
            .unwrap()
    }

    pub async fn events(&self, user: UserId) -> Vec<user_event::Model> {
        user_event::Entity::find()
            .filter(user_event::Column::UserId.eq(user.uuid()))
            .all(self.db.reader())
            .await
            .unwrap()
    }

    pub async fn messages(&self) -> Vec<message::Model> {
        message::Entity::find().all(self.db.reader()).await.unwrap()
    }

    /// The text of each recorded refusal's row, whole.
    pub async fn refusals(&self) -> Vec<String> {
        let rows = refusal::Entity::find().all(self.db.reader()).await;
        rows.unwrap().iter().map(|row| format!("{row:?}")).collect()
    }

    /// Every row of every table, whole.
    pub async fn everything(&self) -> Vec<String> {
        let db = self.db.reader();
        let mut all = self.refusals().await;
        macro_rules! add {
            ($($table:ident),*) => {$(
                let rows = entity::$table::Entity::find().all(db).await.unwrap();
                all.extend(rows.iter().map(|row| format!("{row:?}")));
            )*};
        }
        add!(conversation, mailbox, participant, message, user_event);
        add!(attempts_refused, overrun, stranger_text);
        all
    }

    /// How many rows there are of conversations, mailboxes, participants, messages and events.
    pub async fn rows(&self) -> [usize; 5] {
        let db = self.db.reader();
        [
            conversation::Entity::find().all(db).await.unwrap().len(),
            mailbox::Entity::find().all(db).await.unwrap().len(),
            participant::Entity::find().all(db).await.unwrap().len(),
            message::Entity::find().all(db).await.unwrap().len(),
            user_event::Entity::find().all(db).await.unwrap().len(),
        ]
    }

    /// What must hold at any moment: messages are numbered 1 to n, and so are each person's
    /// events; a conversation stands where its last event put it; unread is what the other wrote.
    pub async fn audit(&self) {
        let db = self.db.reader();
        let messages = self.messages().await;
        let pairs = conversation::Entity::find().all(db).await.unwrap();
        let mut events: BTreeMap<Uuid, Vec<i64>> = BTreeMap::new();
        let mut last: BTreeMap<(Uuid, Uuid), i64> = BTreeMap::new();
        let mut unread: BTreeMap<(Uuid, Uuid), i64> = BTreeMap::new();
        for pair in &pairs {
            let of = messages
                .iter()
                .filter(|row| row.conversation_id == pair.conversation_id);
            let mut seqs: Vec<_> = of.clone().map(|row| row.seq).collect();
            seqs.sort_unstable();
            assert_eq!(seqs, (1..=pair.last_seq).collect::<Vec<_>>(), "numbers");
            for row in of {
                for (user, event) in [(pair.lo, row.lo_event), (pair.hi, row.hi_event)] {
                    let place = (user, pair.conversation_id);
                    events.entry(user).or_default().push(event);
                    let newest = last.entry(place).or_default();
                    *newest = event.max(*newest);
                    let waits = row.sender_id != user && row.deleted_at_ms.is_none();
                    *unread.entry(place).or_default() += i64::from(waits);
                }
            }
        }
        let known: BTreeSet<_> = pairs.iter().map(|pair| pair.conversation_id).collect();
        assert!(
            messages
                .iter()
                .all(|row| known.contains(&row.conversation_id))
        );
        let parts = participant::Entity::find().all(db).await.unwrap();
        let settled = user_event::Entity::find().all(db).await.unwrap();
        for row in settled {
            events.entry(row.user_id).or_default().push(row.event);
            let place = (row.user_id, row.conversation_id.unwrap());
            // An event moves the conversation of whoever acted; the other is only told.
            if parts.iter().any(|part| {
                (part.user_id, part.conversation_id) == place && part.last_event == row.event
            }) {
                last.insert(place, row.event);
            }
        }
        for row in mailbox::Entity::find().all(db).await.unwrap() {
            let mut numbers = events.remove(&row.user_id).unwrap_or_default();
            numbers.sort_unstable();
            assert_eq!(numbers, (1..=row.event_seq).collect::<Vec<_>>(), "events");
        }
        assert!(events.is_empty(), "events without a mailbox: {events:?}");
        for part in parts {
            let place = (part.user_id, part.conversation_id);
            // Whoever blocks a stranger has a row without any message.
            let newest = last.remove(&place).unwrap_or_default();
            assert_eq!(part.last_event, newest, "last event");
            let waiting = unread.remove(&place).unwrap_or_default();
            assert_eq!(part.unread, waiting, "unread");
        }
        assert!(last.is_empty(), "messages without a participant: {last:?}");
    }
}

pub fn person() -> UserId {
    UserId::random(&Random::system())
}

/// A message between friends: it changes nothing but numbers.
pub fn friendly(before: Conversation, sender: UserId, id: &str) -> PreparedSend {
    prepared(before, sender, id, Placement::Inbox, true)
}

/// A stranger's message.
pub fn asking(before: Conversation, sender: UserId, id: &str) -> PreparedSend {
    prepared(before, sender, id, Placement::Request, false)
}

/// A message to someone who agreed to hear from the sender.
pub fn trusted(before: Conversation, sender: UserId, id: &str) -> PreparedSend {
    prepared(before, sender, id, Placement::Inbox, false)
}

fn prepared(
    before: Conversation,
    sender: UserId,
    id: &str,
    placement: Placement,
    friends: bool,
) -> PreparedSend {
    let recipient = before.peer_of(sender).unwrap();
    let owners = Owners {
        epoch: 1,
        settings_version: 1,
        friends,
    };
    let sent = domain::send(before, sender, recipient, placement, owners, NOW);
    let (told, rule) = match placement {
        Placement::Request => (Told::Request, Rule::StrangerRequest),
        _ => (Told::Inbox, Rule::TrustedInbox),
    };
    PreparedSend {
        before,
        after: sent.conversation,
        folder: sent.folder,
        sender,
        recipient,
        sender_versions: SEEN,
        recipient_versions: SEEN,
        client_message_id: ClientMessageId::parse(id.to_owned()).unwrap(),
        content: Content::text(format!("text of {id}")).unwrap(),
        sent_at: NOW,
        placement,
        told,
        rule,
        bill: Bill::FREE,
        marked: None,
        traceparent: Some(format!("trace of {id}")),
    }
}
