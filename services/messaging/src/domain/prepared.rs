//! A message on its way into the database, and what it is once there.

use postern_policy::{Placement, Rule, Told};
use postern_shared::{
    clock::Timestamp,
    id::{ConversationId, DecisionId, UserId},
};

use super::{Bill, ClientMessageId, Content, Conversation, Folder, Mark};

/// The versions of one person's policy that a decision was made with, one for each owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Versions {
    /// Of graph.
    pub graph: u64,
    /// Of settings.
    pub settings: u64,
    /// Of identity.
    pub identity: u64,
}

/// A message that was decided to be stored. The commit stores it iff the facts still stand.
#[derive(Debug, Clone)]
pub struct PreparedSend {
    /// The pair as it was decided upon: its `state_version` must still be that.
    pub before: Conversation,
    /// The pair once the message is stored.
    pub after: Conversation,
    /// Where the conversation then stands for the recipient.
    pub folder: Folder,
    /// Who writes.
    pub sender: UserId,
    /// To whom.
    pub recipient: UserId,
    /// The sender's policy versions: no fence of theirs may be above them.
    pub sender_versions: Versions,
    /// The recipient's policy versions, likewise.
    pub recipient_versions: Versions,
    /// The client's id of the message.
    pub client_message_id: ClientMessageId,
    /// What it says.
    pub content: Content,
    /// When it was decided.
    pub sent_at: Timestamp,
    /// Where it goes.
    pub placement: Placement,
    /// Where the sender is told that it went.
    pub told: Told,
    /// The row of the policy that decided.
    pub rule: Rule,
    /// What it costs: all of it has to be payable still.
    pub bill: Bill,
    /// By what a stranger's text is recognised when it goes to others too.
    pub marked: Option<Marked>,
    /// The trace of the call that sends it, where one is kept.
    pub traceparent: Option<String>,
}

impl PreparedSend {
    /// The message once it is stored under a number.
    #[must_use]
    pub fn stored(&self, seq: i64) -> Message {
        Message {
            conversation: self.before.id,
            seq,
            sender: self.sender,
            client_message_id: self.client_message_id.as_str().to_owned(),
            content: self.content.clone(),
            sent_at: self.sent_at,
            deleted_at: None,
            warned: Placement::WARNED.contains(&self.placement),
            told: self.told,
        }
    }
}

/// A stranger's text, as far as it is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marked {
    /// Tells it from other texts.
    pub mark: Mark,
    /// The stranger at which the same text is flagged: the fifth, unless set otherwise.
    pub most: u32,
    /// Whether the decision was made with it flagged, for this or for something else.
    pub flagged: bool,
}

impl Marked {
    /// Whether it is flagged when so many others got it.
    #[must_use]
    pub fn is_spam(&self, others: u64) -> bool {
        others.saturating_add(1) >= u64::from(self.most)
    }
}

/// What became of a prepared message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored under this number.
    Stored {
        /// Its place in the conversation.
        seq: i64,
    },
    /// A message with this id was stored before; nothing was changed.
    Duplicate,
    /// A fence, the pair or a budget moved, or a row is missing; nothing was changed. Decide again.
    Moved,
}

/// A stored message.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its place in it.
    pub seq: i64,
    /// Who wrote it.
    pub sender: UserId,
    /// The id that they gave it.
    pub client_message_id: String,
    /// What it says; of a deleted one the kind alone is left.
    pub content: Content,
    /// When it was stored.
    pub sent_at: Timestamp,
    /// When its author deleted it for everyone.
    pub deleted_at: Option<Timestamp>,
    /// Whether its recipient is warned of what it says.
    pub warned: bool,
    /// Where the sender was told that it went.
    pub told: Told,
}

impl Message {
    /// Whether a repetition with this content is the same message. Of a deleted one nothing but
    /// the kind can be compared: a hash of what was said would say it to whoever guesses.
    #[must_use]
    pub fn is_repeated_by(&self, content: &Content) -> bool {
        match self.deleted_at {
            Some(_) => self.content.kind() == content.kind(),
            None => self.content == *content,
        }
    }
}

/// A conversation as it stands in one person's list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its id.
    pub conversation: ConversationId,
    /// The other person.
    pub peer: UserId,
    /// The number of its last event in this person's mailbox: orders the list.
    pub last_event: i64,
    /// Its newest message.
    pub last_message: Message,
    /// Messages of the other's pending request, 0 where there is none.
    pub waiting: u32,
    /// Whether the other is gone, as far as this person may know.
    pub peer_gone: bool,
}

/// The record of a refusal. Nothing of the message is in it.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Its id.
    pub id: DecisionId,
    /// Who was refused.
    pub sender: UserId,
    /// By whom; none when nobody goes by the handle.
    pub recipient: Option<UserId>,
    /// The row of the policy that decided.
    pub rule: Rule,
    /// What the sender was told.
    pub reason: &'static str,
    /// The facts it was decided by, without any text.
    pub facts: String,
    /// The versions of sender and recipient, where they were known.
    pub versions: Option<(Versions, Versions)>,
    /// When.
    pub decided_at: Timestamp,
}
