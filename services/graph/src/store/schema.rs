//! The schema, step by step. The home key comes first in every key; a released step never changes.

use postern_shared::{db::Migration, outbox};

/// Every step so far.
pub const MIGRATIONS: &[Migration] = &[GRAPH, outbox::migration("m0002_outbox")];

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
