//! The RPCs of messaging, one line each: the table of contents.

mod accept_request;
mod asked;
mod decline_request;
mod list_conversations;
mod list_messages;
mod list_requests;
mod reply;
mod send_message;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use postern_proto::messaging::v1::{
    AcceptRequestRequest, AcceptRequestResponse, DeclineRequestRequest, DeclineRequestResponse,
    ListConversationsRequest, ListConversationsResponse, ListMessagesRequest, ListMessagesResponse,
    ListRequestsRequest, ListRequestsResponse, SendMessageRequest, SendMessageResponse,
    conversation_service_server::ConversationService, message_service_server::MessageService,
    request_service_server::RequestService,
};
use postern_shared::{
    caller::answer_me,
    clock::Clock,
    page::{PageSizes, Pager},
    random::Random,
};
use tonic::{Request, Response, Status};

use crate::{commit::Committers, config::Config, peers::Owners, store::Store};

/// How often a decision is made anew because the facts moved under it.
const ROUNDS_MAX: u32 = 3;
/// Entries of a page of any list here.
const PAGE: PageSizes = PageSizes {
    default: 50,
    max: 200,
};

/// What the RPCs work with.
#[derive(Debug)]
pub struct Rpc {
    /// Who knows the facts.
    pub owners: Owners,
    /// Who commits messages.
    pub committers: Committers,
    /// The database.
    pub store: Store,
    /// What time it is.
    pub clock: Clock,
    /// Where chance comes from.
    pub random: Random,
    /// Makes page tokens.
    pub pager: Arc<Pager>,
    /// The settings.
    pub config: Config,
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl MessageService for Rpc {
    async fn send_message(
        &self,
        request: Request<SendMessageRequest>,
    ) -> Answer<SendMessageResponse> {
        answer_me(request, |me, ask| send_message::send_message(self, me, ask)).await
    }

    async fn list_messages(
        &self,
        request: Request<ListMessagesRequest>,
    ) -> Answer<ListMessagesResponse> {
        answer_me(request, |me, ask| {
            list_messages::list_messages(self, me, ask)
        })
        .await
    }
}

#[tonic::async_trait]
impl ConversationService for Rpc {
    async fn list_conversations(
        &self,
        request: Request<ListConversationsRequest>,
    ) -> Answer<ListConversationsResponse> {
        answer_me(request, |me, ask| {
            list_conversations::list_conversations(self, me, ask)
        })
        .await
    }
}

#[tonic::async_trait]
impl RequestService for Rpc {
    async fn list_requests(
        &self,
        request: Request<ListRequestsRequest>,
    ) -> Answer<ListRequestsResponse> {
        answer_me(request, |me, ask| {
            list_requests::list_requests(self, me, ask)
        })
        .await
    }

    async fn accept_request(
        &self,
        request: Request<AcceptRequestRequest>,
    ) -> Answer<AcceptRequestResponse> {
        answer_me(request, |me, ask| {
            accept_request::accept_request(self, me, ask)
        })
        .await
    }

    async fn decline_request(
        &self,
        request: Request<DeclineRequestRequest>,
    ) -> Answer<DeclineRequestResponse> {
        answer_me(request, |me, ask| {
            decline_request::decline_request(self, me, ask)
        })
        .await
    }
}
