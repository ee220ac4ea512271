//! A database with an outbox, and a broker that does as the test says.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use postern_proto::event::v1::Event as Sent;
use sea_orm::{DbErr, EntityTrait as _, QueryOrder as _};
use tokio::sync::Notify;

use crate::{
    bus::{Broker, Outgoing, PublishError},
    caller::ServiceName,
    clock::{Clock, Timestamp},
    db::{Db, Migration},
    id::{ConversationId, UserId},
    outbox::{self, Body, Event, Relay, Settings, table},
    random::Random,
    telemetry::Telemetry,
    testing::{self, Guard},
};

/// When tests begin.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_millis(1_700_000_000_000);

const MIGRATIONS: &[Migration] = &[outbox::migration("m0001_outbox")];

/// A database of its own.
pub(crate) struct World {
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    _guard: Guard,
}

impl World {
    /// A new one, on the engine that tests run on.
    pub(crate) async fn new() -> Self {
        let (guard, db) = testing::database(ServiceName::Messaging, MIGRATIONS).await;
        Self {
            db,
            clock: Clock::manual(NOW),
            _guard: guard,
        }
    }

    pub(crate) fn relay(&self, brokers: &[Arc<dyn Broker>]) -> Relay {
        self.relay_measured(brokers, &Telemetry::without_logs().unwrap())
    }

    pub(crate) fn relay_measured(
        &self,
        brokers: &[Arc<dyn Broker>],
        telemetry: &Telemetry,
    ) -> Relay {
        Relay::new(Settings {
            service: ServiceName::Messaging,
            db: self.db.clone(),
            brokers: brokers.to_vec(),
            clock: self.clock.clone(),
            random: Random::system(),
            meter: &telemetry.meter(),
        })
    }

    /// Commits events in one transaction.
    pub(crate) async fn commit(&self, events: &[Event]) {
        let now = self.clock.now();
        let done: Result<(), DbErr> = self
            .db
            .write(|tx| async move { outbox::append(&tx, now, events).await })
            .await;
        done.unwrap();
    }

    pub(crate) async fn rows(&self) -> Vec<table::Model> {
        let find = table::Entity::find().order_by_asc(table::Column::OutboxId);
        find.all(self.db.reader()).await.unwrap()
    }

    /// How many rows are in each status.
    pub(crate) async fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for row in self.rows().await {
            *counts.entry(row.status).or_default() += 1;
        }
        counts
    }
}

/// A message of a conversation, which `0..` name.
pub(crate) fn message(conversation: u8, seq: i64) -> Event {
    let user = |n: u8| UserId::from_uuid(uuid::Uuid::from_bytes([n; 16]));
    let body = Body::MessageCreated {
        // The first two bytes choose the shard.
        conversation: ConversationId::from_bytes([conversation; 16]),
        seq,
        sender: user(1),
        recipient: user(2),
    };
    Event::new(body, seq.unsigned_abs(), user(1), NOW)
}

/// A broker that remembers what it took.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    taken: Mutex<Vec<Arc<Sent>>>,
    /// It cannot be reached.
    pub(crate) down: AtomicBool,
    /// It takes so many more, then it cannot be reached; none: no limit.
    pub(crate) patience: Mutex<Option<usize>>,
    /// It will not have the events of these aggregates.
    pub(crate) refused: Mutex<BTreeSet<String>>,
    /// How often it has others wait before it takes something.
    pub(crate) waits: AtomicUsize,
    /// Rung with everything that it takes.
    pub(crate) changed: Notify,
}

impl Recorder {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn taken(&self) -> Vec<Arc<Sent>> {
        self.taken.lock().unwrap().clone()
    }

    /// Waits until it has taken so many different events.
    pub(crate) async fn until(&self, events: usize) {
        while self.ids().len() < events {
            self.changed.notified().await;
        }
    }

    /// The ids of everything that it took, each once.
    pub(crate) fn ids(&self) -> BTreeSet<String> {
        self.taken()
            .iter()
            .map(|event| event.event_id.clone())
            .collect()
    }

    /// The versions of each aggregate in the order of their first arrival.
    pub(crate) fn versions(&self) -> BTreeMap<String, Vec<u64>> {
        let (mut known, mut versions) = (BTreeSet::new(), BTreeMap::<_, Vec<_>>::new());
        for event in self.taken() {
            if known.insert(event.event_id.clone()) {
                versions
                    .entry(event.aggregate_id.clone())
                    .or_default()
                    .push(event.version);
            }
        }
        versions
    }

    /// Every aggregate has the versions from 1 to `last`, and in order.
    #[track_caller]
    pub(crate) fn assert_in_order(&self, aggregates: usize, last: u64) {
        let versions = self.versions();
        assert_eq!(versions.len(), aggregates);
        for (aggregate, versions) in versions {
            assert_eq!(versions, (1..=last).collect::<Vec<_>>(), "{aggregate}");
        }
    }
}

#[async_trait::async_trait]
impl Broker for Recorder {
    async fn ready(&self) -> Result<(), PublishError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(PublishError::Unavailable("down".to_owned()));
        }
        Ok(())
    }

    async fn publish(&self, outgoing: &Outgoing) -> Result<(), PublishError> {
        for _ in 0..self.waits.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        self.ready().await?;
        if self
            .refused
            .lock()
            .unwrap()
            .contains(&outgoing.event.aggregate_id)
        {
            return Err(PublishError::Rejected("too large".to_owned()));
        }
        match &mut *self.patience.lock().unwrap() {
            Some(0) => return Err(PublishError::Unavailable("gone".to_owned())),
            Some(left) => *left -= 1,
            None => {}
        }
        self.taken.lock().unwrap().push(Arc::clone(&outgoing.event));
        self.changed.notify_one();
        Ok(())
    }
}

/// A recorder as relays take it.
pub(crate) fn only(recorder: &Arc<Recorder>) -> [Arc<dyn Broker>; 1] {
    [Arc::clone(recorder) as Arc<dyn Broker>]
}
