//! Reading: every answer comes out of one statement, so that it is of one moment.

use std::collections::HashMap;

use postern_shared::{
    clock::Timestamp,
    id::{EdgeId, UserId},
};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Statement, Value};
use uuid::Uuid;

use crate::domain::{Counts, Edge, Entry, List, Pair, Relationship, Side};

/// What the columns of a relationship are; `VALUES` calls its column `column1` on every engine.
const RELATIONSHIP: &str = "SELECT k.column1 AS peer_id,
        m.follow_id AS my_follow_id, m.followed_at_ms AS my_followed_at_ms,
        m.block_id AS my_block_id, m.blocked_at_ms AS my_blocked_at_ms, m.epoch AS my_epoch,
        t.follow_id AS their_follow_id, t.followed_at_ms AS their_followed_at_ms,
        t.block_id AS their_block_id, t.blocked_at_ms AS their_blocked_at_ms,
        t.epoch AS their_epoch,
        v.version AS my_version, w.version AS their_version";
const RELATIONSHIP_JOINS: &str = "LEFT JOIN relation AS m
            ON m.owner_id = $1 AND m.peer_id = k.column1
        LEFT JOIN relation AS t ON t.owner_id = k.column1 AND t.peer_id = $1
        LEFT JOIN policy_version AS v ON v.user_id = $1
        LEFT JOIN policy_version AS w ON w.user_id = k.column1";

#[derive(Debug, FromQueryResult)]
struct RelationshipRow {
    peer_id: Uuid,
    my_follow_id: Option<Uuid>,
    my_followed_at_ms: Option<i64>,
    my_block_id: Option<Uuid>,
    my_blocked_at_ms: Option<i64>,
    my_epoch: Option<i64>,
    their_follow_id: Option<Uuid>,
    their_followed_at_ms: Option<i64>,
    their_block_id: Option<Uuid>,
    their_blocked_at_ms: Option<i64>,
    their_epoch: Option<i64>,
    my_version: Option<i64>,
    their_version: Option<i64>,
}

/// What lies between one person and each of `peers`, in their order.
///
/// # Errors
/// The database's.
pub async fn relationships(
    db: &impl ConnectionTrait,
    me: UserId,
    peers: &[UserId],
) -> Result<Vec<Relationship>, DbErr> {
    let Some(last) = peers.last() else {
        return Ok(Vec::new());
    };
    // Filled up to a power of two, so that few texts of the statement exist and stay prepared.
    let filled = peers.len().next_power_of_two();
    let asked = peers.iter().chain(std::iter::repeat(last)).take(filled);
    let values = std::iter::once(&me)
        .chain(asked)
        .map(|person| Value::from(person.uuid()));
    let sql = relationships_sql(filled);
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let rows = RelationshipRow::find_by_statement(statement)
        .all(db)
        .await?;
    let found: HashMap<Uuid, Relationship> = rows
        .into_iter()
        .map(|row| (row.peer_id, row.read()))
        .collect();
    Ok(peers
        .iter()
        .map(|peer| found.get(&peer.uuid()).copied().unwrap_or_default())
        .collect())
}

/// The statement about so many peers.
pub(super) fn relationships_sql(peers: usize) -> String {
    let places: Vec<_> = (2..peers + 2).map(|place| format!("(${place})")).collect();
    let places = places.join(", ");
    format!("{RELATIONSHIP} FROM (VALUES {places}) AS k {RELATIONSHIP_JOINS}")
}

impl RelationshipRow {
    fn read(self) -> Relationship {
        let mine = Side {
            follow: edge(self.my_follow_id, self.my_followed_at_ms),
            block: edge(self.my_block_id, self.my_blocked_at_ms),
            epoch: counter(self.my_epoch),
        };
        let theirs = Side {
            follow: edge(self.their_follow_id, self.their_followed_at_ms),
            block: edge(self.their_block_id, self.their_blocked_at_ms),
            epoch: counter(self.their_epoch),
        };
        Relationship {
            pair: Pair { mine, theirs },
            my_version: counter(self.my_version),
            their_version: counter(self.their_version),
        }
    }
}

/// An edge out of its two columns, which the schema keeps both set or both empty.
pub fn edge(id: Option<Uuid>, at_ms: Option<i64>) -> Option<Edge> {
    let (id, at_ms) = id.zip(at_ms)?;
    Some(Edge {
        id: EdgeId::from_uuid(id),
        at: Timestamp::from_unix_millis(at_ms),
    })
}

/// A counter that starts at 0 when it has no row; it is never stored below.
const fn counter(stored: Option<i64>) -> u64 {
    match stored {
        Some(stored) => stored.cast_unsigned(),
        None => 0,
    }
}

// Each list is a range of an index, read backwards from the cursor ($2). Who is gone is passed over
// here and not afterwards, so that pages stay full: one look at a primary key for each row. Only
// the people whom somebody blocks are theirs to see whatever became of them.
const FOLLOWERS: &str = "SELECT follower_id AS person_id, follow_id AS edge_id,
        followed_at_ms AS at_ms
    FROM follower AS e WHERE followee_id = $1 AND follow_id < $2
        AND NOT EXISTS (SELECT 1 FROM gone AS g WHERE g.user_id = e.follower_id AND g.gone)
    ORDER BY follow_id DESC LIMIT $3";
const FOLLOWING: &str = "SELECT peer_id AS person_id, follow_id AS edge_id,
        followed_at_ms AS at_ms
    FROM relation AS e WHERE owner_id = $1 AND follow_id < $2
        AND NOT EXISTS (SELECT 1 FROM gone AS g WHERE g.user_id = e.peer_id AND g.gone)
    ORDER BY follow_id DESC LIMIT $3";
const FRIENDS: &str = "SELECT peer_id AS person_id, follow_id AS edge_id,
        followed_at_ms AS at_ms
    FROM friend AS e WHERE owner_id = $1 AND follow_id < $2
        AND NOT EXISTS (SELECT 1 FROM gone AS g WHERE g.user_id = e.peer_id AND g.gone)
    ORDER BY follow_id DESC LIMIT $3";
const BLOCKED: &str = "SELECT peer_id AS person_id, block_id AS edge_id,
        blocked_at_ms AS at_ms
    FROM relation WHERE owner_id = $1 AND block_id < $2
    ORDER BY block_id DESC LIMIT $3";

/// The statement of a page: of an owner, below a cursor, so many.
pub(super) const fn list_sql(list: List) -> &'static str {
    match list {
        List::Followers => FOLLOWERS,
        List::Following => FOLLOWING,
        List::Friends => FRIENDS,
        List::Blocked => BLOCKED,
    }
}

#[derive(Debug, FromQueryResult)]
struct EntryRow {
    person_id: Uuid,
    edge_id: Uuid,
    at_ms: i64,
}

/// At most `count` entries of a list, newest first, from the one after `after` on.
///
/// # Errors
/// The database's.
pub async fn list(
    db: &impl ConnectionTrait,
    owner: UserId,
    list: List,
    after: Option<EdgeId>,
    count: u32,
) -> Result<Vec<Entry>, DbErr> {
    let sql = list_sql(list);
    // No edge has the largest id that there is: it names version 15, and edges are version 7.
    let after = after.map_or(Uuid::max(), EdgeId::uuid);
    let values: [Value; 3] = [owner.uuid().into(), after.into(), i64::from(count).into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let rows = EntryRow::find_by_statement(statement).all(db).await?;
    Ok(rows
        .into_iter()
        .map(|row| Entry {
            person: UserId::from_uuid(row.person_id),
            edge: Edge {
                id: EdgeId::from_uuid(row.edge_id),
                at: Timestamp::from_unix_millis(row.at_ms),
            },
        })
        .collect())
}

// The same people as in the lists. `follow_id >= $2`, the smallest id, leaves out the empty ones by
// a range of the index.
pub(super) const COUNTS: &str = "SELECT
    (SELECT count(*) FROM follower AS e WHERE followee_id = $1
        AND NOT EXISTS (SELECT 1 FROM gone AS g WHERE g.user_id = e.follower_id AND g.gone)
    ) AS followers,
    (SELECT count(*) FROM relation AS e WHERE owner_id = $1 AND follow_id >= $2
        AND NOT EXISTS (SELECT 1 FROM gone AS g WHERE g.user_id = e.peer_id AND g.gone)
    ) AS following,
    (SELECT count(*) FROM friend AS e WHERE owner_id = $1
        AND NOT EXISTS (SELECT 1 FROM gone AS g WHERE g.user_id = e.peer_id AND g.gone)
    ) AS friends";

#[derive(Debug, FromQueryResult)]
struct CountsRow {
    followers: i64,
    following: i64,
    friends: i64,
}

/// How long a person's lists are.
///
/// # Errors
/// The database's.
pub async fn counts(db: &impl ConnectionTrait, owner: UserId) -> Result<Counts, DbErr> {
    let values: [Value; 2] = [owner.uuid().into(), Uuid::nil().into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), COUNTS, values);
    let row = CountsRow::find_by_statement(statement).one(db).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("counts gave no row".to_owned()))?;
    Ok(Counts {
        followers: row.followers.cast_unsigned(),
        following: row.following.cast_unsigned(),
        friends: row.friends.cast_unsigned(),
    })
}
