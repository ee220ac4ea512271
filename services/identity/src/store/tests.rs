//! The store on a database of its own.

mod accounts;
mod actions;
mod sessions;
mod standing;

use std::time::Duration;

use postern_shared::{
    caller::ServiceName,
    clock::Timestamp,
    id::{SessionId, UserId},
    random::Random,
    testing::{self, Guard},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, Value};
use uuid::Uuid;

use super::{
    MIGRATIONS, Store,
    entity::{refresh_token, session},
};
use crate::{
    domain::{Account, BirthDate, Handle, Kind, NewAccount, PasswordHash, RefreshToken, Session},
    error::Error,
};

const NOW: Timestamp = Timestamp::from_unix_millis(1_795_392_000_000);
const LIFE: Duration = Duration::from_secs(60 * 24 * 60 * 60);

struct World {
    store: Store,
    random: Random,
    _database: Guard,
}

async fn world() -> World {
    let (database, db) = testing::database(ServiceName::Identity, MIGRATIONS).await;
    World {
        store: Store::new(db),
        random: Random::system(),
        _database: database,
    }
}

impl World {
    fn account(&self, name: &str) -> Account {
        let new = NewAccount {
            handle: Handle::parse(name).unwrap(),
            display_name: name.to_uppercase(),
            kind: Kind::Personal,
            birth_date: BirthDate::from_text("1990-02-03").unwrap(),
        };
        Account::open(UserId::random(&self.random), new, 13, NOW).unwrap()
    }

    async fn create(&self, name: &str) -> Account {
        let account = self.account(name);
        self.store
            .create_account(&account, &hash("first"))
            .await
            .unwrap();
        account
    }

    fn session(&self, user: UserId, at: Timestamp) -> Session {
        Session {
            user,
            id: SessionId::new(at, &self.random),
            device_name: "Phone".to_owned(),
            created_at: at,
            refreshed_at: at,
            expires_at: at.plus(LIFE),
        }
    }

    async fn open(&self, user: UserId, at: Timestamp) -> (Session, RefreshToken) {
        let session = self.session(user, at);
        let token = RefreshToken::new(self.random.bytes());
        self.store
            .open_session(&session, &token, None)
            .await
            .unwrap();
        (session, token)
    }

    async fn rotate(&self, token: &RefreshToken, at: Timestamp) -> Option<RefreshToken> {
        match self
            .store
            .rotate(token, self.random.bytes(), LIFE, at)
            .await
        {
            Ok(rotated) => Some(rotated.token),
            Err(Error::RefreshTokenInvalid) => None,
            Err(error) => panic!("{error}"),
        }
    }

    async fn live_tokens(&self) -> u64 {
        refresh_token::Entity::find()
            .filter(refresh_token::Column::UsedAtMs.is_null())
            .count(self.store.db.reader())
            .await
            .unwrap()
    }
}

fn hash(phc: &str) -> PasswordHash {
    PasswordHash::new(phc.to_owned())
}

fn secs(secs: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(secs))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_long_ago_is_removed_in_batches() {
    let world = world().await;
    let account = world.create("zoe").await;
    let mut kept = Vec::new();
    for _ in 0..3 {
        world.open(account.id, NOW).await;
    }
    let (revoked, _) = world.open(account.id, secs(1)).await;
    world
        .store
        .revoke_session(account.id, revoked.id, secs(2))
        .await
        .unwrap();
    fill(&world, account.id, 1_100).await;
    let day = Duration::from_secs(24 * 60 * 60);
    let purged = world.store.purge(NOW.plus(30 * day)).await.unwrap();
    assert_eq!((purged.tokens, purged.sessions), (0, 0));
    let purged = world.store.purge(NOW.plus(31 * day)).await.unwrap();
    assert_eq!((purged.tokens, purged.sessions), (0, 1));
    kept.push(world.open(account.id, NOW.plus(40 * day)).await.0.id);
    let purged = world.store.purge(NOW.plus(62 * day)).await.unwrap();
    assert_eq!((purged.tokens, purged.sessions), (1_104, 0));
    let later = NOW.plus(95 * day);
    assert_eq!(world.store.purge(later).await.unwrap().sessions, 1_103);
    let reader = world.store.db.reader();
    let left = session::Entity::find().all(reader).await.unwrap();
    let left: Vec<_> = left
        .iter()
        .map(|row| SessionId::from_uuid(row.session_id))
        .collect();
    assert_eq!(left, kept);
}

async fn fill(world: &World, user: UserId, count: usize) {
    let sessions: Vec<_> = (0..count).map(|_| world.session(user, NOW)).collect();
    let sessions = &sessions;
    let written: Result<(), Error> = world
        .store
        .db
        .write(|tx| async move {
            for opened in sessions {
                let token = RefreshToken::new(world.random.bytes());
                super::sessions::insert_session(&tx, opened, &token).await?;
            }
            Ok(())
        })
        .await;
    written.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_look_ups_are_index_ranges() {
    let world = world().await;
    let (id, text) = (|| Uuid::nil().into(), || "a".into());
    let looked_up: [(&str, Vec<Value>); 9] = [
        ("SELECT 1 FROM account WHERE user_id = $1", vec![id()]),
        ("SELECT 1 FROM handle WHERE handle = $1", vec![text()]),
        (
            "SELECT session_id FROM session WHERE user_id = $1 AND session_id < $2
                ORDER BY session_id DESC",
            vec![id(), id()],
        ),
        (
            "SELECT user_id, session_id FROM session WHERE expires_at_ms < $1",
            vec![1_i64.into()],
        ),
        (
            "SELECT token_hash FROM refresh_token WHERE expires_at_ms < $1",
            vec![1_i64.into()],
        ),
        (
            "SELECT user_id FROM action WHERE over_at_ms IS NULL AND end_at_ms <= $1
                ORDER BY over_at_ms, end_at_ms",
            vec![1_i64.into()],
        ),
        (
            "SELECT version, rule FROM account LEFT JOIN action
                ON account.user_id = action.user_id AND over_at_ms IS NULL
                    AND (end_at_ms IS NULL OR end_at_ms > $2)
                WHERE account.user_id = $1",
            vec![id(), 1_i64.into()],
        ),
        (
            "SELECT action_id FROM action WHERE user_id = $1 AND action_id < $2
                ORDER BY action_id DESC",
            vec![id(), id()],
        ),
        (
            "SELECT role FROM role_grant WHERE user_id = $1 ORDER BY role",
            vec![id()],
        ),
    ];
    for (sql, values) in looked_up {
        testing::assert_index_ranges(&world.store.db, sql, &values).await;
    }
}
