//! DeleteMessage: the author takes back what they said, from both sides.

use postern_proto::messaging::v1::{DeleteMessageRequest, DeleteMessageResponse, DeleteScope};
use postern_shared::{
    caller::Me,
    error::{Check, Invalid},
    id::ConversationId,
};

use super::{Rpc, reply};
use crate::{
    error::Error,
    store::{Unsend, Unsent},
};

pub(super) async fn delete_message(
    rpc: &Rpc,
    me: Me,
    request: DeleteMessageRequest,
) -> Result<DeleteMessageResponse, Error> {
    let (conversation, seq) = parse(&request)?;
    let unsend = Unsend {
        person: me.id,
        conversation,
        seq,
        window: rpc.config.unsend_window,
        at: rpc.clock.now(),
    };
    match rpc.store.unsend(unsend).await? {
        Unsent::Deleted(message) => Ok(DeleteMessageResponse {
            message: Some(reply::message(&message, me.id)),
        }),
        Unsent::NoConversation => Err(Error::ConversationNotFound),
        Unsent::NoMessage => Err(Error::MessageNotFound),
        Unsent::NotTheAuthor => Err(Error::NotTheAuthor),
        Unsent::TooLate => Err(Error::UnsendWindowClosed),
    }
}

fn parse(request: &DeleteMessageRequest) -> Result<(ConversationId, i64), Invalid> {
    let mut check = Check::new();
    let conversation = check.take("conversation_id", request.conversation_id.parse());
    if request.seq < 1 {
        check.wrong("seq", "must be 1 or more");
    }
    if DeleteScope::try_from(request.scope) != Ok(DeleteScope::Everyone) {
        check.wrong("scope", "must be DELETE_SCOPE_EVERYONE");
    }
    let seq = request.seq;
    check.done(conversation.map(|conversation| (conversation, seq)))
}
