//! The schema, step by step. A step that was released is never changed.

use postern_shared::{db::Migration, fence, outbox};

/// Every step in order.
pub const MIGRATIONS: &[Migration] = &[
    ACCOUNTS,
    outbox::migration("m0002_outbox"),
    STANDING,
    fence::migration("m0004_fence_task"),
];

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

const STANDING: Migration = Migration {
    name: "m0003_actions_roles_and_audit",
    statements: &[
        // `over_at_ms` is set when an action is lifted, or seen to be at its end.
        "CREATE TABLE IF NOT EXISTS action (
            user_id uuid NOT NULL,
            action_id uuid NOT NULL,
            kind text NOT NULL,
            rule text NOT NULL,
            explanation text NOT NULL,
            start_at_ms bigint NOT NULL,
            end_at_ms bigint,
            lifted_at_ms bigint,
            over_at_ms bigint,
            moderator_id uuid,
            PRIMARY KEY (user_id, action_id)
        )",
        // Those that are at their end and not seen yet are a range of it.
        "CREATE INDEX IF NOT EXISTS action_due ON action (over_at_ms, end_at_ms)",
        "CREATE TABLE IF NOT EXISTS role_grant (
            user_id uuid NOT NULL,
            role text NOT NULL,
            granted_at_ms bigint NOT NULL,
            PRIMARY KEY (user_id, role)
        )",
        // What was done about an account: by whom, or by nobody but the machine.
        "CREATE TABLE IF NOT EXISTS audit (
            user_id uuid NOT NULL,
            audit_id uuid NOT NULL,
            who_id uuid,
            act text NOT NULL,
            detail text NOT NULL,
            at_ms bigint NOT NULL,
            PRIMARY KEY (user_id, audit_id)
        )",
    ],
};
