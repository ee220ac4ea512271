//! The schema, step by step. A step that was released is never changed.

use postern_shared::{db::Migration, outbox};

/// Every step in order.
pub const MIGRATIONS: &[Migration] = &[ACCOUNTS, outbox::migration("m0002_outbox")];

const ACCOUNTS: Migration = Migration {
    name: "m0001_accounts_and_sessions",
    statements: &[
        "CREATE TABLE IF NOT EXISTS account (
            user_id uuid NOT NULL PRIMARY KEY,
            handle text NOT NULL,
            display_name text NOT NULL,
            kind text NOT NULL,
            birth_date text NOT NULL,
            created_at_ms bigint NOT NULL,
            band_at_creation text NOT NULL,
            lifecycle text NOT NULL,
            password_hash text NOT NULL,
            version bigint NOT NULL,
            revision bigint NOT NULL
        )",
        // Handles are unique everywhere: one row is one reservation.
        "CREATE TABLE IF NOT EXISTS handle (
            handle text NOT NULL PRIMARY KEY,
            user_id uuid NOT NULL,
            created_at_ms bigint NOT NULL
        )",
        // Ending a session sets `revoked_at_ms` and brings `expires_at_ms` forward.
        "CREATE TABLE IF NOT EXISTS session (
            user_id uuid NOT NULL,
            session_id uuid NOT NULL,
            device_name text NOT NULL,
            created_at_ms bigint NOT NULL,
            refreshed_at_ms bigint NOT NULL,
            expires_at_ms bigint NOT NULL,
            revoked_at_ms bigint,
            PRIMARY KEY (user_id, session_id)
        )",
        "CREATE INDEX IF NOT EXISTS session_by_expiry ON session (expires_at_ms)",
        // Found by hash alone: who sends a token says nothing else.
        "CREATE TABLE IF NOT EXISTS refresh_token (
            token_hash text NOT NULL PRIMARY KEY,
            user_id uuid NOT NULL,
            session_id uuid NOT NULL,
            expires_at_ms bigint NOT NULL,
            used_at_ms bigint,
            successor_salt uuid
        )",
        "CREATE INDEX IF NOT EXISTS refresh_token_by_expiry ON refresh_token (expires_at_ms)",
    ],
};
