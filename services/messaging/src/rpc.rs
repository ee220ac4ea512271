//! The RPCs of messaging, one line each: the table of contents.

mod accept_request;
mod agreed;
mod asked;
mod batch_decline_requests;
mod decline_request;
mod delete_message;
mod explain_receive;
mod explain_send;
mod facts;
mod get_decision;
mod judge;
mod list_consents;
mod list_conversations;
mod list_messages;
mod list_requests;
mod preview_settings;
mod raise;
mod reply;
mod restrict;
mod revoke_consent;
mod round;
mod send_message;
#[cfg(test)]
mod tests;
mod told;

use std::sync::Arc;

use postern_proto::{
    messaging::v1::{
        AcceptRequestRequest, AcceptRequestResponse, BatchDeclineRequestsRequest,
        BatchDeclineRequestsResponse, DeclineRequestRequest, DeclineRequestResponse,
        DeleteMessageRequest, DeleteMessageResponse, ExplainReceiveRequest, ExplainReceiveResponse,
        ExplainSendRequest, ExplainSendResponse, GetDecisionRequest, GetDecisionResponse,
        ListConsentsRequest, ListConsentsResponse, ListConversationsRequest,
        ListConversationsResponse, ListMessagesRequest, ListMessagesResponse, ListRequestsRequest,
        ListRequestsResponse, PreviewSettingsRequest, PreviewSettingsResponse,
        RevokeConsentRequest, RevokeConsentResponse, SendMessageRequest, SendMessageResponse,
        consent_service_server::ConsentService, conversation_service_server::ConversationService,
        message_service_server::MessageService, moderation_service_server::ModerationService,
        request_service_server::RequestService,
    },
    policy::v1::{RaiseRequest, RaiseResponse, fence_service_server::FenceService},
};
use postern_shared::{
    caller::{answer, answer_me},
    clock::Clock,
    page::{PageSizes, Pager},
    random::Random,
};
use tonic::{Request, Response, Status};

use crate::{
    commit::Committers,
    config::Config,
    domain::MarkKey,
    peers::{Counts, Owners},
    store::Store,
};

/// How often a decision is made anew because the facts moved under it.
const ROUNDS_MAX: u32 = 3;
/// Entries of a page of any list here.
const PAGE: PageSizes = PageSizes {
    default: 50,
    max: 200,
};
/// Entries of a page of consents and previews.
const CONSENT_PAGE: PageSizes = PageSizes {
    default: 50,
    max: 100,
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
    /// Where is counted how messages are decided.
    pub counts: Counts,
    /// What the marks of strangers' texts are made with.
    pub mark_key: MarkKey,
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

    async fn delete_message(
        &self,
        request: Request<DeleteMessageRequest>,
    ) -> Answer<DeleteMessageResponse> {
        answer_me(request, |me, ask| {
            delete_message::delete_message(self, me, ask)
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

    async fn batch_decline_requests(
        &self,
        request: Request<BatchDeclineRequestsRequest>,
    ) -> Answer<BatchDeclineRequestsResponse> {
        answer_me(request, |me, ask| {
            batch_decline_requests::batch_decline_requests(self, me, ask)
        })
        .await
    }
}

#[tonic::async_trait]
impl ConsentService for Rpc {
    async fn explain_send(
        &self,
        request: Request<ExplainSendRequest>,
    ) -> Answer<ExplainSendResponse> {
        answer_me(request, |me, ask| explain_send::explain_send(self, me, ask)).await
    }

    async fn explain_receive(
        &self,
        request: Request<ExplainReceiveRequest>,
    ) -> Answer<ExplainReceiveResponse> {
        answer_me(request, |me, ask| {
            explain_receive::explain_receive(self, me, ask)
        })
        .await
    }

    async fn list_consents(
        &self,
        request: Request<ListConsentsRequest>,
    ) -> Answer<ListConsentsResponse> {
        answer_me(request, |me, ask| {
            list_consents::list_consents(self, me, ask)
        })
        .await
    }

    async fn revoke_consent(
        &self,
        request: Request<RevokeConsentRequest>,
    ) -> Answer<RevokeConsentResponse> {
        answer_me(request, |me, ask| {
            revoke_consent::revoke_consent(self, me, ask)
        })
        .await
    }

    async fn preview_settings(
        &self,
        request: Request<PreviewSettingsRequest>,
    ) -> Answer<PreviewSettingsResponse> {
        answer_me(request, |me, ask| {
            preview_settings::preview_settings(self, me, ask)
        })
        .await
    }
}

#[tonic::async_trait]
impl ModerationService for Rpc {
    async fn get_decision(
        &self,
        request: Request<GetDecisionRequest>,
    ) -> Answer<GetDecisionResponse> {
        answer_me(request, |me, ask| get_decision::get_decision(self, me, ask)).await
    }
}

#[tonic::async_trait]
impl FenceService for Rpc {
    async fn raise(&self, request: Request<RaiseRequest>) -> Answer<RaiseResponse> {
        answer(request, |caller, ask| raise::raise(self, caller, ask)).await
    }
}
