//! How the engines find what is asked for: by ranges of indexes, however much there is.

use postern_shared::testing::assert_index_ranges;
use sea_orm::Value;
use uuid::Uuid;

use super::*;
use crate::{
    domain::Folder,
    store::{
        consents::known_sql,
        lists::{List, count_sql, list_sql},
        withdraw::OLD_SQL,
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn lists_counts_and_old_requests_are_index_ranges() {
    let world = World::new().await;
    let (ada, ben, pair) = world.two().await;
    world.commit(&[asking(pair, ada, "1")]).await;
    let (user, most, few) = (ben.uuid(), Value::from(i64::MAX), Value::from(51_i64));
    let folders = [Folder::Inbox, Folder::Requests, Folder::Hidden];
    for folder in folders {
        let name = Value::from(folder.as_str());
        let values = [user.into(), most.clone(), few.clone(), name.clone()];
        assert_index_ranges(&world.db, &list_sql(List::Folder(folder)), &values).await;
        let values = [user.into(), name, few.clone()];
        assert_index_ranges(&world.db, &count_sql(), &values).await;
    }
    let values = [user.into(), most.clone(), few.clone()];
    assert_index_ranges(&world.db, &list_sql(List::Blocked), &values).await;
    let values = [user.into(), Uuid::nil().into(), few.clone()];
    assert_index_ranges(&world.db, &known_sql(), &values).await;
    let values = [0_i64.into(), Uuid::nil().into(), 0_i64.into(), most, few];
    assert_index_ranges(&world.db, OLD_SQL, &values).await;
}
