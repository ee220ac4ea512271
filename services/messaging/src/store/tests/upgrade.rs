//! A database of the first release is brought up to date with all that is in it.

use postern_shared::db::Migration;
use sea_orm::{ConnectionTrait as _, Statement};

use super::*;

const FIRST: &[Migration] = &[MIGRATIONS[0]];

#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_of_the_first_release_makes_room_for_the_shared_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("messaging.db");
    let open = |steps| Db::open_sqlite(&file, steps, Random::system());
    let first = open(FIRST).await.unwrap();
    let (ada, ben) = (person(), person());
    let store = Store::new(first.clone());
    store.create_pair(ada, ben).await.unwrap();
    let pair = store.pair(ada, ben).await.unwrap().conversation;
    drop(store);
    first.close().await;
    for _ in 0..2 {
        let db = open(MIGRATIONS).await.unwrap();
        let store = Store::new(db.clone());
        assert_eq!(store.pair(ada, ben).await.unwrap().conversation.id, pair.id);
        db.close().await;
    }
    let db = open(MIGRATIONS).await.unwrap();
    let store = Store::new(db.clone());
    let stored = store.commit(&[friendly(pair, ada, "1")]).await.unwrap();
    assert_eq!(stored, [Outcome::Stored { seq: 1 }]);
    let sql = "SELECT shard FROM outbox WHERE status = 'waiting'";
    let sql = Statement::from_sql_and_values(db.backend(), sql, []);
    assert_eq!(db.reader().query_all_raw(sql).await.unwrap().len(), 1);
}
