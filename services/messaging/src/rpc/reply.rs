//! From what `domain` knows to the contract, and the parts of requests that several RPCs share.

use postern_policy::Told;
use postern_proto::messaging::v1 as wire;
use postern_shared::{
    clock::Timestamp,
    error::{Check, Invalid},
    id::{ConversationId, UserId},
};

use crate::domain::{Content, Kind, Listed, Message};

/// A message as `reader` sees it.
pub fn message(message: &Message, reader: UserId) -> wire::Message {
    let own = message.sender == reader;
    wire::Message {
        conversation_id: message.conversation.to_string(),
        seq: message.seq,
        sender_id: message.sender.to_string(),
        send_time: Some(message.sent_at.to_proto()),
        content: message.deleted_at.is_none().then(|| wire::Content {
            content: Some(content(&message.content)),
        }),
        delete_time: message.deleted_at.map(Timestamp::to_proto),
        content_warning: !own && message.warned && message.deleted_at.is_none(),
        client_message_id: if own {
            message.client_message_id.clone()
        } else {
            String::new()
        },
    }
}

/// A conversation as `reader` sees it.
pub fn conversation(listed: &Listed, reader: UserId) -> wire::Conversation {
    wire::Conversation {
        conversation_id: listed.conversation.to_string(),
        peer_id: listed.peer.to_string(),
        last_message: Some(message(&listed.last_message, reader)),
        peer_state: if listed.peer_gone {
            wire::PeerState::Gone.into()
        } else {
            wire::PeerState::Present.into()
        },
    }
}

/// Where the sender is told that a message went.
pub const fn placement(told: Told) -> wire::Placement {
    match told {
        Told::Inbox => wire::Placement::Inbox,
        Told::Request => wire::Placement::Request,
    }
}

/// The conversation that a request names.
pub fn conversation_id(text: &str) -> Result<ConversationId, Invalid> {
    let mut check = Check::new();
    let id = check.take("conversation_id", text.parse());
    check.done(id)
}

/// The place of an entry in its list.
pub fn cursor(number: i64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// The place that a page token names. The token is authenticated, so it is one of ours.
pub fn place(after: Option<&[u8]>) -> Option<i64> {
    after
        .and_then(|bytes| bytes.try_into().ok())
        .map(i64::from_be_bytes)
}

fn content(content: &Content) -> wire::content::Content {
    let body = content.body().to_owned();
    match content.kind() {
        Kind::Text => wire::content::Content::Text(body),
        Kind::Video => wire::content::Content::SharedVideo(wire::SharedVideo { video_id: body }),
        Kind::Link => wire::content::Content::Link(wire::Link { url: body }),
    }
}
