//! How the engines find what is asked for: by ranges of indexes, however many edges there are.

use postern_shared::testing::{assert_index_ranges, assert_index_ranges_at_scale};
use sea_orm::{ConnectionTrait as _, Statement, Value};
use uuid::Uuid;

use super::*;

/// Every statement that a page or a decision waits for, with values for it.
fn statements(one: Uuid, other: Uuid) -> Vec<(String, Vec<Value>)> {
    let lists = [
        List::Followers,
        List::Following,
        List::Friends,
        List::Blocked,
    ];
    let page = |list| {
        let values = vec![one.into(), Uuid::max().into(), 51_i64.into()];
        (read::list_sql(list).to_owned(), values)
    };
    let mut all: Vec<_> = lists.into_iter().map(page).collect();
    all.push((read::relationships_sql(1), vec![one.into(), other.into()]));
    let several = vec![
        one.into(),
        other.into(),
        one.into(),
        other.into(),
        one.into(),
    ];
    all.push((read::relationships_sql(4), several));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_relationships_are_index_ranges() {
    let world = World::new().await;
    let (a, b) = (world.person(), world.person());
    world.does(a, b, Act::Follow).await;
    let counts = (
        read::COUNTS.to_owned(),
        vec![a.uuid().into(), Uuid::nil().into()],
    );
    for (sql, values) in statements(a.uuid(), b.uuid()).into_iter().chain([counts]) {
        assert_index_ranges(&world.store.db, &sql, &values).await;
    }
}

/// 20,000 people who follow about ten others each, half of whom follow back, and one person whom
/// everybody follows and who follows everybody; in a long run 1,000,000 people. One in ten is gone.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: tests/run starts one"]
async fn so_they_are_over_many_edges() {
    testing::require_postgres();
    let world = World::new().await;
    let people = if testing::is_long() {
        1_000_000
    } else {
        20_000
    };
    let person = "(md5('person ' || N)::uuid)";
    let of = |n: &str| person.replace('N', n);
    let edges = format!(
        "SELECT {} AS owner_id, {} AS peer_id, n + k AS at FROM generate_series(1, {people}) AS n
            CROSS JOIN LATERAL unnest(ARRAY[1, -1, 2, -2, 3, 4, 5, 6, 7]) AS k
            WHERE n + k BETWEEN 1 AND {people}
        UNION ALL SELECT {star}, {}, n FROM generate_series(1, {people}) AS n
        UNION ALL SELECT {}, {star}, n FROM generate_series(1, {people}) AS n",
        of("n"),
        of("(n + k)"),
        of("n"),
        of("n"),
        star = of("0"),
    );
    let id = "(lpad(to_hex(at), 12, '0') || '70008'
        || substr(md5(owner_id::text || peer_id), 1, 15))::uuid";
    let both = "follower f ON f.followee_id = r.owner_id AND f.follower_id = r.peer_id";
    for sql in [
        format!(
            "INSERT INTO relation SELECT owner_id, peer_id, {id}, at, NULL, NULL, 0
                FROM ({edges}) AS e"
        ),
        "INSERT INTO follower SELECT peer_id, owner_id, follow_id, followed_at_ms FROM relation"
            .to_owned(),
        format!(
            "INSERT INTO friend SELECT r.owner_id, r.peer_id, r.follow_id, r.followed_at_ms
                FROM relation r JOIN {both}"
        ),
        "INSERT INTO policy_version SELECT DISTINCT owner_id, 1 FROM relation".to_owned(),
        format!(
            "INSERT INTO gone SELECT {}, n % 10 = 0, 1 FROM generate_series(1, {people}) AS n
                WHERE n % 5 = 0",
            of("n"),
        ),
        "ANALYZE".to_owned(),
    ] {
        world.fill(&sql).await;
    }
    let (star, someone) = (world.id_of(&of("0")).await, world.id_of(&of("77")).await);
    for (one, other) in [(star, someone), (someone, star)] {
        for (sql, values) in statements(one, other) {
            assert_index_ranges_at_scale(&world.store.db, &sql, &values).await;
        }
    }
    let friends = world
        .people(UserId::from_uuid(someone), List::Friends)
        .await;
    assert_eq!(friends.len(), 5);
}

impl World {
    /// Runs a statement that may take its time.
    async fn fill(&self, sql: &str) {
        let filled: Result<(), DbErr> = self
            .store
            .db
            .write(|tx| async move {
                tx.execute_unprepared("SET LOCAL statement_timeout = 0")
                    .await?;
                tx.execute_unprepared(sql).await?;
                Ok(())
            })
            .await;
        filled.unwrap();
    }

    /// What the engine makes of an expression that is an id.
    async fn id_of(&self, expression: &str) -> Uuid {
        let db = &self.store.db;
        let sql = format!("SELECT {expression} AS id");
        let statement = Statement::from_sql_and_values(db.backend(), sql, []);
        let row = db.reader().query_one_raw(statement).await.unwrap().unwrap();
        row.try_get("", "id").unwrap()
    }
}
