//! The schema, step by step. The first is final: columns whose feature comes later are there and
//! hold their neutral value.

use postern_shared::{db::Migration, outbox};

/// All steps, in order.
pub const MIGRATIONS: &[Migration] = &[
    MESSAGES,
    // The first step made a table of this name that nothing ever wrote to.
    Migration {
        name: "m0002_drop_unused_outbox",
        statements: &["DROP TABLE IF EXISTS outbox"],
    },
    outbox::migration("m0003_outbox"),
    BLOCKED_AND_ASKED,
    BUDGETS,
];

/// How two short lists are found in long ones.
const BLOCKED_AND_ASKED: Migration = Migration {
    name: "m0004_blocked_and_asked",
    statements: &[
        // A person's conversations with those whom they block.
        "CREATE INDEX IF NOT EXISTS participant_blocked
            ON participant (user_id, last_event) WHERE blocked",
        // Messages that began as a request, by age: which requests nobody touched for long.
        "CREATE INDEX IF NOT EXISTS message_asked
            ON message (sent_at_ms, conversation_id, seq)
            WHERE placement IN ('request', 'hidden_request')",
    ],
};

/// What budgets and filters remember beside the columns that the first step made for them.
const BUDGETS: Migration = Migration {
    name: "m0005_budgets",
    statements: &[
        ATTEMPTS_REFUSED,
        ATTEMPTS_REFUSED_AGE,
        OVERRUN,
        OVERRUN_AGE,
        STRANGER_TEXT,
        STRANGER_TEXT_AGE,
    ],
};

const MESSAGES: Migration = Migration {
    name: "m0001_messages",
    statements: &[
        CONVERSATION,
        MESSAGE,
        MESSAGE_CLIENT_ID,
        PARTICIPANT,
        PARTICIPANT_FOLDER,
        MAILBOX,
        USER_EVENT,
        REFUSAL,
        REFUSAL_AGE,
        UNUSED_OUTBOX,
    ],
};

/// One row a pair: what messaging itself knows of the two. `lo_…` is what `lo` did towards `hi`.
const CONVERSATION: &str = "
CREATE TABLE IF NOT EXISTS conversation (
    conversation_id uuid NOT NULL PRIMARY KEY,
    lo uuid NOT NULL,
    hi uuid NOT NULL,
    last_seq bigint NOT NULL DEFAULT 0,
    state_version bigint NOT NULL DEFAULT 0,
    lo_consent text NOT NULL DEFAULT 'none',
    lo_consent_how text,
    lo_consent_epoch bigint NOT NULL DEFAULT 0,
    lo_consent_settings_version bigint NOT NULL DEFAULT 0,
    lo_consent_at_ms bigint NOT NULL DEFAULT 0,
    lo_request text NOT NULL DEFAULT 'none',
    lo_request_sent bigint NOT NULL DEFAULT 0,
    lo_request_until_ms bigint NOT NULL DEFAULT 0,
    lo_budget_ms bigint NOT NULL DEFAULT 0,
    hi_consent text NOT NULL DEFAULT 'none',
    hi_consent_how text,
    hi_consent_epoch bigint NOT NULL DEFAULT 0,
    hi_consent_settings_version bigint NOT NULL DEFAULT 0,
    hi_consent_at_ms bigint NOT NULL DEFAULT 0,
    hi_request text NOT NULL DEFAULT 'none',
    hi_request_sent bigint NOT NULL DEFAULT 0,
    hi_request_until_ms bigint NOT NULL DEFAULT 0,
    hi_budget_ms bigint NOT NULL DEFAULT 0
)";

/// A delivered message is its own decision record: rule and versions stay with it.
const MESSAGE: &str = "
CREATE TABLE IF NOT EXISTS message (
    conversation_id uuid NOT NULL,
    seq bigint NOT NULL,
    sender_id uuid NOT NULL,
    client_message_id text NOT NULL,
    kind text NOT NULL,
    body text,
    sent_at_ms bigint NOT NULL,
    deleted_at_ms bigint,
    placement text NOT NULL,
    told text NOT NULL,
    rule text NOT NULL,
    sender_graph_version bigint NOT NULL,
    sender_settings_version bigint NOT NULL,
    sender_identity_version bigint NOT NULL,
    recipient_graph_version bigint NOT NULL,
    recipient_settings_version bigint NOT NULL,
    recipient_identity_version bigint NOT NULL,
    lo_event bigint NOT NULL,
    hi_event bigint NOT NULL,
    PRIMARY KEY (conversation_id, seq)
)";

const MESSAGE_CLIENT_ID: &str = "
CREATE UNIQUE INDEX IF NOT EXISTS message_client_id
    ON message (conversation_id, sender_id, client_message_id)";

/// A conversation as one of its two people sees it.
const PARTICIPANT: &str = "
CREATE TABLE IF NOT EXISTS participant (
    user_id uuid NOT NULL,
    conversation_id uuid NOT NULL,
    peer_id uuid NOT NULL,
    folder text NOT NULL,
    last_event bigint NOT NULL,
    read_seq bigint NOT NULL DEFAULT 0,
    unread bigint NOT NULL DEFAULT 0,
    blocked boolean NOT NULL DEFAULT false,
    blocked_version bigint NOT NULL DEFAULT 0,
    cleared_seq bigint NOT NULL DEFAULT 0,
    muted_until_ms bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, conversation_id)
)";

const PARTICIPANT_FOLDER: &str = "
CREATE INDEX IF NOT EXISTS participant_folder ON participant (user_id, folder, last_event)";

/// One row a person: fences, event numbers, budgets.
const MAILBOX: &str = "
CREATE TABLE IF NOT EXISTS mailbox (
    user_id uuid NOT NULL PRIMARY KEY,
    fence_graph bigint NOT NULL DEFAULT 0,
    fence_settings bigint NOT NULL DEFAULT 0,
    fence_identity bigint NOT NULL DEFAULT 0,
    gone boolean NOT NULL DEFAULT false,
    gone_version bigint NOT NULL DEFAULT 0,
    event_seq bigint NOT NULL DEFAULT 0,
    attempts_budget_ms bigint NOT NULL DEFAULT 0,
    strangers_budget_ms bigint NOT NULL DEFAULT 0,
    inbound_budget_ms bigint NOT NULL DEFAULT 0
)";

/// What happened to a person and is not a message.
const USER_EVENT: &str = "
CREATE TABLE IF NOT EXISTS user_event (
    user_id uuid NOT NULL,
    event bigint NOT NULL,
    kind text NOT NULL,
    conversation_id uuid,
    seq bigint NOT NULL DEFAULT 0,
    at_ms bigint NOT NULL,
    PRIMARY KEY (user_id, event)
)";

/// Records of refusals, without any text.
const REFUSAL: &str = "
CREATE TABLE IF NOT EXISTS refusal (
    sender_id uuid NOT NULL,
    refusal_id uuid NOT NULL,
    recipient_id uuid,
    rule text NOT NULL,
    reason text NOT NULL,
    facts text NOT NULL,
    sender_graph_version bigint,
    sender_settings_version bigint,
    sender_identity_version bigint,
    recipient_graph_version bigint,
    recipient_settings_version bigint,
    recipient_identity_version bigint,
    decided_at_ms bigint NOT NULL,
    PRIMARY KEY (sender_id, refusal_id)
)";

/// Only for removing what is old.
const REFUSAL_AGE: &str = "
CREATE INDEX IF NOT EXISTS refusal_age ON refusal (decided_at_ms)";

/// Replaced by the outbox that all services share before anything was written to it.
const UNUSED_OUTBOX: &str = "
CREATE TABLE IF NOT EXISTS outbox (
    shard bigint NOT NULL,
    outbox_id uuid NOT NULL,
    payload text NOT NULL,
    created_at_ms bigint NOT NULL,
    published_at_ms bigint,
    PRIMARY KEY (shard, outbox_id)
)";

/// Refusals for an empty attempt budget are counted, not recorded. `minute` is in Unix minutes.
const ATTEMPTS_REFUSED: &str = "
CREATE TABLE IF NOT EXISTS attempts_refused (
    sender_id uuid NOT NULL,
    minute bigint NOT NULL,
    refused bigint NOT NULL,
    PRIMARY KEY (sender_id, minute)
)";

/// Only for removing what is old.
const ATTEMPTS_REFUSED_AGE: &str = "
CREATE INDEX IF NOT EXISTS attempts_refused_age ON attempts_refused (minute)";

/// Strangers to whom somebody tried to write with no budget left for new ones.
const OVERRUN: &str = "
CREATE TABLE IF NOT EXISTS overrun (
    sender_id uuid NOT NULL,
    recipient_id uuid NOT NULL,
    at_ms bigint NOT NULL,
    PRIMARY KEY (sender_id, recipient_id)
)";

/// Only for removing what is old.
const OVERRUN_AGE: &str = "
CREATE INDEX IF NOT EXISTS overrun_age ON overrun (at_ms)";

/// Who got the same text from the same stranger: a keyed hash, never the text.
const STRANGER_TEXT: &str = "
CREATE TABLE IF NOT EXISTS stranger_text (
    sender_id uuid NOT NULL,
    text_hash uuid NOT NULL,
    recipient_id uuid NOT NULL,
    at_ms bigint NOT NULL,
    PRIMARY KEY (sender_id, text_hash, recipient_id)
)";

/// Only for removing what is old.
const STRANGER_TEXT_AGE: &str = "
CREATE INDEX IF NOT EXISTS stranger_text_age ON stranger_text (at_ms)";
