//! Tasks, raising and the relay, against targets of the tests' own.

mod reading;

use std::{
    collections::BTreeSet,
    future,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use postern_proto::policy::v1::{
    RaiseRequest, RaiseResponse, SetPresenceRequest, SetPresenceResponse,
    fence_service_server::{FenceService, FenceServiceServer},
    presence_service_server::{PresenceService, PresenceServiceServer},
};
use sea_orm::{ConnectionTrait as _, DbErr, Statement};
use tokio::time::Instant;
use tonic::{Request, Response, Status};
use tower::util::BoxCloneSyncService;

use super::{Effect, Enforcement, Fences, RELAY_ROWS, Raise, add, incoming, migration, table};
use crate::{
    caller::{
        Caller,
        ServiceName::{self, Graph, Identity, Messaging},
        User,
    },
    clock::Timestamp,
    db::{Db, Migration},
    id::{SessionId, UserId},
    peer::{InProcess, Means, Peer},
    random::Random,
    telemetry::Telemetry,
    testing::{self, Guard},
};

const MIGRATIONS: &[Migration] = &[migration("m0001_fence_task")];
const NOW: Timestamp = Timestamp::from_unix_millis(1_795_392_000_000);
/// Long enough for whatever happens at all.
const LONG: Duration = Duration::from_secs(60);

/// What a target does with a raise.
#[derive(Debug, Clone, Copy, Default)]
enum Act {
    #[default]
    Serve,
    Fail,
    Never,
}

/// A target that does what a test says, and keeps what it acknowledged.
#[derive(Debug, Default)]
struct Target {
    act: Mutex<Act>,
    acknowledged: Mutex<Vec<RaiseRequest>>,
}

impl Target {
    fn becomes(&self, act: Act) {
        *self.act.lock().unwrap() = act;
    }

    /// What was acknowledged since this was last asked.
    fn acknowledged(&self) -> Vec<RaiseRequest> {
        std::mem::take(&mut *self.acknowledged.lock().unwrap())
    }
}

impl Target {
    async fn take<T>(&self, request: Request<T>) -> Result<T, Status> {
        let here = request.extensions().get::<InProcess>().unwrap();
        // It is the owner that raises, whoever caused it.
        assert!(here.user.is_none());
        let act = *self.act.lock().unwrap();
        match act {
            Act::Serve => {}
            Act::Fail => return Err(Status::internal("broken")),
            Act::Never => future::pending().await,
        }
        Ok(request.into_inner())
    }
}

#[tonic::async_trait]
impl FenceService for Target {
    async fn raise(
        &self,
        request: Request<RaiseRequest>,
    ) -> Result<Response<RaiseResponse>, Status> {
        let raise = self.take(request).await?;
        self.acknowledged.lock().unwrap().push(raise);
        Ok(Response::new(RaiseResponse {}))
    }
}

/// Graph hears the same in words of its own; kept as if it had been raised.
#[tonic::async_trait]
impl PresenceService for Target {
    async fn set_presence(
        &self,
        request: Request<SetPresenceRequest>,
    ) -> Result<Response<SetPresenceResponse>, Status> {
        let heard = self.take(request).await?;
        let raise = Raise {
            user: heard.user_id.parse().unwrap(),
            version: heard.version,
            effect: Some(if heard.gone {
                Effect::Gone
            } else {
                Effect::Returned
            }),
        };
        let raise = incoming::to_proto(ServiceName::Identity, &raise);
        self.acknowledged.lock().unwrap().push(raise);
        Ok(Response::new(SetPresenceResponse {}))
    }
}

struct World {
    fences: Fences,
    messaging: Arc<Target>,
    graph: Arc<Target>,
    random: Random,
    db: Db,
    _database: Guard,
}

async fn world() -> World {
    let (database, db) = testing::database(Identity, MIGRATIONS).await;
    let random = Random::system();
    let means = Means::new(Telemetry::without_logs().unwrap().rpc(), random.clone());
    let (messaging, graph) = (Arc::<Target>::default(), Arc::<Target>::default());
    let peer = |name, target: &Arc<Target>| {
        let target = Arc::clone(target);
        let server = match name {
            Graph => BoxCloneSyncService::new(PresenceServiceServer::from_arc(target)),
            _ => BoxCloneSyncService::new(FenceServiceServer::from_arc(target)),
        };
        let slot = Arc::new(OnceLock::new());
        assert!(slot.set(server).is_ok());
        (name, Peer::local(Identity, name, slot, &means))
    };
    let targets = vec![peer(Messaging, &messaging), peer(Graph, &graph)];
    World {
        fences: Fences::new(ServiceName::Identity, db.clone(), targets),
        messaging,
        graph,
        random,
        db,
        _database: database,
    }
}

impl World {
    fn someone(&self) -> UserId {
        UserId::random(&self.random)
    }

    fn raise(&self, version: u64, effect: Option<Effect>) -> Raise {
        Raise {
            user: self.someone(),
            version,
            effect,
        }
    }

    /// Writes what has to be told, as an owner does in the transaction of a change.
    async fn add(&self, raises: &[Raise]) {
        let written: Result<(), DbErr> = self
            .db
            .write(|tx| async move {
                for raise in raises {
                    add(&tx, NOW, raise).await?;
                }
                Ok(())
            })
            .await;
        written.unwrap();
    }

    /// Whom messaging and graph still have to be told of.
    async fn left(&self) -> Vec<(UserId, u64, ServiceName)> {
        let tasks = table::page(self.db.reader(), None, 10_000)
            .await
            .unwrap()
            .tasks;
        let place = |task: &table::Task| (task.raise.user, task.raise.version, task.target);
        tasks.iter().map(place).collect()
    }

    fn caller(&self, within: Duration) -> Caller {
        let session = SessionId::new(NOW, &self.random);
        Caller {
            user: Some(User::plain(self.someone(), session, Arc::from("a token"))),
            ..Caller::system(within)
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_goes_when_its_target_has_acknowledged_it() {
    let world = world().await;
    for effect in [None, Some(Effect::Gone)] {
        let raise = world.raise(7, effect);
        world.add(&[raise]).await;
        let state = || world.fences.state(raise.user);
        assert_eq!(state().await.unwrap(), Enforcement::Pending);
        let enforced = world.fences.enforce(&world.caller(LONG), &raise).await;
        assert_eq!(enforced, Enforcement::Enforced);
        assert_eq!(state().await.unwrap(), Enforcement::Enforced);
        assert_eq!(world.left().await, []);
        let told = world.messaging.acknowledged();
        assert_eq!((told.len(), told[0].version), (1, 7));
        assert_eq!(told[0].user_id, raise.user.to_string());
        let hidden = usize::from(effect.is_some());
        assert_eq!(world.graph.acknowledged().len(), hidden);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_target_does_not_take_stays_until_it_does() {
    let world = world().await;
    let raise = world.raise(2, Some(Effect::Gone));
    world.add(&[raise]).await;
    world.graph.becomes(Act::Fail);
    let enforced = world.fences.enforce(&world.caller(LONG), &raise).await;
    assert_eq!(enforced, Enforcement::Pending);
    assert_eq!(world.left().await, [(raise.user, 2, Graph)]);
    world.fences.relay().await;
    let state = world.fences.state(raise.user).await.unwrap();
    assert_eq!(state, Enforcement::Pending);
    let other = world.fences.state(world.someone()).await.unwrap();
    assert_eq!(other, Enforcement::Enforced);
    world.graph.becomes(Act::Serve);
    world.fences.relay().await;
    assert_eq!(world.left().await, []);
    assert_eq!(world.graph.acknowledged().len(), 1);
    // Who had acknowledged it is told no more.
    assert_eq!(world.messaging.acknowledged().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_was_silent_hears_of_everything_in_two_rounds() {
    let world = world().await;
    let raises: Vec<_> = (1..=30).map(|version| world.raise(version, None)).collect();
    world.add(&raises).await;
    world.messaging.becomes(Act::Never);
    world.fences.relay().await;
    // Everybody else lets it rest now.
    world.messaging.becomes(Act::Serve);
    for _ in 0..2 {
        world.fences.relay().await;
    }
    assert_eq!(world.left().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_longer_than_they_can_for_a_target_that_says_nothing() {
    let world = world().await;
    let raise = world.raise(2, None);
    world.add(&[raise]).await;
    world.messaging.becomes(Act::Never);
    for (spare, longest) in [(Duration::from_millis(250), 10_000), (LONG, 30_000)] {
        let begun = Instant::now();
        let enforced = world.fences.enforce(&world.caller(spare), &raise).await;
        assert_eq!(enforced, Enforcement::Pending);
        assert!(begun.elapsed() < Duration::from_millis(longest));
    }
    assert_eq!(world.left().await.len(), 1);
    // With nothing to spare it is not even tried.
    world.messaging.becomes(Act::Serve);
    let hurried = world.caller(Duration::from_millis(100));
    let enforced = world.fences.enforce(&hurried, &raise).await;
    assert_eq!(enforced, Enforcement::Pending);
    world.fences.relay().await;
    assert_eq!(world.left().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_rolled_back_leaves_nothing_to_tell() {
    let world = world().await;
    let raise = &world.raise(2, None);
    let written: Result<(), DbErr> = world
        .db
        .write(|tx| async move {
            add(&tx, NOW, raise).await?;
            Err(DbErr::Custom("something else went wrong".to_owned()))
        })
        .await;
    assert!(written.is_err());
    assert_eq!(world.left().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_relays_at_once_do_no_harm() {
    let world = world().await;
    let raises: Vec<_> = (1..=40)
        .map(|version| world.raise(version, Some(Effect::Returned)))
        .collect();
    world.add(&raises).await;
    tokio::join!(world.fences.relay(), world.fences.relay());
    assert_eq!(world.left().await, []);
    for target in [&world.messaging, &world.graph] {
        let told: BTreeSet<_> = target.acknowledged().iter().map(|r| r.version).collect();
        assert_eq!(told, (1..=40).collect());
    }
    // What comes back into the table twice is one task.
    world.add(&[raises[0], raises[0]]).await;
    assert_eq!(world.left().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_round_reaches_every_task_whatever_others_do() {
    let world = world().await;
    let (several, each) = (150, 4);
    let raises: Vec<_> = (0..several)
        .flat_map(|_| {
            let user = world.someone();
            (1..=each).map(move |version| Raise {
                user,
                version,
                effect: (version % 2 == 0).then_some(Effect::Gone),
            })
        })
        .collect();
    world.add(&raises).await;
    let all = world.left().await;
    let count = usize::try_from(RELAY_ROWS).unwrap();
    assert!(all.len() == 900 && all.len() > 3 * count);
    assert!(all.is_sorted_by_key(|(user, version, target)| (*user, *version, target.as_str())));
    let mut paged = Vec::new();
    let mut after = None;
    loop {
        let page = table::page(world.db.reader(), after, RELAY_ROWS)
            .await
            .unwrap();
        let place = |t: &table::Task| (t.raise.user, t.raise.version, t.target);
        paged.extend(page.tasks.iter().map(place));
        after = page.last;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(paged, all);
    // One of the targets takes nothing: what is for the other is told all the same.
    world.graph.becomes(Act::Fail);
    world.fences.relay().await;
    let left = world.left().await;
    assert!(left.len() == 300 && left.iter().all(|(_, _, target)| *target == Graph));
    assert_eq!(world.messaging.acknowledged().len(), raises.len());
    world.graph.becomes(Act::Serve);
    world.fences.relay().await;
    assert_eq!(world.left().await, []);
    assert_eq!(world.graph.acknowledged().len(), 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_holds_up_no_other() {
    let world = world().await;
    let raises: Vec<_> = (0..3).map(|_| world.raise(1, None)).collect();
    world.add(&raises).await;
    let mut users: Vec<_> = raises.iter().map(|raise| raise.user).collect();
    users.sort_unstable();
    let first = users[0];
    let unread: Result<(), DbErr> = (world.db)
        .write(|tx| async move {
            let sql = "UPDATE fence_task SET effect = 'of tomorrow' WHERE user_id = $1";
            let backend = tx.get_database_backend();
            let update = Statement::from_sql_and_values(backend, sql, [first.uuid().into()]);
            tx.execute_raw(update).await.map(drop)
        })
        .await;
    unread.unwrap();
    world.fences.relay().await;
    let told: BTreeSet<_> = world
        .messaging
        .acknowledged()
        .into_iter()
        .map(|r| r.user_id)
        .collect();
    let others: BTreeSet<_> = users[1..].iter().map(UserId::to_string).collect();
    assert_eq!(told, others);
    // It is still to be told, by a version that can read it.
    let state = world.fences.state(first).await.unwrap();
    assert_eq!(state, Enforcement::Pending);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_effect_arrives_as_it_was_written() {
    let world = world().await;
    let peer = world.someone();
    let effects = [
        None,
        Some(Effect::PeerBlocked(peer)),
        Some(Effect::PeerUnblocked(peer)),
        Some(Effect::Gone),
        Some(Effect::Returned),
    ];
    let raises: Vec<_> = effects
        .into_iter()
        .zip(1..)
        .map(|(effect, version)| world.raise(version, effect))
        .collect();
    world.add(&raises).await;
    world.fences.relay().await;
    let mut told = world.messaging.acknowledged();
    told.sort_by_key(|told| told.version);
    let owner = Identity;
    let written: Vec<_> = raises
        .iter()
        .map(|r| super::incoming::to_proto(owner, r))
        .collect();
    assert_eq!(told, written);
    let hidden: BTreeSet<_> = world
        .graph
        .acknowledged()
        .iter()
        .map(|r| r.version)
        .collect();
    assert_eq!(hidden, BTreeSet::from([4, 5]));
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_are_found_by_index_ranges() {
    let world = world().await;
    let user = || world.someone().uuid().into();
    for (sql, values) in [
        (
            "SELECT effect FROM fence_task WHERE user_id = $1 LIMIT 1",
            vec![user()],
        ),
        (
            "SELECT effect FROM fence_task WHERE (user_id, version, target) > ($1, $2, $3)
                ORDER BY user_id, version, target LIMIT 256",
            vec![user(), 1_i64.into(), "graph".into()],
        ),
    ] {
        testing::assert_index_ranges(&world.db, sql, &values).await;
    }
}
