//! The store on a SQLite file.

use std::time::Duration;

use postern_shared::{
    clock::Timestamp,
    db::Db,
    id::{SessionId, UserId},
    random::Random,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, sea_query::Expr,
};
use tempfile::TempDir;

use super::{
    MIGRATIONS, Store,
    entity::{account, handle, refresh_token, session},
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
    _folder: TempDir,
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let random = Random::system();
    let file = folder.path().join("identity.db");
    let db = Db::open_sqlite(&file, MIGRATIONS, random.clone())
        .await
        .unwrap();
    World {
        store: Store::new(db),
        random,
        _folder: folder,
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
async fn an_account_comes_back_as_it_went_in() {
    let world = world().await;
    let account = world.create("zoe").await;
    assert_eq!(
        world.store.account(account.id).await.unwrap(),
        Some(account.clone())
    );
    let (found, password) = world
        .store
        .credentials(&account.handle)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found, password), (account.clone(), hash("first")));
    let nobody = UserId::random(&world.random);
    assert_eq!(world.store.account(nobody).await.unwrap(), None);
    let unknown = Handle::parse("nobody").unwrap();
    assert_eq!(world.store.account_by_handle(&unknown).await.unwrap(), None);
    let found = world.store.accounts(&[nobody, account.id]).await.unwrap();
    assert_eq!(found, vec![account]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_a_handle_at_once_one_gets_it() {
    let world = world().await;
    let wanted = (0..20).map(|_| world.account("zoe"));
    let results = futures_util::future::join_all(wanted.map(|account| {
        let store = world.store.clone();
        async move {
            store
                .create_account(&account, &hash("x"))
                .await
                .map(|()| account.id)
        }
    }))
    .await;
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 19));
    assert!(
        lost.iter()
            .all(|result| matches!(result, Err(Error::HandleTaken)))
    );
    let reader = world.store.db.reader();
    assert_eq!(handle::Entity::find().count(reader).await.unwrap(), 1);
    assert_eq!(account::Entity::find().count(reader).await.unwrap(), 1);
    let owner = world
        .store
        .account_by_handle(&Handle::parse("zoe").unwrap())
        .await
        .unwrap();
    assert_eq!(owner.unwrap().id, *won[0].as_ref().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_display_name_moves_the_revision_and_not_the_version() {
    let world = world().await;
    let before = world.create("zoe").await;
    let etag = before.etag();
    let after = world
        .store
        .rename(before.id, "Zoë", Some(&etag))
        .await
        .unwrap();
    assert_eq!((after.version, after.revision), (1, 2));
    assert_ne!(after.etag(), etag);
    assert_eq!(
        world.store.account(before.id).await.unwrap(),
        Some(after.clone())
    );
    let stale = world.store.rename(before.id, "Zed", Some(&etag)).await;
    assert!(matches!(stale, Err(Error::EtagMismatch)));
    let same = world.store.rename(before.id, "Zoë", None).await.unwrap();
    assert_eq!(same, after);
    let anyhow = world.store.rename(before.id, "Zed", None).await.unwrap();
    assert_eq!((anyhow.display_name.as_str(), anyhow.revision), ("Zed", 3));
    let nobody = world
        .store
        .rename(UserId::random(&world.random), "X", None)
        .await;
    assert!(matches!(nobody, Err(Error::AccountNotFound)));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_changes_with_one_etag_one_is_made() {
    let world = world().await;
    let account = world.create("zoe").await;
    let etag = &account.etag();
    let renames = (0..10).map(|number| {
        let store = world.store.clone();
        async move {
            store
                .rename(account.id, &format!("Zoe {number}"), Some(etag))
                .await
        }
    });
    let results = futures_util::future::join_all(renames).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_hashes_of_tokens_are_stored() {
    let world = world().await;
    let account = world.create("zoe").await;
    let (_, token) = world.open(account.id, NOW).await;
    let next = world.rotate(&token, secs(1)).await.unwrap();
    let rows = refresh_token::Entity::find()
        .all(world.store.db.reader())
        .await
        .unwrap();
    let dump = format!("{rows:?}");
    assert_eq!(rows.len(), 2);
    assert!(dump.contains(&token.hash()) && dump.contains(&next.hash()));
    assert!(!dump.contains(&token.to_text()) && !dump.contains(&next.to_text()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_token_leads_to_its_successor_for_10_s_and_then_ends_the_session() {
    let world = world().await;
    let account = world.create("zoe").await;
    let (_, first) = world.open(account.id, NOW).await;
    let second = world.rotate(&first, secs(1)).await.unwrap();
    assert!(second != first);
    assert!(
        world
            .rotate(&first, secs(1))
            .await
            .is_some_and(|again| again == second)
    );
    assert!(
        world
            .rotate(&first, secs(11))
            .await
            .is_some_and(|again| again == second)
    );
    let sessions = |at| world.store.sessions(account.id, None, 10, at);
    assert_eq!(sessions(secs(11)).await.unwrap().len(), 1);
    assert!(world.rotate(&first, secs(12)).await.is_none());
    assert_eq!(sessions(secs(12)).await.unwrap().len(), 0);
    assert!(world.rotate(&second, secs(13)).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_that_was_used_is_not_given_again() {
    let world = world().await;
    let account = world.create("zoe").await;
    let (_, first) = world.open(account.id, NOW).await;
    let second = world.rotate(&first, secs(1)).await.unwrap();
    let third = world.rotate(&second, secs(2)).await.unwrap();
    assert!(world.rotate(&first, secs(3)).await.is_none());
    // That alone ends nothing: a repeated call can come late.
    assert!(world.rotate(&third, secs(4)).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_refreshes_at_once_leave_one_live_token() {
    let world = world().await;
    let account = world.create("zoe").await;
    let (_, token) = world.open(account.id, NOW).await;
    let refreshes = (0..100).map(|_| world.rotate(&token, secs(1)));
    let successors = futures_util::future::join_all(refreshes).await;
    let first = successors[0].as_ref().unwrap();
    assert!(
        successors
            .iter()
            .flatten()
            .all(|successor| successor == first)
    );
    assert_eq!(successors.iter().flatten().count(), 100);
    assert_eq!(world.live_tokens().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshing_slides_and_idling_ends() {
    let world = world().await;
    let account = world.create("zoe").await;
    let (_, first) = world.open(account.id, NOW).await;
    let late = NOW.plus(LIFE).minus(Duration::from_millis(1));
    let second = world.rotate(&first, late).await.unwrap();
    let (_, idle) = world.open(account.id, NOW).await;
    assert!(world.rotate(&idle, NOW.plus(LIFE)).await.is_none());
    let sessions = world
        .store
        .sessions(account.id, None, 10, late)
        .await
        .unwrap();
    let slid = sessions
        .iter()
        .find(|session| session.refreshed_at == late)
        .unwrap();
    assert_eq!((slid.created_at, slid.expires_at), (NOW, late.plus(LIFE)));
    assert!(world.rotate(&second, NOW.plus(LIFE)).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_not_active_refreshes_nothing() {
    let world = world().await;
    let account = world.create("zoe").await;
    let (_, first) = world.open(account.id, NOW).await;
    let second = world.rotate(&first, secs(1)).await.unwrap();
    set_lifecycle(&world, "DEACTIVATED").await;
    assert!(world.rotate(&first, secs(2)).await.is_none());
    assert!(world.rotate(&second, secs(2)).await.is_none());
    // Refused, not used up.
    set_lifecycle(&world, "ACTIVE").await;
    assert!(world.rotate(&second, secs(3)).await.is_some());
}

async fn set_lifecycle(world: &World, lifecycle: &str) {
    let update =
        account::Entity::update_many().col_expr(account::Column::Lifecycle, Expr::value(lifecycle));
    let update = &update;
    let written: Result<(), Error> = world
        .store
        .db
        .write(|tx| async move {
            update.clone().exec(&*tx).await?;
            Ok(())
        })
        .await;
    written.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_newest_first_and_only_while_they_last() {
    let world = world().await;
    let (me, other) = (world.create("zoe").await, world.create("max").await);
    let mut opened = Vec::new();
    for second in 0..5 {
        opened.push(world.open(me.id, secs(second)).await.0.id);
    }
    let (theirs, _) = world.open(other.id, NOW).await;
    opened.reverse();
    let ids = |sessions: Vec<Session>| sessions.iter().map(|s| s.id).collect::<Vec<_>>();
    let all = ids(world
        .store
        .sessions(me.id, None, 10, secs(9))
        .await
        .unwrap());
    assert_eq!(all, opened);
    let page = ids(world
        .store
        .sessions(me.id, Some(opened[1]), 2, secs(9))
        .await
        .unwrap());
    assert_eq!(page, opened[2..4]);
    world
        .store
        .revoke_session(me.id, opened[0], secs(9))
        .await
        .unwrap();
    world
        .store
        .revoke_session(me.id, opened[0], secs(10))
        .await
        .unwrap();
    let left = ids(world
        .store
        .sessions(me.id, None, 10, secs(10))
        .await
        .unwrap());
    assert_eq!(left, opened[1..]);
    let foreign = world.store.revoke_session(me.id, theirs.id, secs(9)).await;
    assert!(matches!(foreign, Err(Error::SessionNotFound)));
    let after_life = NOW.plus(LIFE).plus(Duration::from_secs(2));
    let left = ids(world
        .store
        .sessions(me.id, None, 10, after_life)
        .await
        .unwrap());
    assert_eq!(left, opened[1..2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_session_refreshes_nothing() {
    let world = world().await;
    let account = world.create("zoe").await;
    let (session, first) = world.open(account.id, NOW).await;
    let second = world.rotate(&first, secs(1)).await.unwrap();
    world
        .store
        .revoke_session(account.id, session.id, secs(2))
        .await
        .unwrap();
    assert!(world.rotate(&second, secs(3)).await.is_none());
    assert!(world.rotate(&first, secs(3)).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_hash_replaces_the_old_one_only() {
    let world = world().await;
    let account = world.create("zoe").await;
    let stored = || async {
        let found = world.store.credentials(&account.handle).await.unwrap();
        found.unwrap().1
    };
    let sign_in = |old: PasswordHash, new: PasswordHash| {
        let session = world.session(account.id, NOW);
        let token = RefreshToken::new(world.random.bytes());
        let store = world.store.clone();
        async move {
            store
                .open_session(&session, &token, Some((&old, &new)))
                .await
                .unwrap()
        }
    };
    sign_in(hash("another"), hash("wrong")).await;
    assert_eq!(stored().await, hash("first"));
    sign_in(hash("first"), hash("second")).await;
    assert_eq!(stored().await, hash("second"));
    // The account itself is unchanged.
    assert_eq!(
        world.store.account(account.id).await.unwrap(),
        Some(account.clone())
    );
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
async fn lists_and_look_ups_use_an_index() {
    let world = world().await;
    for (sql, index) in [
        (
            "SELECT 1 FROM account WHERE user_id = x'00'",
            "sqlite_autoindex_account",
        ),
        (
            "SELECT 1 FROM handle WHERE handle = 'a'",
            "sqlite_autoindex_handle",
        ),
        (
            "SELECT 1 FROM session WHERE user_id = x'00' AND session_id < x'01' \
             ORDER BY session_id DESC",
            "sqlite_autoindex_session",
        ),
        (
            "SELECT user_id, session_id FROM session WHERE expires_at_ms < 1",
            "session_by_expiry",
        ),
        (
            "SELECT token_hash FROM refresh_token WHERE expires_at_ms < 1",
            "refresh_token_by_expiry",
        ),
    ] {
        let reader = world.store.db.reader();
        let plan = sea_orm::Statement::from_sql_and_values(
            world.store.db.backend(),
            format!("EXPLAIN QUERY PLAN {sql}"),
            [],
        );
        let rows = reader.query_all_raw(plan).await.unwrap();
        let plan: Vec<String> = rows
            .iter()
            .map(|row| row.try_get("", "detail").unwrap())
            .collect();
        let plan = plan.join("; ");
        assert!(
            plan.contains(index) && !plan.contains("TEMP B-TREE"),
            "{sql}: {plan}"
        );
    }
}
