//! The schema, step by step. The home key comes first in every key; a released step never changes.

use postern_shared::{db::Migration, fence, outbox};

/// Every step so far.
pub const MIGRATIONS: &[Migration] = &[
    GRAPH,
    outbox::migration("m0002_outbox"),
    FRIENDS,
    fence::migration("m0004_fence"),
    GONE,
];

const GRAPH: Migration = Migration {
    name: "m0001_graph",
    statements: &[
        // What `owner_id` has set towards `peer_id`. Rows are kept for ever, for the epoch.
        "CREATE TABLE IF NOT EXISTS relation (
            owner_id uuid NOT NULL,
            peer_id uuid NOT NULL,
            follow_id uuid,
            followed_at_ms bigint,
            block_id uuid,
            blocked_at_ms bigint,
            epoch bigint NOT NULL,
            PRIMARY KEY (owner_id, peer_id),
            CHECK ((follow_id IS NULL) = (followed_at_ms IS NULL)),
            CHECK ((block_id IS NULL) = (blocked_at_ms IS NULL)),
            CHECK (follow_id IS NULL OR block_id IS NULL)
        )",
        "CREATE INDEX IF NOT EXISTS relation_follow ON relation (owner_id, follow_id)",
        "CREATE INDEX IF NOT EXISTS relation_block ON relation (owner_id, block_id)",
        // The same follow under whom it follows, so that a list of followers has one home.
        "CREATE TABLE IF NOT EXISTS follower (
            followee_id uuid NOT NULL,
            follower_id uuid NOT NULL,
            follow_id uuid NOT NULL,
            followed_at_ms bigint NOT NULL,
            PRIMARY KEY (followee_id, follower_id)
        )",
        "CREATE INDEX IF NOT EXISTS follower_follow ON follower (followee_id, follow_id)",
        // Rows are never deleted: a version that fell would let a stale decision pass.
        "CREATE TABLE IF NOT EXISTS policy_version (
            user_id uuid NOT NULL PRIMARY KEY,
            version bigint NOT NULL
        )",
    ],
};

/// Who follow each other, under each of the two: a page of friends found by joining both directions
/// would cost as much as the longer list. Whatever changes a follow has to know this table: the
/// version before does not, but it served alone, from a SQLite file.
const FRIENDS: Migration = Migration {
    name: "m0003_friends",
    statements: &[
        // The follow is the owner's own.
        "CREATE TABLE IF NOT EXISTS friend (
            owner_id uuid NOT NULL,
            peer_id uuid NOT NULL,
            follow_id uuid NOT NULL,
            followed_at_ms bigint NOT NULL,
            PRIMARY KEY (owner_id, peer_id)
        )",
        "CREATE INDEX IF NOT EXISTS friend_follow ON friend (owner_id, follow_id)",
        "INSERT INTO friend (owner_id, peer_id, follow_id, followed_at_ms)
            SELECT m.owner_id, m.peer_id, m.follow_id, m.followed_at_ms
            FROM relation AS m
            JOIN follower AS f ON f.followee_id = m.owner_id AND f.follower_id = m.peer_id
            WHERE m.follow_id IS NOT NULL
            ON CONFLICT DO NOTHING",
    ],
};

/// Who is gone to others, as identity says it: lists and counts leave them out without asking.
const GONE: Migration = Migration {
    name: "m0005_gone",
    statements: &[
        // Rows are kept: the version tells what is older from what is newer.
        "CREATE TABLE IF NOT EXISTS gone (
            user_id uuid NOT NULL PRIMARY KEY,
            gone boolean NOT NULL,
            version bigint NOT NULL
        )",
    ],
};
