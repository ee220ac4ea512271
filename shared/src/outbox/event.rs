//! What a service tells of: plain ids on this side, the contract's message on the other.
//!
//! A store makes events without knowing the contract; nothing but ids and numbers goes in.

use postern_proto::event::v1::{
    self as wire, AccountStandingChanged, MessageCreated, MessageDeleted, RelationshipChanged,
    RequestAccepted, RequestCreated, SettingsChanged,
};
use tracing::Span;
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    id::{ConversationId, UserId},
    telemetry,
};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub body: Body,
    /// Rises with each change of the aggregate.
    pub version: u64,
    /// Who did it; nobody where no person did, or where events must not tell who.
    pub actor: Option<UserId>,
    /// When.
    pub at: Timestamp,
    /// The trace of the call that did it, where one is kept.
    pub traceparent: Option<String>,
}

/// What can happen. The same as the contract has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// A message was stored.
    MessageCreated {
        /// Its conversation.
        conversation: ConversationId,
        /// Its place in it.
        seq: i64,
        /// Who wrote it.
        sender: UserId,
        /// To whom.
        recipient: UserId,
    },
    /// The author of a message deleted it for everyone.
    MessageDeleted {
        /// Its conversation.
        conversation: ConversationId,
        /// Its place in it.
        seq: i64,
        /// Who wrote it.
        sender: UserId,
        /// To whom.
        recipient: UserId,
    },
    /// A stranger's message opened a request.
    RequestCreated {
        /// The conversation of the two.
        conversation: ConversationId,
        /// Who asks.
        sender: UserId,
        /// Who is asked.
        recipient: UserId,
    },
    /// A request was accepted.
    RequestAccepted {
        /// The conversation of the two.
        conversation: ConversationId,
        /// Who had asked.
        sender: UserId,
        /// Who accepted.
        recipient: UserId,
    },
    /// A person changed what lies between them and another. Not what: it may be a block.
    RelationshipChanged {
        /// Who changed it.
        user: UserId,
        /// The other.
        peer: UserId,
    },
    /// A person changed their settings.
    SettingsChanged {
        /// Whose.
        user: UserId,
    },
    /// What others may count on about an account changed.
    AccountStandingChanged {
        /// Whose.
        user: UserId,
    },
}

impl Event {
    /// An event of the call that is being answered: its trace is that of the present span.
    #[must_use]
    pub fn new(body: Body, version: u64, actor: impl Into<Option<UserId>>, at: Timestamp) -> Self {
        let traceparent = telemetry::traceparent(&Span::current());
        Self {
            body,
            version,
            actor: actor.into(),
            at,
            traceparent,
        }
    }

    /// The event as the contract has it.
    pub(crate) fn encode(&self, id: Uuid) -> wire::Event {
        wire::Event {
            event_id: id.hyphenated().to_string(),
            occur_time: Some(self.at.to_proto()),
            name: self.body.name().to_owned(),
            aggregate_id: self.body.aggregate().hyphenated().to_string(),
            version: self.version,
            actor_id: self
                .actor
                .map_or_else(String::new, |actor| actor.to_string()),
            traceparent: self.traceparent.clone().unwrap_or_default(),
            body: Some(self.body.encode()),
        }
    }
}

impl Body {
    /// The event's name in the contract: `aggregate.what`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::MessageCreated { .. } => "message.created",
            Self::MessageDeleted { .. } => "message.deleted",
            Self::RequestCreated { .. } => "request.created",
            Self::RequestAccepted { .. } => "request.accepted",
            Self::RelationshipChanged { .. } => "relationship.changed",
            Self::SettingsChanged { .. } => "settings.changed",
            Self::AccountStandingChanged { .. } => "account.standing_changed",
        }
    }

    /// The home key: whose history this belongs to.
    #[must_use]
    pub const fn aggregate(&self) -> Uuid {
        match self {
            Self::MessageCreated { conversation, .. }
            | Self::MessageDeleted { conversation, .. }
            | Self::RequestCreated { conversation, .. }
            | Self::RequestAccepted { conversation, .. } => conversation.uuid(),
            Self::RelationshipChanged { user, .. }
            | Self::SettingsChanged { user }
            | Self::AccountStandingChanged { user } => user.uuid(),
        }
    }

    fn encode(&self) -> wire::event::Body {
        use wire::event::Body as To;
        match self {
            Self::MessageCreated {
                conversation,
                seq,
                sender,
                recipient,
            } => To::MessageCreated(MessageCreated {
                conversation_id: conversation.to_string(),
                seq: *seq,
                sender_id: sender.to_string(),
                recipient_id: recipient.to_string(),
            }),
            Self::MessageDeleted {
                conversation,
                seq,
                sender,
                recipient,
            } => To::MessageDeleted(MessageDeleted {
                conversation_id: conversation.to_string(),
                seq: *seq,
                sender_id: sender.to_string(),
                recipient_id: recipient.to_string(),
            }),
            Self::RequestCreated {
                conversation,
                sender,
                recipient,
            } => To::RequestCreated(RequestCreated {
                conversation_id: conversation.to_string(),
                sender_id: sender.to_string(),
                recipient_id: recipient.to_string(),
            }),
            Self::RequestAccepted {
                conversation,
                sender,
                recipient,
            } => To::RequestAccepted(RequestAccepted {
                conversation_id: conversation.to_string(),
                sender_id: sender.to_string(),
                recipient_id: recipient.to_string(),
            }),
            Self::RelationshipChanged { user, peer } => {
                To::RelationshipChanged(RelationshipChanged {
                    user_id: user.to_string(),
                    peer_id: peer.to_string(),
                })
            }
            Self::SettingsChanged { user } => To::SettingsChanged(SettingsChanged {
                user_id: user.to_string(),
            }),
            Self::AccountStandingChanged { user } => {
                To::AccountStandingChanged(AccountStandingChanged {
                    user_id: user.to_string(),
                })
            }
        }
    }
}
